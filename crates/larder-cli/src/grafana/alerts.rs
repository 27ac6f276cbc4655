//! The alert rules, as Prometheus reads them. `<metric>` names one that is exported.

use std::fmt::Write as _;

use larder_metrics::Metric;

use super::resolved;

struct Alert {
    name: &'static str,
    query: &'static str,
    /// For so long before anyone is told.
    lasts: &'static str,
    severity: &'static str,
    /// One line, with the labels of what was found.
    summary: &'static str,
}

const ALERTS: &[Alert] = &[
    Alert {
        name: "LarderNotScraped",
        query: r#"absent(<larder_cache_entries>) or up{job="larder"} == 0"#,
        lasts: "2m",
        severity: "critical",
        summary: "Prometheus gets no figures from a larder daemon",
    },
    Alert {
        name: "LarderHitRateLow",
        query: "sum by (instance, cache) (rate(<larder_cache_gets>{result=\"hit\"}[15m])) \
                / sum by (instance, cache) (rate(<larder_cache_gets>[15m])) < 0.5 \
                and sum by (instance, cache) (rate(<larder_cache_gets>[15m])) > 1",
        lasts: "15m",
        severity: "warning",
        summary: "The cache {{ $labels.cache }} answers {{ $value | humanizePercentage }} of its gets",
    },
    Alert {
        name: "LarderLoadsFail",
        query: "sum by (instance, cache) (rate(<larder_cache_loads>{result!=\"ok\"}[5m])) \
                / sum by (instance, cache) (rate(<larder_cache_loads>[5m])) > 0.05",
        lasts: "5m",
        severity: "critical",
        summary: "{{ $value | humanizePercentage }} of the loads of the cache {{ $labels.cache }} fail",
    },
    Alert {
        name: "LarderLoadsSlow",
        query: "sum by (instance, cache) (rate(<larder_cache_latency_seconds>_sum{of=\"load\"}[10m])) \
                / sum by (instance, cache) (rate(<larder_cache_latency_seconds>_count{of=\"load\"}[10m])) > 1",
        lasts: "10m",
        severity: "warning",
        summary: "A load of the cache {{ $labels.cache }} takes {{ $value | humanizeDuration }} in the mean",
    },
    Alert {
        name: "LarderRequestsSlow",
        query: "histogram_quantile(0.99, sum by (instance, endpoint, le) \
                (rate(<http_request_duration_seconds>[10m]))) > 1",
        lasts: "10m",
        severity: "warning",
        summary: "One in 100 requests of {{ $labels.endpoint }} takes {{ $value | humanizeDuration }} or more",
    },
    Alert {
        name: "LarderRequestsFail",
        query: "sum by (instance) (rate(<http_requests_total>{status=~\"5..\"}[5m])) \
                / sum by (instance) (rate(<http_requests_total>[5m])) > 0.05",
        lasts: "5m",
        severity: "critical",
        summary: "{{ $value | humanizePercentage }} of the requests of {{ $labels.instance }} fail",
    },
    Alert {
        name: "LarderDiskTierDown",
        query: "<larder_cache_disk_up> == 0",
        lasts: "1m",
        severity: "warning",
        summary: "The disk tier of the cache {{ $labels.cache }} has switched itself off",
    },
    Alert {
        name: "LarderSharedStoreDown",
        query: "<larder_cache_remote_up> == 0",
        lasts: "1m",
        severity: "critical",
        summary: "The cache {{ $labels.cache }} has no link to the shared store",
    },
    Alert {
        name: "LarderBreakerOpen",
        query: "<larder_cache_remote_up> == 1 and <larder_cache_remote_trusted> == 0",
        lasts: "1m",
        severity: "warning",
        summary: "The shared store answers the cache {{ $labels.cache }}, and has not vouched for what memory holds",
    },
    Alert {
        name: "LarderInvalidationsWait",
        query: "<larder_cache_remote_waiting> > 0",
        lasts: "5m",
        severity: "critical",
        summary: "{{ $value }} invalidations of the cache {{ $labels.cache }} wait for the shared store",
    },
    Alert {
        name: "LarderStaleServed",
        query: "sum by (instance, cache) (rate(<larder_cache_stale_served>[10m])) \
                / sum by (instance, cache) (rate(<larder_cache_gets>[10m])) > 0.1",
        lasts: "10m",
        severity: "warning",
        summary: "{{ $value | humanizePercentage }} of the gets of the cache {{ $labels.cache }} are answered with stale values",
    },
    Alert {
        name: "LarderOverloaded",
        query: "sum by (instance, cache) (rate(<larder_cache_overloads>[5m])) > 0",
        lasts: "5m",
        severity: "critical",
        summary: "The cache {{ $labels.cache }} refuses gets: as many loads run as may",
    },
    Alert {
        name: "LarderAuditSamplesLost",
        query: "sum by (instance, cache) (rate(<larder_cache_remote_events>{event=\"sample_lost\"}[15m])) > 0",
        lasts: "15m",
        severity: "warning",
        summary: "Samples of the cache {{ $labels.cache }} are lost, so that `larder audit` cannot tell whether reads were stale",
    },
    Alert {
        name: "LarderMetricsOverflow",
        query: "rate(<larder_metrics_overflowed>[15m]) > 0",
        lasts: "15m",
        severity: "warning",
        summary: "The metric {{ $labels.family }} has more series than are kept apart",
    },
];

/// The file of rules.
pub(super) fn yaml(metrics: &[Metric]) -> anyhow::Result<String> {
    let mut text =
        "# Made by `larder dashboard grafana`.\ngroups:\n- name: larder\n  rules:\n".to_owned();
    for alert in ALERTS {
        let expression = resolved(alert.query, metrics)?;
        // What is JSON's string is YAML's.
        let quoted = |text: &str| serde_json::to_string(text);
        let page = format!("docs/alerts.md#{}", alert.name.to_ascii_lowercase());
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "  - alert: {}\n    expr: {}\n    for: {}\n    labels:\n      severity: {}\n    annotations:\n      \
             summary: {}\n      runbook: {}\n",
            alert.name,
            quoted(&expression)?,
            alert.lasts,
            alert.severity,
            quoted(alert.summary)?,
            quoted(&page)?,
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_has_its_place_in_the_page_on_alerts() {
        let page = include_str!("../../../../docs/alerts.md");
        let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
        let headings: Vec<&str> = headings.collect();
        let names: Vec<&str> = ALERTS.iter().map(|alert| alert.name).collect();
        assert_eq!(headings, names);
    }
}
