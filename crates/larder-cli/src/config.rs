//! What the daemon runs with: a TOML file, then `LARDER_*` variables, then
//! flags, the last one that sets a key winning.
//!
//! It must not know what is done with the settings, and nothing outside it
//! reads the environment.

mod assistant_context;
mod duration;
mod environment;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod kinds;
mod layers;
mod live;
mod otlp;
mod reader;
mod recommend;
mod remote;
mod scheduler_stats;
mod show;
mod workstations;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::level_filters::LevelFilter;

pub(crate) use assistant_context::AssistantContext;
pub(crate) use duration::parse as parse_duration;
pub(crate) use environment::Environment;
pub(crate) use live::Live;
pub(crate) use otlp::Otlp;
pub(crate) use recommend::{PEERS_MAX, Recommend, peer};
pub(crate) use remote::{Remote, Secret};
pub(crate) use scheduler_stats::SchedulerStats;
pub(crate) use show::{Which, settings, show};
pub(crate) use workstations::Workstations;

use kinds::{Address, Choice, Count, Directories, Hosts, OnePath, Span, Switch};
use layers::Layers;
use reader::{Reader, Shown};

/// The port of a daemon that was told no other.
const DEFAULT_PORT: u16 = 7070;

/// All settings, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the daemon listens.
    pub(crate) listen: SocketAddr,
    /// Where tokens and the services' state are kept; absolute, may not exist
    /// yet.
    pub(crate) state_dir: PathBuf,
    /// Names, besides the listener's own, that a request's Host header may
    /// have; lower case, without ports.
    pub(crate) allowed_hosts: Vec<String>,
    /// Who may do what.
    pub(crate) auth: Auth,
    /// The store that caches share with other daemons.
    pub(crate) remote: Remote,
    /// The service of that name.
    pub(crate) claude_usage: ClaudeUsage,
    /// The service of that name.
    pub(crate) assistant_context: AssistantContext,
    /// The service of that name.
    pub(crate) workstations: Workstations,
    pub(crate) live: Live,
    /// The service of that name.
    pub(crate) scheduler_stats: SchedulerStats,
    /// Whose loads are compared with this daemon's.
    pub(crate) recommend: Recommend,
    /// Where metrics are pushed to.
    pub(crate) otlp: Otlp,
    /// How the daemon logs.
    pub(crate) log: Log,
    /// The process's variables, for what a service looks up by itself (where
    /// Claude Code keeps its logs).
    pub(crate) environment: Environment,
    /// What the log should say about the configuration at the start.
    pub(crate) warnings: Vec<String>,
    shown: Vec<Shown>,
}

/// The section `[auth]`.
#[derive(Debug)]
pub(crate) struct Auth {
    /// What a caller without a token is.
    pub(crate) anonymous: Anonymous,
}

/// What a caller without a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anonymous {
    /// A viewer.
    Viewer,
    /// Nobody: refused wherever a role is needed.
    Nobody,
}

/// The section `[claude_usage]`.
#[derive(Debug)]
pub(crate) struct ClaudeUsage {
    /// Whether the service runs.
    pub(crate) enabled: bool,
    /// Configuration directories of Claude Code (logs lie in `projects`
    /// below); none means the places where Claude Code puts them.
    pub(crate) roots: Vec<PathBuf>,
    /// Time between two refreshes.
    pub(crate) interval: Duration,
    /// Snapshots kept for the history.
    pub(crate) history: usize,
    /// Days begin at midnight UTC instead of the user's midnight.
    pub(crate) utc: bool,
    /// A price table that replaces or extends the built-in one.
    pub(crate) prices: Option<PathBuf>,
    /// Threads of the first scan.
    pub(crate) threads: usize,
}

/// The section `[log]`.
#[derive(Debug)]
pub(crate) struct Log {
    /// The lines' shape.
    pub(crate) format: LogFormat,
    /// What is left out.
    pub(crate) level: LevelFilter,
}

/// The shape of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the command line says of the configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Flags {
    #[arg(
        long = "config",
        value_name = "FILE",
        help = "The configuration file [default: $LARDER_CONFIG, else none]"
    )]
    pub(crate) file: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Where tokens and state are kept [default: the platform's state
    /// directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
    #[arg(
        long,
        value_name = "URL",
        help = "The server that caches share with other daemons: redis://HOST[:PORT][/DB], or none. \
                A password belongs into a file: remote.password_file, or $LARDER_REMOTE_PASSWORD"
    )]
    pub(crate) remote: Option<String>,
    /// The shape of the log's lines: text, or json with one object a line [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// Begin days at midnight UTC instead of local midnight
    #[arg(long)]
    pub(crate) utc: bool,
}

/// The configuration can't be used; every reason found, one each.
#[derive(Debug)]
pub(crate) struct Invalid {
    /// Never empty.
    pub(crate) problems: Vec<String>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad configuration: {}", self.problems.join("\n  and: "))
    }
}

impl std::error::Error for Invalid {}

impl Config {
    /// Reads the file, the variables and the flags. Says everything that is
    /// wrong at once.
    pub(crate) fn load(flags: &Flags, environment: &Environment) -> Result<Self, Invalid> {
        let layers = layers(flags, environment)?;
        let mut reader = Reader::new(layers);
        let config = Self::read(&mut reader, environment);
        reader.finish(config)
    }

