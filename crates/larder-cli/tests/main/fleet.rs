//! Daemons that are told of each other: real ones on one origin, and peers that are none.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::run::{end, larder};
use super::server::{Server, daemon as told, problem};

/// A knowledge base that takes a moment for each question.
fn origin() -> Server {
    Server::start(|_| {
        thread::sleep(Duration::from_millis(3));
        let answer = r#"[{"id":1,"topic":"reverb","category":null,"suggestion":"Use a return.","confidence":0.9}]"#;
        (200, answer.to_owned())
    })
}

/// A daemon on that origin which knows the peers.
fn started(origin: &Server, peers: &str) -> (tempfile::TempDir, Daemon) {
    let home = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start_with(home.path(), &[], |command| {
        command
            .env("LARDER_ASSISTANT_CONTEXT_RPC_URL", &origin.url)
            .env("LARDER_RECOMMEND_PEERS", peers)
    });
    (home, daemon)
}

fn ask(daemon: &Daemon, questions: std::ops::Range<u32>) {
    for question in questions {
        let body = json!({ "message": format!("Reverb {question}") });
        let (status, answer) = daemon.post("/codette/chat", &body);
        assert_eq!(status, 200, "{answer}");
    }
}

fn ids(answer: &Value) -> Vec<&str> {
    let all = answer["recommendations"].as_array().expect("a list").iter();
    all.map(|one| one["id"].as_str().expect("a text")).collect()
}

fn recommend(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().expect("a directory");
    let arguments = [&["recommend", "--url", url], arguments].concat();
    let ended = end(&mut larder(home.path(), &arguments));
    (ended.code, ended.stdout, ended.stderr)
}

const REMOTE: &str = "remote:assistant_context";

#[test]
fn two_daemons_that_load_the_same_keys_are_told_to_share_a_store() {
    let origin = origin();
    let (_one_home, one) = started(&origin, "");
    let (_other_home, other) = started(&origin, &one.url);
    let (_third_home, third) = started(&origin, &one.url);
    ask(&one, 0..110);
    ask(&other, 0..110);
    ask(&third, 500..610);
    let (_, answer) = other.get("/v1/recommendations");
    assert!(ids(&answer).contains(&REMOTE), "{answer}");
    assert_eq!(answer["peers"], json!([{ "url": one.url, "error": null }]));
    // The first was told of nobody, and is asked to compare by hand.
    let (_, alone) = one.get("/v1/recommendations");
    assert!(!ids(&alone).contains(&REMOTE), "{alone}");
    let (code, text, error) = recommend(&one.url, &["--peer", &other.url]);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        text.contains("assistant_context of 2 instances load the same keys: 50.0 %"),
        "{text}"
    );
    assert!(
        text.contains("change    remote: none -> redis://HOST:6379"),
        "{text}"
    );
    let (_, json, _) = recommend(&one.url, &["--peer", &other.url, "--json"]);
    let answer: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(answer["peers"][0]["error"], Value::Null);

    let (_, answer) = third.get("/v1/recommendations");
    assert_eq!(answer["peers"][0]["error"], Value::Null);
    assert!(!ids(&answer).contains(&REMOTE), "other keys: {answer}");
}

/// Takes what is asked, and answers as it is told.
fn peer(answer: impl Fn(&mut std::net::TcpStream) + Send + Sync + Copy + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4_096]);
                answer(&mut stream);
            });
        }
    });
    url
}

/// Answers 200 and then goes on until the other has had enough.
fn endless(stream: &mut std::net::TcpStream, part: &[u8], pause: Duration) {
    let mut is_open = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_ok();
    while is_open {
        is_open = stream.write_all(part).is_ok();
        thread::sleep(pause);
    }
}

#[test]
fn peers_that_are_down_slow_or_something_else_are_told_of_and_do_no_harm() {
    let origin = origin();
    let dead = "http://127.0.0.1:1".to_owned();
    let silent = peer(|_| thread::sleep(Duration::from_mins(1)));
    let slow = peer(|stream| endless(stream, b" ", Duration::from_millis(200)));
    let large = peer(|stream| endless(stream, &[b' '; 8_192], Duration::ZERO));
    let rubbish = Server::start(|_| (200, "<html>".to_owned()));
    let refusing = Server::start(|_| (401, problem(401, "No token", "a token is needed")));
    let peers = [&dead, &silent, &slow, &large, &rubbish.url, &refusing.url];
    let peers = peers.map(String::as_str).join(",");
    let (_home, daemon) = started(&origin, &peers);
    ask(&daemon, 0..3);
    let began = Instant::now();
    let (status, answer) = daemon.get("/v1/recommendations");
    let first = began.elapsed();
    assert_eq!(status, 200);
    let errors = [
        "no answer from",
        "2 s",
        "2 s",
        "more than 262144 bytes",
        "did not answer as a larder daemon",
        "peers_token_file",
    ];
    for (number, expected) in errors.into_iter().enumerate() {
        let error = answer["peers"][number]["error"]
            .as_str()
            .unwrap_or_default();
        let is_late = expected == "2 s" && error.contains("timeout");
        assert!(
            error.contains(expected) || is_late,
            "{expected}: {answer:#}"
        );
    }
    // What was found holds for a while: only the first had to wait.
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(
            daemon.get("/v1/recommendations").1["peers"],
            answer["peers"]
        );
    }
    assert!(
        began.elapsed() < first,
        "{:?} after {first:?}",
        began.elapsed()
    );
    let (code, text, _) = recommend(&daemon.url, &["--peer", &rubbish.url]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains(&format!("not compared with {}: ", rubbish.url)),
        "{text}"
    );
}

#[test]
fn a_token_for_the_peers_is_sent_to_them_alone() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("token");
    std::fs::write(&file, "the-peers-token\n").expect("written");
    let (server, other) = (Server::start(told), Server::start(told));
    let file = file.to_str().expect("UTF-8");
    let arguments = ["--peer", &other.url, "--peer-token-file", file];
    let (code, _, error) = recommend(&server.url, &arguments);
    assert_eq!(code, Some(0), "{error}");
    let sent = |server: &Server| -> Vec<_> {
        let requests = server.requests().into_iter();
        requests
            .filter_map(|request| request.authorization)
            .collect()
    };
    assert!(sent(&other).contains(&"Bearer the-peers-token".to_owned()));
    assert!(!sent(&server).contains(&"Bearer the-peers-token".to_owned()));
    for wrong in ["https://10.0.0.2", "http://u:p@10.0.0.2", "nowhere at all"] {
        let (code, _, error) = recommend(&server.url, &["--peer", wrong]);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("expected a URL such as"), "{error}");
    }
    let (code, _, _) = recommend(&server.url, &["--peer-token-file", file]);
    assert_eq!(code, Some(2), "without a peer it would be for nobody");
}
