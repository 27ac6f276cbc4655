//! The figures in the shapes of the service's document.

use larder::remote::LinkState;
use serde_json::{Value, json};

use super::advice::{Observed, recommendations, signals};

/// What the answers are made of.
pub(super) struct Report {
    pub(super) seen: Observed,
    pub(super) entries: usize,
    pub(super) ttl_s: u64,
    pub(super) uptime_s: f64,
    /// What the RPC is called.
    pub(super) rpc: String,
    pub(super) has_disk: bool,
    /// RFC 3339.
    pub(super) now: String,
}

impl Report {
    /// `/codette/cache/stats`
    pub(super) fn stats(&self) -> Value {
        let account = &self.seen.account;
        json!({
            "cache_enabled": true,
            "entries": self.entries,
            "ttl_seconds": self.ttl_s,
            "metrics": {
                "hits": account.hits(),
                "misses": account.misses,
                "total_requests": account.requests(),
                "hit_rate_percent": rounded(account.hit_percent(), 1),
                "average_hit_latency_ms": rounded(account.hit_ms(), 3),
                "average_miss_latency_ms": rounded(account.miss_ms(), 3),
                "performance_gain_multiplier": rounded(account.gain(), 2),
                "uptime_seconds": rounded(Some(self.uptime_s), 3),
            },
            "timestamp": self.now,
        })
    }

    /// `/codette/cache/metrics`
    pub(super) fn metrics(&self) -> Value {
        let account = &self.seen.account;
        json!({
            "performance_dashboard": {
                "cache_hit_rate": self.hit_rate(),
                "total_requests": account.requests(),
                "successful_hits": account.hits(),
                "cache_misses": account.misses,
                "average_latency_comparison": {
                    "cached_response_ms": rounded(account.hit_ms(), 3),
                    "uncached_response_ms": rounded(account.miss_ms(), 3),
                    "speedup_multiplier": self.speedup(),
                    "time_saved_per_hit_ms": rounded(account.saved_per_hit_ms(), 3),
                },
                "cumulative_time_saved": {
                    "total_ms": rounded(Some(account.saved_ms()), 3),
                    "total_seconds": rounded(Some(account.saved_ms() / 1_000.0), 1),
                },
                "cache_efficiency": {
                    "memory_entries": self.entries,
                    "ttl_seconds": self.ttl_s,
                    "uptime_seconds": self.uptime_s as u64,
                    "estimated_memory_mb": self.memory_mb(),
                },
            },
            "timestamp": self.now,
        })
    }

    /// `/codette/analytics/dashboard`
    pub(super) fn dashboard(&self) -> Value {
        let account = &self.seen.account;
        json!({
            "analytics": {
                "cache_performance": {
                    "overall_hit_rate": self.hit_rate(),
                    "total_requests_processed": account.requests(),
                    "successful_cache_hits": account.hits(),
                    "cache_misses": account.misses,
                    "average_response_times": {
                        "with_cache_ms": rounded(account.hit_ms(), 3),
                        "without_cache_ms": rounded(account.miss_ms(), 3),
                        "speedup_multiplier": self.speedup(),
                    },
                    "total_time_saved": {
                        "milliseconds": rounded(Some(account.saved_ms()), 3),
                        "seconds": rounded(Some(account.saved_ms() / 1_000.0), 1),
                        "estimated_cost_savings": self.calls_avoided(),
                    },
                },
                "cache_infrastructure": {
                    "memory_cache_enabled": true,
                    "redis_cache_enabled": self.seen.link.is_some(),
                    "redis_connected": self.is_connected(),
                    "memory_entries": self.entries,
                    "estimated_memory_usage_mb": self.memory_mb(),
                    "ttl_seconds": self.ttl_s,
                    "uptime_seconds": self.uptime_s as u64,
                },
                "optimization_recommendations": recommendations(&self.seen),
            },
            "timestamp": self.now,
        })
    }

    /// `/codette/cache/status`
    pub(super) fn status(&self) -> Value {
        let (redis, mode) = match &self.seen.link {
            None => ("disabled", "memory-only"),
            Some(LinkState { is_up: true, .. }) => ("connected", "dual"),
            Some(_) => ("disconnected", "memory-only"),
        };
        json!({
            "cache_backends": { "memory_cache": "active", "redis_cache": redis },
            "current_mode": mode,
            "fallback_chain": self.chain(),
            "timestamp": self.now,
        })
    }

