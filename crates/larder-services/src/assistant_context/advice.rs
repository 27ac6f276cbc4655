//! What the figures say, and what to do about it: the signals that its document watches, and the advice
//! that follows from them.
//!
//! Pure: figures in, words out.

use larder::remote::LinkState;

use super::ledger::{Account, Recent};

/// The hit rate to aim for, in percent.
const HIT_PERCENT: f64 = 75.0;
/// Above it, with so many requests, perhaps what should be asked anew is cached.
const OVER_CACHING_PERCENT: f64 = 95.0;
const OVER_CACHING_REQUESTS: u64 = 100;
const HIT_MS_MAX: f64 = 100.0;
const MISS_MS_MAX: f64 = 400.0;
const MEMORY_MB_MAX: f64 = 100.0;
/// A memory this full puts entries out.
const FULL_PERCENT: f64 = 90.0;
/// RPC failures of all calls, in percent: a few, and too many.
const FAILURES_FEW: f64 = 1.0;
const FAILURES_MANY: f64 = 5.0;

/// What advice is made from.
pub(super) struct Observed {
    pub(super) account: Account,
    pub(super) memory_bytes: u64,
    pub(super) memory_bytes_max: u64,
    /// Entries that had to make room.
    pub(super) evicted: u64,
    /// The shared store's, where there is one.
    pub(super) link: Option<LinkState>,
}

/// How a figure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to say of it yet.
    Unknown,
    Good,
    Watch,
    Act,
}

impl Verdict {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "good",
            Self::Watch => "watch",
            Self::Act => "act",
        }
    }
}

/// A figure that is watched.
#[derive(Debug)]
pub(super) struct Signal {
    pub(super) name: &'static str,
    pub(super) value: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) target: &'static str,
    pub(super) verdict: Verdict,
    /// Where there is something to do.
    pub(super) advice: Option<String>,
}

/// Advice for people: on the hit rate, in three tiers, and then on each signal that is not as it should
/// be.
pub(super) fn recommendations(seen: &Observed) -> Vec<String> {
    let mut advice = on_hit_rate(seen);
    let others = signals(seen)
        .into_iter()
        .filter(|signal| signal.name != "hit_rate");
    advice.extend(others.filter_map(|signal| signal.advice));
    advice
}

/// Above 80 %, 50 to 80 %, below 50 %.
fn on_hit_rate(seen: &Observed) -> Vec<String> {
    let Some(percent) = seen.account.hit_percent() else {
        return vec!["No requests yet: ask something, then look again".to_owned()];
    };
    let gain = seen
        .account
        .gain()
        .map(|gain| format!("{gain:.2}x performance improvement"));
    let mut advice = Vec::new();
    if percent > 80.0 {
        advice.push("✅ Cache performing optimally with high hit rate".to_owned());
        advice.extend(gain.map(|gain| format!("Maintaining {gain}")));
    } else if percent >= 50.0 {
        advice.push(format!(
            "Hit rate of {percent:.1}%: monitor for optimization opportunities"
        ));
        advice.extend(gain.map(|gain| format!("Hits bring a {gain}")));
    } else {
        advice.push(format!(
            "⚠️ Hit rate of {percent:.1}% is low: consider adjusting TTL or query patterns"
        ));
        advice.push(
            "Check whether queries are unique each time, or differ in more than case".to_owned(),
        );
    }
    if seen.link.is_none() {
        advice.push("Consider Redis if scaling to multiple backend instances".to_owned());
    }
    advice
}

/// All that is watched.
pub(super) fn signals(seen: &Observed) -> Vec<Signal> {
    let account = &seen.account;
    let latency = |name, value, max, target, recent| Latency {
        name,
        value,
        max,
        target,
        recent,
    };
    vec![
        hit_rate(account),
        latency(
            "hit_latency",
            account.hit_ms(),
            HIT_MS_MAX,
            "under 100 ms, not rising",
            &account.hit_times,
        )
        .signal("hits are slow: look at the link to Redis"),
        latency(
            "miss_latency",
            account.miss_ms(),
            MISS_MS_MAX,
            "under 400 ms, not rising",
            &account.call_times,
        )
        .signal("the RPC is slow: look at its database"),
        memory(seen),
        redis(seen.link.as_ref()),
        rpc_errors(account),
        fallback(seen),
    ]
}

fn hit_rate(account: &Account) -> Signal {
    let value = account.hit_percent();
    let (verdict, advice) = match value {
        None => (Verdict::Unknown, None),
        Some(percent)
            if percent > OVER_CACHING_PERCENT && account.requests() >= OVER_CACHING_REQUESTS =>
        {
            (
                Verdict::Watch,
                Some("nearly all are hits: make sure that contexts may be 5 minutes old"),
            )
        }
        Some(percent) if percent >= HIT_PERCENT => (Verdict::Good, None),
        Some(percent) if percent >= 50.0 => (
            Verdict::Watch,
            Some("monitor for optimization opportunities"),
        ),
        Some(_) => (
            Verdict::Act,
            Some("look at the queries: they are seldom asked again"),
        ),
    };
    Signal {
        name: "hit_rate",
        value,
        unit: "percent",
        target: "over 75 %; over 95 % may be over-caching",
        verdict,
        advice: advice.map(str::to_owned),
    }
}

