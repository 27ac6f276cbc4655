//! The commands that do one thing, print what came of it and end: most ask a daemon.
//!
//! It must not know how answers come over the network.

mod accounts;
mod caches;
pub(crate) mod columns;
mod config;
mod fleet;
mod hot_keys;
mod keys;
mod live_set;
mod recommend;
mod shells;
mod stats;

use std::io::Write;

use serde_json::json;

use crate::args;
use crate::client::{Client, Target};
use crate::config::Environment;

pub(crate) use accounts::{token, user};
pub(crate) use config::check as config_check;
pub(crate) use hot_keys::hot_keys;
pub(crate) use keys::{explain, get, ttl, warm};
pub(crate) use live_set::open as live_set_open;
pub(crate) use recommend::recommend;
pub(crate) use shells::{completions, man};

/// `larder stats`
pub(crate) fn stats(
    args: &args::Stats,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let client = client(&args.server, environment)?;
    let path = format!("/api/stats?time_range={}", args.range.word());
    let text = client.get_text(&path)?;
    if args.json {
        return print_json(out, &text);
    }
    let stats = client.parse(&path, &text)?;
    Ok(out.write_all(stats::report(&stats, args.range).as_bytes())?)
}

/// `larder caches`
pub(crate) fn caches(
    args: &args::Caches,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let client = client(&args.server, environment)?;
    let text = client.get_text("/v1/caches")?;
    if args.json {
        return print_json(out, &text);
    }
    let caches = client.parse("/v1/caches", &text)?;
    Ok(out.write_all(caches::report(&caches).as_bytes())?)
}

/// `larder invalidate`
pub(crate) fn invalidate(
    args: &args::Invalidate,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let path = format!("/v1/caches/{}/invalidate", args.cache);
    let (member, text) = args.scope.member();
    let body = json!({ member: text, "dry_run": args.dry_run });
    let client = client(&args.server, environment)?;
    let answer = client.post(&path, &body)?;
    if args.json {
        return print_json(out, &answer);
    }
    let answer: Invalidated = client.parse(&path, &answer)?;
    let (matched, cache) = (answer.matched, &args.cache);
    let entries = if matched == 1 { "entry" } else { "entries" };
    let would = if args.dry_run {
        "would invalidate"
    } else {
        "invalidated"
    };
    writeln!(
        out,
        "{would} {matched} {entries} of {cache} by {member} {text:?}"
    )?;
    Ok(())
}

#[derive(serde::Deserialize)]
struct Invalidated {
    matched: u64,
}

/// `larder clear`
pub(crate) fn clear(
    args: &args::Clear,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let path = format!("/v1/caches/{}/clear", args.cache);
    let answer = client(&args.server, environment)?.post(&path, &json!({}))?;
    if args.json {
        return print_json(out, &answer);
    }
    writeln!(out, "cleared {}", args.cache)?;
    Ok(())
}

fn client(args: &args::ServerArgs, environment: &Environment) -> anyhow::Result<Client> {
    Ok(Client::new(Target::find(args, environment)?))
}

fn print_json(out: &mut impl Write, text: &str) -> anyhow::Result<()> {
    writeln!(out, "{}", text.trim_end())?;
    Ok(())
}
