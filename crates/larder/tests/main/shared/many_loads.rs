//! Many keys that are loaded together, each under a lease of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::{Error, Source};
use tokio::sync::watch;

use super::super::{held_load, reading, ready};
use super::{Users, caches, caches_with, is_everywhere, policy, seen, value};

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.into()).collect()
}

/// An origin that notes which keys it was asked for, and answers when it is opened.
#[derive(Clone)]
struct Origin {
    asked: Arc<Mutex<Vec<Vec<String>>>>,
    value: u64,
    is_open: watch::Receiver<bool>,
}

impl Origin {
    fn held(value: u64) -> (Self, watch::Sender<bool>) {
        let (open, is_open) = watch::channel(false);
        let asked = Arc::default();
        let origin = Self {
            asked,
            value,
            is_open,
        };
        (origin, open)
    }

    fn open(value: u64) -> Self {
        let (origin, open) = Self::held(value);
        open.send(true).unwrap();
        origin
    }

    fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().clone()
    }

    async fn load(mut self, missing: Vec<String>) -> Result<Vec<(String, u64)>, String> {
        let _ = self.is_open.wait_for(|is_open| *is_open).await;
        Ok(missing.into_iter().map(|key| (key, self.value)).collect())
    }

    async fn get(&self, cache: &Users, names: &[&str]) -> Result<HashMap<String, u64>, Error> {
        let load = |missing: Vec<String>| {
            self.asked.lock().unwrap().push(missing.clone());
            self.clone().load(missing)
        };
        cache.get_or_load_many(keys(names), load).await
    }

    fn getting(
        &self,
        cache: &Users,
        names: &'static [&'static str],
    ) -> tokio::task::JoinHandle<Result<HashMap<String, u64>, Error>> {
        let (origin, cache) = (self.clone(), cache.clone());
        tokio::spawn(async move { origin.get(&cache, names).await })
    }
}

fn all(names: &[&str], value: u64) -> HashMap<String, u64> {
    names.iter().map(|&name| (name.into(), value)).collect()
}

