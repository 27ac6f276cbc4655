//! Values as people see them and give them.

use std::time::Duration;

use super::Cache;
use super::scope::key_of;
use crate::entry::Applied;
use crate::error::Error;
use crate::key::CacheKey;
use crate::shown::Shown;

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Cache<K, V> {
    pub(crate) async fn shown_text(
        &self,
        text: &str,
        bytes_max: usize,
    ) -> Result<Option<Shown>, Error> {
        let face = self.inner.face.ok_or_else(|| Error::NotShown {
            reason: "the cache was not built to show any".into(),
        })?;
        let key = key_of::<K>(text)?;
        let (hash, now) = (self.inner.memory.hash(&key), self.inner.clock.now());
        let value = if let Some(hit) = self.inner.find_at(hash, &key, now, None) {
            Some(hit.value)
        } else {
            let stored = self.inner.held_below(&key).await;
            stored.and_then(|stored| stored.value)
        };
        value.map(|value| face.show(&value, bytes_max)).transpose()
    }

    pub(crate) async fn put_text(
        &self,
        text: &str,
        json: &str,
        ttl: Option<Duration>,
        tags: &[String],
    ) -> Result<Applied, Error> {
        let key = key_of::<K>(text)?;
        let value = self
            .inner
            .face
            .map_or(Err(Error::TakesNone), |face| face.take(json))?;
        let call = self.entry(&key).tags(tags.iter().map(String::as_str));
        let call = match ttl {
            Some(ttl) => call.ttl(ttl),
            None => call,
        };
        call.insert(value).await
    }
}
