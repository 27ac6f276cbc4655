//! What the page does to a cache, and the commands that it hands out for a terminal.

use std::process::Command;

use serde_json::json;

use super::{go, shows, token};
use crate::browser::Browser;
use crate::daemon::Daemon;

const KEY: &str = "workstations_list";
const ACTIONS: &str = "[...document.querySelectorAll('#view section')].find((each) => each.textContent.startsWith('Actions'))";
const EXPLAIN: &str = "[...document.querySelectorAll('#view section')].find((each) => each.textContent.startsWith('Explain'))";

/// A clipboard that needs no leave.
const CLIPBOARD: &str = "
    window.copied = [];
    Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => void window.copied.push(text) } });";

async fn open(browser: &mut Browser, daemon: &Daemon, theme: &str, token: &str) {
    browser.look(1440, theme).await;
    browser.open("about:blank").await;
    browser
        .open(&format!("{}/#token={token}", daemon.url))
        .await;
    let about = "document.querySelector('#about').textContent.includes('roleadmin')";
    browser.wait(about).await;
}

/// The page of a cache, with its two forms filled in.
async fn open_forms(browser: &mut Browser) {
    go(browser, "cache/workstations").await;
    browser.wait(&format!("{ACTIONS} && {EXPLAIN}")).await;
    browser
        .eval(&format!(
            "{ACTIONS}.id = 'actions'; {EXPLAIN}.id = 'explain'"
        ))
        .await;
}

async fn choose(browser: &mut Browser, kind: &str, text: &str) {
    let chosen = format!("document.querySelector('#actions select').value = {kind:?}");
    browser.eval(&chosen).await;
    browser.fill("#actions input", text).await;
}

#[tokio::test]
async fn keys_tags_and_patterns_are_counted_then_invalidated_then_explained() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let token = token(home.path());
    let mut browser = Browser::start().await;
    for theme in ["dark", "light"] {
        open(&mut browser, &daemon, theme, &token).await;
        open_forms(&mut browser).await;
        for (kind, text, by) in [
            ("key", KEY, "removed"),
            ("tag", "all", "by tag all"),
            ("pattern", "work*_l?st", "by pattern work*_l?st"),
            ("prefix", "workstations_", "by prefix workstations_"),
        ] {
            assert_eq!(daemon.get("/api/workstations").0, 200);
            choose(&mut browser, kind, text).await;
            browser.press("Count").await;
            let counted = "document.querySelector('#actions .counted').textContent";
            browser
                .wait(&format!(
                    "{counted}.startsWith('1 entry in memory matches')"
                ))
                .await;
            browser.press("Invalidate…").await;
            browser
                .wait("document.querySelector('#confirm-ok').textContent === 'Invalidate 1' && document.querySelector('#confirm-dialog').open")
                .await;
            browser.click("#confirm-ok").await;
            let notice = format!("{kind} \\\"{text}\\\" is invalidated");
            browser
                .wait(&format!(
                    "document.querySelector('#notice').textContent.includes(\"{notice}\")"
                ))
                .await;

            assert_eq!(daemon.get("/api/workstations").0, 200);
            browser.fill("#explain input", KEY).await;
            browser.press("Explain").await;
            let answer = "document.querySelector('#explain .answer').textContent";
            browser
                .wait(&format!(
                    "{answer}.includes('Stateheld') && {answer}.includes({by:?})"
                ))
                .await;
            let took = browser.eval(answer).await;
            assert!(
                took.as_str().unwrap().contains("Its load tookabout "),
                "{took}"
            );
        }
        assert_eq!(browser.trouble, [""; 0], "{theme}");
    }
}

#[tokio::test]
async fn every_command_that_a_panel_copies_runs_against_the_daemon() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    assert_eq!(daemon.get("/api/workstations").0, 200);
    let token = token(home.path());
    let mut browser = Browser::start().await;
    browser.before_pages(CLIPBOARD).await;
    for theme in ["dark", "light"] {
        open(&mut browser, &daemon, theme, &token).await;
        for (page, text) in super::PAGES {
            if page.starts_with("cache/") {
                open_forms(&mut browser).await;
                choose(&mut browser, "key", KEY).await;
                browser.fill("#explain input", KEY).await;
            }
            if *page == "keys" {
                go(&mut browser, "keys/workstations").await;
                browser
                    .wait("document.querySelector('#view select')?.value === 'workstations'")
                    .await;
                browser.eval(&format!("{EXPLAIN}.id = 'explain'")).await;
                browser.fill("#explain input", KEY).await;
            } else {
                go(&mut browser, page).await;
            }
            // There is no workstation.
            if *page != "workstations" {
                browser.wait(&shows(text)).await;
            }
            let copied = "window.copied.length = 0, [...document.querySelectorAll('#view .curl')].filter((each) => each.checkVisibility()).forEach((each) => each.click()), new Promise((done) => setTimeout(() => done(window.copied)))";
            let copied = browser.eval(copied).await;
            for command in copied.as_array().expect("a list") {
                run(command.as_str().unwrap(), &token, page);
            }
        }
        assert_eq!(browser.trouble, [""; 0], "{theme}");
    }
}

fn run(command: &str, token: &str, page: &str) {
    let quiet = format!("{command} -sS -o /dev/null -w '%{{http_code}}'");
    let mut shell = Command::new("sh");
    shell.args(["-c", &quiet]).env("LARDER_TOKEN", token);
    let ended = shell.output().expect("a shell");
    let status = String::from_utf8(ended.stdout).unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(status, "200", "{page}: {command}\n{said}");
}

#[tokio::test]
async fn the_command_of_a_change_counts_only() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    assert_eq!(daemon.get("/api/workstations").0, 200);
    let token = token(home.path());
    let mut browser = Browser::start().await;
    browser.before_pages(CLIPBOARD).await;
    open(&mut browser, &daemon, "light", &token).await;
    open_forms(&mut browser).await;
    choose(&mut browser, "key", KEY).await;
    browser.click("#actions .curl").await;
    let copied = browser.wait("window.copied[0]").await;
    let copied = copied.as_str().unwrap();
    assert!(
        copied.contains("$LARDER_TOKEN") && !copied.contains(&token),
        "{copied}"
    );
    run(copied, &token, "cache");
    let (_, held) = daemon.get(&format!("/v1/caches/workstations/entries/{KEY}?explain=1"));
    assert_eq!(held["held"]["tier"], json!("memory"), "{held}");
}
