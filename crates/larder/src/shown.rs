//! How people see a cache's values, and give it some: as texts.
//!
//! Must not know keys, times or stores.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A value as people see it, from [`AnyCache::shown`](crate::AnyCache::shown).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder::{AnyCache, Cache, Shown};
///
/// let users = Cache::<u64, Vec<String>>::builder("users").values_as_json().build()?;
/// users.insert(7, vec!["Ada".into()]).await?;
/// assert_eq!(AnyCache::shown(&users, "7", 1_000).await?, Some(Shown::Json(r#"["Ada"]"#.into())));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shown {
    /// JSON.
    Json(String),
    /// A text as it is.
    Text(String),
    /// So many bytes that are no text.
    Bytes(usize),
}

type Take<V> = fn(&str) -> Result<V, Error>;

/// How values of one type are shown, and made of what people give.
pub(crate) struct Face<V> {
    show: fn(&V, usize) -> Result<Shown, Error>,
    take: Option<Take<V>>,
}

impl<V> Clone for Face<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Face<V> {}

impl<V> Face<V> {
    /// A value as a text of at most `bytes_max`.
    pub(crate) fn show(&self, value: &V, bytes_max: usize) -> Result<Shown, Error> {
        (self.show)(value, bytes_max)
    }

    pub(crate) fn take(&self, json: &str) -> Result<V, Error> {
        self.take.map_or(Err(Error::TakesNone), |take| take(json))
    }
}

impl<V: Serialize + DeserializeOwned> Face<V> {
    pub(crate) fn json() -> Self {
        Self {
            show: |value, bytes_max| {
                let mut text = Bounded {
                    bytes: Vec::new(),
                    bytes_max,
                };
                serde_json::to_writer(&mut text, value).map_err(|error| not_shown(&error))?;
                let text = String::from_utf8(text.bytes).map_err(|error| not_shown(&error))?;
                Ok(Shown::Json(text))
            },
            take: Some(|json| {
                serde_json::from_str(json).map_err(|error| Error::NotTaken {
                    reason: error.to_string().into(),
                })
            }),
        }
    }
}

impl<V: AsRef<[u8]>> Face<V> {
    pub(crate) fn text() -> Self {
        Self {
            show: |value, bytes_max| {
                let bytes = value.as_ref();
                match str::from_utf8(bytes) {
                    Err(_) => Ok(Shown::Bytes(bytes.len())),
                    Ok(text) if text.len() <= bytes_max => Ok(Shown::Text(text.to_owned())),
                    Ok(text) => Err(not_shown(&too_long(bytes_max, text.len()))),
                }
            },
            take: None,
        }
    }
}

/// Takes so many bytes and no more.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len() + bytes.len();
        if length > self.bytes_max {
            return Err(io::Error::other(too_long(self.bytes_max, length)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_long(bytes_max: usize, bytes: usize) -> String {
    format!("it has {bytes} bytes or more as a text, and at most {bytes_max} are shown")
}

fn not_shown(reason: &impl ToString) -> Error {
    Error::NotShown {
        reason: reason.to_string().into(),
    }
}
