//! The configuration as a TOML document whose comments say where each value
//! came from.
//!
//! It must not know the keys' types.

use std::fmt::Write as _;

use larder_http::Setting;

use super::Config;
use super::layers::Source;
use super::reader::Shown;

/// Which keys to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that a file, variable or flag set.
    Set,
    /// All, the defaults too.
    Effective,
}

/// The document; it can be used as a configuration file.
pub(crate) fn show(config: &Config, which: Which) -> String {
    let rows: Vec<&Shown> = config
        .shown
        .iter()
        .filter(|row| which == Which::Effective || !matches!(row.source, Source::Default(_)))
        .collect();
    if rows.is_empty() {
        return "# nothing is set; `larder config show --effective` prints the defaults\n"
            .to_owned();
    }
    let lines: Vec<_> = rows.iter().map(|row| assignment(row)).collect();
    let width = lines.iter().map(String::len).max().unwrap_or(0).min(48);
    let mut document = String::new();
    let mut section = "";
    for (row, line) in rows.iter().zip(&lines) {
        let own = row.key.split_once('.').map_or("", |(section, _)| section);
        if own != section {
            section = own;
            let blank = if document.is_empty() { "" } else { "\n" };
            let _ = writeln!(document, "{blank}[{section}]");
        }
        let hidden = match row.value {
            Some(_) if row.is_hidden => " (without user and password)",
            _ => "",
        };
        let _ = writeln!(document, "{line:width$}  # {}{hidden}", row.source);
    }
    document
}

/// Every key, as `/v1/config` tells them.
pub(crate) fn settings(config: &Config) -> Vec<Setting> {
    let settings = config.shown.iter().map(|row| Setting {
        key: row.key.to_owned(),
        value: row.value.clone(),
        source: row.source.to_string(),
        is_masked: row.is_hidden,
    });
    settings.collect()
}

fn assignment(row: &Shown) -> String {
    let name = row.key.rsplit('.').next().unwrap_or(row.key);
    match &row.value {
        Some(value) => format!("{name} = {value}"),
        None if row.is_hidden => format!("# {name} is set, and not shown"),
        None => format!("# {name} is not set"),
    }
}
