//! A real browser, driven over its `DevTools` protocol. Must know no page.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATIENCE: Duration = Duration::from_mins(2);
/// What a page may take until it shows what is waited for, in milliseconds.
const WAIT_MS: u64 = 60_000;

/// A browser with one page; it is killed with its handle.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    sent: u64,
    /// Errors and warnings of the page's console, and exceptions that nothing caught.
    pub(crate) trouble: Vec<String>,
    /// The browser goes on writing there until it has ended.
    profile: TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let Some(program) = std::env::var_os("CHROMIUM") else {
            panic!("CHROMIUM names the browser: run `cargo xtask test`, or set it");
        };
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-quic", "--no-first-run", "--disable-sync"])
            .args(["--disable-background-networking"])
            .args(["--disable-component-update"])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = stderr.lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("DevTools listening on "));
        let line = line.expect("the browser says where it listens");
        // It goes on writing, and must not be held up.
        std::thread::spawn(move || lines.for_each(drop));
        let address = line.rsplit(' ').next().expect("it names its address");
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let (socket, _) = tokio_tungstenite::connect_async_with_config(address, Some(config), true)
            .await
            .expect("the browser listens");
        let mut browser = Self {
            child,
            socket,
            session: None,
            sent: 0,
            trouble: Vec::new(),
            profile,
        };
        browser.open_page().await;
        browser
    }

    async fn open_page(&mut self) {
        let blank = json!({ "url": "about:blank" });
        let target = self.call("Target.createTarget", blank).await;
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", target).await;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "HeapProfiler"] {
            self.call(&format!("{domain}.enable"), json!({})).await;
        }
    }

    /// The size of the window, and `dark` or `light` as the system's wish.
    pub(crate) async fn look(&mut self, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let wish = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.call("Emulation.setEmulatedMedia", wish).await;
    }

    /// Runs before anything of each page that is opened from now on.
    pub(crate) async fn before_pages(&mut self, script: &str) {
        let script = json!({ "source": script });
        self.call("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
    }

    pub(crate) async fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
        self.wait("document.readyState === 'complete'").await;
    }

    /// What an expression is, or what its promise comes to.
    pub(crate) async fn eval(&mut self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked).await;
        let exception = &answer["exceptionDetails"];
        assert!(
            exception.is_null(),
            "{expression}\n{exception:#}\n{:#?}",
            self.trouble
        );
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true, and gives what it is then.
    pub(crate) async fn wait(&mut self, condition: &str) -> Value {
        let script = format!(
            "new Promise((resolve, reject) => {{
                const began = performance.now();
                const look = () => {{
                    let value;
                    try {{ value = ({condition}); }} catch {{ value = undefined; }}
                    if (value) return resolve(value);
                    if (performance.now() - began > {WAIT_MS}) return reject(new Error('never true; the page says: ' + document.body.innerText));
                    setTimeout(look, 20);
                }};
                look();
            }})"
        );
        self.eval(&script).await
    }

    /// Clicks on the one visible element that a selector names, as soon as it is there and enabled.
    pub(crate) async fn click(&mut self, selector: &str) {
        let found = format!("document.querySelector({selector:?})");
        self.wait(&format!(
            "{found} && !{found}.disabled && {found}.checkVisibility()"
        ))
        .await;
        self.eval(&format!("{found}.click()")).await;
    }

    /// Clicks on the visible button with this text.
    pub(crate) async fn press(&mut self, text: &str) {
        let found = format!(
            "[...document.querySelectorAll('button')].find((each) => each.textContent === {text:?} && each.checkVisibility())"
        );
        self.wait(&format!("{found} && !{found}.disabled")).await;
        self.eval(&format!("{found}.click()")).await;
    }

    /// Presses a key, as the keyboard does: what has the focus hears of it.
    pub(crate) async fn key(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let code = if key == "Tab" { 9 } else { 0 };
        for (kind, text) in [("keyDown", text), ("keyUp", "")] {
            let event =
                json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Types into the field that a selector names.
    pub(crate) async fn fill(&mut self, selector: &str, text: &str) {
        self.wait(&format!("document.querySelector({selector:?})"))
            .await;
        self.eval(&format!(
            "(() => {{ const field = document.querySelector({selector:?}); field.value = {text:?};
               field.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
        ))
        .await;
    }

    /// Bytes of the page's objects that are still used.
    pub(crate) async fn heap(&mut self) -> f64 {
        self.call("HeapProfiler.collectGarbage", json!({})).await;
        let usage = self.call("Runtime.getHeapUsage", json!({})).await;
        usage["usedSize"].as_f64().expect("a size")
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let message = Message::text(message.to_string());
        self.socket.send(message).await.expect("the browser hears");
        loop {
            let heard = timeout(PATIENCE, self.socket.next()).await;
            let heard = heard.unwrap_or_else(|_| panic!("no answer to {method}"));
            let heard = heard.expect("the browser runs").expect("a message");
            let Ok(text) = heard.to_text() else { continue };
            let Ok(mut heard) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            if heard["id"] == self.sent {
                assert!(heard["error"].is_null(), "{method}: {}", heard["error"]);
                return heard["result"].take();
            }
            self.trouble.extend(trouble(&heard));
        }
    }
}

/// What an event tells of something wrong in the page.
fn trouble(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" => {
            let is_bad = ["error", "warning", "assert"]
                .iter()
                .any(|kind| params["type"] == *kind);
            is_bad.then(|| params["args"].to_string())
        }
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let is_bad = ["error", "warning"]
                .iter()
                .any(|level| entry["level"] == *level);
            is_bad.then(|| format!("{} {}", entry["text"], entry["url"]))
        }
        _ => None,
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        ended.expect("it ends");
        // Its children may still write for a moment; what they leave is the system's to clean.
        let _ = std::fs::remove_dir_all(self.profile.path());
    }
}
