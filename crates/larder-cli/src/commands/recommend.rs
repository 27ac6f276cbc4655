//! `larder recommend`: what to change, as plain text, the most urgent first.

use std::fmt::Write as _;
use std::io::Write;

use serde::Deserialize;
use serde_json::Value;

use super::{client, fleet};
use crate::args;
use crate::client::{Caches, Client};
use crate::config::{Environment, PEERS_MAX};
use crate::exit::{NotHeld, Usage};
use crate::figures;
use crate::peers::{Peer, token_in};

const PATH: &str = "/v1/recommendations";

/// An item of the answer of `/v1/recommendations`.
#[derive(Debug, Deserialize)]
struct Advice {
    level: String,
    title: String,
    text: String,
    evidence: Vec<Evidence>,
    change: Option<Change>,
    predicted: Vec<Predicted>,
    docs: String,
}

#[derive(Debug, Deserialize)]
struct Evidence {
    name: String,
    value: f64,
    unit: String,
}

#[derive(Debug, Deserialize)]
struct Change {
    setting: String,
    from: String,
    to: String,
}

#[derive(Debug, Deserialize)]
struct Predicted {
    name: String,
    from: f64,
    to: f64,
    unit: String,
}

/// `larder recommend`
pub(crate) fn recommend(
    args: &args::Recommend,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let client = client(&args.server, environment)?;
    let text = client.get_text(PATH)?;
    let mut answer: Value = client.parse(PATH, &text)?;
    if !args.peers.is_empty() {
        fleet::add(&mut answer, &client, &peers(args)?)?;
    }
    if let Some(cache) = &args.cache {
        gets(&client, Some(cache))?;
        keep(&mut answer, cache);
    }
    if args.json {
        return Ok(writeln!(out, "{answer:#}")?);
    }
    let advice = answer["recommendations"].take();
    let advice: Vec<Advice> = client.parse(PATH, &advice.to_string())?;
    let silent = silent_peers(&answer["peers"]);
    if advice.is_empty() && gets(&client, args.cache.as_deref())? == 0 {
        let text = "nothing has been seen yet: there were no gets. Ask again once there were some";
        return Ok(write!(out, "{text}\n{silent}")?);
    }
    Ok(out.write_all((report(&advice) + &silent).as_bytes())?)
}

fn peers(args: &args::Recommend) -> anyhow::Result<Vec<(String, Peer)>> {
    if args.peers.len() > PEERS_MAX {
        let many = args.peers.len();
        return Err(Usage(format!("{many} times --peer, expected {PEERS_MAX} at most")).into());
    }
    let token = args.peer_token_file.as_deref().map(token_in).transpose()?;
    let peer = |url: &String| (url.clone(), Peer::at(url.clone(), token.clone()));
    Ok(args.peers.iter().map(peer).collect())
}

/// Those that could not be asked, a line each.
fn silent_peers(peers: &Value) -> String {
    let mut text = String::new();
    for peer in peers.as_array().into_iter().flatten() {
        if let (Some(url), Some(error)) = (peer["url"].as_str(), peer["error"].as_str()) {
            let (url, error) = (figures::printable(url), figures::printable(error));
            let _ = writeln!(text, "\nnot compared with {url}: {error}");
        }
    }
    text
}

/// Of one cache, or of all. A name that no cache has would look like one for which there is nothing to do.
fn gets(client: &Client, cache: Option<&str>) -> anyhow::Result<u64> {
    let caches = client.get_json::<Caches>("/v1/caches")?.caches;
    let Some(cache) = cache else {
        return Ok(caches.iter().map(|known| known.stats.gets).sum());
    };
    if let Some(known) = caches.iter().find(|known| known.name == cache) {
        return Ok(known.stats.gets);
    }
    let names: Vec<_> = caches.into_iter().map(|known| known.name).collect();
    let names = names.join(", ");
    Err(NotHeld(format!("no cache is named {cache:?}; there are: {names}")).into())
}

/// Leaves what concerns one cache.
fn keep(answer: &mut Value, cache: &str) {
    for list in ["recommendations", "curves"] {
        if let Some(items) = answer[list].as_array_mut() {
            items.retain(|item| item["cache"] == cache);
        }
    }
}

fn report(advice: &[Advice]) -> String {
    if advice.is_empty() {
        return "nothing to change, as far as has been seen\n".to_owned();
    }
    let mut text = String::new();
    for (number, one) in advice.iter().enumerate() {
        let gap = if number == 0 { "" } else { "\n" };
        let title = figures::printable(&one.title);
        let _ = writeln!(text, "{gap}{}: {title}", one.level);
        let _ = writeln!(text, "  {}", figures::printable(&one.text));
        if let Some(Change { setting, from, to }) = &one.change {
            let _ = writeln!(text, "  change    {setting}: {from} -> {to}");
        }
        for Predicted {
            name,
            from,
            to,
            unit,
        } in &one.predicted
        {
            let (from, to) = (number_of(*from, unit), number_of(*to, unit));
            let _ = writeln!(text, "  predicted {name}: {from} -> {to}");
        }
        let seen = |seen: &Evidence| format!("{} {}", seen.name, number_of(seen.value, &seen.unit));
        let seen: Vec<_> = one.evidence.iter().map(seen).collect();
        let _ = writeln!(text, "  seen      {}", seen.join(", "));
        let _ = writeln!(text, "  see       {}", one.docs);
    }
    text
}

fn number_of(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => figures::percent(Some(value)),
        "ms" => figures::latency(Some(value * 1e6)),
        "per_second" => format!("{}/s", figures::rate(Some(value))),
        _ => figures::count(value.max(0.0).round() as u64),
    }
}
