//! Carries the scripts' commands out: `curl` and `ab` over HTTP, `osc` by UDP, `websocket`, `larder`, and `cat`.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType, encoder};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};
use ureq::http::Request;

use super::script::words;
use crate::run::{end, larder};

const PATIENCE: Duration = Duration::from_mins(1);

/// Where the daemon is.
pub(super) struct Place {
    home: PathBuf,
    url: String,
    udp: SocketAddr,
    token: String,
}

/// A status and what was said.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answered {
    pub(super) fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_str(&self.body)
    }
}

impl Place {
    pub(super) fn new(home: &Path, url: &str, udp: SocketAddr) -> Self {
        let token = std::fs::read_to_string(home.join("state/admin.token")).unwrap();
        Self {
            home: home.to_owned(),
            url: url.to_owned(),
            udp,
            token: token.trim().to_owned(),
        }
    }

    pub(super) fn run(&self, command: &str) -> Answered {
        let words = words(&command.replace("$TOKEN", &self.token));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match &words[..] {
            ["time", "curl", rest @ ..] | ["curl", rest @ ..] => self.curl(rest),
            ["ab", "-n", requests, "-c", clients, url] => {
                self.ab(requests.parse().unwrap(), clients.parse().unwrap(), url)
            }
            ["osc", number, path, arguments @ ..] => self.osc(number, path, arguments),
            ["websocket", path] => self.websocket(path),
            ["larder", arguments @ ..] => self.larder(arguments),
            ["cat", file] => Answered {
                status: 0,
                body: std::fs::read_to_string(self.home.join(file)).unwrap(),
            },
            other => panic!("{other:?} is no command of these scripts"),
        }
    }

    /// The daemon's address in the place of the document's.
    fn at(&self, url: &str) -> String {
        let path = url.strip_prefix("http://").unwrap().split_once('/');
        format!("{}/{}", self.url, path.map_or("", |(_, path)| path))
    }

    fn curl(&self, words: &[&str]) -> Answered {
        let (mut request, mut method, mut body) = (Request::builder(), None, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut next = || *words.next().unwrap();
            match *word {
                "-X" => method = Some(next()),
                "-d" => body = Some(next()),
                "-H" => {
                    let (name, value) = next().split_once(": ").unwrap();
                    request = request.header(name, value);
                }
                url => request = request.uri(self.at(url)),
            }
        }
        let usual = if body.is_some() { "POST" } else { "GET" };
        let request = request.method(method.unwrap_or(usual));
        let response = match body {
            Some(body) => agent().run(request.body(body.to_owned()).unwrap()),
            None => agent().run(request.body(()).unwrap()),
        };
        answered(response)
    }

    /// All answers, as the first that is none of status 200, or the last.
    fn ab(&self, requests: usize, clients: usize, url: &str) -> Answered {
        let url = self.at(url);
        let clients = (0..clients).map(|_| {
            let (url, requests) = (url.clone(), requests / clients);
            std::thread::spawn(move || {
                let agent = agent();
                let all = (0..requests).map(|_| answered(agent.get(&url).call()));
                all.reduce(|worst, next| if worst.status == 200 { next } else { worst })
            })
        });
        let clients: Vec<_> = clients.collect();
        let answers = clients
            .into_iter()
            .filter_map(|client| client.join().unwrap());
        answers.max_by_key(|answer| answer.status).unwrap()
    }

    /// An event of Live, wrapped as its scripts do, taken in when this returns.
    fn osc(&self, number: &str, path: &str, arguments: &[&str]) -> Answered {
        let typed = |text: &&str| {
            let whole = text.parse().map(OscType::Int);
            let number = whole.or_else(|_| text.parse().map(OscType::Float));
            number.unwrap_or_else(|_| OscType::String((*text).to_owned()))
        };
        let number = OscType::Int(number.parse().unwrap());
        let head = [
            number,
            OscType::Float(0.0),
            OscType::String(path.to_owned()),
        ];
        let message = OscMessage {
            addr: "/live/seq".to_owned(),
            args: head
                .into_iter()
                .chain(arguments.iter().map(typed))
                .collect(),
        };
        let datagram = encoder::encode(&OscPacket::Message(message)).unwrap();
        let before = self.received();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&datagram, self.udp).unwrap();
        let begun = Instant::now();
        while self.received() == before {
            assert!(begun.elapsed() < PATIENCE, "{path} does not come in");
        }
        Answered {
            status: 0,
            body: String::new(),
        }
    }

    fn received(&self) -> Value {
        let metrics = answered(agent().get(format!("{}/live/metrics", self.url)).call());
        metrics.json().unwrap()["metrics"]["counters"]["events.received"]["value"].clone()
    }

    /// The first message.
    fn websocket(&self, path: &str) -> Answered {
        let url = format!("{}{path}", self.url.replace("http", "ws"));
        let (mut socket, response) = tungstenite::connect(url).unwrap();
        let first = loop {
            if let Message::Text(text) = socket.read().unwrap() {
                break text.to_string();
            }
        };
        Answered {
            status: response.status().as_u16(),
            body: first,
        }
    }

    fn larder(&self, arguments: &[&str]) -> Answered {
        let mut command = larder(&self.home, arguments);
        command.args(["--url", &self.url]).current_dir(&self.home);
        let ended = end(command.env("LARDER_STATE_DIR", self.home.join("state")));
        Answered {
            status: ended.code.and_then(|code| code.try_into().ok()).unwrap(),
            body: json!({ "stdout": ended.stdout, "stderr": ended.stderr }).to_string(),
        }
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.build().into()
}

fn answered(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answered {
    let mut response = response.expect("the daemon answers");
    Answered {
        status: response.status().as_u16(),
        body: response.body_mut().read_to_string().expect("a text"),
    }
}
