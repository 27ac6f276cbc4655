//! Turns the layers' values into typed ones, a key at a time, and remembers
//! each key's value and source for `config show`.
//!
//! It must not know the keys, nor stop at the first problem.

use std::path::Path;

use super::kinds::Kind;
use super::layers::{Layers, Source};
use super::{Config, Invalid};

/// A key with its value and where that came from.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) key: &'static str,
    /// As TOML; `None` when the key has no value.
    pub(super) value: Option<String>,
    /// Whether it has more than is shown: a password.
    pub(super) is_hidden: bool,
    pub(super) source: Source,
}

pub(super) struct Reader {
    layers: Layers,
    shown: Vec<Shown>,
}

impl Reader {
    pub(super) fn new(layers: Layers) -> Self {
        Self {
            layers,
            shown: Vec::new(),
        }
    }

    /// The key's value; the default, with a note on it, when nobody set the
    /// key or its value is bad.
    pub(super) fn read<K: Kind>(
        &mut self,
        key: &'static str,
        kind: &K,
        default: (K::Value, &'static str),
    ) -> K::Value {
        let (value, source) = match self.set_value(key, kind) {
            Some(set) => set,
            None => (default.0, Source::Default(default.1)),
        };
        self.shown.push(Shown {
            key,
            value: kind.show(&value),
            is_hidden: kind.hides(&value),
            source,
        });
        value
    }

    fn set_value<K: Kind>(&mut self, key: &str, kind: &K) -> Option<(K::Value, Source)> {
        let (given, source) = self.layers.get(key)?.clone();
        let base = match &source {
            Source::File { path, .. } => path.parent().unwrap_or(Path::new("")),
            _ => Path::new(""),
        };
        let read = kind.read(&given, base);
        if read.is_none() {
            let problem = kind.problem(&given);
            self.problem(format!("{source}: {key} = {problem}"));
        }
        Some((read?, source))
    }

    /// Where the value of a key that was read came from.
    pub(super) fn source(&self, key: &str) -> Source {
        self.shown
            .iter()
            .find(|shown| shown.key == key)
            .map_or(Source::Default(""), |shown| shown.source.clone())
    }

    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        self.layers.problems.push(problem.into());
    }

    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.layers.warnings)
    }

    pub(super) fn take_shown(&mut self) -> Vec<Shown> {
        std::mem::take(&mut self.shown)
    }

    /// The configuration, if nothing was wrong.
    pub(super) fn finish(self, config: Config) -> Result<Config, Invalid> {
        if self.layers.problems.is_empty() {
            Ok(config)
        } else {
            Err(Invalid {
                problems: self.layers.problems,
            })
        }
    }
}
