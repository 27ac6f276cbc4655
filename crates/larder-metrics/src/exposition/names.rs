//! The names of families in an export: valid, and none twice.

use std::collections::HashSet;

use crate::Kind;

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// With `_` for all but letters, digits and `_`.
    Underscores,
    /// As they are.
    Native,
}

/// How a family is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A count that only grows.
    Counter,
    /// A level.
    Gauge,
    /// Counts of durations up to each of several.
    Histogram,
    /// Count, sum and quantiles of durations.
    Summary,
}

impl Shape {
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge | Kind::UpDownCounter => Self::Gauge,
            Kind::Timing => Self::Histogram,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }

    /// What may stand behind a family's name in its samples. (Scrapers keep `_created` for themselves.)
    const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["", "_total", "_created"],
            Self::Gauge => &[""],
            Self::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
            Self::Summary => &["", "_sum", "_count", "_created"],
        }
    }
}

/// The names that families and their samples have.
#[derive(Debug, Default)]
pub(crate) struct Taken(HashSet<String>);

impl Taken {
    /// A name for a family that is called `name`: this one, else with `_2`, `_3` and so on behind it.
    pub(crate) fn claim(
        &mut self,
        shape: Shape,
        name: &str,
        spelling: Spelling,
        is_free: impl Fn(&str) -> bool,
    ) -> String {
        let name = exported(shape, name, spelling);
        let free = |name: &String| {
            let mut names = shape
                .suffixes()
                .iter()
                .map(|suffix| format!("{name}{suffix}"));
            names.all(|name| !self.0.contains(&name) && is_free(&name))
        };
        let numbered = (2..).map(|number: u64| match shape {
            Shape::Histogram => format!("{}_{number}_seconds", bare(&name)),
            _ => format!("{name}_{number}"),
        });
        let name = std::iter::once(name.clone()).chain(numbered).find(free);
        let name = name.expect("only so many names are taken");
        let suffixes = shape.suffixes().iter();
        self.0
            .extend(suffixes.map(|suffix| format!("{name}{suffix}")));
        name
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Whether a name needs no quotes.
pub(super) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A name with `_` for what may not be in one: without `_total` for a counter, with `_seconds` for
/// durations.
fn exported(shape: Shape, name: &str, spelling: Spelling) -> String {
    let is_valid = |c: char| match spelling {
        Spelling::Underscores => c.is_ascii_alphanumeric() || c == '_',
        // What would have to be escaped is in no name.
        Spelling::Native => c != '"' && c != '\\' && !c.is_control(),
    };
    let valid: String = name
        .chars()
        .map(|c| if is_valid(c) { c } else { '_' })
        .collect();
    let valid = match valid.as_bytes().first() {
        Some(first) if !first.is_ascii_digit() || spelling == Spelling::Native => valid,
        _ => format!("_{valid}"),
    };
    match shape {
        Shape::Counter => match valid.strip_suffix("_total") {
            Some(bare) if !bare.is_empty() => bare.to_owned(),
            _ => valid,
        },
        Shape::Histogram => format!("{}_seconds", bare(&valid)),
        Shape::Gauge | Shape::Summary => valid,
    }
}

fn bare(name: &str) -> &str {
    match name.strip_suffix("_seconds") {
        Some(bare) if !bare.is_empty() => bare,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_come_out_alike_are_told_apart() {
        let mut taken = Taken::default();
        let mut claim = |shape, name| taken.claim(shape, name, Spelling::Underscores, |_| true);
        for (shape, name, expected) in [
            (Shape::Counter, "a.b", "a_b"),
            (Shape::Counter, "a_b", "a_b_2"),
            (Shape::Counter, "a_b_total", "a_b_3"),
            (Shape::Gauge, "a.b.total", "a_b_total_2"),
            (Shape::Histogram, "load", "load_seconds"),
            (Shape::Histogram, "load_seconds", "load_2_seconds"),
            (Shape::Gauge, "load_seconds_count", "load_seconds_count_2"),
            (Shape::Gauge, "2nd käse", "_2nd_k_se"),
            (Shape::Counter, "_total", "_total"),
        ] {
            assert_eq!(claim(shape, name), expected, "{name}");
        }
    }

    #[test]
    fn native_names_keep_what_needs_no_escape() {
        let mut taken = Taken::default();
        let mut claim = |shape, name| taken.claim(shape, name, Spelling::Native, |_| true);
        for (shape, name, expected) in [
            (Shape::Counter, "a.b", "a.b"),
            (Shape::Counter, "a_b", "a_b"),
            (Shape::Counter, "a.b.total", "a.b.total"),
            (Shape::Histogram, "load.time", "load.time_seconds"),
            (Shape::Histogram, "load.time_seconds", "load.time_2_seconds"),
            (Shape::Gauge, "2nd käse", "2nd käse"),
            (Shape::Gauge, "a\"b\\c\nd", "a_b_c_d"),
        ] {
            assert_eq!(claim(shape, name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_another_has_is_not_taken() {
        let mut taken = Taken::default();
        let is_free = |name: &str| name != "gets_total";
        let name = taken.claim(Shape::Counter, "gets", Spelling::Underscores, is_free);
        assert_eq!(name, "gets_2");
    }
}
