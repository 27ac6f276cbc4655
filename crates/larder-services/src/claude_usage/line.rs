//! What one line of a log says of usage.
//!
//! It knows the shape of Claude Code's lines, and neither files nor what counts twice.

use std::borrow::Cow;

use jiff::Timestamp;

use super::json::{Malformed, Reader, Scalar};
use super::record::{Tokens, UNDATED};

/// No message has more tokens of a kind; a line that says so is malformed.
const TOKENS_MAX: u64 = 1_000_000_000_000;
/// A line that states a higher cost in dollars states none.
const STATED_COST_MAX: f64 = 1_000_000.0;
const PICO: f64 = 1e12;

/// A line that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Usage<'a> {
    /// `message.id`; an empty one identifies nothing and counts as missing.
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) request: Option<Cow<'a, str>>,
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) session: Option<Cow<'a, str>>,
    /// Unix milliseconds, or [`UNDATED`].
    pub(super) at_ms: i64,
    pub(super) sidechain: bool,
    /// Picodollars.
    pub(super) stated_cost: Option<u64>,
    pub(super) counts: Counts,
}

/// A `usage` object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) tokens: Tokens,
    pub(super) write_5m: u64,
    pub(super) write_1h: u64,
    pub(super) fast: bool,
}

/// Reads one line: what it counts, or nothing if it does not count.
pub(super) fn parse(line: &[u8]) -> Result<Option<Usage<'_>>, Malformed> {
    let mut reader = Reader::new(line)?;
    let outer = Envelope::read(&mut reader, true)?;
    reader.end()?;
    outer.usage()
}

/// The fields around a message: of a line, or of what a progress line carries.
#[derive(Debug, Default)]
struct Envelope<'a> {
    message: Message<'a>,
    request: Option<Cow<'a, str>>,
    session: Option<Cow<'a, str>>,
    at_ms: Option<i64>,
    sidechain: Option<bool>,
    stated_cost: Option<u64>,
    is_progress: bool,
    carried: Option<Box<Self>>,
}

