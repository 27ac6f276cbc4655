//! The file of users and tokens, which the command line writes and the daemon reads.
//!
//! A change is written beside it and moved into its place, under a lock that all writers take: readers
//! see it before or after, whole. It must not know of sessions.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::password;
use crate::auth::{self, Role, digest, hex};

/// Users at most, and as many tokens.
const MEMBERS_MAX: usize = 1_000;
const NAME_BYTES_MAX: usize = 64;
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The users and tokens of a state directory, to look at and to change. Every call reads the file and
/// blocks on the disk; one that changes it waits for others that do.
pub struct Roster {
    path: PathBuf,
}

/// A user or a token, without what proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// 1 to 64 of `A-Z a-z 0-9 _ . @ -`.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made, in RFC 3339.
    pub created_at: String,
}

/// Why a roster could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The name is none.
    #[error("name {0:?}: expected 1 to {NAME_BYTES_MAX} of A-Z a-z 0-9 _ . @ -")]
    Name(String),
    /// The password is too short or too long.
    #[error("expected a password of {min} to {max} bytes", min = password::BYTES_MIN, max = password::BYTES_MAX)]
    Password,
    /// Another one has the name.
    #[error("{what} {name:?} is there already")]
    Exists {
        /// `user` or `token`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Nobody has the name.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// `user` or `token`.
        what: &'static str,
        /// The name asked for.
        name: String,
    },
    /// There are as many as there may be.
    #[error("there are {MEMBERS_MAX} {0}s, which is the limit")]
    Full(&'static str),
    /// The file cannot be read or written, or is none of these. The text names it.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// What the file says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    tokens: Vec<Token>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) role: Role,
    /// Tells this user from one of the same name who was removed.
    pub(super) id: String,
    /// A PHC string.
    pub(super) password: String,
    created_at: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) name: String,
    pub(super) role: Role,
    /// Of the token's text, in hexadecimal.
    sha256: String,
    created_at: String,
}

impl Contents {
    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// All are compared, each in constant time.
    pub(super) fn token(&self, digest: &[u8; 32]) -> Option<&Token> {
        let given = hex(digest);
        let known = self.tokens.iter().filter(|token| {
            let kept = token.sha256.as_bytes();
            bool::from(kept.ct_eq(given.as_bytes()))
        });
        known.max_by_key(|token| token.role)
    }
}

impl Roster {
    /// The roster of the state directory `directory`, which may not exist yet.
    pub fn of(directory: &Path) -> Self {
        Self {
            path: directory.join("accounts.json"),
        }
    }

