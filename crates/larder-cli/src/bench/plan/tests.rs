use clap::Parser as _;

use super::*;
use crate::args::{Arguments, BenchCommand, Command};

fn plan(words: &[&str]) -> Result<Plan, String> {
    let line = ["larder", "bench", "run"].iter().chain(words);
    let parsed = Arguments::try_parse_from(line).map_err(|error| error.to_string())?;
    let Command::Bench {
        command: BenchCommand::Run(args),
    } = parsed.command
    else {
        panic!("it is a run");
    };
    let settings = settings(*args).map_err(|error| error.to_string())?;
    Plan::new(&settings, &Environment::default()).map_err(|error| format!("{error:#}"))
}

fn refusal(words: &[&str]) -> String {
    match plan(words) {
        Err(error) => error,
        Ok(_) => panic!("{words:?} is taken"),
    }
}

const URL: &str = "http://127.0.0.1:1/a";

#[test]
fn one_url_is_measured_alone_and_two_are_compared() {
    let alone = plan(&[URL]).expect("a plan");
    assert_eq!(alone.sides.len(), 1);
    assert_eq!((alone.connections, alone.repetitions), (10, 5));
    let two = plan(&["http://a/", "http://b/", "-c", "3"]).expect("a plan");
    let names: Vec<_> = two
        .sides
        .iter()
        .map(|side| (side.name, side.subject.url.as_str()))
        .collect();
    assert_eq!(names, [("uncached", "http://a/"), ("cached", "http://b/")]);
    assert_eq!(two.connections, 3);
}

#[test]
fn a_header_gets_past_the_cache_on_one_side_only() {
    let plan = plan(&[URL, "--uncached", "header", "-H", "Accept: text/plain"]).expect("a plan");
    let header = |side: usize| {
        let request = plan.sides[side].subject.request("").expect("a request");
        request
            .headers()
            .get("cache-control")
            .map(|value| value.to_str().expect("text").to_owned())
    };
    assert_eq!((header(0).as_deref(), header(1)), (Some("no-cache"), None));
    assert_eq!(
        plan.sides[0].how.as_deref(),
        Some("header Cache-Control: no-cache")
    );
}

#[test]
fn a_service_is_asked_with_the_daemon_s_token_and_its_cache_is_cleared_one_request_at_a_time() {
    let words = [
        "--service",
        "workstations",
        "--daemon",
        "127.0.0.1:9",
        "--token",
        "t",
    ];
    let found = plan(&words).expect("a plan");
    assert_eq!(found.connections, 1);
    let clearing = found.sides[0].clearing.as_ref().expect("it clears");
    assert_eq!(
        clearing.subjects[0].title(),
        "POST http://127.0.0.1:9/v1/caches/workstations/clear"
    );
    for subject in [&clearing.subjects[0], &*found.sides[1].subject] {
        let request = subject.request("").expect("a request");
        assert_eq!(request.headers()["authorization"], "Bearer t");
    }
    assert_eq!(
        found.sides[1].subject.url,
        "http://127.0.0.1:9/api/workstations"
    );
    assert!(found.sides[1].clearing.is_none());
    let many = refusal(&[&words[..], &["-c", "2"]].concat());
    assert!(many.contains("one after another"), "{many}");
    assert!(refusal(&[&words[..], &["--rate", "5"]].concat()).contains("one after another"));
}

#[test]
fn the_url_s_own_server_is_the_one_that_clears() {
    let words = [
        "http://127.0.0.1:9/x/y?z",
        "--uncached",
        "clear=a,b",
        "--token",
        "t",
    ];
    let plan = plan(&words).expect("a plan");
    let clearing = plan.sides[0].clearing.as_ref().expect("it clears");
    let titles: Vec<_> = clearing.subjects.iter().map(Subject::title).collect();
    assert_eq!(
        titles,
        [
            "POST http://127.0.0.1:9/v1/caches/a/clear",
            "POST http://127.0.0.1:9/v1/caches/b/clear"
        ]
    );
    let request = plan.sides[1].subject.request("").expect("a request");
    assert!(
        !request.headers().contains_key("authorization"),
        "the token is for the daemon's own routes"
    );
}

