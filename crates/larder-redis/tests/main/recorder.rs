//! A hearer that writes down what it hears, and a namespace's link with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use larder::Tick;
use larder::remote::{
    Acquired, Down, Filled, HEAD_BYTES, Hearer, Later, Link, LogPlace, Membership, Read, Remote,
    Want, head,
};
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::servers::{Options, RedisServer};
use std::sync::Mutex;

/// No test waits longer for what must come.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// The promise's X in most tests: long enough for a loaded machine.
pub(crate) const X: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was asked for the time; each time is one later.
    Now(u64),
    Key(String),
    /// A key, and the trace in which another has changed it.
    Traced(String, String),
    Log(Option<LogPlace>),
    Vouched(u64),
    Ended,
    Opened,
}

/// What it has heard, in order.
#[derive(Default)]
pub(crate) struct Recorder {
    heard: Mutex<Vec<Heard>>,
    time: AtomicU64,
    /// What it invalidates when a link opens.
    pub(crate) replays: Mutex<Vec<String>>,
    /// Whether it gives up a link that opens.
    pub(crate) gives_up: AtomicBool,
    pub(crate) is_gone: AtomicBool,
}

impl Recorder {
    fn hear(&self, heard: Heard) {
        self.heard.lock().unwrap().push(heard);
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, heard: &Heard) -> usize {
        self.heard().iter().filter(|one| *one == heard).count()
    }

    pub(crate) fn has_heard(&self, heard: &Heard) -> bool {
        self.count(heard) > 0
    }

    pub(crate) fn forget(&self) {
        self.heard.lock().unwrap().clear();
    }
}

impl Hearer for Recorder {
    fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    fn now(&self) -> Tick {
        let now = self.time.fetch_add(1, Ordering::SeqCst) + 1;
        self.hear(Heard::Now(now));
        Tick::from_millis(now)
    }

    fn key_changed(&self, key: &str, trace: Option<&str>) {
        let key = key.to_owned();
        self.hear(match trace {
            Some(trace) => Heard::Traced(key, trace.to_owned()),
            None => Heard::Key(key),
        });
    }

    fn log_at(&self, place: Option<LogPlace>) {
        self.hear(Heard::Log(place));
    }

    fn vouched(&self, sent: Tick) {
        self.hear(Heard::Vouched(sent.as_millis()));
    }

    fn ended(&self) {
        self.hear(Heard::Ended);
    }

    fn opened<'a>(&'a self, link: &'a dyn Link) -> Later<'a, Result<(), Down>> {
        Box::pin(async move {
            self.hear(Heard::Opened);
            if self.gives_up.load(Ordering::SeqCst) {
                return Err(Down("the cache gives it up".into()));
            }
            let keys = self.replays.lock().unwrap().clone();
            for key in &keys {
                link.invalidate(&[key], None).await?;
                self.replays.lock().unwrap().retain(|one| one != key);
            }
            Ok(())
        })
    }
}

/// Where a link leads.
pub(crate) trait Reached {
    fn url(&self) -> String;

    fn prefix(&self) -> String {
        "tc".to_owned()
    }

    fn redis(&self) -> Redis {
        Redis::at(&self.url()).unwrap().prefix(&self.prefix())
    }
}

impl Reached for RedisServer {
    fn url(&self) -> String {
        Self::url(self)
    }
}

/// A namespace at a server.
pub(crate) struct Node {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) link: Arc<dyn Link>,
}

impl Node {
    pub(crate) fn join(redis: &Redis, namespace: &str, staleness: Duration) -> Self {
        Self::try_join(redis, namespace, staleness).unwrap()
    }

    pub(crate) fn try_join(
        redis: &Redis,
        namespace: &str,
        staleness: Duration,
    ) -> Result<Self, String> {
        Self::with(Arc::default(), redis, namespace, staleness)
    }

    pub(crate) fn with(
        recorder: Arc<Recorder>,
        redis: &Redis,
        namespace: &str,
        staleness: Duration,
    ) -> Result<Self, String> {
        let link = redis.join(Membership {
            namespace: namespace.into(),
            hearer: recorder.clone(),
            staleness,
            runtime: None,
        })?;
        Ok(Self { recorder, link })
    }

    /// A namespace `u` whose link is up.
    pub(crate) fn up(server: &impl Reached) -> Self {
        Self::up_within(server, X)
    }

