//! The function under the attribute: what can be cached of it, and which of its arguments decide
//! the key.

use proc_macro2::{Ident, Span};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, ItemFn, Pat, Result, ReturnType, Type};

use crate::options::{Options, Text, mentions, placeholders};

/// A function that can be cached.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: Type,
}

/// An argument other than `self`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) is_reference: bool,
}

impl Function {
    pub(crate) fn new(item: ItemFn) -> Result<Self> {
        let signature = &item.sig;
        if let Some(word) = signature.constness.map(|word| word.span()) {
            return Err(Error::new(
                word,
                "#[cached]: expected a `fn` or an `async fn`, not a const one",
            ));
        }
        if let Some(word) = signature.unsafety.map(|word| word.span()) {
            return Err(Error::new(word, "#[cached]: expected a safe function"));
        }
        let ReturnType::Type(_, output) = &signature.output else {
            let expected = "#[cached]: expected a function that returns a value";
            return Err(Error::new(signature.ident.span(), expected));
        };
        let output = (**output).clone();
        let mut arguments = Vec::new();
        for input in &signature.inputs {
            arguments.extend(argument(input)?);
        }
        Ok(Self {
            item,
            arguments,
            output,
        })
    }

    pub(crate) fn is_async(&self) -> bool {
        self.item.sig.asyncness.is_some()
    }

    pub(crate) fn is_method(&self) -> bool {
        self.item.sig.receiver().is_some()
    }

    /// Whether the return type is named like a `Result`.
    pub(crate) fn is_fallible(&self) -> bool {
        let Type::Path(path) = &self.output else {
            return false;
        };
        let last = path.path.segments.last();
        last.is_some_and(|last| last.ident.to_string().ends_with("Result"))
    }

    /// The one argument that is the key where no `key` is given.
    pub(crate) fn only_argument(&self, options: &Options) -> Result<&Argument> {
        let mut named = self
            .arguments
            .iter()
            .filter(|argument| !is_accounted_for(options, &argument.name));
        match (named.next(), named.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(Error::new(
                Span::call_site(),
                "expected `key = \"…\"`: only a function with one argument that is not skipped has a key without it",
            )),
        }
    }

    /// Complains of an argument that the key forgets, and of skipping what is not there.
    pub(crate) fn check_key(&self, options: &Options) -> Result<()> {
        let receiver = self
            .item
            .sig
            .receiver()
            .map(|receiver| receiver.self_token.span);
        let receiver = receiver.map(|span| Ident::new("self", span));
        let names = || {
            receiver
                .iter()
                .chain(self.arguments.iter().map(|argument| &argument.name))
        };
        if let Some(stranger) = options
            .skip
            .iter()
            .find(|skip| !names().any(|name| name == *skip))
        {
            let expected = format!("skip({stranger}): expected the name of an argument");
            return Err(Error::new(stranger.span(), expected));
        }
        if options.key.is_none() {
            let only = &self.only_argument(options)?.name;
            return match receiver.filter(|name| !is_accounted_for(options, name)) {
                Some(name) => Err(forgotten(&name, only)),
                None => Ok(()),
            };
        }
        for name in names() {
            let in_key = is_in_key(options, name);
            if in_key && options.skip.contains(name) {
                let expected = format!("`{name}` is in the key; expected it there or in skip(…)");
                return Err(Error::new(name.span(), expected));
            }
            if !in_key && !is_accounted_for(options, name) {
                return Err(forgotten(name, name));
            }
        }
        Ok(())
    }

    /// Whether invalidating needs this argument: the key or the cache's expression names it.
    pub(crate) fn is_for_invalidation(&self, options: &Options, input: &FnArg) -> bool {
        let name = match input {
            FnArg::Receiver(receiver) => Ident::new("self", receiver.span()),
            FnArg::Typed(typed) => match argument_name(&typed.pat) {
                Some(name) => name,
                None => return false,
            },
        };
        let is_whole_key = options.key.is_none()
            && self
                .only_argument(options)
                .is_ok_and(|only| only.name == name);
        is_whole_key || is_in_key(options, &name) || is_in_cache(options, &name)
    }
}

fn forgotten(name: &Ident, example: &Ident) -> Error {
    let expected = format!(
        "#[cached]: `{name}` is not in the key; expected it there, such as key = \"…:{{{example}}}\", \
         or skip({name}) if the result does not depend on it"
    );
    Error::new(name.span(), expected)
}

fn is_in_key(options: &Options, name: &Ident) -> bool {
    let text = name.unraw().to_string();
    match &options.key {
        None => false,
        Some(Text::Format(key)) => {
            placeholders(&key.value()).is_ok_and(|names| names.contains(&text))
        }
        Some(Text::Value(key)) => mentions(key.to_token_stream(), &text),
    }
}

fn is_in_cache(options: &Options, name: &Ident) -> bool {
    mentions(options.cache.to_token_stream(), &name.unraw().to_string())
}

fn is_accounted_for(options: &Options, name: &Ident) -> bool {
    options.skip.contains(name) || is_in_cache(options, name)
}

