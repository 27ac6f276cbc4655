//! The report as text.

use std::fmt::{self, Display, Formatter};

use super::{Analytics, Measured, Status};
use crate::bench::statistics;
use crate::figures::printable;

/// Between the report and what is around it, and under a heading.
const DOUBLE: char = '═';
const DOUBLE_CHARS: usize = 79;
const SINGLE: char = '─';
const SINGLE_CHARS: usize = 77;

pub(super) struct Report {
    /// Local time.
    pub(super) generated: String,
    /// Before the first question.
    pub(super) status: Status,
    pub(super) measured: Vec<Measured>,
    /// After the last.
    pub(super) analytics: Analytics,
}

/// Mean and sample standard deviation of some times.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    mean: f64,
    deviation: f64,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let line = DOUBLE.to_string().repeat(DOUBLE_CHARS);
        writeln!(f, "{line}\nCACHE PERFORMANCE ANALYSIS REPORT")?;
        writeln!(f, "Generated: {}\n{line}", self.generated)?;
        self.backends(f)?;
        self.queries(f)?;
        self.aggregate(f)?;
        self.current(f)?;
        heading(f, "OPTIMIZATION RECOMMENDATIONS")?;
        for advice in &self.analytics.optimization_recommendations {
            writeln!(f, "  • {}", printable(advice))?;
        }
        self.summary(f)?;
        writeln!(f, "\n{line}")
    }
}

impl Report {
    fn backends(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, "CACHE BACKEND STATUS")?;
        let backends = &self.status.cache_backends;
        writeln!(
            f,
            "  Current Mode: {}",
            printable(&self.status.current_mode)
        )?;
        writeln!(f, "  Memory Cache: {}", printable(&backends.memory_cache))?;
        writeln!(f, "  Redis Cache: {}", printable(&backends.redis_cache))
    }

    fn queries(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, "QUERY PERFORMANCE TEST RESULTS")?;
        for (number, one) in self.measured.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            let first = if one.first.was_cached {
                "cached already"
            } else {
                "uncached"
            };
            let second = if one.second.was_cached {
                "Cached call"
            } else {
                "Second call (not cached)"
            };
            let (before, after) = (one.first.took_ms, one.second.took_ms);
            writeln!(f, "  Query: {}", printable(&one.query))?;
            writeln!(f, "    First call ({first}): {before:.2}ms")?;
            writeln!(f, "    {second}: {after:.2}ms")?;
            writeln!(f, "    Speedup: {}", speedup(before, after))?;
        }
        Ok(())
    }

    fn aggregate(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, "AGGREGATE STATISTICS")?;
        let Some((first, second)) = self.spreads() else {
            return writeln!(
                f,
                "  None: no first call was uncached and its second cached"
            );
        };
        writeln!(f, "  Average first call: {:.2}ms", first.mean)?;
        writeln!(f, "  Average cached call: {:.2}ms", second.mean)?;
        writeln!(f, "  Average speedup: {:.2}x", first.mean / second.mean)?;
        writeln!(f, "  Std dev (first call): {:.2}ms", first.deviation)?;
        writeln!(f, "  Std dev (cached): {:.2}ms", second.deviation)?;
        let left_out = self.measured.len() - self.pairs().count();
        if left_out > 0 {
            writeln!(
                f,
                "  Left out: {left_out} queries whose first call was cached, or whose second was not"
            )?;
        }
        Ok(())
    }

    fn current(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, "CURRENT CACHE PERFORMANCE")?;
        let done = &self.analytics.cache_performance;
        let (hits, misses) = (done.successful_cache_hits, done.cache_misses);
        let times = &done.average_response_times;
        let room = &self.analytics.cache_infrastructure;
        writeln!(
            f,
            "  Hit rate: {} ({hits} hits, {misses} misses)",
            printable(&done.overall_hit_rate)
        )?;
        writeln!(
            f,
            "  Average hit: {:.3}ms (without the way to the daemon)",
            times.with_cache_ms
        )?;
        writeln!(f, "  Average RPC call: {:.3}ms", times.without_cache_ms)?;
        writeln!(
            f,
            "  Time saved: {:.1}ms",
            done.total_time_saved.milliseconds
        )?;
        let (entries, mb) = (room.memory_entries, room.estimated_memory_usage_mb);
        writeln!(f, "  Memory: {entries} entries, {mb:.3} MB")
    }

    fn summary(&self, f: &mut Formatter<'_>) -> fmt::Result {
        heading(f, "SUMMARY")?;
        let hits = self
            .measured
            .iter()
            .filter(|one| one.second.was_cached)
            .count();
        let all = self.measured.len();
        write!(
            f,
            "  {hits} of {all} second calls were answered from the cache"
        )?;
        match self.spreads() {
            Some((first, second)) => {
                let each = first.mean - second.mean;
                writeln!(f, "; one that is takes {each:.2}ms less.")
            }
            None => writeln!(f, "."),
        }
    }

    /// Those whose first call was uncached and whose second was not: they alone show what is saved.
    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        let is_pair = |one: &&Measured| !one.first.was_cached && one.second.was_cached;
        let pairs = self.measured.iter().filter(is_pair);
        pairs.map(|one| (one.first.took_ms, one.second.took_ms))
    }

    fn spreads(&self) -> Option<(Spread, Spread)> {
        let (first, second): (Vec<_>, Vec<_>) = self.pairs().unzip();
        Some((Spread::of(&first)?, Spread::of(&second)?))
    }
}