struct Latency<'a> {
    name: &'static str,
    value: Option<f64>,
    max: f64,
    target: &'static str,
    recent: &'a Recent,
}

impl Latency<'_> {
    fn signal(self, cause: &str) -> Signal {
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1_000.0;
        let risen = self.recent.rise().map(|(older, newer)| {
            format!(
                "{} has risen from {:.1} to {:.1} ms: {cause}",
                self.name,
                ms(older),
                ms(newer)
            )
        });
        let over = self.value.filter(|value| *value > self.max).map(|value| {
            format!(
                "{} of {value:.1} ms is over {} ms: {cause}",
                self.name, self.max
            )
        });
        let verdict = match (self.value, &over, &risen) {
            (None, ..) => Verdict::Unknown,
            (_, Some(_), _) => Verdict::Act,
            (_, _, Some(_)) => Verdict::Watch,
            _ => Verdict::Good,
        };
        Signal {
            name: self.name,
            value: self.value,
            unit: "ms",
            target: self.target,
            verdict,
            advice: over.or(risen),
        }
    }
}

fn memory(seen: &Observed) -> Signal {
    let mb = seen.memory_bytes as f64 / 1e6;
    let full = seen.memory_bytes as f64 * 100.0 / seen.memory_bytes_max.max(1) as f64;
    let (verdict, advice) = if mb > MEMORY_MB_MAX {
        (
            Verdict::Act,
            Some(format!(
                "{mb:.1} MB in memory: set assistant_context.memory_mb lower"
            )),
        )
    } else if full > FULL_PERCENT && seen.evicted > 0 {
        let evicted = seen.evicted;
        (
            Verdict::Watch,
            Some(format!(
                "memory is full, and {evicted} entries had to go: set assistant_context.memory_mb higher"
            )),
        )
    } else {
        (Verdict::Good, None)
    };
    Signal {
        name: "memory",
        value: Some(mb),
        unit: "MB",
        target: "under 100 MB",
        verdict,
        advice,
    }
}

fn redis(link: Option<&LinkState>) -> Signal {
    let (verdict, advice) = match link {
        None => (Verdict::Unknown, None),
        Some(link) if !link.is_up => {
            let reason = link.reason.as_deref().unwrap_or("not connected yet");
            (
                Verdict::Act,
                Some(format!(
                    "Redis is not connected ({reason}); memory and the RPC answer"
                )),
            )
        }
        Some(link) if link.errors > 0 => {
            let errors = link.errors;
            (
                Verdict::Watch,
                Some(format!(
                    "{errors} calls of Redis have failed since the start"
                )),
            )
        }
        Some(_) => (Verdict::Good, None),
    };
    let value = link.map(|link| link.errors as f64);
    Signal {
        name: "redis_errors",
        value,
        unit: "calls",
        target: "0, connected",
        verdict,
        advice,
    }
}

fn rpc_errors(account: &Account) -> Signal {
    let calls = account.calls + account.failures;
    let value = (calls > 0).then(|| account.failures as f64 * 100.0 / calls as f64);
    let (verdict, is_bad) = match value {
        None => (Verdict::Unknown, false),
        Some(percent) if percent >= FAILURES_MANY => (Verdict::Act, true),
        Some(percent) if percent >= FAILURES_FEW => (Verdict::Watch, true),
        Some(_) => (Verdict::Good, false),
    };
    let failures = account.failures;
    let advice =
        is_bad.then(|| format!("{failures} of {calls} RPC calls have failed: the log says why"));
    Signal {
        name: "rpc_errors",
        value,
        unit: "percent",
        target: "under 1 %",
        verdict,
        advice,
    }
}

/// How many requests were answered whatever had failed.
fn fallback(seen: &Observed) -> Signal {
    let account = &seen.account;
    let has_failed = account.failures > 0
        || seen
            .link
            .as_ref()
            .is_some_and(|link| !link.is_up || link.errors > 0);
    let (requests, lost) = (account.requests(), account.unanswered);
    let value =
        (has_failed && requests > 0).then(|| (requests - lost) as f64 * 100.0 / requests as f64);
    let verdict = match value {
        None => Verdict::Unknown,
        Some(_) if lost == 0 => Verdict::Good,
        Some(percent) if percent >= 99.0 => Verdict::Watch,
        Some(_) => Verdict::Act,
    };
    let advice = matches!(verdict, Verdict::Watch | Verdict::Act)
        .then(|| format!("{lost} of {requests} requests were not answered, since the RPC failed and nothing was cached"));
    Signal {
        name: "fallback",
        value,
        unit: "percent",
        target: "100 % answered",
        verdict,
        advice,
    }
}
