//! Asks the daemon for everything that the view shows, on a thread of its own.
//!
//! It must not know how anything is drawn.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::args::Range;
use crate::client::{Answer, Caches, Client, Error, History, Stats};

const HISTORY: &str = "/api/metrics/history?range=1h";
const CACHES: &str = "/v1/caches";
/// The time to the next look while the first scan runs.
const SCAN_INTERVAL: Duration = Duration::from_millis(500);

/// One look at the daemon. `None` in a result: as before.
#[derive(Debug)]
pub(super) struct Update {
    /// When the answers had come.
    pub(super) at: Instant,
    pub(super) range: Range,
    pub(super) stats: Result<Option<Stats>, Error>,
    pub(super) history: Result<Option<History>, Error>,
    pub(super) caches: Result<Option<Caches>, Error>,
}

/// A client that asks only for what is newer than the last answer.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client,
    stats: Known,
    history: Known,
}

/// The last answer of one endpoint.
#[derive(Debug, Default)]
struct Known {
    path: String,
    etag: Option<String>,
}

impl Fetcher {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            stats: Known::default(),
            history: Known::default(),
        }
    }

    /// Asks for everything. Blocks for at most the client's time limit if
    /// nobody answers.
    pub(super) fn fetch(&mut self, range: Range, started: Instant) -> Update {
        let path = format!("/api/stats?time_range={}", range.word());
        let stats = newer(&self.client, &mut self.stats, &path);
        let mut update = Update {
            at: started,
            range,
            history: Ok(None),
            caches: Ok(None),
            stats,
        };
        if !matches!(update.stats, Err(Error::Unreachable { .. })) {
            update.history = newer(&self.client, &mut self.history, HISTORY);
            update.caches = self.client.get_json(CACHES).map(Some);
        }
        update
    }

    /// Looks at the daemon every `interval`, and at once when another range is
    /// asked for, until the view is gone.
    pub(super) fn run(
        mut self,
        mut range: Range,
        interval: Duration,
        ranges: &Receiver<Range>,
        deliver: impl Fn(Update) -> bool,
    ) {
        loop {
            let update = self.fetch(range, Instant::now());
            let is_scanning = matches!(&update.stats, Err(Error::NotReady(_)));
            if !deliver(update) {
                return;
            }
            let pause = if is_scanning {
                interval.min(SCAN_INTERVAL)
            } else {
                interval
            };
            match ranges.recv_timeout(pause) {
                Ok(asked) => range = ranges.try_iter().last().unwrap_or(asked),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

fn newer<T: DeserializeOwned>(
    client: &Client,
    known: &mut Known,
    path: &str,
) -> Result<Option<T>, Error> {
    let etag = known.etag.take().filter(|_| known.path == path);
    match client.get(path, etag.as_deref())? {
        Answer::Unchanged => {
            known.etag = etag;
            Ok(None)
        }
        Answer::Body { text, etag } => {
            let value = client.parse(path, &text)?;
            *known = Known {
                path: path.to_owned(),
                etag,
            };
            Ok(Some(value))
        }
    }
}
