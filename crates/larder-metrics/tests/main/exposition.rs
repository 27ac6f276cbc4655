//! The text that scrapers read.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use larder_metrics::{Clock, Error, Exposition, Limits, Registry, Sink, TextFormat, Timing};

use crate::manual;

fn text_of(registry: &Registry, format: TextFormat) -> String {
    String::from_utf8(Exposition::of(registry, format).finish()).expect("UTF-8")
}

fn prometheus(registry: &Registry) -> String {
    text_of(registry, TextFormat::Prometheus)
}

/// The value of the line that begins with this.
fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

fn filled() -> Result<Registry, Error> {
    let (_, registry) = manual();
    registry.describe("gets", "Gets by \"tier\",\nand \\ outcome.")?;
    registry.count("gets", &[("tier", "memory"), ("outcome", "hit")], 3)?;
    registry.count("gets", &[("tier", "a\"b\\c\nd é 猫")], 1)?;
    registry.set("hit.rate", &[], 0.85)?;
    registry.record("load", &[("of", "x")], Duration::from_millis(20))?;
    registry.record("load", &[("of", "x")], Duration::from_micros(1_500))?;
    registry.timing("stores")?;
    Ok(registry)
}

#[test]
fn prometheus_text_has_one_head_a_family_and_escapes_what_it_must() -> Result<(), Error> {
    let text = prometheus(&filled()?);
    let expected = r#"# HELP gets_total Gets by "tier",\nand \\ outcome.
# TYPE gets_total counter
gets_total{outcome="hit",tier="memory"} 3
gets_total{tier="a\"b\\c\nd é 猫"} 1
# HELP hit_rate The gauge hit.rate.
# TYPE hit_rate gauge
hit_rate 0.85
# HELP load_seconds The timing load.
# TYPE load_seconds histogram
load_seconds_bucket{of="x",le="1e-06"} 0
"#;
    assert!(text.starts_with(expected), "{text}");
    for (series, expected) in [
        ("load_seconds_bucket{of=\"x\",le=\"0.001\"}", "0"),
        ("load_seconds_bucket{of=\"x\",le=\"0.0025\"}", "1"),
        ("load_seconds_bucket{of=\"x\",le=\"0.025\"}", "2"),
        ("load_seconds_bucket{of=\"x\",le=\"+Inf\"}", "2"),
        ("load_seconds_sum{of=\"x\"}", "0.0215"),
        ("load_seconds_count{of=\"x\"}", "2"),
        ("stores_seconds_bucket{le=\"60.0\"}", "0"),
        ("stores_seconds_count", "0"),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}");
    }
    assert!(!text.contains("EOF"));
    Ok(())
}

#[test]
fn open_metrics_names_counters_without_their_end_and_ends_itself() -> Result<(), Error> {
    let text = text_of(&filled()?, TextFormat::OpenMetrics);
    let expected = r#"# HELP gets Gets by \"tier\",\nand \\ outcome.
# TYPE gets counter
gets_total{outcome="hit",tier="memory"} 3
"#;
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("# TYPE load_seconds histogram\n# UNIT load_seconds seconds\n"));
    assert!(text.ends_with("larder_metrics_refused_total 0\n# EOF\n"));
    Ok(())
}