#[test]
fn keys_come_from_a_range_or_a_trace_and_need_a_place() {
    let title = |words: &[&str]| plan(words).expect("a plan").keys.title();
    assert_eq!(title(&["http://x/{1..9}"]).as_deref(), Some("1..9, evenly"));
    let zipf = title(&["http://x/{key}", "--keys", "5..7", "--zipf", "0.9"]);
    assert_eq!(zipf.as_deref(), Some("5..7, Zipf 0.9"));
    let both = title(&["http://x/{1..9}", "http://y/{1..9}"]);
    assert_eq!(both.as_deref(), Some("1..9, evenly"));
    for (words, said) in [
        (&["http://x/{key}"][..], "{key}: which keys?"),
        (&["http://x/", "--zipf", "1"], "there is no place for one"),
        (
            &["http://x/", "--keys", "1..2"],
            "there is no place for one",
        ),
        (
            &["http://x/{key}", "--keys", "2..1"],
            "expected FIRST..LAST",
        ),
        (
            &["http://x/{1..2}", "--keys", "1..2"],
            "a range has its own keys",
        ),
        (&["http://x/{1..2}", "http://y/{1..3}"], "share one range"),
        (
            &["http://x/{key}", "--trace", "/nowhere/at/all"],
            "/nowhere/at/all",
        ),
    ] {
        let found = refusal(words);
        assert!(found.contains(said), "{words:?}: {found}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_before_the_first_request() {
    for (words, said) in [
        (&[][..], "what is to be measured?"),
        (
            &["http://a/", "http://b/", "--uncached", "header"],
            "leave --uncached away",
        ),
        (
            &[URL, "--threshold", "speedup>2"],
            "a speedup has two sides",
        ),
        (&[URL, "--threshold", "uncached.p99<2s"], "only one side"),
        (&[URL, "-n", "5", "-z", "1s"], "cannot be used with"),
        (&[URL, "--service", "live"], "cannot be used with"),
        (&[URL, "--rate", "0"], "expected requests a second"),
        (&[URL, "-z", "2"], "expected a duration"),
        (&[URL, "-c", "0"], "1..=10000"),
    ] {
        let found = refusal(words);
        assert!(found.contains(said), "{words:?}: {found}");
    }
}

#[test]
fn a_file_says_what_the_command_line_does_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bench.toml");
    let write = |text: &str| std::fs::write(&path, text).expect("written");
    write(
        "url = [\"http://a/{1..9}\", \"http://b/{1..9}\"]\nzipf = 0.9\nrate = 50\nrequests = 7\nwarm_up = \"1s\"\n\
         header = [\"A: 1\", \"B: 2\"]\nthreshold = \"speedup>5\"\n",
    );
    let file = path.to_str().expect("UTF-8");
    let found = plan(&["--config", file]).expect("a plan");
    assert_eq!(found.load.length, Length::Requests(7));
    assert_eq!(found.load.pace, Pace::Open(50.0));
    assert_eq!(
        (found.warm_up, found.thresholds.len()),
        (Duration::from_secs(1), 1)
    );
    assert_eq!(found.keys.title().as_deref(), Some("1..9, Zipf 0.9"));
    assert_eq!(found.sides[1].subject.url, "http://b/{1..9}");
    let request = found.sides[0].subject.request("1").expect("a request");
    assert_eq!(
        (&request.headers()["a"], &request.headers()["b"]),
        (&"1".parse().unwrap(), &"2".parse().unwrap())
    );

    let over = plan(&["--config", file, "-z", "3s", "--rate", "9"]).expect("a plan");
    assert_eq!(over.load.length, Length::Time(Duration::from_secs(3)));
    assert_eq!(over.load.pace, Pace::Open(9.0));

    for (text, said) in [
        ("repetition = 3\n", "'--repetitions'"),
        ("rate = \"x\"\n", "expected requests a second"),
        ("rate = true\n", "rate: expected a text, a number or a list"),
        ("rate = \n", "bench.toml: TOML parse error"),
        ("config = \"b.toml\"\n", "'--config'"),
    ] {
        write(text);
        let error = refusal(&["--config", file]);
        assert!(
            error.contains(said) && error.contains("bench.toml"),
            "{text}: {error}"
        );
    }
    assert!(refusal(&["--config", "/nowhere.toml"]).contains("cannot read /nowhere.toml"));
}
