//! Why a server is of no use now, in words that say what to do about it.
//!
//! Must not know what was asked of the server.

use std::io;

use redis::ServerError;

/// What a server's error code means to Larder, and what is to be done.
const MEANINGS: [(&str, &str); 16] = [
    (
        "NOAUTH",
        "it asks for a password: give user and password in the URL",
    ),
    ("WRONGPASS", WRONG_LOGIN),
    ("NOPERM", RIGHTS),
    (
        "READONLY",
        "it is a replica: name the primary, or its sentinels (redis+sentinel://…)",
    ),
    (
        "NOREPLICAS",
        "too few replicas follow it (min-replicas-to-write): mend the replicas",
    ),
    (
        "MASTERDOWN",
        "it is a replica that has lost its primary: name the primary",
    ),
    (
        "MISCONF",
        "it cannot save and refuses writes: mend its disk, or set stop-writes-on-bgsave-error no",
    ),
    ("LOADING", "it is loading its data: it comes up by itself"),
    (
        "BUSY",
        "a script of another program keeps it busy: end that with SCRIPT KILL",
    ),
    ("OOM", FULL),
    ("CLUSTERDOWN", CLUSTER_DOWN),
    ("MOVED", ELSEWHERE),
    ("ASK", MOVING),
    ("TRYAGAIN", MOVING),
    ("CROSSSLOT", CLUSTER),
    (
        "NOPROTO",
        "it does not speak the protocol RESP3, as a proxy may not: connect to the server itself",
    ),
];

/// What a full server means.
pub(crate) const FULL: &str = "it is full and stores nothing new: raise its maxmemory, or set \
                               maxmemory-policy allkeys-lru";
/// What a cluster's node means where no cluster is named.
pub(crate) const CLUSTER: &str =
    "it is a node of a cluster: name that as redis+cluster://host:port,host:port";
/// What one means where a cluster is named.
pub(crate) const NO_CLUSTER: &str = "it is in no cluster: name it as redis://host:port";
/// What a cluster means that serves nothing.
pub(crate) const CLUSTER_DOWN: &str = "its cluster is down: see CLUSTER INFO at the server";
const ELSEWHERE: &str = "the slot is at another node of its cluster";
const MOVING: &str =
    "the slot is being moved; if that does not end, mend it (redis-cli --cluster fix)";
/// What it means that nothing is said.
pub(crate) const SILENT: &str = "it did not answer in time";
const WRONG_LOGIN: &str = "user or password is wrong: mend it in the URL, or at the server";
const RIGHTS: &str = "its user may not do what Larder needs: allow it the keys under Larder's prefix and \
                      +@read +@write +@scripting +@connection +info +scan, and +cluster in a cluster";
/// What a server that runs no scripts means.
pub(crate) const TOO_OLD: &str = "it must run scripts: Redis 7.0 or Valkey 7.2 at least, with EVAL, EVALSHA and \
                       INFO under their own names";

/// What an answer that is an error means.
pub(crate) fn meaning(error: &ServerError) -> String {
    let (code, words) = (error.code(), error.details().unwrap_or_default());
    let known = MEANINGS.iter().find(|(known, _)| *known == code);
    let lower = words.to_lowercase();
    let says = |some: &str| lower.contains(some);
    match known {
        Some((_, meaning)) => format!("{meaning} ({code} {words})"),
        // What a script was refused is told in the words alone.
        None if says("unknown command") || says("unknown redis command") => {
            format!("{TOO_OLD} ({code} {words})")
        }
        None if says("cluster support disabled") => NO_CLUSTER.to_owned(),
        None if says("can't run this command") || says("no permissions") => {
            format!("{RIGHTS} ({code} {words})")
        }
        None => format!("it answered with an error: {code} {words}"),
    }
}

/// Why a connection could not be made.
pub(crate) fn failure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => SILENT.to_owned(),
        // A socket of the machine is not there when nothing listens.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            format!("nothing listens there: start it, or mend the URL ({error})")
        }
        _ => error.to_string(),
    }
}
