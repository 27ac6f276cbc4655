//! Accepting connections, and letting go of them in order.

mod patience;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use patience::Patient;

/// Connections open at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// A connection that sends no whole request head for this long is closed.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What the system keeps for a client that does not read, which Linux doubles: with more, one that never reads
/// a stream would be taken for a reader for minutes.
const SEND_BUFFER: usize = 64 << 10;
/// After an accept that failed (too many open files, say) the next one waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` over HTTP/1.1 until `stop` completes, then gives open requests up to `drain` to
/// end. A client that takes nothing of its answer, or of a stream, for 30 s is let go. A connection that became a `WebSocket` is its service's from then on: it counts no more, and
/// the service ends it.
///
/// # Errors
/// None yet; a listener that fails for a while is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send,
    drain: Duration,
) -> io::Result<()> {
    // Every connection holds a receiver: the channel is closed once all have ended.
    let (draining, _) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(SILENCE_MAX);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, slot)) = accepted else {
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(Patient::new(stream)), service);
        let connection = converse(connection.with_upgrades(), draining.subscribe());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    draining.send_replace(true);
    if tokio::time::timeout(drain, draining.closed())
        .await
        .is_err()
    {
        tracing::warn!(?drain, "requests still open after the drain are cut off");
    }
    Ok(())
}

type Connection =
    http1::UpgradeableConnection<TokioIo<Patient<TcpStream>>, TowerToHyperService<Router>>;

/// Answers a connection's requests; once `draining` says so, the one that is open is its last.
async fn converse(
    connection: Connection,
    mut draining: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    let told = async {
        // An error means that whoever would say so is gone, which is the end too.
        let _ = draining.wait_for(|draining| *draining).await;
    };
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = told => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// The next connection with its slot, once one is free.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
            if let Err(error) = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER) {
                tracing::debug!(%error, "a connection keeps its buffer");
            }
            Some((stream, slot))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
