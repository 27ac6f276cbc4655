//! Where events come in: datagrams into a bounded queue. What does not fit is counted and lost, which
//! the numbers of the events then show.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::figures::Figures;
use super::shared::Shared;

/// Datagrams that wait to be applied.
pub(super) const QUEUE: usize = 16_384;
/// What the system is asked to hold for a reader that is late; it may give less.
const BUFFER_BYTES: usize = 4 << 20;
/// The largest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Datagrams read in a row before others may run.
const BURST: usize = 64;
/// How long to wait before a port that is taken is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Receives until it is dropped. Tries again for as long as the address cannot be had.
pub(super) async fn receive(
    address: SocketAddr,
    shared: Arc<Shared>,
    queue: mpsc::Sender<Vec<u8>>,
    bound: tokio::sync::watch::Sender<Option<SocketAddr>>,
) {
    loop {
        let error = match bind(address).await {
            Ok(socket) => {
                shared.write(|state, _| state.udp_error = None);
                bound.send_replace(socket.local_addr().ok());
                pump(&socket, &shared.figures, &queue).await
            }
            Err(error) => error,
        };
        let why = format!("events cannot be received on UDP {address}: {error}");
        tracing::warn!("live: {why}");
        shared.write(|state, _| state.udp_error = Some(why));
        tokio::time::sleep(PATIENCE).await;
    }
}

async fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address).await?;
    if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(BUFFER_BYTES) {
        tracing::debug!(%error, "the socket keeps its small buffer");
    }
    Ok(socket)
}

async fn pump(socket: &UdpSocket, figures: &Figures, queue: &mpsc::Sender<Vec<u8>>) -> io::Error {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let put = |received: io::Result<usize>, buffer: &[u8]| match received {
        Ok(bytes) => {
            figures.datagrams.increment();
            if queue.try_send(buffer[..bytes].to_vec()).is_err() {
                figures.dropped.increment();
            }
            Ok(())
        }
        // A datagram of ours that nobody took, told late.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error),
    };
    loop {
        let received = socket.recv(&mut buffer).await;
        if let Err(error) = put(received, &buffer) {
            return error;
        }
        for _ in 0..BURST {
            match socket.try_recv(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                received => {
                    if let Err(error) = put(received, &buffer) {
                        return error;
                    }
                }
            }
        }
        tokio::task::yield_now().await;
    }
}