    /// `/codette/analytics/signals`
    pub(super) fn signals(&self) -> Value {
        let account = &self.seen.account;
        let signals = signals(&self.seen).into_iter().map(|signal| {
            json!({
                "name": signal.name,
                "value": signal.value.map(|value| rounded(Some(value), 6)),
                "unit": signal.unit,
                "target": signal.target,
                "verdict": signal.verdict.name(),
                "advice": signal.advice,
            })
        });
        json!({
            "signals": signals.collect::<Vec<_>>(),
            "hits_by_tier": { "memory": account.memory, "disk": account.disk, "redis": account.remote },
            "rpc": { "calls": account.calls, "failures": account.failures },
            "timestamp": self.now,
        })
    }

    /// What is asked, in this order; a tier that is not there is not named.
    fn chain(&self) -> Vec<String> {
        let mut chain = vec!["In-memory cache".to_owned()];
        if self.has_disk {
            chain.push("Disk".to_owned());
        }
        match &self.seen.link {
            Some(link) if link.is_up => chain.push("Redis (connected)".to_owned()),
            Some(_) => chain.push("Redis (enabled, passed over while not connected)".to_owned()),
            None => {}
        }
        chain.push(format!("Fresh RPC call ({})", self.rpc));
        chain
    }

    fn is_connected(&self) -> bool {
        self.seen.link.as_ref().is_some_and(|link| link.is_up)
    }

    fn hit_rate(&self) -> String {
        let percent = self.seen.account.hit_percent().unwrap_or(0.0);
        format!("{percent:.1}%")
    }

    fn speedup(&self) -> String {
        let gain = self.seen.account.gain();
        gain.map_or_else(|| "n/a".to_owned(), |gain| format!("{gain:.2}x"))
    }

    fn calls_avoided(&self) -> String {
        match self.seen.account.hits() {
            1 => "1 RPC call avoided".to_owned(),
            hits => format!("{hits} RPC calls avoided"),
        }
    }

    /// Megabytes that entries take, as they were weighed when they came in.
    fn memory_mb(&self) -> f64 {
        rounded(Some(self.seen.memory_bytes as f64 / 1e6), 6)
    }
}

