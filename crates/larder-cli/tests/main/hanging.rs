//! A daemon that stands still, and one for which others do; what a start finds that another daemon left.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::browser::Browser;
use super::daemon::Daemon;
use super::run::larder;

const STATE: &str = "document.querySelector('#state').textContent";
const LIVE: &str = "document.querySelector('#live-text').textContent";

fn state_has(text: &str) -> String {
    format!("{STATE}.includes('{text}')")
}

#[tokio::test]
async fn a_daemon_that_stands_still_is_not_shown_as_ready() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let mut browser = Browser::start().await;
    browser.open(&daemon.url).await;
    browser.wait(&state_has("Ready")).await;
    daemon.signal("STOP");
    browser.wait(&state_has("Not answering, last heard")).await;
    // Over retries, too.
    let stays = format!(
        "new Promise((done) => {{ let seen = 0; const look = setInterval(() => {{
            if (!{STATE}.includes('Not answering')) {{ clearInterval(look); done({STATE}); }}
            else if ((seen += 1) === 120) {{ clearInterval(look); done('as it was'); }}
        }}, 100); }})"
    );
    assert_eq!(browser.eval(&stays).await, "as it was");
    daemon.signal("CONT");
    browser.wait(&state_has("Ready")).await;
}

#[tokio::test]
async fn a_daemon_with_another_token_leaves_nothing_of_the_one_before_in_the_strip() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let token = fs::read_to_string(home.path().join("state/admin.token")).unwrap();
    let mut browser = Browser::start().await;
    let address = format!("{}/#token={}", daemon.url, token.trim());
    browser.open(&address).await;
    let about = "document.querySelector('#about').textContent";
    browser.wait(&format!("{about}.includes('admin')")).await;
    let address = daemon.url.replace("http://", "");
    daemon.kill();
    let other = tempfile::tempdir().unwrap();
    let _daemon = Daemon::start_at(other.path(), &address, &[]);
    browser.wait(&state_has("Needs a token")).await;
    let about = browser.eval(about).await;
    assert!(!about.as_str().unwrap().contains("admin"), "{about}");
}

/// A stream that has begun, of which no more is read.
fn reader(host: &str) -> TcpStream {
    let mut reader = TcpStream::connect(host).unwrap();
    let head = format!("GET /v1/events HTTP/1.1\r\nHost: {host}\r\n\r\n");
    reader.write_all(head.as_bytes()).unwrap();
    let mut status = [0; 12];
    reader.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    reader
}

#[tokio::test]
async fn a_page_for_which_there_is_no_stream_says_why_and_polls() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let host = daemon.url.replace("http://", "");
    let readers: Vec<TcpStream> = (0..64).map(|_| reader(&host)).collect();
    let mut browser = Browser::start().await;
    browser.open(&daemon.url).await;
    browser
        .wait(&format!("{LIVE}.includes('64 streams are open')"))
        .await;
    browser.wait(&state_has("Ready")).await;
    browser
        .wait("document.querySelector('#view').textContent.includes('assistant_context')")
        .await;
    drop(readers);
    browser.wait(&format!("{LIVE} === 'Live'")).await;
}

#[test]
fn a_collector_that_never_answers_does_not_hold_up_the_end() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("larder.toml");
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let text =
        format!("[otlp]\nendpoint = \"{endpoint}\"\ninterval = \"1s\"\ntraces_sample = \"1\"\n");
    fs::write(&file, text).unwrap();
    let mut daemon = Daemon::start(home.path(), &["--config", file.to_str().unwrap()]);
    // Both pushes are under way.
    let _held = [collector.accept().unwrap(), collector.accept().unwrap()];
    assert_eq!(daemon.get("/v1/caches").0, 200);
    let asked = Instant::now();
    daemon.signal("TERM");
    daemon.line_with("they are dropped");
    assert!(daemon.terminate().success());
    let took = asked.elapsed();
    // 3 s for the pushes, 1 s for what is left; the rest is for a machine that is busy.
    assert!(took < Duration::from_secs(12), "{took:?}");
}

#[test]
fn a_state_directory_is_for_one_daemon_whatever_services_are_on() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("larder.toml");
    fs::write(&file, "[claude_usage]\nenabled = false\n").unwrap();
    let file = file.to_str().unwrap();
    let daemon = Daemon::start(home.path(), &["--config", file]);
    let state = home.path().join("state");
    let second = ["serve", "--listen", "127.0.0.1:0", "--config", file];
    let second = larder(home.path(), &second)
        .env("LARDER_LIVE_UDP", "off")
        .arg("--state-dir")
        .arg(&state)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    assert!(
        said.contains("another daemon uses the state directory"),
        "{said}"
    );
    daemon.kill();
    Daemon::start(home.path(), &["--config", file]);
}

/// I7
#[test]
fn a_history_of_another_version_is_kept_beside_and_the_log_names_both() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    fs::create_dir(&state).unwrap();
    let history = "{\"larder_timeline\":{\"version\":2}}\n{\"new\":1}\n";
    fs::write(state.join("metrics.history"), history).unwrap();
    let mut daemon = Daemon::start(home.path(), &[]);
    let line = daemon.line_with("another version");
    assert!(line.contains("metrics.history.version-2"), "{line}");
    assert!(
        line.contains("version=2") || line.contains("\"version\":2"),
        "{line}"
    );
    let kept = fs::read_to_string(state.join("metrics.history.version-2")).unwrap();
    assert_eq!(kept, history);
    assert_eq!(daemon.get("/v1/status").0, 200);
}
