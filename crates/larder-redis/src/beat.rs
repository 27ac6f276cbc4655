//! The heartbeat: what vouches for a link, and notices that it is dead or leads somewhere else.
//!
//! It goes over the connection on which the server tells of changes, as another one would vouch for a
//! stalled one. Must not know what those do who are vouched for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder::remote::LogPlace;
use redis::Value;
use tokio::time::Instant;

use crate::asleep::Asleep;
use crate::epoch::{Epoch, Identity};
use crate::keys::Keys;
use crate::member::Seat;
use crate::refusal;
use crate::replies::{self, of_life};
use crate::scripts;
use crate::sending::{Call, send_one, within};

/// Logs whose place a heartbeat asks for, at most: the others have their turn at the next.
const LOGS_MAX: usize = 64;
/// Heartbeats within the X that one is good for.
const BEATS_A_STALENESS: u32 = 4;

/// Beats until the epoch's life is over.
pub(crate) async fn beat(epoch: &Epoch, keys: &Keys) {
    let mut asleep = Asleep::new();
    let mut turn = 0;
    let mut has_warned = false;
    while !epoch.life.is_over() {
        let (sent, staleness) = (Instant::now(), epoch.life.staleness());
        let beaten = one(epoch, keys, &mut turn, &mut asleep, staleness).await;
        if let Err(reason) = beaten {
            epoch.life.end(reason);
            return;
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

/// One heartbeat, with a sign of life from the other connection.
async fn one(
    epoch: &Epoch,
    keys: &Keys,
    turn: &mut usize,
    asleep: &mut Asleep,
    staleness: Duration,
) -> Result<(), String> {
    let seats = epoch.life.seats();
    let asked = asked(&seats, turn);
    let names = asked.iter().map(|seat| keys.log(seat.member.namespace()));
    let call = Call {
        script: &scripts::BEAT,
        keys: names.collect(),
        arguments: Vec::new(),
    };
    // Whoever wants two heartbeats that are sent later counts this one as sent.
    let number = epoch.beats.sent.fetch_add(1, Ordering::SeqCst) + 1;
    for seat in &seats {
        seat.note_sending();
    }
    let answer = within(staleness, send_one(epoch.beating().connection(), &call));
    let (answer, sign) = tokio::join!(answer, sign_of_life(epoch, staleness));
    sign?;
    let answer = answer?.map_err(|error| refusal::meaning(&error))?;
    let beat = replies::beat(answer).ok_or("it answered a heartbeat as no server does")?;
    is_the_same(&beat.identity, &epoch.identity)?;
    if asleep.has_slept() {
        return Err("this machine has slept".to_owned());
    }
    let places = beat.logs.into_iter();
    let places = places.map(|place| place.map(|place| of_life(place, epoch.incarnation)));
    let logs: Vec<(&Arc<Seat>, Option<LogPlace>)> = asked.into_iter().zip(places).collect();
    epoch.life.answered(&seats, &logs, epoch.is_tracked());
    epoch.beats.answered.send_replace(number);
    Ok(())
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

fn is_the_same(now: &Identity, then: &Identity) -> Result<(), String> {
    if now.run != then.run {
        return Err("another server answers at its address".to_owned());
    }
    if now.replication != then.replication {
        return Err("its data began another life (a failover, or its first replica)".to_owned());
    }
    Ok(())
}

/// Whatever the data connection answers, it lives; and the server does not close it as idle.
async fn sign_of_life(epoch: &Epoch, limit: Duration) -> Result<(), String> {
    if !epoch.is_tracked() {
        return Ok(());
    }
    let mut connection = epoch.data.connection();
    let ping = redis::cmd("PING");
    let answer: Value = within(limit, connection.send_packed_command(&ping)).await?;
    drop(answer);
    Ok(())
}
