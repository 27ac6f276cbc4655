//! A primary with two replicas, watched by three sentinels.

use std::net::SocketAddr;
use std::time::Duration;

use super::options::Kind;
use super::{Binary, Options, RedisServer};
use crate::Error;
use crate::wait::poll;

const NAME: &str = "larder";
/// A sentinel calls the primary down after so many milliseconds of silence.
const DOWN_AFTER_MS: &str = "3000";
const LIMIT: Duration = Duration::from_mins(1);

/// Sentinels look, and tell each other, five times a second instead of every
/// two to ten seconds; a pause of a loaded machine does not make them hold
/// still for half a minute.
const PACE: [&str; 12] = [
    "SENTINEL",
    "DEBUG",
    "INFO-PERIOD",
    "200",
    "PING-PERIOD",
    "200",
    "PUBLISH-PERIOD",
    "200",
    "TILT-TRIGGER",
    "30000",
    "TILT-PERIOD",
    "1000",
];

/// Three servers under one name, and the sentinels that say which of them is
/// the primary. A silent primary is replaced after about three seconds, if two
/// sentinels agree.
pub struct Sentinels {
    servers: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts all six and waits until every sentinel knows all others; blocks,
    /// some seconds as a rule.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start(binary: &Binary) -> Result<Self, Error> {
        let server = || Options::new().binary(binary);
        let primary = RedisServer::start(server())?;
        let replica = || RedisServer::start(server().replica_of(&primary));
        let (first, second) = (replica()?, replica()?);
        let addr = primary.addr();
        let watch = || RedisServer::start(sentinel(binary, addr));
        let all = Self {
            servers: vec![primary, first, second],
            sentinels: vec![watch()?, watch()?, watch()?],
        };
        for sentinel in &all.sentinels {
            sentinel.try_cli(&PACE)?;
        }
        let what = "the sentinels to know each other";
        poll(what, LIMIT, || {
            all.sentinels.iter().all(knows_all).then_some(())
        })?;
        Ok(all)
    }

    /// The name under which the sentinels know the primary.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The three servers; which is the primary changes.
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// The three sentinels; they answer `SENTINEL …`, not `GET`.
    pub fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// The server that all running sentinels call the primary, none of them
    /// doubting it: waits while they disagree, or call it down, or replace it.
    /// One that has just ended is still named until they notice.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after a minute.
    pub fn primary(&self) -> Result<&RedisServer, Error> {
        poll("the sentinels to agree on the primary", LIMIT, || {
            self.agreed()
        })
    }

    /// Has the sentinels make another server the primary, and waits until all
    /// running sentinels are done with it, and all other running servers follow
    /// the new primary. For a second or so meanwhile the old one goes on as a
    /// primary.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after a minute.
    pub fn failover(&self) -> Result<&RedisServer, Error> {
        let old = self.primary()?.addr();
        poll("the servers to follow another primary", LIMIT, || {
            let primary = self.agreed()?;
            if primary.addr() == old {
                self.ask_for_another();
                return None;
            }
            let mut others =
                running(&self.servers).filter(|server| server.addr() != primary.addr());
            others
                .all(|server| follows(server, primary))
                .then_some(primary)
        })
    }

    /// A sentinel refuses while it sees no replica that it trusts, and on a
    /// loaded machine it may give up: then it is asked again.
    fn ask_for_another(&self) {
        let command = ["SENTINEL", "FAILOVER", NAME];
        running(&self.sentinels).find_map(|sentinel| sentinel.try_cli(&command).ok());
    }

    fn agreed(&self) -> Option<&RedisServer> {
        let mut named = running(&self.sentinels).map(primary_by);
        let port = named.next()??;
        let others_agree = named.all(|other| other == Some(port));
        let primary = self
            .servers
            .iter()
            .find(|server| server.addr().port() == port)?;
        (others_agree && is_primary(primary)).then_some(primary)
    }
}

fn running(servers: &[RedisServer]) -> impl Iterator<Item = &RedisServer> {
    servers.iter().filter(|server| server.is_running())
}

fn sentinel(binary: &Binary, primary: SocketAddr) -> Options {
    let (ip, port) = (primary.ip(), primary.port());
    Options::new()
        .binary(binary)
        .kind(Kind::Sentinel)
        .config(&format!("sentinel monitor {NAME} {ip} {port} 2"))
        .config(&format!(
            "sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}"
        ))
        .config(&format!("sentinel failover-timeout {NAME} 5000"))
}

/// The port of the primary, if the sentinel does not doubt it.
fn primary_by(sentinel: &RedisServer) -> Option<u16> {
    let fields = Fields::of(sentinel)?;
    fields
        .is("flags", "master")
        .then(|| fields.get("port"))??
        .parse()
        .ok()
}

/// A server that has ended is still named until the sentinels replace it, so
/// it counts; one that says that it is a replica does not.
fn is_primary(server: &RedisServer) -> bool {
    if !server.is_running() {
        return true;
    }
    let role = server.try_cli(&["ROLE"]);
    role.is_ok_and(|role| role.starts_with("master"))
}

fn follows(server: &RedisServer, primary: &RedisServer) -> bool {
    let info = server.try_cli(&["INFO", "replication"]).unwrap_or_default();
    let port = format!("master_port:{}", primary.addr().port());
    info.lines().any(|line| line == port) && server.has_link()
}

fn knows_all(sentinel: &RedisServer) -> bool {
    Fields::of(sentinel).is_some_and(|fields| {
        fields.is("flags", "master")
            && fields.is("num-slaves", "2")
            && fields.is("num-other-sentinels", "2")
    })
}

/// What a sentinel says of the primary: names and values in turn, on lines.
struct Fields(String);

impl Fields {
    fn of(sentinel: &RedisServer) -> Option<Self> {
        let answer = sentinel.try_cli(&["SENTINEL", "MASTER", NAME]);
        answer.ok().map(Self)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.lines();
        while let (Some(field), Some(value)) = (lines.next(), lines.next()) {
            if field == name {
                return Some(value);
            }
        }
        None
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }
}
