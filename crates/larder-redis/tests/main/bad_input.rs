//! What other programs, older and newer ones, and people do to the keys; keys and values at their
//! limits; servers that are not what their name says.

use std::convert::Infallible;
use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use larder::remote::RemoteStats;
use larder::{Applied, Cache, ManualClock, Policy, Sharing};
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::servers::RedisServer;

use crate::main::caches::{Origin, is_trusted, process, two};
use crate::main::recorder::{Heard, LIMIT, Node, X, server};

const ENTRY: &str = "tc:e:{users:7}";

fn remote(cache: &Cache<u64, u64>) -> RemoteStats {
    cache.stats().remote.unwrap()
}

/// Does something to the entry that another process has stored.
fn alter(server: &RedisServer, script: &str) {
    server.cli(&["EVAL", script, "1", ENTRY]);
}

/// What has been done to an entry: its name, and a script that does it.
const DAMAGES: [(&str, &str); 8] = [
    (
        "foreign text",
        "redis.call('SET', KEYS[1], 'hello, this is no entry')",
    ),
    ("short text", "redis.call('SET', KEYS[1], 'x')"),
    (
        "an older format",
        "redis.call('SETRANGE', KEYS[1], 3, string.char(0))",
    ),
    (
        "a wrong checksum of the header",
        "redis.call('SETRANGE', KEYS[1], 30, '~~~~~~~~')",
    ),
    (
        "a wrong checksum of the payload",
        "redis.call('SETRANGE', KEYS[1], redis.call('STRLEN', KEYS[1]) - 1, '~')",
    ),
    (
        "half an entry",
        "redis.call('SET', KEYS[1], redis.call('GETRANGE', KEYS[1], 0, 40))",
    ),
    (
        "a head alone",
        "redis.call('SET', KEYS[1], redis.call('GETRANGE', KEYS[1], 0, 12))",
    ),
    (
        "a list",
        "redis.call('DEL', KEYS[1]); redis.call('RPUSH', KEYS[1], 'a', 'b')",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_entry_is_a_miss_counted_and_replaced() {
    let server = server();
    for (what, damage) in DAMAGES {
        let stores = process(&server.url(), X);
        let origin = Origin::new();
        assert_eq!(origin.get(&stores).await, 1);
        drop(stores);
        alter(&server, damage);

        let (a, b) = two(&server, X);
        assert_eq!(origin.get(&a).await, 1, "{what}");
        assert_eq!(origin.loads(), 2, "{what}: a miss");
        assert_eq!(origin.get(&b).await, 1, "{what}");
        assert_eq!(origin.loads(), 2, "{what}: replaced for the other process");
        let stats = remote(&a);
        assert!(stats.undecodable > 0, "{what}: {stats:?}");
        assert!(stats.link.is_up && stats.short == 0, "{what}: {stats:?}");
        assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    }
}

/// G13: what only a newer program can read is left to it; here the value is kept for X.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_a_newer_format_is_a_miss_and_left_where_it_is() {
    let server = server();
    let newer = "redis.call('SET', KEYS[1], 'LdR' .. string.char(2) .. 'whatever comes')";
    alter(&server, newer);
    let a = process(&server.url(), X);
    let origin = Origin::new();
    assert_eq!(origin.get(&a).await, 1);
    assert_eq!(remote(&a).short, 1);
    assert!(server.cli(&["GET", ENTRY]).contains("whatever comes"));
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    assert_eq!(server.cli(&["EXISTS", ENTRY]), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_leaves_in_a_leases_or_a_logs_place_is_taken_away() {
    let server = server();
    server.cli(&["SET", "tc:l:{users:7}", "x"]);
    server.cli(&["SET", "tc:g:{users}", "x"]);
    let (a, b) = two(&server, X);
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    assert_eq!(origin.loads(), 1);
    let a_list = "redis.call('DEL', KEYS[1]); redis.call('RPUSH', KEYS[1], 'x')";
    server.cli(&["EVAL", a_list, "1", "tc:g:{users}"]);
    let is_a_log = || (server.cli(&["TYPE", "tc:g:{users}"]) == "zset").then_some(());
    poll("another log", LIMIT, is_a_log).unwrap();
    assert_eq!(a.clear().await.unwrap(), Applied::Everywhere);
    origin.value.store(2, Ordering::SeqCst);
    assert_eq!(origin.get(&b).await, 2);
    assert_eq!((remote(&a).link.opened, remote(&b).link.opened), (1, 1));
}

fn texts(server: &RedisServer) -> Cache<String, String> {
    let redis = Redis::at(&server.url()).unwrap().prefix("tc");
    let cache = Cache::builder("texts")
        .policy(Policy::ttl(Duration::from_mins(10)))
        .remote(Sharing::over(redis).staleness(X))
        .build()
        .unwrap();
    let is_trusted = || cache.stats().remote.is_some_and(|remote| remote.is_trusted);
    poll("a trusted link", LIMIT, || is_trusted().then_some(())).unwrap();
    cache
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_any_text_are_shared_told_and_invalidated() {
    let server = server();
    let (a, b) = (texts(&server), texts(&server));
    let long = "k".repeat(100_000);
    let keys = [
        "",
        " ",
        "{",
        "}",
        "}{",
        "{}",
        ":",
        "*",
        "a:b",
        "\0",
        "\r\n$3\r\nfoo",
        "\u{7f}ключ\u{1f980}",
        &long,
    ];
    for key in keys {
        let some = key.chars().take(9).collect::<String>();
        assert_eq!(
            a.insert(key.to_owned(), some.clone()).await.unwrap(),
            Applied::Everywhere
        );
        assert_eq!(b.get(key).await.unwrap().unwrap().value, some);
    }
    for key in keys {
        assert_eq!(a.invalidate(key).await.unwrap(), Applied::Everywhere);
        let is_gone = || b.peek(key).is_none().then_some(());
        poll(format!("{key:.20?} to be dropped"), X, is_gone).unwrap();
    }
    assert_eq!(server.cli(&["KEYS", "tc:[el]:*"]), "");
}

/// Names that are not UTF-8 are nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_no_text_are_passed_over() {
    let server = server();
    let node = Node::up(&server);
    node.stores("7", 1).await;
    let name = "local k = 'tc:e:{u:' .. string.char(255, 0, 254) .. '}'";
    let set = format!("{name} redis.call('SET', k, ARGV[1]) redis.call('DEL', k)");
    server.cli(&["EVAL", &set, "0", "x"]);
    let keep = format!("{name} redis.call('SET', k, ARGV[1])");
    server.cli(&["EVAL", &keep, "0", "LdR\u{1}12345678ab"]);
    node.link.caught_up().await.unwrap();
    let (_, found) = node.link.scan(0).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(node.link.state().opened, 1);
    assert_eq!(node.recorder.count(&Heard::Ended), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_above_the_limit_is_kept_here_alone_and_counted() {
    let server = server();
    let large = |redis: Redis| {
        let cache: Cache<u64, String> = Cache::builder("texts")
            .remote(Sharing::over(redis.prefix("tc").max_value_bytes(10_000)).staleness(X))
            .build()
            .unwrap();
        let is_trusted = || cache.stats().remote.is_some_and(|remote| remote.is_trusted);
        poll("a trusted link", LIMIT, || is_trusted().then_some(())).unwrap();
        cache
    };
    let redis = || Redis::at(&server.url()).unwrap();
    let (a, b) = (large(redis()), large(redis()));
    // What does not compress.
    let mut rng = fastrand::Rng::with_seed(1);
    let value: String = std::iter::repeat_with(|| rng.alphanumeric())
        .take(30_000)
        .collect();
    let load = |value: String| move |_| async move { Ok::<_, Infallible>(value) };
    for cache in [&a, &b] {
        let loaded = cache.get_or_load(&7, load(value.clone())).await.unwrap();
        assert_eq!(loaded.len(), 30_000);
        assert!(cache.peek(&7).is_some(), "memory holds it");
        let stats = cache.stats();
        let remote = stats.remote.unwrap();
        assert_eq!((stats.loads, remote.refused, remote.fills), (1, 1, 0));
    }
    assert_eq!(server.cli(&["EXISTS", "tc:e:{texts:7}"]), "0");
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    let is_gone = || b.peek(&7).is_none().then_some(());
    poll("what the other holds to be dropped", X, is_gone).unwrap();
}

/// A name that leads to several servers: how many connections go to one before the next has its turn.
struct Balancer {
    addr: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Balancer {
    fn over(servers: Vec<SocketAddr>, in_a_row: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let (turn, all) = (AtomicUsize::new(0), open.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let turn = turn.fetch_add(1, Ordering::SeqCst) / in_a_row;
                let Ok(server) = TcpStream::connect(servers[turn % servers.len()]) else {
                    continue;
                };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                all.lock().unwrap().push(client);
            }
        });
        Self { addr, open }
    }

    fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_another_server_each_time_is_no_server() {
    let servers = [server(), server()];
    let both = servers.iter().map(RedisServer::addr).collect();
    let balancer = Balancer::over(both, 1);
    let redis = Redis::at(&balancer.url()).unwrap().prefix("tc");
    let node = Node::join(&redis, "u", X);
    node.is_down_for("its connections lead to several servers: name one, not a balancer");
    assert!(node.link.read("7", None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_of_the_same_name_holds_is_another_lifes() {
    let servers = [server(), server()];
    let both = servers.iter().map(RedisServer::addr).collect();
    // Both connections of a generation lead to the same one.
    let balancer = Balancer::over(both, 2);
    let a = process(&balancer.url(), X);
    let origin = Origin::new();
    assert_eq!(origin.get(&a).await, 1);
    let has = |server: &RedisServer| server.cli(&["EXISTS", ENTRY]) == "1";
    assert_eq!((has(&servers[0]), has(&servers[1])), (true, false));
    // What the second one holds of this name is older.
    alter(
        &servers[1],
        &format!("redis.call('SET', KEYS[1], '{}')", "x".repeat(200)),
    );
    let opened = remote(&a).link.opened;
    balancer.cut();
    let is_back = || (is_trusted(&a) && remote(&a).link.opened > opened).then_some(());
    poll("the other server", LIMIT, is_back).unwrap();
    origin.value.store(2, Ordering::SeqCst);
    assert_eq!(
        origin.get(&a).await,
        2,
        "what the first one held is of another life"
    );
    assert_eq!(a.invalidate(&7).await.unwrap(), Applied::Everywhere);
    assert_eq!((has(&servers[0]), has(&servers[1])), (true, false));
    origin.value.store(3, Ordering::SeqCst);
    balancer.cut();
    let is_back = || (is_trusted(&a) && remote(&a).link.opened > opened + 1).then_some(());
    poll("the first server again", LIMIT, is_back).unwrap();
    assert_eq!(origin.get(&a).await, 3, "it has heard of no invalidation");
}

/// F11: no clock of another machine is compared.
#[tokio::test(flavor = "multi_thread")]
async fn processes_whose_clocks_are_a_quarter_of_an_hour_apart_share_as_others_do() {
    let server = server();
    let by_clock = |ahead: Duration| {
        let time = ManualClock::new();
        time.advance(ahead);
        let redis = Redis::at(&server.url()).unwrap().prefix("tc");
        let cache: Cache<u64, u64> = Cache::builder("users")
            .policy(Policy::ttl(Duration::from_mins(10)))
            .clock(time.clock())
            .remote(Sharing::over(redis).staleness(X))
            .build()
            .unwrap();
        poll("a trusted link", LIMIT, || is_trusted(&cache).then_some(())).unwrap();
        (cache, time)
    };
    let (a, _) = by_clock(Duration::ZERO);
    let (b, b_time) = by_clock(Duration::from_mins(15));
    let origin = Origin::new();
    assert_eq!((origin.get(&a).await, origin.get(&b).await), (1, 1));
    assert_eq!(origin.loads(), 1);
    let entry = b.get(&7).await.unwrap().unwrap();
    assert!(
        entry.age < Duration::from_mins(1) && !entry.is_stale,
        "{entry:?}"
    );
    for (value, writer, reader) in [(2, &a, &b), (3, &b, &a)] {
        origin.value.store(value, Ordering::SeqCst);
        assert_eq!(writer.invalidate(&7).await.unwrap(), Applied::Everywhere);
        let dropped = || reader.peek(&7).is_none().then_some(());
        poll("the other to drop it", X, dropped).unwrap();
        assert_eq!(
            (origin.get(reader).await, origin.get(writer).await),
            (value, value)
        );
        assert_eq!(origin.loads(), value);
    }
    b_time.advance(Duration::from_mins(10));
    assert!(b.peek(&7).is_none(), "its own time has passed");
}
