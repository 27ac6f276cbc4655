//! The service: the simulation's steps, the writer behind it, and what it is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use larder::{BuildError, Clock, Tiers};
use larder_http::{Check, Mount, Problem, Standing};
use larder_metrics::Registry;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::control::{Control, State};
use super::figures::Figures;
use super::outbox::{Ended, Outbox};
use super::reads::{Reads, SchedulerFigures};
use super::simulator::{Completed, Scheduler};
use super::socket::Clients;
use super::store::{SCHEMA, Store};
use super::{http, metrics};
use crate::sql::{self, Database, UrlError};

/// Tasks in a batch.
const BATCH: usize = 50;
/// Batches between two looks for rows to remove.
const TRIM_EVERY: u64 = 20;
/// Between two tries of a write that failed.
const RETRY: Duration = Duration::from_secs(1);
/// What is left at the end may take this long to be written.
const LAST_WRITE_MAX: Duration = Duration::from_secs(3);
/// Tasks that a message tells of at most.
const TOLD_MAX: usize = 20;

/// What the service runs with.
pub struct Options {
    /// Where the tables are: `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// What stands under the memory of its caches where the database is a server; what is made from an
    /// embedded one is this process's own.
    pub tiers: Tiers,
    /// Where figures are kept; those of requests are expected there too.
    pub registry: Registry,
    /// The source of time: of the caches, and of the simulation.
    pub clock: Clock,
    /// Time between two steps of the simulation; none where [`SchedulerStats::step`] is called by hand.
    pub pace: Option<Duration>,
    /// Tasks a second that arrive.
    pub rate: f64,
    /// Tasks whose rows are kept; each has one of training data and five results.
    pub tasks_max: u64,
    /// The same seed makes the same tasks.
    pub seed: u64,
}

/// The service cannot be started as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The caches.
    #[error(transparent)]
    Caches(#[from] BuildError),
}

/// The scheduler's statistics. Cloning gives another handle.
#[derive(Clone)]
pub struct SchedulerStats {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) reads: Reads,
    pub(super) registry: Registry,
    pub(super) clients: Clients,
    store: Arc<Store>,
    figures: Figures,
    control: Mutex<Control>,
    outbox: Outbox,
    /// Batches are written one after another.
    turn: tokio::sync::Mutex<()>,
    /// Wakes the writer.
    wake: Notify,
    /// Whether an unfinished batch is to be written too.
    is_flushing: AtomicBool,
    /// Why the last write failed, if it did.
    trouble: Mutex<Option<String>>,
}

/// Keeps the service going; [`stop`](Self::stop) ends it in order.
pub struct Running {
    service: SchedulerStats,
    stopping: watch::Sender<bool>,
    pacer: Option<JoinHandle<()>>,
    writer: JoinHandle<()>,
}

impl SchedulerStats {
    /// Starts the service, and not yet the simulation. Never waits for the database. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// The database's URL is not understood, or its caches' names are taken in what stands under them.
    pub fn start(options: Options) -> Result<(Self, Running), StartError> {
        let registry = options.registry;
        let store = Arc::new(Store {
            database: Database::open(&options.database, SCHEMA, &registry)?,
            tasks_max: options.tasks_max,
        });
        let figures = Figures::of(&registry);
        let shared = Shared {
            reads: Reads::new(store.clone(), &options.tiers, &options.clock)?,
            clients: Clients::new(figures.clients.clone()),
            control: Mutex::new(Control::new(options.clock, options.rate, options.seed)),
            registry,
            store,
            figures,
            outbox: Outbox::default(),
            turn: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            is_flushing: AtomicBool::new(false),
            trouble: Mutex::new(None),
        };
        let service = Self {
            shared: Arc::new(shared),
        };
        let (stopping, stopped) = watch::channel(false);
        let pacer = options
            .pace
            .map(|pace| tokio::spawn(service.clone().keep_pace(pace)));
        let writer = tokio::spawn(service.clone().keep_writing(stopped));
        let running = Running {
            service: service.clone(),
            stopping,
            pacer,
            writer,
        };
        Ok((service, running))
    }

