//! What the parsers of `PyPI`'s `prometheus-client`, which are strict, read in our exports.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use larder_metrics::{Error, Exposition, Registry, Sink as _, TextFormat};
use serde_json::Value;

use crate::manual;

/// Reads an export and prints its samples: name, labels, value, and the exemplar's labels.
const SCRIPT: &str = r#"
import json, sys
text = sys.stdin.buffer.read().decode("utf-8")
if sys.argv[1] == "open":
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
else:
    from prometheus_client.parser import text_string_to_metric_families
families = {}
for family in text_string_to_metric_families(text):
    assert family.name not in families, family.name
    families[family.name] = [family.type, [
        [s.name, s.labels, str(float(s.value)), s.exemplar.labels if s.exemplar else None] for s in family.samples]]
print(json.dumps(families))
"#;

/// The families that the parser found, by name: their type and their samples.
fn parsed(registry: &Registry, format: TextFormat) -> Value {
    let mut exposition = Exposition::of(registry, format);
    exposition.timing("waits_seconds", "Waits.", |samples| {
        let waits = larder_metrics::Timing::new();
        waits.record(Duration::from_millis(2));
        samples.add_timing(&[("of", "x")], &waits.snapshot());
    });
    let text = exposition.finish();
    let python = std::env::var_os("PROMETHEUS_CLIENT").unwrap_or_else(|| "python3".into());
    let is_open = matches!(
        format,
        TextFormat::OpenMetrics | TextFormat::OpenMetricsUtf8
    );
    let mut parser = Command::new(python)
        .args(["-c", SCRIPT, if is_open { "open" } else { "plain" }])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("PROMETHEUS_CLIENT names a Python: run `cargo xtask test`");
    let mut stdin = parser.stdin.take().expect("it is piped");
    // One that fails reads no further, and says why.
    let _ = stdin.write_all(&text);
    drop(stdin);
    let output = parser.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "a Python with prometheus-client (`cargo xtask test` makes one) has read {format:?}:\n{said}\n{}",
        String::from_utf8_lossy(&text)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

const STRANGE: &str = "a \"quoted\" \\ and\nbroken näme, 日本";

fn filled() -> Result<Registry, Error> {
    let (_, registry) = manual();
    registry.describe(
        "events.received",
        "Those with \\ and \"quotes\"\nand a line.",
    )?;
    registry.count("events.received", &[("type", STRANGE), ("other", "x")], 3)?;
    registry.set("level", &[], -1.5e-300)?;
    registry.adjust("open", &[], -2)?;
    let loads = registry.timing_with("loads", &[("of", STRANGE)])?;
    loads.record_traced(Duration::from_millis(4), 0xabc);
    loads.record(Duration::from_secs(90));
    registry.timing("never")?;
    Ok(registry)
}

fn samples(families: &Value, family: &str) -> Vec<Value> {
    let found = families[family][1].as_array();
    found
        .unwrap_or_else(|| panic!("{family} is in {families}"))
        .clone()
}

#[test]
fn the_strict_parsers_read_every_format_and_find_what_was_recorded() -> Result<(), Error> {
    let registry = filled()?;
    for format in TextFormat::ALL {
        let families = parsed(&registry, format);
        let is_native = matches!(
            format,
            TextFormat::PrometheusUtf8 | TextFormat::OpenMetricsUtf8
        );
        let name = if is_native {
            "events.received"
        } else {
            "events_received"
        };
        let events = &samples(&families, name)[0];
        assert_eq!(events[0], format!("{name}_total"), "{format:?}");
        assert_eq!(events[1]["type"], STRANGE, "{format:?}");
        assert_eq!(events[2], "3.0");
        assert_eq!(families["level"][0], "gauge");
        assert_eq!(samples(&families, "level")[0][2], "-1.5e-300");
        assert_eq!(samples(&families, "open")[0][2], "-2.0");
        assert_eq!(families["loads_seconds"][0], "histogram");
        let loads = samples(&families, "loads_seconds");
        assert_eq!(loads.len(), 23 + 2, "buckets, sum and count");
        let bucket = loads
            .iter()
            .find(|sample| sample[1]["le"] == "0.005")
            .expect("a bucket");
        assert_eq!(
            (&bucket[1]["of"], &bucket[2]),
            (&STRANGE.into(), &"1.0".into())
        );
        let is_open = matches!(
            format,
            TextFormat::OpenMetrics | TextFormat::OpenMetricsUtf8
        );
        let trace = format!("{:032x}", 0xabc);
        let trace = if is_open {
            Value::from(trace)
        } else {
            Value::Null
        };
        assert_eq!(bucket[3]["trace_id"], trace, "{format:?}");
        assert_eq!(families["waits_seconds"][0], "summary");
        assert_eq!(samples(&families, "never_seconds").len(), 25);
    }
    Ok(())
}
