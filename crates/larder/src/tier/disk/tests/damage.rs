//! Files that are torn, changed or not ours.

use std::fs;

use super::{Place, put, read, record};
use crate::tier::{LogItem, Tier};

const KEYS: u64 = 300;

fn value(key: u64) -> String {
    format!("value of {key}")
}

/// The bytes of a good file.
async fn good(place: &Place) -> Vec<u8> {
    let tier = place.open();
    for key in 1..=KEYS {
        let stored = place.stored(&value(key), key, 60);
        tier.write(
            &key.to_string(),
            crate::tier::Write::Put(stored),
            tier.room_now(),
            false,
        );
    }
    record(&tier, 1_000, LogItem::Tag("gone".into()), 0).await;
    tier.close().await.unwrap();
    drop(tier);
    fs::read(place.file()).unwrap()
}

/// Opens what the file is now: every value is its key's own, or missing; returns how many are there.
async fn survivors(place: &Place, of: &str) -> usize {
    let (tier, recovered) = place
        .try_open()
        .unwrap_or_else(|error| panic!("{of}: {error}"));
    let mut found = 0;
    for key in 1..=KEYS {
        if let Some(stored) = read(&tier, &key.to_string()).await {
            assert_eq!(stored, value(key), "{of}");
            found += 1;
        }
    }
    let is_whole = recovered.items == [(1_000, LogItem::Tag("gone".into()))];
    assert!(
        is_whole || found == 0,
        "{of}: values came back without the log"
    );
    tier.close().await.unwrap();
    found
}

fn bad_files(place: &Place) -> usize {
    let files = fs::read_dir(place.directory.path()).unwrap().flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().contains(".bad-"))
        .count()
}

/// H3
#[tokio::test]
async fn a_torn_file_starts_an_empty_cache_or_what_is_left_of_it() {
    let place = Place::new();
    let good = good(&place).await;
    assert_eq!(survivors(&place, "whole").await, KEYS as usize);
    let steps = 12;
    for step in 1..steps {
        fs::write(place.file(), &good[..good.len() * step / steps]).unwrap();
        survivors(&place, &format!("{step}/{steps} of the file")).await;
    }
    for length in [1, 8, 100, 4_095, 4_096] {
        fs::write(place.file(), &good[..length]).unwrap();
        assert_eq!(survivors(&place, &format!("{length} bytes")).await, 0);
    }
    assert_eq!(bad_files(&place), 3, "a few are stored to be looked at");
}

/// H3
#[tokio::test]
async fn a_changed_byte_anywhere_shows_nobody_anothers_value() {
    let place = Place::new();
    let good = good(&place).await;
    let used: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
    for part in 0..150 {
        let at = used[used.len() * part / 150];
        let mut changed = good.clone();
        changed[at] ^= 0x15;
        fs::write(place.file(), &changed).unwrap();
        survivors(&place, &format!("byte {at}")).await;
    }
}

/// H3
#[tokio::test]
async fn a_file_that_is_not_ours_is_kept_aside_and_the_cache_starts_empty() {
    for foreign in [
        &b"SQLite format 3\0 and so on"[..],
        &[0x5A; 9_000],
        &[0; 9_000],
    ] {
        let place = Place::new();
        fs::write(place.file(), foreign).unwrap();
        let tier = place.open();
        put(&tier, "k", place.stored("x", 1, 60)).await;
        assert_eq!(read(&tier, "k").await.as_deref(), Some("x"));
        let aside = place.directory.path().join("test.redb.bad-1");
        assert_eq!(fs::read(aside).unwrap(), foreign);
    }
}

/// H3
#[tokio::test]
async fn another_programs_redb_file_is_kept_aside_too() {
    let place = Place::new();
    let database = redb::Database::create(place.file()).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = redb::TableDefinition::<&str, &[u8]>::new("meta");
    let mut rows = transaction.open_table(table).unwrap();
    rows.insert("state", &b"theirs"[..]).unwrap();
    drop(rows);
    transaction.commit().unwrap();
    drop(database);
    let tier = place.open();
    assert_eq!((tier.stats().entries, bad_files(&place)), (0, 1));
}
