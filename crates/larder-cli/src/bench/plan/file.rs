//! The settings of a run from a TOML file: its keys are the flags' names, and read as these are.

use std::path::Path;

use anyhow::{Context as _, bail};
use clap::Parser;

use crate::args::{BenchRun, BenchSettings};
use crate::exit::Usage;

/// What a file holds, as the command line that says the same.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct InFile {
    #[command(flatten)]
    settings: BenchSettings,
}

/// The settings of the command line, and of the file that it names where it is silent.
///
/// # Errors
/// [`Usage`] with the file's name for what is no setting.
pub(in crate::bench) fn settings(args: BenchRun) -> anyhow::Result<BenchSettings> {
    match &args.config {
        Some(path) => Ok(args.settings.over(read(path)?)),
        None => Ok(args.settings),
    }
}

fn read(path: &Path) -> anyhow::Result<BenchSettings> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| Usage(format!("{name}: {error}")))?;
    let mut line = Vec::new();
    for (key, value) in &table {
        add(key, value, &mut line).map_err(|error| Usage(format!("{name}: {error}")))?;
    }
    let parsed = InFile::try_parse_from(line);
    let parsed = parsed.map_err(|error| {
        let words = error.to_string();
        let said = words.split("\n\nUsage:").next().unwrap_or_default();
        let said = said.trim_start_matches("error: ").trim_end();
        Usage(format!("{name}: {said}"))
    });
    Ok(parsed?.settings)
}

/// The words that say the same as a key and its value.
fn add(key: &str, value: &toml::Value, line: &mut Vec<String>) -> anyhow::Result<()> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Array(values) => {
            return values.iter().try_for_each(|value| add(key, value, line));
        }
        _ => bail!("{key}: expected a text, a number or a list of them"),
    };
    if key == "url" {
        line.insert(
            line.iter()
                .take_while(|word| !word.starts_with("--"))
                .count(),
            text,
        );
    } else {
        line.push(format!("--{}={text}", key.replace('_', "-")));
    }
    Ok(())
}
