//! What a loader is given, and what it may return besides the plain value.

use std::sync::Arc;
use std::time::Duration;

/// A loader's context: the key, and the value that the load is to replace, if there is one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let users = larder::Cache::<u64, String>::builder("users").build()?;
/// let load = |cx: larder::LoadCx<u64, String>| async move {
///     Ok::<_, std::io::Error>(format!("user {}", cx.key()))
/// };
/// assert_eq!(users.get_or_load(&7, load).await?, "user 7");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct LoadCx<K, V> {
    key: K,
    /// With its entity tag.
    former: Option<(V, Option<Arc<str>>)>,
}

impl<K, V> LoadCx<K, V> {
    pub(crate) const fn new(key: K, former: Option<(V, Option<Arc<str>>)>) -> Self {
        Self { key, former }
    }

    /// The key to load.
    ///
    /// ```
    /// # use larder::{Cache, LoadCx};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let squares = Cache::<u64, u64>::builder("squares").build()?;
    /// let load = |cx: LoadCx<u64, u64>| async move { Ok::<_, std::io::Error>(cx.key() * cx.key()) };
    /// assert_eq!(squares.get_or_load(&3, load).await?, 9);
    /// # Ok(()) }
    /// ```
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// The context's key, owned.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let greetings = larder::Cache::<String, String>::builder("greetings").build()?;
    /// let load = |cx: larder::LoadCx<String, String>| async {
    ///     Ok::<_, std::io::Error>(cx.into_key() + "!")
    /// };
    /// assert_eq!(greetings.get_or_load("hello", load).await?, "hello!");
    /// # Ok(()) }
    /// ```
    pub fn into_key(self) -> K {
        self.key
    }

    /// The value that this load is to replace: a stale one, or one that is refreshed ahead of its
    /// end. `None` where there is none, or it was invalidated.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let counts = larder::Cache::<u64, u32>::builder("counts").build()?;
    /// let load = |cx: larder::LoadCx<u64, u32>| async move {
    ///     Ok::<_, std::io::Error>(cx.stale().map_or(1, |last| last + 1))
    /// };
    /// assert_eq!(counts.get_or_load(&7, load).await?, 1); // there was none
    /// # Ok(()) }
    /// ```
    pub fn stale(&self) -> Option<&V> {
        self.former.as_ref().map(|(value, _)| value)
    }

    /// The entity tag that the loader gave with [`stale`](Self::stale)'s value.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use larder::{Cache, LoadCx, Loaded};
    /// # let pages = Cache::<u64, u32>::builder("pages").build()?;
    /// let load = |cx: LoadCx<u64, u32>| async move {
    ///     Ok::<_, std::io::Error>(match cx.etag() {
    ///         Some("v1") => Loaded::not_modified(),
    ///         _ => Loaded::from(5).etag("v1"),
    ///     })
    /// };
    /// assert_eq!(pages.get_or_load(&7, load).await?, 5);
    /// # Ok(()) }
    /// ```
    pub fn etag(&self) -> Option<&str> {
        self.former.as_ref()?.1.as_deref()
    }
}

/// A loaded value with what the loader says of it; or that there is none, or no newer one. A plain
/// value converts into one, and so does an [`Option`], whose `None` is [absent](Self::absent).
///
/// ```
/// # use std::time::Duration;
/// # use larder::Loaded;
/// let member = Loaded::from("Ada").ttl(Duration::from_secs(30)).tags(["team:7"]);
/// let nobody = Loaded::<&str>::absent();
/// ```
#[derive(Clone, Debug)]
pub struct Loaded<V> {
    pub(crate) found: Found<V>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tags: Vec<Box<str>>,
    pub(crate) etag: Option<Arc<str>>,
}

/// What a loader found.
#[derive(Clone, Debug)]
pub(crate) enum Found<V> {
    Value(V),
    Absent,
    NotModified,
}

impl<V> Loaded<V> {
    const fn of(found: Found<V>) -> Self {
        Self {
            found,
            ttl: None,
            tags: Vec::new(),
            etag: None,
        }
    }

