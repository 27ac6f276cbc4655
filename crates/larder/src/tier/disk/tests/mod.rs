//! The tier against files that are good, bad, slow and full.

mod damage;
mod faults;
mod queue;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::file::is_mostly_air;
use super::{Compression, Disk, DiskTier, opening};
use crate::clock::{Clock, ManualClock, Tick};
use crate::error::BuildError;
use crate::tier::codec::Typed;
use crate::tier::{Asked, LogItem, Logged, Recovered, Stored, Tier, Write};

type Strings = DiskTier<String>;

/// A directory of its own, a clock, and what opens a tier with them.
struct Place {
    directory: tempfile::TempDir,
    manual: ManualClock,
    settings: Disk,
    schema: u64,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            settings: Disk::at(directory.path()),
            directory,
            manual: ManualClock::new(),
            schema: 1,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("test.redb")
    }

    fn clock(&self) -> Clock {
        self.manual.clock()
    }

    fn try_open(&self) -> Result<(Strings, Recovered), BuildError> {
        self.try_open_with(&opening::open_file)
    }

    fn try_open_with(&self, opener: &opening::Opener) -> Result<(Strings, Recovered), BuildError> {
        let (name, settings) = (Arc::from("test"), self.settings.clone());
        DiskTier::open_with(
            &name,
            settings,
            self.schema,
            Typed::serde(),
            self.clock(),
            opener,
        )
    }

    fn open(&self) -> Strings {
        self.try_open().unwrap().0
    }

    /// A value that lives for `seconds` from now on.
    fn stored(&self, value: &str, version: u64, seconds: u64) -> Stored<String> {
        let now = self.clock().now();
        let end = now.after(Duration::from_secs(seconds));
        Stored {
            value: Some(value.into()),
            version,
            created: now,
            fresh_until: end,
            expires_at: end,
            has_own_ttl: false,
            cost: Duration::from_millis(3),
            tags: [Box::from("t")].into(),
            etag: Some("e".into()),
            lookup: Some(9),
            mark: Some(4),
        }
    }
}

async fn put(tier: &Strings, key: &str, stored: Stored<String>) {
    let room = tier.room().await;
    let receipt = tier
        .write(key, Write::Put(stored), Some(room), true)
        .receipt;
    tier.settled(receipt).await.unwrap();
}

async fn remove(tier: &Strings, key: &str) {
    let receipt = tier
        .write(key, Write::Remove, Some(tier.room().await), true)
        .receipt;
    tier.settled(receipt).await.unwrap();
}

async fn record(tier: &Strings, number: u64, item: LogItem, floor: u64) {
    let logged = Logged {
        number,
        item,
        floor,
    };
    let receipt = tier.record(logged, tier.room().await);
    tier.settled(receipt).await.unwrap();
}

async fn read(tier: &Strings, key: &str) -> Option<String> {
    tier.read(key, Asked::ToServe).await.ok()?.value
}

/// H1
#[tokio::test]
async fn an_entry_comes_back_after_a_restart_with_all_that_was_known_of_it() {
    let place = Place::new();
    let tier = place.open();
    let stored = place.stored("one", 5, 60);
    put(&tier, "k", stored.clone()).await;
    put(
        &tier,
        "absent",
        Stored {
            value: None,
            ..place.stored("", 6, 60)
        },
    )
    .await;
    tier.close().await.unwrap();
    assert_eq!(read(&tier, "k").await, None, "a closed tier finds nothing");

    place.manual.advance(Duration::from_secs(20));
    let (tier, recovered) = place.try_open().unwrap();
    assert_eq!(recovered.number, 6);
    let found = tier.read("k", Asked::ToServe).await.unwrap();
    assert_eq!(found.value, stored.value);
    assert_eq!((found.version, found.created), (5, stored.created));
    assert_eq!(
        (found.fresh_until, found.expires_at),
        (stored.fresh_until, stored.expires_at)
    );
    assert_eq!(
        (found.tags, found.etag, found.lookup),
        (stored.tags, stored.etag, stored.lookup)
    );
    assert_eq!(found.cost, stored.cost);
    assert_eq!(
        tier.read("absent", Asked::ToServe).await.unwrap().value,
        None
    );
    place.manual.advance(Duration::from_secs(41));
    assert_eq!(read(&tier, "k").await, None);
}

