//! The source of truth: a version for each key, over TCP, in the parent's process.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

use crate::record::KEYS;

pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    versions: Arc<Vec<AtomicU64>>,
    bumps: Arc<AtomicU64>,
}

impl Origin {
    /// The updates that were made, and the sum of all versions: equal, if none was lost.
    pub(crate) fn updates(&self) -> (u64, u64) {
        let sum = self.versions.iter().map(|v| v.load(Ordering::SeqCst)).sum();
        (self.bumps.load(Ordering::SeqCst), sum)
    }
}

/// Answers `get KEY` and `bump KEY` with the version.
pub(crate) fn start() -> std::io::Result<Origin> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let versions: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let origin = Origin {
        addr: listener.local_addr()?,
        versions: versions.clone(),
        bumps: Arc::default(),
    };
    let bumps = origin.bumps.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (versions, bumps) = (versions.clone(), bumps.clone());
            std::thread::spawn(move || serve(&stream, &versions, &bumps));
        }
    });
    Ok(origin)
}

fn serve(stream: &TcpStream, versions: &[AtomicU64], bumps: &AtomicU64) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        let (what, key) = line.split_once(' ')?;
        let version = versions.get(key.parse::<usize>().ok()?)?;
        let answer = if what == "bump" {
            bumps.fetch_add(1, Ordering::SeqCst);
            version.fetch_add(1, Ordering::SeqCst) + 1
        } else {
            version.load(Ordering::SeqCst)
        };
        writeln!(writer, "{answer}").ok()?;
    }
    Some(())
}

/// Asks the origin once.
pub(crate) async fn ask(addr: SocketAddr, what: &str, key: u64) -> std::io::Result<u64> {
    let mut stream = tokio::net::TcpStream::connect(addr).await?;
    stream
        .write_all(format!("{what} {key}\n").as_bytes())
        .await?;
    let mut line = String::new();
    tokio::io::BufReader::new(&mut stream)
        .read_line(&mut line)
        .await?;
    let answer = line.trim().parse();
    answer.map_err(|_| std::io::ErrorKind::UnexpectedEof.into())
}
