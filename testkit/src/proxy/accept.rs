//! The proxy's thread: accepts connections and makes changes.

use std::io;
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc as blocking;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection::Connection;
use super::rules::{Rules, Traffic};
use crate::ports;

const CONNECTIONS_MAX: usize = 1024;
/// How often another port is tried when somebody took the first.
const PORTS_MAX: usize = 8;

/// How long one waits after the system failed to accept a connection.
const PAUSE: Duration = Duration::from_millis(10);

type Change = Box<dyn FnOnce(&mut Rules, u64) + Send>;

/// A change to make, and whom to tell that it holds.
pub(super) struct Command {
    change: Change,
    done: blocking::SyncSender<io::Result<()>>,
}

impl Command {
    /// The change is given the number of connections so far.
    pub(super) fn new(
        change: impl FnOnce(&mut Rules, u64) + Send + 'static,
    ) -> (Self, blocking::Receiver<io::Result<()>>) {
        let (done, is_done) = blocking::sync_channel(1);
        let change = Box::new(change);
        (Self { change, done }, is_done)
    }
}

/// Starts the thread of a proxy to this server; gives the address where it
/// listens. The thread ends when the sender of its commands is dropped.
pub(super) fn start(
    server: SocketAddr,
    traffic: Arc<Traffic>,
    commands: mpsc::UnboundedReceiver<Command>,
) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let (listening, started) = blocking::sync_channel(1);
    let failed = listening.clone();
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let acceptor = Acceptor::bind(server, traffic)?;
            let _ = listening.send(Ok(acceptor.addr));
            acceptor.run(commands).await;
            io::Result::Ok(())
        })
    };
    let name = "fault-proxy".to_owned();
    let thread = thread::Builder::new().name(name).spawn(move || {
        if let Err(error) = serve() {
            let _ = failed.send(Err(error));
        }
    })?;
    let addr = started
        .recv()
        .unwrap_or_else(|ended| Err(io::Error::other(ended)))?;
    Ok((addr, thread))
}

/// The same socket twice: one to await connections, one to ask whether there
/// is any at this moment.
struct Listener {
    awaited: TcpListener,
    asked: net::TcpListener,
}

impl Listener {
    fn bind(addr: SocketAddr) -> io::Result<Self> {
        let asked = net::TcpListener::bind(addr)?;
        asked.set_nonblocking(true)?;
        let awaited = TcpListener::from_std(asked.try_clone()?)?;
        Ok(Self { awaited, asked })
    }
}

struct Acceptor {
    addr: SocketAddr,
    server: SocketAddr,
    /// None while connections are refused.
    listener: Option<Listener>,
    rules: watch::Sender<Rules>,
    traffic: Arc<Traffic>,
    connections: JoinSet<()>,
}

impl Acceptor {
    fn bind(server: SocketAddr, traffic: Arc<Traffic>) -> io::Result<Self> {
        let bind = || {
            let addr = ports::free();
            Listener::bind(addr).map(|listener| (addr, listener))
        };
        let first = (1..PORTS_MAX).find_map(|_| bind().ok());
        let (addr, listener) = first.map_or_else(bind, Ok)?;
        Ok(Self {
            addr,
            server,
            listener: Some(listener),
            rules: watch::Sender::new(Rules::default()),
            traffic,
            connections: JoinSet::new(),
        })
    }

    /// Until nobody can send a command any more. Connections end with it.
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let has_room = self.connections.len() < CONNECTIONS_MAX;
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                Some(_) = self.connections.join_next() => {
                    self.traffic.open.store(self.connections.len() as u64, Relaxed);
                }
                client = accept(self.listener.as_ref()), if has_room => self.take(client),
            }
        }
    }

    /// Connections that the system has accepted already count as made: they
    /// are taken in first.
    fn obey(&mut self, command: Command) {
        while let Some(client) = self.waiting() {
            self.take(client);
        }
        let accepted = self.traffic.connections.load(Relaxed);
        self.rules
            .send_modify(|rules| (command.change)(rules, accepted));
        let result = self.listen();
        let _ = command.done.send(result);
    }

    fn waiting(&self) -> Option<TcpStream> {
        if self.connections.len() >= CONNECTIONS_MAX {
            return None;
        }
        let (client, _) = self.listener.as_ref()?.asked.accept().ok()?;
        client.set_nonblocking(true).ok()?;
        TcpStream::from_std(client).ok()
    }

    /// Listens or does not, as the rules say.
    fn listen(&mut self) -> io::Result<()> {
        if self.rules.borrow().is_refusing {
            self.listener = None;
        } else if self.listener.is_none() {
            self.listener = Some(Listener::bind(self.addr)?);
        }
        Ok(())
    }

    fn take(&mut self, client: TcpStream) {
        let number = self.traffic.connections.fetch_add(1, Relaxed);
        let connection = Connection {
            number,
            server: self.server,
            rules: self.rules.clone(),
            traffic: Arc::clone(&self.traffic),
        };
        self.connections.spawn(connection.run(client));
        self.traffic
            .open
            .store(self.connections.len() as u64, Relaxed);
    }
}

/// The next connection; never, while connections are refused. One that failed
/// before it was accepted is none.
async fn accept(listener: Option<&Listener>) -> TcpStream {
    loop {
        let Some(listener) = listener else {
            return std::future::pending().await;
        };
        match listener.awaited.accept().await {
            Ok((client, _)) => return client,
            Err(_) => sleep(PAUSE).await,
        }
    }
}
