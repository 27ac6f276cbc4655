//! Who may do what: opaque tokens, three roles.
//!
//! A token is 256 random bits in hexadecimal. Only its SHA-256 is kept in memory, and compared in
//! constant time.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// What a caller may do; each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Viewer,
    /// Change single entries.
    Operator,
    /// Clear, invalidate, configure.
    Admin,
}

impl Role {
    /// `viewer`, `operator` or `admin`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Whose a token is, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// What the log of changes calls whoever sends it.
    pub name: String,
    /// What it is good for.
    pub role: Role,
}

impl From<Role> for Bearer {
    /// Of a token that has no name.
    fn from(role: Role) -> Self {
        let name = "a token".to_owned();
        Self { name, role }
    }
}

/// Who asks, as far as that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// None: it gave no token.
    pub(crate) name: Option<String>,
    pub(crate) role: Option<Role>,
}

/// Who is let in, and as what.
pub struct Access {
    admin: [u8; 32],
    anonymous: Option<Role>,
    issuers: Vec<Issuer>,
}

/// Who knows tokens that are not kept here: whose they are, or what is wrong with them.
type Issuer = Box<dyn Fn(&str) -> Option<Result<Bearer, String>> + Send + Sync>;

impl Access {
    /// Access for the bearer of `admin_token`, and for callers without a token as `anonymous`.
    pub fn new(admin_token: &str, anonymous: Option<Role>) -> Self {
        Self {
            admin: digest(admin_token),
            anonymous,
            issuers: Vec::new(),
        }
    }

    /// Asks `issuer` whose a token is that is not kept here: a [`Bearer`], or its role alone. It answers
    /// `None` for what is no token of its kind, and an error that says why one of its own is not good (it
    /// has expired, say). It must not block.
    #[must_use]
    pub fn issuer<B: Into<Bearer>>(
        mut self,
        issuer: impl Fn(&str) -> Option<Result<B, String>> + Send + Sync + 'static,
    ) -> Self {
        let issuer = move |token: &str| Some(issuer(token)?.map(Into::into));
        self.issuers.push(Box::new(issuer));
        self
    }

    /// Who makes a request, by its `Authorization` header, or by its `?access_token=`.
    pub(crate) fn caller(&self, headers: &HeaderMap, uri: &Uri) -> Result<Caller, Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return match token_of_query(uri) {
                Some(token) => self.bearer_of(token),
                None => Ok(Caller {
                    name: None,
                    role: self.anonymous,
                }),
            };
        };
        let bearer = value.to_str().ok().and_then(|value| value.split_once(' '));
        let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        else {
            return Err(refused("expected `Authorization: Bearer TOKEN`"));
        };
        self.bearer_of(token.trim())
    }

    fn bearer_of(&self, token: &str) -> Result<Caller, Problem> {
        let known = |name, role| Caller {
            name: Some(name),
            role: Some(role),
        };
        if bool::from(self.admin.ct_eq(&digest(token))) {
            return Ok(known("the admin token".to_owned(), Role::Admin));
        }
        let answer = self.issuers.iter().find_map(|issuer| issuer(token));
        let answer = answer.unwrap_or_else(|| Err("this token is not known here".to_owned()));
        answer
            .map(|Bearer { name, role }| known(name, role))
            .map_err(|why| refused(&why))
    }
}

fn refused(why: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", why)
}

/// A page can set no header on a WebSocket or an event stream.
fn token_of_query(uri: &Uri) -> Option<&str> {
    let mut pairs = uri.query()?.split('&');
    pairs.find_map(|pair| pair.strip_prefix("access_token="))
}

/// Whether a caller's role suffices where `needed` is. Who has shown no token is asked for one.
pub(crate) fn check(caller: &Caller, needed: Role) -> Result<(), Problem> {
    if caller.role.is_some_and(|role| role >= needed) {
        return Ok(());
    }
    let needed = needed.name();
    if caller.name.is_none() {
        let why = format!("this needs a token with the role {needed}");
        return Err(refused(&why));
    }
    let has = caller.role.map_or("none", Role::name);
    let detail = format!("this needs the role {needed}, the caller has {has}");
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
}

/// The token in the file at `path`. The first call writes a new one, readable by its owner only.
///
/// # Errors
/// The file cannot be read or written, or holds no token; the text names it. Blocks on the disk.
pub fn admin_token(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if is_token(text.trim()) => Ok(text.trim().to_owned()),
        Ok(_) => {
            let text = format!(
                "{}: expected 64 hexadecimal digits; delete the file to have a new token made",
                path.display()
            );
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => write_token(path),
        Err(error) => Err(in_file(path, &error)),
    }
}

fn is_token(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Written beside its place and moved there whole, so that no crash leaves half a token.
fn write_token(path: &Path) -> io::Result<String> {
    let token = random_hex()?;
    let beside = path.with_extension("token.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        writeln!(file, "{token}")?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|error| in_file(path, &error))?;
    Ok(token)
}

/// 256 random bits as 64 hexadecimal digits.
pub(crate) fn random_hex() -> io::Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(hex(&random))
}

/// 64 hexadecimal digits.
pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    let (halves, _) = bytes.as_chunks();
    let halves = halves.iter().map(|half| u128::from_be_bytes(*half));
    halves
        .map(|half| format!("{half:032x}"))
        .collect::<Vec<_>>()
        .concat()
}

fn in_file(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
