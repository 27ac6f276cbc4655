//! How a generation of connections begins: find the server, connect twice, see that both lead to the
//! same server and that it takes writes, and have it tell of changes.
//!
//! Must not know what happens before or after.

use std::sync::Arc;

use futures_util::future::join_all;
use redis::Value;

use crate::cluster::{self, Change, Map, Peer, named};
use crate::commands::Commands;
use crate::driver::Pushes;
use crate::epoch::{Epoch, Watch};
use crate::life::{EndsLife, Life};
use crate::member::Seat;
use crate::node::{Identity, Node};
use crate::push;
use crate::refusal;
use crate::replies;
use crate::scripts;
use crate::sending::{Call, send_one};
use crate::sentinel;
use crate::tending::Server;
use crate::url::Place;
use crate::wire::{End, Road, Unopened, Wire};

/// A generation, and those who have taken their seats in it. They are not let through yet.
pub(crate) struct Opened {
    pub(crate) epoch: Arc<Epoch>,
    pub(crate) seats: Vec<Arc<Seat>>,
}

/// The way to a server, and which it is in its cluster.
pub(crate) struct Way {
    pub(crate) road: Road,
    peer: Option<Peer>,
}

/// Why there is none.
enum Failure {
    /// It can be had, but the server will not tell of changes.
    Untold(String),
    Down(String),
}

/// Opens a generation.
pub(crate) async fn open(server: &Server) -> Result<Opened, String> {
    let ways = ways(server).await?;
    match with_all(server, &ways, true).await {
        Ok(opened) => Ok(opened),
        Err(Failure::Down(reason)) => Err(reason),
        Err(Failure::Untold(reason)) => {
            let untold = with_all(server, &ways, false).await;
            let untold = untold.map_err(|failure| match failure {
                Failure::Untold(reason) | Failure::Down(reason) => reason,
            })?;
            tracing::warn!(
                server = server.target().to_string(),
                reason,
                "the remote tier does not tell of changes: what it gives is kept for a moment only"
            );
            Ok(untold)
        }
    }
}

/// The ways to the one server that there is, or to all primaries of the cluster.
pub(crate) async fn ways(server: &Server) -> Result<Vec<Way>, String> {
    let target = server.target();
    let first = server.attempt();
    let road = Road {
        end: End::Unix(std::path::PathBuf::new()),
        login: target.login.clone(),
        db: target.db,
        trust: target.has_tls.then(|| server.config.trust.clone()),
        time_out: server.config.connect_timeout,
    };
    let to = |end| Road {
        end,
        ..road.clone()
    };
    let alone = |end| {
        vec![Way {
            road: to(end),
            peer: None,
        }]
    };
    Ok(match &target.place {
        Place::Host(host) => alone(End::Host(host.clone())),
        Place::Unix(path) => alone(End::Unix(path.clone())),
        Place::Sentinels(sentinels) => {
            alone(End::Host(sentinel::primary(sentinels, first, &road).await?))
        }
        Place::Cluster(seeds) => {
            let seeds = server.seeds(seeds);
            let peers = cluster::primaries(&seeds, first, &road).await?.into_iter();
            let way = |peer: Peer| Way {
                road: to(End::Host(peer.host.clone())),
                peer: Some(peer),
            };
            peers.map(way).collect()
        }
    })
}

/// Connects to all of them at the same time.
async fn with_all(server: &Server, ways: &[Way], is_told: bool) -> Result<Opened, Failure> {
    let life = server.next_life();
    let met = join_all(ways.iter().map(|way| meet(way, &life, is_told))).await;
    let (mut nodes, mut untold) = (Vec::with_capacity(ways.len()), None);
    for (node, way) in met.into_iter().zip(ways) {
        let peer = way.peer.as_ref();
        match node {
            Ok(node) => nodes.push(node),
            Err(Failure::Untold(reason)) => untold = Some(Failure::Untold(named(peer, &reason))),
            Err(Failure::Down(reason)) => return Err(Failure::Down(named(peer, &reason))),
        }
    }
    if let Some(untold) = untold {
        return Err(untold);
    }
    let map = map(&nodes).await.map_err(Failure::Down)?;
    let hosts = ways.iter().filter_map(|way| way.peer.as_ref());
    server.remember(hosts.map(|peer| peer.host.clone()).collect());
    begin(server, life, nodes, map).await
}

/// Where the slots are, as each of the primaries says itself.
async fn map(nodes: &[Node]) -> Result<Map, String> {
    let mut map = Map::alone();
    let peers: Vec<&Peer> = nodes.iter().filter_map(|node| node.peer.as_ref()).collect();
    if peers.is_empty() {
        return Ok(map);
    }
    let views = join_all(nodes.iter().map(Node::view)).await;
    let views: Result<Vec<_>, _> = views.into_iter().collect();
    match map.take_in(&peers, views.map_err(|down| down.0.to_string())?) {
        Ok(()) => Ok(map),
        Err(Change::Primaries(reason)) => Err(reason),
        Err(Change::Slot(slot)) => Err(format!("no primary says that slot {slot} is its own")),
    }
}

