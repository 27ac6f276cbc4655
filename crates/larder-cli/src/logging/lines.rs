//! One line of the log: for people, or as JSON; with the request that it belongs to.

use std::fmt::{self, Debug};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;
use crate::traces::{Request, request_of};

/// How lines are written.
pub(super) struct Lines(pub(super) LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let scope = context.event_scope();
        let request = scope.and_then(|mut spans| spans.find_map(|span| request_of(&span)));
        match self.0 {
            LogFormat::Text => text(&mut writer, event, request.as_ref())?,
            LogFormat::Json => json(&mut writer, event, request.as_ref())?,
        }
        writer.write_char('\n')
    }
}

/// `2026-11-22T00:31:02.114Z  INFO listening address=127.0.0.1:7070`
fn text(writer: &mut Writer<'_>, event: &Event<'_>, request: Option<&Request>) -> fmt::Result {
    SystemTime.format_time(writer)?;
    let level = *event.metadata().level();
    if writer.has_ansi_escapes() {
        write!(writer, " \u{1b}[{}m{level:>5}\u{1b}[0m ", colour(level))?;
    } else {
        write!(writer, " {level:>5} ")?;
    }
    DefaultFields::new().format_fields(writer.by_ref(), event)?;
    if let Some(Request { id, trace }) = request {
        write!(writer, " request_id={id} trace_id={trace:032x}")?;
    }
    Ok(())
}

const fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

/// One object: `timestamp`, `level`, what was logged, `target`, and of a request `request_id` and
/// `trace_id`.
fn json(writer: &mut Writer<'_>, event: &Event<'_>, request: Option<&Request>) -> fmt::Result {
    let (mut time, mut line) = (String::new(), Object(Map::new()));
    SystemTime.format_time(&mut Writer::new(&mut time))?;
    event.record(&mut line);
    let mut line = line.0;
    // Last, so that nothing that is logged takes their place.
    line.insert("timestamp".into(), time.into());
    line.insert("level".into(), event.metadata().level().as_str().into());
    line.insert("target".into(), event.metadata().target().into());
    if let Some(Request { id, trace }) = request {
        line.insert("request_id".into(), (&**id).into());
        line.insert("trace_id".into(), format!("{trace:032x}").into());
    }
    write!(writer, "{}", Value::Object(line))
}

/// The fields of an event as members.
struct Object(Map<String, Value>);

impl Object {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Object {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

/// Writes no fields of spans: lines name only what tells their request.
pub(super) struct Silent;

impl<'a> FormatFields<'a> for Silent {
    fn format_fields<R: RecordFields>(&self, _: Writer<'a>, _: R) -> fmt::Result {
        Ok(())
    }
}
