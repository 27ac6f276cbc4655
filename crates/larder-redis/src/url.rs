//! Where a server is, as a URL or the environment says it.
//!
//! Must not know connections.

mod query;
mod shown;

use std::fmt;
use std::path::PathBuf;

use self::query::Query;
pub use self::shown::without_login;

/// What Redis listens on.
const PORT: u16 = 6379;
/// What its sentinels listen on.
const SENTINEL_PORT: u16 = 26379;
/// Sentinels, or nodes of a cluster, in one URL.
const HOSTS_MAX: usize = 32;

/// A server's place and the way in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) login: Login,
    pub(crate) db: u32,
    pub(crate) has_tls: bool,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At one address.
    Host(Host),
    /// At a socket of this machine.
    Unix(PathBuf),
    /// Where the sentinels say.
    Sentinels(Sentinels),
    /// At all primaries of the cluster that these are of.
    Cluster(Vec<Host>),
}

/// Who say where the primary is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentinels {
    pub(crate) hosts: Vec<Host>,
    /// Of the primary, among those that they watch.
    pub(crate) name: String,
    pub(crate) login: Login,
}

/// A name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

/// What a server is told first.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// What is wrong with the URL of a server, or with the environment. The password is not in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{problem}; expected redis://[user:password@]host[:port][/db] (or rediss:// with TLS), \
         unix:///path[?db=n], redis+sentinel://host:port,host:port/name[/db], or \
         redis+cluster://host:port,host:port"
)]
pub struct UrlError {
    problem: String,
}

fn wrong<T>(problem: impl Into<String>) -> Result<T, UrlError> {
    Err(UrlError {
        problem: problem.into(),
    })
}

impl Target {
    /// Reads a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, UrlError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return wrong("a server's URL begins with a scheme and `://`");
        };
        // The rest of a password would be taken for a host and be shown.
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if !rest[..end].contains('@') && rest[end..].contains('@') {
            return wrong(
                "a `/`, `?`, `#` or `@` of a user, password or path is written as %2F, %3F, %23, %40",
            );
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = Query::parse(query)?;
        let target = match scheme {
            "redis" | "valkey" => Self::host(rest, false),
            "rediss" | "valkeys" => Self::host(rest, true),
            "redis+sentinel" | "rediss+sentinel" => {
                Self::sentinels(rest, scheme.starts_with("rediss"), &query)
            }
            "redis+cluster" | "rediss+cluster" => Self::cluster(rest, scheme.starts_with("rediss")),
            "unix" | "redis+unix" => Self::unix(rest, &query),
            _ => wrong(format!("the scheme `{scheme}` is not known")),
        };
        query.is_used_up()?;
        target
    }

    /// `REDIS_HOST`, `REDIS_PORT`, `REDIS_DB`; `None` without the first.
    pub(crate) fn from_vars(
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, UrlError> {
        let Some(host) = var("REDIS_HOST").filter(|host| !host.is_empty()) else {
            return Ok(None);
        };
        let host = Host {
            name: host,
            port: number("REDIS_PORT", var("REDIS_PORT").as_deref(), PORT)?,
        };
        Ok(Some(Self {
            place: Place::Host(host),
            login: Login::default(),
            db: number("REDIS_DB", var("REDIS_DB").as_deref(), 0)?,
            has_tls: false,
        }))
    }

    fn host(rest: &str, has_tls: bool) -> Result<Self, UrlError> {
        let (login, rest) = login(rest)?;
        let (host, db) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self {
            place: Place::Host(Host::parse(host, PORT)?),
            login,
            db: number("the database", Some(db.trim_end_matches('/')), 0)?,
            has_tls,
        })
    }

    fn unix(path: &str, query: &Query<'_>) -> Result<Self, UrlError> {
        let path = decoded(path)?;
        if !path.starts_with('/') {
            return wrong(format!(
                "the path of a socket begins with `/`, not as {path:?}"
            ));
        }
        Ok(Self {
            place: Place::Unix(path.into()),
            login: query.login("user", "password")?,
            db: number("the database", query.get("db"), 0)?,
            has_tls: false,
        })
    }

    fn cluster(rest: &str, has_tls: bool) -> Result<Self, UrlError> {
        let (login, rest) = login(rest)?;
        let (hosts, db) = rest.split_once('/').unwrap_or((rest, ""));
        if !matches!(db.trim_end_matches('/'), "" | "0") {
            return wrong(format!("a cluster has database 0 only, not {db:?}"));
        }
        Ok(Self {
            place: Place::Cluster(Host::parse_all(hosts, PORT)?),
            login,
            db: 0,
            has_tls,
        })
    }

    fn sentinels(rest: &str, has_tls: bool, query: &Query<'_>) -> Result<Self, UrlError> {
        let (login, rest) = login(rest)?;
        let mut parts = rest.split('/');
        let hosts = Host::parse_all(parts.next().unwrap_or_default(), SENTINEL_PORT)?;
        let name = decoded(parts.next().unwrap_or_default())?;
        if name.is_empty() {
            return wrong("the name under which the sentinels know the primary is missing");
        }
        Ok(Self {
            place: Place::Sentinels(Sentinels {
                hosts,
                name,
                login: query.login("sentinel_user", "sentinel_password")?,
            }),
            login,
            db: number("the database", parts.next(), 0)?,
            has_tls,
        })
    }
}

