//! The server's own words on a failure: an RFC 9457 problem, or whatever else
//! came.
//!
//! It must not know what a status means for the caller.

use std::fmt;

use serde::Deserialize;

use crate::figures;

/// The longest text taken from an answer that is no problem document.
const TEXT_CHARS_MAX: usize = 200;

/// What went wrong on the server's side.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What kind of problem it is.
    pub(crate) title: String,
    /// What happened this time.
    pub(crate) detail: String,
    /// How far the first scan is.
    pub(crate) progress: Option<Progress>,
    /// Directories without logs.
    pub(crate) looked_in: Vec<String>,
    /// How to go on.
    pub(crate) hint: Option<String>,
}

/// How far the first scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Progress {
    pub(crate) files_done: u64,
    pub(crate) files_total: u64,
    pub(crate) bytes_done: u64,
    pub(crate) bytes_total: u64,
}

impl Progress {
    /// The part that is done, 0 to 1.
    pub(crate) fn fraction(&self) -> f64 {
        if self.bytes_total == 0 {
            return 0.0;
        }
        (self.bytes_done as f64 / self.bytes_total as f64).clamp(0.0, 1.0)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} files, {} of {}",
            figures::count(self.files_done),
            figures::count(self.files_total),
            figures::bytes(self.bytes_done),
            figures::bytes(self.bytes_total)
        )
    }
}

impl Problem {
    /// The problem that a body tells of; the body's beginning when it is none.
    pub(crate) fn parse(status: u16, body: &str) -> Self {
        let parsed: Option<Self> = serde_json::from_str(body).ok();
        let problem = parsed.filter(|problem| !problem.title.is_empty());
        let problem = problem.unwrap_or_else(|| Self {
            detail: body.trim().chars().take(TEXT_CHARS_MAX).collect(),
            ..Self::default()
        });
        Self { status, ..problem }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = [&self.title, &self.detail]
            .into_iter()
            .chain(self.hint.as_ref())
            .filter(|text| !text.is_empty())
            .map(|text| figures::printable(text).trim_end_matches('.').to_owned());
        let mut said: Vec<String> = texts.collect();
        if let Some(progress) = &self.progress {
            said.push(progress.to_string());
        }
        if !self.looked_in.is_empty() {
            let places = self.looked_in.iter().map(|place| figures::printable(place));
            said.push(format!(
                "looked in {}",
                places.collect::<Vec<_>>().join(", ")
            ));
        }
        if said.is_empty() {
            return write!(f, "status {}", self.status);
        }
        write!(f, "{} (status {})", said.join(": "), self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_problem_is_quoted_briefly_and_without_control_characters() {
        let problem = Problem::parse(502, &format!("<html>\u{1b}[2J{}", "x".repeat(5_000)));
        let text = problem.to_string();
        assert!(text.starts_with("<html>"), "{text}");
        assert!(!text.contains('\u{1b}') && text.len() < 300, "{text}");
        assert!(text.ends_with("(status 502)"), "{text}");
    }

    #[test]
    fn a_scan_without_known_size_is_at_zero() {
        let body = r#"{"title":"Scanning","status":503,
            "progress":{"files_done":0,"files_total":0,"bytes_done":0,"bytes_total":0}}"#;
        let progress = Problem::parse(503, body).progress.expect("progress");
        assert!(progress.fraction().abs() < f64::EPSILON);
    }
}
