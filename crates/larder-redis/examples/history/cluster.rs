//! What befalls a cluster, its clients' connections and the processes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use larder_testkit::Error;
use larder_testkit::servers::{RedisCluster, RedisServer, available};
use rustix::process::Signal;

use crate::Instance;
use crate::faults::signal;
use crate::record::KEYS;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Failover,
    PrimaryKill,
    /// Long enough for its replica to take over, or not.
    PrimaryStop,
    Reshard,
    /// A move that is begun, and ended a while later.
    HalfMove,
    ProcessStop,
    ClientKill,
    Flush,
    LogLost,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::Failover,
        Self::PrimaryKill,
        Self::PrimaryStop,
        Self::Reshard,
        Self::HalfMove,
        Self::ProcessStop,
        Self::ClientKill,
        Self::Flush,
        Self::LogLost,
    ];
}

pub(crate) fn start() -> Result<RedisCluster, Error> {
    RedisCluster::start(&available()?[0])
}

/// Some of its nodes.
pub(crate) fn url(cluster: &RedisCluster) -> String {
    let hosts = cluster.nodes().iter().map(|node| node.addr().to_string());
    format!("redis+cluster://{}", hosts.collect::<Vec<_>>().join(","))
}

/// Lets one fault follow another for so long; returns what has befallen.
pub(crate) fn rain(
    seconds: u64,
    seed: u64,
    faults: &[Fault],
    cluster: &RedisCluster,
    instances: &[Instance],
) -> String {
    let mut rng = fastrand::Rng::with_seed(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut befallen: BTreeMap<Fault, u64> = BTreeMap::new();
    std::thread::sleep(Duration::from_secs(2));
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(rng.u64(300..2_000)));
        let Some(fault) = rng.choice(faults).copied() else {
            continue;
        };
        *befallen.entry(fault).or_default() += 1;
        if let Err(error) = befall(fault, cluster, instances, &mut rng) {
            eprintln!("{fault:?}: {error}");
        }
    }
    if let Err(error) = cluster.wait_until_whole() {
        eprintln!("{error}");
    }
    format!("{befallen:?}")
}

fn befall(
    fault: Fault,
    cluster: &RedisCluster,
    instances: &[Instance],
    rng: &mut fastrand::Rng,
) -> Result<(), Error> {
    let lasts = Duration::from_millis(rng.u64(50..4_000));
    let slot = slot(cluster, rng)?;
    let primary = || cluster.primary_of(slot);
    match fault {
        Fault::Failover => {
            cluster.wait_until_whole()?;
            cluster.failover(slot)?;
        }
        Fault::PrimaryKill => {
            cluster.wait_until_whole()?;
            let primary = primary()?;
            primary.kill();
            // Sooner than its replica takes over, or later.
            std::thread::sleep(lasts * 3);
            primary.restart()?;
        }
        Fault::PrimaryStop => {
            cluster.wait_until_whole()?;
            let primary = primary()?;
            primary.stop();
            std::thread::sleep(lasts * 3);
            primary.cont();
        }
        Fault::Reshard => {
            for _ in 0..rng.u8(1..6) {
                let slot = self::slot(cluster, rng)?;
                cluster.move_slot(slot, another(cluster, slot, rng)?)?;
            }
        }
        Fault::HalfMove => {
            let to = another(cluster, slot, rng)?;
            cluster.begin_move(slot, to)?;
            std::thread::sleep(lasts);
            cluster.end_move(slot, to)?;
        }
        Fault::ProcessStop => {
            let instance = &instances[rng.usize(..instances.len())];
            signal(instance, Signal::STOP);
            std::thread::sleep(lasts);
            signal(instance, Signal::CONT);
        }
        Fault::ClientKill => drop(primary()?.try_cli(&["CLIENT", "KILL", "TYPE", "normal"])?),
        Fault::Flush => drop(primary()?.try_cli(&["FLUSHALL"])?),
        Fault::LogLost => {
            let slot = slot_of(cluster, crate::LOG)?;
            cluster.primary_of(slot)?.try_cli(&["DEL", crate::LOG])?;
        }
    }
    Ok(())
}

/// The slot of one of the keys, or of the log.
fn slot(cluster: &RedisCluster, rng: &mut fastrand::Rng) -> Result<u16, Error> {
    match rng.u64(..=KEYS) {
        KEYS => slot_of(cluster, crate::LOG),
        key => slot_of(cluster, &crate::instance::entry(key)),
    }
}

fn slot_of(cluster: &RedisCluster, name: &str) -> Result<u16, Error> {
    let slot = running(cluster).try_cli(&["CLUSTER", "KEYSLOT", name])?;
    Ok(slot.parse().unwrap_or_default())
}

fn running(cluster: &RedisCluster) -> &RedisServer {
    let mut running = cluster.nodes().iter().filter(|node| node.is_running());
    running.next().expect("one is killed at a time")
}

/// The place of a primary that has not this slot.
fn another(cluster: &RedisCluster, slot: u16, rng: &mut fastrand::Rng) -> Result<usize, Error> {
    let owner = cluster.primary_of(slot)?.addr();
    loop {
        let other = cluster.primary_of(rng.u16(..16_384))?.addr();
        let place = cluster.nodes().iter().position(|node| node.addr() == other);
        if let Some(place) = place.filter(|_| other != owner) {
            return Ok(place);
        }
    }
}