/// H1
#[tokio::test]
async fn a_wall_clock_that_jumps_never_lengthens_a_life() {
    let place = Place::new();
    let tier = place.open();
    let wall = place.clock().wall();
    put(&tier, "k", place.stored("one", 1, 60)).await;
    place.manual.set_wall(wall + Duration::from_hours(1));
    assert_eq!(
        read(&tier, "k").await.as_deref(),
        Some("one"),
        "the monotonic clock rules"
    );
    tier.close().await.unwrap();

    place.manual.set_wall(wall - Duration::from_hours(1));
    let tier = place.open();
    let found = tier.read("k", Asked::ToServe).await.unwrap();
    assert_eq!(found.created, place.clock().now());
    assert_eq!(
        found.expires_at,
        place.clock().now().after(Duration::from_mins(1))
    );
    tier.close().await.unwrap();

    place.manual.set_wall(wall + Duration::from_hours(1));
    assert_eq!(read(&place.open(), "k").await, None);
}

#[tokio::test]
async fn what_was_removed_and_what_was_expired_stays_so() {
    let place = Place::new();
    let tier = place.open();
    for key in ["gone", "stale", "stored"] {
        put(&tier, key, place.stored(key, 1, 60)).await;
    }
    remove(&tier, "gone").await;
    let now = place.clock().now();
    let receipt = tier
        .write("stale", Write::Expire(now), Some(tier.room().await), true)
        .receipt;
    assert_eq!(
        tier.read("stale", Asked::ToServe)
            .await
            .unwrap()
            .fresh_until,
        now,
        "seen at once"
    );
    tier.settled(receipt).await.unwrap();
    tier.close().await.unwrap();

    let tier = place.open();
    assert_eq!(read(&tier, "gone").await, None);
    assert_eq!(
        tier.read("stale", Asked::ToServe)
            .await
            .unwrap()
            .fresh_until,
        now
    );
    assert!(
        tier.read("stored", Asked::ToServe)
            .await
            .unwrap()
            .fresh_until
            > now
    );
    assert_eq!(tier.stats().entries, 2);
}

/// G5
#[tokio::test]
async fn the_log_comes_back_in_the_order_of_its_numbers_and_above_its_floor() {
    let place = Place::new();
    let tier = place.open();
    let tag = |name: &str| LogItem::Tag(name.into());
    record(&tier, 7, tag("b"), 0).await;
    record(&tier, 3, LogItem::Prefix("p".into()), 0).await;
    record(&tier, 9, tag("b"), 0).await;
    tier.close().await.unwrap();
    let (tier, recovered) = place.try_open().unwrap();
    assert_eq!(
        recovered.items,
        [(3, LogItem::Prefix("p".into())), (9, tag("b"))]
    );

    record(&tier, 12, tag("c"), 5).await;
    tier.close().await.unwrap();
    let (tier, recovered) = place.try_open().unwrap();
    assert_eq!((recovered.number, recovered.floor), (12, 5));
    assert_eq!(recovered.items, [(9, tag("b")), (12, tag("c"))]);
    drop(tier);
}

/// G12
#[tokio::test]
async fn a_clear_takes_all_before_it_and_refuses_what_comes_late() {
    let place = Place::new();
    let tier = place.open();
    put(&tier, "old", place.stored("old", 1, 60)).await;
    record(&tier, 2, LogItem::Tag("t".into()), 0).await;
    record(&tier, 5, LogItem::All, 5).await;
    put(&tier, "late", place.stored("late", 4, 60)).await;
    put(&tier, "new", place.stored("new", 6, 60)).await;
    tier.close().await.unwrap();
    let (tier, recovered) = place.try_open().unwrap();
    assert_eq!((recovered.floor, recovered.items.len()), (5, 0));
    assert_eq!(read(&tier, "old").await, None);
    assert_eq!(read(&tier, "late").await, None);
    assert_eq!(read(&tier, "new").await.as_deref(), Some("new"));
    assert_eq!(tier.stats().entries, 1);
}