    /// What the results of a scheduler come to, from the cache if it is there.
    ///
    /// # Errors
    /// A 503 if the database does not answer.
    pub async fn figures(&self, scheduler: Scheduler) -> Result<SchedulerFigures, Problem> {
        self.shared.reads.figures(scheduler).await
    }

    /// As [`figures`](Self::figures), past the cache.
    ///
    /// # Errors
    /// A 503 if the database does not answer.
    pub async fn figures_uncached(
        &self,
        scheduler: Scheduler,
    ) -> Result<SchedulerFigures, Problem> {
        let figures = self.shared.store.figures(scheduler).await;
        figures.map_err(|error| sql::problem(&error))
    }

    /// What the gateway serves of it.
    pub fn mount(&self) -> Mount {
        let (figures, training_data) = (self.shared.clone(), self.shared.clone());
        Mount::new()
            .reads(http::reads(self))
            .reads(metrics::reads(self))
            .changes(http::changes(self))
            .administration(metrics::administration(self))
            .streams(http::streams(self))
            .cache(self.shared.reads.training_data.clone())
            .cache(self.shared.reads.scheduler_stats.clone())
            .warm("scheduler_stats", move || {
                let shared = figures.clone();
                async move { shared.reads.warm_figures().await }
            })
            .warm("training_data", move || {
                let shared = training_data.clone();
                async move {
                    shared
                        .reads
                        .latest_training_data(http::ROWS_MAX)
                        .await
                        .map(|_| 1)
                }
            })
            .check(self.check().kind("sql"))
            .document(http::document())
    }

    /// Brings the simulation to the clock's time: what has ended is told to the clients, and handed to the
    /// writer by batches. Does not wait for the database.
    pub fn step(&self) {
        let Shared {
            figures, control, ..
        } = &*self.shared;
        let (completed, state) = {
            let mut control = control.lock();
            let completed = control.advance(|refit| figures.retraining.time(refit));
            (completed, control.state())
        };
        figures.in_flight.set(state.tasks_in_flight as f64);
        if completed.is_empty() {
            return;
        }
        figures.processed.add(completed.len() as u64);
        self.shared.clients.tell(|| told(&completed, state));
        let at = Timestamp::now();
        let ended = completed
            .into_iter()
            .map(|completed| Ended { completed, at });
        self.count_dropped(self.shared.outbox.push(ended));
        if self.shared.outbox.len() >= BATCH {
            self.shared.wake.notify_one();
        }
    }

    /// Writes what waits, whole batches and the rest.
    ///
    /// # Errors
    /// The database's; what was not written waits on.
    pub async fn flush(&self) -> sqlx::Result<()> {
        while self.write_batch().await? {}
        Ok(())
    }

    /// The simulation's state, as it is told.
    pub(super) fn status(&self) -> Value {
        status(self.shared.control.lock().state())
    }

    /// Changes the simulation's state.
    pub(super) fn command<T>(&self, change: impl FnOnce(&mut Control) -> T) -> T {
        // What has ended until now belongs to the state before.
        self.step();
        let answer = change(&mut self.shared.control.lock());
        let state = self.shared.control.lock().state();
        self.shared
            .figures
            .in_flight
            .set(state.tasks_in_flight as f64);
        if state.started_at.is_none() {
            self.shared.is_flushing.store(true, Ordering::Relaxed);
            self.shared.wake.notify_one();
        }
        self.shared
            .clients
            .tell(|| json!({ "type": "status", "payload": status(state) }));
        answer
    }

    /// Tells whether the service can answer.
    pub fn check(&self) -> Check {
        let shared = self.shared.clone();
        Check::new("scheduler_stats", move || match &*shared.trouble.lock() {
            Some(why) => Standing::Degraded(format!("results are not written: {why}")),
            None => Standing::Ready,
        })
    }

