//! The service: what it holds, and the one line that reads through the tiers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use larder::{Applied, BuildError, Cache, Clock, Error, Policy, Scope, Source, Tick, Tiers};
use larder_http::{Check, Mount, Problem, Standing};
use parking_lot::Mutex;

use super::advice::Observed;
use super::context::Context;
use super::http;
use super::ledger::Ledger;
use super::question::Question;
use super::report::Report;
use super::rpc::{Rpc, RpcError};

/// How long contexts live, as the document says.
const LIFE: Duration = Duration::from_mins(5);
/// A call that is over its limit has this long to say so.
const GRACE: Duration = Duration::from_secs(1);
/// Calls at once.
const CALLS_MAX: usize = 64;
/// What an entry costs besides its texts: key and pointer, the pointer's two counts, and what the table
/// keeps of it.
const ENTRY_BYTES: usize = size_of::<(String, Arc<Context>)>() + 2 * size_of::<usize>() + 55;

/// What the service runs with.
pub struct Options {
    /// Where contexts come from.
    pub rpc: Arc<dyn Rpc>,
    /// How long one call of it may take.
    pub rpc_limit: Duration,
    /// What contexts may take in memory, in bytes.
    pub memory_bytes_max: u64,
    /// What stands under memory.
    pub tiers: Tiers,
    /// The source of time, but of latencies.
    pub clock: Clock,
}

/// Context for an assistant, cached. Cloning gives another handle.
#[derive(Clone)]
pub struct AssistantContext {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    contexts: Cache<String, Arc<Context>>,
    rpc: Arc<dyn Rpc>,
    rpc_limit: Duration,
    ledger: Ledger,
    /// Why the last call failed, if it did.
    trouble: Mutex<Option<String>>,
    clock: Clock,
    started: Tick,
}

/// Keeps the service going; [`stop`](Self::stop) ends it in order.
pub struct Running(AssistantContext);

impl AssistantContext {
    /// Starts the service. Waits for nothing and connects to nothing: the first question does.
    ///
    /// # Errors
    /// What stands under the cache cannot be used.
    pub fn start(options: Options) -> Result<(Self, Running), BuildError> {
        let contexts = Cache::builder("assistant_context")
            .max_capacity(options.memory_bytes_max)
            .weigher(weight)
            .max_loads(CALLS_MAX)
            .policy(Policy::ttl(LIFE).hard_timeout(options.rpc_limit + GRACE))
            .explain(true)
            .values_as_json()
            .schema(options.rpc.fingerprint())
            .clock(options.clock.clone())
            .tiers(&options.tiers)
            .build()?;
        let service = Self {
            shared: Arc::new(Shared {
                contexts,
                rpc: options.rpc,
                rpc_limit: options.rpc_limit,
                ledger: Ledger::default(),
                trouble: Mutex::new(None),
                started: options.clock.now(),
                clock: options.clock,
            }),
        };
        Ok((service.clone(), Running(service)))
    }

    /// What the gateway serves of it.
    pub fn mount(&self) -> Mount {
        Mount::new()
            .reads(http::reads(self))
            .administration(http::administration(self))
            .cache(self.shared.contexts.clone())
            .check(self.check().kind("rpc"))
            .document(http::document())
    }

    /// What is known of what a question asks, and where it was found.
    ///
    /// # Errors
    /// A problem that tells why the RPC brought none. It is not cached: the next one who asks calls again.
    pub async fn context(&self, question: &Question) -> Result<(Arc<Context>, Source), Problem> {
        let (key, asked, shared) = (question.key(), question.clone(), self.shared.clone());
        let rpc = move |_| async move { shared.call(&asked).await };
        let begun = Instant::now();
        let found = self.shared.contexts.entry(&key).or_load(rpc).await;
        match found {
            Ok(found) => {
                self.shared.ledger.answered(found.source, begun.elapsed());
                Ok((found.value, found.source))
            }
            Err(error) => {
                self.shared.ledger.unanswered();
                Err(unanswered(&error))
            }
        }
    }

