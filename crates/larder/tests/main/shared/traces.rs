//! One trace shows a write and what it did to the others; a get of many keys is one span.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use larder::{Applied, Sharing};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::fake::Fake;
use super::{Users, cache_on, cache_with, caches, load, policy};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A span's name and fields.
type Spans = BTreeMap<u64, (&'static str, BTreeMap<&'static str, String>)>;

/// The spans that begin on this thread, as long as it is.
struct Seen {
    spans: Arc<Mutex<Spans>>,
    _subscriber: DefaultGuard,
}

struct Listening(Arc<Mutex<Spans>>);

struct Fields<'f>(&'f mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for Listening {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let span = (attributes.metadata().name(), fields);
        self.0.lock().unwrap().insert(id.into_u64(), span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some((_, fields)) = self.0.lock().unwrap().get_mut(&id.into_u64()) {
            values.record(&mut Fields(fields));
        }
    }
}

impl Seen {
    fn begin() -> Self {
        let spans = Arc::<Mutex<Spans>>::default();
        let registry = tracing_subscriber::registry().with(Listening(spans.clone()));
        Self {
            spans,
            _subscriber: tracing::subscriber::set_default(registry),
        }
    }

    /// The fields of the spans of this name since the last look.
    fn take(&self, name: &str) -> Vec<BTreeMap<&'static str, String>> {
        let spans = std::mem::take(&mut *self.spans.lock().unwrap());
        let named = spans.into_values().filter(|(own, _)| *own == name);
        named.map(|(_, fields)| fields).collect()
    }

    /// In which traces invalidations were applied.
    fn applied(&self) -> Vec<String> {
        let applied = self.take("invalidation applied").into_iter();
        applied.map(|span| span["traceparent"].clone()).collect()
    }
}

thread_local! {
    /// What the present span is called, if it is sampled.
    static PRESENT: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn be_in(trace: Option<&str>) {
    PRESENT.set(trace.map(str::to_owned));
}

/// A cache whose changes are in the present trace, and two others.
async fn traced() -> (Fake, Users, [Users; 2]) {
    let fake = Fake::new();
    let of_trace = |sharing: Sharing| sharing.trace_context(|| PRESENT.with_borrow(Clone::clone));
    let a = cache_with(&fake, policy(), of_trace);
    let others = [cache_on(&fake, policy()), cache_on(&fake, policy())];
    fake.pass(10).await;
    (fake, a, others)
}

async fn change(a: &Users, way: &str) -> Applied {
    let changed = match way {
        "invalidate" => a.invalidate("k").await,
        "insert" => a.insert("k".into(), 2).await,
        "expire" => a.expire("k").await,
        "expire nothing" => a.expire("none").await,
        _ => a.entry("k").fenced_by(a.fence()).insert(2).await,
    };
    changed.unwrap()
}

const WAYS: [&str; 5] = [
    "invalidate",
    "insert",
    "expire",
    "expire nothing",
    "insert with a fence",
];

/// I4
#[tokio::test(start_paused = true)]
async fn a_write_of_one_key_and_its_effect_on_each_of_the_others_are_one_trace() {
    let (fake, a, others) = traced().await;
    let seen = Seen::begin();
    for way in WAYS {
        load(&fake, &a, "k", 1).await;
        for other in &others {
            assert_eq!(super::value(other, "k").await, Some(1));
        }
        assert_eq!(seen.applied(), [""; 0], "{way}: a load is no write");
        be_in(Some(TRACE));
        assert_eq!(change(&a, way).await, Applied::Everywhere);
        fake.settle().await;
        assert_eq!(seen.applied(), [TRACE, TRACE], "{way}: of each other one");
        be_in(None);
        a.invalidate("k").await.unwrap();
        fake.settle().await;
    }
}

/// I4
#[tokio::test(start_paused = true)]
async fn what_is_not_sampled_is_told_as_ever() {
    let (fake, a, _others) = traced().await;
    let seen = Seen::begin();
    let untraced = fake.calls().traced;
    for trace in [None, Some(String::new()), Some("0".repeat(129))] {
        be_in(trace.as_deref());
        for way in WAYS {
            a.invalidate("k").await.unwrap();
            load(&fake, &a, "k", 1).await;
            assert_eq!(change(&a, way).await, Applied::Everywhere);
            fake.settle().await;
        }
    }
    assert_eq!(seen.applied(), [""; 0]);
    assert_eq!(fake.calls().traced, untraced);
    be_in(Some(TRACE));
    load(&fake, &a, "other", 1).await;
    assert_eq!(fake.calls().traced, untraced, "a load is no write");
}

/// I4: a trace that is lost on the way costs a span, and no invalidation.
#[tokio::test(start_paused = true)]
async fn an_invalidation_that_waits_for_the_link_is_applied_without_its_trace() {
    let (fake, a, [b, _]) = traced().await;
    load(&fake, &a, "k", 1).await;
    assert_eq!(super::value(&b, "k").await, Some(1));
    let seen = Seen::begin();
    be_in(Some(TRACE));
    fake.cut_off(0);
    assert_eq!(change(&a, "invalidate").await, Applied::Here);
    fake.heal(0).await;
    assert_eq!(super::value(&b, "k").await, None);
    assert_eq!(seen.applied(), [""; 0]);
}

fn figures<'s>(span: &'s BTreeMap<&'static str, String>) -> [&'s str; 7] {
    [
        "keys", "outcome", "memory", "disk", "remote", "loader", "missing",
    ]
    .map(|name| span.get(name).map_or("", String::as_str))
}