/// H2
#[tokio::test]
async fn items_that_overtake_each_other_or_a_clear_on_their_way_are_kept_by_their_numbers() {
    let place = Place::new();
    let tier = place.open();
    let tag = |name: &str| LogItem::Tag(name.into());
    record(&tier, 9, tag("twice"), 0).await;
    record(&tier, 3, tag("twice"), 0).await;
    record(&tier, 4, tag("cleared"), 0).await;
    record(&tier, 5, LogItem::All, 5).await;
    tier.close().await.unwrap();
    let (_tier, recovered) = place.try_open().unwrap();
    assert_eq!(recovered.items, [(9, tag("twice"))]);
}

/// G13
#[tokio::test]
async fn entries_of_another_schema_are_dropped_and_numbers_go_on() {
    let mut place = Place::new();
    let tier = place.open();
    put(&tier, "k", place.stored("one", 8, 60)).await;
    tier.close().await.unwrap();
    place.schema = 2;
    let (tier, recovered) = place.try_open().unwrap();
    assert_eq!(recovered.number, 8);
    assert_eq!(read(&tier, "k").await, None);
    assert_eq!((tier.stats().entries, tier.stats().bytes), (0, 0));
    assert_eq!(tier.stats().undecodable, 0);
}

/// G13
#[tokio::test]
async fn what_does_not_decode_is_a_miss_that_is_counted_and_removed() {
    let place = Place::new();
    let numbers = DiskTier::<u64>::open(
        &Arc::from("test"),
        place.settings.clone(),
        1,
        Typed::serde(),
        place.clock(),
    );
    let (numbers, _) = numbers.unwrap();
    let text = place.stored("", 1, 60);
    let stored = Stored {
        value: Some(7),
        version: 1,
        created: text.created,
        fresh_until: text.fresh_until,
        expires_at: text.expires_at,
        has_own_ttl: false,
        cost: text.cost,
        tags: text.tags,
        etag: None,
        lookup: None,
        mark: None,
    };
    numbers.write("k", Write::Put(stored), numbers.room_now(), false);
    numbers.close().await.unwrap();

    let tier = place.open();
    assert_eq!(read(&tier, "k").await, None);
    tier.flush().await.unwrap();
    let stats = tier.stats();
    assert_eq!((stats.undecodable, stats.misses, stats.entries), (1, 1, 0));
}

#[tokio::test]
async fn what_ends_first_goes_first_when_there_is_too_much_and_then_the_oldest() {
    let mut place = Place::new();
    place.settings = place.settings.max_bytes(1_000);
    let tier = place.open();
    for (version, (key, seconds)) in [("a", 900), ("b", 100), ("c", 900), ("d", 900)]
        .into_iter()
        .enumerate()
    {
        put(
            &tier,
            key,
            place.stored(&"x".repeat(150), version as u64 + 1, seconds),
        )
        .await;
    }
    let stats = tier.stats();
    assert!(stats.bytes <= 1_000, "{stats:?}");
    assert_eq!((stats.evicted, stats.entries), (1, 3));
    assert_eq!(read(&tier, "b").await, None);
    put(&tier, "e", place.stored(&"x".repeat(150), 9, 900)).await;
    assert_eq!(read(&tier, "a").await, None);
    assert!(read(&tier, "c").await.is_some());
}

/// H4
#[tokio::test]
async fn a_value_too_large_for_the_tier_takes_the_older_one_away() {
    let mut place = Place::new();
    place.settings = place
        .settings
        .max_bytes(1_000)
        .compression(Compression::Off);
    let tier = place.open();
    put(&tier, "k", place.stored("old", 1, 60)).await;
    put(&tier, "k", place.stored(&"x".repeat(2_000), 2, 60)).await;
    assert_eq!(read(&tier, "k").await, None);
    assert_eq!((tier.stats().put_drops, tier.stats().entries), (1, 0));
}

#[tokio::test]
async fn what_has_expired_is_removed_by_the_commits_that_follow() {
    let place = Place::new();
    let tier = place.open();
    for version in 1..=10 {
        put(
            &tier,
            &version.to_string(),
            place.stored("x", version, version),
        )
        .await;
    }
    // What lives for five seconds is taken away a sixteenth of that later at most.
    place.manual.advance(Duration::from_millis(5_400));
    put(&tier, "other", place.stored("x", 11, 60)).await;
    let stats = tier.stats();
    assert_eq!((stats.expired, stats.entries), (5, 6));
}

