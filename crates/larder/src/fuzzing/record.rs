//! A value of every shape that serde knows and that both codecs promise to keep. Knows no codec.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Well under what a decoder follows.
const DEPTH_MAX: usize = 50;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    id: u64,
    name: String,
    kind: Kind,
    bytes: Vec<u8>,
    list: Vec<Option<String>>,
    map: BTreeMap<u16, (i64, bool)>,
    inner: Option<Box<Record>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(char),
    Tuple(i8, u128),
    Struct { text: Box<str>, unit: () },
}

impl Record {
    pub(super) fn is_shallow(&self) -> bool {
        let depth = std::iter::successors(Some(self), |record| record.inner.as_deref());
        depth.take(DEPTH_MAX + 1).count() <= DEPTH_MAX
    }

    /// Repeats what can be, up to 64 KiB each.
    pub(super) fn grow(&mut self, repeats: u16) {
        let times = |length: usize| usize::from(repeats).min((64 << 10) / length.max(1)).max(1);
        self.name = self.name.repeat(times(self.name.len()));
        self.bytes = self.bytes.repeat(times(self.bytes.len()));
    }
}
