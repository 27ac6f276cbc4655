//! How a Redis or Valkey server is set up, and the configuration that says so.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::tls::TlsFiles;
use super::{Binary, RedisServer};

/// The user that [`RedisServer::cli`] is where there are users.
const ADMIN: (&str, &str) = ("larder-testkit", "larder-testkit");

/// How a server is set up. Left alone, it is like a fresh Redis: no password,
/// no limit of memory, nothing saved unless `SAVE` is sent.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) binary: Option<Binary>,
    pub(super) has_tls: bool,
    /// A certificate that it shares with other servers.
    pub(super) tls: Option<Arc<TlsFiles>>,
    pub(super) kind: Kind,
    password: Option<String>,
    users: Vec<(String, String, String)>,
    primary: Option<Primary>,
    lines: Vec<String>,
}

/// What the process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Server,
    Sentinel,
    ClusterNode,
}

#[derive(Clone, Debug)]
struct Primary {
    addr: SocketAddr,
    login: Login,
}

/// The arguments of `AUTH`; none if the server asks for none.
pub(super) type Login = Vec<String>;

/// What a configuration needs to know of the place where the server runs.
pub(super) struct Place<'a> {
    pub(super) addr: SocketAddr,
    pub(super) directory: &'a Path,
    pub(super) socket: &'a Path,
    pub(super) tls: Option<&'a TlsFiles>,
}

impl Options {
    /// A fresh server of the first program that [`available`](super::available)
    /// names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs this program.
    #[must_use]
    pub fn binary(mut self, binary: &Binary) -> Self {
        self.binary = Some(binary.clone());
        self
    }

    /// Listens with TLS only, under a throw-away certificate for `localhost`
    /// and `127.0.0.1`; [`RedisServer::authority`] is what clients trust.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.has_tls = true;
        self
    }

    /// The password of the default user.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// A user with a password and rules (`~app:* +@read`). The default user is
    /// then off, unless it has a [`password`](Self::password).
    #[must_use]
    pub fn user(mut self, name: &str, password: &str, rules: &str) -> Self {
        let user = (name.to_owned(), password.to_owned(), rules.to_owned());
        self.users.push(user);
        self
    }

    /// At most so many bytes, and what happens at the limit
    /// (`allkeys-lru`, `noeviction`).
    #[must_use]
    pub fn max_memory(self, bytes: u64, policy: &str) -> Self {
        self.config(&format!("maxmemory {bytes}"))
            .config(&format!("maxmemory-policy {policy}"))
    }

    /// Another name for a command; an empty one takes the command away.
    #[must_use]
    pub fn rename_command(self, command: &str, name: &str) -> Self {
        self.config(&format!("rename-command {command} {}", quoted(name)))
    }

    /// Saves all keys once so many changes have been made in so many seconds.
    /// The file is read at a restart; [`RedisServer::cli`] with `SAVE` writes
    /// it at once, with this or without.
    #[must_use]
    pub fn save(self, seconds: u64, changes: u64) -> Self {
        self.config(&format!("save {seconds} {changes}"))
    }

    /// Replicates another server. The start waits until it is in step.
    ///
    /// # Panics
    /// If the other one listens with TLS only: replication here is plain.
    #[must_use]
    pub fn replica_of(mut self, primary: &RedisServer) -> Self {
        assert!(primary.authority().is_none(), "replication here is plain");
        self.primary = Some(Primary {
            addr: primary.addr(),
            login: primary.login().clone(),
        });
        self
    }

    /// A line for the configuration file, after all others.
    #[must_use]
    pub fn config(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Shows this certificate where it listens with TLS, and not one of its own.
    pub(super) fn certified_by(mut self, files: Arc<TlsFiles>) -> Self {
        self.tls = Some(files);
        self
    }

    pub(super) fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    pub(super) fn is_replica(&self) -> bool {
        self.primary.is_some()
    }

    /// Who may do everything.
    pub(super) fn login(&self) -> Login {
        match (&self.password, self.users.is_empty()) {
            (_, false) => vec![ADMIN.0.to_owned(), ADMIN.1.to_owned()],
            (Some(password), true) => vec![password.clone()],
            (None, true) => Vec::new(),
        }
    }

    /// A user's name and password for a URL: the first user, else the default
    /// one; none if there is no password.
    pub(super) fn url_login(&self) -> Option<(&str, &str)> {
        let first = self.users.first();
        let user = first.map(|(name, password, _)| (name.as_str(), password.as_str()));
        user.or(self.password.as_deref().map(|password| ("", password)))
    }

    /// The text of the configuration file.
    pub(super) fn file(&self, place: &Place<'_>) -> String {
        let mut lines = base(place);
        match self.kind {
            Kind::Server => lines.extend(data()),
            Kind::ClusterNode => {
                lines.extend(data());
                lines.extend(cluster(place.tls.is_some()));
                lines.extend(masters(&self.login()));
            }
            Kind::Sentinel => {}
        }
        lines.extend(self.access());
        lines.extend(self.primary.iter().flat_map(replication));
        lines.extend(self.lines.iter().cloned());
        lines.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }

    fn access(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(password) = &self.password {
            lines.push(format!("requirepass {}", quoted(password)));
        } else if !self.users.is_empty() {
            lines.push("user default off".to_owned());
        }
        for (name, password, rules) in &self.users {
            let password = quoted(&format!(">{password}"));
            lines.push(format!("user {} on {password} {rules}", quoted(name)));
        }
        if !self.users.is_empty() {
            let (name, password) = ADMIN;
            lines.push(format!("user {name} on >{password} ~* &* +@all"));
        }
        lines
    }
}

