//! `larder dashboard grafana`: a dashboard and alert rules for what this daemon exports. Their queries name
//! metrics of the list that the export is made from, and no others.

mod alerts;
mod dashboard;
mod panels;

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, bail};
use larder_metrics::Metric;

use crate::otlp;

/// What the daemon exports: its requests, caches, services, and spans.
pub(crate) fn metrics() -> Vec<Metric> {
    let services = larder_services::exported();
    let all = larder_http::exported().chain(services);
    all.chain([otlp::SPANS]).collect()
}

/// Writes `grafana.json` and `alerts.yml` into the directory.
pub(crate) fn write(directory: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let metrics = metrics();
    let dashboard = serde_json::to_string_pretty(&dashboard::json(&metrics)?)? + "\n";
    let files = [
        ("grafana.json", dashboard),
        ("alerts.yml", alerts::yaml(&metrics)?),
    ];
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    Ok(())
}

/// A query, with `<metric>` replaced by what its samples are called.
fn resolved(query: &str, metrics: &[Metric]) -> anyhow::Result<String> {
    let mut parts = query.split('<');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((name, rest)) = part.split_once('>').filter(|(name, _)| is_name(name)) else {
            text.push('<');
            text.push_str(part);
            continue;
        };
        let Some(metric) = metrics.iter().find(|metric| metric.name == name) else {
            bail!("the query {query:?} names {name:?}, which is not exported");
        };
        text.push_str(&metric.sample());
        text.push_str(rest);
    }
    Ok(text)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_what_is_exported_and_nothing_else() {
        let metrics = [
            Metric::counter("gets", "Gets."),
            Metric::histogram("took_seconds", "How long."),
        ];
        let query = "rate(<gets>[5m]) < 1 and <took_seconds>{le=\"1\"} <= 2";
        let expected = "rate(gets_total[5m]) < 1 and took_seconds_bucket{le=\"1\"} <= 2";
        assert_eq!(resolved(query, &metrics).unwrap(), expected);
        let error = resolved("<lost>", &metrics).unwrap_err().to_string();
        assert!(error.contains("\"lost\""), "{error}");
    }

    #[test]
    fn no_metric_is_told_twice() {
        let mut names: Vec<_> = metrics().iter().map(Metric::sample).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// `UPDATE_GOLDEN=1 cargo test -p larder-cli metrics_page` writes it anew.
    #[test]
    fn the_metrics_page_has_every_metric() {
        const HEADING: &str = "## Every metric\n";
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let mut all = metrics();
        all.sort_by_key(|metric| metric.name);
        let rows = all.iter().map(|metric| {
            let (name, form) = (metric.sample(), metric.form.word());
            let name = name.trim_end_matches("_bucket");
            format!("| `{name}` | {form} | {} |\n", metric.help)
        });
        let table = format!(
            "\n| name | form | what |\n|---|---|---|\n{}",
            rows.collect::<String>()
        );
        let text = fs::read_to_string(&page).unwrap();
        let (before, written) = text.split_once(HEADING).unwrap();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&page, format!("{before}{HEADING}{table}")).unwrap();
        } else {
            assert_eq!(written, table, "write docs/metrics.md anew");
        }
    }
}
