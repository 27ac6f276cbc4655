//! The dashboard in a real browser.

use std::path::Path;
use std::process::Command;

use super::daemon::Daemon;

/// The page after ten seconds, which the browser skips through.
fn rendered(browser: &Path, url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=10000", "--dump-dom", url])
        .output()
        .expect("the browser runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_page_shows_the_totals_that_the_service_answers() {
    let Some(browser) = std::env::var_os("CHROMIUM") else {
        panic!("CHROMIUM names the browser: run `cargo xtask test`, or set it");
    };
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let cost = daemon.stats()["totals"]["cost_usd"].as_f64().unwrap();
    let page = rendered(Path::new(&browser), &daemon.url);
    // The demo grows while the browser starts, by cents.
    let shown = (0..200).map(|cents| format!("${:.2}", cost + f64::from(cents) / 100.0));
    assert!(
        shown.into_iter().any(|cost| page.contains(&cost)),
        "no cost from ${cost:.2} on in: {page}"
    );
    for text in [
        "claude-sonnet-4-5-20250929",
        "claude_usage.answers",
        "web-shop",
        "as logged",
    ] {
        assert!(page.contains(text), "{text:?} is not in: {page}");
    }
}