/// Connects to one, twice, or once where it does not tell of changes.
async fn meet(way: &Way, life: &Arc<Life>, is_told: bool) -> Result<Node, Failure> {
    let Way { road, peer } = way;
    let ends = |reason| EndsLife {
        life: life.clone(),
        reason: named(peer.as_ref(), reason),
    };
    let data = open_wire(way, None, is_told, ends("the connection was lost")).await?;
    let identity = greet(&data, way).await?;
    let mut tracker = None;
    if is_told {
        let last = ends("the connection that tells of changes was lost");
        let wire = open_wire(way, Some(push::hearer(life.clone())), true, last).await?;
        if identify(&wire, road).await? != identity {
            let reason = "its connections lead to several servers: name one, not a balancer";
            return Err(Failure::Down(reason.to_owned()));
        }
        tracker = Some(wire);
    }
    Ok(Node::new(
        life.clone(),
        peer.clone(),
        identity,
        data,
        tracker,
    ))
}

async fn begin(
    server: &Server,
    life: Arc<Life>,
    nodes: Vec<Node>,
    map: Map,
) -> Result<Opened, Failure> {
    for node in &nodes {
        for wire in [Some(&node.data), node.tracker.as_ref()]
            .into_iter()
            .flatten()
        {
            life.holds(wire.ender());
        }
    }
    let epoch = Arc::new(Epoch::new(life, nodes, map));
    let members = server.members().into_iter();
    let seats: Vec<Arc<Seat>> = members.map(|member| Arc::new(Seat::new(member))).collect();
    let names = server.watched(&seats);
    match epoch.watch(&seats, &names).await {
        Ok(()) => Ok(Opened { epoch, seats }),
        Err(Watch::Refused(error)) => Err(Failure::Untold(refusal::meaning(&error))),
        Err(Watch::Lost(reason)) => Err(Failure::Down(reason)),
    }
}

async fn open_wire(
    way: &Way,
    pushes: Option<Pushes>,
    is_resp3: bool,
    last: EndsLife,
) -> Result<Wire, Failure> {
    let peer = way.peer.clone();
    let ended = move |reason: String| last.life.end(named(peer.as_ref(), &reason));
    let wire = Wire::open(&way.road, is_resp3, pushes, ended).await;
    wire.map_err(|unopened| match unopened {
        Unopened::Older(reason) => Failure::Untold(reason),
        Unopened::Refused(reason) => Failure::Down(reason),
    })
}

/// Teaches the server the scripts, as far as it lets itself be taught, and asks which one it is.
async fn greet(wire: &Wire, way: &Way) -> Result<Identity, Failure> {
    let Way { road, peer } = way;
    let mut commands = Commands::of(&[b"INFO", b"server"]);
    for script in scripts::ALL {
        commands.add(&[b"SCRIPT", b"LOAD", script.text.as_bytes()]);
    }
    if peer.is_some() {
        commands.add(&[b"CLUSTER", b"MYID"]);
    }
    let answers = wire.send(commands, road.time_out).await;
    let mut answers = answers.map_err(Failure::Down)?;
    if let (Some(peer), Some(id)) = (peer, answers.pop()) {
        let is_it = redis::from_redis_value::<String>(id).is_ok_and(|id| id == peer.id);
        if !is_it {
            let words = "another node of the cluster answers there than its name says";
            return Err(Failure::Down(words.to_owned()));
        }
    }
    let info = answers.into_iter().next().unwrap_or(Value::Nil);
    if let Ok(info) = redis::from_redis_value::<String>(info) {
        check(&info, peer.is_some()).map_err(Failure::Down)?;
    }
    identify(wire, road).await
}

/// What INFO says of a server that is not to be used.
fn check(info: &str, is_peer: bool) -> Result<(), String> {
    let field = |name: &str| {
        let mut fields = info.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(known, value)| (known == name).then_some(value.trim()))
    };
    let version = field("redis_version").unwrap_or_default();
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    if major.is_some_and(|major: u32| major < OLDEST) {
        return Err(format!("it is Redis {version}: {}", refusal::TOO_OLD));
    }
    // Valkey has another name for it.
    match field("redis_mode").or(field("server_mode")) {
        Some("cluster") if !is_peer => Err(refusal::CLUSTER.to_owned()),
        Some("sentinel") => Err(SENTINEL.to_owned()),
        _ => Ok(()),
    }
}

/// The first that knows a script's flags. (Valkey says that it is Redis 7.2.)
const OLDEST: u32 = 7;
const SENTINEL: &str = "it is a sentinel: name it as redis+sentinel://host:port/name";

/// Which server answers, in a way that only one that takes writes does.
async fn identify(wire: &Wire, road: &Road) -> Result<Identity, Failure> {
    let answer = send_one(wire, &Call::beat(), road.time_out).await;
    let answer = answer.map_err(Failure::Down)?;
    let answer = answer.map_err(|error| Failure::Down(refusal::meaning(&error)))?;
    let foreign = || Failure::Down("it answered a heartbeat as no server does".to_owned());
    replies::identity(answer).ok_or_else(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_cannot_serve_is_told_by_what_it_says_of_itself() {
        let told = |version: &str, mode: &str| {
            check(
                &format!("# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\n"),
                false,
            )
        };
        assert_eq!(told("7.0.15", "standalone"), Ok(()));
        assert_eq!(told("10.0.1", "standalone"), Ok(()));
        assert!(
            told("6.2.14", "standalone")
                .unwrap_err()
                .contains("Redis 7.0")
        );
        assert!(told("7.2.4", "cluster").unwrap_err().contains("cluster"));
        assert!(
            told("7.2.4", "sentinel")
                .unwrap_err()
                .contains("redis+sentinel")
        );
        assert_eq!(check("redis_mode:cluster", true), Ok(()));
        let valkey = check("redis_version:7.2.4\r\nserver_mode:cluster\r\n", false);
        assert!(valkey.unwrap_err().contains("redis+cluster"));
        assert_eq!(check("nothing of the kind", false), Ok(()));
    }
}
