//! The keys of the standard library's types.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::CacheKey;
use super::text::{join, parsed, split};

macro_rules! key_by_itself {
    ($($key:ty),*) => {$(
        impl CacheKey for $key {
            fn to_text(&self) -> Cow<'_, str> {
                Cow::Borrowed(self)
            }

            fn from_text(text: &str) -> Option<Self> {
                Some(text.into())
            }
        }
    )*};
}

key_by_itself!(String, Arc<str>, Box<str>);

macro_rules! key_by_display {
    ($($key:ty),*) => {$(
        impl CacheKey for $key {
            fn to_text(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }

            fn from_text(text: &str) -> Option<Self> {
                parsed(text)
            }
        }
    )*};
}

key_by_display!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char, IpAddr, Ipv4Addr,
    Ipv6Addr
);

macro_rules! key_by_elements {
    ($($count:literal: $($element:ident)*;)*) => {$(
        impl<$($element: CacheKey),*> CacheKey for ($($element,)*) {
            #[expect(non_snake_case, reason = "an element is named as its type")]
            fn to_text(&self) -> Cow<'_, str> {
                let ($($element,)*) = self;
                Cow::Owned(join(&[$($element.to_text()),*]))
            }

            #[expect(non_snake_case, reason = "an element is named as its type")]
            fn from_text(text: &str) -> Option<Self> {
                let [$($element),*] = split::<$count>(text)?;
                Some(($(CacheKey::from_text(&$element)?,)*))
            }
        }
    )*};
}

key_by_elements! {
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
    6: A B C D E F;
}

impl<K: CacheKey> CacheKey for Option<K> {
    fn to_text(&self) -> Cow<'_, str> {
        match self {
            Some(key) => Cow::Owned(join(&["Some".into(), key.to_text()])),
            None => Cow::Borrowed("None"),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        if text == "None" {
            return Some(None);
        }
        let [key] = split::<1>(text.strip_prefix("Some:")?)?;
        K::from_text(&key).map(Some)
    }
}

impl CacheKey for Vec<u8> {
    fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(hexadecimal(self))
    }

    fn from_text(text: &str) -> Option<Self> {
        let (pairs, []) = text.as_bytes().as_chunks() else {
            return None;
        };
        pairs.iter().copied().map(byte).collect()
    }
}

impl<const N: usize> CacheKey for [u8; N] {
    fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(hexadecimal(self))
    }

    fn from_text(text: &str) -> Option<Self> {
        Vec::from_text(text)?.try_into().ok()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn byte([high, low]: [u8; 2]) -> Option<u8> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    Some((value(high)? << 4) | value(low)?)
}
