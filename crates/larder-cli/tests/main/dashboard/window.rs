//! The figures that the page shows are those of the window that it names.

use serde_json::json;

use super::{go, token};
use crate::browser::Browser;
use crate::daemon::Daemon;

/// Keeps what the page was told of its window.
const HEARD_WINDOW: &str = "
    const fetched = window.fetch;
    window.fetch = async (path, init) => {
        const response = await fetched(path, init);
        if (String(path).includes('v1/metrics?window=5m') && response.ok) window.heard = await response.clone().json();
        return response;
    };";

/// Answers with lines for the causes that the test wants.
const CHOSEN_CAUSES: &str = "
    const fetched = window.fetch;
    window.causes = ['capacity', 'expired', 'replaced'];
    window.fetch = async (path, init) => {
        const response = await fetched(path, init);
        if (!String(path).includes('name=larder_cache_evictions') || !response.ok) return response;
        const history = await response.json();
        history.series = window.causes.map((cause) => ({ tags: { cache: 'a', cause }, per_second: Array(history.points).fill(1) }));
        return Response.json(history);
    };";

/// Whether a text such as `4.16 ms` or `0.064/s` is this figure, rounded.
const IS_ABOUT: &str = "
    window.isAbout = (text, figure) => {
        const [, number, unit] = /^([\\d.,]+)(.*)$/.exec(text) ?? [];
        const shown = Number(number?.replaceAll(',', '')) * ({ ' ns': 1e-9, ' µs': 1e-6, ' ms': 1e-3 }[unit] ?? 1);
        return Math.abs(shown - figure) <= 0.05 * figure;
    };";

#[tokio::test]
async fn figures_are_of_the_window_and_not_of_its_last_point() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &["--demo"]);
    for _ in 0..40 {
        assert_eq!(daemon.get("/api/workstations").0, 200);
    }
    assert_eq!(daemon.get("/v1/caches/none").0, 404);
    let mut browser = Browser::start().await;
    browser
        .before_pages(&format!("{HEARD_WINDOW}{IS_ABOUT}"))
        .await;
    browser.open(&daemon.url).await;
    let tile = |label: &str, of: &str| {
        format!("document.querySelector('.tile[aria-label=\"{label}\"] {of}').textContent")
    };
    let gets = "Object.values(window.heard.metrics.counters).filter(({ name }) => name === 'larder_cache_gets').reduce((all, { value }) => all + value, 0)";
    let shown = tile("Gets", ".figure");
    let rate = format!("{gets} / window.heard.span_seconds");
    browser
        .wait(&format!("{gets} >= 40 && isAbout({shown}, {rate})"))
        .await;
    let shown = tile("Answers, p99", ".figure");
    let took = "window.heard.metrics.timings.http_latency_seconds.p99";
    browser.wait(&format!("isAbout({shown}, {took})")).await;
    let errors = browser.eval(&tile("Errors", ".figure")).await;
    assert_eq!(errors, json!("0/s"), "a client's 404 is no error");
    let detail = browser.eval(&tile("Errors", ".detail")).await;
    assert!(
        !detail.as_str().unwrap().contains("besides 0/s"),
        "{detail}"
    );

    go(&mut browser, "metrics").await;
    let row = "[...document.querySelectorAll('#view tbody tr')].find((each) => each.textContent.startsWith('/api/workstations GET'))";
    let cell = |at: usize| format!("{row}.querySelectorAll('td')[{at}].textContent");
    let took = "window.heard.metrics.timings['http_request_duration_seconds{endpoint=\"/api/workstations\",method=\"GET\"}']";
    for (at, figure) in [
        (0, "count / window.heard.span_seconds"),
        (1, "mean"),
        (2, "p95"),
        (3, "p99"),
    ] {
        let shown = cell(at);
        browser
            .wait(&format!("{row} && isAbout({shown}, {took}.{figure})"))
            .await;
    }
    assert_eq!(browser.trouble, [""; 0]);
}

#[tokio::test]
async fn a_chart_that_loses_a_line_is_drawn_anew() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let mut browser = Browser::start().await;
    browser.before_pages(CHOSEN_CAUSES).await;
    browser.open(&daemon.url).await;
    let lines = "[...document.querySelectorAll('#view section')].find((each) => each.textContent.startsWith('Evictions by cause'))?.querySelectorAll('.legend button').length";
    browser.wait(&format!("{lines} === 3")).await;
    for (causes, window) in [
        ("['capacity']", "1m"),
        ("['expired', 'capacity']", "5m"),
        ("[]", "1m"),
        ("['removed']", "60m"),
    ] {
        let wanted = format!("window.causes = {causes}");
        browser.eval(&wanted).await;
        let chosen = format!("document.querySelector('#span input[value=\"{window}\"]').click()");
        browser.eval(&chosen).await;
        browser
            .wait(&format!("{lines} === window.causes.length"))
            .await;
        // A plot draws in the next frame.
        browser
            .eval(
                "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))",
            )
            .await;
        assert_eq!(browser.trouble, [""; 0], "{causes}");
    }
}

#[tokio::test]
async fn the_strip_says_how_much_of_the_window_was_recorded() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let mut browser = Browser::start().await;
    let address = format!("{}/#token={}", daemon.url, token(home.path()));
    browser.open(&address).await;
    let about = "document.querySelector('#about').textContent";
    browser
        .wait(&format!("/recorded\\d+ m?s of 5m/.test({about})"))
        .await;
    assert_eq!(browser.trouble, [""; 0]);
}
