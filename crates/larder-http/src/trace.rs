//! To which trace a request belongs (W3C Trace Context, level 1). What is traced is not known here.

use std::fmt::{self, Display};

use axum::http::HeaderMap;

/// A span of a trace, as `traceparent` names it.
///
/// ```
/// use larder_http::TraceParent;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent = TraceParent::parse(text).expect("it is well formed");
/// assert!(parent.is_sampled);
/// assert_eq!(parent.to_string(), text);
/// assert_eq!(parent.child().trace_id, parent.trace_id);
/// assert_eq!(TraceParent::parse("00-0-0-00"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; not 0.
    pub trace_id: u128,
    /// The span; not 0.
    pub span_id: u64,
    /// Whether spans of the trace are kept.
    pub is_sampled: bool,
}

impl TraceParent {
    /// The first span of a new trace.
    pub fn new(is_sampled: bool) -> Self {
        Self {
            trace_id: fastrand::u128(1..),
            span_id: fastrand::u64(1..),
            is_sampled,
        }
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self {
            span_id: fastrand::u64(1..),
            ..self
        }
    }

    /// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`; `None` if it is not well formed. Of
    /// versions after 00 the parts that this one has are read.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let (trace, span) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        let flags = hex(parts.next()?, 2)?;
        let is_good = version < 0xff && (version > 0 || parts.next().is_none());
        (is_good && trace != 0 && span != 0).then_some(Self {
            trace_id: trace,
            span_id: span as u64,
            is_sampled: flags & 1 == 1,
        })
    }

    /// What the request's `traceparent` names. One that is not well formed counts as none.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get("traceparent")?.to_str().ok()?)
    }
}

impl Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id, span_id, ..
        } = self;
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

/// So many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_good = text.len() == digits && text.bytes().all(is_digit);
    is_good.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::TraceParent;

    #[test]
    fn a_header_that_is_not_well_formed_names_no_trace() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent {
            trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
            span_id: 0x00f0_67aa_0ba9_02b7,
            is_sampled: true,
        };
        assert_eq!(TraceParent::parse(good), Some(parent));
        let newer = format!("{}-more", good.replacen("00", "cc", 1));
        assert_eq!(TraceParent::parse(&newer), Some(parent));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }
}
