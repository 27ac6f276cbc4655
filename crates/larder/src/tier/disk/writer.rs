//! The one thread that writes a cache's file: encodes, commits in groups, takes away what is over.
//!
//! Values are encoded here, so that no thread of a runtime spends its time on a large one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::ends::{Bounds, Swept};
use super::queue::{End, Newest, Operation, Turn, Work};
use super::shared::Shared;
use super::tables::Change;
use crate::tier::codec::Payload;
use crate::tier::envelope::Envelope;
use crate::tier::{Logged, Stored};

/// How often an idle writer looks for what has expired.
const IDLE: Duration = Duration::from_secs(10);
/// Encoded values in one commit at most, but for the last of them.
const COMMIT_BYTES_MAX: usize = 16 << 20;

/// Starts the thread. It ends when the queue does.
pub(super) fn start<V: Clone + Send + Sync + 'static>(
    shared: Arc<Shared<V>>,
) -> std::io::Result<()> {
    let name = format!("larder-disk {}", shared.name);
    let thread = std::thread::Builder::new().name(name);
    thread.spawn(move || run(&shared)).map(drop)
}

fn run<V: Clone + Send + Sync + 'static>(shared: &Shared<V>) {
    let mut has_more = true;
    loop {
        let idle = if has_more { Duration::ZERO } else { IDLE };
        let swept = match shared.queue.take(idle) {
            Work::Batch(turns) => write(shared, turns),
            Work::Idle => sweep(shared),
            Work::Over => return shared.end(End::Closed),
        };
        match swept {
            Ok(swept) => has_more = swept.has_more,
            Err(reason) => return shared.fail(&reason),
        }
    }
}

/// The changes that one commit makes durable: those of the operations that waited, and of those that
/// come while they are encoded and written.
struct Coming<'a, V> {
    shared: &'a Shared<V>,
    turns: &'a mut Vec<Turn>,
    /// When the first of the turns were taken.
    began: Instant,
    /// How many of the turns are encoded.
    encoded: &'a mut usize,
    /// The keys that are written, with the number of what.
    written: &'a mut Vec<(Arc<str>, u64)>,
    bytes: usize,
}

impl<V: Clone + Send + Sync + 'static> Iterator for Coming<'_, V> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        while self.bytes < COMMIT_BYTES_MAX {
            let Some(turn) = self.turns.get(*self.encoded) else {
                if self.shared.queue.join(self.turns, self.began) {
                    continue;
                }
                return None;
            };
            *self.encoded += 1;
            let Some((change, number)) = change(self.shared, &turn.operation) else {
                continue;
            };
            if let Change::Put { key, envelope } = &change {
                self.bytes += key.len() + envelope.len();
            }
            if let (Some(number), Operation::Key(key)) = (number, &turn.operation) {
                self.written.push((key.clone(), number));
            }
            return Some(change);
        }
        None
    }
}

/// Makes some operations durable, with those that come meanwhile.
fn write<V: Clone + Send + Sync + 'static>(
    shared: &Shared<V>,
    mut turns: Vec<Turn>,
) -> Result<Swept, String> {
    let began = Instant::now();
    let (mut swept, mut encoded, mut settled) = (Swept::default(), 0, 0);
    while settled < turns.len() {
        let mut written = Vec::new();
        let mut changes = Coming {
            shared,
            turns: &mut turns,
            began,
            encoded: &mut encoded,
            written: &mut written,
            bytes: 0,
        }
        .peekable();
        if changes.peek().is_some() {
            swept = commit(shared, changes)?;
        }
        shared.queue.settle(&turns[settled..encoded], &written);
        settled = encoded;
    }
    Ok(swept)
}

