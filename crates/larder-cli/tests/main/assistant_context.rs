//! The service `assistant_context` in a daemon: the requests of its document, a real Redis under it, a
//! server in the place of the knowledge base, and the tester.

use std::collections::BTreeSet;
use std::time::Duration;

use larder_testkit::poll;
use larder_testkit::servers::{Options, RedisServer};
use serde_json::{Value, json};

use super::daemon::Daemon;
use super::run::{end, larder};
use super::server::Server;

const LIMIT: Duration = Duration::from_secs(30);
/// `printf 'how to use reverb in mixing:none' | md5sum`
const KEY: &str = "context:367ac8be2a4e9fccd1f5aa007d810371";

fn asks(daemon: &Daemon, message: &str) -> Value {
    let (status, answer) = daemon.post("/codette/chat", &json!({ "message": message }));
    assert_eq!(status, 200, "{message}: {answer}");
    answer
}

/// The paths of all members.
fn members(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{at}/{name}");
        members(value, &path, found);
        found.insert(path);
    }
}

#[test]
fn the_documents_commands_answer_as_it_shows() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let first = asks(&daemon, "How to use reverb in mixing");
    assert_eq!(
        (&first["source"], &first["cached"]),
        (&json!("rpc"), &json!(false))
    );
    assert!(
        first["response"]
            .as_str()
            .unwrap()
            .contains("from reverb.md"),
        "{first}"
    );
    for _ in 0..3 {
        assert_eq!(
            asks(&daemon, "how to use REVERB in mixing")["source"],
            "memory"
        );
    }
    let performance = "/performance_dashboard";
    let analytics = "/analytics";
    for (path, expected) in [
        (
            "/codette/cache/stats",
            vec![
                "/cache_enabled",
                "/entries",
                "/ttl_seconds",
                "/metrics",
                "/metrics/hits",
                "/metrics/misses",
                "/metrics/total_requests",
                "/metrics/hit_rate_percent",
                "/metrics/average_hit_latency_ms",
                "/metrics/average_miss_latency_ms",
                "/metrics/performance_gain_multiplier",
                "/metrics/uptime_seconds",
                "/timestamp",
            ],
        ),
        (
            "/codette/cache/status",
            vec![
                "/cache_backends",
                "/cache_backends/memory_cache",
                "/cache_backends/redis_cache",
                "/current_mode",
                "/fallback_chain",
                "/timestamp",
            ],
        ),
    ] {
        let (status, answer) = daemon.get(path);
        let mut found = BTreeSet::new();
        members(&answer, "", &mut found);
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!((status, found), (200, expected), "{path}");
    }
    let (_, metrics) = daemon.get("/codette/cache/metrics");
    assert_eq!(
        metrics.pointer(&format!("{performance}/cache_hit_rate")),
        Some(&json!("75.0%"))
    );
    assert_eq!(
        metrics.pointer(&format!("{performance}/cache_efficiency/memory_entries")),
        Some(&json!(1))
    );
    let (_, dashboard) = daemon.get("/codette/analytics/dashboard");
    let redis = dashboard.pointer(&format!(
        "{analytics}/cache_infrastructure/redis_cache_enabled"
    ));
    assert_eq!(redis, Some(&json!(false)));
    let (status, cleared) = daemon.post("/codette/cache/clear", &json!({}));
    assert_eq!((status, &cleared["entries_removed"]), (200, &json!(1)));
    assert_eq!(
        daemon.post("/codette/cache/clear", &json!({})).1["entries_removed"],
        0
    );
    assert!(home.path().join("state/assistant_context.db").exists());
    assert!(daemon.terminate().success());
}

fn stands(daemon: &Daemon, mode: &str, redis: &str) {
    let stood = poll(format!("{mode}, {redis}"), LIMIT, || {
        let (_, status) = daemon.get("/codette/cache/status");
        let is_so =
            status["current_mode"] == mode && status["cache_backends"]["redis_cache"] == redis;
        is_so.then_some(())
    });
    stood.unwrap_or_else(|error| panic!("{error}: {}", daemon.get("/codette/cache/status").1));
}

/// Two daemons and one Redis: what one has asked the RPC, the other has from Redis, counts as such, and
/// keeps in memory. Without Redis both go on.
#[test]
fn in_dual_mode_daemons_share_contexts_and_go_on_without_redis() {
    let server = RedisServer::start(Options::new()).unwrap();
    let homes = [(), ()].map(|()| tempfile::tempdir().unwrap());
    let [one, other] =
        [0, 1].map(|at| Daemon::start(homes[at].path(), &["--remote", &server.url()]));
    for daemon in [&one, &other] {
        stands(daemon, "dual", "connected");
    }
    let message = "How to use reverb in mixing";
    let asked = asks(&one, message);
    assert_eq!(asked["source"], "rpc");
    let key = server.cli(&["KEYS", &format!("*{KEY}*")]);
    let key = key
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches('"')
        .to_owned();
    assert!(key.contains(KEY), "{}", server.cli(&["KEYS", "*"]));
    let life: u64 = server.cli(&["TTL", &key]).trim().parse().unwrap();
    assert!((250..=300).contains(&life), "{life} s");

    let from_redis = asks(&other, message);
    assert_eq!(
        (&from_redis["source"], &from_redis["response"]),
        (&json!("redis"), &asked["response"])
    );
    assert_eq!(asks(&other, message)["source"], "memory");
    let (_, signals) = other.get("/codette/analytics/signals");
    assert_eq!(
        signals["hits_by_tier"],
        json!({ "memory": 1, "disk": 0, "redis": 1 })
    );
    let (_, stats) = other.get("/codette/cache/stats");
    assert_eq!(
        (&stats["metrics"]["hits"], &stats["metrics"]["misses"]),
        (&json!(2), &json!(0))
    );
    let (_, status) = other.get("/codette/cache/status");
    let chain = json!([
        "In-memory cache",
        "Redis (connected)",
        "Fresh RPC call (embedded knowledge base)"
    ]);
    assert_eq!(status["fallback_chain"], chain);

    let (status, cleared) = one.post("/codette/cache/clear", &json!({}));
    assert_eq!((status, &cleared["applied"]), (200, &json!("everywhere")));
    server.kill();
    for daemon in [&one, &other] {
        stands(daemon, "memory-only", "disconnected");
        assert_eq!(asks(daemon, "delay in time with the song")["source"], "rpc");
        let (_, dashboard) = daemon.get("/codette/analytics/dashboard");
        let infrastructure = &dashboard["analytics"]["cache_infrastructure"];
        assert_eq!(infrastructure["redis_connected"], false);
        assert!(
            dashboard.to_string().contains("Redis is not connected"),
            "{dashboard}"
        );
    }
    server.restart().unwrap();
    stands(&one, "dual", "connected");
}

