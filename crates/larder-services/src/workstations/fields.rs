//! What a client may say of a workstation: each field with what it may be, all complaints at once.
//!
//! It must not know SQL, though it knows the columns' names.

use std::net::IpAddr;

use axum::http::StatusCode;
use jiff::Timestamp;
use larder_http::Problem;
use serde_json::{Map, Value, json};

const TEXT_CHARS_MAX: usize = 1_024;
const EMULATORS_MAX: i64 = 10_000;
const STATUSES: [&str; 5] = ["online", "offline", "connecting", "error", "unknown"];
/// What [`Fields`] says of the workstation's state, and so when it was last seen.
const REPORTED: [&str; 6] = [
    "status",
    "total_emulators",
    "active_emulators",
    "cpu_usage",
    "memory_usage",
    "disk_usage",
];

/// A column's new value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum {
    Text(Option<String>),
    Whole(i64),
    Real(f64),
}

/// Columns with their new values, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(pub(super) Vec<(&'static str, Datum)>);

enum Kind {
    /// Not empty, of so many characters at most.
    Name(usize),
    Host,
    Status,
    Whole(i64, i64),
    Percent,
    Moment,
    Text,
    Switch,
    /// Taken from clients that send one, and not kept: nothing here logs in to a workstation.
    Password,
}

/// A field's name, its column, and what it may be.
const FIELDS: [(&str, &str, Kind); 21] = [
    ("name", "name", Kind::Name(100)),
    ("ip_address", "ip_address", Kind::Host),
    ("host", "ip_address", Kind::Host),
    ("status", "status", Kind::Status),
    (
        "total_emulators",
        "total_emulators",
        Kind::Whole(0, EMULATORS_MAX),
    ),
    (
        "active_emulators",
        "active_emulators",
        Kind::Whole(0, EMULATORS_MAX),
    ),
    ("cpu_usage", "cpu_usage", Kind::Percent),
    ("memory_usage", "memory_usage", Kind::Percent),
    ("disk_usage", "disk_usage", Kind::Percent),
    ("last_seen", "last_seen", Kind::Moment),
    ("username", "username", Kind::Text),
    ("password", "", Kind::Password),
    ("ldplayer_path", "ldplayer_path", Kind::Text),
    ("ldconsole_path", "ldconsole_path", Kind::Text),
    ("configs_path", "configs_path", Kind::Text),
    ("smb_enabled", "smb_enabled", Kind::Switch),
    (
        "powershell_remoting_enabled",
        "powershell_remoting_enabled",
        Kind::Switch,
    ),
    ("winrm_port", "winrm_port", Kind::Whole(1, 65_535)),
    ("port", "winrm_port", Kind::Whole(1, 65_535)),
    ("monitoring_enabled", "monitoring_enabled", Kind::Switch),
    (
        "monitoring_interval",
        "monitoring_interval",
        Kind::Whole(1, 86_400),
    ),
];

/// A field's name and what was expected of it.
type Complaint = (String, String);

impl Fields {
    /// Those of a new workstation, which has a name and an address.
    ///
    /// # Errors
    /// A 422 that names each field that is not as it should be.
    pub(super) fn of_new(given: &Map<String, Value>, now: Timestamp) -> Result<Self, Problem> {
        let (mut fields, mut complaints) = read(given);
        for (needed, column) in [("name", "name"), ("ip_address", "ip_address")] {
            let is_named = complaints
                .iter()
                .any(|(field, _)| is_of_column(field, column));
            if !fields.has(column) && !is_named {
                complaints.push((needed.to_owned(), "is missing".to_owned()));
            }
        }
        fields.stamp(now);
        refuse(&complaints).map(|()| fields)
    }

    /// What is to change of the workstation `id`. Its own id may stand in it, as a client reads it.
    ///
    /// # Errors
    /// As for a new one.
    pub(super) fn of_known(
        id: i64,
        mut given: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let other_id = given.remove("id").is_some_and(|given| given != json!(id));
        let (mut fields, mut complaints) = read(&given);
        if other_id {
            complaints.push(("id".to_owned(), format!("expected {id}, or none")));
        }
        fields.stamp(now);
        refuse(&complaints)?;
        if fields.0.is_empty() {
            let detail = "expected a field to change";
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad-fields",
                detail,
            ));
        }
        Ok(fields)
    }

    fn has(&self, column: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == column)
    }

    /// Whoever reports a state has just seen it.
    fn stamp(&mut self, now: Timestamp) {
        if !self.has("last_seen") && REPORTED.iter().any(|column| self.has(column)) {
            self.0
                .push(("last_seen", Datum::Text(Some(format!("{now:.3}")))));
        }
    }
}

fn read(given: &Map<String, Value>) -> (Fields, Vec<Complaint>) {
    let (mut fields, mut complaints) = (Fields::default(), Vec::new());
    for (name, value) in given {
        let mut complain = |expected: &str| complaints.push((shortened(name), expected.to_owned()));
        let Some((_, column, kind)) = FIELDS.iter().find(|(known, _, _)| known == name) else {
            complain("is no field of a workstation");
            continue;
        };
        if fields.has(column) {
            complain("is given twice, under two names");
            continue;
        }
        match kind.read(value) {
            Ok(Some(datum)) => fields.0.push((*column, datum)),
            Ok(None) => {}
            Err(expected) => complain(&format!("expected {expected}")),
        }
    }
    (fields, complaints)
}