impl<'a> Envelope<'a> {
    fn read(reader: &mut Reader<'a>, outermost: bool) -> Result<Self, Malformed> {
        let mut envelope = Self::default();
        reader.object(|reader, key| {
            match key {
                b"message" => envelope.message = Message::read(reader)?,
                b"requestId" => envelope.request = text(reader.scalar()?),
                b"sessionId" => {
                    envelope.session = text(reader.scalar()?).filter(|id| !id.is_empty());
                }
                b"timestamp" => {
                    envelope.at_ms = text(reader.scalar()?).and_then(|text| unix_millis(&text));
                }
                b"isSidechain" => envelope.sidechain = boolean(&reader.scalar()?),
                b"costUSD" => envelope.stated_cost = stated_cost(&reader.scalar()?),
                b"type" if outermost => {
                    envelope.is_progress =
                        text(reader.scalar()?).is_some_and(|kind| kind == "progress");
                }
                b"data" if outermost => envelope.carried = carried(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(envelope)
    }

    fn usage(self) -> Result<Option<Usage<'a>>, Malformed> {
        match self.carried {
            Some(inner) if self.is_progress && inner.message.usage.is_some() => {
                let outer = Self {
                    carried: None,
                    ..self
                };
                inner.within(outer).usage_of_message()
            }
            _ => Self {
                carried: None,
                ..self
            }
            .usage_of_message(),
        }
    }

    /// This envelope, with what it leaves out taken from the one around it.
    fn within(self, outer: Self) -> Self {
        Self {
            message: self.message,
            request: self.request.or(outer.request),
            session: outer.session.or(self.session),
            at_ms: self.at_ms.or(outer.at_ms),
            sidechain: self.sidechain.or(outer.sidechain),
            stated_cost: self.stated_cost.or(outer.stated_cost),
            is_progress: false,
            carried: None,
        }
    }

    fn usage_of_message(self) -> Result<Option<Usage<'a>>, Malformed> {
        let Some(counts) = self.message.usage else {
            return Ok(None);
        };
        Ok(Some(Usage {
            message: self.message.id,
            request: self.request,
            model: self.message.model,
            session: self.session,
            at_ms: self.at_ms.unwrap_or(UNDATED),
            sidechain: self.sidechain == Some(true),
            stated_cost: self.stated_cost,
            counts: counts?,
        }))
    }
}

/// `data.message` of a progress line, if it is an object.
fn carried<'a>(reader: &mut Reader<'a>) -> Result<Option<Box<Envelope<'a>>>, Malformed> {
    let mut carried = None;
    reader.object(|reader, key| {
        match key {
            b"message" => carried = Some(Box::new(Envelope::read(reader, false)?)),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(carried)
}

#[derive(Debug, Default)]
struct Message<'a> {
    id: Option<Cow<'a, str>>,
    model: Option<Cow<'a, str>>,
    usage: Option<Result<Counts, Malformed>>,
}

impl<'a> Message<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut message = Self::default();
        reader.object(|reader, key| {
            match key {
                b"id" => message.id = text(reader.scalar()?).filter(|id| !id.is_empty()),
                b"model" => {
                    message.model = text(reader.scalar()?).filter(|model| !model.is_empty());
                }
                b"usage" => message.usage = usage(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(message)
    }
}

/// A `usage` value: nothing if it is no object; an error inside if its counts cannot be.
fn usage(reader: &mut Reader<'_>) -> Result<Option<Result<Counts, Malformed>>, Malformed> {
    let absent = Ok(None);
    let (mut input, mut output, mut creation, mut read) = (absent, absent, absent, absent);
    let mut breakdown = Breakdown {
        m5: absent,
        h1: absent,
    };
    let mut fast = false;
    let is_object = reader.object(|reader, key| {
        match key {
            b"input_tokens" => input = count(&reader.scalar()?),
            b"output_tokens" => output = count(&reader.scalar()?),
            b"cache_creation_input_tokens" => creation = count(&reader.scalar()?),
            b"cache_read_input_tokens" => read = count(&reader.scalar()?),
            b"cache_creation" => breakdown = Breakdown::read(reader)?,
            b"speed" => fast = text(reader.scalar()?).is_some_and(|speed| speed == "fast"),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    if !is_object {
        return Ok(None);
    }
    let counts = || {
        let (m5, h1) = (breakdown.m5?.unwrap_or(0), breakdown.h1?.unwrap_or(0));
        let cache_creation = creation?.unwrap_or(m5 + h1);
        Ok(Counts {
            tokens: Tokens {
                input: input?.unwrap_or(0),
                output: output?.unwrap_or(0),
                cache_creation,
                cache_read: read?.unwrap_or(0),
            },
            write_5m: m5.max(cache_creation.saturating_sub(h1)),
            write_1h: h1,
            fast,
        })
    };
    Ok(Some(counts()))
}

type Count = Result<Option<u64>, Malformed>;

/// How cache writes divide by lifetime.
#[derive(Clone, Copy)]
struct Breakdown {
    m5: Count,
    h1: Count,
}

impl Breakdown {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut breakdown = Self {
            m5: Ok(None),
            h1: Ok(None),
        };
        reader.object(|reader, key| {
            match key {
                b"ephemeral_5m_input_tokens" => breakdown.m5 = count(&reader.scalar()?),
                b"ephemeral_1h_input_tokens" => breakdown.h1 = count(&reader.scalar()?),
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(breakdown)
    }
}

/// A token count: a whole number from 0 to [`TOKENS_MAX`], or nothing if null.
fn count(value: &Scalar<'_>) -> Count {
    let number = match value {
        Scalar::Null => return Ok(None),
        Scalar::Number(number) => number,
        _ => return Err(Malformed),
    };
    if let Ok(count) = number.parse::<u64>() {
        return if count <= TOKENS_MAX {
            Ok(Some(count))
        } else {
            Err(Malformed)
        };
    }
    match number.parse::<f64>() {
        Ok(count) if count.fract() == 0.0 && (0.0..=TOKENS_MAX as f64).contains(&count) => {
            Ok(Some(count as u64))
        }
        _ => Err(Malformed),
    }
}

fn stated_cost(value: &Scalar<'_>) -> Option<u64> {
    let Scalar::Number(number) = value else {
        return None;
    };
    let dollars: f64 = number.parse().ok()?;
    (0.0..=STATED_COST_MAX)
        .contains(&dollars)
        .then(|| (dollars * PICO).round() as u64)
}

fn text(value: Scalar<'_>) -> Option<Cow<'_, str>> {
    match value {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}

fn boolean(value: &Scalar<'_>) -> Option<bool> {
    match value {
        Scalar::Bool(value) => Some(*value),
        _ => None,
    }
}

fn unix_millis(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}
