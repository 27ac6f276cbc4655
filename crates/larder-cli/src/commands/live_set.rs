//! `larder live-set`: the set that the daemon follows.

use std::io::Write;

use anyhow::Context as _;
use serde_json::json;

use super::{client, print_json};
use crate::args;
use crate::config::Environment;
use crate::figures;

/// `larder live-set open`
pub(crate) fn open(
    args: &args::LiveSetOpen,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    const PATH: &str = "/live/open";
    let file = std::path::absolute(&args.file)
        .with_context(|| format!("expected a path, not {}", args.file.display()))?;
    let file = file
        .to_str()
        .with_context(|| format!("expected a path in UTF-8, not {}", file.display()))?;
    let client = client(&args.server, environment)?;
    let text = client.post(PATH, &json!({ "path": file }))?;
    if args.json {
        return print_json(out, &text);
    }
    let opened: Opened = client.parse(PATH, &text)?;
    writeln!(
        out,
        "opened {} in {:.0} ms: {} tracks, {} scenes, {} devices, {} clips, {} nodes",
        figures::printable(&opened.project_path),
        opened.load_ms,
        opened.tracks,
        opened.scenes,
        opened.devices,
        opened.clips,
        opened.nodes
    )?;
    Ok(())
}

#[derive(serde::Deserialize)]
struct Opened {
    project_path: String,
    tracks: u64,
    scenes: u64,
    devices: u64,
    clips: u64,
    nodes: u64,
    load_ms: f64,
}
