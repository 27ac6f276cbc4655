//! What `#[cached]` writes: the function that asks the cache, and its two companions.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, FnArg, GenericParam, ItemFn, Pat, Signature};

use crate::function::{Argument, Function};
use crate::options::{Options, Text};

/// Attributes of the function that callers see; the others belong to the body.
const OUTSIDE: [&str; 8] = [
    "allow",
    "cfg",
    "deny",
    "deprecated",
    "doc",
    "inline",
    "must_use",
    "warn",
];
/// Attributes that the body, which is another function, does not get.
const ONLY_OUTSIDE: [&str; 2] = ["deprecated", "doc"];

/// The functions, or an error at what is wrong with the function left as it was.
pub(crate) fn cached(options: TokenStream, function: &TokenStream) -> TokenStream {
    let expanded = syn::parse2(options).and_then(|options: Options| {
        let function = Function::new(syn::parse2(function.clone())?)?;
        function.check_key(&options)?;
        Expansion { function, options }.write()
    });
    expanded.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#error #function)
    })
}

struct Expansion {
    function: Function,
    options: Options,
}

impl Expansion {
    fn write(&self) -> syn::Result<TokenStream> {
        let cached = self.cached()?;
        let uncached = self.uncached();
        let invalidate = self.invalidate()?;
        Ok(quote!(#cached #uncached #invalidate))
    }

    /// The function itself: asks the cache, and loads with the body.
    fn cached(&self) -> syn::Result<TokenStream> {
        let ItemFn {
            attrs, vis, sig, ..
        } = &self.function.item;
        let attrs = attrs.iter().filter(|attr| is_one_of(attr, &OUTSIDE));
        let signature = without_mut(sig);
        let (cache, key, result) = (local("cache"), local("key"), local("result"));
        let handle = self.handle(&cache);
        let key_value = self.key()?;
        let ttl = self.options.ttl.map(|ttl| {
            let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            quote!(.ttl(::core::time::Duration::from_millis(#millis)))
        });
        let tags = self.tags();
        let permit = permit(&quote!(
            clippy::needless_pass_by_value,
            clippy::used_underscore_binding
        ));
        let load = self.load();
        let wait = self.wait();
        let answer = self.answer(&result);
        Ok(quote! {
            #(#attrs)*
            #permit
            #vis #signature {
                #handle
                let #key = #key_value;
                let #result = #cache.entry(#key)#ttl #tags.or_load(#load)#wait;
                #answer
            }
        })
    }

    /// The body, under another name.
    fn uncached(&self) -> TokenStream {
        let ItemFn {
            attrs,
            vis,
            sig,
            block,
        } = &self.function.item;
        let attrs = attrs.iter().filter(|attr| !is_one_of(attr, &ONLY_OUTSIDE));
        let doc = format!(
            "Runs the body of [`{}`] anew; the cache is not touched.",
            self.link()
        );
        let mut signature = sig.clone();
        signature.ident = self.companion("uncached");
        quote! {
            #[doc = #doc]
            #(#attrs)*
            #vis #signature #block
        }
    }

    fn invalidate(&self) -> syn::Result<TokenStream> {
        let ItemFn {
            attrs, vis, sig, ..
        } = &self.function.item;
        let attrs = attrs.iter().filter(|attr| is_one_of(attr, &["cfg"]));
        let doc = format!(
            "Removes from the cache what [`{}`] returned for these arguments.",
            self.link()
        );
        let mut signature = without_mut(sig);
        signature.ident = self.companion("invalidate");
        signature.output = syn::parse_quote!(
            -> ::core::result::Result<::larder::Applied, ::larder::Error>
        );
        let needed = |input: &FnArg| self.function.is_for_invalidation(&self.options, input);
        signature.inputs = sig
            .inputs
            .iter()
            .filter(|input| needed(input))
            .cloned()
            .collect();
        let signature = without_mut(&signature);
        let cache = local("cache");
        let permit = permit(&quote!(
            dead_code,
            clippy::needless_pass_by_value,
            clippy::used_underscore_binding
        ));
        let (handle, key, wait) = (self.handle(&cache), self.key()?, self.wait());
        Ok(quote! {
            #[doc = #doc]
            #(#attrs)*
            #permit
            #vis #signature {
                #handle
                #cache.invalidate(#key)#wait
            }
        })
    }

    /// Binds the cache by its type, so that another type is told at the cache's expression.
    fn handle(&self, name: &Ident) -> TokenStream {
        let expression = &self.options.cache;
        let kind = if self.function.is_async() {
            quote!(::larder::Cache)
        } else {
            quote!(::larder::sync::Cache)
        };
        let output = &self.function.output;
        let value = if self.function.is_fallible() {
            quote!(<#output as ::larder::macros::Fallible>::Value)
        } else {
            output.to_token_stream()
        };
        let expression = quote_spanned!(expression.span()=> &#expression);
        quote!(let #name: &#kind<_, #value> = #expression;)
    }

    /// A reference to the key.
    fn key(&self) -> syn::Result<TokenStream> {
        Ok(match &self.options.key {
            Some(Text::Format(text)) => quote!(&::std::format!(#text)),
            Some(Text::Value(value)) => quote_spanned!(value.span()=> &(#value)),
            None => {
                let Argument { name, is_reference } = self.function.only_argument(&self.options)?;
                if *is_reference {
                    quote!(#name)
                } else {
                    quote!(&#name)
                }
            }
        })
    }

    fn tags(&self) -> Option<TokenStream> {
        let tags = self.options.tags.iter().map(|tag| match tag {
            Text::Format(text) => quote!(::std::format!(#text)),
            Text::Value(value) => quote!(::std::string::ToString::to_string(&(#value))),
        });
        (!self.options.tags.is_empty()).then(|| quote!(.tags([#(#tags),*])))
    }

    /// The loader. A sync one borrows, an async one owns what it uses.
    fn load(&self) -> TokenStream {
        if !self.function.is_async() {
            let call = self.call(&quote!(self), |Argument { name, is_reference }| {
                if *is_reference {
                    quote!(#name)
                } else {
                    quote!(::core::clone::Clone::clone(&#name))
                }
            });
            let call = self.as_result(call);
            return quote!(|_| #call);
        }
        let this = local("this");
        let receiver = self
            .function
            .is_method()
            .then(|| quote!(let #this = <Self as ::core::clone::Clone>::clone(self);));
        let owned = self
            .function
            .arguments
            .iter()
            .map(|Argument { name, is_reference }| {
                if *is_reference {
                    quote!(let #name = ::std::borrow::ToOwned::to_owned(#name);)
                } else {
                    quote!(let #name = ::core::clone::Clone::clone(&#name);)
                }
            });
        let call = self.call(&quote!(&#this), |Argument { name, is_reference }| {
            if *is_reference {
                quote!(::core::borrow::Borrow::borrow(&#name))
            } else {
                quote!(#name)
            }
        });
        let call = self.as_result(quote!(#call.await));
        quote!({
            #receiver
            #(#owned)*
            move |_| async move { #call }
        })
    }

    fn as_result(&self, call: TokenStream) -> TokenStream {
        if self.function.is_fallible() {
            call
        } else {
            quote!(::core::result::Result::Ok::<_, ::core::convert::Infallible>(#call))
        }
    }

    /// What the function returns, of the `result` that the cache gave.
    fn answer(&self, result: &Ident) -> TokenStream {
        let (entry, error) = (local("entry"), local("error"));
        let (value, otherwise) = if self.function.is_fallible() {
            let output = &self.function.output;
            let value = quote!(::core::result::Result::Ok(#entry.value));
            let permit = permit(&quote!(unused_imports));
            let failure = quote! {
                #permit
                use ::larder::macros::ThroughError as _;
                ::core::result::Result::Err(
                    ::larder::macros::Failure::<<#output as ::larder::macros::Fallible>::Error>::new(#error)
                        .into_error(),
                )
            };
            (value, failure)
        } else {
            let call = self.call(&quote!(self), |argument| argument.name.to_token_stream());
            let wait = self.wait();
            (quote!(#entry.value), quote!(let _ = #error; #call #wait))
        };
        quote! {
            match #result {
                ::core::result::Result::Ok(#entry) => #value,
                ::core::result::Result::Err(#error) => { #otherwise }
            }
        }
    }

    /// A call of the uncached companion.
    fn call(&self, receiver: &TokenStream, pass: impl Fn(&Argument) -> TokenStream) -> TokenStream {
        let name = self.companion("uncached");
        let generics = self.function.item.sig.generics.params.iter();
        let generics: Vec<_> = generics
            .filter_map(|parameter| match parameter {
                GenericParam::Type(parameter) => Some(&parameter.ident),
                GenericParam::Const(parameter) => Some(&parameter.ident),
                GenericParam::Lifetime(_) => None,
            })
            .collect();
        let generics = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
        let arguments = self.function.arguments.iter().map(pass);
        if self.function.is_method() {
            quote!(Self::#name #generics(#receiver, #(#arguments),*))
        } else {
            quote!(#name #generics(#(#arguments),*))
        }
    }

    fn wait(&self) -> Option<TokenStream> {
        self.function.is_async().then(|| quote!(.await))
    }

    fn companion(&self, suffix: &str) -> Ident {
        format_ident!("{}_{suffix}", self.function.item.sig.ident)
    }

    fn link(&self) -> String {
        let name = &self.function.item.sig.ident;
        if self.function.is_method() {
            format!("Self::{name}")
        } else {
            name.to_string()
        }
    }
}

/// A name that the function's own can't meet.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn is_one_of(attribute: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attribute.path().is_ident(name))
}

/// Lints that the user could not answer, since the code is not theirs. Which of them are raised
/// depends on the function, so that `expect` won't do.
fn permit(lints: &TokenStream) -> TokenStream {
    let level = Ident::new("allow", Span::call_site());
    quote!(#[#level(#lints)])
}

/// The body's `mut` is the body's.
fn without_mut(signature: &Signature) -> Signature {
    let mut signature = signature.clone();
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input
            && let Pat::Ident(name) = &mut *typed.pat
        {
            name.mutability = None;
        }
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(options: &str, function: &str) -> String {
        cached(options.parse().unwrap(), &function.parse().unwrap()).to_string()
    }

    #[test]
    fn an_error_leaves_the_function_so_that_its_callers_raise_no_more_errors() {
        let written = expand("ttl = \"5m\"", "fn f(id: u64) -> u64 { id }");
        assert!(written.contains("compile_error"), "{written}");
        assert!(
            written.ends_with("fn f (id : u64) -> u64 { id }"),
            "{written}"
        );
    }

    #[test]
    fn attributes_go_to_the_function_that_they_are_about() {
        let function = "/// Doc.\n#[cfg(unix)] #[must_use] #[expect(clippy::x)] pub(crate) fn f(id: u64) -> u64 { id }";
        let written = expand("cache = C", function);
        for (attribute, times) in [
            ("cfg (unix)", 3),
            ("must_use", 2),
            ("expect (", 1),
            ("Doc.", 1),
            ("pub (crate) fn", 3),
        ] {
            assert_eq!(
                written.matches(attribute).count(),
                times,
                "{attribute}: {written}"
            );
        }
    }

    #[test]
    fn invalidating_takes_what_the_key_and_the_cache_need() {
        let written = expand(
            "cache = app.users, key = \"{id}\", skip(db)",
            "fn f(app: &App, db: &Db, mut id: u64) -> u64 { id }",
        );
        assert!(
            written.contains("fn f_invalidate (app : & App , id : u64)"),
            "{written}"
        );
    }
}
