//! A node under construction: its id is made when it begins, its hash when it ends.

use std::fmt::Write as _;
use std::sync::Arc;

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::super::tree::{Attributes, Kind, Node, Value};
use super::place::Form;

/// Longer texts are no names; they are cut off here.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// A node whose end has not been read.
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) id: Box<str>,
    pub(super) attributes: Attributes,
    pub(super) children: Vec<Arc<Node>>,
    /// How many of each kind have begun below it.
    begun: [u32; Kind::ALL.len()],
    digest: u64,
    digested: i64,
    /// Of a path in the way of Live 10 and before.
    pub(super) folders: String,
    /// Where its own names begin among those of the open elements.
    pub(super) names_from: usize,
}

impl Draft {
    pub(super) fn new(kind: Kind, id: Box<str>) -> Self {
        Self {
            kind,
            id,
            attributes: Attributes::default(),
            children: Vec::new(),
            begun: [0; Kind::ALL.len()],
            digest: 0,
            digested: 0,
            folders: String::new(),
            names_from: 0,
        }
    }

    /// How many of the kind have begun below it, before this one.
    pub(super) fn next(&mut self, kind: Kind) -> u32 {
        let next = &mut self.begun[kind as usize];
        *next += 1;
        *next - 1
    }

    /// Takes the text of an attribute; one that is not of its form is as if it were not there.
    pub(super) fn set(&mut self, name: &'static str, form: Form, text: &str) {
        if let Some(value) = value(form, text) {
            self.attributes.set(name, value);
        }
    }

    pub(super) fn digest(&mut self, name: &str, raw: &str, is_counted: bool) {
        let digest = xxh3_64_with_seed(name.as_bytes(), self.digest);
        self.digest = xxh3_64_with_seed(raw.as_bytes(), digest);
        self.digested += i64::from(is_counted);
    }

    /// Adds what follows from the rest.
    pub(super) fn complete(&mut self) {
        match self.kind {
            Kind::ClipSlot => {
                let has_clip = !self.children.is_empty();
                self.attributes.set("has_clip", Value::Bool(has_clip));
                self.attributes.set("playing_status", Value::Int(0));
            }
            Kind::Clip if self.digest != 0 => self.put_digest("notes", "notes_digest"),
            Kind::Automation => self.put_digest("points", "points_digest"),
            Kind::FileRef if !self.folders.is_empty() => {
                if let Some(name) = self.attributes.get("name") {
                    let _ = write!(self.folders, "{name}");
                }
                let path = std::mem::take(&mut self.folders);
                self.attributes.set("relative_path", Value::text(path));
            }
            Kind::Device => {
                let of = |name| self.attributes.get(name).cloned();
                let shown = of("user_name")
                    .or_else(|| of("plugin"))
                    .or_else(|| of("type"));
                if let Some(shown) = shown {
                    self.attributes.set("name", shown);
                }
            }
            _ => {}
        }
    }

    fn put_digest(&mut self, count: &'static str, digest: &'static str) {
        self.attributes.set(count, Value::Int(self.digested));
        let hex = format!("{:016x}", self.digest);
        self.attributes.set(digest, Value::text(hex));
    }

    pub(super) fn finish(self, scratch: &mut Vec<u8>) -> Node {
        Node::new(self.kind, self.id, self.attributes, self.children, scratch)
    }
}

/// A value of a form, `None` if the text is not of it or says nothing.
pub(super) fn value(form: Form, text: &str) -> Option<Value> {
    match form {
        Form::Bool => text.parse().ok().map(Value::Bool),
        Form::Not => text.parse().ok().map(|flag: bool| Value::Bool(!flag)),
        Form::Int => text.parse().ok().map(Value::Int),
        Form::Float => Value::float(text.parse().ok()?),
        Form::Text if text.is_empty() => None,
        Form::Text => Some(Value::text(
            &text[..text.floor_char_boundary(TEXT_BYTES_MAX)],
        )),
    }
}

/// Ids that are the same each time: by Live's own number of the element where it has one, else by its
/// place among its like; a number that occurs twice under one parent gets a sign.
#[derive(Default)]
pub(super) struct Ids {
    taken: HashSet<Box<str>, foldhash::fast::RandomState>,
}

impl Ids {
    /// The id of the next `kind` below `parent`.
    pub(super) fn next(&mut self, parent: &mut Draft, kind: Kind, number: Option<i64>) -> Box<str> {
        let place = parent.next(kind);
        let mut id = String::with_capacity(parent.id.len() + 16);
        if parent.kind != Kind::Project {
            id.push_str(&parent.id);
            id.push('.');
        }
        let word = word(kind);
        // Writing to a string cannot fail.
        let _ = match number {
            Some(number) => write!(id, "{word}-{number}"),
            None if kind == Kind::Mixer && place == 0 => write!(id, "{word}"),
            None => write!(id, "{word}-{place}"),
        };
        if !matches!(kind, Kind::Parameter | Kind::FileRef)
            && !self.taken.insert(id.as_str().into())
        {
            let _ = write!(id, "~{place}");
            self.taken.insert(id.as_str().into());
        }
        id.into()
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Parameter => "param",
        Kind::ClipSlot => "slot",
        Kind::FileRef => "file",
        kind => kind.name(),
    }
}
