//! The promise under real threads: no get returns a value older than an invalidation that had
//! returned before the get began.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use larder::Cache;

const GETS: u64 = 20_000;
const READERS: usize = 6;

#[derive(Clone, Copy)]
enum Fence {
    Invalidate,
    Clear,
    Insert,
}

/// A writer raises the origin, fences the cache, and only then says so; readers check that what
/// they get is at least what was said before they asked.
async fn no_reader_is_behind(fence: Fence) {
    let cache = Cache::<u64, u64>::builder("history").build().unwrap();
    let (origin, promised, gets) = (
        leak(AtomicU64::new(0)),
        leak(AtomicU64::new(0)),
        leak(AtomicU64::new(0)),
    );
    let done = leak(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move {
                while !done.load(Ordering::Acquire) {
                    let least = promised.load(Ordering::Acquire);
                    let load = move |_| async move {
                        let value = origin.load(Ordering::Acquire);
                        tokio::task::yield_now().await;
                        Ok::<_, std::fmt::Error>(value)
                    };
                    let got = cache.get_or_load(&0, load).await.unwrap();
                    assert!(got >= least, "got {got} after {least} had been promised");
                    gets.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut round = 0;
    while gets.load(Ordering::Relaxed) < GETS && readers.iter().all(|reader| !reader.is_finished())
    {
        round += 1;
        origin.store(round, Ordering::Release);
        match fence {
            Fence::Invalidate => cache.invalidate(&0).await,
            Fence::Clear => cache.clear().await,
            Fence::Insert => cache.insert(0, round).await,
        }
        .unwrap();
        promised.store(round, Ordering::Release);
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Release);
    for reader in readers {
        tokio::time::timeout(Duration::from_mins(1), reader)
            .await
            .unwrap()
            .unwrap();
    }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// C1, C8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_get_after_an_invalidation_is_older_than_it() {
    no_reader_is_behind(Fence::Invalidate).await;
}

/// C2, C8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_get_after_a_clear_is_older_than_it() {
    no_reader_is_behind(Fence::Clear).await;
}

/// C5, C8
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_get_after_an_insert_is_older_than_it() {
    no_reader_is_behind(Fence::Insert).await;
}
