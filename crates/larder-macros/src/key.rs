//! What `#[derive(CacheKey)]` writes: the text of a key made of its fields' texts, and the way back.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Error, Fields, Generics, Member, Result, Type,
    WherePredicate, parse_quote,
};

use crate::options::mentions;

/// The implementation, or an error at what is wrong.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    syn::parse2(input)
        .and_then(|input| implementation(&input))
        .unwrap_or_else(Error::into_compile_error)
}

/// The bodies of the two methods.
struct Bodies {
    to_text: TokenStream,
    from_text: TokenStream,
}

fn implementation(input: &DeriveInput) -> Result<TokenStream> {
    let is_displayed = is_displayed(&input.attrs)?;
    check_fields(&input.data, is_displayed)?;
    let Bodies { to_text, from_text } = match &input.data {
        Data::Union(union) => {
            let expected = "expected a struct or an enum: what a union holds is not known";
            return Err(Error::new(union.union_token.span, expected));
        }
        _ if is_displayed => displayed(),
        Data::Struct(data) => of_struct(&input.ident, &data.fields)?,
        Data::Enum(data) => of_enum(&input.ident, data)?,
    };
    let generics = bounded(input, is_displayed)?;
    let (of, arguments, bounds) = generics.split_for_impl();
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl #of ::larder::CacheKey for #name #arguments #bounds {
            fn to_text(&self) -> ::std::borrow::Cow<'_, str> {
                #to_text
            }

            fn from_text(text: &str) -> ::core::option::Option<Self> {
                #from_text
            }
        }
    })
}

fn displayed() -> Bodies {
    let text = text_of(&quote!(self), true, Span::call_site());
    Bodies {
        to_text: text,
        from_text: quote!(::larder::macros::parsed(text)),
    }
}

