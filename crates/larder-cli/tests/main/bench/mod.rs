//! `larder bench run` and `compare` against a small server whose delays are known.

mod failures;
mod interrupts;
mod reports;
mod seeds;
mod small;

use std::time::Duration;

use larder_testkit::poll;

use crate::daemon::Daemon;

use small::{BODY_BYTES, SLOW, Seen, Small, bench, home, measured};

#[test]
fn uncached_and_cached_are_measured_in_turns_and_each_figure_is_the_server_s_own() {
    let (home, small) = (home(), Small::start());
    let (slow, quick) = (
        format!("{}/slow", small.url),
        format!("{}/quick", small.url),
    );
    let run = ["-n", "6", "-r", "3", "-c", "2", "--warm-up", "0s"];
    let report = measured(
        home.path(),
        &[&[slow.as_str(), quick.as_str()], &run[..]].concat(),
    );
    // One more each has been asked for before.
    assert_eq!(Seen::count(&small.seen.slow), 3 * 6 + 1);
    assert_eq!(Seen::count(&small.seen.quick), 3 * 6 + 1);
    let sides = &report["sides"];
    assert_eq!(
        (&sides[0]["name"], &sides[1]["name"]),
        (&"uncached".into(), &"cached".into())
    );
    for side in [&sides[0], &sides[1]] {
        assert_eq!(side["requests"], 18);
        assert_eq!(side["bytes"], 18 * BODY_BYTES);
        assert_eq!(side["statuses"], serde_json::json!({ "200": 18 }));
        assert_eq!(
            (&side["errors"], &side["error_rate"]),
            (&serde_json::json!({}), &0.0.into())
        );
        assert_eq!(side["repetitions"].as_array().map(Vec::len), Some(3));
    }
    let uncached = &sides[0]["latency_ms"];
    for figure in ["min", "mean", "p50", "p99", "max"] {
        let found = uncached[figure].as_f64().expect(figure);
        assert!(
            found >= 0.999 * SLOW.as_secs_f64() * 1e3,
            "{figure}: {found}"
        );
    }
    let seconds = sides[0]["repetitions"][0]["seconds"]
        .as_f64()
        .expect("seconds");
    assert!(
        seconds >= 3.0 * SLOW.as_secs_f64(),
        "six requests on two connections: {seconds}"
    );
    let mean = |side: usize| -> f64 {
        let means = (0..3).map(|at| &sides[side]["repetitions"][at]["latency_ms"]["mean"]);
        means.map(|mean| mean.as_f64().expect("a mean")).sum()
    };
    let gain = &report["speedup"]["mean"];
    let (value, low, high) = (&gain["value"], &gain["low"], &gain["high"]);
    let [value, low, high] = [value, low, high].map(|figure| figure.as_f64().expect("a figure"));
    assert!((value - mean(0) / mean(1)).abs() < 1e-9 * value);
    assert!(low <= value && value <= high, "{gain}");
}

#[test]
fn a_header_gets_past_the_cache_at_one_url() {
    let (home, small) = (home(), Small::start());
    let url = format!("{}/page", small.url);
    let run = [
        "--uncached",
        "header",
        "-n",
        "4",
        "-r",
        "2",
        "--warm-up",
        "0s",
    ];
    measured(home.path(), &[&[url.as_str()], &run[..]].concat());
    assert_eq!(Seen::count(&small.seen.slow), 2 * 4 + 1);
    assert_eq!(Seen::count(&small.seen.quick), 2 * 4 + 1);
}

/// A daemon's service: each uncached request is a load, and each cached one a hit.
#[test]
fn a_service_of_the_daemon_is_measured_by_its_name() {
    let home = home();
    let daemon = Daemon::start(home.path(), &[]);
    let stats = || daemon.get("/v1/caches/workstations/stats").1;
    let warmed = poll("the cache is warm", Duration::from_mins(1), || {
        (stats()["loads"] == 1).then_some(())
    });
    warmed.unwrap_or_else(|error| panic!("{error}: {}", stats()));
    let state = home.path().join("state");
    let run = [
        "--service",
        "workstations",
        "-n",
        "7",
        "-r",
        "2",
        "--warm-up",
        "0s",
    ];
    let of = [
        "--daemon",
        &daemon.url,
        "--state-dir",
        state.to_str().expect("UTF-8"),
    ];
    let report = measured(home.path(), &[&run[..], &of[..]].concat());
    assert_eq!(
        report["sides"][0]["how"],
        "workstations cleared before each request"
    );
    assert_eq!(report["plan"]["connections"], 1);
    assert_eq!(
        report["sides"][1]["statuses"],
        serde_json::json!({ "200": 14 })
    );
    let stats = stats();
    // Both sides were asked once before; what is cached finds what the last load left.
    assert_eq!(
        (&stats["gets"], &stats["loads"]),
        (&(1 + 2 * 14 + 2).into(), &(1 + 14 + 1).into()),
        "{stats}"
    );

    let mut unknown = run;
    unknown[1] = "scheduler_stats";
    let wrong = ["--daemon", &daemon.url, "--token", "wrong"];
    let ended = bench(home.path(), &[&["run"], &unknown[..], &wrong[..]].concat());
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("clearing needs an admin's token"),
        "{}",
        ended.stderr
    );

    let url = format!("{}/api/workstations", daemon.url);
    let clear = ["run", &url, "--uncached", "clear=nowhere"];
    let ended = bench(home.path(), &[&clear[..], &of[2..]].concat());
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
}

