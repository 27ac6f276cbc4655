//! A node: what it is, what it says, and the hash of all that is below it.

use std::fmt;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

use super::children::{Children, Siblings};

/// What a node is. Children stand in the order of these kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The set.
    Project,
    /// A MIDI, audio, group or return track, or the master.
    Track,
    /// A row of the session.
    Scene,
    /// A track's volume, pan, mute and solo; its sends are parameters below it.
    Mixer,
    /// An instrument or effect; racks hold further ones.
    Device,
    /// A control of a device, or a send.
    Parameter,
    /// Where a track and a scene cross.
    ClipSlot,
    /// In a slot, or in the arrangement.
    Clip,
    /// A file that a clip or a device plays.
    FileRef,
    /// An envelope of a track.
    Automation,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Project,
        Self::Track,
        Self::Scene,
        Self::Mixer,
        Self::Device,
        Self::Parameter,
        Self::ClipSlot,
        Self::Clip,
        Self::FileRef,
        Self::Automation,
    ];

    /// Its name in answers and queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Track => "track",
            Self::Scene => "scene",
            Self::Mixer => "mixer",
            Self::Device => "device",
            Self::Parameter => "parameter",
            Self::ClipSlot => "clip_slot",
            Self::Clip => "clip",
            Self::FileRef => "file_ref",
            Self::Automation => "automation",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// On or off.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// A text.
    Text(Box<str>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A number, unless it is infinite or none.
    pub fn float(number: f64) -> Option<Self> {
        // Adding 0 makes -0 a 0, so that equal values have equal bits.
        number.is_finite().then_some(Self::Float(number + 0.0))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(flag) => flag.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Attributes by name, sorted. One that is not known is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(&'static str, Value)>);

impl Attributes {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.0.binary_search_by_key(&name, |(name, _)| name).ok()?;
        Some(&self.0[at].1)
    }

    /// Sets `name`, and gives what it was.
    pub fn set(&mut self, name: &'static str, value: Value) -> Option<Value> {
        match self.0.binary_search_by_key(&name, |(name, _)| name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// All, in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }
}

impl<const N: usize> From<[(&'static str, Value); N]> for Attributes {
    /// Of these; of equal names one is kept.
    fn from(mut all: [(&'static str, Value); N]) -> Self {
        all.sort_by_key(|(name, _)| *name);
        let mut all = Vec::from(all);
        all.dedup_by_key(|(name, _)| *name);
        Self(all)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A node and all below it; immutable where it is shared.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) kind: Kind,
    pub(super) id: Box<str>,
    pub(super) hash: u128,
    pub(super) attributes: Attributes,
    pub(super) children: Children,
}

impl Node {
    /// A node of these parts. The children are put into the order of their kinds; `scratch` is room to
    /// work in.
    pub(in super::super) fn new(
        kind: Kind,
        id: impl Into<Box<str>>,
        attributes: Attributes,
        mut children: Vec<Arc<Self>>,
        scratch: &mut Vec<u8>,
    ) -> Self {
        if !children.is_sorted_by_key(|child| child.kind) {
            children.sort_by_key(|child| child.kind);
        }
        let id = id.into();
        let mut node = Self {
            kind,
            id,
            hash: 0,
            attributes,
            children: children.into(),
        };
        node.rehash(scratch);
        node
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Unique in its tree, and the same each time that the same file is read.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// XXH3 over kind, id, attributes and the children's hashes: equal only if all below is equal.
    pub fn hash(&self) -> u128 {
        self.hash
    }

    /// The hash, as a version for look-ups.
    pub fn version(&self) -> u64 {
        self.hash as u64
    }

    /// What it says.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// In the order of their kinds, and of the file within a kind.
    pub fn children(&self) -> &Children {
        &self.children
    }

    /// The children of one kind, and where the first of them stands.
    pub fn of_kind(&self, kind: Kind) -> (usize, Siblings<'_>) {
        let from = self.children.partition_point(|child| child.kind < kind);
        let to = self.children.partition_point(|child| child.kind <= kind);
        (from, self.children.range(from, to))
    }

    /// Calls `visit` on it and on every node below, with its place among its parent's children.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Arc<Self>, &[usize])) {
        fn below<'a>(
            node: &'a Node,
            path: &mut Vec<usize>,
            visit: &mut impl FnMut(&'a Arc<Node>, &[usize]),
        ) {
            for (at, child) in node.children.iter().enumerate() {
                path.push(at);
                visit(child, path);
                below(child, path, visit);
                path.pop();
            }
        }
        below(self, &mut Vec::new(), visit);
    }

    /// Nodes here and below.
    pub fn size(&self) -> usize {
        1 + self
            .children
            .iter()
            .map(|child| child.size())
            .sum::<usize>()
    }

    /// Makes the hash true again. The children's must be.
    pub(super) fn rehash(&mut self, scratch: &mut Vec<u8>) {
        scratch.clear();
        scratch.push(self.kind as u8);
        put_text(scratch, &self.id);
        for (name, value) in self.attributes.iter() {
            put_text(scratch, name);
            match value {
                Value::Bool(flag) => scratch.extend([b'b', u8::from(*flag)]),
                Value::Int(number) => {
                    scratch.push(b'i');
                    scratch.extend(number.to_le_bytes());
                }
                Value::Float(number) => {
                    scratch.push(b'f');
                    scratch.extend(number.to_bits().to_le_bytes());
                }
                Value::Text(text) => {
                    scratch.push(b's');
                    put_text(scratch, text);
                }
            }
        }
        scratch.extend((self.children.len() as u64).to_le_bytes());
        for child in self.children.iter() {
            scratch.extend(child.hash.to_le_bytes());
        }
        self.hash = xxh3_128(scratch);
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut node = serializer.serialize_struct("Node", 5)?;
        node.serialize_field("id", &self.id)?;
        node.serialize_field("node_type", &self.kind)?;
        node.serialize_field("hash", &Hash(self.hash))?;
        node.serialize_field("attributes", &self.attributes)?;
        node.serialize_field("children", &self.children)?;
        node.end()
    }
}

/// A hash as it is written: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(pub u128);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