/// The fields' texts; that of a single one as it is; without fields the name.
fn of_struct(name: &Ident, fields: &Fields) -> Result<Bodies> {
    let parts = parts(fields)?;
    let pattern = pattern(&parts);
    let name = name.unraw().to_string();
    Ok(match &parts[..] {
        [] => Bodies {
            to_text: quote!(::std::borrow::Cow::Borrowed(#name)),
            from_text: quote!((text == #name).then_some(Self #pattern)),
        },
        [part] => {
            let (text, key) = (part.text(), part.key(&quote!(text)));
            let member = &part.member;
            Bodies {
                to_text: quote!(let Self #pattern = self; #text),
                from_text: quote!(::core::option::Option::Some(Self { #member: #key })),
            }
        }
        _ => {
            let joined = joined(None, &parts);
            let split = split(&quote!(Self), &parts, &quote!(text));
            Bodies {
                to_text: quote!(let Self #pattern = self; #joined),
                from_text: split,
            }
        }
    })
}

/// The variant's name, then its fields' texts.
fn of_enum(name: &Ident, data: &DataEnum) -> Result<Bodies> {
    if data.variants.is_empty() {
        let expected = "expected at least one variant: there is no key of this type";
        return Err(Error::new(name.span(), expected));
    }
    let mut writing = Vec::new();
    let mut reading = Vec::new();
    let fields = Ident::new("fields", Span::mixed_site());
    for variant in &data.variants {
        let (ident, name) = (&variant.ident, variant.ident.unraw().to_string());
        let parts = parts(&variant.fields)?;
        let pattern = pattern(&parts);
        if parts.is_empty() {
            writing.push(quote!(Self::#ident #pattern => ::std::borrow::Cow::Borrowed(#name),));
            reading.push(quote! {
                (#name, ::core::option::Option::None) =>
                    ::core::option::Option::Some(Self::#ident #pattern),
            });
        } else {
            let joined = joined(Some(&name), &parts);
            writing.push(quote!(Self::#ident #pattern => #joined,));
            let split = split(&quote!(Self::#ident), &parts, &quote!(#fields));
            reading.push(quote! {
                (#name, ::core::option::Option::Some(#fields)) => { #split }
            });
        }
    }
    Ok(Bodies {
        to_text: quote!(match self { #(#writing)* }),
        from_text: quote! {
            let parts = match text.split_once(':') {
                ::core::option::Option::Some((name, fields)) =>
                    (name, ::core::option::Option::Some(fields)),
                ::core::option::Option::None => (text, ::core::option::Option::None),
            };
            match parts {
                #(#reading)*
                _ => ::core::option::Option::None,
            }
        },
    })
}

/// A field, the local that holds it, and how it is written.
struct Part {
    member: Member,
    local: Ident,
    is_displayed: bool,
    span: Span,
}

impl Part {
    fn text(&self) -> TokenStream {
        let local = &self.local;
        text_of(&quote!(#local), self.is_displayed, self.span)
    }

    /// The field's value of a text, in a function that returns an `Option`.
    fn key(&self, text: &TokenStream) -> TokenStream {
        if self.is_displayed {
            quote_spanned!(self.span=> ::larder::macros::parsed(#text)?)
        } else {
            quote_spanned!(self.span=> ::larder::CacheKey::from_text(#text)?)
        }
    }
}

fn text_of(value: &TokenStream, is_displayed: bool, span: Span) -> TokenStream {
    if is_displayed {
        quote_spanned! {span=>
            ::std::borrow::Cow::Owned(::std::string::ToString::to_string(#value))
        }
    } else {
        quote_spanned!(span=> ::larder::CacheKey::to_text(#value))
    }
}

fn parts(fields: &Fields) -> Result<Vec<Part>> {
    let numbered = fields.iter().zip(fields.members()).enumerate();
    let part = |(index, (field, member)): (usize, (&syn::Field, Member))| {
        // What is wrong with a field's type is told at the field.
        let span = field.ty.span().resolved_at(Span::mixed_site());
        Ok(Part {
            member,
            local: format_ident!("field_{index}", span = span),
            is_displayed: is_displayed(&field.attrs)?,
            span,
        })
    };
    numbered.map(part).collect()
}

/// `{ name: field_0, … }`, which fits tuples as `{ 0: field_0, … }`.
fn pattern(parts: &[Part]) -> TokenStream {
    let members = parts.iter().map(|part| &part.member);
    let locals = parts.iter().map(|part| &part.local);
    quote!({ #(#members: #locals),* })
}

fn joined(name: Option<&str>, parts: &[Part]) -> TokenStream {
    let name = name.map(|name| quote!(::std::borrow::Cow::Borrowed(#name),));
    let texts = parts.iter().map(Part::text);
    quote!(::std::borrow::Cow::Owned(::larder::macros::join(&[#name #(#texts),*])))
}

/// What `constructor` makes of the fields in `text`.
fn split(constructor: &TokenStream, parts: &[Part], text: &TokenStream) -> TokenStream {
    let count = parts.len();
    let members = parts.iter().map(|part| &part.member);
    let locals = parts.iter().map(|part| &part.local);
    let keys = parts.iter().map(|part| {
        let local = &part.local;
        part.key(&quote!(&#local))
    });
    quote! {
        let [#(#locals),*] = ::larder::macros::split::<#count>(#text)?;
        ::core::option::Option::Some(#constructor { #(#members: #keys),* })
    }
}

/// Type parameters are keys; what is written by `Display` has it.
fn bounded(input: &DeriveInput, is_displayed: bool) -> Result<Generics> {
    let mut generics = input.generics.clone();
    if let Some(lifetime) = generics.lifetimes().next() {
        let expected = "expected a type without lifetimes: a key outlives the call that makes it; \
                        hold a `String` or an `Arc<str>`";
        return Err(Error::new(lifetime.span(), expected));
    }
    let parameters: Vec<String> = generics
        .type_params()
        .map(|parameter| parameter.ident.unraw().to_string())
        .collect();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::larder::CacheKey));
    }
    let mut displayed: Vec<Type> = Vec::new();
    if is_displayed && !parameters.is_empty() {
        displayed.push(parse_quote!(Self));
    }
    for field in fields(&input.data) {
        let ty = &field.ty;
        let is_generic = |name: &String| mentions(quote!(#ty), name);
        if self::is_displayed(&field.attrs)? && parameters.iter().any(is_generic) {
            displayed.push(ty.clone());
        }
    }
    for ty in displayed {
        let bound: WherePredicate = parse_quote!(#ty: ::core::fmt::Display + ::core::str::FromStr);
        generics.make_where_clause().predicates.push(bound);
    }
    Ok(generics)
}

/// Options stand where they have a meaning.
fn check_fields(data: &Data, is_displayed: bool) -> Result<()> {
    if let Data::Enum(data) = data {
        for variant in &data.variants {
            if let Some(option) = options(&variant.attrs).next() {
                let expected = "expected `#[cache_key(display)]` on the type or on a field";
                return Err(Error::new(option.span(), expected));
            }
        }
    }
    for field in fields(data).filter(|_| is_displayed) {
        if let Some(option) = options(&field.attrs).next() {
            let expected = "the type's own `Display` is its text; expected no option on a field";
            return Err(Error::new(option.span(), expected));
        }
    }
    Ok(())
}

fn fields(data: &Data) -> impl Iterator<Item = &syn::Field> {
    let all: Vec<&Fields> = match data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data.variants.iter().map(|one| &one.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    all.into_iter().flatten()
}

fn options(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    let is_ours = |attribute: &&Attribute| attribute.path().is_ident("cache_key");
    attributes.iter().filter(is_ours)
}

/// Whether there is a `#[cache_key(display)]`.
fn is_displayed(attributes: &[Attribute]) -> Result<bool> {
    let mut is_displayed = false;
    for attribute in options(attributes) {
        attribute.parse_nested_meta(|option| {
            if !option.path.is_ident("display") {
                return Err(option.error("unknown option; expected `#[cache_key(display)]`"));
            }
            is_displayed = true;
            Ok(())
        })?;
    }
    Ok(is_displayed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(input: &str) -> String {
        derive(input.parse().unwrap()).to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_what_was_expected() {
        for (input, expected) in [
            ("union U { a: u64 }", "expected a struct or an enum"),
            ("enum Never {}", "expected at least one variant"),
            (
                "struct Name<'a>(&'a str);",
                "expected a type without lifetimes",
            ),
            (
                "struct A(#[cache_key(dsplay)] B);",
                "unknown option; expected `#[cache_key(display)]`",
            ),
            (
                "#[cache_key] struct A(B);",
                "expected attribute arguments in parentheses",
            ),
            (
                "enum A { #[cache_key(display)] B(C) }",
                "on the type or on a field",
            ),
            (
                "#[cache_key(display)] struct A(#[cache_key(display)] B);",
                "expected no option on a field",
            ),
            ("fn f() {}", "expected"),
        ] {
            let written = expand(input);
            assert!(written.contains("compile_error"), "{input}: {written}");
            assert!(written.contains(expected), "{input}: {written}");
        }
    }

    #[test]
    fn bounds_are_written_only_where_a_type_parameter_needs_them() {
        for (input, head) in [
            (
                "struct A<T, const N: usize>(T, [u8; N]);",
                "impl < T : :: larder :: CacheKey , const N : usize > :: larder :: CacheKey for A < T , N > {",
            ),
            (
                "struct A<T: Copy>(#[cache_key(display)] Id<T>, #[cache_key(display)] Uuid) where T: Ord;",
                "where T : Ord , Id < T > : :: core :: fmt :: Display + :: core :: str :: FromStr {",
            ),
            (
                "#[cache_key(display)] struct A<T>(T);",
                "where Self : :: core :: fmt :: Display + :: core :: str :: FromStr {",
            ),
            (
                "#[cache_key(display)] struct A(B);",
                "impl :: larder :: CacheKey for A {",
            ),
        ] {
            let written = expand(input);
            assert!(written.contains(head), "{input}: {written}");
        }
    }
}
