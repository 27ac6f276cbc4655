//! The heartbeat: what vouches for a link, and notices that it is dead or leads somewhere else.
//!
//! It goes over the connection on which a server tells of changes, as another one would vouch for a
//! stalled one; in a cluster to all primaries, as none can vouch for another. Must not know what those do
//! who are vouched for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use larder::remote::{Down, LogPlace};
use tokio::time::Instant;

use crate::asleep::Asleep;
use crate::epoch::Epoch;
use crate::keys::Keys;
use crate::member::Seat;
use crate::node::Beaten;

/// Logs whose place a heartbeat asks for, at most: the others have their turn at the next.
const LOGS_MAX: usize = 64;
/// Heartbeats within the X that one is good for.
const BEATS_A_STALENESS: u32 = 4;
/// After one that was not clear the next is not sent sooner.
const UNCLEAR: Duration = Duration::from_millis(10);

/// Beats until the epoch's life is over.
pub(crate) async fn beat(epoch: &Epoch, keys: &Keys) {
    let mut asleep = Asleep::new();
    let (mut turn, mut has_warned) = (0, false);
    let mut vouched = Instant::now();
    while !epoch.life.is_over() {
        let (sent, staleness) = (Instant::now(), epoch.life.staleness());
        match one(epoch, keys, &mut turn, &mut asleep).await {
            Ok(true) => vouched = Instant::now(),
            Ok(false) if vouched.elapsed() > staleness => {
                epoch.end_for("a slot of the cluster has no primary that says so itself");
            }
            Ok(false) => tokio::time::sleep(UNCLEAR).await,
            Err(Down(_)) => return,
        }
        let round_trip = sent.elapsed();
        epoch.life.board.note_round_trip(round_trip);
        if round_trip > staleness / 2 && !has_warned {
            has_warned = true;
            epoch.life.board.slow(round_trip, staleness);
        }
        pause(epoch, sent + staleness / BEATS_A_STALENESS).await;
    }
}

/// Waits until the next is due, or somebody wants it sooner.
async fn pause(epoch: &Epoch, due: Instant) {
    let beats = &epoch.beats;
    loop {
        if beats.wanted.load(Ordering::SeqCst) > *beats.answered.borrow() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(due) => return,
            () = beats.hurry.notified() => {}
        }
    }
}

/// One heartbeat of all servers, at the same time. False if it vouches for nothing, as it is not clear
/// whose some slot of the cluster is.
async fn one(
    epoch: &Epoch,
    keys: &Keys,
    turn: &mut usize,
    asleep: &mut Asleep,
) -> Result<bool, Down> {
    let seats = epoch.life.seats();
    let mut logs = vec![Vec::new(); epoch.nodes.len()];
    let mut places = vec![Vec::new(); epoch.nodes.len()];
    for seat in asked(&seats, turn) {
        let log = keys.log(seat.member.namespace());
        let node = epoch.place_of(&log);
        logs[node].push(log);
        places[node].push(seat);
    }
    // Whoever wants two heartbeats that are sent later counts this one as sent.
    let number = epoch.beats.sent.fetch_add(1, Ordering::SeqCst) + 1;
    for seat in &seats {
        seat.note_sending();
    }
    let beaten = join_all(
        epoch
            .nodes
            .iter()
            .zip(logs)
            .map(|(node, logs)| node.beat(logs)),
    )
    .await;
    let beaten: Vec<Beaten> = beaten.into_iter().collect::<Result<_, _>>()?;
    if asleep.has_slept() {
        return Err(epoch.end_for("this machine has slept"));
    }
    let (found, views): (Vec<_>, Vec<_>) = beaten.into_iter().map(|b| (b.places, b.view)).unzip();
    if !epoch.look(views.into_iter().flatten().collect())? {
        return Ok(false);
    }
    let seats_asked = places.into_iter().flatten();
    let logs: Vec<(&Arc<Seat>, Option<LogPlace>)> =
        seats_asked.zip(found.into_iter().flatten()).collect();
    epoch.life.answered(&seats, &logs, epoch.is_tracked());
    epoch.beats.answered.send_replace(number);
    Ok(true)
}

/// Those whose log is asked for now.
fn asked<'a>(seats: &'a [Arc<Seat>], turn: &mut usize) -> Vec<&'a Arc<Seat>> {
    let first = *turn;
    *turn = if seats.len() > LOGS_MAX {
        (first + LOGS_MAX) % seats.len()
    } else {
        0
    };
    let all = seats.iter().cycle().skip(first);
    all.take(seats.len().min(LOGS_MAX)).collect()
}
