//! Advice on a shared store, from what several daemons loaded.
//!
//! It must not know how advice is printed.

use std::thread;

use larder::recommend::{Observed, recommend};
use serde_json::{Value, json};

use crate::client::{Caches, Client};
use crate::peers::{Peer, recent_loads};

/// Puts into the answer of `/v1/recommendations` what follows from asking `peers` too, and which of them
/// told nothing.
pub(super) fn add(
    answer: &mut Value,
    client: &Client,
    peers: &[(String, Peer)],
) -> anyhow::Result<()> {
    let caches: Caches = client.get_json("/v1/caches")?;
    let without_store = caches
        .caches
        .iter()
        .filter(|cache| cache.stats.remote.is_none());
    let mut observed = Vec::new();
    for cache in without_store {
        let mut seen = Observed::default();
        seen.name.clone_from(&cache.name);
        seen.loads.push(recent_loads(client, &cache.name)?);
        observed.push(seen);
    }
    observed.retain(|seen| !seen.loads[0].loads.is_empty());
    let names: Vec<String> = observed.iter().map(|seen| seen.name.clone()).collect();
    let answers: Vec<_> = thread::scope(|scope| {
        let asked = peers
            .iter()
            .map(|(url, peer)| (url, scope.spawn(|| peer.loads(&names))));
        let asked: Vec<_> = asked.collect();
        let told = |(url, asking): (_, thread::ScopedJoinHandle<'_, _>)| {
            let broken = |_| Err("it could not be asked".to_owned());
            (url, asking.join().unwrap_or_else(broken))
        };
        asked.into_iter().map(told).collect()
    });
    for (url, told) in answers {
        let error = told.as_ref().err().cloned();
        push(answer, "peers", json!({ "url": url, "error": error }));
        for (cache, recent) in told.into_iter().flatten() {
            if let Some(seen) = observed.iter_mut().find(|seen| seen.name == cache) {
                seen.loads.push(recent);
            }
        }
    }
    let advice: Vec<_> = observed.iter().flat_map(recommend).collect();
    for one in &advice {
        if let Some(all) = answer["recommendations"].as_array_mut() {
            all.retain(|other| other["id"] != one.id);
        }
        push(answer, "recommendations", larder_http::shown_advice(one));
    }
    if let Some(all) = answer["recommendations"].as_array_mut() {
        let levels = ["critical", "warning", "info"];
        all.sort_by_key(|one| levels.iter().position(|level| one["level"] == *level));
    }
    Ok(())
}

fn push(answer: &mut Value, list: &str, item: Value) {
    match &mut answer[list] {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}
