//! `larder audit` at a real server.

use std::path::Path;
use std::time::Duration;

use larder::{Cache, Policy, Sharing};
use larder_redis::Redis;
use larder_testkit::poll;
use larder_testkit::servers::{Options, RedisServer};
use serde_json::Value;

use crate::run::{Ended, end, larder};

const LIMIT: Duration = Duration::from_secs(30);

fn open(server: &RedisServer) -> Cache<u64, u64> {
    let redis = Redis::at(&server.url()).expect("a URL").prefix("tc");
    let cache = Cache::builder("users")
        .policy(Policy::ttl(Duration::from_mins(10)))
        .remote(Sharing::over(redis).audit(1))
        .build()
        .expect("the cache is well described");
    let is_trusted = || cache.stats().remote.is_some_and(|remote| remote.is_trusted);
    poll("a trusted link", LIMIT, || is_trusted().then_some(())).expect("the server runs");
    cache
}

fn wait_for_samples(cache: &Cache<u64, u64>) {
    let is_appended = || {
        let samples = cache.stats().remote.and_then(|remote| remote.samples);
        samples.is_some_and(|samples| samples.taken > 0 && samples.taken == samples.appended)
    };
    poll("samples", LIMIT, || is_appended().then_some(())).expect("they are appended");
}

fn audit(home: &Path, server: &RedisServer, arguments: &[&str]) -> Ended {
    let url = server.url();
    let named = ["audit", "--url", &url, "--prefix", "tc"];
    end(&mut larder(home, &[&named, arguments].concat()))
}

#[test]
fn broken_promises_are_told_with_their_history_and_by_the_exit_code() {
    let home = tempfile::tempdir().expect("a directory is made");
    let server = RedisServer::start(Options::new()).expect("a server");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _runtime = runtime.enter();
    let none = audit(home.path(), &server, &[]);
    assert_eq!((none.code, none.stderr.as_str()), (Some(0), ""));
    assert!(none.stdout.starts_with("no samples"), "{}", none.stdout);

    let cache = open(&server);
    runtime.block_on(async {
        cache.insert(7, 1).await.expect("it takes it");
        cache.get(&7).await.expect("an answer");
    });
    server.cli(&["COPY", "tc:e:{users:7}", "kept"]);
    // What is invalidated as soon as it is stored cannot be told from what is stored after it.
    std::thread::sleep(Duration::from_millis(500));
    runtime.block_on(cache.invalidate(&7)).expect("an answer");
    wait_for_samples(&cache);
    let clean = audit(home.path(), &server, &["--once", "--namespace", "users"]);
    assert_eq!((clean.code, clean.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = clean.stdout.lines().collect();
    assert!(
        lines[0].contains("consistent") && lines[1].contains("users"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2, "{lines:?}");

    std::thread::sleep(Duration::from_millis(1_500));
    server.cli(&["COPY", "kept", "tc:e:{users:7}", "REPLACE"]);
    let entry = runtime.block_on(cache.get(&7)).expect("an answer");
    assert_eq!(entry.expect("it was put back").value, 1);
    wait_for_samples(&cache);
    let broken = audit(home.path(), &server, &[]);
    assert_eq!(broken.code, Some(7));
    assert!(broken.stderr.contains("1 of"), "{}", broken.stderr);
    for told in [
        "users 7: ",
        "invalidated the key",
        "from the server",
        "stored",
    ] {
        assert!(broken.stdout.contains(told), "{told}: {}", broken.stdout);
    }

    let json = audit(home.path(), &server, &["--json"]);
    assert_eq!(json.code, Some(7));
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let namespace = &json["namespaces"][0];
    assert_eq!(
        (&namespace["namespace"], &namespace["broken"]),
        (&"users".into(), &1.into())
    );
    assert_eq!(namespace["cases"][0]["key"], "7");
    let events = namespace["cases"][0]["events"].as_array().expect("events");
    assert!(
        events.iter().any(|event| event["invalidated"] == "the key"),
        "{events:?}"
    );
}

#[test]
fn what_cannot_be_audited_is_told() {
    let home = tempfile::tempdir().expect("a directory is made");
    let nowhere = end(&mut larder(home.path(), &["audit"]));
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("REDIS_HOST"), "{}", nowhere.stderr);
    let odd = end(&mut larder(home.path(), &["audit", "--url", "localhost"]));
    assert_eq!(odd.code, Some(2));
    assert!(odd.stderr.contains("--url"), "{}", odd.stderr);
    let server = RedisServer::start(Options::new()).expect("a server");
    let url = server.url();
    server.kill();
    let away = end(&mut larder(home.path(), &["audit", "--url", &url]));
    assert_eq!(away.code, Some(1));
    let told = format!("cannot audit {url}: ");
    assert!(away.stderr.contains(&told), "{}", away.stderr);
}
