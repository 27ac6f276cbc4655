//! The streams of samples that an auditor reads: what instances append, and how it is read.
//!
//! Must not know what a record says.

use larder::remote::{Down, RecordId};
use redis::{FromRedisValue, Value};
use tokio::sync::Mutex;

use crate::commands::Commands;
use crate::epoch::Epoch;
use crate::opening;
use crate::refusal;
use crate::remote::Redis;
use crate::sending::{Answer, is_elsewhere};
use crate::wire::{Unopened, Wire};

/// Records that a stream keeps, about.
const RECORDS_MAX: usize = 4_096;
/// A stream that nobody appends to is gone after a day.
const KEPT_MS: u64 = 24 * 3_600 * 1_000;
/// Names that the server looks at in one step.
const STEP: usize = 1_000;

/// Appends a record.
pub(crate) async fn append(epoch: &Epoch, stream: &str, record: &[u8]) -> Result<RecordId, Down> {
    epoch.is_usable()?;
    let node = &epoch.nodes[epoch.place_of(stream)];
    let (most, kept) = (RECORDS_MAX.to_string(), KEPT_MS.to_string());
    let (stream, most, kept) = (stream.as_bytes(), most.as_bytes(), kept.as_bytes());
    let mut commands = Commands::with_capacity(record.len() + 256);
    commands.add(&[b"XADD", stream, b"MAXLEN", b"~", most, b"*", b"b", record]);
    commands.add(&[b"PEXPIRE", stream, kept]);
    let mut answers = node.send(commands).await?.into_iter();
    let id = match answers.next() {
        Some(Ok(Value::BulkString(id))) => record_id(&id),
        Some(Err(error)) => return Err(Down(refusal::meaning(&error).into())),
        _ => None,
    };
    id.ok_or_else(|| epoch.end_for("it answered XADD as no server does"))
}

/// `millis-number`
fn record_id(text: &[u8]) -> Option<RecordId> {
    let (millis, number) = std::str::from_utf8(text).ok()?.split_once('-')?;
    Some(RecordId {
        millis: millis.parse().ok()?,
        number: number.parse().ok()?,
    })
}

/// The samples that caches at a server have appended for the [auditor](larder::audit), each namespace's
/// in a stream of about 4,096 records. It has connections of its own, joins nothing and writes nothing.
///
/// ```no_run
/// use larder::audit::Auditor;
/// use larder_redis::{Redis, Trail};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let trail = Trail::of(&Redis::at("redis://cache.example")?.prefix("shop"));
/// let mut auditor = Auditor::default();
/// for (id, record) in trail.read("users", None, 10_000).await? {
///     auditor.take(id, &record);
/// }
/// auditor.judge_all();
/// println!("{:?}", auditor.report().consistency());
/// # Ok(()) }
/// ```
pub struct Trail {
    redis: Redis,
    /// To the server, or to each primary of the cluster; none until they are needed.
    wires: Mutex<Vec<Wire>>,
}

impl Trail {
    /// That of the caches that use this server and prefix. Connects when it is first read.
    pub fn of(redis: &Redis) -> Self {
        Self {
            redis: redis.clone(),
            wires: Mutex::default(),
        }
    }

    /// The namespaces that have samples, in order. Goes through all names at the server.
    ///
    /// # Errors
    /// [`Down`] with the reason, if the server cannot be reached, refuses, or takes longer to answer
    /// than connecting may take. The next call connects anew.
    pub async fn namespaces(&self) -> Result<Vec<String>, Down> {
        let keys = &self.redis.server().keys;
        let found = self.through_wires(async |wires| {
            let (mut found, pattern) = (Vec::new(), keys.all_samples());
            for wire in wires {
                let mut cursor = 0_u64;
                loop {
                    let (from, step) = (cursor.to_string(), STEP.to_string());
                    let words = ["SCAN", &from, "MATCH", &pattern, "COUNT", &step];
                    let words = [&words[..], &["TYPE", "stream"]].concat();
                    let answer = self.ask(wire, &words).await?;
                    let answer = answer.map_err(|error| refusal::meaning(&error))?;
                    let (next, names): (u64, Vec<Vec<u8>>) = meaning(answer)?;
                    let names = names.iter().filter_map(|name| keys.sampled(name));
                    found.extend(names.map(str::to_owned));
                    cursor = next;
                    if cursor == 0 {
                        break;
                    }
                }
            }
            Ok(found)
        });
        let mut found: Vec<String> = found.await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// A namespace's records after this one, or from the oldest on; no more than `most`, in their order.
    ///
    /// # Errors
    /// As [`namespaces`](Self::namespaces).
    pub async fn read(
        &self,
        namespace: &str,
        after: Option<RecordId>,
        most: usize,
    ) -> Result<Vec<(RecordId, Vec<u8>)>, Down> {
        let from = after.map_or_else(
            || "-".to_owned(),
            |id| format!("({}-{}", id.millis, id.number),
        );
        let (stream, most) = (
            self.redis.server().keys.samples(namespace),
            most.to_string(),
        );
        let words = ["XRANGE", &stream, &from, "+", "COUNT", &most];
        let records = self.through_wires(async |wires| {
            for wire in wires {
                match self.ask(wire, &words).await? {
                    Ok(value) => return meaning(value),
                    Err(error) if is_elsewhere(&error) => {}
                    Err(error) => return Err(refusal::meaning(&error)),
                }
            }
            Err("none of the cluster's primaries has the stream".to_owned())
        });
        let records: Vec<(Vec<u8>, Vec<Vec<u8>>)> = records.await?;
        let read = |(id, mut fields): (Vec<u8>, Vec<Vec<u8>>)| {
            let record = fields.pop().filter(|_| fields.len() == 1);
            Some((record_id(&id)?, record.unwrap_or_default()))
        };
        Ok(records.into_iter().filter_map(read).collect())
    }

    /// Connects where that is needed; what fails is connected to anew by the next call.
    async fn through_wires<T>(
        &self,
        ask: impl AsyncFnOnce(&[Wire]) -> Result<T, String>,
    ) -> Result<T, Down> {
        let mut wires = self.wires.lock().await;
        let asked = async {
            if wires.is_empty() {
                for way in opening::ways(self.redis.server()).await? {
                    let wire = Wire::open(&way.road, false, None, drop).await;
                    wires.push(wire.map_err(Unopened::reason)?);
                }
            }
            ask(&wires).await
        };
        let asked = asked.await;
        if asked.is_err() {
            wires.clear();
        }
        asked.map_err(|reason| Down(reason.into()))
    }

    async fn ask(&self, wire: &Wire, words: &[&str]) -> Result<Answer, String> {
        let limit = self.redis.server().config.connect_timeout;
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        Ok(match wire.send_one(&words, limit).await? {
            Value::ServerError(error) => Err(error),
            value => Ok(value),
        })
    }
}

fn meaning<T: FromRedisValue>(value: Value) -> Result<T, String> {
    let foreign = |error| format!("it answered as no server does: {error}");
    redis::from_redis_value(value).map_err(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_s_number_is_read_or_is_none() {
        let id = RecordId {
            millis: 1_780_000_000_000,
            number: 7,
        };
        assert_eq!(record_id(b"1780000000000-7"), Some(id));
        for other in [&b""[..], b"-", b"7", b"7-x", b"\xff-1"] {
            assert_eq!(record_id(other), None);
        }
    }
}
