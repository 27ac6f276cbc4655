//! Conditions such as `p99<2ms`, and whether a report meets them. It must not know how it was measured.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::report::{Report, Side};
use crate::figures;

/// A condition on a figure of a report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Threshold {
    /// As it was given.
    text: String,
    /// `None` is the side that matters: what is cached, or the only one.
    side: Option<String>,
    figure: Figure,
    order: Order,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    /// By the name of a latency, in milliseconds.
    Latency(&'static str),
    /// Requests without a good answer, in per cent of all.
    ErrorPercent,
    Errors,
    Rps,
    Speedup,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A condition and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Judged {
    pub(super) condition: String,
    pub(super) is_met: bool,
    /// The figure in words.
    pub(super) found: String,
}

const FIGURES: &str = "mean, sd, min, p50, p75, p90, p95, p99, p99.9, max, errors, rps or speedup";
const UNITS: [(&str, f64); 5] = [
    ("ns", 1e-6),
    ("us", 1e-3),
    ("µs", 1e-3),
    ("ms", 1.0),
    ("s", 1e3),
];

impl Threshold {
    /// The side that it names.
    pub(super) fn side(&self) -> Option<&str> {
        self.side.as_deref()
    }

    /// Whether it needs two sides.
    pub(super) fn is_of_speedup(&self) -> bool {
        self.figure == Figure::Speedup
    }

    /// Holds a report against it; a figure that could not be measured meets nothing.
    pub(super) fn judge(&self, report: &Report) -> Judged {
        let side = match &self.side {
            Some(name) => report.sides.iter().find(|side| side.name == *name),
            None => report.sides.last(),
        };
        let found = match self.figure {
            Figure::Speedup => report
                .speedup
                .as_ref()
                .and_then(|s| s.mean)
                .map(|s| s.value),
            _ => side.and_then(|side| self.figure.of(side)),
        };
        Judged {
            condition: self.text.clone(),
            is_met: found.is_some_and(|found| self.order.holds(found, self.limit)),
            found: found.map_or_else(|| "nothing".to_owned(), |found| self.figure.show(found)),
        }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find(['<', '>']).ok_or(
            r#"expected FIGURE<LIMIT or FIGURE>LIMIT such as "p99<2ms", "errors<1%" or "speedup>5""#,
        )?;
        let (name, rest) = text.split_at(at);
        let (sign, limit) = rest.split_at(if rest[1..].starts_with('=') { 2 } else { 1 });
        let (side, name) = match name.trim().split_once('.') {
            Some((side @ ("cached" | "uncached"), name)) => (Some(side.to_owned()), name),
            _ => (None, name.trim()),
        };
        let (figure, limit) = figure(name, limit.trim())?;
        Ok(Self {
            text: text.to_owned(),
            side,
            figure,
            order: match sign {
                "<" => Order::Less,
                "<=" => Order::LessOrEqual,
                ">" => Order::Greater,
                _ => Order::GreaterOrEqual,
            },
            limit,
        })
    }
}

fn figure(name: &str, limit: &str) -> Result<(Figure, f64), String> {
    const LATENCIES: [&str; 10] = [
        "mean", "sd", "min", "p50", "p75", "p90", "p95", "p99", "p99.9", "max",
    ];
    if let Some(latency) = LATENCIES.into_iter().find(|latency| *latency == name) {
        let limit = milliseconds(limit);
        let limit = limit.ok_or_else(|| format!(r#"{name}: expected a time such as "2ms""#))?;
        return Ok((Figure::Latency(latency), limit));
    }
    let (figure, text, unit) = match (name, limit.strip_suffix('%')) {
        ("errors", Some(percent)) => (Figure::ErrorPercent, percent, ""),
        ("errors", None) => (Figure::Errors, limit, " or of per cent"),
        ("rps", _) => (Figure::Rps, limit, ""),
        ("speedup", _) => (
            Figure::Speedup,
            limit.strip_suffix('x').unwrap_or(limit),
            "",
        ),
        _ => {
            return Err(format!(
                "{name:?}: expected {FIGURES}, maybe after `cached.` or `uncached.`"
            ));
        }
    };
    let limit = number(text).ok_or_else(|| format!("{name}: expected a number{unit}"))?;
    Ok((figure, limit))
}

fn milliseconds(text: &str) -> Option<f64> {
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == text[end..].trim())?;
    Some(number(&text[..end])? * factor)
}

fn number(text: &str) -> Option<f64> {
    let number = text.trim().parse::<f64>().ok();
    number.filter(|number| number.is_finite() && *number >= 0.0)
}

impl Figure {
    fn of(self, side: &Side) -> Option<f64> {
        match self {
            Self::Latency(name) => side.latency_ms.as_ref()?.named(name),
            Self::ErrorPercent => side.error_rate.map(|rate| 100.0 * rate),
            Self::Errors => Some(side.failed() as f64),
            Self::Rps => side.requests_per_second.map(|rps| rps.mean),
            Self::Speedup => None,
        }
    }

    fn show(self, found: f64) -> String {
        match self {
            Self::Latency(_) => figures::latency(Some(found * 1e6)),
            Self::ErrorPercent => format!("{found:.3} %"),
            Self::Errors => format!("{found}"),
            Self::Rps => format!("{found:.1}/s"),
            Self::Speedup => figures::times(found),
        }
    }
}

impl Order {
    fn holds(self, found: f64, limit: f64) -> bool {
        match self {
            Self::Less => found < limit,
            Self::LessOrEqual => found <= limit,
            Self::Greater => found > limit,
            Self::GreaterOrEqual => found >= limit,
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_met { "met" } else { "missed" };
        write!(f, "{}: {word}, {} found", self.condition, self.found)
    }
}

#[cfg(test)]
#[path = "threshold/tests.rs"]
mod tests;
