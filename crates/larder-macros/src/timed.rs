//! `#[timed]`: a function whose calls are timed. Knows nothing of what a timing keeps.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, ItemFn, Result, Token};

/// Types by which a function returns a future without being `async`.
const FUTURES: [&str; 4] = ["Future", "BoxFuture", "LocalBoxFuture", "IntoFuture"];

const EXPECTED: &str = "expected `timing = …`: the timing, such as `timing = self.loads`";

/// `timing = EXPR`.
struct Options {
    timing: Expr,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), EXPECTED));
        }
        let name = input.call(Ident::parse_any)?;
        if name != "timing" {
            return Err(Error::new(
                name.span(),
                format!("unknown option `{name}`; {EXPECTED}"),
            ));
        }
        input.parse::<Token![=]>()?;
        let timing = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { timing })
    }
}

pub(crate) fn timed(options: TokenStream, function: &TokenStream) -> TokenStream {
    expand(options, function.clone()).unwrap_or_else(|error| {
        // The function stays, so that nothing else complains of its absence.
        let error = error.into_compile_error();
        quote! { #error #function }
    })
}

fn expand(options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let Options { timing } = syn::parse2(options)?;
    let mut function: ItemFn = syn::parse2(function)?;
    let signature = &function.sig;
    if let Some(word) = &signature.constness {
        let expected = "#[timed]: expected a `fn` or an `async fn`, not a const one";
        return Err(Error::new(word.span, expected));
    }
    let output = signature.output.to_token_stream();
    if signature.asyncness.is_none() && names_a_future(output) {
        let expected = "#[timed]: expected an `async fn`: what is timed of a `fn` that returns a future is \
                        the making of the future";
        return Err(Error::new(signature.ident.span(), expected));
    }
    // The body's own names can't be these.
    let handle = Ident::new("timing", Span::mixed_site());
    let running = Ident::new("_timer", Span::mixed_site());
    let body = &function.block;
    // A handle of its own, so that the body may borrow or move what the expression names.
    function.block = syn::parse2(quote! {{
        let #handle = <::larder_metrics::Timing as ::core::clone::Clone>::clone(&(#timing));
        let #running = #handle.start();
        #body
    }})?;
    Ok(function.into_token_stream())
}

fn names_a_future(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => FUTURES.iter().any(|future| ident == future),
        TokenTree::Group(group) => names_a_future(group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(options: &str, function: &str) -> String {
        let parsed = |text: &str| text.parse().expect("it is Rust");
        expand(parsed(options), parsed(function))
            .expect_err(function)
            .to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        for (options, function, expected) in [
            ("", "fn f() {}", EXPECTED),
            ("time = LOADS", "fn f() {}", "unknown option `time`"),
            ("timing = LOADS, 7", "fn f() {}", "unexpected token"),
            ("timing = LOADS", "const fn f() {}", "not a const one"),
            (
                "timing = LOADS",
                "fn f() -> impl Future<Output = u64> { async { 7 } }",
                "expected an `async fn`",
            ),
            (
                "timing = LOADS",
                "fn f() -> Pin<Box<dyn Future<Output = u64>>> { g() }",
                "expected an `async fn`",
            ),
        ] {
            let said = error(options, function);
            assert!(said.contains(expected), "{said}");
        }
    }
}