/// The change that an operation asks for, with the number of what it writes of a key.
fn change<V: Clone + Send + Sync + 'static>(
    shared: &Shared<V>,
    operation: &Operation,
) -> Option<(Change, Option<u64>)> {
    match operation {
        Operation::Key(key) => {
            let (number, newest) = shared.queue.due(key)?;
            Some((change_of(shared, key, &newest), Some(number)))
        }
        Operation::Reclaim { key, which } => {
            let (key, which) = (key.clone(), *which);
            Some((Change::Reclaim { key, which }, None))
        }
        Operation::Record(Logged {
            number,
            item,
            floor,
        }) => {
            let (number, item, floor) = (*number, item.clone(), *floor);
            Some((
                Change::Record {
                    number,
                    item,
                    floor,
                },
                None,
            ))
        }
        Operation::Owe(dues) => Some((Change::Owe(dues.clone()), None)),
        Operation::Flush => None,
    }
}

fn change_of<V: Clone + Send + Sync + 'static>(
    shared: &Shared<V>,
    key: &Arc<str>,
    newest: &Newest<V>,
) -> Change {
    let key = key.clone();
    match newest {
        Newest::Gone => Change::Remove { key },
        Newest::Expired(at) => Change::Expire {
            key,
            soft_ms: shared.moments.to_wall(*at),
        },
        Newest::Put(stored) => {
            // What the key stands for now must not be found, whether the new value can be stored or not.
            match seal(shared, &key, stored) {
                Ok(envelope) => {
                    shared.queue.encoded(envelope.len());
                    shared.counts.puts.fetch_add(1, Relaxed);
                    Change::Put { key, envelope }
                }
                Err(reason) => {
                    tracing::warn!(cache = %shared.name, %reason, "a value cannot be stored on disk");
                    shared.counts.put_drops.fetch_add(1, Relaxed);
                    Change::Remove { key }
                }
            }
        }
    }
}

fn seal<V: Clone>(shared: &Shared<V>, key: &str, stored: &Stored<V>) -> Result<Vec<u8>, String> {
    let settings = &shared.settings;
    let payload = match &stored.value {
        Some(value) => shared
            .typed
            .encoded(value, settings.codec, settings.compression)
            .map_err(|error| error.to_string())?,
        None => Payload::empty(settings.codec),
    };
    let envelope = Envelope {
        is_negative: stored.value.is_none(),
        has_own_ttl: stored.has_own_ttl,
        version: stored.version,
        stamp: stored.version,
        created_ms: shared.moments.to_wall(stored.created),
        soft_ms: shared.moments.to_wall(stored.fresh_until),
        hard_ms: shared.moments.to_wall(stored.expires_at),
        cost_us: u32::try_from(stored.cost.as_micros()).unwrap_or(u32::MAX),
        tags: stored.tags.iter().map(|tag| &**tag).collect(),
        etag: stored.etag.as_deref(),
        lookup: stored.lookup,
        mark: stored.mark,
        payload,
    };
    let sealed = envelope.seal(key);
    let bytes = (sealed.len() + 2 * key.len()) as u64;
    if bytes > settings.max_bytes {
        return Err(format!(
            "{bytes} bytes with its key, where all may take {}",
            settings.max_bytes
        ));
    }
    Ok(sealed)
}

/// Takes away what has expired, if anything has.
fn sweep<V: Clone + Send + Sync + 'static>(shared: &Shared<V>) -> Result<Swept, String> {
    let now_ms = shared.now_ms();
    let (_, bytes) = shared.file.live();
    let has_ended = caught(|| shared.file.has_ended(now_ms))?;
    if has_ended || bytes > shared.settings.max_bytes {
        return commit(shared, []);
    }
    Ok(Swept::default())
}

fn commit<V: Clone + Send + Sync + 'static>(
    shared: &Shared<V>,
    changes: impl IntoIterator<Item = Change>,
) -> Result<Swept, String> {
    let bounds = Bounds {
        now_ms: shared.now_ms(),
        max_bytes: shared.settings.max_bytes,
    };
    let swept = caught(|| shared.file.commit(changes, bounds))?;
    shared.counts.expired.fetch_add(swept.expired, Relaxed);
    shared.counts.evicted.fetch_add(swept.evicted, Relaxed);
    Ok(swept)
}

/// A failure's text; damaged pages may make redb panic.
fn caught<T>(work: impl FnOnce() -> super::file::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("the file's pages are damaged".into()),
    }
}
