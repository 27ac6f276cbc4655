//! One connection: the stream, the first words, and a task that drives it until it ends.
//!
//! It is made here and not by the `redis` crate, so that it ends at once when it is to end, whoever
//! still has a call under way, so that TLS needs no process-wide provider of cryptography, and so that
//! many callers share one write. Must not know scripts, keys, or what the connection is for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::AbortHandle;

use crate::commands::Commands;
use crate::driver::{Driver, Pushes, Stream};
use crate::pipe::Pipe;
use crate::refusal;
use crate::tcp::Tcp;
use crate::tls::Trust;
use crate::url::{Host, Login};

/// How to connect.
#[derive(Clone)]
pub(crate) struct Road {
    pub(crate) end: End,
    pub(crate) login: Login,
    pub(crate) db: u32,
    /// Present where TLS is wanted.
    pub(crate) trust: Option<Arc<Trust>>,
    /// For all of it: the connection and the first words.
    pub(crate) time_out: Duration,
}

/// What to connect to.
#[derive(Clone)]
pub(crate) enum End {
    Host(Host),
    Unix(std::path::PathBuf),
}

/// A connection, whose task ends with it.
pub(crate) struct Wire {
    pipe: Arc<Pipe>,
    driver: AbortHandle,
}

/// Why there is no connection, in words.
pub(crate) enum Unopened {
    /// The server knows no RESP3.
    Older(String),
    Refused(String),
}

impl Unopened {
    pub(crate) fn reason(self) -> String {
        let (Self::Older(reason) | Self::Refused(reason)) = self;
        reason
    }
}

impl Wire {
    /// Connects. `last` is called with the reason if the connection ends for one that can be told, and
    /// dropped when it has ended in any case, before calls fail. Pushes need RESP3; without them the
    /// connection speaks it where `is_resp3` says so.
    pub(crate) async fn open(
        road: &Road,
        is_resp3: bool,
        pushes: Option<Pushes>,
        last: impl FnOnce(String) + Send + 'static,
    ) -> Result<Self, Unopened> {
        let opened = async {
            let stream = stream(road).await;
            let stream = stream.map_err(|error| Unopened::Refused(refusal::failure(&error)))?;
            let wire = Self::over(stream, pushes, last);
            wire.greet(road, is_resp3).await?;
            Ok(wire)
        };
        let opened = tokio::time::timeout(road.time_out, opened).await;
        opened.unwrap_or_else(|_| Err(Unopened::Refused(refusal::SILENT.to_owned())))
    }

    fn over(
        (stream, socket): Way,
        pushes: Option<Pushes>,
        last: impl FnOnce(String) + Send + 'static,
    ) -> Self {
        let pipe = Pipe::new(socket);
        let mut driver = Driver::new(stream, pipe.clone(), pushes);
        let task = tokio::spawn(async move {
            match driver.run().await {
                Some(reason) => last(reason),
                None => drop(last),
            }
            drop(driver);
        });
        Self {
            pipe,
            driver: task.abort_handle(),
        }
    }

    /// Sends commands and waits for their answers, one for each, `limit` at most: a connection on which
    /// they take longer is over.
    ///
    /// # Errors
    /// The connection is over; what was asked may have been done.
    pub(crate) async fn send(
        &self,
        commands: Commands,
        limit: Duration,
    ) -> Result<Vec<Value>, String> {
        self.pipe.send(commands, limit).await
    }

    /// [`send`](Self::send) for one command.
    pub(crate) async fn send_one(&self, words: &[&[u8]], limit: Duration) -> Result<Value, String> {
        let mut answers = self.send(Commands::of(words), limit).await?;
        Ok(answers.pop().unwrap_or(Value::Nil))
    }

    /// Ends it: the socket is closed, and who waits for an answer has an error.
    pub(crate) fn ender(&self) -> AbortHandle {
        self.driver.clone()
    }

    /// The first words: who one is, how one speaks and of which database.
    async fn greet(&self, road: &Road, is_resp3: bool) -> Result<(), Unopened> {
        let Road { login, db, .. } = road;
        let (mut commands, db) = (Commands::default(), db.to_string());
        let user = login.user.as_deref().unwrap_or("default");
        match (&login.password, is_resp3) {
            (Some(password), true) => {
                let words = ["HELLO", "3", "AUTH", user, password];
                commands.add(&words.map(str::as_bytes));
            }
            (None, true) => commands.add(&[b"HELLO", b"3"]),
            (Some(password), false) => {
                // A sentinel of an old version knows no users.
                let user = login.user.as_deref();
                let words = ["AUTH"].into_iter().chain(user).chain([password.as_str()]);
                let words: Vec<&[u8]> = words.map(str::as_bytes).collect();
                commands.add(&words);
            }
            (None, false) => {}
        }
        if road.db != 0 {
            commands.add(&[b"SELECT", db.as_bytes()]);
        }
        let binding = commands.count();
        for (what, is) in [
            ("LIB-NAME", "larder"),
            ("LIB-VER", env!("CARGO_PKG_VERSION")),
        ] {
            commands.add(&["CLIENT", "SETINFO", what, is].map(str::as_bytes));
        }
        let answers = self.send(commands, road.time_out).await;
        let answers = answers.map_err(Unopened::Refused)?;
        for answer in answers.into_iter().take(binding) {
            if let Value::ServerError(error) = answer {
                let words = error.details().unwrap_or_default().to_lowercase();
                let is_older = is_resp3 && words.contains("unknown command");
                let reason = refusal::meaning(&error);
                return Err(if is_older {
                    Unopened::Older(reason)
                } else {
                    Unopened::Refused(reason)
                });
            }
        }
        Ok(())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A stream, and its socket if it is nothing more than that.
type Way = (Pin<Box<dyn Stream>>, Option<Arc<OwnedWriteHalf>>);

async fn stream(road: &Road) -> io::Result<Way> {
    let host = match &road.end {
        End::Unix(path) => return Ok((unix(path).await?, None)),
        End::Host(host) => host,
    };
    let stream = TcpStream::connect((host.name.as_str(), host.port)).await?;
    stream.set_nodelay(true)?;
    if let Some(trust) = &road.trust {
        return Ok((Box::pin(trust.wrap(&host.name, stream).await?), None));
    }
    let tcp = Tcp::new(stream);
    let socket = tcp.socket();
    Ok((Box::pin(tcp), Some(socket)))
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> io::Result<Pin<Box<dyn Stream>>> {
    Ok(Box::pin(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> io::Result<Pin<Box<dyn Stream>>> {
    let words = "this system has no sockets with paths";
    Err(io::Error::new(io::ErrorKind::Unsupported, words))
}
