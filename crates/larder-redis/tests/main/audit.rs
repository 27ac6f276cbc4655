//! What the auditor finds at a real server.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use larder::audit::{Auditor, Report, What};
use larder::{Applied, Cache, Policy, Sharing, Source};
use larder_redis::Trail;
use larder_testkit::poll;

use crate::main::recorder::{LIMIT, Reached, server};
use crate::main::sites::{Shaken, Site, on_both};

const KEYS: usize = 8;
/// Gets that each reader makes at least, and how long it goes on at least.
const GETS: u64 = 30_000;
const SPAN: Duration = Duration::from_secs(4);

type Users = Cache<u64, u64>;

/// A process of its own, as far as the server can tell, that samples every key.
fn process(server: &impl Reached) -> Users {
    let cache = Cache::builder("users")
        .policy(Policy::ttl(Duration::from_mins(10)))
        .remote(Sharing::over(server.redis()).audit(1))
        .build()
        .unwrap();
    let is_trusted = || cache.stats().remote.is_some_and(|remote| remote.is_trusted);
    poll("a trusted link", LIMIT, || is_trusted().then_some(())).unwrap();
    cache
}

/// All that was sampled so far, judged.
async fn report(server: &impl Reached, caches: &[&Users]) -> Report {
    let is_appended = |cache: &&Users| {
        let samples = cache.stats().remote.and_then(|remote| remote.samples);
        samples.is_some_and(|samples| samples.taken == samples.appended)
    };
    poll("all samples to be appended", LIMIT, || {
        caches.iter().all(is_appended).then_some(())
    })
    .unwrap();
    let trail = Trail::of(&server.redis());
    assert_eq!(trail.namespaces().await.unwrap(), ["users"]);
    let (mut auditor, mut last) = (Auditor::default(), None);
    loop {
        let records = trail.read("users", last, 7).await.unwrap();
        let Some((id, _)) = records.last() else { break };
        last = Some(*id);
        for (id, record) in &records {
            auditor.take(*id, record);
        }
    }
    auditor.judge_all();
    auditor.report()
}

/// Each value of the origin is one more than the last.
async fn get(cache: &Users, origin: &'static [AtomicU64; KEYS], key: usize) -> u64 {
    let load = move |_| async move { Ok::<_, Infallible>(origin[key].load(Ordering::SeqCst)) };
    cache.get_or_load(&(key as u64), load).await.unwrap()
}

fn origin() -> &'static [AtomicU64; KEYS] {
    Box::leak(Box::new(std::array::from_fn(|_| AtomicU64::new(1))))
}