    pub(crate) fn up_within(server: &impl Reached, staleness: Duration) -> Self {
        let node = Self::join(&server.redis(), "u", staleness);
        node.comes_up(1);
        node
    }

    pub(crate) fn up_at(url: &str, staleness: Duration) -> Self {
        let node = Self::join(&Redis::at(url).unwrap().prefix("tc"), "u", staleness);
        node.comes_up(1);
        node
    }

    /// Waits until the link has come up so many times.
    pub(crate) fn comes_up(&self, times: u64) {
        let is_up = || {
            let state = self.link.state();
            (state.is_up && state.opened >= times).then_some(())
        };
        if let Err(error) = poll("the link to be up", LIMIT, is_up) {
            panic!("{error}: {:?}", self.link.state());
        }
    }

    pub(crate) fn hears(&self, heard: &Heard) {
        let has = || self.recorder.has_heard(heard).then_some(());
        if let Err(error) = poll(format!("{heard:?}"), LIMIT, has) {
            panic!(
                "{error}: {:?} {:?}",
                self.link.state(),
                self.recorder.heard()
            );
        }
    }

    /// Waits until the link is down with such a reason.
    pub(crate) fn is_down_for(&self, words: &str) {
        let is_so = || {
            let state = self.link.state();
            let reason = state.reason.unwrap_or_default();
            (!state.is_up && reason.contains(words)).then_some(())
        };
        if let Err(error) = poll(format!("a link down for {words:?}"), LIMIT, is_so) {
            panic!("{error}: {:?}", self.link.state());
        }
    }

    /// Waits until the generation that there is ends, whatever the reason.
    pub(crate) fn ends(&self) {
        self.hears(&Heard::Ended);
    }

    pub(crate) async fn acquires(&self, key: &str, token: u64) -> Acquired {
        self.link.acquire(key, want(token)).await.unwrap()
    }

    pub(crate) async fn fills(&self, key: &str, token: u64, payload: &str) -> Filled {
        let life = Some(Duration::from_mins(1));
        self.link
            .fill(key, token, entry(token, payload), life, None)
            .await
            .unwrap()
    }

    /// Loads and stores.
    pub(crate) async fn stores(&self, key: &str, token: u64) {
        assert_eq!(self.acquires(key, token).await, Acquired::Ours);
        assert_eq!(self.fills(key, token, "payload").await, Filled::Stored);
    }

    /// The version that stands.
    pub(crate) async fn version(&self, key: &str) -> Option<u64> {
        match self.link.read(key, None).await.unwrap() {
            Read::Nothing => None,
            Read::Entry(entry, _) | Read::Same(entry, _) => larder::remote::version_of(&entry),
        }
    }
}

pub(crate) fn want(token: u64) -> Want {
    Want {
        token,
        lease: Duration::from_secs(5),
        unlike: None,
        lookup: None,
    }
}

/// A header of so many bytes more than it must have.
pub(crate) fn header(version: u64, more: &str) -> Vec<u8> {
    let length = (HEAD_BYTES + 2 + more.len()) as u16;
    [&head(version)[..], &length.to_le_bytes(), more.as_bytes()].concat()
}

pub(crate) fn entry(version: u64, payload: &str) -> Vec<u8> {
    [header(version, "").as_slice(), payload.as_bytes()].concat()
}

pub(crate) fn server() -> RedisServer {
    RedisServer::start(Options::new()).unwrap()
}

/// Ends a connection of this server's clients whose description says so.
pub(crate) fn kill_client(server: &RedisServer, is_it: impl Fn(&str) -> bool) {
    let list = server.cli(&["CLIENT", "LIST"]);
    let line = list.lines().find(|line| is_it(line)).unwrap();
    let id = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("id="));
    server.cli(&["CLIENT", "KILL", "ID", id.unwrap()]);
}

/// `flags=t`: it is told of changes.
pub(crate) fn is_tracker(client: &str) -> bool {
    flags(client).contains('t')
}

/// The other connection of a link.
pub(crate) fn is_data(client: &str) -> bool {
    !flags(client).contains('t') && client.contains("resp=3")
}

fn flags(client: &str) -> &str {
    let mut words = client.split_whitespace();
    words
        .find_map(|word| word.strip_prefix("flags="))
        .unwrap_or_default()
}
