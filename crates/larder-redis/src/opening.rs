//! How a generation of connections begins: find the server, connect twice, see that both lead to the
//! same server and that it takes writes, and have it tell of changes.
//!
//! Must not know what happens before or after.

use std::sync::Arc;

use redis::{ErrorKind, Value};

use crate::epoch::{Epoch, Identity, Watch};
use crate::life::{EndsLife, Life};
use crate::member::Seat;
use crate::push;
use crate::refusal;
use crate::replies;
use crate::scripts;
use crate::sending::{Call, send_one, within};
use crate::sentinel;
use crate::tending::Server;
use crate::url::Place;
use crate::wire::{End, Pushes, Road, Wire};

/// A generation, and those who have taken their seats in it. They are not let through yet.
pub(crate) struct Opened {
    pub(crate) epoch: Arc<Epoch>,
    pub(crate) seats: Vec<Arc<Seat>>,
}

/// Why there is none.
enum Failure {
    /// It can be had, but the server will not tell of changes.
    Untold(String),
    Down(String),
}

/// Opens a generation.
pub(crate) async fn open(server: &Server) -> Result<Opened, String> {
    let road = road(server).await?;
    match tracked(server, &road).await {
        Ok(opened) => Ok(opened),
        Err(Failure::Down(reason)) => Err(reason),
        Err(Failure::Untold(reason)) => {
            let untold = untracked(server, &road).await?;
            tracing::warn!(
                server = server.target().to_string(),
                reason,
                "the remote tier does not tell of changes: what it gives is kept for a moment only"
            );
            Ok(untold)
        }
    }
}

async fn road(server: &Server) -> Result<Road, String> {
    let target = server.target();
    let mut road = Road {
        end: End::Unix(std::path::PathBuf::new()),
        login: target.login.clone(),
        db: target.db,
        trust: target.has_tls.then(|| server.config.trust.clone()),
        time_out: server.config.connect_timeout,
    };
    road.end = match &target.place {
        Place::Host(host) => End::Host(host.clone()),
        Place::Unix(path) => End::Unix(path.clone()),
        Place::Sentinels(sentinels) => {
            let first = server.attempt();
            End::Host(sentinel::primary(sentinels, first, &road).await?)
        }
    };
    Ok(road)
}

async fn tracked(server: &Server, road: &Road) -> Result<Opened, Failure> {
    let life = server.next_life();
    let ends = |reason| EndsLife {
        life: life.clone(),
        reason,
    };
    let last = ends("the connection was lost");
    let data = open_wire(road, None, true, last).await?;
    let identity = meet(&data, road).await?;

    let last = ends("the connection that tells of changes was lost");
    let pushes = push::hearer(life.clone());
    let tracker = open_wire(road, Some(pushes), true, last).await?;
    if identify(&tracker, road).await? != identity {
        let reason = "its connections lead to several servers: name one, not a balancer";
        return Err(Failure::Down(reason.to_owned()));
    }
    begin(server, life, identity, data, Some(tracker)).await
}

async fn untracked(server: &Server, road: &Road) -> Result<Opened, String> {
    let life = server.next_life();
    let last = EndsLife {
        life: life.clone(),
        reason: "the connection was lost",
    };
    let opened = async {
        let data = open_wire(road, None, false, last).await?;
        let identity = meet(&data, road).await?;
        begin(server, life, identity, data, None).await
    };
    opened.await.map_err(|failure| match failure {
        Failure::Untold(reason) | Failure::Down(reason) => reason,
    })
}

async fn begin(
    server: &Server,
    life: Arc<Life>,
    identity: Identity,
    data: Wire,
    tracker: Option<Wire>,
) -> Result<Opened, Failure> {
    for wire in [Some(&data), tracker.as_ref()].into_iter().flatten() {
        life.holds(wire.ender());
    }
    let epoch = Arc::new(Epoch::new(life, identity, data, tracker));
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
    road: &Road,
    pushes: Option<Pushes>,
    is_resp3: bool,
    last: EndsLife,
) -> Result<Wire, Failure> {
    let wire = Wire::open(road, is_resp3, pushes, last).await;
    wire.map_err(|error| match error.kind() {
        ErrorKind::RESP3NotSupported => Failure::Untold(refusal::failure(&error)),
        _ => Failure::Down(refusal::failure(&error)),
    })
}

/// Teaches the server the scripts, as far as it lets itself be taught, and asks which one it is.
async fn meet(wire: &Wire, road: &Road) -> Result<Identity, Failure> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("INFO").arg("server");
    for script in scripts::ALL {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(script.text);
    }
    let count = scripts::ALL.len() + 1;
    let mut connection = wire.connection();
    let sent = connection.send_packed_commands(&pipeline, 0, count);
    let answers = within(road.time_out, sent).await.map_err(Failure::Down)?;
    let info = answers.into_iter().next().unwrap_or(Value::Nil);
    if let Ok(info) = redis::from_redis_value::<String>(info) {
        check(&info).map_err(Failure::Down)?;
    }
    identify(wire, road).await
}

/// What INFO says of a server that is not to be used.
fn check(info: &str) -> Result<(), String> {
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
    match field("redis_mode") {
        Some("cluster") => Err(refusal::CLUSTER.to_owned()),
        Some("sentinel") => Err(SENTINEL.to_owned()),
        _ => Ok(()),
    }
}

/// The first that knows a script's flags. (Valkey says that it is Redis 7.2.)
const OLDEST: u32 = 7;
const SENTINEL: &str = "it is a sentinel: name it as redis+sentinel://host:port/name";

/// Which server answers, in a way that only one that takes writes does.
async fn identify(wire: &Wire, road: &Road) -> Result<Identity, Failure> {
    let call = Call {
        script: &scripts::BEAT,
        keys: Vec::new(),
        arguments: Vec::new(),
    };
    let answer = within(road.time_out, send_one(wire.connection(), &call)).await;
    let answer = answer.map_err(Failure::Down)?;
    let answer = answer.map_err(|error| Failure::Down(refusal::meaning(&error)))?;
    let beat = replies::beat(answer);
    let foreign = || Failure::Down("it answered a heartbeat as no server does".to_owned());
    beat.map(|beat| beat.identity).ok_or_else(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_cannot_serve_is_told_by_what_it_says_of_itself() {
        let told = |version: &str, mode: &str| {
            check(&format!(
                "# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\n"
            ))
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
        assert_eq!(check("nothing of the kind"), Ok(()));
    }
}
