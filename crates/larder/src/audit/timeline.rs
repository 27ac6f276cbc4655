//! When something happened, by the server's clock, told by instances whose own clocks differ.
//!
//! Each batch is stamped by the server as it arrives. An instance knows when it sent a batch and when
//! that was answered, so its next one tells how far its clock is from the server's, to within that
//! trip (Cristian, "Probabilistic clock synchronization", 1989). No clock of an instance is compared
//! with another's. Must not know what happened.

use std::collections::HashMap;

use super::record::{Anchor, Batch};
use crate::remote::RecordId;

/// What a tick may be behind, ms. A clock that was set by less than twice as much, or than the trips of
/// two batches, goes unnoticed.
const LAG_MS: i64 = 20;
/// By so much a time is taken to be earlier and later than it is said to be.
const SLACK_MS: i64 = 2 * LAG_MS;
/// A clock may run away from the server's by one part in this many.
const DRIFT: u64 = 1_000;
const INSTANCES_MAX: usize = 4_096;
/// An instance that was not heard of for so long makes room for others.
const QUIET_MS: u64 = 600_000;

/// Between which times of the server's clock something happened: ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// 0 where it is not known.
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What is known of the instances' clocks.
#[derive(Default)]
pub(super) struct Timeline {
    instances: HashMap<u64, Known>,
    /// The server's clock was set: what was stamped before this is of another time.
    since: RecordId,
}

struct Known {
    number: u64,
    anchor: Option<Anchor>,
    heard: u64,
}

/// What a batch is to the timeline.
pub(super) enum Placed {
    /// Its times are found through this.
    At(Offset),
    /// It was appended twice.
    Again,
    /// As [`Placed::At`], and all that was placed before is of another time: the server's clock was
    /// set, or the instance's stood still.
    Anew(Offset),
    /// There is no room for its instance.
    Refused,
}

/// The server's clock less the instance's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offset {
    /// At least and at most, through an earlier batch.
    anchored: Option<(i64, i64)>,
    /// At most, as the batch was sent before it came.
    most: i64,
}

impl Offset {
    /// When what the instance says was at `tick` happened.
    pub(super) fn span(self, tick: u64) -> Span {
        let at = |offset: i64| tick.cast_signed().saturating_add(offset);
        let to = self.anchored.map_or(self.most, |(_, to)| to.min(self.most));
        Span {
            from: self
                .anchored
                .map_or(0, |(from, _)| clamp(at(from).saturating_sub(SLACK_MS))),
            to: clamp(at(to).saturating_add(SLACK_MS + 1)),
        }
    }
}

fn clamp(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0)
}

fn less(millis: u64, other: u64) -> i64 {
    millis.cast_signed().saturating_sub(other.cast_signed())
}

fn offsets(anchor: &Anchor) -> (i64, i64) {
    (
        less(anchor.at.0, anchor.answered),
        less(anchor.at.0, anchor.sent),
    )
}

/// Whether both can be of one clock that was not set between them.
fn agree(one: &Anchor, other: &Anchor) -> bool {
    let (earlier, later) = if one.sent <= other.sent {
        (one, other)
    } else {
        (other, one)
    };
    let apart = later.answered.saturating_sub(earlier.sent);
    let leeway = SLACK_MS + (apart / DRIFT).cast_signed();
    let ((from, to), (from_2, to_2)) = (offsets(one), offsets(other));
    from <= to_2.saturating_add(leeway) && from_2 <= to.saturating_add(leeway)
}

impl Timeline {
    pub(super) fn instances(&self) -> usize {
        self.instances.len()
    }

    /// Takes the next batch in the order of arrival.
    pub(super) fn place(&mut self, id: RecordId, batch: &Batch) -> Placed {
        if !self.has_room(id, batch.instance) {
            return Placed::Refused;
        }
        let since = self.since;
        let anchor = batch.anchor.filter(|anchor| {
            anchor.id() >= since && anchor.id() < id && anchor.sent <= anchor.answered
        });
        let known = self.instances.entry(batch.instance).or_insert(Known {
            number: 0,
            anchor: None,
            heard: 0,
        });
        known.heard = id.millis;
        if batch.number <= known.number {
            return Placed::Again;
        }
        known.number = batch.number;
        let offset = Offset {
            anchored: anchor.as_ref().map(offsets),
            most: less(id.millis, batch.made),
        };
        let former = known.anchor;
        known.anchor = anchor.or(former);
        match (former, anchor) {
            (Some(former), Some(anchor)) if !agree(&former, &anchor) => {
                self.since = anchor.id();
                for known in self.instances.values_mut() {
                    known.anchor = known.anchor.filter(|one| one.id() >= anchor.id());
                }
                Placed::Anew(offset)
            }
            _ => Placed::At(offset),
        }
    }

    fn has_room(&mut self, id: RecordId, instance: u64) -> bool {
        if self.instances.len() < INSTANCES_MAX || self.instances.contains_key(&instance) {
            return true;
        }
        let least = id.millis.saturating_sub(QUIET_MS);
        self.instances.retain(|_, known| known.heard >= least);
        self.instances.len() < INSTANCES_MAX
    }
}