#[test]
fn a_configured_server_is_asked_and_its_failures_are_told() {
    let server = Server::start(|_| {
        let answer = r#"[{"id":1,"topic":"reverb","category":null,"suggestion":"Use a return.","confidence":0.9}]"#;
        (200, answer.to_owned())
    });
    let down = Server::start(|_| (500, "<html>oops</html>".to_owned()));
    let start = |url: &str| {
        let home = tempfile::tempdir().unwrap();
        let daemon = Daemon::start_with(home.path(), &[], |command| {
            command
                .env("LARDER_ASSISTANT_CONTEXT_RPC_URL", url)
                .env("LARDER_ASSISTANT_CONTEXT_RPC_KEY", "anon-key")
        });
        (home, daemon)
    };
    let (home, daemon) = start(&server.url);
    let answer = asks(&daemon, "Reverb");
    assert_eq!(
        (&answer["response"], &answer["confidence"]),
        (&json!("Use a return. (from reverb)"), &json!(0.9))
    );
    let requests = server.requests();
    assert_eq!(
        requests[0].line,
        "POST /rest/v1/rpc/get_codette_context HTTP/1.1"
    );
    assert_eq!(
        requests[0].authorization.as_deref(),
        Some("Bearer anon-key")
    );
    assert_eq!(
        requests[0].body,
        r#"{"input_prompt":"reverb","optionally_filename":null}"#
    );
    assert!(!home.path().join("state/assistant_context.db").exists());

    let (_home, daemon) = start(&down.url);
    for _ in 0..2 {
        let (status, problem) = daemon.post("/codette/chat", &json!({ "message": "reverb" }));
        assert_eq!(
            (status, &problem["type"]),
            (502, &json!("urn:larder:problem:rpc-failed"))
        );
    }
    assert_eq!(down.requests().len(), 2, "a failure is not kept");
}

#[test]
fn the_tester_measures_five_questions_and_writes_its_report() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let run = |arguments: &[&str]| {
        let mut command = larder(home.path(), &["bench", "context", "--url", &daemon.url]);
        end(command.args(arguments).current_dir(home.path()))
    };
    let ended = run(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let written =
        std::fs::read_to_string(home.path().join("cache_performance_report.txt")).unwrap();
    assert_eq!(written, ended.stdout);
    assert_eq!(
        written.matches("First call (uncached): ").count(),
        5,
        "{written}"
    );
    assert_eq!(written.matches("    Cached call: ").count(), 5, "{written}");
    for expected in [
        "CACHE PERFORMANCE ANALYSIS REPORT",
        "  Current Mode: memory-only",
        "  Redis Cache: disabled",
        "  Query: how to use reverb in mixing",
        "  Std dev (first call): ",
        "  Hit rate: 50.0% (5 hits, 5 misses)",
        "OPTIMIZATION RECOMMENDATIONS",
        "5 of 5 second calls were answered from the cache",
    ] {
        assert!(written.contains(expected), "{expected} in\n{written}");
    }
    let own = run(&[
        "--query",
        "How to use reverb in mixing",
        "own words",
        "--report",
        "own.txt",
    ]);
    assert_eq!(own.code, Some(0), "{}", own.stderr);
    let own = std::fs::read_to_string(home.path().join("own.txt")).unwrap();
    assert!(own.contains("First call (cached already): "), "{own}");
    assert!(
        own.contains("Query: own words\n    First call (uncached): "),
        "{own}"
    );
}

#[test]
fn the_tester_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let tested = |url: &str| {
        end(&mut larder(
            home.path(),
            &["bench", "context", "--url", url],
        ))
    };
    let server = Server::start(|_| {
        (
            404,
            super::server::problem(404, "Not found", "nothing here"),
        )
    });
    assert_eq!(tested(&server.url).code, Some(5));
    let broken = Server::start(|path| {
        match path {
        "/codette/cache/status" => (
            200,
            r#"{"current_mode":"dual","cache_backends":{"memory_cache":"active","redis_cache":"connected"}}"#.into(),
        ),
        _ => (502, super::server::problem(502, "Bad gateway", "the context RPC answered with status 500")),
    }
    });
    let ended = tested(&broken.url);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("the context RPC answered with status 500"),
        "{}",
        ended.stderr
    );
    assert!(!home.path().join("cache_performance_report.txt").exists());
}
