//! `larder get`, `ttl`, `explain` and `warm`.

use std::io::{IsTerminal as _, Write};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{client, print_json};
use crate::args::{KeyArgs, Warm};
use crate::client::segment;
use crate::config::Environment;
use crate::exit::NotHeld;
use crate::figures;

/// What a server knows of a key.
#[derive(Debug, Deserialize)]
struct Known {
    held: Option<Held>,
    is_absent: bool,
    text: String,
    value: Option<Value>,
    value_type: Option<String>,
    value_bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Held {
    remaining_ms: Option<u64>,
    usable_stale_ms: Option<u64>,
}

/// `larder get`: the value goes to stdout, what is known of it to stderr.
pub(crate) fn get(
    args: &KeyArgs,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (text, known) = ask(args, environment, "explain=1&value=1")?;
    // Into a pipe goes what is held, byte for byte.
    let is_terminal = std::io::stdout().is_terminal();
    let shown = |text: String| {
        if is_terminal {
            figures::escaped(&text)
        } else {
            text
        }
    };
    if args.json {
        print_json(out, &shown(text))?;
        return held(args, &known).map(drop);
    }
    held(args, &known)?;
    // Nobody to read it is no reason to keep the value back.
    let _ = writeln!(std::io::stderr(), "{}", figures::printable(&known.text));
    match (known.value, known.value_type.as_deref()) {
        (Some(Value::String(text)), Some("text")) => writeln!(out, "{}", shown(text))?,
        (Some(value), _) => writeln!(out, "{}", shown(format!("{value:#}")))?,
        (None, _) => {
            let bytes = known.value_bytes.unwrap_or_default();
            writeln!(out, "{} that are no text", figures::bytes(bytes))?;
        }
    }
    Ok(())
}

/// `larder ttl`
pub(crate) fn ttl(
    args: &KeyArgs,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (text, known) = ask(args, environment, "explain=1")?;
    let left = held(args, &known).map(|held| match held.remaining_ms {
        None => "for ever".to_owned(),
        Some(0) => stale(held.usable_stale_ms),
        Some(left) => figures::age(Duration::from_millis(left)),
    });
    if args.json {
        print_json(out, &text)?;
    } else if let Ok(left) = &left {
        writeln!(out, "{left}")?;
    }
    left.map(drop)
}

fn stale(usable_ms: Option<u64>) -> String {
    match usable_ms.filter(|usable| *usable > 0) {
        None => "stale".to_owned(),
        Some(usable) => {
            let usable = figures::age(Duration::from_millis(usable));
            format!("stale; may stand in for {usable}")
        }
    }
}

/// `larder explain`
pub(crate) fn explain(
    args: &KeyArgs,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (text, known) = ask(args, environment, "explain=1")?;
    if args.json {
        return print_json(out, &text);
    }
    Ok(writeln!(out, "{}", figures::printable(&known.text))?)
}

/// `larder warm`
pub(crate) fn warm(
    args: &Warm,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Warmed {
        warmed: u64,
        entries: u64,
    }
    let path = format!("/v1/caches/{}/warm", args.cache);
    let client = client(&args.server, environment)?;
    let text = client.post_patiently(&path, &json!({}))?;
    if args.json {
        return print_json(out, &text);
    }
    let Warmed { warmed, entries } = client.parse(&path, &text)?;
    let (warmed, entries) = (figures::count(warmed), figures::count(entries));
    let keys = if warmed == "1" { "key" } else { "keys" };
    writeln!(
        out,
        "warmed {warmed} {keys} of {}, which holds {entries}",
        args.cache
    )?;
    Ok(())
}

fn ask(args: &KeyArgs, environment: &Environment, query: &str) -> anyhow::Result<(String, Known)> {
    let client = client(&args.server, environment)?;
    let (cache, key) = (&args.cache, segment(&args.key));
    let path = format!("/v1/caches/{cache}/entries/{key}?{query}");
    let text = client.get_text(&path)?;
    let known = client.parse(&path, &text)?;
    Ok((text, known))
}

fn held<'a>(args: &KeyArgs, known: &'a Known) -> anyhow::Result<&'a Held> {
    let (cache, key) = (&args.cache, &args.key);
    known.held.as_ref().ok_or_else(|| {
        let what = if known.is_absent {
            format!("{cache} knows that {key:?} has no value")
        } else {
            format!("{cache} holds nothing for {key:?}; `larder explain` tells why it was missed")
        };
        NotHeld(what).into()
    })
}
