//! `larder simulate`: what a cache of some size would have hit on a recorded stream of keys.
//!
//! The requests go through a real cache, and through LRU and the optimum beside it. This module must
//! not know a server.

mod reference;
pub(crate) mod trace;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use larder::{Cache, Policy};
use serde_json::json;

use crate::args::{Simulate, Size, TraceFormat};
use crate::commands::columns::columns;
use crate::exit::Usage;
use reference::Keys;
use trace::Format;

/// Hits at one capacity.
struct Row {
    capacity: usize,
    larder: u64,
    lru: u64,
    optimum: u64,
}

/// Runs the trace and prints the hit ratios.
pub(crate) fn run(args: &Simulate, out: &mut dyn Write) -> anyhow::Result<()> {
    let keys = read(&args.trace, args.format)?;
    let next_uses = reference::next_uses(&keys);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut rows = Vec::new();
    for size in &args.capacity {
        let capacity = entries(*size, keys.unique());
        rows.push(Row {
            capacity,
            larder: runtime.block_on(larder(&keys, capacity))?,
            lru: reference::lru(&keys, capacity),
            optimum: reference::optimum(&keys, &next_uses, capacity),
        });
    }
    let text = if args.json {
        format!("{:#}\n", as_json(&keys, &rows))
    } else {
        as_table(&keys, &rows)
    };
    Ok(out.write_all(text.as_bytes())?)
}

fn read(path: &Path, format: TraceFormat) -> anyhow::Result<Keys> {
    let mut keys = Keys::default();
    let mut fits = true;
    trace::read(path, known(format), &mut |key| {
        fits &= keys.push(key.hashed());
    })?;
    if !fits {
        let most = reference::REQUESTS_MAX;
        return Err(Usage(format!("{}: more than {most} requests", path.display())).into());
    }
    if keys.requests.is_empty() {
        return Err(Usage(format!("{}: it holds no requests", path.display())).into());
    }
    Ok(keys)
}

pub(crate) fn known(format: TraceFormat) -> Option<Format> {
    match format {
        TraceFormat::Auto => None,
        TraceFormat::Lines => Some(Format::Lines),
        TraceFormat::Arc => Some(Format::Arc),
        TraceFormat::Timed => Some(Format::Timed),
        TraceFormat::U32be => Some(Format::U32Be),
        TraceFormat::I64be => Some(Format::I64Be),
        TraceFormat::Oracle => Some(Format::Oracle),
    }
}

/// A share of the keys is at least one entry.
fn entries(size: Size, unique: usize) -> usize {
    match size {
        Size::Entries(entries) => entries,
        Size::Percent(percent) => ((unique as f64 * percent / 100.0) as usize).max(1),
    }
}

async fn larder(keys: &Keys, capacity: usize) -> anyhow::Result<u64> {
    let cache: Cache<u64, ()> = Cache::builder("simulation")
        .max_capacity(capacity as u64)
        .policy(Policy::ttl(Duration::MAX))
        .build()
        .context("cannot make the cache")?;
    let mut hits = 0;
    for key in keys.requests.iter().copied().map(u64::from) {
        if cache.peek(&key).is_some() {
            hits += 1;
        } else {
            cache.insert(key, ()).await?;
        }
    }
    Ok(hits)
}

fn as_table(keys: &Keys, rows: &[Row]) -> String {
    let requests = keys.requests.len() as f64;
    let percent = |hits: u64| format!("{:.2} %", 100.0 * hits as f64 / requests);
    let heading = ["capacity", "larder", "LRU", "optimum"].map(str::to_owned);
    let rows = rows.iter().map(|row| {
        vec![
            row.capacity.to_string(),
            percent(row.larder),
            percent(row.lru),
            percent(row.optimum),
        ]
    });
    let rows: Vec<_> = std::iter::once(heading.to_vec()).chain(rows).collect();
    format!(
        "{} requests of {} keys\n\n{}",
        keys.requests.len(),
        keys.unique(),
        columns(&rows)
    )
}

fn as_json(keys: &Keys, rows: &[Row]) -> serde_json::Value {
    let requests = keys.requests.len();
    let ratio = |hits: u64| hits as f64 / requests as f64;
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "capacity": row.capacity,
                "hit_ratio": {
                    "larder": ratio(row.larder),
                    "lru": ratio(row.lru),
                    "optimum": ratio(row.optimum),
                },
            })
        })
        .collect();
    json!({ "requests": requests, "unique_keys": keys.unique(), "capacities": rows })
}
