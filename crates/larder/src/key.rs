//! What can be a key, and what can look one up.
//!
//! Knows no caches and no tiers: a key is what hashes, compares and has a text.

mod given;
pub(crate) mod text;

use std::borrow::Cow;
use std::hash::Hash;
use std::sync::Arc;

/// A key by its parts: `#[derive(CacheKey)]`.
///
/// The type also needs `Hash`, `Eq` and `Clone`, which can be derived beside it. Its text is
/// - for a struct of several fields the fields' texts in order, as for a tuple: `eu:7`;
/// - for a struct of one field that field's text, as it is: a newtype is transparent;
/// - for a variant of an enum its name as written, followed by its fields: `Home`, `User:7`;
/// - for a struct without fields its name.
///
/// Every field's type is itself a key. One that is not, such as another crate's, is taken by
/// `#[cache_key(display)]` if it has `Display` and `FromStr` and no two of its values look the
/// same. On the type itself, `#[cache_key(display)]` makes its own `Display` the text. A type
/// parameter must be a key.
///
/// **The text is what lower tiers, tools and patterns know a key by:** to rename a variant or to
/// reorder fields is to change keys.
///
/// # Examples
///
/// ```
/// use std::net::SocketAddrV4;
/// use larder::{Cache, CacheKey};
///
/// #[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
/// struct UserId(u64);
///
/// #[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
/// enum Page {
///     Home,
///     User { region: String, id: UserId },
///     Peer(#[cache_key(display)] SocketAddrV4),
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let page = Page::User { region: "eu".into(), id: UserId(7) };
/// assert_eq!(page.to_text(), "User:eu:7");
/// assert_eq!(Page::Home.to_text(), "Home");
/// assert!(Page::from_text("Peer:10.0.0.1\\:80").is_some());
///
/// let pages = Cache::<Page, &str>::builder("pages").build()?;
/// pages.insert(page.clone(), "Ada").await?;
/// pages.invalidate_prefix("User:eu:").await?;
/// assert_eq!(pages.peek(&page), None);
/// # Ok(()) }
/// ```
///
/// A field that is no key is told when it is compiled, and so are unions, lifetimes and unknown
/// options:
///
/// ```compile_fail,E0277
/// # use larder::CacheKey;
/// #[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
/// struct Peer {
///     id: u64,
///     address: std::net::SocketAddrV4, // expected `#[cache_key(display)]`
/// }
/// ```
///
/// ```compile_fail
/// # use larder::CacheKey;
/// #[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
/// struct Name<'a>(&'a str); // a key outlives the call: expected such as `Arc<str>`
/// ```
pub use larder_macros::CacheKey;

/// A cache's key.
///
/// Besides hashing and equality a key has a text, by which people, tools, prefixes and patterns
/// name it. **Two keys that differ must have texts that differ**, and a key must come back from its
/// own text: `from_text(&key.to_text()) == Some(key)`.
///
/// Given are
///
/// | key | its text |
/// |---|---|
/// | `String`, `Arc<str>`, `Box<str>` | itself |
/// | integers, `bool`, `char`, IP addresses | as `Display` writes it |
/// | `Vec<u8>`, `[u8; N]` | its bytes in hexadecimal, two lower-case digits each |
/// | tuples of 2 to 6 keys | the elements' texts joined by `:`, with `\` before each `:` and `\` of an element |
/// | `Option` of a key | `None`, or `Some:` and the key's text with the same escapes |
///
/// A type of your own [derives it](derive@CacheKey), or says what its text is.
///
/// # Texts of tuples
/// All keys that begin with the same elements share a prefix that no other key has, if the prefix
/// ends with the `:` after the last of them. The text of a tuple whose last element is an empty
/// string is that prefix, escapes included:
///
/// ```
/// use larder::CacheKey;
///
/// let key = ("eu".to_string(), 7_u64, "Käse: alt".to_string());
/// assert_eq!(key.to_text(), r"eu:7:Käse\: alt");
/// assert_eq!(CacheKey::from_text(&key.to_text()), Some(key.clone()));
///
/// let prefix = ("eu".to_string(), 7_u64, String::new());
/// assert_eq!(prefix.to_text(), "eu:7:");
/// assert!(key.to_text().starts_with(&*prefix.to_text()));
/// ```
///
/// In a *pattern* `\` is an escape too: there the text's `\:` is written `\\:`.
///
/// # A type of your own
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key of a cache",
    note = "a type of your own can have `#[derive(CacheKey)]`",
    note = "a field of another crate's type with `Display` and `FromStr` can have `#[cache_key(display)]`"
)]
pub trait CacheKey: Hash + Eq + Clone + Send + Sync + 'static {
    /// The key's text. Not asked for by a hit, unless a prefix or pattern was invalidated since the
    /// value was stored.
    ///
    /// ```
    /// use larder::CacheKey;
    /// assert_eq!(7_u64.to_text(), "7");
    /// assert_eq!([0xca_u8, 0xfe].to_text(), "cafe");
    /// assert_eq!(("eu".to_string(), Some(7_u64)).to_text(), r"eu:Some\:7");
    /// ```
    fn to_text(&self) -> Cow<'_, str>;

    /// The key that has this text, or `None` if no key has. A text that only resembles a key's,
    /// such as `+7` or `007` for a number, is none.
    ///
    /// ```
    /// use larder::CacheKey;
    /// assert_eq!(u64::from_text("7"), Some(7));
    /// assert_eq!(u64::from_text("007"), None);
    /// assert_eq!(<(String, u64)>::from_text("eu"), None);
    /// ```
    fn from_text(text: &str) -> Option<Self>;
}

/// What can look up a key of type `K`: `K` itself, `str` for the strings, `[u8]` for `Vec<u8>`.
///
/// A look-up hashes and compares the borrowed form, so it needs `K: Borrow<Self>` too; the owned
/// key is made on a miss only. A tuple is looked up by a tuple: `(String, u64)` has no `Borrow` form
/// made of a `&str` and a `u64`. Where the allocation of its `String` matters for hits, an `Arc<str>`
/// in its place is cheap to clone, and a struct of your own can have a `Borrow` form.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use larder::Cache;
///
/// let by_name = Cache::<Arc<str>, u32>::builder("by_name").build()?;
/// by_name.insert("apple".into(), 5).await?;
/// assert_eq!(by_name.peek("apple"), Some(5)); // no `Arc` is made
///
/// let by_digest = Cache::<Vec<u8>, u32>::builder("by_digest").build()?;
/// by_digest.insert(vec![1, 2], 5).await?;
/// assert_eq!(by_digest.peek(&[1_u8, 2][..]), Some(5));
/// # Ok(()) }
/// ```
pub trait KeyRef<K>: Hash + Eq {
    /// The key, owned.
    ///
    /// ```
    /// use larder::KeyRef;
    /// let key: String = "apple".to_key();
    /// assert_eq!(key, "apple");
    /// ```
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

impl KeyRef<Arc<str>> for str {
    fn to_key(&self) -> Arc<str> {
        self.into()
    }
}

impl KeyRef<Box<str>> for str {
    fn to_key(&self) -> Box<str> {
        self.into()
    }
}

impl KeyRef<Vec<u8>> for [u8] {
    fn to_key(&self) -> Vec<u8> {
        self.to_owned()
    }
}
