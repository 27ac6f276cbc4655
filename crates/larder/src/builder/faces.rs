//! How people are shown values, and give some.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Builder;
use crate::key::CacheKey;
use crate::shown::Face;

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Builder<K, V> {
    /// Shows values as JSON to people, and takes them from people as JSON, by
    /// [`AnyCache::shown`](crate::AnyCache::shown) and [`AnyCache::put`](crate::AnyCache::put): an admin
    /// interface, say. Without this or [`values_as_text`](Self::values_as_text) nobody sees them there.
    ///
    /// ```
    /// # use larder::{AnyCache, Cache, Shown};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Cache::<u64, Vec<String>>::builder("users").values_as_json().build()?;
    /// AnyCache::put(&users, "7", r#"["Ada"]"#, None, &[]).await?;
    /// assert_eq!(users.peek(&7), Some(vec!["Ada".to_owned()]));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn values_as_json(mut self) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        self.face = Some(Face::json());
        self
    }

    /// Shows values as they are to people, where they are texts in UTF-8, and takes none.
    ///
    /// ```
    /// # use larder::{AnyCache, Cache, Shown};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pages = Cache::<u64, String>::builder("pages").values_as_text().build()?;
    /// pages.insert(7, "<h1>Ada</h1>".into()).await?;
    /// assert_eq!(pages.shown("7", 100).await?, Some(Shown::Text("<h1>Ada</h1>".into())));
    /// assert!(pages.shown("7", 5).await.is_err());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn values_as_text(mut self) -> Self
    where
        V: AsRef<[u8]>,
    {
        self.face = Some(Face::text());
        self
    }
}
