//! Several processes share a server while everything fails, and a checker reads what each of them saw.
//!
//! `cargo run --release -p larder-redis --example history -- --instances 3 --seconds 60 --faults all --seed 1`
//!
//! Readers, writers and invalidators run in processes of their own, each behind a proxy of its own, over
//! an origin whose values have versions. Meanwhile one fault after another befalls the proxies, the
//! server and the processes. At the end every read is held against every invalidation:
//! - one that began later than an invalidation's acknowledgement and X returned no older version;
//! - in the process that invalidated, one that began after the call had returned did not either;
//! - no value came back in pieces, and the origin lost no update.
//!
//! Exit status 1 if that does not hold, 2 if the arguments are wrong.

mod check;
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
use larder_testkit::servers::{Options, RedisServer};

/// What a child process is told, in its environment.
const CHILD: &str = "LARDER_HISTORY_INSTANCE";
/// How long the processes go on after the last fault, so that what it left behind shows.
const CALM: Duration = Duration::from_secs(3);

struct Settings {
    instances: usize,
    seconds: u64,
    faults: Vec<faults::Fault>,
    seed: u64,
    staleness: Duration,
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

fn settings(mut args: impl Iterator<Item = String>) -> Result<Settings, String> {
    let mut settings = Settings {
        instances: 3,
        seconds: 60,
        faults: faults::Fault::ALL.to_vec(),
        seed: 1,
        staleness: Duration::from_secs(1),
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
            "--faults" => settings.faults = faults::named(&value)?,
            _ => {
                return Err(format!(
                    "{name}: expected --instances, --seconds, --faults, --seed or --staleness-ms"
                ));
            }
        }
    }
    Ok(settings)
}

fn run(settings: &Settings) -> Result<bool, Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    // It saves when it is told to: a fault restarts it from a copy that is old by then.
    let server = RedisServer::start(Options::new())?;
    let origin = origin::start()?;
    let mut instances = Vec::new();
    for number in 0..settings.instances {
        let proxy = FaultProxy::to(server.addr())?;
        let path = directory.path().join(number.to_string());
        let child = spawn(number, &proxy, origin.addr, settings, &path)?;
        instances.push(Instance { proxy, child, path });
    }
    let befallen = faults::rain(
        settings.seconds,
        settings.seed,
        &settings.faults,
        &server,
        &instances,
    );
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

/// A process that uses a cache, and the way from it to the server.
struct Instance {
    proxy: FaultProxy,
    child: Child,
    path: PathBuf,
}

fn spawn(
    number: usize,
    proxy: &FaultProxy,
    origin: SocketAddr,
    settings: &Settings,
    path: &Path,
) -> std::io::Result<Child> {
    let told = format!(
        "{number} {} {origin} {} {}",
        proxy.addr(),
        settings.seed,
        settings.staleness.as_millis()
    );
    Command::new(std::env::current_exe()?)
        .env(CHILD, told)
        .stdin(Stdio::piped())
        .stdout(File::create(path)?)
        .spawn()
}