impl Spread {
    fn of(times: &[f64]) -> Option<Self> {
        Some(Self {
            mean: statistics::mean(times)?,
            deviation: statistics::deviation(times).unwrap_or(0.0),
        })
    }
}

fn heading(f: &mut Formatter<'_>, title: &str) -> fmt::Result {
    let line = SINGLE.to_string().repeat(SINGLE_CHARS);
    writeln!(f, "\n{title}\n{line}")
}

fn speedup(before: f64, after: f64) -> String {
    let times = before / after;
    if times >= 1.0 {
        format!("{times:.2}x faster")
    } else {
        format!("{:.2}x slower", after / before)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Call;
    use super::*;

    fn measured(query: &str, first: (f64, bool), second: (f64, bool)) -> Measured {
        let call = |(took_ms, was_cached)| Call {
            took_ms,
            was_cached,
        };
        Measured {
            query: query.to_owned(),
            first: call(first),
            second: call(second),
        }
    }

    fn report(measured: Vec<Measured>) -> String {
        let status = json!({
            "current_mode": "dual",
            "cache_backends": { "memory_cache": "active", "redis_cache": "connected" },
        });
        let analytics = json!({
            "cache_performance": {
                "overall_hit_rate": "84.0%", "successful_cache_hits": 42, "cache_misses": 8,
                "average_response_times": { "with_cache_ms": 45.2, "without_cache_ms": 285.6 },
                "total_time_saved": { "milliseconds": 10096.8 },
            },
            "cache_infrastructure": { "memory_entries": 12, "estimated_memory_usage_mb": 0.048 },
            "optimization_recommendations": ["✅ Cache performing optimally with high hit rate"],
        });
        let report = Report {
            generated: "2025-12-02 14:35:22".to_owned(),
            status: serde_json::from_value(status).unwrap(),
            measured,
            analytics: serde_json::from_value(analytics).unwrap(),
        };
        report.to_string()
    }

    /// The lines of the document's sample, in their order.
    #[test]
    fn the_report_is_as_the_sample() {
        let text = report(vec![
            measured(
                "how to use reverb in mixing",
                (285.63, false),
                (45.12, true),
            ),
            measured("other", (271.27, false), (40.66, true)),
        ]);
        let sample = format!(
            "{double}\nCACHE PERFORMANCE ANALYSIS REPORT\nGenerated: 2025-12-02 14:35:22\n{double}\n\n\
             CACHE BACKEND STATUS\n{single}\n  Current Mode: dual\n  Memory Cache: active\n  \
             Redis Cache: connected\n\nQUERY PERFORMANCE TEST RESULTS\n{single}\n  \
             Query: how to use reverb in mixing\n    First call (uncached): 285.63ms\n    \
             Cached call: 45.12ms\n    Speedup: 6.33x faster\n",
            double = "═".repeat(79),
            single = "─".repeat(77),
        );
        assert!(text.starts_with(&sample), "{text}");
        let aggregate = "  Average first call: 278.45ms\n  Average cached call: 42.89ms\n  \
                         Average speedup: 6.49x\n  Std dev (first call): 10.15ms\n  \
                         Std dev (cached): 3.15ms\n";
        assert!(text.contains(aggregate), "{text}");
        assert!(text.contains("  • ✅ Cache performing optimally"), "{text}");
        assert!(text.contains("takes 235.56ms less."), "{text}");
    }

    #[test]
    fn a_first_call_that_was_cached_already_is_named_and_left_out() {
        let text = report(vec![
            measured("a", (5.0, true), (4.0, true)),
            measured("b", (100.0, false), (4.0, true)),
        ]);
        assert!(
            text.contains("First call (cached already): 5.00ms"),
            "{text}"
        );
        assert!(text.contains("Average first call: 100.00ms"), "{text}");
        assert!(text.contains("Left out: 1 queries"), "{text}");
        assert!(
            text.contains("Std dev (first call): 0.00ms"),
            "one has no spread: {text}"
        );
        let text = report(vec![measured("a", (5.0, true), (10.0, true))]);
        assert!(text.contains("None: no first call was uncached"), "{text}");
        assert!(text.contains("Speedup: 2.00x slower"), "{text}");
    }
}