    /// The users, in the order in which they were made.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn users(&self) -> Result<Vec<Member>, RosterError> {
        let users = self.read()?.users.into_iter();
        Ok(users
            .map(|user| member(user.name, user.role, user.created_at))
            .collect())
    }

    /// The tokens, in the order in which they were made.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tokens(&self) -> Result<Vec<Member>, RosterError> {
        let tokens = self.read()?.tokens.into_iter();
        Ok(tokens
            .map(|token| member(token.name, token.role, token.created_at))
            .collect())
    }

    /// Makes a user. Of the password its argon2id hash is kept, which takes tens of milliseconds.
    ///
    /// # Errors
    /// A bad name or password, a user of this name, or the file.
    pub fn add_user(&self, name: &str, role: Role, password: &str) -> Result<(), RosterError> {
        check_name(name)?;
        let password = password::hash(password).ok_or(RosterError::Password)?;
        let id = auth::random_hex().map_err(|error| self.failed(&error))?;
        self.change(|contents| {
            let names = contents.users.iter().map(|user| &*user.name);
            check_new("user", name, names)?;
            let (name, created_at) = (name.to_owned(), now());
            contents.users.push(User {
                name,
                role,
                id,
                password,
                created_at,
            });
            Ok(())
        })
    }

    /// Removes a user, whose sessions end with this.
    ///
    /// # Errors
    /// There is none of this name, or the file.
    pub fn remove_user(&self, name: &str) -> Result<(), RosterError> {
        self.change(|contents| {
            let before = contents.users.len();
            contents.users.retain(|user| user.name != name);
            check_removed("user", name, before > contents.users.len())
        })
    }

    /// Makes a token and returns its text, 64 hexadecimal digits, of which the SHA-256 is kept: it
    /// cannot be shown again.
    ///
    /// # Errors
    /// A bad name, a token of this name, or the file.
    pub fn add_token(&self, name: &str, role: Role) -> Result<String, RosterError> {
        check_name(name)?;
        let text = auth::random_hex().map_err(|error| self.failed(&error))?;
        let sha256 = hex(&digest(&text));
        self.change(|contents| {
            check_new(
                "token",
                name,
                contents.tokens.iter().map(|token| &*token.name),
            )?;
            let (name, created_at) = (name.to_owned(), now());
            contents.tokens.push(Token {
                name,
                role,
                sha256,
                created_at,
            });
            Ok(())
        })?;
        Ok(text)
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// There is none of this name, or the file.
    pub fn revoke_token(&self, name: &str) -> Result<(), RosterError> {
        self.change(|contents| {
            let before = contents.tokens.len();
            contents.tokens.retain(|token| token.name != name);
            check_removed("token", name, before > contents.tokens.len())
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file that is not there is an empty one.
    pub(super) fn read(&self) -> Result<Contents, RosterError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
            Err(error) => return Err(self.failed(&error)),
        };
        let mut text = String::new();
        let read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| self.failed(&error))?;
        serde_json::from_str(&text).map_err(|error| self.failed(&error))
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Contents) -> Result<(), RosterError>,
    ) -> Result<(), RosterError> {
        let lock = self.lock().map_err(|error| self.failed(&error))?;
        let mut contents = self.read()?;
        change(&mut contents)?;
        let text = serde_json::to_vec_pretty(&contents).map_err(|error| self.failed(&error))?;
        self.replace(&text).map_err(|error| self.failed(&error))?;
        drop(lock);
        Ok(())
    }

    /// Held until the file that is returned is dropped.
    fn lock(&self) -> io::Result<File> {
        let path = self.path.with_extension("lock");
        let lock = private().open(&path)?;
        give_to_owner_of_directory(&path);
        lock.lock()?;
        Ok(lock)
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let beside = self.path.with_extension("json.new");
        let mut file = private().truncate(true).open(&beside)?;
        file.write_all(text)?;
        file.sync_all()?;
        give_to_owner_of_directory(&beside);
        fs::rename(&beside, &self.path)
    }

    fn failed(&self, reason: &dyn ToString) -> RosterError {
        RosterError::File {
            path: self.path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

/// Made, if it is not there, for its owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// What root makes must not keep the daemon's user from reading it. Who is not root may not give
/// anything away, and need not.
fn give_to_owner_of_directory(path: &Path) {
    #[cfg(unix)]
    if let Some(Ok(directory)) = path.parent().map(fs::metadata) {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let _ = chown(path, Some(directory.uid()), Some(directory.gid()));
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn member(name: String, role: Role, created_at: String) -> Member {
    Member {
        name,
        role,
        created_at,
    }
}

fn check_name(name: &str) -> Result<(), RosterError> {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@-".contains(&byte);
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_name_byte) {
        return Ok(());
    }
    Err(RosterError::Name(name.chars().take(100).collect()))
}

fn check_new<'a>(
    what: &'static str,
    name: &str,
    mut names: impl ExactSizeIterator<Item = &'a str>,
) -> Result<(), RosterError> {
    if names.len() >= MEMBERS_MAX {
        return Err(RosterError::Full(what));
    }
    if names.any(|known| known == name) {
        let name = name.to_owned();
        return Err(RosterError::Exists { what, name });
    }
    Ok(())
}

fn check_removed(what: &'static str, name: &str, was_there: bool) -> Result<(), RosterError> {
    let name = || name.to_owned();
    was_there
        .then_some(())
        .ok_or_else(|| RosterError::Unknown { what, name: name() })
}

fn now() -> String {
    let now = jiff::Timestamp::now();
    format!("{now:.0}")
}
