//! Users with passwords, their sessions, and opaque tokens: who comes in besides the bearer of the
//! admin token.
//!
//! ```text
//! larder user, larder token ──► roster: accounts.json in the state directory
//!                                  │ read again when it has changed
//! POST /api/auth/login ─ limits ─ password ─► sessions: sign ──► access (30 min), refresh (7 days)
//! Authorization: Bearer … ─► Accounts::bearer ─► sessions: check ─► the role that the roster says now
//! ```
//!
//! Nothing of a session is kept but the key that signs it: a token names its user, and is worth what the
//! roster says of that user when it is used. It must not know what a role is good for.

mod limits;
mod login;
mod password;
mod roster;
mod sessions;
mod watched;

use std::io;
use std::path::Path;
use std::sync::Arc;

use larder::Clock;

use crate::auth::{Bearer, Role, admin_token, digest};
use crate::health::{Check, Standing};
use crate::mount::Mount;

pub use roster::{Member, Roster, RosterError};

use limits::Limits;
use sessions::{Kind, Sessions};
use watched::Watched;

/// The accounts of a state directory, as a daemon uses them. Cloning gives another handle.
///
/// ```no_run
/// use larder_http::{Access, Accounts, Role};
///
/// # fn main() -> std::io::Result<()> {
/// let accounts = Accounts::open("state".as_ref(), larder::Clock::system())?;
/// let mount = accounts.mount(); // POST /api/auth/login and /api/auth/refresh
/// let access = Access::new("the admin's token", Some(Role::Viewer))
///     .issuer(move |token| accounts.bearer(token));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Accounts {
    shared: Arc<Shared>,
}

struct Shared {
    roster: Watched,
    sessions: Sessions,
    limits: Limits,
}

impl Accounts {
    /// The accounts of the state directory `directory`. The first call makes the key that signs
    /// sessions, readable by its owner only; deleting it ends all sessions at the next start. Blocks on
    /// the disk.
    ///
    /// # Errors
    /// The key or the roster cannot be read; the text names the file.
    pub fn open(directory: &Path, clock: Clock) -> io::Result<Self> {
        let key = admin_token(&directory.join("sessions.key"))?;
        let roster = Watched::open(Roster::of(directory)).map_err(io::Error::other)?;
        let shared = Shared {
            roster,
            limits: Limits::new(clock.clone()),
            sessions: Sessions::new(key.as_bytes(), clock),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Whose a token is, for [`Access::issuer`](crate::Access::issuer): `None` if it is of no kind
    /// that is made here, else its name and its role now or what is wrong with it. It asks the file system
    /// whether the roster has changed, and reads it if it has.
    pub fn bearer(&self, token: &str) -> Option<Result<Bearer, String>> {
        if sessions::looks_like_one(token) {
            let claims = self.shared.sessions.check(token, Kind::Access);
            return Some(claims.and_then(|claims| {
                let role = self.shared.role_of_user(&claims)?;
                let name = format!("user {}", claims.sub);
                Ok(Bearer { name, role })
            }));
        }
        let contents = self.shared.roster.now();
        let token = contents.token(&digest(token))?;
        Some(Ok(Bearer {
            name: format!("token {}", token.name),
            role: token.role,
        }))
    }

    /// The routes by which a user gets tokens, and whether the accounts are what their file says.
    pub fn mount(&self) -> Mount {
        let shared = self.shared.clone();
        let standing = move || match shared.roster.trouble() {
            None => Standing::Ready,
            Some(why) => Standing::Degraded(format!("as they were before, since {why}")),
        };
        Mount::new()
            .check(Check::new("accounts", standing).kind("file"))
            .open(login::router(self))
            .document(login::document())
    }
}

impl Shared {
    /// The role that the user of a session has now.
    fn role_of_user(&self, claims: &sessions::Claims) -> Result<Role, String> {
        let contents = self.roster.now();
        let user = contents
            .user(&claims.sub)
            .filter(|user| user.id == claims.uid);
        let user = user.ok_or_else(|| "the user of this token was removed".to_owned())?;
        Ok(user.role)
    }
}