#[tokio::test]
async fn a_key_that_is_written_over_and_over_takes_no_more_of_the_file_and_others_still_end() {
    let place = Place::new();
    let tier = place.open();
    for version in 1..=100 {
        put(&tier, &version.to_string(), place.stored("x", version, 60)).await;
    }
    for version in 101..=20_000 {
        let written = tier.write(
            "often",
            Write::Put(place.stored("x", version, 60)),
            Some(tier.room().await),
            false,
        );
        if version % 500 == 0 {
            tier.settled(written.receipt).await.unwrap();
        }
    }
    assert_eq!(tier.stats().entries, 101);
    let references = tier.0.file.state().references;
    assert!((101..=7_000).contains(&references), "{references}");
    place.manual.advance(Duration::from_secs(64));
    for version in 20_001..=20_010 {
        put(&tier, "later", place.stored("x", version, 60)).await;
    }
    let stats = tier.stats();
    assert_eq!((stats.expired, stats.entries), (101, 1), "{stats:?}");
}

#[tokio::test]
async fn a_clear_takes_away_what_came_before_it_in_its_commit_and_not_what_came_after() {
    let place = Place::new();
    let tier = place.open();
    let write = |key: &'static str, version| {
        let write = Write::Put(place.stored(key, version, 60));
        tier.write(key, write, tier.room_now(), false)
    };
    write("before", 1);
    write("late", 2);
    let all = Logged {
        number: 3,
        item: LogItem::All,
        floor: 3,
    };
    tier.record(all, tier.room_now().unwrap());
    write("after", 4);
    tier.flush().await.unwrap();
    assert_eq!(read(&tier, "before").await, None);
    assert_eq!(read(&tier, "late").await, None);
    assert!(read(&tier, "after").await.is_some());
    assert_eq!(tier.stats().entries, 1);
    assert_eq!(tier.0.file.state().references, 1);
}

#[tokio::test]
async fn a_file_is_held_by_one_at_a_time() {
    let place = Place::new();
    let tier = place.open();
    let Err(BuildError::Disk { reason, .. }) = place.try_open() else {
        panic!("it was opened twice");
    };
    assert!(reason.contains("another process"), "{reason}");
    drop(tier);
    place.open();
}

#[test]
fn a_directory_that_cannot_be_made_is_a_clear_error() {
    let mut place = Place::new();
    let file = place.directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    place.settings = Disk::at(file.join("under"));
    let error = place.try_open().map(drop).unwrap_err().to_string();
    assert!(
        error.contains("directory") && error.contains("under"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_of_much_air_is_compacted_when_it_is_opened() {
    let mut place = Place::new();
    place.settings = place.settings.compression(Compression::Off);
    let tier = place.open();
    let large = "x".repeat(40_000);
    for version in 1..=2_000 {
        tier.write(
            &version.to_string(),
            Write::Put(place.stored(&large, version, 60)),
            tier.room_now(),
            false,
        );
    }
    tier.flush().await.unwrap();
    record(&tier, 2_900, LogItem::All, 2_900).await;
    put(&tier, "k", place.stored("x", 2_901, 60)).await;
    tier.close().await.unwrap();
    let tier = place.open();
    // Part of this redb may have done by itself when it was closed.
    let held = 2_000 * large.len() as u64;
    assert!(
        tier.stats().file_bytes * 4 < held,
        "{} of {held}",
        tier.stats().file_bytes
    );
    assert_eq!(read(&tier, "k").await.as_deref(), Some("x"));
}

#[test]
fn a_file_as_long_as_writing_makes_it_is_opened_without_compaction() {
    let mebi = 1 << 20;
    assert!(!is_mostly_air(60 * mebi, 18 * mebi));
    assert!(!is_mostly_air(4_000 * mebi, 1_000 * mebi));
    assert!(!is_mostly_air(64 * mebi, 0));
    assert!(is_mostly_air(5_000 * mebi, 1_000 * mebi));
    assert!(!is_mostly_air(u64::MAX, u64::MAX));
}

#[test]
fn a_tick_before_the_process_began_is_kept() {
    let clock = Clock::system();
    assert!(clock.now() > Tick::ZERO.after(Duration::from_hours(24 * 365)));
}
