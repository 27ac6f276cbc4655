//! Arguments of `larder hot-keys` and `larder recommend`.

use clap::{Args, ValueEnum};

use super::{ServerArgs, cache_name};

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
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
