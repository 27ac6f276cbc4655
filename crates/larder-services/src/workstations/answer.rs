//! What is cached: the texts of answers, by the names that patterns know them by.

use std::borrow::Cow;
use std::sync::Arc;

use larder::CacheKey;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The tag of answers that hold every workstation.
const ALL: &str = "all";

/// What is cached: the list, or the record of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerKey {
    /// `workstations_list`
    List,
    /// `workstations_{id}`
    Record(i64),
}

/// An answer's body, made once.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answer {
    json: Arc<str>,
    digest: u64,
}

impl CacheKey for AnswerKey {
    fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::List => Cow::Borrowed("workstations_list"),
            Self::Record(id) => Cow::Owned(format!("workstations_{id}")),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        match text.strip_prefix("workstations_")? {
            "list" => Some(Self::List),
            id => i64::from_text(id).map(Self::Record),
        }
    }
}

impl AnswerKey {
    /// What invalidates the answer.
    pub(super) fn tag(&self) -> Cow<'static, str> {
        match self {
            Self::List => Cow::Borrowed(ALL),
            Self::Record(id) => Cow::Owned(id.to_string()),
        }
    }
}

impl Answer {
    pub(super) fn of(value: &impl Serialize) -> Self {
        let json = serde_json::to_string(value).expect("texts and numbers serialize");
        let digest = xxh3_64(json.as_bytes());
        Self {
            json: json.into(),
            digest,
        }
    }

    /// Names the text: the same one in every instance.
    pub(super) fn etag(&self) -> String {
        format!("\"{:016x}\"", self.digest)
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        self.json.as_bytes()
    }
}