fn argument(input: &FnArg) -> Result<Option<Argument>> {
    let typed = match input {
        FnArg::Receiver(receiver) => {
            let is_shared = receiver.reference.is_some() && receiver.mutability.is_none();
            return if is_shared && receiver.colon_token.is_none() {
                Ok(None)
            } else {
                Err(Error::new(receiver.span(), "#[cached]: expected `&self`"))
            };
        }
        FnArg::Typed(typed) => typed,
    };
    let Some(name) = argument_name(&typed.pat) else {
        let expected = "#[cached]: expected a plain name for each argument";
        return Err(Error::new(typed.pat.span(), expected));
    };
    let is_reference = match &*typed.ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            let expected = "#[cached]: expected no `&mut` argument: a hit would leave it as it is";
            return Err(Error::new(typed.ty.span(), expected));
        }
        Type::Reference(_) => true,
        _ => false,
    };
    Ok(Some(Argument { name, is_reference }))
}

fn argument_name(pattern: &Pat) -> Option<Ident> {
    match pattern {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Some(name.ident.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(options: &str, function: &str) -> std::result::Result<(), String> {
        let options: Options = syn::parse_str(options).unwrap();
        let function = Function::new(syn::parse_str(function).unwrap());
        let checked = function.and_then(|function| function.check_key(&options));
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn every_argument_is_in_the_key_in_the_cache_or_skipped() {
        for (options, function) in [
            ("cache = C", "fn f(id: u64) -> u64 { id }"),
            (
                "cache = C, skip(db)",
                "fn f(db: &Db, id: u64) -> u64 { id }",
            ),
            (
                "cache = app.users",
                "fn f(app: &App, id: u64) -> u64 { id }",
            ),
            ("cache = self.users", "fn f(&self, id: u64) -> u64 { id }"),
            (
                "cache = C, skip(self)",
                "fn f(&self, id: u64) -> u64 { id }",
            ),
            (
                "cache = C, key = \"{a}:{b:?}\"",
                "fn f(a: u64, mut b: &str) -> u64 { 0 }",
            ),
            (
                "cache = C, key = (a, b.len())",
                "fn f(a: u64, b: &str) -> u64 { 0 }",
            ),
            ("cache = C, key = \"all\"", "fn f() -> u64 { 0 }"),
        ] {
            assert_eq!(check(options, function), Ok(()), "{options} on {function}");
        }
    }

    #[test]
    fn what_cannot_be_cached_is_told_with_what_was_expected() {
        for (options, function, expected) in [
            (
                "cache = C",
                "fn f(a: u64, b: u64) -> u64 { a }",
                "expected `key = \"…\"`",
            ),
            ("cache = C", "fn f() -> u64 { 0 }", "expected `key = \"…\"`"),
            (
                "cache = C",
                "fn f(&self, id: u64) -> u64 { id }",
                "`self` is not in the key",
            ),
            (
                "cache = C, key = \"{a}\"",
                "fn f(a: u64, b: u64) -> u64 { a }",
                "`b` is not in the key",
            ),
            (
                "cache = C, key = a",
                "fn f(a: u64, ab: u64) -> u64 { a }",
                "`ab` is not in the key",
            ),
            (
                "cache = C, skip(x)",
                "fn f(a: u64) -> u64 { a }",
                "skip(x): expected the name",
            ),
            (
                "cache = C, key = a, skip(a)",
                "fn f(a: u64) -> u64 { a }",
                "`a` is in the key",
            ),
            (
                "cache = C",
                "fn f(a: u64) {}",
                "expected a function that returns a value",
            ),
            (
                "cache = C",
                "fn f(a: &mut u64) -> u64 { 0 }",
                "expected no `&mut`",
            ),
            (
                "cache = C",
                "fn f((a, b): (u64, u64)) -> u64 { 0 }",
                "expected a plain name",
            ),
            (
                "cache = C",
                "fn f(&mut self, a: u64) -> u64 { 0 }",
                "expected `&self`",
            ),
            (
                "cache = C",
                "fn f(self: Arc<Self>, a: u64) -> u64 { 0 }",
                "expected `&self`",
            ),
            (
                "cache = C",
                "const fn f(a: u64) -> u64 { 0 }",
                "not a const one",
            ),
            (
                "cache = C",
                "unsafe fn f(a: u64) -> u64 { 0 }",
                "expected a safe function",
            ),
        ] {
            let error = check(options, function).expect_err(function);
            assert!(error.contains(expected), "{options} on {function}: {error}");
        }
    }

    #[test]
    fn a_return_type_named_result_is_fallible() {
        for (output, is_fallible) in [
            ("Result<u64, E>", true),
            ("std::io::Result<u64>", true),
            ("DbResult<u64>", true),
            ("Option<u64>", false),
            ("(Result<u64, E>,)", false),
        ] {
            let item =
                syn::parse_str(&format!("fn f(a: u64) -> {output} {{ loop {{}} }}")).unwrap();
            let function = Function::new(item).ok().unwrap();
            assert_eq!(function.is_fallible(), is_fallible, "{output}");
        }
    }
}
