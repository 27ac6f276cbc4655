//! What befalls proxies, server and processes.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use larder_testkit::proxy::{Direction, FaultProxy};
use larder_testkit::servers::RedisServer;
use rustix::process::{Pid, Signal, kill_process};

use crate::Instance;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Latency,
    Throttle,
    HoleToServer,
    HoleToClient,
    Hole,
    HalfOpen,
    HalfOpenTracker,
    Reset,
    Cut,
    Refuse,
    ServerKill,
    ServerOldCopy,
    ServerStop,
    ProcessStop,
    ClientKill,
    FlushAll,
    SwapDb,
    Full,
    LogLost,
}

impl Fault {
    pub(crate) const ALL: [Self; 19] = [
        Self::Latency,
        Self::Throttle,
        Self::HoleToServer,
        Self::HoleToClient,
        Self::Hole,
        Self::HalfOpen,
        Self::HalfOpenTracker,
        Self::Reset,
        Self::Cut,
        Self::Refuse,
        Self::ServerKill,
        Self::ServerOldCopy,
        Self::ServerStop,
        Self::ProcessStop,
        Self::ClientKill,
        Self::FlushAll,
        Self::SwapDb,
        Self::Full,
        Self::LogLost,
    ];
}

/// `all`, `none`, or names with commas between.
pub(crate) fn named<F: Copy + std::fmt::Debug>(names: &str, all: &[F]) -> Result<Vec<F>, String> {
    match names {
        "all" => return Ok(all.to_vec()),
        "none" => return Ok(Vec::new()),
        _ => {}
    }
    let find = |name: &str| {
        let mut known = all.iter().copied();
        known
            .find(|fault| format!("{fault:?}").eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("--faults: {name:?} is none of all, none, {all:?}"))
    };
    names.split(',').map(find).collect()
}

/// Lets one fault follow another for so long; returns what has befallen.
pub(crate) fn rain(
    seconds: u64,
    seed: u64,
    faults: &[Fault],
    server: &RedisServer,
    (instances, proxies): (&[Instance], &[FaultProxy]),
) -> String {
    let mut rng = fastrand::Rng::with_seed(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut befallen: BTreeMap<Fault, u64> = BTreeMap::new();
    // All connect, and fill the server.
    std::thread::sleep(Duration::from_secs(2));
    let _ = server.try_cli(&["SAVE"]);
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(rng.u64(300..2_000)));
        let Some(fault) = rng.choice(faults).copied() else {
            continue;
        };
        *befallen.entry(fault).or_default() += 1;
        let lasts = Duration::from_millis(rng.u64(50..4_000));
        let one = rng.usize(..instances.len());
        let (instance, proxy) = (&instances[one], &proxies[one]);
        befall(fault, lasts, server, (instance, proxy), &mut rng);
    }
    for proxy in proxies {
        proxy.heal();
    }
    format!("{befallen:?}")
}

fn befall(
    fault: Fault,
    lasts: Duration,
    server: &RedisServer,
    (instance, proxy): (&Instance, &FaultProxy),
    rng: &mut fastrand::Rng,
) {
    let both = Direction::Both;
    match fault {
        Fault::Latency => for_a_while(proxy, lasts, |p| {
            p.latency(both, Duration::from_millis(20));
            p.jitter(both, Duration::from_millis(500), 7);
        }),
        Fault::Throttle => for_a_while(proxy, lasts, |p| {
            p.throttle(both, NonZeroU64::new(20_000).expect("it is not 0"));
        }),
        Fault::HoleToServer => {
            for_a_while(proxy, lasts, |p| p.black_hole(Direction::ToServer));
        }
        Fault::HoleToClient => {
            for_a_while(proxy, lasts, |p| p.black_hole(Direction::ToClient));
        }
        Fault::Hole => for_a_while(proxy, lasts, |p| p.black_hole(both)),
        Fault::HalfOpen => proxy.half_open(),
        Fault::HalfOpenTracker => {
            // The last two are the ones in use.
            let last = proxy.counts().connections.saturating_sub(1 + rng.u64(..2));
            proxy.half_open_one(last);
        }
        Fault::Reset => proxy.reset(),
        Fault::Cut => proxy.cut_after(both, rng.u64(1..5_000)),
        Fault::Refuse => for_a_while(proxy, lasts, |p| {
            p.refuse();
            p.reset();
        }),
        Fault::ServerKill => {
            server.kill();
            std::thread::sleep(lasts / 4);
            let _ = server.restart();
        }
        Fault::ServerOldCopy => {
            let _ = server.try_cli(&["SAVE"]);
            std::thread::sleep(lasts);
            server.kill();
            let _ = server.restart();
        }
        Fault::ServerStop => {
            server.stop();
            std::thread::sleep(lasts);
            server.cont();
        }
        Fault::ProcessStop => {
            signal(instance, Signal::STOP);
            std::thread::sleep(lasts);
            signal(instance, Signal::CONT);
        }
        Fault::ClientKill => {
            let _ = server.try_cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
        Fault::FlushAll => {
            let _ = server.try_cli(&["FLUSHALL"]);
        }
        Fault::SwapDb => {
            let _ = server.try_cli(&["SWAPDB", "0", "1"]);
        }
        Fault::Full => {
            let _ = server.try_cli(&["CONFIG", "SET", "maxmemory", "1mb"]);
            std::thread::sleep(lasts);
            let _ = server.try_cli(&["CONFIG", "SET", "maxmemory", "0"]);
        }
        Fault::LogLost => {
            let _ = server.try_cli(&["DEL", crate::LOG]);
        }
    }
}

fn for_a_while(proxy: &FaultProxy, lasts: Duration, fault: impl FnOnce(&FaultProxy)) {
    fault(proxy);
    std::thread::sleep(lasts);
    proxy.heal();
}

pub(crate) fn signal(instance: &Instance, signal: Signal) {
    if let Some(pid) = Pid::from_raw(instance.child.id().cast_signed()) {
        let _ = kill_process(pid, signal);
    }
}