/// Half a second in which nothing is answered: the closed loop has one request that waits, the open loop
/// all that were due meanwhile.
#[test]
fn the_open_loop_shows_what_a_stall_does_to_those_who_come_meanwhile() {
    let slow_ones = |arguments: &[&str]| {
        let (home, small) = (home(), Small::start());
        let url = format!("{}/stalling", small.url);
        let run = [url.as_str(), "-n", "120", "-r", "1", "--warm-up", "0s"];
        let report = measured(home.path(), &[&run[..], arguments].concat());
        assert_eq!(report["sides"][0]["requests"], 120);
        let bars = report["sides"][0]["histogram"]
            .as_array()
            .expect("bars")
            .clone();
        let slow = bars
            .iter()
            .filter(|bar| bar["from_ms"].as_f64() >= Some(200.0));
        slow.map(|bar| bar["requests"].as_u64().expect("a number"))
            .sum::<u64>()
    };
    assert!(slow_ones(&["-c", "1"]) < 5);
    let open = slow_ones(&["--rate", "100"]);
    assert!(
        open >= 30,
        "of 40 that were due in the first 400 ms: {open}"
    );
}

/// Reports are passed on.
#[test]
fn no_form_of_a_report_has_a_secret_of_the_url_or_of_a_header() {
    let (home, small) = (home(), Small::start());
    let url = format!("{}/page?api_key=hidden&page=7#token=hidden", small.url);
    let run = [
        "-n",
        "2",
        "-r",
        "1",
        "--warm-up",
        "0s",
        "--uncached",
        "header=X-Api-Key: hidden",
    ];
    for form in ["--json", "--markdown", "--csv", "--html"] {
        let ended = bench(
            home.path(),
            &[&["run", &url], &run[..], &[form, "-"]].concat(),
        );
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stdout.contains("hidden"), "{form}: {}", ended.stdout);
        assert!(
            ended.stdout.contains("page=7") || form == "--csv",
            "{}",
            ended.stdout
        );
    }
    let ended = bench(home.path(), &["run", "http://127.0.0.1:9/?token=hidden"]);
    assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
}

#[test]
fn a_number_below_zero_is_told_what_is_expected() {
    let home = home();
    for (flag, said) in [
        ("--rate", "expected requests a second, 0.001 to 1000000"),
        ("--zipf", "expected a number from 0 to 10"),
        ("-c", "-1 is not in 1..=10000"),
    ] {
        let ended = bench(home.path(), &["run", "http://127.0.0.1:9/", flag, "-1"]);
        assert_eq!(ended.code, Some(2), "{flag}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn keys_are_put_into_path_and_body_and_a_trace_is_followed() {
    let (home, small) = (home(), Small::start());
    std::fs::write(home.path().join("keys.txt"), "b\na b\nb\nc\n").expect("a trace");
    let url = format!("{}/key/{{key}}", small.url);
    let run = ["-n", "6", "-r", "1", "-c", "1", "--warm-up", "0s"];
    let trace = [
        url.as_str(),
        "--trace",
        "keys.txt",
        "-X",
        "PUT",
        "--body",
        "={key}",
    ];
    let report = measured(home.path(), &[&trace[..], &run[..]].concat());
    assert_eq!(report["plan"]["keys"], "a trace of 4 requests of 3 keys");
    assert_eq!(report["sides"][0]["asked"], format!("PUT {url}"));
    let keys = std::mem::take(&mut *small.seen.keys.lock().expect("no panic"));
    assert_eq!(
        keys[1..],
        ["b=b", "a b=a b", "b=b", "c=c", "b=b", "a b=a b"]
    );

    let url = format!("{}/key/{{1..1000}}", small.url);
    let zipf = [
        url.as_str(),
        "--zipf",
        "1.2",
        "-n",
        "400",
        "-r",
        "1",
        "--warm-up",
        "0s",
    ];
    measured(home.path(), &zipf);
    let keys = small.seen.keys.lock().expect("no panic").clone();
    let first = keys.iter().filter(|key| *key == "1").count();
    // 1 / sum of 1/r^1.2 is 0.23, of 400.
    assert!((60..130).contains(&first), "{first}");
    assert!(
        keys.iter()
            .all(|key| (1..=1000).contains(&key.parse::<u32>().expect("a number")))
    );
}
