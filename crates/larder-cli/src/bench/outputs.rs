//! Where reports go. That each target can be written is found out before the run, which may take long.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::report::Report;
use super::{csv, html, markdown, text};
use crate::args::BenchOutputs;
use crate::exit::Usage;

type Form = fn(&Report) -> anyhow::Result<String>;

/// The targets of a run; standard output has the text unless another form was sent there.
pub(super) struct Outputs {
    on_screen: Form,
    files: Vec<(PathBuf, Form)>,
}

impl Outputs {
    /// The targets that were given.
    ///
    /// # Errors
    /// One can't be written, or two are the same. What was there is left as it was.
    pub(super) fn checked(given: &BenchOutputs) -> anyhow::Result<Self> {
        let forms: [(_, Form); 4] = [
            (&given.json, json),
            (&given.markdown, |report| Ok(markdown::page(report))),
            (&given.csv, |report| Ok(csv::lines(report))),
            (&given.html, |report| Ok(html::page(report))),
        ];
        let forms = forms
            .into_iter()
            .filter_map(|(path, form)| Some((path.as_ref()?, form)));
        let (screen, files): (Vec<_>, Vec<_>) =
            forms.partition(|(path, _)| *path == Path::new("-"));
        ensure!(
            screen.len() < 2,
            Usage("only one report can go to standard output (-)".to_owned())
        );
        for (at, (path, _)) in files.iter().enumerate() {
            let is_twice = files[..at].iter().any(|(other, _)| other == path);
            let name = path.display();
            ensure!(
                !is_twice,
                Usage(format!("{name}: two reports cannot go to one file"))
            );
            try_to_open(path)?;
        }
        Ok(Self {
            on_screen: screen
                .first()
                .map_or(|report| Ok(text::page(report)), |(_, form)| *form),
            files: files
                .into_iter()
                .map(|(path, form)| (path.clone(), form))
                .collect(),
        })
    }

    /// Writes all, even if one fails: a long run is not lost with one file.
    ///
    /// # Errors
    /// The first failure.
    pub(super) fn write(&self, report: &Report, out: &mut impl Write) -> anyhow::Result<()> {
        let shown = (self.on_screen)(report)
            .and_then(|page| Ok(out.write_all(page.as_bytes()).and_then(|()| out.flush())?));
        let written = self.files.iter().map(|(path, form)| {
            let page = form(report)?;
            fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
        });
        let written: Vec<_> = written.collect();
        written
            .into_iter()
            .collect::<anyhow::Result<()>>()
            .and(shown)
    }
}

fn json(report: &Report) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// Whether a report can be written there; what is there is left as it is.
pub(super) fn try_to_open(path: &Path) -> anyhow::Result<()> {
    let was_there = path.exists();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened
        // A run that is given up leaves nothing behind.
        .and_then(|_| {
            if was_there {
                Ok(())
            } else {
                fs::remove_file(path)
            }
        })
        .with_context(|| format!("the report {} cannot be written", path.display()))
}
