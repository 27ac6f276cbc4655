//! Several processes share a server while everything fails, and a checker reads what each of them saw.
//!
//! `cargo run --release -p larder-redis --example history -- --instances 3 --seconds 60 --faults all --seed 1`
//!
//! `--cluster` in front has them share a cluster instead, of three primaries and their replicas: primaries
//! die and stand still, replicas take over, slots move.
//!
//! Readers, writers and invalidators run in processes of their own, each behind a proxy of its own, over
//! an origin whose values have versions. Meanwhile one fault after another befalls the proxies, the
//! server and the processes. At the end every read is held against every invalidation:
//! - one that began later than an invalidation's acknowledgement and X returned no older version;
//! - in the process that invalidated, one that began after the call had returned did not either;
//! - no value came back in pieces, and the origin lost no update.
//!
//! With `--features switches`, `--without NAME` takes a check out, and the checker is to notice:
//! `cargo xtask test --long` sees to that.
//!
//! Exit status 1 if that does not hold, 2 if the arguments are wrong.

mod check;
mod cluster;
mod faults;
mod instance;
mod origin;
mod record;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use larder_testkit::proxy::FaultProxy;
use larder_testkit::servers::{Options, RedisCluster, RedisServer};

/// What a child process is told, in its environment.
const CHILD: &str = "LARDER_HISTORY_INSTANCE";
/// How long the processes go on after the last fault, so that what it left behind shows.
const CALM: Duration = Duration::from_secs(3);

/// The namespace's log at the server.
const LOG: &str = "larder:g:{history}";

struct Settings {
    instances: usize,
    seconds: u64,
    weather: Weather,
    seed: u64,
    staleness: Duration,
    /// The check that is taken out.
    without: Option<String>,
}

fn main() -> ExitCode {
    if let Ok(told) = std::env::var(CHILD) {
        instance::run(&told);
        return ExitCode::SUCCESS;
    }
    match settings(std::env::args().skip(1)) {
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::from(2)
        }
        Ok(settings) => match run(&settings) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        },
    }
}

/// Whom what befalls.
enum Weather {
    Server(Vec<faults::Fault>),
    Cluster(Vec<cluster::Fault>),
}

fn settings(args: impl Iterator<Item = String>) -> Result<Settings, String> {
    let mut args = args.peekable();
    let is_cluster = args.next_if(|arg| arg == "--cluster").is_some();
    let mut settings = Settings {
        instances: 3,
        seconds: 60,
        weather: if is_cluster {
            Weather::Cluster(cluster::Fault::ALL.to_vec())
        } else {
            Weather::Server(faults::Fault::ALL.to_vec())
        },
        seed: 1,
        staleness: Duration::from_secs(1),
        without: None,
    };
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name}: a value is expected"))?;
        let number = || {
            let number = value.parse::<u64>();
            number.map_err(|_| format!("{name}: a number is expected, not {value:?}"))
        };
        match name.as_str() {
            "--instances" => settings.instances = number()?.clamp(1, 16) as usize,
            "--seconds" => settings.seconds = number()?,
            "--seed" => settings.seed = number()?,
            "--staleness-ms" => settings.staleness = Duration::from_millis(number()?),
            "--faults" => {
                settings.weather = if is_cluster {
                    Weather::Cluster(faults::named(&value, &cluster::Fault::ALL)?)
                } else {
                    Weather::Server(faults::named(&value, &faults::Fault::ALL)?)
                }
            }
            "--without" if cfg!(feature = "switches") => settings.without = Some(value),
            "--without" => return Err("--without needs --features switches".to_owned()),
            _ => {
                return Err(format!(
                    "{name}: expected --cluster (first), --instances, --seconds, --faults, --seed, \
                     --staleness-ms or --without"
                ));
            }
        }
    }
    Ok(settings)
}

/// What the processes share, and the ways to it.
enum Store<'a> {
    Server(Box<RedisServer>, Vec<FaultProxy>, &'a [faults::Fault]),
    Cluster(RedisCluster, &'a [cluster::Fault]),
}

impl<'a> Store<'a> {
    fn start(settings: &'a Settings) -> Result<Self, larder_testkit::Error> {
        Ok(match &settings.weather {
            Weather::Server(faults) => {
                // It saves when it is told to: a fault restarts it from a copy that is old by then.
                let server = RedisServer::start(Options::new())?;
                let proxies = (0..settings.instances).map(|_| FaultProxy::to(server.addr()));
                let proxies = proxies.collect::<Result<_, _>>()?;
                Self::Server(Box::new(server), proxies, faults)
            }
            Weather::Cluster(faults) => Self::Cluster(cluster::start()?, faults),
        })
    }

    fn url(&self, number: usize) -> String {
        match self {
            Self::Server(_, proxies, _) => format!("redis://{}", proxies[number].addr()),
            Self::Cluster(cluster, _) => cluster::url(cluster),
        }
    }
}

fn run(settings: &Settings) -> Result<bool, Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let (store, origin) = (Store::start(settings)?, origin::start()?);
    let mut instances = Vec::new();
    for number in 0..settings.instances {
        let path = directory.path().join(number.to_string());
        let child = spawn(number, &store.url(number), origin.addr, settings, &path)?;
        instances.push(Instance { child, path });
    }
    let (seconds, seed) = (settings.seconds, settings.seed);
    let befallen = match &store {
        Store::Server(server, proxies, faults) => {
            faults::rain(seconds, seed, faults, server, (&instances, proxies))
        }
        Store::Cluster(cluster, faults) => {
            cluster::rain(seconds, seed, faults, cluster, &instances)
        }
    };
    std::thread::sleep(CALM);
    for instance in &mut instances {
        // Its input ends: so does it.
        drop(instance.child.stdin.take());
        instance.child.wait()?;
    }
    let histories: Vec<PathBuf> = instances.iter().map(|i| i.path.clone()).collect();
    let report = check::read(&histories, settings.staleness, &origin)?;
    println!("faults: {befallen}");
    println!("{report}");
    Ok(report.holds())
}

/// A process that uses a cache.
struct Instance {
    child: Child,
    path: PathBuf,
}

fn spawn(
    number: usize,
    url: &str,
    origin: SocketAddr,
    settings: &Settings,
    path: &Path,
) -> std::io::Result<Child> {
    let told = format!(
        "{number} {url} {origin} {} {} {}",
        settings.seed,
        settings.staleness.as_millis(),
        settings.without.as_deref().unwrap_or("-")
    );
    Command::new(std::env::current_exe()?)
        .env(CHILD, told)
        .stdin(Stdio::piped())
        .stdout(File::create(path)?)
        .spawn()
}
