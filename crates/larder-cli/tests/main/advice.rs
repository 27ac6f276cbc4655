//! `hot-keys` and `recommend`: output, flags, exit codes.

use crate::run::{Ended, end, larder};
use crate::server::{Server, daemon};

fn ended(arguments: &[&str]) -> Ended {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(daemon);
    let arguments = [arguments, &["--url", &server.url]].concat();
    end(&mut larder(home.path(), &arguments))
}

fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[test]
fn hot_keys_are_ordered_by_gets_weight_or_cost() {
    let by_gets = ended(&["hot-keys", "prices"]);
    assert_eq!(by_gets.code, Some(0), "{}", by_gets.stderr);
    let lines = rows(&by_gets.stdout);
    assert_eq!(lines[0], ["key", "gets/s", "share", "error"]);
    assert_eq!(lines[1], ["user:7", "1520.2", "30.5%", "2.5"]);
    assert!(
        by_gets.stdout.contains("evil\u{fffd}[2J"),
        "{}",
        by_gets.stdout
    );
    assert!(by_gets.stdout.ends_with("sampled: one get in 512\n"));
    let by_weight = ended(&["hot-keys", "prices", "--by", "weight", "--limit", "1"]);
    assert_eq!(
        rows(&by_weight.stdout)[..2],
        [vec!["key", "weight"], vec!["page:1", "123,456"]]
    );
    assert!(by_weight.stdout.ends_with("of the first 100,000 entries\n"));
    assert!(!by_weight.stdout.contains("page:2"));
    let by_cost = ended(&["hot-keys", "prices", "--by", "cost"]);
    assert_eq!(
        rows(&by_cost.stdout),
        [vec!["key", "load"], vec!["report", "1.25s"]]
    );
}

#[test]
fn recommend_prints_what_to_change_the_most_urgent_first() {
    let all = ended(&["recommend"]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    assert_eq!(
        all.stdout,
        "critical: prices is too small: 2 times the capacity would hit 97.0 % instead of 60.0 %\n  \
         5000 entries had to make room for others.\n  \
         change    max_capacity: 100 -> 200\n  \
         predicted hit_rate: 60.0% -> 97.0%\n  \
         seen      hit_rate_at_twice 97.0%, evictions 5,000\n  \
         see       docs/recommendations/capacity.md\n\
         \n\
         warning: 25.0 % of the loads of unused are fenced off\n  \
         Their keys were invalidated while they ran.\n  \
         seen      load_mean 2.50ms\n  \
         see       docs/recommendations/fenced.md\n"
    );
    let one = ended(&["recommend", "--cache", "unused", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&one.stdout).expect("JSON");
    let caches = |list: &str| -> Vec<String> {
        let list = answer[list].as_array().expect("a list").iter();
        list.map(|item| item["cache"].to_string()).collect()
    };
    assert_eq!(
        (caches("recommendations"), caches("curves")),
        (vec!["\"unused\"".into()], vec!["\"unused\"".into()])
    );
}

/// No advice is something else before the first get than after many.
#[test]
fn caches_that_were_never_asked_are_not_said_to_be_good_as_they_are() {
    let home = tempfile::tempdir().expect("a directory");
    let server = Server::start(|path| match path {
        "/v1/recommendations" => (200, r#"{"recommendations":[],"curves":[]}"#.to_owned()),
        path => daemon(path),
    });
    let told = |arguments: &[&str]| {
        let arguments = [&["recommend", "--url", &server.url], arguments].concat();
        let ended = end(&mut larder(home.path(), &arguments));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let good = "nothing to change, as far as has been seen\n";
    assert_eq!(told(&[]), good);
    assert_eq!(told(&["--cache", "prices"]), good);
    let unseen = told(&["--cache", "unused"]);
    assert!(unseen.starts_with("nothing has been seen yet"), "{unseen}");
}

#[test]
fn a_cache_that_is_not_there_is_an_error_and_not_advice_to_do_nothing() {
    let unknown = ended(&["recommend", "--cache", "letters"]);
    assert_eq!((unknown.code, &*unknown.stdout), (Some(5), ""));
    assert!(
        unknown.stderr.contains("there are: prices, unused"),
        "{}",
        unknown.stderr
    );
    assert_eq!(ended(&["hot-keys", "letters"]).code, Some(5));
    for wrong in [&["--limit", "0"], &["--limit", "51"], &["--by", "age"]] {
        let arguments = [&["hot-keys", "prices"], &wrong[..]].concat();
        assert_eq!(ended(&arguments).code, Some(2), "{wrong:?}");
    }
}
