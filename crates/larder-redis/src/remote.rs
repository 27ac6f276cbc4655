//! How a program names its server, and the settings of the link.
//!
//! Must not know what the link is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder::remote::{Link, Membership, Remote};

use crate::checks::Checks;
use crate::tending::{Config, Server};
use crate::tls::Trust;
use crate::url::{Login, Target, UrlError};

/// A Redis or Valkey server. `Clone` is a handle on the same connections; a setting that is changed
/// makes a value with connections of its own, so settings come first.
#[derive(Clone)]
pub struct Redis(Arc<Server>);

impl Redis {
    /// The server at this URL: `redis://[user:password@]host[:6379][/db]`, `rediss://…` with TLS,
    /// `unix:///path[?db=n&user=…&password=…]`, or
    /// `redis+sentinel://[user:password@]host[:26379],host…/name[/db][?sentinel_user=…&sentinel_password=…]`
    /// (`rediss+sentinel://` with TLS to both), or all primaries of a cluster that some of its nodes
    /// lead to: `redis+cluster://[user:password@]host[:6379],host…` (`rediss+cluster://`). What is no plain letter in a user, password or path is
    /// written as `%40`.
    ///
    /// # Errors
    /// What is wrong with the URL and what was expected; the password is not in it.
    ///
    /// ```
    /// use larder_redis::Redis;
    /// assert!(Redis::at("redis://localhost/2").is_ok());
    /// let error = Redis::at("localhost:6379").err().unwrap();
    /// assert!(error.to_string().contains("redis://"));
    /// ```
    pub fn at(url: &str) -> Result<Self, UrlError> {
        Ok(Self::with(Target::parse(url)?))
    }

    /// The server that `REDIS_HOST` names, with `REDIS_PORT` (6379) and `REDIS_DB` (0); `None` if it
    /// names none.
    ///
    /// # Errors
    /// A port or database that is no number.
    pub fn from_env() -> Result<Option<Self>, UrlError> {
        let target = Target::from_vars(|name| std::env::var(name).ok())?;
        Ok(target.map(Self::with))
    }

    fn with(target: Target) -> Self {
        Self(Arc::new(Server::new(Config {
            target,
            prefix: "larder".to_owned(),
            max_value_bytes: 8 << 20,
            connect_timeout: Duration::from_secs(2),
            trust: Arc::new(Trust::default()),
            checks: Checks::default(),
        })))
    }

    pub(crate) fn server(&self) -> &Server {
        &self.0
    }

    fn changed(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.0.config.clone();
        change(&mut config);
        Self(Arc::new(Server::new(config)))
    }

    /// The way in, in place of what the URL says: a user (`None`: the server's default one) and a
    /// password, both as they are.
    #[must_use]
    pub fn login(self, user: Option<&str>, password: &str) -> Self {
        self.changed(|config| {
            config.target.login = Login {
                user: user.map(str::to_owned),
                password: Some(password.to_owned()),
            };
        })
    }

    /// Takes out the check of this name, if there is one: for the proof that a checker notices.
    #[cfg(feature = "switches")]
    #[doc(hidden)]
    #[must_use]
    pub fn without_check(self, name: &str) -> Option<Self> {
        let checks = Checks::without(name)?;
        Some(self.changed(|config| config.checks = checks))
    }

    /// What the names of all keys begin with: 1 to 64 of `[A-Za-z0-9_.:-]`, `larder` if not set. Those
    /// who share values share it; another is said by the cache that joins.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        self.changed(|config| prefix.clone_into(&mut config.prefix))
    }

    /// Entries of more bytes are not stored at the server; 8 MiB if not set.
    #[must_use]
    pub fn max_value_bytes(self, bytes: usize) -> Self {
        self.changed(|config| config.max_value_bytes = bytes)
    }

    /// How long connecting may take, the first words included; 2 s if not set.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.changed(|config| config.connect_timeout = timeout)
    }

    /// Trusts the authorities in this PEM, and not the system's, when TLS is spoken.
    #[must_use]
    pub fn trusting(self, pem: impl Into<Vec<u8>>) -> Self {
        self.changed(|config| config.trust = Arc::new(Trust::in_pem(pem.into())))
    }
}

impl Remote for Redis {
    fn join(&self, membership: Membership) -> Result<Arc<dyn Link>, String> {
        Ok(Arc::new(self.0.join(membership)?))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.0.target())
    }
}