/// B8
#[tokio::test(start_paused = true)]
async fn five_processes_that_miss_many_keys_together_load_each_once() {
    const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f"];
    let (fake, caches) = caches::<5>().await;
    let (origin, open) = Origin::held(1);
    let gets: Vec<_> = (0..5)
        .map(|at| origin.getting(&caches[at], &NAMES[..=at + 1]))
        .collect();
    fake.pass(500).await;
    open.send(true).unwrap();
    fake.pass(200).await;
    for (at, get) in gets.into_iter().enumerate() {
        assert_eq!(get.await.unwrap().unwrap(), all(&NAMES[..=at + 1], 1));
    }
    let mut asked = origin.asked().concat();
    asked.sort_unstable();
    assert_eq!(asked, NAMES, "each once");
    for cache in &caches {
        let found = cache.get_many(NAMES.iter().copied()).await.unwrap();
        assert_eq!(found.iter().flatten().count(), NAMES.len());
        assert_eq!(cache.stats().remote.unwrap().short, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_many_keys_bring_is_kept_for_its_life_and_is_others_too() {
    let (fake, [a, b]) = caches().await;
    let origin = Origin::open(1);
    let names = ["a", "b"];
    assert_eq!(origin.get(&a, &names).await.unwrap(), all(&names, 1));
    fake.pass(30_000).await;
    assert_eq!(seen(&b, "a").await, Some((1, Source::Remote)));
    assert_eq!(value(&a, "b").await, Some(1));
    assert_eq!(origin.get(&b, &names).await.unwrap(), all(&names, 1));
    assert_eq!(origin.asked().len(), 1);
    let calls = fake.calls();
    assert_eq!((calls.acquires, calls.fills), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_another_process_loads_is_waited_for_while_the_others_are_loaded() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let first = reading(&a, "b", load);
    let held = held.begun().await;
    let origin = Origin::open(2);
    let get = origin.getting(&b, &["a", "b", "c"]);
    fake.pass(300).await;
    assert_eq!(origin.asked(), [keys(&["a", "c"])]);
    assert_eq!(value(&a, "a").await, Some(2), "stored at once");
    held.release(1);
    fake.pass(200).await;
    assert_eq!(first.await.unwrap().unwrap(), 1);
    let expected = [("a", 2), ("b", 1), ("c", 2)].map(|(key, value)| (key.to_owned(), value));
    assert_eq!(get.await.unwrap().unwrap(), HashMap::from(expected));
    assert_eq!(origin.asked().len(), 1);
}

/// B9
#[tokio::test(start_paused = true)]
async fn a_key_whose_loading_process_dies_is_loaded_by_who_waits_for_it() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let dying = reading(&a, "b", load);
    let _held = held.begun().await;
    fake.cut_off(0);
    let origin = Origin::open(2);
    let get = origin.getting(&b, &["a", "b"]);
    fake.pass(4_000).await;
    assert_eq!(get.await.unwrap().unwrap(), all(&["a", "b"], 2));
    assert_eq!(origin.asked(), [keys(&["a"]), keys(&["b"])]);
    dying.abort();
}

#[tokio::test(start_paused = true)]
async fn a_load_of_many_keys_that_fails_leaves_no_lease() {
    let (fake, [a, b]) = caches().await;
    let is_leased = |key: &str| fake.net().server.is_leased("users", key);
    let failing = |_| std::future::ready(Err::<[(String, u64); 0], _>("the database is down"));
    let failed = a.get_or_load_many(keys(&["a", "b"]), failing).await;
    assert!(matches!(failed, Err(Error::Load(_))));
    fake.settle().await;
    assert!(!is_leased("a") && !is_leased("b"));
    let panicking = |missing: Vec<String>| async move {
        assert!(missing.is_empty(), "as it was told");
        Ok::<[(String, u64); 0], String>([])
    };
    let panicked = a.get_or_load_many(keys(&["a", "b"]), panicking).await;
    assert!(matches!(panicked, Err(Error::LoadPanicked)));
    fake.settle().await;
    assert!(!is_leased("a") && !is_leased("b"));
    let origin = Origin::open(1);
    assert_eq!(origin.get(&b, &["a", "b"]).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_goes_while_it_waits_for_leases_leaves_none_and_nothing_has_failed() {
    let (fake, [a, b]) = caches().await;
    let (held, load) = held_load();
    let first = reading(&a, "b", load);
    let held = held.begun().await;
    fake.hold_answers(1, super::fake::way::Wire::Data);
    let origin = Origin::open(2);
    let get = origin.getting(&b, &["a", "b"]);
    fake.settle().await;
    get.abort();
    let another = reading(&b, "a", ready(3));
    fake.settle().await;
    fake.release_answers(1, super::fake::way::Wire::Data).await;
    fake.pass(500).await;
    assert_eq!(origin.asked(), Vec::<Vec<String>>::new());
    assert_eq!(another.await.unwrap().unwrap(), 3, "it goes on by itself");
    held.release(1);
    fake.pass(500).await;
    assert_eq!(first.await.unwrap().unwrap(), 1);
    let is_leased = |key: &str| fake.net().server.is_leased("users", key);
    assert!(!is_leased("a") && !is_leased("b"));
    let stats = b.stats();
    assert_eq!((stats.load_panics, stats.load_errors), (0, 0));
}

/// C7
#[tokio::test(start_paused = true)]
async fn what_is_invalidated_while_many_keys_are_loaded_is_not_stored() {
    let (fake, [a, b]) = caches().await;
    let (origin, open) = Origin::held(1);
    let get = origin.getting(&a, &["a", "b"]);
    fake.settle().await;
    assert!(is_everywhere(b.invalidate("a").await));
    fake.settle().await;
    open.send(true).unwrap();
    assert_eq!(get.await.unwrap().unwrap().len(), 2);
    fake.settle().await;
    assert_eq!((value(&a, "a").await, value(&b, "a").await), (None, None));
    assert_eq!(
        (value(&a, "b").await, value(&b, "b").await),
        (Some(1), Some(1))
    );
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_waited_for_no_longer_than_the_policy_says() {
    let policy = policy().hard_timeout(Duration::from_secs(2));
    let (fake, [a, b]) = caches_with(policy).await;
    let (held, load) = held_load();
    let _first = reading(&a, "b", load);
    let _held = held.begun().await;
    let origin = Origin::open(2);
    fake.pass(500).await;
    let get = origin.getting(&b, &["a", "b"]);
    fake.pass(2_010).await;
    assert!(matches!(get.await.unwrap(), Err(Error::Timeout { .. })));
    assert_eq!(value(&b, "a").await, Some(2));
}
