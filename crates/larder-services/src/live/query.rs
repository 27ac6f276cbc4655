//! Queries for nodes: by kind, by attribute, or by both.

use std::fmt;
use std::str::FromStr;

use super::tree::{Kind, Node};

/// Bytes of an attribute's name and value in a query.
const ATTRIBUTE_BYTES_MAX: usize = 512;
/// Nodes in an answer unless the query says otherwise.
const LIMIT: usize = 1_000;
/// Nodes in an answer at most.
const LIMIT_MAX: usize = 10_000;

/// Which nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// Of this kind; of any if `None`.
    kind: Option<Kind>,
    /// Those that have this attribute, with this value if there is one.
    attribute: Option<(Box<str>, Option<Box<str>>)>,
    /// As many at most.
    limit: usize,
}

/// A query that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(String);

impl Query {
    /// Of the texts of a request: a kind such as `device`, an attribute as `name` or `name=value`, and how
    /// many nodes the answer may have.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn new(
        kind: Option<&str>,
        attribute: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Self, QueryError> {
        let kind = match kind {
            Some(name) => Some(Kind::named(name).ok_or_else(|| {
                let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                QueryError(format!("expected a type of {}", names.join(", ")))
            })?),
            None => None,
        };
        if attribute.is_some_and(|text| text.is_empty() || text.len() > ATTRIBUTE_BYTES_MAX) {
            let text = format!(
                "expected an attribute as NAME or NAME=VALUE, in at most {ATTRIBUTE_BYTES_MAX} bytes"
            );
            return Err(QueryError(text));
        }
        let attribute = attribute.map(|text| match text.split_once('=') {
            Some((name, value)) => (name.into(), Some(value.into())),
            None => (text.into(), None),
        });
        let limit = limit.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let text = format!("expected a limit from 1 to {LIMIT_MAX}");
            return Err(QueryError(text));
        }
        Ok(Self {
            kind,
            attribute,
            limit,
        })
    }

    /// How many nodes an answer may have.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn matches(&self, node: &Node) -> bool {
        if self.kind.is_some_and(|kind| kind != node.kind()) {
            return false;
        }
        let Some((name, wanted)) = &self.attribute else {
            return true;
        };
        match (node.attributes().get(name), wanted) {
            (Some(value), Some(wanted)) => value.to_string() == **wanted,
            (value, None) => value.is_some(),
            (None, Some(_)) => false,
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.map_or("*", Kind::name);
        write!(f, "{kind}:{}:", self.limit)?;
        match &self.attribute {
            Some((name, Some(value))) => write!(f, "{name}={value}"),
            Some((name, None)) => f.write_str(name),
            None => Ok(()),
        }
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let mut parts = text.splitn(3, ':');
        let (kind, limit, attribute) = (parts.next(), parts.next(), parts.next());
        let limit = limit.and_then(|limit| limit.parse().ok());
        Self::new(
            kind.filter(|kind| *kind != "*"),
            attribute.filter(|attribute| !attribute.is_empty()),
            Some(limit.unwrap_or(0)),
        )
    }
}
