//! A disk that fails, is full or is slow: a backend under redb that does as the test says.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageBackend};

use super::super::file::settings;
use super::super::queue::QUEUE_MAX;
use super::{Place, Strings, put, read, remove};
use crate::tier::{LogItem, Logged, Tier, Write};

/// What goes wrong.
#[derive(Debug, Default)]
struct Faults {
    is_full: AtomicBool,
    reads_fail: AtomicBool,
    is_held: Mutex<bool>,
    /// A commit is held up.
    is_committing: AtomicBool,
    released: Condvar,
}

impl Faults {
    fn hold(&self) {
        *self.is_held.lock() = true;
    }

    fn release(&self) {
        *self.is_held.lock() = false;
        self.released.notify_all();
    }

    /// Readers of redb write too, so only the end of a commit is held up.
    fn sync(&self) {
        let mut is_held = self.is_held.lock();
        while *is_held {
            self.is_committing.store(true, Ordering::Release);
            self.released.wait(&mut is_held);
        }
    }

    fn write(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::Acquire) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Faulty(FileBackend, Arc<Faults>);

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.1.reads_fail.load(Ordering::Acquire) {
            return Err(io::Error::other("bad sector"));
        }
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.1.write()?;
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.1.sync();
        self.1.write()?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.1.write()?;
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

/// A tier whose disk does as the test says.
fn faulty(place: &Place) -> (Strings, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    (faulty_from_the_start(place, &faults), faults)
}

fn faulty_from_the_start(place: &Place, faults: &Arc<Faults>) -> Strings {
    let own = faults.clone();
    let opener = move |path: &Path| -> Result<Database, DatabaseError> {
        let mut options = std::fs::OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        settings()
            .set_cache_size(0)
            .create_with_backend(Faulty(FileBackend::new(file)?, own.clone()))
    };
    place.try_open_with(&opener).unwrap().0
}

/// H8
#[tokio::test]
async fn a_start_on_a_full_disk_goes_on_without_the_tier_and_says_why() {
    let place = Place::new();
    let faults = Arc::new(Faults::default());
    faults.is_full.store(true, Ordering::Release);
    let tier = faulty_from_the_start(&place, &faults);
    let reason = tier.stats().degraded.unwrap();
    assert!(reason.contains("storage"), "{reason}");
    assert!(!place.file().exists(), "no room is taken by it");
    put(&tier, "k", place.stored("one", 1, 60)).await;
    assert_eq!(read(&tier, "k").await, None);
    tier.close().await.unwrap();
    faults.is_full.store(false, Ordering::Release);
    let tier = faulty_from_the_start(&place, &faults);
    assert_eq!(tier.stats().degraded, None);
}

#[tokio::test]
async fn writes_are_seen_before_they_are_on_disk() {
    let place = Place::new();
    let (tier, faults) = faulty(&place);
    put(&tier, "old", place.stored("old", 1, 60)).await;
    faults.hold();
    tier.write("old", Write::Remove, tier.room_now(), true);
    tier.write(
        "new",
        Write::Put(place.stored("new", 2, 60)),
        tier.room_now(),
        false,
    );
    assert_eq!(read(&tier, "old").await, None);
    assert_eq!(read(&tier, "new").await.as_deref(), Some("new"));
    faults.release();
    tier.flush().await.unwrap();
    assert_eq!(read(&tier, "old").await, None);
    assert_eq!(read(&tier, "new").await.as_deref(), Some("new"));
    assert_eq!((tier.stats().waiting, tier.stats().entries), (0, 1));
}

/// H2: the later write is made in the earlier one's turn.
#[tokio::test]
async fn a_write_that_another_has_replaced_is_durable_no_later_for_it() {
    let place = Place::new();
    let (tier, faults) = faulty(&place);
    put(&tier, "k", place.stored("first", 1, 60)).await;
    faults.hold();
    tier.write("other", Write::Remove, tier.room_now(), true);
    while !faults.is_committing.load(Ordering::Acquire) {
        tokio::task::yield_now().await;
    }
    let awaited = tier
        .write(
            "k",
            Write::Put(place.stored("second", 2, 60)),
            tier.room_now(),
            true,
        )
        .receipt;
    for _ in 0..1_500 {
        tier.write("filler", Write::Remove, tier.room_now(), false);
    }
    tier.write(
        "k",
        Write::Put(place.stored("third", 3, 60)),
        tier.room_now(),
        false,
    );
    let settled = tier.settled(awaited);
    faults.release();
    settled.await.unwrap();
    let stored = tier.0.file.read("k", |bytes| {
        crate::tier::envelope::place(bytes).unwrap().version
    });
    assert_eq!(stored.unwrap(), Some(3));
}

/// H4
#[tokio::test]
async fn past_the_queues_limit_values_are_dropped_and_the_older_ones_not_served() {
    let place = Place::new();
    let (tier, faults) = faulty(&place);
    put(&tier, "k", place.stored("old", 1, 60)).await;
    faults.hold();
    let mut taken = 0;
    while let Some(room) = tier.room_now() {
        tier.write(&format!("filler {taken}"), Write::Remove, Some(room), false);
        taken += 1;
        assert!(taken <= QUEUE_MAX);
    }
    tier.write(
        "k",
        Write::Put(place.stored("new", 2, 60)),
        tier.room_now(),
        false,
    );
    assert_eq!(tier.stats().put_drops, 1);
    assert_eq!(read(&tier, "k").await, None);
    faults.release();
    tier.flush().await.unwrap();
    assert_eq!(read(&tier, "k").await, None);
    put(&tier, "k", place.stored("newer", 3, 60)).await;
    assert_eq!(read(&tier, "k").await.as_deref(), Some("newer"));
}

#[tokio::test]
async fn an_invalidation_waits_for_room_and_blocks_no_thread() {
    let place = Place::new();
    let (tier, faults) = faulty(&place);
    put(&tier, "k", place.stored("old", 1, 60)).await;
    faults.hold();
    while let Some(room) = tier.room_now() {
        tier.write("filler", Write::Remove, Some(room), false);
    }
    // One thread runs this test: what blocked it would never be released.
    let ((), ()) = tokio::join!(remove(&tier, "k"), async { faults.release() });
    assert_eq!(read(&tier, "k").await, None);
}

/// H8, H4
#[tokio::test]
async fn a_full_disk_switches_the_tier_off_and_its_file_is_not_trusted_again() {
    let place = Place::new();
    let (tier, faults) = faulty(&place);
    put(&tier, "k", place.stored("old", 1, 60)).await;
    faults.is_full.store(true, Ordering::Release);
    remove(&tier, "k").await;
    assert_eq!(read(&tier, "k").await, None);
    assert!(tier.stats().degraded.is_some());
    put(&tier, "k", place.stored("new", 2, 60)).await;
    tier.record(
        Logged {
            number: 3,
            item: LogItem::All,
            floor: 3,
        },
        tier.room().await,
    );
    tier.flush().await.unwrap();
    assert_eq!(read(&tier, "k").await, None, "it stays off");
    assert!(!place.file().exists());
    drop(tier);
    assert_eq!(read(&place.open(), "k").await, None);
}

/// H8
#[tokio::test]
async fn a_disk_that_cannot_be_read_switches_the_tier_off() {
    let place = Place::new();
    let (tier, faults) = faulty(&place);
    let noise = "x".repeat(100);
    for version in 1..200 {
        tier.write(
            &version.to_string(),
            Write::Put(place.stored(&noise, version, 60)),
            tier.room_now(),
            false,
        );
    }
    tier.close().await.unwrap();
    let (tier, faults) = {
        drop((tier, faults));
        faulty(&place)
    };
    faults.reads_fail.store(true, Ordering::Release);
    assert_eq!(read(&tier, "7").await, None);
    tier.flush().await.unwrap();
    assert!(tier.stats().degraded.is_some());
    assert!(!place.file().exists());
}
