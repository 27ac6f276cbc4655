//! A cluster: who its primaries are, and which slots each says are its own.
//!
//! A primary is believed about its own slots, and about nobody else's but that they are there: what
//! others say of it may be out of date. Must not know connections that stay, nor scripts.

use redis::{ServerError, ServerErrorKind, Value};

use crate::commands::Commands;
use crate::refusal;
use crate::sending::{Answer, answers};
use crate::slots::{SLOTS, Slots};
use crate::url::Host;
use crate::wire::{End, Road, Unopened, Wire};

/// More primaries are not believed.
pub(crate) const PRIMARIES_MAX: usize = 1_000;

/// A primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// What the cluster calls it.
    pub(crate) id: String,
    pub(crate) host: Host,
}

/// Whose which slots are, as one of the cluster sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View(Vec<Range>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
    owner: Peer,
}

/// Where calls go, and what that was made from.
#[derive(Debug)]
pub(crate) struct Map {
    /// A call may have found a slot elsewhere since.
    pub(crate) slots: Slots,
    claimed: Slots,
    views: Vec<View>,
}

/// Why a map cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// This slot has a primary, as others say, but none says that it is its own.
    Slot(u16),
    /// Others are primaries now.
    Primaries(String),
}

/// What is asked of one that is in a cluster.
pub(crate) fn questions() -> Commands {
    let mut questions = Commands::of(&[b"CLUSTER", b"SLOTS"]);
    questions.add(&[b"CLUSTER", b"INFO"]);
    questions
}

/// What it answers. `asked` is where: some do not know their own address.
pub(crate) fn view(answers: Vec<Answer>, asked: Option<&Host>) -> Result<View, String> {
    let mut values = Vec::with_capacity(answers.len());
    for answer in answers {
        values.push(answer.map_err(|error| refusal::meaning(&error))?);
    }
    let mut values = values.into_iter();
    let (slots, info) = (values.next(), values.next());
    let info: String = info
        .and_then(|info| redis::from_redis_value(info).ok())
        .ok_or(FOREIGN)?;
    if !info
        .lines()
        .any(|line| line.trim_end() == "cluster_state:ok")
    {
        return Err(refusal::CLUSTER_DOWN.to_owned());
    }
    let Some(Value::Array(ranges)) = slots else {
        return Err(FOREIGN.to_owned());
    };
    let ranges: Option<Vec<Range>> = ranges.into_iter().map(|one| range(one, asked)).collect();
    ranges.map(View).ok_or_else(|| FOREIGN.to_owned())
}

const FOREIGN: &str = "it told of its cluster as no server does";

/// `[first, last, [address, port, id, …], …]`: the primary is named first.
fn range(range: Value, asked: Option<&Host>) -> Option<Range> {
    let Value::Array(parts) = range else {
        return None;
    };
    let [Value::Int(first), Value::Int(last), Value::Array(owner), ..] = parts.as_slice() else {
        return None;
    };
    let [name, Value::Int(port), id, ..] = owner.as_slice() else {
        return None;
    };
    let name = text(name).filter(|name| !name.is_empty() && *name != "?");
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    (first <= last && last < SLOTS).then_some(Range {
        first,
        last,
        owner: Peer {
            id: text(id)?.to_owned(),
            host: Host {
                name: name.or(asked.map(|host| host.name.as_str()))?.to_owned(),
                port: u16::try_from(*port).ok()?,
            },
        },
    })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

impl View {
    /// The primaries that have slots, by their names.
    pub(crate) fn primaries(&self) -> Vec<Peer> {
        let mut primaries: Vec<Peer> = self.0.iter().map(|range| range.owner.clone()).collect();
        primaries.sort_by(|one, other| one.id.cmp(&other.id));
        primaries.dedup_by(|one, other| one.id == other.id);
        primaries
    }

    /// The first who has slots and is none of these.
    fn first_unknown(&self, known: &[&Peer]) -> Option<&Peer> {
        let owners = self.0.iter().map(|range| &range.owner);
        let mut unknown = owners.filter(|owner| !known.iter().any(|peer| peer.id == owner.id));
        unknown.next()
    }
}

impl Map {
    /// Of a server that is alone.
    pub(crate) fn alone() -> Self {
        Self {
            slots: Slots::nobodys(),
            claimed: Slots::nobodys(),
            views: Vec::new(),
        }
    }

    /// Takes in how it looks to each of the primaries now. While a slot is handed over two may say that
    /// it is their own: who did not say so before has it.
    pub(crate) fn take_in(&mut self, peers: &[&Peer], views: Vec<View>) -> Result<(), Change> {
        if self.views == views {
            return Ok(());
        }
        let mut claimed = Slots::nobodys();
        for (place, (peer, view)) in peers.iter().zip(&views).enumerate() {
            if let Some(Peer { host, .. }) = view.first_unknown(peers) {
                let words = format!("the cluster has changed: {host} is a primary now");
                return Err(Change::Primaries(words));
            }
            for range in view.0.iter().filter(|range| range.owner.id == peer.id) {
                for slot in range.first..=range.last {
                    if claimed.of(slot).is_none() || self.claimed.of(slot) != Some(place) {
                        claimed.give(slot, place);
                    }
                }
            }
        }
        let mut named = views
            .iter()
            .flat_map(|view| &view.0)
            .flat_map(|range| range.first..=range.last);
        if let Some(slot) = named.find(|slot| claimed.of(*slot).is_none()) {
            return Err(Change::Slot(slot));
        }
        *self = Self {
            slots: claimed.clone(),
            claimed,
            views,
        };
        Ok(())
    }
}

/// The primaries, as the first of these that answers sees them. They are asked in their order from the
/// `first`, counted on from one attempt to the next, so that one that is wrong is not asked for ever.
pub(crate) async fn primaries(
    seeds: &[Host],
    first: usize,
    road: &Road,
) -> Result<Vec<Peer>, String> {
    let mut silence = String::new();
    let count = seeds.len();
    for seed in seeds.iter().cycle().skip(first % count).take(count) {
        let road = Road {
            end: End::Host(seed.clone()),
            ..road.clone()
        };
        match ask(&road, seed).await {
            Ok(view) => match view.primaries() {
                none if none.is_empty() => silence = format!("{seed}: no slot has a primary"),
                many if many.len() > PRIMARIES_MAX => {
                    silence = format!("{seed}: there are more than {PRIMARIES_MAX} primaries");
                }
                primaries => return Ok(primaries),
            },
            Err(reason) => silence = format!("{seed}: {reason}"),
        }
    }
    Err(silence)
}

async fn ask(road: &Road, seed: &Host) -> Result<View, String> {
    let wire = Wire::open(road, false, None, drop).await;
    let wire = wire.map_err(Unopened::reason)?;
    let sent = wire.send(questions(), road.time_out).await;
    view(answers(sent?), Some(seed))
}

/// The slot that the answer says is another's, and whose.
pub(crate) fn moved(error: &ServerError, from: &Peer) -> Option<(u16, Host)> {
    if error.kind() != Some(ServerErrorKind::Moved) {
        return None;
    }
    let (slot, place) = error.details()?.split_once(' ')?;
    let (name, port) = place.rsplit_once(':')?;
    let name = if name.is_empty() || name == "?" {
        &from.host.name
    } else {
        name
    };
    let host = Host {
        name: name.to_owned(),
        port: port.parse().ok()?,
    };
    Some((slot.parse().ok()?, host))
}

/// A reason, with the name of whom it concerns where there are several.
pub(crate) fn named(peer: Option<&Peer>, reason: &str) -> String {
    match peer {
        Some(peer) => format!("{}: {reason}", peer.host),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
