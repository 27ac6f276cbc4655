//! `larder bench seeds`: the figures that the five documents head with, beside ours.
//!
//! Each service is started in this process on embedded data, and asked as a caller would: with what it
//! caches, and past it, by turns in the same run. It must not know how a service caches.

mod assistant_context;
mod daemon;
mod front;
mod live_set;
mod logs;
mod scheduler_stats;
mod table;
mod timing;
mod usage;
mod workstations;

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use crate::args;
use table::Section;

type Measure = fn(&Runtime, &Path, usize) -> anyhow::Result<Section>;

/// The documents in their order.
const SECTIONS: [(&str, Measure); 5] = [
    ("live_set", live_set::measure),
    ("assistant_context", assistant_context::measure),
    ("workstations", workstations::measure),
    ("claude_usage", usage::measure),
    ("scheduler_stats", scheduler_stats::measure),
];

/// Measures, and prints the table or writes it to a file too.
pub(crate) fn run(args: &args::BenchSeeds, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(file) = &args.output {
        super::outputs::try_to_open(file)?;
    }
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let mut sections = Vec::new();
    for (name, measure) in SECTIONS {
        writeln!(std::io::stderr(), "measuring {name}")?;
        let own = directory.path().join(name);
        std::fs::create_dir(&own).context("the temporary directory cannot be written")?;
        let section = measure(&runtime, &own, args.rounds);
        sections.push(section.with_context(|| format!("{name} could not be measured"))?);
    }
    let text = table::markdown(&sections, args.rounds);
    out.write_all(text.as_bytes())?;
    if let Some(file) = &args.output {
        std::fs::write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
