//! A cluster of three primaries with a replica each.

mod view;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::view::View;
use super::options::Kind;
use super::tls::TlsFiles;
use super::{Binary, Options, RedisServer};
use crate::resp::Reply;
use crate::wait::poll;
use crate::{Error, ports};

const LIMIT: Duration = Duration::from_mins(1);
/// A replica gives a failover up after five seconds, which happens on a loaded
/// machine: then it is asked again.
const FAILOVER_LIMIT: Duration = Duration::from_secs(6);
/// The ranges that the three primaries begin with.
const RANGES: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

/// Six nodes: at the start the first three are primaries, and node `n + 3` is
/// the replica of node `n`. A silent primary is replaced after some five
/// seconds.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    ids: Vec<String>,
    /// Where the certificate is that they share.
    _certificate: TempDir,
}

impl RedisCluster {
    /// Starts all nodes, joins them, and waits until each says that the cluster
    /// is whole; blocks, some seconds as a rule.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start(binary: &Binary) -> Result<Self, Error> {
        Self::start_with(Options::new().binary(binary))
    }

    /// The same with nodes that are set up in this way. With TLS they show one
    /// certificate, and speak it among themselves.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start_with(mut options: Options) -> Result<Self, Error> {
        let certificate = tempfile::tempdir().map_err(Error::io("no temporary directory"))?;
        if options.has_tls {
            let files = TlsFiles::create(certificate.path())?;
            options = options.certified_by(Arc::new(files));
        }
        let node = || {
            let bus = format!("cluster-port {}", ports::free().port());
            let options = options.clone().kind(Kind::ClusterNode);
            RedisServer::start(
                options
                    .config(&bus)
                    .config("cluster-replica-validity-factor 0"),
            )
        };
        let nodes: Vec<RedisServer> = (0..2 * RANGES.len())
            .map(|_| node())
            .collect::<Result<_, _>>()?;
        let id = |node: &RedisServer| node.try_cli(&["CLUSTER", "MYID"]);
        let ids = nodes.iter().map(id).collect::<Result<_, _>>()?;
        let cluster = Self {
            nodes,
            ids,
            _certificate: certificate,
        };
        cluster.join()?;
        cluster.wait_until_whole()?;
        Ok(cluster)
    }

    fn join(&self) -> Result<(), Error> {
        let (primaries, replicas) = self.nodes.split_at(RANGES.len());
        for (index, (node, (first, last))) in primaries.iter().zip(RANGES).enumerate() {
            let epoch = (index + 1).to_string();
            node.try_cli(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
            node.try_cli(&["CLUSTER", "ADDSLOTSRANGE", first, last])?;
        }
        for node in &self.nodes[1..] {
            let addr = node.addr();
            let bus = node.try_cli(&["CONFIG", "GET", "cluster-port"])?;
            let bus = bus.lines().nth(1).unwrap_or_default();
            let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
            self.nodes[0].try_cli(&["CLUSTER", "MEET", &ip, &port, bus])?;
        }
        for (replica, primary) in replicas.iter().zip(&self.ids) {
            poll("a replica to know its primary", LIMIT, || {
                replica.try_cli(&["CLUSTER", "REPLICATE", primary]).ok()
            })?;
        }
        Ok(())
    }

    /// The nodes, running or not, always in the same order.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// Waits until every running node says that the cluster is whole: its
    /// state is ok, all agree who owns which slot, and the replicas are in
    /// step.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after a minute.
    pub fn wait_until_whole(&self) -> Result<(), Error> {
        poll("every node to call the cluster whole", LIMIT, || {
            self.is_whole().then_some(())
        })
    }

    fn is_whole(&self) -> bool {
        let mut owners = self.running().map(|node| Some(view(node)?.into_owners()));
        let first = owners.next();
        let agree =
            first.is_some_and(|first| first.is_some() && owners.all(|other| other == first));
        agree && self.running().all(is_ok)
    }

    /// The node that owns a slot, by the newest word of the running nodes.
    /// After a primary's end that is the ended one until its replica takes
    /// over.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if for a minute nobody owns it.
    pub fn primary_of(&self, slot: u16) -> Result<&RedisServer, Error> {
        Ok(&self.nodes[self.owner(slot)?])
    }

    /// Makes the replica of a slot's primary the primary, with the primary's
    /// consent, and waits until all running nodes know it; gives the new one.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after a minute.
    pub fn failover(&self, slot: u16) -> Result<&RedisServer, Error> {
        let old = self.owner(slot)?;
        let mut asked: Option<Instant> = None;
        let new = poll("a replica to take over", LIMIT, || {
            if asked.is_none_or(|asked| asked.elapsed() > FAILOVER_LIMIT) {
                let mut replicas = self.running().filter(|node| self.replicates(node, old));
                let begun = replicas.find_map(|node| node.try_cli(&["CLUSTER", "FAILOVER"]).ok());
                asked = begun.map(|_| Instant::now());
            }
            self.agreed_owner(slot).filter(|owner| *owner != old)
        })?;
        Ok(&self.nodes[new])
    }

    /// Moves a slot with its keys to a primary, given by its place in
    /// [`nodes`](Self::nodes): [`begin_move`](Self::begin_move) and
    /// [`end_move`](Self::end_move).
    ///
    /// # Errors
    /// Those of the two.
    pub fn move_slot(&self, slot: u16, to: usize) -> Result<(), Error> {
        self.begin_move(slot, to)?;
        self.end_move(slot, to)
    }

    /// Marks the slot as migrating to a primary. No key has moved yet: keys
    /// that exist are still answered by the owner; for others it says `ASK`.
    ///
    /// # Errors
    /// [`Error::Refused`], for example if `to` owns the slot already or is a
    /// replica.
    pub fn begin_move(&self, slot: u16, to: usize) -> Result<(), Error> {
        let from = self.owner(slot)?;
        let slot = slot.to_string();
        let set = |node: usize, state: &str, other: usize| {
            let command = ["CLUSTER", "SETSLOT", &slot, state, &self.ids[other]];
            self.nodes[node].try_cli(&command)
        };
        set(to, "IMPORTING", from)?;
        set(from, "MIGRATING", to)?;
        Ok(())
    }

    /// Migrates the slot's keys, names the new owner, and waits until all
    /// running nodes know it.
    ///
    /// # Errors
    /// [`Error::Refused`], or [`Error::TimedOut`] after a minute.
    pub fn end_move(&self, slot: u16, to: usize) -> Result<(), Error> {
        let from = self.owner(slot)?;
        self.migrate_keys(slot, from, to)?;
        let text = slot.to_string();
        for node in [to, from] {
            let command = ["CLUSTER", "SETSLOT", &text, "NODE", &self.ids[to]];
            self.nodes[node].try_cli(&command)?;
        }
        poll("all nodes to know a slot's new owner", LIMIT, || {
            self.agreed_owner(slot).filter(|owner| *owner == to)
        })?;
        Ok(())
    }

    fn migrate_keys(&self, slot: u16, from: usize, to: usize) -> Result<(), Error> {
        let (source, target) = (&self.nodes[from], self.nodes[to].addr());
        let (ip, port) = (target.ip().to_string(), target.port().to_string());
        let (slot, none) = (slot.to_string(), &b""[..]);
        let next: [&[u8]; 4] = [b"CLUSTER", b"GETKEYSINSLOT", slot.as_bytes(), b"100"];
        while let Reply::Array(keys) = source.call(&next)? {
            let keys: Vec<&[u8]> = keys.iter().filter_map(bytes).collect();
            if keys.is_empty() {
                break;
            }
            let (ip, port) = (ip.as_bytes(), port.as_bytes());
            let head: [&[u8]; 7] = [b"MIGRATE", ip, port, none, b"0", b"5000", b"REPLACE"];
            let login: Vec<&[u8]> = source.login().iter().map(String::as_bytes).collect();
            let auth: &[&[u8]] = match login.len() {
                0 => &[],
                1 => &[b"AUTH"],
                _ => &[b"AUTH2"],
            };
            let names = [&[&b"KEYS"[..]], keys.as_slice()].concat();
            source.call(&[&head, auth, &login, &names].concat())?;
        }
        Ok(())
    }

    fn running(&self) -> impl Iterator<Item = &RedisServer> {
        self.nodes.iter().filter(|node| node.is_running())
    }

    fn owner(&self, slot: u16) -> Result<usize, Error> {
        poll(format!("an owner of slot {slot}"), LIMIT, || {
            let owners = self.running().filter_map(|node| view(node)?.owner(slot));
            let newest = owners.max_by_key(|(epoch, _)| *epoch)?;
            self.place(&newest.1)
        })
    }

    /// The owner if all running nodes name the same.
    fn agreed_owner(&self, slot: u16) -> Option<usize> {
        let mut owners = self.running().map(|node| Some(view(node)?.owner(slot)?.1));
        let first = owners.next()??;
        owners
            .all(|other| other.as_ref() == Some(&first))
            .then(|| self.place(&first))?
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.ids.iter().position(|known| known == id)
    }

    fn replicates(&self, node: &RedisServer, primary: usize) -> bool {
        view(node).is_some_and(|view| view.primary_of_this() == Some(&self.ids[primary]))
    }
}

fn view(node: &RedisServer) -> Option<View> {
    Some(View::parse(&node.try_cli(&["CLUSTER", "NODES"]).ok()?))
}

fn is_ok(node: &RedisServer) -> bool {
    let info = node.try_cli(&["CLUSTER", "INFO"]).unwrap_or_default();
    let is_replica = view(node).is_some_and(|view| view.primary_of_this().is_some());
    info.contains("cluster_state:ok") && (!is_replica || node.has_link())
}

fn bytes(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}
