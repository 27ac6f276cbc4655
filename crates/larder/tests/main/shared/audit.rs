//! What the auditor finds in what caches sample.

use larder::audit::{Auditor, Report, What};
use larder::{Source, remote};

use super::super::ready;
use super::fake::Fake;
use super::{Users, X, cache_with, is_everywhere, load, policy, seen, value};

/// Two caches that sample every key.
async fn two() -> (Fake, [Users; 2]) {
    let fake = Fake::new();
    let caches = [(); 2].map(|()| cache_with(&fake, policy(), |sharing| sharing.audit(1)));
    fake.pass(10).await;
    (fake, caches)
}

async fn report(fake: &Fake) -> Report {
    fake.pass(6_000).await;
    let mut auditor = Auditor::default();
    for (id, record) in fake.net().server.records("users") {
        auditor.take(id, &record);
    }
    auditor.judge_all();
    auditor.report()
}

/// Loads, so that a batch without samples has set the clocks, and lets both be told.
async fn begun() -> (Fake, [Users; 2]) {
    let (fake, [a, b]) = two().await;
    load(&fake, &a, "first", 0).await;
    assert_eq!(value(&b, "first").await, Some(0));
    fake.pass(1_000).await;
    (fake, [a, b])
}

#[tokio::test(start_paused = true)]
async fn what_caches_do_as_they_should_is_sampled_and_found_consistent() {
    let (fake, [a, b]) = begun().await;
    for round in 1..20 {
        load(&fake, &a, "k", round).await;
        assert_eq!(value(&b, "k").await, Some(round));
        fake.pass(400).await;
        assert_eq!(seen(&b, "k").await, Some((round, Source::Memory)));
        let invalidation = match round % 4 {
            0 => a.invalidate("k").await,
            1 => b.invalidate_prefix("k").await,
            2 => b.clear().await,
            _ => b.insert("k".into(), 0).await,
        };
        assert!(is_everywhere(invalidation));
        if round % 4 == 3 {
            fake.pass(2_000).await;
            assert_eq!(value(&a, "k").await, Some(0));
            assert!(is_everywhere(a.invalidate("k").await));
        }
        fake.pass(400).await;
    }
    let report = report(&fake).await;
    assert_eq!(
        (report.inconsistent, report.broken),
        ([0; 3], 0),
        "{:#?}",
        report.cases
    );
    assert!(report.reads >= 60 && report.writes >= 38, "{report:?}");
    assert_eq!((report.instances, report.keys, report.lost), (2, 2, 0));
    assert_eq!(
        (report.unplaced, report.dropped, report.unreadable),
        (0, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_old_entry_that_comes_back_is_found_with_its_history() {
    let (fake, [a, b]) = begun().await;
    load(&fake, &a, "k", 1).await;
    let old = fake.net().server.bytes_of("users", "k").unwrap();
    // What is invalidated as soon as it is stored cannot be told from what is stored after it.
    fake.pass(500).await;
    assert!(is_everywhere(a.invalidate("k").await));
    fake.pass(12_000).await;
    // Another program has kept it, and puts it back.
    fake.put_foreign("users", "k", Some(&old));
    assert_eq!(seen(&b, "k").await, Some((1, Source::Remote)));
    let report = report(&fake).await;
    assert_eq!((report.inconsistent, report.broken), ([1, 1, 0], 1));
    let [case] = &report.cases[..] else {
        panic!("{:?}", report.cases);
    };
    assert_eq!((&*case.key, case.reads), ("k", 1));
    assert_eq!(Some(case.version), remote::version_of(&old));
    assert!(case.late.as_millis() > 11_500, "{:?}", case.late);
    let told: Vec<&What> = case.events.iter().map(|event| &event.what).collect();
    let [
        What::Read { .. } | What::Stored { .. },
        ..,
        What::Invalidated { .. },
        What::Read { source, .. },
    ] = told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!(*source, Source::Remote);
    let stats = b.stats().remote.and_then(|remote| remote.samples).unwrap();
    assert_eq!(case.read.instance, stats.instance);
    assert!(
        stats.taken >= 2 && stats.taken == stats.appended,
        "{stats:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hit_in_memory_is_sampled_once_for_each_batch() {
    let (fake, [a, _]) = begun().await;
    load(&fake, &a, "k", 1).await;
    value(&a, "k").await;
    fake.pass(1_000).await;
    let taken = || {
        a.stats()
            .remote
            .and_then(|remote| remote.samples)
            .unwrap()
            .taken
    };
    let before = taken();
    for batch in 1..5 {
        for _ in 0..100 {
            assert_eq!(a.peek("k"), Some(1));
        }
        assert_eq!(taken(), before + batch);
        fake.pass(X / 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sampled_while_there_was_no_link_is_appended_later() {
    let (fake, [a, b]) = begun().await;
    load(&fake, &a, "k", 1).await;
    assert!(is_everywhere(a.invalidate("k").await));
    fake.cut_off(0);
    fake.pass(8_000).await;
    assert_eq!(a.get_or_load("k", ready(2)).await.unwrap(), 2);
    fake.heal(0).await;
    fake.pass(6_000).await;
    let stats = a.stats().remote.and_then(|remote| remote.samples).unwrap();
    assert_eq!((stats.taken, stats.lost), (stats.appended, 0));
    drop(b);
    assert_eq!(report(&fake).await.broken, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_samples_nothing_appends_nothing() {
    let fake = Fake::new();
    let cache = cache_with(&fake, policy(), |sharing| sharing.audit(0));
    fake.pass(10).await;
    load(&fake, &cache, "k", 1).await;
    assert!(is_everywhere(cache.clear().await));
    fake.pass(6_000).await;
    assert_eq!(fake.net().server.records("users"), []);
    assert_eq!(cache.stats().remote.unwrap().samples, None);
}
