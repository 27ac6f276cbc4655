//! Two ways by turns, and their medians as a text.

use std::time::{Duration, Instant};

/// What something takes without the cache, and with it.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) without: f64,
    pub(super) with: f64,
}

/// Both by turns, so that they see the machine alike: each returns the seconds of one call. The first
/// round warms up.
pub(super) fn by_turns(
    rounds: usize,
    mut without: impl FnMut() -> anyhow::Result<f64>,
    mut with: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<Pair> {
    let mut times = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let pair = (without()?, with()?);
        if round > 0 {
            times.0.push(pair.0);
            times.1.push(pair.1);
        }
    }
    Ok(Pair {
        without: median(times.0),
        with: median(times.1),
    })
}

/// The seconds of one of so many calls.
pub(super) fn each(
    calls: usize,
    mut call: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for _ in 0..calls {
        call()?;
    }
    Ok(begun.elapsed().as_secs_f64() / calls as f64)
}

/// As [`each`], of calls that are awaited.
pub(super) async fn each_awaited(
    calls: usize,
    mut call: impl AsyncFnMut() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for _ in 0..calls {
        call().await?;
    }
    Ok(begun.elapsed().as_secs_f64() / calls as f64)
}

/// As [`by_turns`], of calls that are awaited and timed here; the second ones are so many a round, for their mean.
pub(super) async fn by_turns_awaited(
    rounds: usize,
    mut without: impl AsyncFnMut() -> anyhow::Result<()>,
    (calls, mut with): (usize, impl AsyncFnMut() -> anyhow::Result<()>),
) -> anyhow::Result<Pair> {
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        times.0.push(each_awaited(1, &mut without).await?);
        times.1.push(each_awaited(calls, &mut with).await?);
    }
    Ok(Pair {
        without: median(times.0),
        with: median(times.1),
    })
}

/// 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample.
pub(super) fn spread(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

impl Pair {
    pub(super) fn ratio(self) -> f64 {
        self.without / self.with
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (without, with) = (seconds(self.without), seconds(self.with));
        write!(out, "{without} → {with}, {}×", whole(self.ratio()))
    }
}

/// Two figures and a unit.
pub(super) fn seconds(seconds: f64) -> String {
    let (number, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "µs"),
        s => (s * 1e9, "ns"),
    };
    let digits = usize::from(number < 10.0);
    format!("{number:.digits$} {unit}")
}

pub(super) fn took(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

/// 1,234 or 1.2.
pub(super) fn whole(number: f64) -> String {
    if number < 10.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn bytes(bytes: f64) -> String {
    match bytes {
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.1} kB", b / 1e3),
        b => format!("{b:.0} bytes"),
    }
}

pub(super) fn percent(part: u64, of: u64) -> String {
    if of == 0 {
        return "none".to_owned();
    }
    format!("{:.1} %", part as f64 * 100.0 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_their_units() {
        let texts = [2.5, 0.25, 0.0104, 41e-6, 1.5e-7].map(seconds);
        assert_eq!(texts, ["2.5 s", "250 ms", "10 ms", "41 µs", "150 ns"]);
        let texts = [1.25, 12.4, 1_234.0, 1_234_567.0].map(whole);
        assert_eq!(texts, ["1.2", "12", "1,234", "1,234,567"]);
        assert_eq!(
            [207.0, 48_000.0, 2.5e6].map(bytes),
            ["207 bytes", "48.0 kB", "2.5 MB"]
        );
        assert_eq!(percent(42, 50), "84.0 %");
        assert!((spread(&[1.0, 2.0, 3.0]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_first_round_is_not_counted_and_the_median_stands() {
        let mut slow = [9.0, 1.0, 3.0, 2.0].into_iter();
        let mut fast = [9.0, 0.5, 0.5, 0.5].into_iter();
        let pair = by_turns(
            3,
            || slow.next().ok_or(anyhow::anyhow!("no more")),
            || fast.next().ok_or(anyhow::anyhow!("no more")),
        );
        let pair = pair.expect("there are enough");
        assert_eq!(pair.to_string(), "2.0 s → 500 ms, 4.0×");
    }
}