impl Host {
    /// With commas between.
    fn parse_all(text: &str, port: u16) -> Result<Vec<Self>, UrlError> {
        let hosts = text.split(',').map(|host| Self::parse(host, port));
        let hosts: Vec<Self> = hosts.collect::<Result<_, _>>()?;
        if hosts.len() > HOSTS_MAX {
            return wrong(format!("more than {HOSTS_MAX} hosts"));
        }
        Ok(hosts)
    }

    fn parse(text: &str, port: u16) -> Result<Self, UrlError> {
        let (name, rest) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').unwrap_or(("", "")),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let has_port = rest.is_empty() || rest.starts_with(':');
        if name.is_empty() || !has_port {
            return wrong(format!("{text:?} is no host with a port"));
        }
        Ok(Self {
            name: decoded(name)?,
            port: number("the port", rest.strip_prefix(':'), port)?,
        })
    }
}

/// `user:password@` before the rest; a lone word is a user, `:word` a password.
fn login(rest: &str) -> Result<(Login, &str), UrlError> {
    let end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..end].rfind('@') else {
        return Ok((Login::default(), rest));
    };
    let (user, password) = match rest[..at].split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (&rest[..at], None),
    };
    let login = Login {
        user: Some(decoded(user)?).filter(|user| !user.is_empty()),
        password: password.map(decoded).transpose()?,
    };
    if login.user.is_some() && login.password.is_none() {
        return wrong("a user without a password");
    }
    Ok((login, &rest[at + 1..]))
}

fn number<T: std::str::FromStr>(
    what: &str,
    text: Option<&str>,
    otherwise: T,
) -> Result<T, UrlError> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(otherwise),
        Some(text) => match text.parse() {
            Ok(number) => Ok(number),
            Err(_) => wrong(format!("{what} is a number, not {text:?}")),
        },
    }
}

/// Takes `%2F` and the like back.
fn decoded(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        let Some(byte) = byte else {
            return wrong("a `%` is not followed by two hexadecimal digits");
        };
        bytes.push(byte);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).or_else(|_| wrong("the URL is not UTF-8"))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            return write!(f, "[{}]:{}", self.name, self.port);
        }
        write!(f, "{}:{}", self.name, self.port)
    }
}

/// For people; without the way in.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Host(host) => host.fmt(f),
            Place::Unix(path) => path.display().fmt(f),
            Place::Sentinels(Sentinels { name, hosts, .. }) => {
                write!(f, "{name:?} of the sentinels {}", all(hosts))
            }
            Place::Cluster(hosts) => write!(f, "the cluster of {}", all(hosts)),
        }
    }
}

fn all(hosts: &[Host]) -> String {
    let hosts: Vec<String> = hosts.iter().map(Host::to_string).collect();
    hosts.join(", ")
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}, db {})", self.db)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "…");
        write!(f, "Login({:?}, {password:?})", self.user)
    }
}

#[cfg(test)]
mod tests;
