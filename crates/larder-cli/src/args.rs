//! The command line: commands, flags and their help.
//!
//! It must not know how any command is carried out.

mod advice;
mod bench;
mod keys;
mod top;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use larder_http::Role;

use crate::config::Flags;

pub(crate) use advice::{By, HotKeys, Recommend};
pub(crate) use bench::{
    BenchCommand, BenchCompare, BenchContext, BenchLoad, BenchOutputs, BenchRun, BenchSeeds,
    BenchSettings, BenchSubject, Service,
};
pub(crate) use keys::{Completions, DashboardCommand, KeyArgs, Man, Warm};
pub(crate) use top::{Tab, Top, Window};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or bad configuration
  3  the server can't be reached
  4  the server refused: no token, a wrong one, or too low a role
  5  not found: no such cache, nothing held for the key, or the server is no larder daemon
  6  the server has no answer yet: it still scans, or found no logs
  7  a threshold was missed, a comparison found something worse, or an audit broken promises
  130  `bench run` was interrupted: its report is of what was complete

Data goes to stdout, logs and errors to stderr. NO_COLOR turns colours off.";

/// A cache layer for services: tiered, coherent, and it shows what it saves.
#[derive(Debug, Parser)]
#[command(name = "larder", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the daemon
    Serve(Serve),
    /// Watch caches, keys, advice, backends and usage in the terminal
    #[command(visible_alias = "monitor")]
    Top(Top),
    /// Print usage totals
    Stats(Stats),
    /// List the caches with their figures
    Caches(Caches),
    /// Show which keys of a cache are asked for most, weigh most, or take longest to load
    HotKeys(HotKeys),
    /// Say what to change of the caches, with the evidence and what it would do
    Recommend(Recommend),
    /// Invalidate entries of a cache: a key, a tag, a prefix or a pattern (needs an admin token)
    Invalidate(Invalidate),
    /// Remove every entry of a cache (needs an admin token)
    Clear(Clear),
    /// Print the value of a key, where the cache shows its values
    Get(KeyArgs),
    /// Print for how long a key's value is fresh
    Ttl(KeyArgs),
    /// Tell what is known of a key, and why it was last missed
    Explain(KeyArgs),
    /// Fill a cache with what its service can tell beforehand (needs an admin token)
    Warm(Warm),
    /// Tell whether caches that share a server keep their promise, from what they sample
    Audit(Audit),
    /// Show what a cache would have hit on a recorded stream of keys
    Simulate(Simulate),
    /// Make, list and remove users, who log in with a password
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Make, list and revoke tokens, for programs
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Measure what caching saves: of any server, or of the services
    Bench {
        #[command(subcommand)]
        command: BenchCommand,
    },
    /// Work with the Live Set that the daemon follows
    LiveSet {
        #[command(subcommand)]
        command: LiveSetCommand,
    },
    /// Write dashboards of other programs for this daemon's figures
    Dashboard {
        #[command(subcommand)]
        command: DashboardCommand,
    },
    /// Print what makes a shell complete these commands
    Completions(Completions),
    /// Print the manual page, or write one for each command
    Man(Man),
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// Make a small tree of logs and append to it, for a machine that has none
    #[arg(long)]
    pub(crate) demo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The days to total
    #[arg(long, value_enum, default_value_t = Range::All)]
    pub(crate) range: Range,
}

#[derive(Debug, Args)]
pub(crate) struct Caches {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Invalidate {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The cache's name
    #[arg(value_name = "CACHE", value_parser = cache_name)]
    pub(crate) cache: String,
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// Only say how many entries it would be
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to invalidate.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Scope {
    /// The key, as the cache's list of entries shows it
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Entries with this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Entries whose key starts so
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// Entries whose whole key matches: `*`, `?`, `[a-z]`
    #[arg(long, value_name = "GLOB")]
    pub(crate) pattern: Option<String>,
}

impl Scope {
    /// The member of the request's body, and its value.
    pub(crate) fn member(&self) -> (&'static str, &str) {
        let Self {
            key,
            tag,
            prefix,
            pattern,
        } = self;
        let given = [("tag", tag), ("prefix", prefix), ("pattern", pattern)];
        let option = given
            .into_iter()
            .find_map(|(name, text)| Some((name, text.as_deref()?)));
        option.unwrap_or(("key", key.as_deref().unwrap_or_default()))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Clear {
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
pub(crate) struct Audit {
    #[arg(
        long,
        value_name = "URL",
        help = "The Redis or Valkey server [default: the configured remote.url]"
    )]
    pub(crate) url: Option<String>,
    /// What the names of the caches' keys begin with at the server [default: the configured one]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    #[arg(
        long,
        value_name = "FILE",
        help = "The configuration file [default: $LARDER_CONFIG, else none]"
    )]
    pub(crate) config: Option<PathBuf>,
    /// The cache to audit [default: all that have samples]
    #[arg(long, value_name = "CACHE", value_parser = cache_name)]
    pub(crate) namespace: Option<String>,
    /// Judge what the server has now, and end; exit code 7 if a promise was broken (the default)
    #[arg(long, conflicts_with = "follow")]
    pub(crate) once: bool,
    /// Go on until interrupted; print every 30 s, and at once when a promise was broken
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print JSON, a line each time
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The recorded stream, packed by gzip (.gz), xz (.xz) or zstd (.zst) or plain
    #[arg(value_name = "TRACE")]
    pub(crate) trace: PathBuf,
    /// The sizes to try: entries, or a share of the different keys such as 10%
    #[arg(
        long,
        value_name = "SIZE[,SIZE...]",
        required = true,
        value_delimiter = ',',
        value_parser = size
    )]
    pub(crate) capacity: Vec<Size>,
    /// How the stream is written
    #[arg(long, value_enum, default_value_t = TraceFormat::Auto)]
    pub(crate) format: TraceFormat,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The size of a simulated cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Size {
    Entries(usize),
    /// Of the different keys in the stream.
    Percent(f64),
}