fn is_of_column(field: &str, column: &str) -> bool {
    FIELDS
        .iter()
        .any(|(name, of, _)| *name == field && *of == column)
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

fn refuse(complaints: &[Complaint]) -> Result<(), Problem> {
    let Some((field, expected)) = complaints.first() else {
        return Ok(());
    };
    let detail = format!("{field}: {expected}");
    let errors: Vec<_> = complaints
        .iter()
        .map(|(field, detail)| json!({ "field": field, "detail": detail }))
        .collect();
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-fields", detail);
    Err(problem.with("errors", errors))
}

/// The database's own check has refused it.
pub(super) fn too_many_active() -> Problem {
    let expected = "expected no more than total_emulators".to_owned();
    let refused = refuse(&[("active_emulators".to_owned(), expected)]);
    refused.expect_err("there is a complaint")
}

impl Kind {
    /// The value for the column, or what was expected; nothing for a column that there is not.
    fn read(&self, value: &Value) -> Result<Option<Datum>, String> {
        let datum = match self {
            Self::Name(max) => text(value, *max).map(|name| Datum::Text(Some(name))),
            Self::Host => value.as_str().filter(|host| is_host(host)).map(owned),
            Self::Status => value
                .as_str()
                .filter(|status| STATUSES.contains(status))
                .map(owned),
            Self::Whole(min, max) => {
                let whole = value.as_i64().filter(|whole| (*min..=*max).contains(whole));
                whole.map(Datum::Whole)
            }
            Self::Percent => {
                let percent = value
                    .as_f64()
                    .filter(|percent| (0.0..=100.0).contains(percent));
                percent.map(Datum::Real)
            }
            Self::Moment if value.is_null() => Some(Datum::Text(None)),
            Self::Moment => {
                let moment = value
                    .as_str()
                    .and_then(|text| text.parse::<Timestamp>().ok());
                moment.map(|moment| Datum::Text(Some(format!("{moment:.3}"))))
            }
            Self::Text if value.is_null() || value == "" => Some(Datum::Text(None)),
            Self::Text => text(value, TEXT_CHARS_MAX).map(|text| Datum::Text(Some(text))),
            Self::Switch => value.as_bool().map(|is_on| Datum::Whole(is_on.into())),
            Self::Password if value.is_null() || text(value, TEXT_CHARS_MAX).is_some() => {
                return Ok(None);
            }
            Self::Password => None,
        };
        datum.map(Some).ok_or_else(|| self.expected())
    }

    fn expected(&self) -> String {
        match self {
            Self::Name(max) => {
                format!("a text of 1 to {max} characters, none of them a control character")
            }
            Self::Host => "an IP address or a host name".to_owned(),
            Self::Status => format!("one of {}", STATUSES.join(", ")),
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Percent => "a number from 0 to 100".to_owned(),
            Self::Moment => "a time such as \"2026-03-01T10:00:00Z\", or null".to_owned(),
            Self::Text | Self::Password => format!(
                "a text of at most {TEXT_CHARS_MAX} characters, none of them a control character, or null"
            ),
            Self::Switch => "true or false".to_owned(),
        }
    }
}

fn owned(text: &str) -> Datum {
    Datum::Text(Some(text.to_owned()))
}

fn text(value: &Value, chars_max: usize) -> Option<String> {
    let text = value.as_str()?.trim();
    let is_good = !text.is_empty()
        && text.chars().count() <= chars_max
        && !text.chars().any(char::is_control);
    is_good.then(|| text.to_owned())
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    // What has only digits and dots and is no address is a mistyped one.
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<IpAddr>().is_ok()
        || (text.len() <= 253 && !is_number && text.split('.').all(is_label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_new(given: Value) -> Result<Fields, Vec<String>> {
        let Value::Object(given) = given else {
            panic!("an object")
        };
        let (fields, complaints) = read(&given);
        let named = complaints
            .into_iter()
            .map(|(field, _)| field)
            .collect::<Vec<_>>();
        if named.is_empty() {
            Ok(fields)
        } else {
            Err(named)
        }
    }

    #[test]
    fn each_field_has_its_limits() {
        let good = json!({
            "name": " büro 1 ", "host": "pc-7.example", "port": 1, "cpu_usage": 0, "memory_usage": 99.5,
            "username": "", "last_seen": "2026-03-01T10:00:00+01:00", "password": "geheim", "smb_enabled": true,
        });
        let fields = of_new(good).unwrap();
        let of = |column: &str| {
            fields
                .0
                .iter()
                .find(|(name, _)| *name == column)
                .map(|(_, datum)| datum.clone())
        };
        assert_eq!(of("name"), Some(owned("büro 1")));
        assert_eq!(of("winrm_port"), Some(Datum::Whole(1)));
        assert_eq!(of("username"), Some(Datum::Text(None)));
        assert_eq!(of("last_seen"), Some(owned("2026-03-01T09:00:00.000Z")));
        assert_eq!(of("smb_enabled"), Some(Datum::Whole(1)));
        assert!(!format!("{fields:?}").contains("geheim"));
        for (field, bad) in [
            ("name", json!("")),
            ("name", json!("a\u{0}b")),
            ("name", json!("x".repeat(101))),
            ("ip_address", json!("10.0.0.256")),
            ("ip_address", json!("a b")),
            ("ip_address", json!("-a.example")),
            ("port", json!(0)),
            ("port", json!(65_536)),
            ("port", json!("80")),
            ("winrm_port", json!(5985.5)),
            ("cpu_usage", json!(100.1)),
            ("status", json!("sleeping")),
            ("total_emulators", json!(-1)),
            ("last_seen", json!("yesterday")),
            ("smb_enabled", json!(1)),
            ("monitoring_interval", json!(0)),
            ("colour", json!("red")),
        ] {
            assert_eq!(
                of_new(json!({ field: bad })),
                Err(vec![field.to_owned()]),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_column_is_given_once_under_whichever_name() {
        let twice = json!({ "host": "a", "ip_address": "b" });
        assert_eq!(of_new(twice).unwrap_err().len(), 1);
    }
}