    /// Removes every context, in all tiers: how many memory had, and how far it has reached.
    ///
    /// # Errors
    /// A problem, if a tier did not take it and that was to be an error.
    pub(super) async fn clear(&self) -> Result<(usize, Applied), Problem> {
        let entries = self.shared.entries();
        let applied = self.shared.contexts.clear().await.map_err(|error| {
            tracing::error!(%error, "the contexts could not be cleared everywhere");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Problem::new(status, "not-everywhere", error.to_string())
        })?;
        tracing::info!(entries, "the contexts were cleared by request");
        Ok((entries, applied))
    }

    pub(super) fn report(&self) -> Report {
        let shared = &self.shared;
        let stats = shared.contexts.stats();
        Report {
            entries: shared.entries(),
            ttl_s: LIFE.as_secs(),
            uptime_s: shared.clock.now().since(shared.started).as_secs_f64(),
            rpc: shared.rpc.name().to_owned(),
            has_disk: stats.disk.is_some(),
            now: self.now(),
            seen: Observed {
                account: shared.ledger.account(),
                memory_bytes: shared.contexts.weight(),
                memory_bytes_max: shared.contexts.max_capacity(),
                evicted: stats.evictions.capacity,
                link: stats.remote.map(|remote| remote.link),
            },
        }
    }

    /// RFC 3339, to the microsecond.
    pub(super) fn now(&self) -> String {
        let now = jiff::Timestamp::try_from(self.shared.clock.wall());
        format!("{:.6}", now.unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    fn check(&self) -> Check {
        let shared = self.shared.clone();
        Check::new("assistant_context", move || match &*shared.trouble.lock() {
            Some(why) => Standing::Degraded(format!("the last call of the RPC failed: {why}")),
            None => Standing::Ready,
        })
    }
}

impl Shared {
    /// The load: one call of the RPC, timed.
    async fn call(&self, question: &Question) -> Result<Arc<Context>, RpcError> {
        let begun = Instant::now();
        let called = tokio::time::timeout(self.rpc_limit, self.rpc.fetch(question)).await;
        let called = called.unwrap_or(Err(RpcError::TimedOut(self.rpc_limit)));
        self.ledger.called(called.is_ok(), begun.elapsed());
        self.note(called.as_ref().err());
        called.map(Arc::new)
    }

    /// Remembers whether the RPC answered, and says so in the log when that changes.
    fn note(&self, error: Option<&RpcError>) {
        let mut trouble = self.trouble.lock();
        match (error, &*trouble) {
            (Some(error), None) => {
                tracing::warn!(rpc = self.rpc.name(), %error, "no context from the RPC");
            }
            (None, Some(_)) => {
                tracing::info!(rpc = self.rpc.name(), "contexts come from the RPC again");
            }
            _ => {}
        }
        *trouble = error.map(ToString::to_string);
    }

    /// Those that can be read: what was cleared may still have to leave memory.
    fn entries(&self) -> usize {
        let all = self.contexts.count_in_scope(Scope::Prefix(""));
        all.unwrap_or_else(|_| self.contexts.len())
    }
}

impl Running {
    /// Ends the cache, and then what it loads from.
    pub async fn stop(self) {
        let shared = &self.0.shared;
        if let Err(error) = shared.contexts.close().await {
            tracing::warn!(%error, "contexts were not kept");
        }
        shared.rpc.close().await;
    }
}

fn weight(key: &String, context: &Arc<Context>) -> u32 {
    let bytes = ENTRY_BYTES + key.capacity() + context.bytes();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What a client is told when there is no context.
fn unanswered(error: &Error) -> Problem {
    if let Error::Load(failure) = error
        && let Some(error) = failure.downcast_ref::<RpcError>()
    {
        return error.problem();
    }
    match error {
        Error::Timeout { waited } => {
            let detail = format!("there was no context within {waited:.1?}");
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "rpc-timeout", detail).retry_after(2)
        }
        Error::Overloaded { .. } | Error::Paced { .. } | Error::CutOff | Error::Closed => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Problem::new(status, "no-answer", error.to_string()).retry_after(2)
        }
        error => {
            tracing::error!(%error, "a context could not be found");
            let detail = "the context could not be found; the log says why";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not-found", detail)
        }
    }
}
