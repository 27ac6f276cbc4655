//! One client's connection and the server's that belongs to it.

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::lane::Pipe;
use super::rules::{Lane, Rules, Traffic};

/// How a connection ends at both its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With an end of the stream.
    Close,
    /// With a reset.
    Reset,
}

/// What a connection needs to know of the proxy.
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) server: SocketAddr,
    pub(super) rules: watch::Sender<Rules>,
    pub(super) traffic: Arc<Traffic>,
}

impl Connection {
    pub(super) async fn run(self, mut client: TcpStream) {
        let way_is_open = self.until(|rules| !rules.lanes[Lane::TO_SERVER].is_black_hole);
        if self.unless_reset(way_is_open).await.is_none() {
            return close(client, End::Reset).await;
        }
        // Not dropped while it is under way: that would look like a close.
        let mut connect = pin!(TcpStream::connect(self.server));
        let connected = self.unless_reset(connect.as_mut()).await;
        let Some(Ok(mut server)) = connected else {
            close(client, End::Reset).await;
            if connected.is_none()
                && let Ok(server) = connect.await
            {
                close(server, End::Reset).await;
            }
            return;
        };
        let relay = self.relay(&mut client, &mut server);
        let end = self.unless_reset(relay).await.unwrap_or(End::Reset);
        close(client, end).await;
        close(server, end).await;
    }

    /// The work's result; none if the connection is reset meanwhile. The work
    /// of a silent connection is not gone on with, and its sockets stay.
    async fn unless_reset<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.until(|rules| self.number < rules.reset_before) => None,
            done = self.unless_silent(work) => Some(done),
        }
    }

    async fn unless_silent<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.until(|rules| rules.is_silent(self.number)) => pending().await,
            done = work => done,
        }
    }

    async fn relay(&self, client: &mut TcpStream, server: &mut TcpStream) -> End {
        let _ = server.set_nodelay(true);
        let _ = client.set_nodelay(true);
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let (up, down) = (self.pipe(Lane::TO_SERVER), self.pipe(Lane::TO_CLIENT));
        let ended = tokio::try_join!(
            up.run(from_client, to_server),
            down.run(from_server, to_client),
        );
        ended.err().unwrap_or(End::Close)
    }

    fn pipe(&self, lane: usize) -> Pipe<'_> {
        Pipe {
            connection: self.number,
            lane,
            rules: &self.rules,
            passed: &self.traffic.bytes[lane],
        }
    }

    async fn until(&self, is_so: impl Fn(&Rules) -> bool) {
        let mut rules = self.rules.subscribe();
        let _ = rules.wait_for(|rules| is_so(rules)).await;
    }
}

async fn close(mut stream: TcpStream, end: End) {
    let _ = match end {
        End::Close => stream.shutdown().await,
        End::Reset => stream.set_zero_linger(),
    };
}
