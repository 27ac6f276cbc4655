//! Asks the daemon for what the view shows, on a thread of its own.
//!
//! It must not know how anything is drawn.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::known::Asked;
use crate::args::{Range, Tab, Window};
use crate::client::{
    self, Advice, Answer, Caches, Client, Error, Explained, History, Keys, Stats, Status,
};

const HISTORY: &str = "/api/metrics/history?range=1h";
const CACHES: &str = "/v1/caches";
const STATUS: &str = "/v1/status";
const ADVICE: &str = "/v1/recommendations";
/// The time to the next look while the first scan runs.
const SCAN_INTERVAL: Duration = Duration::from_millis(500);

/// What the view wants to know.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) tab: Tab,
    pub(super) window: Window,
    pub(super) range: Range,
    /// The cache whose keys are wanted; without one, the busiest.
    pub(super) cache: Option<String>,
    /// A cache and the text of a key of it.
    pub(super) explain: Option<(String, String)>,
    /// Nothing is asked by itself then.
    pub(super) is_paused: bool,
    /// Not the figures that all tabs share.
    pub(super) only_tab: bool,
}

/// One look at the daemon.
#[derive(Debug)]
pub(super) struct Update {
    /// When it began.
    pub(super) at: Instant,
    pub(super) wanted: Wanted,
    /// Why nobody answered.
    pub(super) lost: Option<Error>,
    pub(super) status: Asked<Status>,
    pub(super) caches: Asked<Caches>,
    pub(super) figures: Asked<client::Window>,
    pub(super) stats: Asked<Stats>,
    pub(super) history: Asked<History>,
    /// The cache that the keys are of.
    pub(super) keys_of: Option<String>,
    pub(super) keys: Asked<Keys>,
    pub(super) advice: Asked<Advice>,
    pub(super) explained: Asked<Explained>,
}

impl Update {
    /// Before anything was asked.
    pub(super) fn new(wanted: Wanted, at: Instant) -> Self {
        Self {
            at,
            wanted,
            lost: None,
            status: Asked::Not,
            caches: Asked::Not,
            figures: Asked::Not,
            stats: Asked::Not,
            history: Asked::Not,
            keys_of: None,
            keys: Asked::Not,
            advice: Asked::Not,
            explained: Asked::Not,
        }
    }

    fn is_scanning(&self) -> bool {
        matches!(&self.stats, Asked::Failed(Error::NotReady(_)))
    }
}

/// A client that asks only for what is newer than the last answer.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client,
    stats: Known,
    history: Known,
    busiest: Option<String>,
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
            busiest: None,
        }
    }

    /// Asks for what is wanted, and for no more once nobody answers. Blocks for at most the client's time
    /// limit then.
    pub(super) fn fetch(&mut self, wanted: &Wanted, started: Instant) -> Update {
        let mut update = Update::new(wanted.clone(), started);
        if let Err(lost) = self.fill(&mut update) {
            update.lost = Some(lost);
        }
        update
    }

    fn fill(&mut self, update: &mut Update) -> Result<(), Error> {
        let wanted = update.wanted.clone();
        if let Some((cache, key)) = &wanted.explain {
            update.explained = self.ask(&explain_path(cache, key))?;
        }
        if !wanted.only_tab {
            self.fill_shared(update)?;
        }
        match wanted.tab {
            Tab::Keys => self.fill_keys(update)?,
            Tab::Advice => update.advice = self.ask(ADVICE)?,
            Tab::Usage => {
                let path = format!("/api/stats?time_range={}", wanted.range.word());
                update.stats = newer(&self.client, &mut self.stats, &path)?;
                update.history = newer(&self.client, &mut self.history, HISTORY)?;
            }
            Tab::Overview | Tab::Caches | Tab::Backends => {}
        }
        Ok(())
    }

    fn fill_shared(&mut self, update: &mut Update) -> Result<(), Error> {
        update.caches = self.ask(CACHES)?;
        update.status = self.ask(STATUS)?;
        if update.wanted.window != Window::All {
            let path = format!("/v1/metrics?window={}", update.wanted.window.word());
            update.figures = self.ask(&path)?;
        }
        if let Asked::New(Caches { caches }) = &update.caches {
            let busiest = caches.iter().max_by_key(|cache| cache.stats.gets);
            self.busiest = busiest.map(|cache| cache.name.clone());
        }
        Ok(())
    }

    fn fill_keys(&mut self, update: &mut Update) -> Result<(), Error> {
        let cache = update.wanted.cache.clone().or_else(|| self.busiest.clone());
        if let Some(cache) = &cache {
            update.keys = self.ask(&format!("/v1/caches/{}/keys", client::segment(cache)))?;
        }
        update.keys_of = cache;
        Ok(())
    }

    /// Looks at the daemon every `interval`, and at once when something else is wanted, until the view
    /// is gone.
    pub(super) fn run(
        mut self,
        mut wanted: Wanted,
        interval: Duration,
        wishes: &Receiver<Wanted>,
        deliver: impl Fn(Update) -> bool,
    ) {
        loop {
            let update = self.fetch(&wanted, Instant::now());
            let is_scanning = update.is_scanning();
            if !deliver(update) {
                return;
            }
            let pause = if is_scanning {
                interval.min(SCAN_INTERVAL)
            } else {
                interval
            };
            let next = if wanted.is_paused {
                wishes.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                wishes.recv_timeout(pause)
            };
            match next {
                Ok(asked) => wanted = wishes.try_iter().last().unwrap_or(asked),
                Err(RecvTimeoutError::Timeout) => {
                    // A key is explained once.
                    wanted.explain = None;
                    wanted.only_tab = false;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<Asked<T>, Error> {
        asked(self.client.get_json(path).map(Some))
    }
}

/// That nobody answers ends the look; any other error is of one endpoint.
fn asked<T>(result: Result<Option<T>, Error>) -> Result<Asked<T>, Error> {
    match result {
        Ok(Some(value)) => Ok(Asked::New(value)),
        Ok(None) => Ok(Asked::Unchanged),
        Err(error @ Error::Unreachable { .. }) => Err(error),
        Err(error) => Ok(Asked::Failed(error)),
    }
}

fn newer<T: DeserializeOwned>(
    client: &Client,
    known: &mut Known,
    path: &str,
) -> Result<Asked<T>, Error> {
    asked(newer_answer(client, known, path))
}

fn newer_answer<T: DeserializeOwned>(
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

fn explain_path(cache: &str, key: &str) -> String {
    format!(
        "/v1/caches/{}/entries/{}?explain=1",
        client::segment(cache),
        client::segment(key)
    )
}
