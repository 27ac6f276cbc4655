//! `larder completions` and `larder man`: both made from the command line's own definition.

use std::fs;
use std::io::Write;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::args::{self, Arguments};

/// `larder completions`
pub(crate) fn completions(args: &args::Completions, out: &mut impl Write) -> anyhow::Result<()> {
    // Generating panics where it cannot write, and the reader may have gone.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "larder", &mut script);
    Ok(out.write_all(&script)?)
}

/// `larder man`
pub(crate) fn man(args: &args::Man, out: &mut impl Write) -> anyhow::Result<()> {
    let command = Arguments::command();
    let Some(directory) = &args.dir else {
        return Ok(Man::new(command).render(out)?);
    };
    let written =
        fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(command, directory));
    written.with_context(|| format!("cannot write to {}", directory.display()))?;
    writeln!(out, "wrote the pages to {}", directory.display())?;
    Ok(())
}
