//! One direction of one connection: bytes are read as they come and written
//! when the rules let them pass.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::connection::End;
use super::rules::{Lane, Rules};

/// Pieces that are under way, each of [`PIECE_BYTES`] at most: together a MiB.
const PIECES_MAX: usize = 64;
const PIECE_BYTES: usize = 16 * 1024;

/// Where the bytes of one direction run through.
pub(super) struct Pipe<'a> {
    pub(super) connection: u64,
    pub(super) lane: usize,
    pub(super) rules: &'a watch::Sender<Rules>,
    pub(super) passed: &'a AtomicU64,
}

/// Something that was read, and when.
struct Piece {
    number: u64,
    read: Instant,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    EndOfStream,
    Reset,
}

impl Pipe<'_> {
    /// Until the stream has ended and its end has been passed on, which is
    /// `Ok`, or the whole connection ends.
    pub(super) async fn run(
        &self,
        reader: ReadHalf<'_>,
        mut writer: WriteHalf<'_>,
    ) -> Result<(), End> {
        let (pieces, mut under_way) = mpsc::channel(PIECES_MAX);
        let write = async {
            while let Some(piece) = under_way.recv().await {
                self.pass(piece, &mut writer).await?;
            }
            Ok(())
        };
        tokio::try_join!(read(reader, pieces), write)?;
        Ok(())
    }

    async fn pass(&self, piece: Piece, writer: &mut WriteHalf<'_>) -> Result<(), End> {
        self.until_due(&piece).await;
        match piece.content {
            Content::Bytes(bytes) => self.write(&bytes, writer).await,
            Content::EndOfStream => writer.shutdown().await.map_err(|_| End::Reset),
            Content::Reset => Err(End::Reset),
        }
    }

    /// A change of the rules changes when a piece is due.
    async fn until_due(&self, piece: &Piece) {
        let delay = |lane: &Lane| lane.delay(self.connection, piece.number);
        self.until(|lane| (!lane.is_black_hole).then(|| piece.read + delay(lane)))
            .await;
    }

    async fn write(&self, mut bytes: &[u8], writer: &mut WriteHalf<'_>) -> Result<(), End> {
        while !bytes.is_empty() {
            self.until(|lane| (!lane.is_black_hole).then(Instant::now))
                .await;
            let (slice, _) = self.rules.borrow().lanes[self.lane].slice(bytes.len());
            let (len, is_cut) = self.take(slice);
            let (now, rest) = bytes.split_at(len);
            self.passed.fetch_add(len as u64, Relaxed);
            writer.write_all(now).await.map_err(|_| End::Reset)?;
            if is_cut {
                return Err(End::Close);
            }
            bytes = rest;
            let written = Instant::now();
            self.until(|lane| Some(written + lane.slice(len).1)).await;
        }
        Ok(())
    }

    /// Counts bytes towards a cut; that wakes nobody.
    fn take(&self, len: usize) -> (usize, bool) {
        let mut taken = (len, false);
        self.rules.send_if_modified(|rules| {
            taken = rules.lanes[self.lane].pass(len);
            false
        });
        taken
    }

    /// Until the time that the rules name, as they are then; none is never.
    async fn until(&self, due: impl Fn(&Lane) -> Option<Instant>) {
        let mut rules = self.rules.subscribe();
        loop {
            let due = due(&rules.borrow_and_update().lanes[self.lane]);
            let is_due = due.is_some_and(|due| due <= Instant::now());
            if is_due {
                return;
            }
            tokio::select! {
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                _ = rules.changed() => {}
            }
        }
    }
}

/// Reads until the stream ends or nobody wants its bytes.
async fn read(mut reader: ReadHalf<'_>, pieces: mpsc::Sender<Piece>) -> Result<(), End> {
    let mut buffer = vec![0; PIECE_BYTES];
    for number in 0.. {
        let content = match reader.read(&mut buffer).await {
            Ok(0) => Content::EndOfStream,
            Ok(len) => Content::Bytes(buffer[..len].to_vec()),
            Err(_) => Content::Reset,
        };
        let is_last = !matches!(content, Content::Bytes(_));
        let piece = Piece {
            number,
            read: Instant::now(),
            content,
        };
        if pieces.send(piece).await.is_err() || is_last {
            break;
        }
    }
    Ok(())
}