    fn read(reader: &mut Reader, environment: &Environment) -> Self {
        let home = environment.home();
        let listen = reader.read(
            "listen",
            &Address,
            ((Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(), ""),
        );
        let state_dir = state_dir(reader, environment);
        let allowed_hosts = reader.read("allowed_hosts", &Hosts, (Vec::new(), ""));
        let auth = auth(reader, listen);
        let remote = remote::read(reader, environment);
        let claude_usage = claude_usage(reader, home);
        let assistant_context = assistant_context::read(reader);
        let workstations = workstations::read(reader);
        let live = live::read(reader, environment);
        let scheduler_stats = scheduler_stats::read(reader);
        let recommend = recommend::read(reader, environment);
        let otlp = otlp::read(reader);
        let log = log(reader);
        Self {
            listen,
            state_dir,
            allowed_hosts,
            auth,
            remote,
            claude_usage,
            assistant_context,
            workstations,
            live,
            scheduler_stats,
            recommend,
            otlp,
            log,
            environment: environment.clone(),
            warnings: reader.take_warnings(),
            shown: reader.take_shown(),
        }
    }
}

fn layers(flags: &Flags, environment: &Environment) -> Result<Layers, Invalid> {
    let mut layers = Layers::default();
    remote::add_variables(&mut layers, environment);
    let named = environment.get("LARDER_CONFIG").map(PathBuf::from);
    if let Some(path) = flags.file.clone().or(named) {
        let text = read_file(&path).map_err(|problem| Invalid {
            problems: vec![problem],
        })?;
        layers.add_file(&path, &text);
    }
    layers.add_variables(environment);
    if let Some(listen) = &flags.listen {
        layers.add_flag("listen", "--listen", listen.clone());
    }
    if let Some(dir) = &flags.state_dir {
        layers.add_flag("state_dir", "--state-dir", dir.clone());
    }
    if let Some(url) = &flags.remote {
        layers.add_flag("remote.url", "--remote", url.clone());
    }
    if let Some(format) = &flags.log_format {
        layers.add_flag("log.format", "--log-format", format.clone());
    }
    if flags.utc {
        layers.add_flag("claude_usage.utc", "--utc", "true".to_owned());
    }
    Ok(layers)
}

fn read_file(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("cannot read the file {}: {error}", path.display()))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        format!("{}:{line}: expected UTF-8 text", path.display())
    })
}

fn state_dir(reader: &mut Reader, environment: &Environment) -> PathBuf {
    let kind = OnePath {
        what: "directory",
        home: environment.home(),
    };
    let default = default_state_dir(environment);
    let source = default.as_ref().map_or("", |(_, source)| *source);
    let found = reader.read("state_dir", &kind, (default.map(|(path, _)| path), source));
    found.unwrap_or_else(|| {
        reader.problem(
            "there is no $HOME to keep state under: set --state-dir, $LARDER_STATE_DIR or \
             `state_dir` to a directory",
        );
        PathBuf::new()
    })
}

fn default_state_dir(environment: &Environment) -> Option<(PathBuf, &'static str)> {
    if let Some(state) = environment.absolute("XDG_STATE_HOME") {
        return Some((state.join("larder"), "in $XDG_STATE_HOME"));
    }
    let under_home = if cfg!(target_os = "macos") {
        "Library/Application Support/larder"
    } else {
        ".local/state/larder"
    };
    Some((environment.home()?.join(under_home), "under $HOME"))
}

fn auth(reader: &mut Reader, listen: SocketAddr) -> Auth {
    let is_loopback = listen.ip().to_canonical().is_loopback();
    let default = if is_loopback {
        (Anonymous::Viewer, "the listener is loopback")
    } else {
        (Anonymous::Nobody, "the listener is not loopback")
    };
    let kind = Choice(&[("viewer", Anonymous::Viewer), ("none", Anonymous::Nobody)]);
    let anonymous = reader.read("auth.anonymous", &kind, default);
    if anonymous == Anonymous::Viewer && !is_loopback {
        let set_by = reader.source("auth.anonymous");
        reader.problem(format!(
            "{set_by}: auth.anonymous = \"viewer\" would let everyone who reaches {listen} read \
             everything: set it to \"none\", or listen on a loopback address such as \
             127.0.0.1:{}",
            listen.port()
        ));
    }
    Auth { anonymous }
}

fn claude_usage(reader: &mut Reader, home: Option<PathBuf>) -> ClaudeUsage {
    let interval = Span {
        min: Duration::from_millis(100),
        max: Duration::from_hours(1),
    };
    let prices = OnePath {
        what: "price table",
        home: home.clone(),
    };
    ClaudeUsage {
        enabled: reader.read("claude_usage.enabled", &Switch, (true, "")),
        roots: reader.read(
            "claude_usage.roots",
            &Directories { home },
            (
                Vec::new(),
                "$CLAUDE_CONFIG_DIR, else ~/.claude and ~/.config/claude",
            ),
        ),
        interval: reader.read(
            "claude_usage.interval",
            &interval,
            (Duration::from_secs(2), ""),
        ),
        history: reader.read(
            "claude_usage.history",
            &Count {
                min: 1,
                max: 86_400,
            },
            (3_600, ""),
        ),
        utc: reader.read("claude_usage.utc", &Switch, (false, "")),
        prices: reader.read("claude_usage.prices", &prices, (None, "the built-in table")),
        threads: reader.read("claude_usage.threads", &Count { min: 1, max: 64 }, (2, "")),
    }
}

fn log(reader: &mut Reader) -> Log {
    let format = Choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    let level = Choice(&[
        ("off", LevelFilter::OFF),
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ]);
    Log {
        format: reader.read("log.format", &format, (LogFormat::Text, "")),
        level: reader.read("log.level", &level, (LevelFilter::INFO, "")),
    }
}

#[cfg(test)]
mod tests;
