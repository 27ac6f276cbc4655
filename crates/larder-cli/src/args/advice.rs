//! Arguments of `larder hot-keys` and `larder recommend`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ServerArgs, cache_name};
use crate::config;

#[derive(Debug, Args)]
pub(crate) struct HotKeys {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The cache's name
    #[arg(value_name = "CACHE", value_parser = cache_name)]
    pub(crate) cache: String,
    /// What to order them by
    #[arg(long, value_enum, default_value_t = By::Gets)]
    pub(crate) by: By,
    /// How many to print, 1 to 50
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(crate) limit: u8,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What makes a key hot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// How often it is asked for, in the last minutes
    Gets,
    /// What it takes of the cache's capacity
    Weight,
    /// How long its last load took
    Cost,
}

#[derive(Debug, Args)]
pub(crate) struct Recommend {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Only what concerns this cache
    #[arg(long, value_name = "CACHE", value_parser = cache_name)]
    pub(crate) cache: Option<String>,
    #[arg(
        long = "peer",
        value_name = "URL",
        value_parser = peer,
        help = "Compare with what this other daemon loads, too; may be repeated, up to 16 times"
    )]
    pub(crate) peers: Vec<String>,
    #[arg(
        long,
        value_name = "FILE",
        requires = "peers",
        help = "The file with a token for the peers in its first line [default: none is sent]"
    )]
    pub(crate) peer_token_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn peer(text: &str) -> Result<String, String> {
    config::peer(text).ok_or_else(|| {
        "expected a URL such as \"http://10.0.0.2:7070\": http, and without a user".to_owned()
    })
}
