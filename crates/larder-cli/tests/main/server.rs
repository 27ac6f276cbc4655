//! A server on a loopback port that answers as a test says and remembers what
//! it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

/// Ends with the test's process.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request with the status and body that `answer` gives for
    /// its path.
    pub(crate) fn start(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = read(&stream);
                let path = request.line.split(' ').nth(1).unwrap_or_default();
                let (status, body) = answer(path);
                seen.lock().expect("no panic").push(request);
                write(stream, status, &body);
            }
        });
        Self { url, requests }
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let length = reader.read_line(&mut line).expect("a line");
        if length == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found = lines.iter().filter_map(|line| line.split_once(": "));
        let mut values = found.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    Request {
        line: lines.first().cloned().unwrap_or_default(),
        authorization: header("authorization"),
        body: String::from_utf8(body).expect("UTF-8"),
    }
}

fn write(mut stream: TcpStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // A client that has gone away is the test's business.
    let _ = stream.write_all((head + body).as_bytes());
}

/// A daemon with a little usage and one cache.
pub(crate) fn daemon(path: &str) -> (u16, String) {
    let path = path.split('?').next().unwrap_or(path);
    match path {
        "/api/stats" => (200, include_str!("answers/stats.json").to_owned()),
        "/api/metrics/history" => (200, include_str!("answers/history.json").to_owned()),
        "/v1/caches" => (200, include_str!("answers/caches.json").to_owned()),
        "/v1/caches/prices/invalidate" => (200, r#"{"matched":1}"#.to_owned()),
        "/v1/caches/prices/keys" => (200, include_str!("answers/keys.json").to_owned()),
        "/v1/recommendations" => (200, include_str!("answers/recommendations.json").to_owned()),
        "/v1/caches/prices/loads" | "/v1/caches/unused/loads" => {
            (200, include_str!("answers/loads.json").to_owned())
        }
        "/v1/caches/prices/clear" => (200, "{}".to_owned()),
        _ => (404, problem(404, "Not found", "there is nothing here")),
    }
}

/// The body of a problem.
pub(crate) fn problem(status: u16, title: &str, detail: &str) -> String {
    format!(r#"{{"status":{status},"title":"{title}","detail":"{detail}"}}"#)
}