/// How a recorded stream of keys is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TraceFormat {
    /// By the name (.lis, oracleGeneral), else lines if it is text
    Auto,
    /// A key on each line
    Lines,
    /// Lines of `start count`, for so many numbers in order (ARC)
    Arc,
    /// Lines of `time key size` (webcachesim)
    Timed,
    /// Big-endian numbers of 32 bits
    U32be,
    /// Big-endian numbers of 64 bits
    I64be,
    /// Records of 24 bytes (libCacheSim's oracleGeneral)
    Oracle,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user; the password is asked for, or read from standard input
    Add(NewAccount),
    /// Print the users and their roles
    List(Accounts),
    /// Remove a user, whose sessions end at once
    Remove(OldAccount),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it; it can't be shown again
    #[command(visible_alias = "add")]
    Make(NewAccount),
    /// Print the tokens' names and roles
    List(Accounts),
    /// Make a token worthless at once
    #[command(visible_alias = "remove")]
    Revoke(OldAccount),
}

#[derive(Debug, Args)]
pub(crate) struct NewAccount {
    /// 1 to 64 of A-Z a-z 0-9 _ . @ -
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// viewer reads, operator changes single entries, admin clears and configures
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OldAccount {
    /// The name that it was made with
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Accounts {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// Where accounts are kept: on this machine, whether the daemon runs or not.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    #[arg(
        long,
        value_name = "FILE",
        help = "The configuration file [default: $LARDER_CONFIG, else none]"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Where the daemon keeps its accounts [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LiveSetCommand {
    /// Open a set in the place of the one that is open (needs an operator token)
    Open(LiveSetOpen),
}

#[derive(Debug, Args)]
pub(crate) struct LiveSetOpen {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The set, an .als file under the daemon's `live.roots`
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print the server's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print what is set and where; with --effective the defaults too
    Show {
        #[command(flatten)]
        flags: Flags,
        /// Print every key, those left at their defaults too
        #[arg(long)]
        effective: bool,
    },
    /// Tell whether a daemon could start with it, or everything that is wrong: file, line and key
    Check {
        #[arg(
            value_name = "FILE",
            help = "The configuration file [default: $LARDER_CONFIG, else none]"
        )]
        file: Option<PathBuf>,
    },
}

/// Which daemon to ask, and as whom.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    #[arg(
        long,
        value_name = "URL",
        help = "The daemon's address [default: $LARDER_URL, else the configured listener]"
    )]
    pub(crate) url: Option<String>,
    #[arg(
        long,
        value_name = "TOKEN",
        help = "The token to send [default: $LARDER_TOKEN, else, on this machine only, \
                STATE_DIR/admin.token]"
    )]
    pub(crate) token: Option<String>,
    #[arg(
        long,
        value_name = "FILE",
        help = "The configuration file [default: $LARDER_CONFIG, else none]"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Where the daemon keeps its tokens [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
}

/// The days that totals cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Range {
    /// Since midnight
    Today,
    /// Today and the 6 days before
    Week,
    /// Today and the 29 days before
    Month,
    /// Everything ever counted
    All,
}

impl Range {
    /// The word for `time_range=`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Week => "week",
            Self::Month => "month",
            Self::All => "all",
        }
    }

    /// The range as a phrase.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::All => "all time",
        }
    }
}

fn size(text: &str) -> Result<Size, String> {
    let size = match text.strip_suffix('%') {
        Some(percent) => percent
            .parse()
            .ok()
            .filter(|p| (0.0..=100.0).contains(p))
            .map(Size::Percent),
        None => text.parse().ok().map(Size::Entries),
    };
    size.ok_or_else(|| {
        r#"expected a number of entries or a share from 0% to 100% such as "2.5%""#.to_owned()
    })
}

fn role(text: &str) -> Result<Role, String> {
    let roles = [Role::Viewer, Role::Operator, Role::Admin];
    let found = roles.into_iter().find(|role| role.name() == text);
    found.ok_or_else(|| "expected viewer, operator or admin".to_owned())
}

pub(crate) fn cache_name(text: &str) -> Result<String, String> {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_name_byte) {
        return Err("a cache's name is made of letters, digits, `_`, `.` and `-`".to_owned());
    }
    Ok(text.to_owned())
}
