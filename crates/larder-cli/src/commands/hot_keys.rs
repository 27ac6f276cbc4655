//! `larder hot-keys`: the keys that matter most, as plain text.

use std::io::Write;

use serde::Deserialize;

use super::columns::columns;
use super::{client, print_json};
use crate::args::{self, By};
use crate::config::Environment;
use crate::figures;

/// The answer of `/v1/caches/{name}/keys`, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Keys {
    one_in: u64,
    hottest: Vec<Hot>,
    largest: Vec<Large>,
    slowest: Vec<Slow>,
    scanned: u64,
    complete: bool,
}

#[derive(Debug, Deserialize)]
struct Hot {
    key: String,
    gets_per_second: f64,
    share: f64,
    error: f64,
}

#[derive(Debug, Deserialize)]
struct Large {
    key: String,
    weight: u64,
}

#[derive(Debug, Deserialize)]
struct Slow {
    key: String,
    load_ms: f64,
}

/// `larder hot-keys`
pub(crate) fn hot_keys(
    args: &args::HotKeys,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let client = client(&args.server, environment)?;
    let path = format!("/v1/caches/{}/keys", args.cache);
    let text = client.get_text(&path)?;
    if args.json {
        return print_json(out, &text);
    }
    let keys = client.parse(&path, &text)?;
    Ok(out.write_all(report(&keys, args).as_bytes())?)
}

fn report(keys: &Keys, args: &args::HotKeys) -> String {
    let (heading, mut rows) = match args.by {
        By::Gets => (vec!["key", "gets/s", "share", "error"], by_gets(keys)),
        By::Weight => (vec!["key", "weight"], by_weight(keys)),
        By::Cost => (vec!["key", "load"], by_cost(keys)),
    };
    if rows.is_empty() {
        return match args.by {
            By::Gets => format!("no gets of {} were counted yet\n", args.cache),
            By::Weight => format!("{} holds nothing fresh\n", args.cache),
            By::Cost => format!("{} has loaded nothing in the last 15 minutes\n", args.cache),
        };
    }
    rows.truncate(usize::from(args.limit));
    rows.insert(0, heading.into_iter().map(str::to_owned).collect());
    let note = match args.by {
        By::Gets if keys.one_in > 1 => format!("\nsampled: one get in {}\n", keys.one_in),
        By::Weight if !keys.complete => {
            let scanned = figures::count(keys.scanned);
            format!("\nof the first {scanned} entries\n")
        }
        _ => String::new(),
    };
    columns(&rows) + &note
}

fn by_gets(keys: &Keys) -> Vec<Vec<String>> {
    let row = |hot: &Hot| {
        vec![
            figures::printable(&hot.key),
            format!("{:.1}", hot.gets_per_second),
            figures::percent(Some(hot.share)),
            format!("{:.1}", hot.error),
        ]
    };
    keys.hottest.iter().map(row).collect()
}

fn by_weight(keys: &Keys) -> Vec<Vec<String>> {
    let row = |large: &Large| vec![figures::printable(&large.key), figures::count(large.weight)];
    keys.largest.iter().map(row).collect()
}

fn by_cost(keys: &Keys) -> Vec<Vec<String>> {
    let row = |slow: &Slow| {
        vec![
            figures::printable(&slow.key),
            figures::latency(Some(slow.load_ms * 1e6)),
        ]
    };
    keys.slowest.iter().map(row).collect()
}