fn base(place: &Place<'_>) -> Vec<String> {
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let port = place.addr.port();
    let mut lines = vec![
        format!("bind {}", place.addr.ip()),
        format!("dir {}", path(place.directory)),
        format!("unixsocket {}", path(place.socket)),
        "logfile \"\"".to_owned(),
        "protected-mode no".to_owned(),
    ];
    match place.tls {
        None => lines.push(format!("port {port}")),
        Some(tls) => lines.extend([
            "port 0".to_owned(),
            format!("tls-port {port}"),
            format!("tls-ca-cert-file {}", path(&tls.authority)),
            format!("tls-cert-file {}", path(&tls.certificate)),
            format!("tls-key-file {}", path(&tls.key)),
            "tls-auth-clients no".to_owned(),
        ]),
    }
    lines
}

/// What a server with data has beyond a sentinel. After a synchronization over
/// the disk a replica follows at once, without one only when it next reports.
fn data() -> [String; 4] {
    [
        "save \"\"",
        "appendonly no",
        "repl-diskless-sync no",
        "enable-debug-command local",
    ]
    .map(str::to_owned)
}

/// What a node of a cluster has beyond a server; with TLS it speaks that with the others too.
fn cluster(has_tls: bool) -> Vec<String> {
    let mut lines = vec!["cluster-enabled yes", "cluster-node-timeout 5000"];
    if has_tls {
        lines.extend(["tls-cluster yes", "tls-replication yes"]);
    }
    lines.into_iter().map(str::to_owned).collect()
}

fn replication(primary: &Primary) -> Vec<String> {
    let (ip, port) = (primary.addr.ip(), primary.addr.port());
    let mut lines = vec![format!("replicaof {ip} {port}")];
    lines.extend(masters(&primary.login));
    lines
}

/// As whom it follows a primary.
fn masters(login: &Login) -> Vec<String> {
    match login.as_slice() {
        [] => Vec::new(),
        [password] => vec![format!("masterauth {}", quoted(password))],
        [name, password, ..] => vec![
            format!("masteruser {}", quoted(name)),
            format!("masterauth {}", quoted(password)),
        ],
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}