#[tokio::test(start_paused = true)]
async fn a_get_of_many_keys_is_one_span_with_where_they_were_found() {
    let (fake, [a, b]) = caches().await;
    for key in ["1", "2", "3"] {
        load(&fake, &a, key, 1).await;
    }
    load(&fake, &b, "4", 1).await;
    // What one has stored oneself is compared once.
    for (cache, key) in [(&a, "1"), (&b, "4")] {
        assert_eq!(super::value(cache, key).await, Some(1));
    }
    let seen = Seen::begin();
    let keys = ["1", "2", "3", "4", "5"];
    assert_eq!(b.get_many(keys).await.unwrap().iter().flatten().count(), 4);
    let spans = seen.take("cache get");
    let [span] = &spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(figures(span), ["5", "miss", "1", "0", "3", "0", "1"]);
    b.get_many(keys.into_iter().take(4)).await.unwrap();
    assert_eq!(seen.take("cache get").len(), 0, "memory has them all");

    let load = |missing: Vec<String>| async move {
        let loaded = missing.into_iter().filter(|key| key != "7");
        Ok::<_, Infallible>(loaded.map(|key| (key, 1)).collect::<Vec<_>>())
    };
    let keys = || ["1", "6", "7", "4"].map(str::to_owned);
    let got = a.get_or_load_many(keys(), load).await.unwrap();
    assert_eq!(got.len(), 3);
    let spans = seen.take("cache get");
    let [span] = &spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(figures(span), ["4", "miss", "1", "0", "1", "1", "1"]);
    a.get_or_load_many(["1".to_owned(), "4".to_owned()], load)
        .await
        .unwrap();
    assert_eq!(seen.take("cache get").len(), 0, "memory has them all");
}

#[tokio::test(start_paused = true)]
async fn a_get_of_many_keys_that_fails_says_so_in_its_span() {
    let (fake, [a]) = caches().await;
    load(&fake, &a, "1", 1).await;
    let seen = Seen::begin();
    let load = |_| async { Err::<Vec<(String, u64)>, _>("no origin") };
    let keys = ["1", "2"].map(str::to_owned);
    assert!(a.get_or_load_many(keys, load).await.is_err());
    let spans = seen.take("cache get");
    assert_eq!(figures(&spans[0])[..2], ["2", "error"]);
}
