//! The fields of a span: those that say to which trace it belongs, and the others, as attributes.

use std::fmt::Debug;
use std::sync::Arc;

use larder_http::TraceParent;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Record};

/// The longest text of an attribute, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

/// What is said of a span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Text(String),
    Whole(i64),
    Real(f64),
    Switch(bool),
}

/// The fields of a new span.
#[derive(Default)]
pub(super) struct Fields {
    /// Where the span itself says what it is.
    pub(super) ids: Option<TraceParent>,
    pub(super) parent_id: u64,
    /// The span of another process that it follows.
    pub(super) remote_parent: Option<TraceParent>,
    pub(super) request_id: Option<Arc<str>>,
    pub(super) attributes: Vec<Attribute>,
}

impl Fields {
    /// `keeps`: whether attributes are of any use.
    pub(super) fn of(attributes: &Attributes<'_>, keeps: bool) -> Self {
        let mut reader = Reader {
            keeps,
            ..Reader::default()
        };
        attributes.record(&mut reader);
        if reader.trace_id != 0 && reader.span_id != 0 {
            reader.fields.ids = Some(TraceParent {
                trace_id: reader.trace_id,
                span_id: reader.span_id,
                is_sampled: reader.is_sampled,
            });
        }
        reader.fields
    }

    /// Attributes that are said later.
    pub(super) fn recorded(values: &Record<'_>) -> Vec<Attribute> {
        let mut reader = Reader {
            keeps: true,
            ..Reader::default()
        };
        values.record(&mut reader);
        reader.fields.attributes
    }
}

#[derive(Default)]
struct Reader {
    fields: Fields,
    keeps: bool,
    trace_id: u128,
    span_id: u64,
    is_sampled: bool,
}

impl Reader {
    fn add(&mut self, field: &Field, content: impl FnOnce() -> Content) {
        if self.keeps {
            let (name, content) = (field.name(), content());
            self.fields.attributes.push(Attribute { name, content });
        }
    }
}

impl Visit for Reader {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, || Content::Real(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, || Content::Whole(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "span_id" => self.span_id = value,
            "parent_id" => self.fields.parent_id = value,
            _ => self.add(field, || {
                Content::Whole(i64::try_from(value).unwrap_or(i64::MAX))
            }),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match field.name() {
            "trace_id" => self.trace_id = value,
            _ => self.add(field, || Content::Text(value.to_string())),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "sampled" => self.is_sampled = value,
            _ => self.add(field, || Content::Switch(value)),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "traceparent" => self.fields.remote_parent = TraceParent::parse(value),
            name => {
                if name == "request_id" {
                    self.fields.request_id = Some(value.into());
                }
                let end = value.floor_char_boundary(TEXT_BYTES_MAX);
                self.add(field, || Content::Text(value[..end].to_owned()));
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.keeps {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}
