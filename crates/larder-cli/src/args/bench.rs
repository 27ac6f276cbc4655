//! The command line of `larder bench`.
//!
//! It must not know how anything is measured.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{ServerArgs, TraceFormat};
use crate::bench::{Threshold, Uncached};
use crate::config::parse_duration;

const RUN_HELP: &str = "\
With two URLs the first is asked for what is uncached and the second for what is cached, in turns.
With one URL, --uncached says how to get past the cache; without it, that one is measured alone.

Places in URLs, bodies and header values:
  {1..1000}  a number of that range: evenly, or with --zipf S by Zipf's law
  {key}      a key of --trace, or of --keys 1..1000
  {unique}   a number that is never used twice

Examples:
  larder bench run --service workstations
  larder bench run 'http://127.0.0.1:8080/items/{1..1000}' --zipf 0.99 --uncached header -c 20
  larder bench run http://origin:8080/page http://cache:80/page --threshold 'speedup>5' --html page.html

Exit code 7: a threshold was missed; 130: it was interrupted, and the report is of the repetitions that
were complete. Values of parameters that are secret by name (key, token, …) are masked in reports. The page docs/bench.md says what each figure means.";

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure any URL, uncached against cached, and report it
    Run(Box<BenchRun>),
    /// Say what changed between two reports, and how sure that is
    Compare(BenchCompare),
    /// Ask the assistant each question twice, and report what its cache saves
    Context(BenchContext),
    /// Print what each service does with its cache and without, beside the figures of its document
    ///
    /// Starts the services in this process, on data of their own in a temporary directory; needs no
    /// daemon and no server, and takes about a minute.
    Seeds(BenchSeeds),
}

/// `larder bench run`
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP, allow_negative_numbers = true)]
pub(crate) struct BenchRun {
    #[arg(
        long,
        value_name = "FILE",
        help = "Take what is not given here from a TOML file, whose keys are these flags' names"
    )]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: BenchSettings,
}

/// What can stand on the command line and in the file. What is not given has its default where the plan
/// is made.
#[derive(Debug, Default, Args)]
pub(crate) struct BenchSettings {
    #[command(flatten)]
    pub(crate) subject: BenchSubject,
    #[command(flatten)]
    pub(crate) load: BenchLoad,
    #[command(flatten)]
    pub(crate) outputs: BenchOutputs,
    /// What must hold, such as 'p99<2ms', 'errors<1%', 'speedup>5' or 'uncached.rps>100'; repeatable
    #[arg(long, value_name = "CONDITION")]
    pub(crate) threshold: Vec<Threshold>,
}

/// What is asked.
#[derive(Debug, Default, Args)]
pub(crate) struct BenchSubject {
    /// What to ask: one URL, or two to compare
    #[arg(value_name = "URL", num_args = 0..=2, conflicts_with = "service")]
    pub(crate) url: Vec<String>,
    /// A service of a larder daemon, with its cache cleared before each uncached request
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) service: Option<Service>,
    #[arg(
        long,
        value_name = "URL",
        help = "The daemon of --service and --uncached clear= [default: the URL's server, else \
                $LARDER_URL, else the configured listener]"
    )]
    pub(crate) daemon: Option<String>,
    #[arg(
        long,
        value_name = "TOKEN",
        help = "The daemon's token [default: $LARDER_TOKEN, else, on this machine only, \
                STATE_DIR/admin.token]"
    )]
    pub(crate) token: Option<String>,
    /// Where the daemon keeps its tokens [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<String>,
    #[arg(
        long,
        value_name = "HOW",
        help = "How to get past the cache: `header` sends Cache-Control: no-cache, `header=NAME: \
                VALUE` another one, `clear=CACHE[,CACHE]` clears caches of a larder daemon before \
                each request"
    )]
    pub(crate) uncached: Option<Uncached>,
    /// The requests' method [default: GET, or POST with a body]
    #[arg(long, short = 'X', value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header of every request, `Name: value`; repeatable
    #[arg(long, short = 'H', value_name = "HEADER")]
    pub(crate) header: Vec<String>,
    /// The requests' body
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Option<String>,
}

