//! The dashboard in a real browser.

mod commands;
mod controls;
mod window;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::daemon::Daemon;

/// Each page, and what it shows once it has its figures.
const PAGES: &[(&str, &str)] = &[
    ("", "Who answered"),
    ("cache/workstations", "Latency heat map"),
    ("keys", "Hottest keys"),
    ("advice", "Hit ratio at other capacities"),
    ("metrics", "/v1/metrics/history"),
    ("config", "Audit log"),
    ("live", "clip slots"),
    ("context", "fallback"),
    ("workstations", "10.0.0.7"),
    ("usage", "claude-sonnet-4-5-20250929"),
    ("schedulers", "the quickest division there is"),
];
const NAMED: &str = "<img src=x onerror='window.ran = true'>";

fn token(home: &std::path::Path) -> String {
    let token = std::fs::read_to_string(home.join("state/admin.token")).unwrap();
    token.trim().to_owned()
}

fn shows(text: &str) -> String {
    format!("document.querySelector('#view').textContent.includes({text:?})")
}

async fn go(browser: &mut Browser, page: &str) {
    browser.eval(&format!("location.hash = '#/{page}'")).await;
}

/// What of a page is wider than its window.
const OVERFLOW: &str = "document.documentElement.scrollWidth <= document.documentElement.clientWidth ? '' :
    [...document.querySelectorAll('#view *')].filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 5).map((each) => each.outerHTML.slice(0, 120)).join('\\n') || 'the frame'";

#[tokio::test]
async fn every_page_has_its_figures_in_both_themes_on_wide_and_narrow_screens() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    let made = json!({ "name": NAMED, "ip_address": "10.0.0.7" });
    assert_eq!(daemon.post("/api/workstations", &made).0, 201);
    let mut browser = Browser::start().await;
    for (width, scheme) in [
        (1440, "dark"),
        (1440, "light"),
        (360, "light"),
        (360, "dark"),
    ] {
        browser.look(width, scheme).await;
        browser.open("about:blank").await;
        let address = format!("{}/#token={}", daemon.url, token(home.path()));
        browser.open(&address).await;
        for (page, text) in PAGES {
            go(&mut browser, page).await;
            browser.wait(&shows(text)).await;
            browser
                .wait("document.querySelector('#state').textContent.includes('Ready')")
                .await;
            let overflow = browser.eval(OVERFLOW).await;
            assert_eq!(overflow, json!(""), "{page:?} at {width}");
            assert_eq!(browser.trouble, [""; 0], "{page:?} at {width}, {scheme}");
        }
        let theme = browser.eval("document.documentElement.dataset.theme").await;
        assert_eq!(theme, json!(scheme));
        let painted = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
        println!(
            "first paint at {width}, {scheme}: {} ms",
            browser.eval(painted).await
        );
    }
    let images = browser
        .eval("document.querySelectorAll('img').length")
        .await;
    assert_eq!(images, json!(0));
    assert_eq!(browser.eval("window.ran === undefined").await, json!(true));
}

#[tokio::test]
async fn the_page_shows_the_totals_that_the_service_answers() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    let mut browser = Browser::start().await;
    browser.open(&format!("{}/#/usage", daemon.url)).await;
    let shown = "document.querySelector('#total-cost')?.textContent.startsWith('$') && Number(document.querySelector('#total-cost').textContent.replaceAll(/[$,]/g, ''))";
    let shown = browser.wait(shown).await.as_f64().unwrap();
    // The demo grows meanwhile, by cents.
    let cost = daemon.stats()["totals"]["cost_usd"].as_f64().unwrap();
    assert!((cost - shown).abs() < 2.0, "{shown} shown, {cost} answered");
    assert_eq!(browser.trouble, [""; 0]);
}