    async fn keep_pace(self, pace: Duration) {
        let mut pace = tokio::time::interval(pace);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            self.step();
        }
    }

    async fn keep_writing(self, mut stopping: watch::Receiver<bool>) {
        let mut batches = 0_u64;
        while !*stopping.borrow() {
            let is_flushing = self.shared.is_flushing.load(Ordering::Relaxed);
            let waiting = self.shared.outbox.len();
            if waiting >= BATCH || is_flushing && waiting > 0 {
                batches += 1;
                let mut written = self.write_batch().await.map(|_| ());
                if written.is_ok() && batches.is_multiple_of(TRIM_EVERY) {
                    written = self.shared.store.trim().await;
                }
                if written.is_err() {
                    // The end is not waited for longer than it must be.
                    let _ = tokio::time::timeout(RETRY, stopping.changed()).await;
                }
                continue;
            }
            self.shared.is_flushing.store(false, Ordering::Relaxed);
            tokio::select! {
                () = self.shared.wake.notified() => {}
                _ = stopping.changed() => {}
            }
        }
    }

    /// Writes the oldest batch; if that fails, it waits on. False if nothing waits, and nobody else is
    /// writing either.
    async fn write_batch(&self) -> sqlx::Result<bool> {
        let _turn = self.shared.turn.lock().await;
        let batch = self.shared.outbox.take(BATCH);
        if batch.is_empty() {
            return Ok(false);
        }
        let written = self.shared.store.write(&batch).await;
        let mut trouble = self.shared.trouble.lock();
        match &written {
            Ok(()) => {
                if trouble.take().is_some() {
                    tracing::info!("results are written again");
                }
            }
            Err(error) => {
                if trouble.is_none() {
                    tracing::warn!(%error, "results cannot be written; they wait");
                }
                *trouble = Some("the database does not take them".to_owned());
                self.count_dropped(self.shared.outbox.give_back(batch));
            }
        }
        let waiting = self.shared.outbox.len();
        self.shared.figures.waiting.set(waiting as f64);
        written.map(|()| true)
    }

    fn count_dropped(&self, tasks: usize) {
        self.shared.figures.dropped.add(tasks as u64);
    }
}

impl Running {
    /// Ends the simulation, lets the clients go, and writes what is left, for three seconds at most.
    pub async fn stop(self) {
        let Self {
            service,
            stopping,
            pacer,
            writer,
        } = self;
        if let Some(pacer) = pacer {
            pacer.abort();
        }
        service.command(Control::stop);
        service.shared.clients.stop();
        stopping.send_replace(true);
        let last = async {
            // Ends early only if it panicked; what waits can be written all the same.
            let _ = writer.await;
            service.flush().await
        };
        let written = tokio::time::timeout(LAST_WRITE_MAX, last).await;
        if !matches!(written, Ok(Ok(()))) {
            let tasks = service.shared.outbox.len();
            tracing::warn!(tasks, "the last results could not be written");
        }
        service.shared.store.database.close().await;
    }
}

fn status(state: State) -> Value {
    let text = |time: SystemTime| Timestamp::try_from(time).ok().map(|time| time.to_string());
    json!({
        "running": state.started_at.is_some(),
        "paused": state.is_paused,
        "tasks_processed": state.tasks_processed,
        "tasks_in_flight": state.tasks_in_flight,
        "started_at": state.started_at.and_then(text),
        "schedulers": Scheduler::ALL.map(Scheduler::name),
    })
}

/// What clients are told of tasks that have ended: the newest of them, and how many.
fn told(completed: &[Completed], state: State) -> Value {
    let newest = &completed[completed.len().saturating_sub(TOLD_MAX)..];
    json!({
        "type": "tasks",
        "payload": {
            "ended": completed.len(),
            "tasks_processed": state.tasks_processed,
            "tasks_in_flight": state.tasks_in_flight,
            "newest": newest,
        },
    })
}
