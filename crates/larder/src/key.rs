//! What can be a key, and what can look one up.

use std::borrow::Cow;
use std::hash::Hash;

/// A cache's key.
///
/// Besides hashing and equality a key has a text, by which people, tools, prefixes and patterns
/// name it. Two keys that differ must have texts that differ. Strings, integers, `bool` and `char`
/// are keys; a type of your own says what its text is:
///
/// ```
/// use std::borrow::Cow;
/// use larder::CacheKey;
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// struct Page {
///     user: u64,
///     number: u32,
/// }
///
/// impl CacheKey for Page {
///     fn to_text(&self) -> Cow<'_, str> {
///         format!("{}/{}", self.user, self.number).into()
///     }
///
///     fn from_text(text: &str) -> Option<Self> {
///         let (user, number) = text.split_once('/')?;
///         Some(Self { user: CacheKey::from_text(user)?, number: CacheKey::from_text(number)? })
///     }
/// }
///
/// let page = Page { user: 7, number: 2 };
/// assert!(CacheKey::from_text(&page.to_text()) == Some(page));
/// ```
pub trait CacheKey: Hash + Eq + Clone + Send + Sync + 'static {
    /// The key's text.
    fn to_text(&self) -> Cow<'_, str>;

    /// The key that has this text, or `None` if no key has.
    fn from_text(text: &str) -> Option<Self>;
}

/// What can look up a key of type `K`: `K` itself, and `str` where `K` is `String`.
pub trait KeyRef<K>: Hash + Eq {
    /// The key, owned.
    fn to_key(&self) -> K;
}

impl<K: CacheKey> KeyRef<K> for K {
    fn to_key(&self) -> K {
        self.clone()
    }
}

impl KeyRef<String> for str {
    fn to_key(&self) -> String {
        self.to_owned()
    }
}

impl CacheKey for String {
    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

macro_rules! key_by_display {
    ($($key:ty),*) => {$(
        impl CacheKey for $key {
            fn to_text(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }

            fn from_text(text: &str) -> Option<Self> {
                let key: Self = text.parse().ok()?;
                (key.to_string() == text).then_some(key)
            }
        }
    )*};
}

key_by_display!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char
);