#[tokio::test]
async fn an_admin_does_all_that_can_be_done_and_reads_of_it_in_the_log() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    for name in ["a", "b"] {
        let made = json!({ "name": name, "ip_address": "10.0.0.7" });
        assert_eq!(daemon.post("/api/workstations", &made).0, 201);
    }
    assert_eq!(daemon.get("/api/workstations").0, 200);
    let mut browser = Browser::start().await;
    browser.look(1440, "light").await;
    let address = format!("{}/#token={}", daemon.url, token(home.path()));
    browser.open(&address).await;
    go(&mut browser, "cache/workstations").await;
    let actions = "[...document.querySelectorAll('#view section')].find((each) => each.textContent.startsWith('Actions'))";
    browser.wait(actions).await;
    browser.eval(&format!("{actions}.id = 'actions'")).await;
    browser
        .eval("document.querySelector('#actions select').value = 'prefix'")
        .await;
    browser.fill("#actions input", "workstations_").await;
    browser.press("Count").await;
    let counted = "document.querySelector('#actions .counted').textContent";
    browser.wait(&format!("{counted}.includes('match')")).await;
    assert!(
        browser
            .eval(counted)
            .await
            .as_str()
            .unwrap()
            .starts_with("1 entry")
    );

    browser.press("Invalidate…").await;
    browser.wait("document.querySelector('#confirm-dialog').open && document.querySelector('#confirm-ok').textContent === 'Invalidate 1'").await;
    browser.click("#confirm-ok").await;
    browser
        .wait("document.querySelector('#notice').textContent.includes('is invalidated')")
        .await;
    let entries = |daemon: &Daemon| {
        let all = json!({ "prefix": "workstations_", "dry_run": true });
        let counted = daemon.post("/v1/caches/workstations/invalidate", &all).1;
        counted["matched"].clone()
    };
    assert_eq!(entries(&daemon), json!(0));

    browser.press("Warm").await;
    browser
        .wait("document.querySelector('#notice').textContent.includes('warm')")
        .await;
    browser.press("Reset figures").await;
    browser
        .wait("document.querySelector('#confirm-dialog').open")
        .await;
    browser.click("#confirm-ok").await;
    browser
        .wait("document.querySelector('#notice').textContent.includes('anew')")
        .await;

    browser.press("Clear…").await;
    browser
        .wait("document.querySelector('#confirm-dialog').open")
        .await;
    assert_eq!(
        browser
            .eval("document.querySelector('#confirm-ok').disabled")
            .await,
        json!(true)
    );
    browser.fill("#confirm-input", "workstations").await;
    browser.click("#confirm-ok").await;
    browser
        .wait("document.querySelector('#notice').textContent.includes('is cleared')")
        .await;
    assert_eq!(entries(&daemon), json!(0));

    go(&mut browser, "config").await;
    for action in ["invalidate", "warm", "reset", "clear"] {
        browser.wait(&shows(action)).await;
    }
    go(&mut browser, "schedulers").await;
    for (button, state) in [
        ("Start", "Running"),
        ("Pause", "Paused"),
        ("Resume", "Running"),
        ("Stop", "Stopped"),
    ] {
        let found = format!(
            "[...document.querySelectorAll('#view button')].find((each) => each.textContent === {button:?})"
        );
        browser.wait(&format!("{found} && !{found}.disabled")).await;
        browser.eval(&format!("{found}.click()")).await;
        browser.wait(&shows(state)).await;
    }
    go(&mut browser, "metrics").await;
    browser.press("Switch off…").await;
    browser
        .wait("document.querySelector('#confirm-dialog').open")
        .await;
    browser.click("#confirm-ok").await;
    browser.press("Switch on").await;
    browser
        .wait("document.querySelector('#notice').textContent.includes('switched on')")
        .await;
    assert_eq!(browser.trouble, [""; 0]);
}

/// I6
#[tokio::test]
async fn a_key_is_explained_and_html_in_it_is_shown() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let looked_up =
        "/live/nodes?type=device&limit=10&attr=name=%3Cimg%20src=x%20onerror='window.ran=1'%3E";
    let began = Instant::now();
    // The set is being read.
    while daemon.get(looked_up).0 == 503 {
        assert!(began.elapsed() < Duration::from_mins(1), "no set");
        std::thread::yield_now();
    }
    // It is among the hottest keys then.
    (0..50).for_each(|_| assert_eq!(daemon.get(looked_up).0, 200));
    let mut browser = Browser::start().await;
    let page = format!("{}/#/keys/live_set.lookups", daemon.url);
    browser.open(&page).await;
    let key = "[...document.querySelectorAll('.rank button.name')].find((each) => each.textContent.includes('<img src=x'))";
    browser.wait(key).await;
    browser.eval(&format!("{key}.click()")).await;
    let answer = "document.querySelector('#view .answer').textContent";
    for said in ["<img src=x", "Fresh for", "Last miss"] {
        browser.wait(&format!("{answer}.includes({said:?})")).await;
    }
    browser.press("Show its value").await;
    browser
        .wait("document.querySelector('#view pre.value')?.textContent.startsWith('{')")
        .await;
    assert_eq!(browser.trouble, [""; 0]);
    assert_eq!(
        browser
            .eval("document.querySelectorAll('img').length")
            .await,
        json!(0)
    );
    assert_eq!(browser.eval("window.ran === undefined").await, json!(true));
}