#[test]
fn counts_are_exact_at_every_bound() -> Result<(), Error> {
    let (_, registry) = manual();
    let loads = registry.timing("load")?;
    let text = prometheus(&registry);
    let bounds: Vec<f64> = text
        .lines()
        .filter_map(|line| line.split_once("le=\"")?.1.split_once('"')?.0.parse().ok())
        .filter(|bound: &f64| bound.is_finite())
        .collect();
    assert!(bounds.len() > 20 && bounds.contains(&0.1) && bounds.is_sorted());
    for bound in &bounds {
        let nanos = (bound * 1e9).round() as u64;
        for nanos in [nanos - 1, nanos, nanos + 1] {
            loads.record(Duration::from_nanos(nanos));
        }
    }
    let text = prometheus(&registry);
    let counts = text
        .lines()
        .filter(|line| line.contains("_bucket"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap());
    for (index, count) in counts.take(bounds.len()).enumerate() {
        assert_eq!(count, 3 * index + 2, "at most {} s", bounds[index]);
    }
    let last = value(&text, "load_seconds_bucket{le=\"+Inf\"}");
    assert_eq!(last, value(&text, "load_seconds_count"));
    Ok(())
}

#[test]
fn a_histogram_that_is_recorded_meanwhile_never_falls_from_bound_to_bound() -> Result<(), Error> {
    let (_, registry) = manual();
    let loads = registry.timing("load")?;
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for nanos in (0..).map(|step: u64| step.wrapping_mul(2_654_435_761) >> (step % 40)) {
                loads.record(Duration::from_nanos(nanos));
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
            }
        });
        for _ in 0..200 {
            let text = prometheus(&registry);
            let counts: Vec<u64> = text
                .lines()
                .filter(|line| line.contains("_bucket") || line.contains("_count"))
                .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
                .collect();
            assert!(counts.is_sorted(), "{text}");
            assert_eq!(counts[counts.len() - 1], counts[counts.len() - 2]);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    Ok(())
}

#[test]
fn series_and_names_that_come_later_are_in_the_next_export() -> Result<(), Error> {
    let (_, registry) = manual();
    registry.count("gets", &[("n", "1")], 1)?;
    assert!(!prometheus(&registry).contains("n=\"2\""));
    registry.count("gets", &[("n", "2")], 5)?;
    registry.set("a", &[], f64::NEG_INFINITY)?;
    let text = prometheus(&registry);
    assert_eq!(value(&text, "gets_total{n=\"1\"}"), Some("1"));
    assert_eq!(value(&text, "gets_total{n=\"2\"}"), Some("5"));
    assert_eq!(value(&text, "a"), Some("-Inf"));
    registry.reset();
    let text = prometheus(&registry);
    assert_eq!(value(&text, "gets_total{n=\"2\"}"), Some("0"));
    Ok(())
}

/// I3
#[test]
fn what_went_over_the_limits_is_told() -> Result<(), Error> {
    let limits = Limits {
        families: 1,
        series_per_family: 2,
    };
    let registry = Registry::with(limits, Clock::system());
    for number in 0..1_000 {
        registry.count("events", &[("type", &number.to_string())], 1)?;
    }
    registry.gauge("late").unwrap_err();
    registry.describe("late", "").unwrap();
    registry.describe("later", "").unwrap_err();
    let text = prometheus(&registry);
    assert_eq!(value(&text, "events_total{overflow=\"true\"}"), Some("998"));
    assert_eq!(
        value(&text, "larder_metrics_overflowed_total{family=\"events\"}"),
        Some("998")
    );
    assert_eq!(value(&text, "larder_metrics_refused_total"), Some("1"));
    assert!(
        text.len() < 1_500,
        "a million values are one series: {text}"
    );
    Ok(())
}

#[test]
fn figures_from_elsewhere_stand_beside_and_take_no_name_twice() -> Result<(), Error> {
    let (_, registry) = manual();
    registry.count("gets", &[], 1)?;
    let mut exposition = Exposition::of(&registry, TextFormat::Prometheus);
    exposition.counter("gets", "Others.", |samples| {
        samples.add(&[("x", "\"")], 7_u64);
    });
    exposition.gauge("nothing", "Is not there.", |_| {});
    let waits = Timing::new();
    for millis in [2, 2, 2] {
        waits.record(Duration::from_millis(millis));
    }
    exposition.timing("wait_seconds", "Waits.", |samples| {
        samples.add_timing(&[("of", "y")], &waits.snapshot());
        samples.add_timing(&[("of", "nothing")], &Timing::new().snapshot());
    });
    let text = String::from_utf8(exposition.finish()).expect("UTF-8");
    let expected = r#"# HELP gets_2_total Others.
# TYPE gets_2_total counter
gets_2_total{x="\""} 7
# HELP wait_seconds Waits.
# TYPE wait_seconds summary
wait_seconds{of="y",quantile="0.5"} 0.002
wait_seconds{of="y",quantile="0.95"} 0.002
wait_seconds{of="y",quantile="0.99"} 0.002
wait_seconds_sum{of="y"} 0.006
wait_seconds_count{of="y"} 3
wait_seconds_sum{of="nothing"} 0
wait_seconds_count{of="nothing"} 0
"#;
    assert!(text.ends_with(expected), "{text}");
    Ok(())
}

