//! Commands on one key, and on one cache.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::{ServerArgs, cache_name};

/// A cache, and a key of it.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The cache's name
    #[arg(value_name = "CACHE", value_parser = cache_name)]
    pub(crate) cache: String,
    /// The key, as the cache's list of entries shows it
    #[arg(value_name = "KEY", value_parser = key)]
    pub(crate) key: String,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Warm {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The cache's name
    #[arg(value_name = "CACHE", value_parser = cache_name)]
    pub(crate) cache: String,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to complete in
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this directory [default: the main page, to stdout]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DashboardCommand {
    /// Write a Grafana dashboard and Prometheus alert rules, for the figures that this daemon exports
    Grafana {
        /// Where grafana.json and alerts.yml go; the directory is made if it is missing
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
}

fn key(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("expected a key's text".to_owned());
    }
    Ok(text.to_owned())
}
