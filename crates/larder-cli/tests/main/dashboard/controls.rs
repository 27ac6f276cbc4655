//! All that can be clicked and pressed does what it says, in both themes.

use serde_json::{Value, json};

use super::{shows, token};
use crate::browser::Browser;
use crate::daemon::Daemon;

const THEMES: [&str; 2] = ["dark", "light"];
const THEME: &str = "document.documentElement.dataset.theme";
const LIVE: &str = "document.querySelector('#live').dataset.state";
const ABOUT: &str = "document.querySelector('#about').textContent";

/// Opens the daemon's page anew, as somebody whose system has this theme.
async fn open(browser: &mut Browser, daemon: &Daemon, theme: &str, token: Option<&str>) {
    browser.look(1440, theme).await;
    browser.open("about:blank").await;
    let fragment = token.map_or_else(String::new, |token| format!("#token={token}"));
    browser.open(&format!("{}/{fragment}", daemon.url)).await;
    browser.wait(&format!("{LIVE} === 'open'")).await;
}

fn window(name: &str) -> String {
    format!("document.querySelector('#span input[value=\"{name}\"]')")
}

#[tokio::test]
async fn windows_pause_and_theme_are_chosen_by_mouse_and_by_key() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let mut browser = Browser::start().await;
    for theme in THEMES {
        open(&mut browser, &daemon, theme, None).await;
        let other = THEMES.into_iter().find(|other| *other != theme).unwrap();
        browser.click("#theme-button").await;
        browser.wait(&format!("{THEME} === {other:?}")).await;
        browser.key("t").await;
        browser.wait(&format!("{THEME} === {theme:?}")).await;

        for (name, text) in [
            ("1m", "the last minute"),
            ("60m", "the last hour"),
            ("24h", "the last 24 hours"),
        ] {
            browser.eval(&format!("{}.click()", window(name))).await;
            browser.wait(&shows(text)).await;
        }
        for (name, text) in [("1m", "the last minute"), ("5m", "the last 5 minutes")] {
            browser.key("w").await;
            browser.wait(&format!("{}.checked", window(name))).await;
            browser.wait(&shows(text)).await;
        }

        let pressed = "document.querySelector('#pause-button').getAttribute('aria-pressed')";
        browser.press("Pause").await;
        browser
            .wait(&format!("{LIVE} === 'paused' && {pressed} === 'true'"))
            .await;
        browser.key("p").await;
        browser
            .wait(&format!("{LIVE} === 'open' && {pressed} === 'false'"))
            .await;
        browser.key("p").await;
        browser.wait(&format!("{LIVE} === 'paused'")).await;
        browser.press("Resume").await;
        browser.wait(&format!("{LIVE} === 'open'")).await;
        assert_eq!(browser.trouble, [""; 0], "{theme}");
    }
}

#[tokio::test]
async fn a_pages_key_takes_the_focus_along_and_help_lists_the_keys() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    let mut browser = Browser::start().await;
    for theme in THEMES {
        open(&mut browser, &daemon, theme, None).await;
        for (key, page) in [
            ("k", "keys"),
            ("a", "advice"),
            ("m", "metrics"),
            ("c", "config"),
            ("1", "live"),
            ("2", "context"),
            ("3", "workstations"),
            ("4", "usage"),
            ("5", "schedulers"),
            ("o", ""),
        ] {
            browser.key(key).await;
            let at = format!("location.hash.split('/')[1] === {page:?}");
            browser.wait(&at).await;
            let focused = "document.activeElement.id";
            assert_eq!(browser.eval(focused).await, json!("main"), "{page}");
        }
        browser.wait(&shows("Who answered")).await;
        browser.key("Tab").await;
        let inside = "document.activeElement.id !== 'main' && document.querySelector('#main').contains(document.activeElement)";
        browser.wait(inside).await;

        browser.key("?").await;
        browser
            .wait("document.querySelector('#help-dialog').open")
            .await;
        let listed = "document.querySelectorAll('#help-keys kbd').length";
        assert_eq!(browser.eval(listed).await, json!(14));
        // Keys are the dialog's while it is open.
        browser.key("m").await;
        assert_eq!(browser.eval("location.hash").await, json!("#/"));
        browser.press("Close").await;
        browser
            .wait("!document.querySelector('#help-dialog').open")
            .await;
        browser.click("#help-button").await;
        browser.press("Close").await;
        assert_eq!(browser.trouble, [""; 0], "{theme}");
    }
}

#[tokio::test]
async fn a_token_is_given_refused_and_forgotten_in_its_dialog() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let mut browser = Browser::start().await;
    for theme in THEMES {
        open(&mut browser, &daemon, theme, None).await;
        browser
            .wait(&format!("{ABOUT}.includes('roleviewer')"))
            .await;
        browser.click("#token-button").await;
        browser.fill("#token-input", "no-such-token").await;
        browser.press("Use token").await;
        browser
            .wait("document.querySelector('#token-dialog').open && document.querySelector('#token-why').textContent.includes('refused')")
            .await;
        browser
            .wait("document.querySelector('#live-text').textContent === 'Needs a token'")
            .await;
        // The browser itself reports each refusal.
        browser.trouble.retain(|line| !line.contains("401"));

        browser.fill("#token-input", &token(home.path())).await;
        browser.press("Use token").await;
        browser
            .wait(&format!(
                "{ABOUT}.includes('roleadmin') && {LIVE} === 'open'"
            ))
            .await;
        let banner = browser
            .eval("document.querySelector('#banner').hidden")
            .await;
        assert_eq!(banner, json!(true));
        browser.click("#token-button").await;
        browser.press("Cancel").await;
        browser.click("#token-button").await;
        browser.press("Forget the token").await;
        browser
            .wait(&format!("{ABOUT}.includes('roleviewer')"))
            .await;
        browser.trouble.retain(|line| !line.contains("401"));
        assert_eq!(browser.trouble, [""; 0], "{theme}");
    }
}

/// The first column of the table of caches, as it stands.
const NAMES: &str = "[...document.querySelectorAll('#view [aria-label=\"Caches\"] tbody th a')].map((each) => each.textContent)";

fn names(listed: &Value) -> Vec<&str> {
    let listed = listed.as_array().expect("a list");
    listed.iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_table_is_sorted_by_the_heading_that_is_clicked() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let mut browser = Browser::start().await;
    for theme in THEMES {
        open(&mut browser, &daemon, theme, None).await;
        browser.wait(&format!("{NAMES}.length > 3")).await;
        let head = "[...document.querySelectorAll('#view [aria-label=\"Caches\"] thead button')].find((each) => each.textContent === 'Cache')";
        for (sorted, is_reversed) in [("ascending", false), ("descending", true)] {
            browser.eval(&format!("{head}.click()")).await;
            let mark = browser
                .eval(&format!("{head}.parentElement.ariaSort"))
                .await;
            assert_eq!(mark, json!(sorted));
            let listed = browser.eval(NAMES).await;
            let mut expected = names(&listed);
            expected.sort_unstable();
            if is_reversed {
                expected.reverse();
            }
            assert_eq!(names(&listed), expected);
        }
        assert_eq!(browser.trouble, [""; 0], "{theme}");
    }
}
