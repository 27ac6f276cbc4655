//! The dashboard as Grafana reads it: the panels in a grid, and one for each metric that no panel shows.

use larder_metrics::{Form, Metric};
use serde_json::{Value, json};

use super::panels::{Panel, ROWS};
use super::resolved;

/// Of the 24 columns of Grafana's grid.
const WIDTH: usize = 8;
const HEIGHT: usize = 7;
const IN_A_ROW: usize = 24 / WIDTH;
const CACHES: &str = r#"cache=~"$cache",instance=~"$instance""#;
const HERE: &str = r#"instance=~"$instance""#;

/// The dashboard. It can be imported, or provisioned.
pub(super) fn json(metrics: &[Metric]) -> anyhow::Result<Value> {
    let entries = resolved("<larder_cache_entries>", metrics)?;
    Ok(json!({
        "title": "Larder",
        "uid": "larder",
        "description": "Caches that show what they save. Made by `larder dashboard grafana`.",
        "tags": ["larder", "cache"],
        "editable": true,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "version": 1,
        "refresh": "10s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [
            { "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus" },
            variable("instance", "Instance", &entries, ""),
            variable("cache", "Cache", &entries, "{instance=~\"$instance\"}"),
        ] },
        "panels": panels(metrics)?,
    }))
}

fn variable(name: &str, label: &str, metric: &str, filter: &str) -> Value {
    let query = format!("label_values({metric}{filter}, {name})");
    json!({
        "name": name,
        "label": label,
        "type": "query",
        "datasource": datasource(),
        "definition": query,
        "query": { "query": query, "refId": name },
        "refresh": 2,
        "sort": 1,
        "multi": true,
        "includeAll": true,
        "allValue": ".*",
        "current": { "text": "All", "value": "$__all" },
    })
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn panels(metrics: &[Metric]) -> anyhow::Result<Vec<Value>> {
    let (mut all, mut grid) = (Vec::new(), Grid::default());
    for row in ROWS {
        all.push(grid.row(row.title));
        for panel in row.panels {
            let queries: anyhow::Result<Vec<_>> = panel
                .queries
                .iter()
                .map(|(legend, query)| Ok((*legend, resolved(query, metrics)?)))
                .collect();
            all.push(grid.panel(panel.title, panel.help, panel.unit, &queries?));
        }
    }
    let mut rest = grid.row("All other metrics");
    let others = metrics.iter().filter(|metric| !is_shown(metric));
    let others: Vec<_> = others
        .map(|metric| {
            let (unit, query) = alone(metric);
            grid.panel(&metric.sample(), metric.help, unit, &[("__auto", query)])
        })
        .collect();
    rest["collapsed"] = true.into();
    rest["panels"] = others.into();
    all.push(rest);
    Ok(all)
}

fn is_shown(metric: &Metric) -> bool {
    let placeholder = format!("<{}>", metric.name);
    let names = |panel: &Panel| {
        panel
            .queries
            .iter()
            .any(|(_, query)| query.contains(&placeholder))
    };
    ROWS.iter().flat_map(|row| row.panels).any(names)
}

/// What shows a metric of which no more is known: its unit, and a query.
fn alone(metric: &Metric) -> (&'static str, String) {
    let sample = metric.sample();
    let unit = match metric.form {
        Form::Counter => "ops",
        _ if metric.name.ends_with("_seconds") => "s",
        _ if metric.name.ends_with("_bytes") => "bytes",
        _ => "short",
    };
    let query = match metric.form {
        Form::Counter => format!("rate({sample}{{HERE}}[WINDOW])"),
        Form::Gauge => format!("{sample}{{HERE}}"),
        Form::Summary => format!("{sample}{{HERE,quantile=\"0.99\"}}"),
        Form::Histogram => {
            format!("histogram_quantile(0.99, sum by (le) (rate({sample}{{HERE}}[WINDOW])))")
        }
    };
    (unit, query)
}

/// Where the next panel goes.
#[derive(Default)]
struct Grid {
    panels: usize,
    /// Of the panels of this row, those placed.
    placed: usize,
    top: usize,
}

impl Grid {
    /// Goes on below, with a heading.
    fn row(&mut self, title: &str) -> Value {
        self.top += self.placed.div_ceil(IN_A_ROW) * HEIGHT;
        self.placed = 0;
        self.panels += 1;
        let top = self.top;
        self.top += 1;
        json!({
            "id": self.panels,
            "type": "row",
            "title": title,
            "collapsed": false,
            "gridPos": { "x": 0, "y": top, "w": 24, "h": 1 },
            "panels": [],
        })
    }

    fn panel(&mut self, title: &str, help: &str, unit: &str, queries: &[(&str, String)]) -> Value {
        let (column, row) = (self.placed % IN_A_ROW, self.placed / IN_A_ROW);
        self.placed += 1;
        self.panels += 1;
        let targets = queries.iter().zip('A'..).map(|((legend, query), id)| {
            let query = query
                .replace("CACHES", CACHES)
                .replace("HERE", HERE)
                .replace("WINDOW", "$__rate_interval");
            json!({ "refId": id, "datasource": datasource(), "expr": query, "legendFormat": legend })
        });
        json!({
            "id": self.panels,
            "type": "timeseries",
            "title": title,
            "description": help,
            "datasource": datasource(),
            "gridPos": { "x": column * WIDTH, "y": self.top + row * HEIGHT, "w": WIDTH, "h": HEIGHT },
            "fieldConfig": {
                "defaults": { "unit": unit, "min": 0, "custom": { "fillOpacity": 8, "showPoints": "never" } },
                "overrides": [],
            },
            "options": {
                "legend": { "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"] },
                "tooltip": { "mode": "multi", "sort": "desc" },
            },
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}