    /// There is no value for this key. The get is [`Error::Absent`](crate::Error::Absent), and so
    /// are those that follow for [`Policy::negative_ttl`](crate::Policy::negative_ttl), without a
    /// load.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::{Cache, Error, Loaded, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Cache::<u64, String>::builder("users")
    ///     .policy(Policy::forever().negative_ttl(Duration::from_secs(30)))
    ///     .build()?;
    /// let nobody = |_| async { Ok::<_, std::io::Error>(Loaded::absent()) };
    /// assert!(matches!(users.get_or_load(&7, nobody).await, Err(Error::Absent)));
    /// assert_eq!(users.get_or_load_optional(&7, nobody).await?, None);
    /// assert_eq!(users.stats().loads, 1);
    /// # Ok(()) }
    /// ```
    pub const fn absent() -> Self {
        Self::of(Found::Absent)
    }

    /// The value that [`LoadCx::stale`] shows is still true: it is fresh again, under a new version,
    /// with the tags and the entity tag that it had besides those given now.
    ///
    /// Without such a value the get is [`Error::NothingToKeep`](crate::Error::NothingToKeep).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::{Cache, Loaded, ManualClock, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let clock = ManualClock::new();
    /// let pages = Cache::<String, String>::builder("pages")
    ///     .policy(Policy::ttl(Duration::from_secs(60)).stale_if_error(Duration::from_secs(600)))
    ///     .clock(clock.clock())
    ///     .build()?;
    /// // A loader that asks the origin "is it still this one?"
    /// let load = |cx: larder::LoadCx<String, String>| async move {
    ///     Ok::<_, std::io::Error>(match cx.etag() {
    ///         Some("v1") => Loaded::not_modified(),
    ///         _ => Loaded::from("hello".to_owned()).etag("v1"),
    ///     })
    /// };
    /// pages.get_or_load("/", load).await?;
    /// clock.advance(Duration::from_secs(61));
    /// assert_eq!(pages.get_or_load("/", load).await?, "hello");
    /// assert_eq!(pages.stats().not_modified, 1);
    /// # Ok(()) }
    /// ```
    pub const fn not_modified() -> Self {
        Self::of(Found::NotModified)
    }

    /// This value's own time to live, instead of the policy's. Zero: it is not stored.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Loaded;
    /// # let tokens = larder::sync::Cache::<u64, u32>::builder("tokens").build()?;
    /// let load = |_: &u64| Ok::<_, std::io::Error>(Loaded::from(5).ttl(Duration::from_secs(30)));
    /// tokens.get_or_load(&7, load)?;
    /// let info = tokens.entry_info(&7).expect("it was just loaded");
    /// assert!(info.remaining <= Some(Duration::from_secs(30)));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Tags by which [`Cache::invalidate_tag`](crate::Cache::invalidate_tag) finds this value,
    /// besides those of the call. At most 64 in all, of at most 256 bytes each.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Loaded;
    /// # let tokens = larder::sync::Cache::<u64, u32>::builder("tokens").build()?;
    /// let load = |_: &u64| Ok::<_, std::io::Error>(Loaded::from(5).tags(["team:1"]));
    /// tokens.get_or_load(&7, load)?;
    /// tokens.invalidate_tag("team:1")?;
    /// assert_eq!(tokens.peek(&7), None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tags<T: Into<Box<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// What the origin calls this state of the value: the next load is [given](LoadCx::etag) it, to
    /// ask only whether there is a newer one. At most 256 bytes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use larder::Loaded;
    /// # let pages = larder::Cache::<u64, u32>::builder("pages").build()?;
    /// let load = |_| async { Ok::<_, std::io::Error>(Loaded::from(5).etag("v1")) };
    /// pages.get_or_load(&7, load).await?;
    /// let held = pages.explain(&7).await?.held.expect("it was just loaded");
    /// assert_eq!(held.etag.as_deref(), Some("v1"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn etag(mut self, etag: impl Into<Arc<str>>) -> Self {
        self.etag = Some(etag.into());
        self
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::of(Found::Value(value))
    }
}

impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        Self::of(value.map_or(Found::Absent, Found::Value))
    }
}