/// To so many digits; 0 where there is nothing yet, for clients expect a number.
fn rounded(figure: Option<f64>, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (figure.unwrap_or(0.0) * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::super::ledger::tests::example;
    use super::*;

    fn report(link: Option<LinkState>) -> Report {
        Report {
            seen: Observed {
                account: example(),
                memory_bytes: 48_000,
                memory_bytes_max: 64 << 20,
                evicted: 0,
                link,
            },
            entries: 12,
            ttl_s: 300,
            uptime_s: 3_600.0,
            rpc: "PostgREST at https://a.example".to_owned(),
            has_disk: false,
            now: "2025-12-02T02:47:01.451643Z".to_owned(),
        }
    }

    fn link(is_up: bool) -> LinkState {
        LinkState {
            is_up,
            ..LinkState::default()
        }
    }

    /// The document's figures, but for the speed-up, which is 285.6 / 45.2.
    #[test]
    fn the_documents_example_comes_out_as_it_stands_there() {
        let report = report(Some(link(true)));
        let expected = json!({
            "hits": 42,
            "misses": 8,
            "total_requests": 50,
            "hit_rate_percent": 84.0,
            "average_hit_latency_ms": 45.2,
            "average_miss_latency_ms": 285.6,
            "performance_gain_multiplier": 6.32,
            "uptime_seconds": 3600.0,
        });
        assert_eq!(report.stats()["metrics"], expected);
        let expected = json!({
            "performance_dashboard": {
                "cache_hit_rate": "84.0%",
                "total_requests": 50,
                "successful_hits": 42,
                "cache_misses": 8,
                "average_latency_comparison": {
                    "cached_response_ms": 45.2,
                    "uncached_response_ms": 285.6,
                    "speedup_multiplier": "6.32x",
                    "time_saved_per_hit_ms": 240.4,
                },
                "cumulative_time_saved": { "total_ms": 10096.8, "total_seconds": 10.1 },
                "cache_efficiency": {
                    "memory_entries": 12,
                    "ttl_seconds": 300,
                    "uptime_seconds": 3600,
                    "estimated_memory_mb": 0.048,
                },
            },
            "timestamp": "2025-12-02T02:47:01.451643Z",
        });
        assert_eq!(report.metrics(), expected);
        let analytics = &report.dashboard()["analytics"];
        let saved = &analytics["cache_performance"]["total_time_saved"];
        assert_eq!(
            (&saved["milliseconds"], &saved["seconds"]),
            (&json!(10096.8), &json!(10.1))
        );
        let advice = json!([
            "✅ Cache performing optimally with high hit rate",
            "Maintaining 6.32x performance improvement",
        ]);
        assert_eq!(analytics["optimization_recommendations"], advice);
    }

    #[test]
    fn modes_and_the_chain_follow_the_link() {
        let fresh = "Fresh RPC call (PostgREST at https://a.example)";
        for (link, mode, redis, chain) in [
            (
                None,
                "memory-only",
                "disabled",
                vec!["In-memory cache", fresh],
            ),
            (
                Some(link(true)),
                "dual",
                "connected",
                vec!["In-memory cache", "Redis (connected)", fresh],
            ),
            (
                Some(link(false)),
                "memory-only",
                "disconnected",
                vec![
                    "In-memory cache",
                    "Redis (enabled, passed over while not connected)",
                    fresh,
                ],
            ),
        ] {
            let report = report(link.clone());
            let status = report.status();
            assert_eq!(status["current_mode"], mode);
            assert_eq!(status["cache_backends"]["redis_cache"], redis);
            assert_eq!(status["fallback_chain"], json!(chain));
            let infrastructure = &report.dashboard()["analytics"]["cache_infrastructure"];
            assert_eq!(infrastructure["redis_cache_enabled"], link.is_some());
            assert_eq!(infrastructure["redis_connected"], mode == "dual");
        }
    }

    fn verdict(report: &Report, name: &str) -> (String, String) {
        let signals = report.signals();
        let mut signals = signals["signals"].as_array().unwrap().iter();
        let signal = signals.find(|signal| signal["name"] == name).unwrap();
        let text = |member: &str| signal[member].as_str().unwrap_or_default().to_owned();
        (text("verdict"), text("advice"))
    }

    #[test]
    fn each_signal_says_when_something_is_to_be_done() {
        let good = report(Some(link(true)));
        for name in [
            "hit_rate",
            "hit_latency",
            "miss_latency",
            "memory",
            "redis_errors",
            "rpc_errors",
        ] {
            assert_eq!(verdict(&good, name).0, "good", "{name}");
        }
        let has = |report: &Report, name: &str, expected: (&str, &str)| {
            let (verdict, advice) = verdict(report, name);
            assert_eq!(verdict, expected.0, "{name}: {advice}");
            assert!(advice.contains(expected.1), "{name}: {advice}");
            let all = report.dashboard()["analytics"]["optimization_recommendations"].to_string();
            assert!(all.contains(expected.1), "{name}: {all}");
        };
        let away = report(Some(LinkState {
            reason: Some("nothing listens there".to_owned()),
            ..link(false)
        }));
        has(&away, "redis_errors", ("act", "nothing listens there"));
        let shaky = report(Some(LinkState {
            errors: 3,
            ..link(true)
        }));
        has(&shaky, "redis_errors", ("watch", "3 calls of Redis"));

        let mut large = report(None);
        large.seen.memory_bytes = 101_000_000;
        has(&large, "memory", ("act", "101.0 MB"));
        large.seen.memory_bytes = 62 << 20;
        assert_eq!(
            verdict(&large, "memory").0,
            "good",
            "full, and nothing had to go"
        );
        large.seen.evicted = 5;
        has(&large, "memory", ("watch", "5 entries had to go"));

        let mut failing = report(None);
        failing.seen.account.failures = 8;
        failing.seen.account.unanswered = 8;
        has(&failing, "rpc_errors", ("act", "8 of 16 RPC calls"));
        has(&failing, "fallback", ("act", "8 of 50 requests"));

        let mut slow = report(None);
        slow.seen.account = slow_account(150, 500);
        has(&slow, "hit_latency", ("act", "150.0 ms is over 100 ms"));
        has(&slow, "miss_latency", ("act", "500.0 ms is over 400 ms"));
    }

    #[test]
    fn nearly_all_hits_may_be_too_many() {
        let mut all = report(None);
        all.seen.account.memory = 10_000;
        assert_eq!(verdict(&all, "hit_rate").0, "watch");
        all.seen.account.misses = 3_000;
        assert_eq!(verdict(&all, "hit_rate").0, "good");
        all.seen.account.misses = 5_000;
        assert_eq!(verdict(&all, "hit_rate").0, "watch");
        all.seen.account.misses = 20_000;
        assert_eq!(verdict(&all, "hit_rate").0, "act");
    }

    fn slow_account(hit_ms: u64, miss_ms: u64) -> super::super::ledger::Account {
        let ledger = super::super::ledger::Ledger::default();
        let [hit, miss] = [hit_ms, miss_ms].map(std::time::Duration::from_millis);
        ledger.called(true, miss);
        ledger.answered(larder::Source::Remote, hit);
        ledger.account()
    }
}
