//! One connection: the stream, the first words, and a task that reads from it until it ends.
//!
//! The streams are made here and not by the `redis` crate, so that a connection ends at once when it is
//! to end, whoever still has a call under way, and so that TLS needs no process-wide provider of
//! cryptography. Must not know scripts, keys, or what the connection is for.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use crate::tls::Trust;
use crate::url::{Host, Login};

/// Commands that wait to be written, at most; who has more waits.
const WAITING_MAX: usize = 1_024;

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
    connection: MultiplexedConnection,
    reader: AbortHandle,
}

/// Who is told of what the server says unasked.
pub(crate) type Pushes = Arc<dyn AsyncPushSender>;

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

impl Wire {
    /// Connects. `last` is dropped when the connection has ended, for whatever reason. Pushes need
    /// RESP3; without them the connection speaks it where `is_resp3` says so.
    pub(crate) async fn open(
        road: &Road,
        is_resp3: bool,
        pushes: Option<Pushes>,
        last: impl Send + 'static,
    ) -> Result<Self, RedisError> {
        let opened = tokio::time::timeout(road.time_out, connect(road, is_resp3, pushes)).await;
        let (connection, reading) = opened
            .map_err(|_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))??;
        let reader = tokio::spawn(async move {
            let _last = last;
            reading.await;
        });
        Ok(Self {
            connection,
            reader: reader.abort_handle(),
        })
    }

    /// To send through. It is of no use once the wire is dropped or ended.
    pub(crate) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// Ends it: the socket is closed, and who waits for an answer has an error.
    pub(crate) fn ender(&self) -> AbortHandle {
        self.reader.clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

type Reading = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn connect(
    road: &Road,
    is_resp3: bool,
    pushes: Option<Pushes>,
) -> Result<(MultiplexedConnection, Reading), RedisError> {
    let stream = stream(road).await?;
    let mut config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WAITING_MAX);
    if let Some(pushes) = pushes {
        config = config.set_push_sender(pushes);
    }
    let made =
        MultiplexedConnection::new_with_config(&greeting(road, is_resp3), stream, config).await;
    let (connection, reading) = made?;
    Ok((connection, Box::pin(reading)))
}

fn greeting(road: &Road, is_resp3: bool) -> RedisConnectionInfo {
    let mut greeting = RedisConnectionInfo::default()
        .set_db(road.db.into())
        .set_lib_name("larder", env!("CARGO_PKG_VERSION"))
        .set_protocol(if is_resp3 {
            ProtocolVersion::RESP3
        } else {
            ProtocolVersion::RESP2
        });
    if let Some(user) = &road.login.user {
        greeting = greeting.set_username(user);
    }
    if let Some(password) = &road.login.password {
        greeting = greeting.set_password(password);
    }
    greeting
}

async fn stream(road: &Road) -> std::io::Result<Pin<Box<dyn Stream>>> {
    let host = match &road.end {
        End::Unix(path) => return unix(path).await,
        End::Host(host) => host,
    };
    let stream = TcpStream::connect((host.name.as_str(), host.port)).await?;
    stream.set_nodelay(true)?;
    Ok(match &road.trust {
        Some(trust) => Box::pin(trust.wrap(&host.name, stream).await?),
        None => Box::pin(stream),
    })
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> std::io::Result<Pin<Box<dyn Stream>>> {
    Ok(Box::pin(tokio::net::UnixStream::connect(path).await?))
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> std::io::Result<Pin<Box<dyn Stream>>> {
    let words = "this system has no sockets with paths";
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, words))
}