#[tokio::test]
async fn a_viewer_sees_what_is_not_for_viewers_disabled_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let mut browser = Browser::start().await;
    browser
        .open(&format!("{}/#/cache/workstations", daemon.url))
        .await;
    browser.wait(&shows("you are a viewer")).await;
    let enabled = "[...document.querySelectorAll('#view button')].filter((each) => ['Count', 'Invalidate…', 'Clear…', 'Warm', 'Reset figures'].includes(each.textContent) && !each.disabled).length";
    assert_eq!(browser.eval(enabled).await, json!(0));
    go(&mut browser, "config").await;
    browser
        .wait(&shows("Only an admin reads the audit log"))
        .await;
    assert_eq!(browser.trouble, [""; 0]);
}

#[tokio::test]
async fn a_page_goes_on_when_its_daemon_was_killed_and_is_back() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    let mut browser = Browser::start().await;
    browser.open(&daemon.url).await;
    let live = "document.querySelector('#live').dataset.state";
    browser.wait(&format!("{live} === 'open'")).await;
    let address = daemon.url.replace("http://", "");
    daemon.kill();
    browser.wait(&format!("{live} === 'down'")).await;
    browser
        .wait("document.querySelector('#state').textContent.includes('Not reached')")
        .await;
    let daemon = Daemon::start_at(home.path(), &address, &["--demo"]);
    assert_eq!(daemon.get("/api/workstations").0, 200);
    browser.wait(&format!("{live} === 'open'")).await;
    browser
        .wait("document.querySelector('#state').textContent.includes('Ready')")
        .await;
}

/// Replaces the stream by one that the test feeds, with the answer that it had.
const FED_STREAM: &str = "
    const fetched = window.fetch;
    window.fetch = async (path, init) => {
        if (!String(path).includes('v1/events')) return fetched(path, init);
        const body = new ReadableStream({ start: (control) => { window.feed = (text) => control.enqueue(new TextEncoder().encode(text)); } });
        return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
    };
    window.ticks = async (count) => {
        const { caches } = await (await fetched('v1/caches')).json();
        for (let i = 0; i < count; i += 1) {
            for (const { stats } of caches) { stats.gets += 50 + i % 7; stats.hits += 40; stats.misses += 10 + i % 7; stats.time_saved_ms += 3; }
            const tick = { at: new Date(Date.now() + i * 1000).toISOString(), caches, requests: { total: i, successful: i, failed: 0, avg_response_time_ms: 1 } };
            window.feed('event: tick\\ndata: ' + JSON.stringify(tick) + '\\n\\n');
            if (i % 50 === 0) await new Promise((resume) => setTimeout(resume));
        }
        await new Promise((resume) => setTimeout(resume, 100));
        return document.querySelectorAll('*').length;
    };";

#[tokio::test]
async fn a_page_that_heard_two_thousand_ticks_is_no_larger() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let mut browser = Browser::start().await;
    browser.before_pages(FED_STREAM).await;
    browser.open(&daemon.url).await;
    for page in ["", "cache/workstations"] {
        go(&mut browser, page).await;
        browser.wait("window.feed").await;
        let before = browser.eval("window.ticks(200)").await;
        browser.wait(&shows("Hit ratio by tier")).await;
        let (before, heap) = (count(&before), browser.heap().await);
        let after = count(&browser.eval("window.ticks(2000)").await);
        let grown = browser.heap().await - heap;
        // Charts may come meanwhile, with a few elements each.
        assert!(
            after < before + 200,
            "{page:?}: {before} elements, then {after}"
        );
        assert!(grown < 3e6, "{page:?}: {grown} bytes more");
    }
    assert_eq!(browser.trouble, [""; 0]);
}

fn count(value: &Value) -> u64 {
    value.as_u64().expect("a number of elements")
}