on_both!(readers_and_writers_in_three_processes_are_found_consistent);
async fn readers_and_writers_in_three_processes_are_found_consistent(server: Site) {
    let caches = [(); 3].map(|()| process(&server));
    let (origin, begun) = (origin(), Instant::now());
    let is_over = move |gets: u64| gets >= GETS && begun.elapsed() > SPAN;
    let reader = |cache: Users| async move {
        let mut gets = 0;
        while !is_over(gets) {
            get(&cache, origin, fastrand::usize(..KEYS)).await;
            gets += 1;
            if gets % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        gets
    };
    let readers = caches.clone().map(|cache| tokio::spawn(reader(cache)));
    let mut everywhere = 0;
    while !readers.iter().all(tokio::task::JoinHandle::is_finished) {
        let (key, cache) = (fastrand::usize(..KEYS), &caches[fastrand::usize(..3)]);
        let value = origin[key].fetch_add(1, Ordering::SeqCst) + 1;
        let applied = match fastrand::u8(..10) {
            0 => cache.clear().await,
            1 => cache.invalidate_prefix(&key.to_string()).await,
            2 | 3 => cache.insert(key as u64, value).await,
            _ => cache.invalidate(&(key as u64)).await,
        };
        // On a loaded machine the link may be lost for a moment.
        everywhere += u64::from(applied.unwrap() == Applied::Everywhere);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut gets = 0;
    for reader in readers {
        gets += reader.await.unwrap();
    }
    let report = report(&server, &[&caches[0], &caches[1], &caches[2]]).await;
    println!("{gets} gets, {report:?}");
    assert_eq!(
        (report.inconsistent, report.broken),
        ([0; 3], 0),
        "{:#?}",
        report.cases
    );
    assert!(everywhere > 50, "{everywhere}");
    assert!(gets >= 3 * GETS && report.reads > 100 && report.writes > 50);
    assert_eq!(
        (report.instances, report.keys, report.unreadable),
        (3, KEYS, 0)
    );
}

on_both!(an_old_entry_that_another_program_puts_back_is_found);
async fn an_old_entry_that_another_program_puts_back_is_found(server: Site) {
    let (a, b) = (process(&server), process(&server));
    let origin = origin();
    get(&a, origin, 7).await;
    get(&b, origin, 7).await;
    // What is invalidated as soon as it is stored cannot be told from what is stored after it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let copy = ["COPY", "tc:e:{users:7}", "tc:kept:{users:7}"];
    assert_eq!(server.cli(&copy).trim(), "1");
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    assert_eq!(report(&server, &[&a, &b]).await.broken, 0);

    // Longer than the promise, and than a clock's step and two trips.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let back = ["COPY", "tc:kept:{users:7}", "tc:e:{users:7}", "REPLACE"];
    assert_eq!(server.cli(&back).trim(), "1");
    let entry = b.get(&7).await.unwrap().expect("it was put back");
    assert_eq!((entry.value, entry.source), (1, Source::Remote));

    let report = report(&server, &[&a, &b]).await;
    assert_eq!((report.inconsistent, report.broken), ([1, 0, 0], 1));
    let case = &report.cases[0];
    assert_eq!((&*case.key, case.reads), ("7", 1));
    let samples = b.stats().remote.and_then(|remote| remote.samples).unwrap();
    assert_eq!(case.read.instance, samples.instance);
    let is_invalidation = |what: &What| matches!(what, What::Invalidated { .. });
    assert!(case.events.iter().any(|event| is_invalidation(&event.what)));
    let last = case.events.last().map(|event| &event.what);
    assert!(
        matches!(
            last,
            Some(What::Read {
                source: Source::Remote,
                ..
            })
        ),
        "{case:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_tells_why_it_cannot_be_read_and_is_read_when_it_can() {
    let server = server();
    let cache = process(&server);
    get(&cache, origin(), 1).await;
    report(&server, &[&cache]).await;
    let trail = Trail::of(&server.redis());
    assert!(!trail.read("users", None, 9).await.unwrap().is_empty());
    server.kill();
    assert!(trail.namespaces().await.is_err());
    server.restart().unwrap();
    let known = poll("the server", LIMIT, || {
        let asked = trail.namespaces();
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(asked)).ok()
    });
    assert!(known.is_ok());
    assert!(trail.read("no such", None, 9).await.unwrap().is_empty());
    server.cli(&["SET", "tc:a:{odd}", "no stream"]);
    let error = trail.read("odd", None, 9).await.unwrap_err().to_string();
    assert!(
        error.contains("WRONGTYPE") || error.contains("wrong kind"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_goes_on_where_its_stream_has_moved_to_and_at_the_next_primary() {
    const STREAM: &str = "a:{users}";
    let site = Shaken::alone().await;
    let cache = process(&site);
    let trail = Trail::of(&site.redis());
    get(&cache, origin(), 1).await;
    assert_eq!(report(&site, &[&cache]).await.keys, 1);
    let last = async |after| {
        let records = trail.read("users", after, 100).await.ok()?;
        records.last().map(|(id, _)| *id)
    };
    let first = last(None).await;
    assert!(first.is_some());

    let slot = site.slot_of(STREAM);
    let to = site.place_of_another(STREAM);
    site.cluster.move_slot(slot, to).unwrap();
    get(&cache, origin(), 2).await;
    assert_eq!(report(&site, &[&cache]).await.keys, 2);
    let second = last(first).await;
    assert!(second > first, "by the connections that it had");

    site.cluster.failover(slot).unwrap();
    let returned = || {
        let remote = cache.stats().remote?;
        (remote.is_trusted && remote.link.opened > 1).then_some(())
    };
    poll("it to be back", LIMIT, returned).unwrap();
    get(&cache, origin(), 3).await;
    let report = report(&site, &[&cache]).await;
    assert_eq!((report.instances, report.keys), (1, 3));
    // It finds out that others are primaries now, and connects anew.
    let third = match last(second).await {
        None => last(second).await,
        third => third,
    };
    assert!(third > second);
    site.cluster.wait_until_whole().unwrap();
}
