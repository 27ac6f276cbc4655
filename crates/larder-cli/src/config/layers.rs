//! Reads the file, the variables and the flags into one map from key to the
//! value as given, the last one that sets a key winning.
//!
//! It must not know the keys' types: an unknown key is its business, a bad
//! value is not.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::keys;

/// A value as it was written, before its key's type is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// A TOML string, or any variable or flag.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array of strings.
    List(Vec<String>),
    /// A TOML value that no key takes.
    Other(&'static str),
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(flag) => flag.fmt(f),
            Self::List(items) => write!(f, "{items:?}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A line of the configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line, with its dashes.
    Flag(&'static str),
    /// Nobody set it; the text says how the default was found, if there is
    /// more to say.
    Default(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Flag(name) => f.write_str(name),
            Self::Default("") => f.write_str("default"),
            Self::Default(why) => write!(f, "default: {why}"),
        }
    }
}

/// All that was set, and what was wrong in how it was.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: BTreeMap<&'static str, (Given, Source)>,
    /// Each makes the start fail.
    pub(super) problems: Vec<String>,
    /// Each is worth a word in the log.
    pub(super) warnings: Vec<String>,
}

impl Layers {
    pub(super) fn get(&self, key: &str) -> Option<&(Given, Source)> {
        self.values.get(key)
    }

    /// Adds a file. The text was read from `path`.
    pub(super) fn add_file(&mut self, path: &Path, text: &str) {
        let file = FileText { path, text };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let place = file.place(error.span().map_or(0, |span| span.start));
                self.problems.push(format!("{place}: {}", error.message()));
                return;
            }
        };
        for (key, value) in &table {
            let name: &str = key.get_ref().borrow();
            let place = file.place(key.span().start);
            match value.get_ref() {
                DeValue::Table(section) if keys::is_section(name) => {
                    self.add_section(&file, name, section);
                }
                DeValue::Table(_) => self.problems.push(format!(
                    "{place}: unknown section [{name}]; {}",
                    keys::section_advice(name)
                )),
                _ if keys::is_section(name) => self.problems.push(format!(
                    "{place}: `{name}` is a section: write [{name}] and its keys below"
                )),
                value => self.add_key(place, name, value),
            }
        }
    }

    fn add_section(&mut self, file: &FileText<'_>, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = format!("{section}.{}", key.get_ref());
            self.add_key(file.place(key.span().start), &name, value.get_ref());
        }
    }

    fn add_key(&mut self, place: Source, name: &str, value: &DeValue<'_>) {
        match keys::known(name) {
            Some(key) => self.set(key, given(value), place),
            None => self.problems.push(format!(
                "{place}: unknown key `{name}`; {}",
                keys::advice(name)
            )),
        }
    }

    /// Adds every `LARDER_*` variable. One that is no key's only warns: other
    /// programs (service links of Kubernetes) set such names too.
    pub(super) fn add_variables(&mut self, environment: &Environment) {
        for (name, value) in environment.with_prefix("LARDER_") {
            let Some(key) = keys::of_variable(name) else {
                if !keys::is_other_variable(name) {
                    self.warnings.push(unknown_variable(name));
                }
                continue;
            };
            match value.to_str() {
                Some(text) => {
                    let source = Source::Variable(name.to_owned());
                    self.set(key, Given::Text(text.to_owned()), source);
                }
                None => self.problems.push(format!("${name}: expected UTF-8 text")),
            }
        }
    }

    /// Adds a flag's value for a key of [`keys::KEYS`].
    pub(super) fn add_flag(&mut self, key: &'static str, flag: &'static str, value: String) {
        self.add(key, value, Source::Flag(flag));
    }

    /// Adds a value for a key of [`keys::KEYS`].
    pub(super) fn add(&mut self, key: &'static str, value: String, source: Source) {
        self.set(key, Given::Text(value), source);
    }

    fn set(&mut self, key: &'static str, given: Given, source: Source) {
        self.values.insert(key, (given, source));
    }
}

fn unknown_variable(name: &str) -> String {
    match keys::nearest_variable(name) {
        Some(near) => format!("${name} is not a setting of larder; did you mean ${near}?"),
        None => format!("${name} is not a setting of larder"),
    }
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Given::Other("a number out of range"), Given::Integer),
        DeValue::Boolean(flag) => Given::Boolean(*flag),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map_or(
                Given::Other("a list of other things than strings"),
                Given::List,
            ),
        DeValue::Float(_) => Given::Other("a number with a fraction"),
        DeValue::Datetime(_) => Given::Other("a date"),
        DeValue::Table(_) => Given::Other("a table"),
    }
}

/// A file's text, to tell lines by offsets.
struct FileText<'a> {
    path: &'a Path,
    text: &'a str,
}

impl FileText<'_> {
    fn place(&self, offset: usize) -> Source {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        Source::File {
            path: self.path.to_owned(),
            line: before.split(|byte| *byte == b'\n').count(),
        }
    }
}