#[test]
fn native_names_stand_in_quotes_and_keep_their_dots() -> Result<(), Error> {
    let (_, registry) = manual();
    registry.count("events.received", &[("type", "a \"b\"\n")], 3)?;
    registry.count("plain", &[], 1)?;
    registry.record("load.time", &[], Duration::from_millis(3))?;
    let mut exposition = Exposition::of(&registry, TextFormat::OpenMetricsUtf8);
    exposition.gauge("käse €", "Cheese.", |samples| {
        samples.add(&[("of", "x")], 1_u64);
        samples.add(&[], 2_u64);
    });
    let text = String::from_utf8(exposition.finish()).expect("UTF-8");
    for line in [
        "# TYPE \"events.received\" counter",
        "{\"events.received_total\",type=\"a \\\"b\\\"\\n\"} 3",
        "# TYPE plain counter",
        "plain_total 1",
        "# TYPE \"load.time_seconds\" histogram",
        "# UNIT \"load.time_seconds\" seconds",
        "{\"load.time_seconds_bucket\",le=\"0.0025\"} 0",
        "{\"load.time_seconds_bucket\",le=\"0.005\"} 1",
        "{\"load.time_seconds_count\"} 1",
        "{\"käse €\",of=\"x\"} 1",
        "{\"käse €\"} 2",
        "# EOF",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    let again = Exposition::of(&registry, TextFormat::Prometheus).finish();
    let again = String::from_utf8(again).expect("UTF-8");
    assert!(again.contains("\nevents_received_total{"), "{again}");
    Ok(())
}

#[test]
fn the_newest_traced_duration_of_a_bucket_is_its_exemplar_in_open_metrics_alone()
-> Result<(), Error> {
    let (clock, registry) = manual();
    let loads = registry.timing("loads")?;
    loads.record_traced(Duration::from_millis(4), 1);
    clock.advance(Duration::from_millis(1_500));
    loads.record_traced(Duration::from_millis(5), 0xabc);
    loads.record_traced(Duration::from_secs(90), 7);
    loads.record_traced(Duration::from_secs(91), 0);
    loads.record(Duration::from_millis(3));
    let text = Exposition::of(&registry, TextFormat::OpenMetrics).finish();
    let text = String::from_utf8(text).expect("UTF-8");
    for line in [
        "loads_seconds_bucket{le=\"0.0025\"} 0",
        "loads_seconds_bucket{le=\"0.005\"} 3 # {trace_id=\"00000000000000000000000000000abc\"} 0.005 1767225601.5",
        "loads_seconds_bucket{le=\"0.01\"} 3",
        "loads_seconds_bucket{le=\"+Inf\"} 5 # {trace_id=\"00000000000000000000000000000007\"} 90 1767225601.5",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(!prometheus(&registry).contains("trace_id"));
    registry.reset();
    let text = Exposition::of(&registry, TextFormat::OpenMetrics).finish();
    assert!(!String::from_utf8(text).expect("UTF-8").contains("trace_id"));
    Ok(())
}

/// Prometheus' own tool reads it and has nothing to complain of.
#[test]
fn promtool_finds_no_fault() -> Result<(), Error> {
    let registry = filled()?;
    registry.count("hit.rate.total", &[], 1)?;
    registry.set("hit_rate", &[], 1e-300)?;
    registry.set("level", &[("le_gume", "peas")], f64::NAN)?;
    let text = prometheus(&registry);
    let program = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let mut promtool = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("PROMTOOL names the program: run `cargo xtask test`, or install prometheus");
    let mut stdin = promtool.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    Ok(())
}
