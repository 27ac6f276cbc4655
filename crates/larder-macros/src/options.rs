//! The attribute's options, as written. Knows nothing of the function.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Expr, Lit, LitStr, Token, parenthesized};

use crate::duration;

const NAMES: [&str; 5] = ["cache", "key", "ttl", "tags", "skip"];

/// `cache = …, key = …, ttl = …, tags(…), skip(…)`, in any order.
pub(crate) struct Options {
    pub(crate) cache: Expr,
    pub(crate) key: Option<Text>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tags: Vec<Text>,
    pub(crate) skip: Vec<Ident>,
}

/// How the key or a tag is made.
pub(crate) enum Text {
    /// A format string.
    Format(LitStr),
    /// An expression of the type that is wanted.
    Value(Expr),
}

/// What was given of them so far.
#[derive(Default)]
struct Given {
    names: Vec<String>,
    cache: Option<Expr>,
    key: Option<Text>,
    ttl: Option<Duration>,
    tags: Vec<Text>,
    skip: Vec<Ident>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut given = Given::default();
        while !input.is_empty() {
            given.take_one(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let Given {
            cache,
            key,
            ttl,
            tags,
            skip,
            ..
        } = given;
        let missing =
            "expected `cache = …`: the cache, such as `cache = USERS` or `cache = self.users`";
        Ok(Self {
            cache: cache.ok_or_else(|| syn::Error::new(Span::call_site(), missing))?,
            key,
            ttl,
            tags,
            skip,
        })
    }
}

impl Given {
    fn take_one(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let name = input.call(Ident::parse_any)?;
        let known = name.to_string();
        if self.names.contains(&known) {
            let twice = format!("`{known}` is given twice; expected once");
            return Err(syn::Error::new(name.span(), twice));
        }
        match known.as_str() {
            "cache" => self.cache = Some(value(input)?),
            "key" => self.key = Some(text(value(input)?)?),
            "ttl" => self.ttl = Some(ttl(&value(input)?)?),
            "tags" => self.tags = tags(input)?,
            "skip" => self.skip = names(input)?,
            _ => return Err(unknown(&name)),
        }
        self.names.push(known);
        Ok(())
    }
}

fn value(input: ParseStream<'_>) -> syn::Result<Expr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn names(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let inside;
    parenthesized!(inside in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&inside, Ident::parse_any)?;
    Ok(names.into_iter().collect())
}

fn tags(input: ParseStream<'_>) -> syn::Result<Vec<Text>> {
    let inside;
    parenthesized!(inside in input);
    let tags = Punctuated::<Expr, Token![,]>::parse_terminated(&inside)?;
    tags.into_iter().map(text).collect()
}

fn text(value: Expr) -> syn::Result<Text> {
    let Some(format) = literal(&value) else {
        return Ok(Text::Value(value));
    };
    placeholders(&format.value()).map_err(|why| syn::Error::new(format.span(), why))?;
    Ok(Text::Format(format.clone()))
}

fn ttl(value: &Expr) -> syn::Result<Duration> {
    let Some(text) = literal(value) else {
        let expected = "expected a duration in quotes, such as ttl = \"5m\"";
        return Err(syn::Error::new(value.span(), expected));
    };
    duration::parse(&text.value()).map_err(|why| syn::Error::new(text.span(), why))
}

fn literal(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn unknown(name: &Ident) -> syn::Error {
    let text = name.to_string();
    let nearest = NAMES
        .into_iter()
        .min_by_key(|known| strsim::osa_distance(known, &text))
        .filter(|known| strsim::osa_distance(known, &text) <= 2);
    let hint = nearest.map_or_else(String::new, |known| format!(", perhaps `{known}`"));
    let expected = format!(
        "unknown option `{text}`{hint}; expected one of {}",
        NAMES.join(", ")
    );
    syn::Error::new(name.span(), expected)
}

/// The names in a format string's braces, or what is wrong with them.
pub(crate) fn placeholders(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let plain = text.replace("{{", "").replace("}}", "");
    for part in plain.split('{').skip(1) {
        let inside = part.split('}').next().unwrap_or_default();
        let name = inside.split(':').next().unwrap_or_default().trim();
        if syn::parse_str::<Ident>(name).is_err() && name != "self" {
            return Err(format!(
                "{text:?}: {{{name}}} is not an argument's name; expected such as \"user:{{id}}\", \
                 or for more than names `format!(…)`"
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Whether these tokens name `name`, in the braces of a string too.
pub(crate) fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(ident) => ident.unraw() == name,
        proc_macro2::TokenTree::Group(group) => mentions(group.stream(), name),
        proc_macro2::TokenTree::Literal(literal) => syn::parse_str::<LitStr>(&literal.to_string())
            .ok()
            .and_then(|text| placeholders(&text.value()).ok())
            .is_some_and(|names| names.iter().any(|known| known == name)),
        proc_macro2::TokenTree::Punct(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(options: &str) -> String {
        syn::parse_str::<Options>(options)
            .err()
            .expect(options)
            .to_string()
    }

    #[test]
    fn options_come_in_any_order() {
        let text = "tags(\"team:{id}\", team), ttl = \"5m\", skip(db, self), key = \"user:{id}\", cache = self.users,";
        let options: Options = syn::parse_str(text).unwrap();
        assert_eq!(options.ttl, Some(Duration::from_mins(5)));
        assert!(matches!(
            options.tags[..],
            [Text::Format(_), Text::Value(_)]
        ));
        assert_eq!(options.skip, ["db", "self"]);
        assert!(matches!(options.key, Some(Text::Format(_))));
        let options: Options = syn::parse_str("cache = USERS, key = (a, b)").unwrap();
        assert!(matches!(options.key, Some(Text::Value(_))));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_was_expected() {
        for (options, expected) in [
            ("", "expected `cache = …`"),
            ("ttl = \"5m\"", "expected `cache = …`"),
            (
                "cache = C, tll = \"5m\"",
                "unknown option `tll`, perhaps `ttl`; expected one of",
            ),
            (
                "cache = C, labels(a)",
                "unknown option `labels`; expected one of cache, key",
            ),
            ("cache = C, cache = D", "`cache` is given twice"),
            ("cache = C, ttl = \"5x\"", "\"x\" is not a unit"),
            ("cache = C, ttl = 5", "expected a duration in quotes"),
            ("cache = C, tags(\"{}\")", "{} is not an argument's name"),
            (
                "cache = C, key = \"user:{}\"",
                "{} is not an argument's name",
            ),
            (
                "cache = C, key = \"user:{user.id}\"",
                "for more than names `format!(…)`",
            ),
            (
                "cache = C, key = \"user:{0}\"",
                "{0} is not an argument's name",
            ),
            ("cache = C skip(a)", "expected `,`"),
            ("cache", "expected `=`"),
        ] {
            let error = error(options);
            assert!(error.contains(expected), "{options}: {error}");
        }
    }

    #[test]
    fn braces_of_a_format_string_name_arguments() {
        let names = |text| placeholders(text).unwrap();
        assert_eq!(names("user:{id}:{name:?}:{n:>08}"), ["id", "name", "n"]);
        assert_eq!(names("{self}"), ["self"]);
        assert!(names("{{id}} plain").is_empty());
    }

    #[test]
    fn a_name_is_found_in_groups_and_in_strings_braces_only_as_a_whole() {
        let tokens = || "f(&user.id, format!(\"{tenant}:x\"))".parse().unwrap();
        for (name, found) in [
            ("user", true),
            ("tenant", true),
            ("x", false),
            ("use", false),
        ] {
            assert_eq!(mentions(tokens(), name), found, "{name}");
        }
    }
}