/// How often, how long and with which keys.
#[derive(Debug, Default, Args)]
pub(crate) struct BenchLoad {
    /// Connections, 1 to 10,000 [default: 10; 1 where caches are cleared]
    #[arg(long, short, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) connections: Option<u32>,
    /// Open loop: so many requests a second, whatever the server does; latency counts from when a
    /// request was due
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Requests of a repetition, in place of a time
    #[arg(long, short = 'n', value_name = "COUNT", conflicts_with = "duration",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) requests: Option<u64>,
    /// Length of a repetition, 1ms to 24h [default: 2s]
    #[arg(long, short = 'z', value_name = "TIME", value_parser = length)]
    pub(crate) duration: Option<Duration>,
    /// Time before each repetition that is not counted [default: 500ms]
    #[arg(long, value_name = "TIME", value_parser = warm_up)]
    pub(crate) warm_up: Option<Duration>,
    /// Repetitions, 1 to 1,000 [default: 5]
    #[arg(long, short, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) repetitions: Option<u32>,
    /// How long an answer may take [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub(crate) timeout: Option<Duration>,
    /// Draw keys by Zipf's law with this exponent, 0 to 10; 0 is evenly
    #[arg(long, value_name = "EXPONENT", value_parser = exponent)]
    pub(crate) zipf: Option<f64>,
    /// The numbers that `{key}` stands for, such as 1..1000
    #[arg(long, value_name = "FIRST..LAST", conflicts_with = "trace")]
    pub(crate) keys: Option<String>,
    /// A recorded stream of keys for `{key}`, as `larder simulate` reads them; at its end it begins anew
    #[arg(long, value_name = "FILE", conflicts_with = "zipf")]
    pub(crate) trace: Option<PathBuf>,
    /// How the stream is written [default: auto]
    #[arg(long, value_enum, value_name = "FORMAT", requires = "trace")]
    pub(crate) trace_format: Option<TraceFormat>,
    /// Which random keys are drawn: the same number draws the same [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

/// Where reports go; `-` is standard output, in place of the text.
#[derive(Debug, Default, Args)]
pub(crate) struct BenchOutputs {
    /// Write the report as JSON, for `larder bench compare`; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Write a line of CSV for each repetition
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write the report as one page with plots, which needs no network
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// A service of the daemon that can be measured by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Service {
    AssistantContext,
    ClaudeUsage,
    Workstations,
    Live,
    SchedulerStats,
}

/// `larder bench compare`
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct BenchCompare {
    /// A report that `bench run --json` wrote: before
    #[arg(value_name = "BEFORE.json")]
    pub(crate) before: PathBuf,
    /// Another: after
    #[arg(value_name = "AFTER.json")]
    pub(crate) after: PathBuf,
    /// How many per cent worse a figure may be; exit code 7 if one is surely worse than that
    #[arg(long, value_name = "PERCENT", default_value = "5", value_parser = tolerance)]
    pub(crate) tolerance: f64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `larder bench context`
#[derive(Debug, Args)]
pub(crate) struct BenchContext {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// What to ask, in place of five questions on mixing
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    pub(crate) query: Vec<String>,
    /// The file that the report is written to
    #[arg(
        long,
        value_name = "FILE",
        default_value = "cache_performance_report.txt"
    )]
    pub(crate) report: PathBuf,
}

/// `larder bench seeds`
#[derive(Debug, Args)]
pub(crate) struct BenchSeeds {
    /// Write the table to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Rounds, of which the medians count
    #[arg(long, value_name = "N", default_value = "15", value_parser = rounds)]
    pub(crate) rounds: usize,
}

impl BenchSettings {
    /// These settings, and those of `file` where there is none.
    pub(crate) fn over(self, file: Self) -> Self {
        Self {
            subject: self.subject.over(file.subject),
            load: self.load.over(file.load),
            outputs: self.outputs.over(file.outputs),
            threshold: given(self.threshold, file.threshold),
        }
    }
}

impl BenchSubject {
    fn over(self, file: Self) -> Self {
        // What is asked is taken as a whole: a URL here replaces a service there.
        let (url, service) = if self.url.is_empty() && self.service.is_none() {
            (file.url, file.service)
        } else {
            (self.url, self.service)
        };
        Self {
            url,
            service,
            daemon: self.daemon.or(file.daemon),
            token: self.token.or(file.token),
            state_dir: self.state_dir.or(file.state_dir),
            uncached: self.uncached.or(file.uncached),
            method: self.method.or(file.method),
            header: given(self.header, file.header),
            body: self.body.or(file.body),
        }
    }
}

impl BenchLoad {
    fn over(self, file: Self) -> Self {
        let has_length = self.requests.is_some() || self.duration.is_some();
        let has_keys = self.keys.is_some() || self.trace.is_some();
        Self {
            connections: self.connections.or(file.connections),
            rate: self.rate.or(file.rate),
            requests: self.requests.or(file.requests.filter(|_| !has_length)),
            duration: self.duration.or(file.duration.filter(|_| !has_length)),
            warm_up: self.warm_up.or(file.warm_up),
            repetitions: self.repetitions.or(file.repetitions),
            timeout: self.timeout.or(file.timeout),
            zipf: self.zipf.or(file.zipf.filter(|_| self.trace.is_none())),
            keys: self.keys.or(file.keys.filter(|_| !has_keys)),
            trace: self.trace.or(file.trace.filter(|_| !has_keys)),
            trace_format: self.trace_format.or(file.trace_format),
            seed: self.seed.or(file.seed),
        }
    }
}

impl BenchOutputs {
    fn over(self, file: Self) -> Self {
        Self {
            json: self.json.or(file.json),
            markdown: self.markdown.or(file.markdown),
            csv: self.csv.or(file.csv),
            html: self.html.or(file.html),
        }
    }
}

fn given<T>(here: Vec<T>, file: Vec<T>) -> Vec<T> {
    if here.is_empty() { file } else { here }
}

fn rounds(text: &str) -> Result<usize, String> {
    let rounds = text
        .parse()
        .ok()
        .filter(|rounds| (1..=100).contains(rounds));
    rounds.ok_or_else(|| "expected 1 to 100".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok();
    rate.filter(|rate| (0.001..=1e6).contains(rate))
        .ok_or_else(|| "expected requests a second, 0.001 to 1000000".to_owned())
}

fn exponent(text: &str) -> Result<f64, String> {
    let exponent = text.parse().ok();
    exponent
        .filter(|exponent| (0.0..=10.0).contains(exponent))
        .ok_or_else(|| r#"expected a number from 0 to 10 such as "0.99""#.to_owned())
}

fn tolerance(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    number
        .filter(|percent| (0.0..=1_000.0).contains(percent))
        .ok_or_else(|| r#"expected a number of per cent from 0 to 1000 such as "5""#.to_owned())
}

fn length(text: &str) -> Result<Duration, String> {
    let limits = Duration::from_millis(1)..=Duration::from_hours(24);
    parse_duration(text)
        .filter(|length| limits.contains(length))
        .ok_or_else(|| r#"expected a duration from 1ms to 24h such as "10s""#.to_owned())
}

fn warm_up(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|length| *length <= Duration::from_hours(24))
        .ok_or_else(|| r#"expected a duration up to 24h such as "500ms", or "0s""#.to_owned())
}
