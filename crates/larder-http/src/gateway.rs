//! The one door: every request passes here, whichever route it is for.

mod front;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use larder::{AnyCache, RecentLoads};
use larder_metrics::{Registry, TimelineFile};
use tokio::sync::watch;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::admin::config::Setting;
use crate::audit::AuditLog;
use crate::auth::{Access, Role};
use crate::events::Events;
use crate::figures::Figures;
use crate::health::Check;
use crate::heat::Heat;
use crate::history::History;
use crate::host::Hosts;
use crate::mount::Mount;
use crate::peers::Peers;
use crate::problem::Problem;
use crate::requests::Requests;
use crate::trace::TraceParent;
use crate::warmer::Warmer;
use crate::{admin, advice, dashboard, docs, events, health, heat, history, metrics};

/// What the daemon's routes share: caches, access, figures, health, live events.
pub struct Gateway {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) started: Instant,
    pub(crate) started_at: jiff::Timestamp,
    pub(crate) caches: Vec<Arc<dyn AnyCache>>,
    pub(crate) checks: Vec<Check>,
    pub(crate) warmers: Vec<Warmer>,
    pub(crate) settings: Vec<Setting>,
    /// Where the store that caches share is, for people.
    pub(crate) shared_store: Option<String>,
    pub(crate) audit: AuditLog,
    pub(crate) requests: Requests,
    pub(crate) events: Events,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) registry: Registry,
    pub(crate) history: History,
    pub(crate) heat: Heat,
    pub(crate) peers: Peers,
    /// Their routes and documents.
    services: Mount,
    access: Access,
    hosts: Hosts,
    request_prefix: u32,
    request_number: AtomicU64,
    /// The share of traces that is kept of those that begin here.
    traces: f64,
}

impl Gateway {
    /// A gateway of a program's `name` and `version`; `stopping` turns true when shutdown begins.
    pub fn new(
        name: &'static str,
        version: &'static str,
        access: Access,
        hosts: Hosts,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let registry = Registry::new();
        Self {
            name,
            version,
            started: Instant::now(),
            started_at: jiff::Timestamp::now(),
            caches: Vec::new(),
            checks: Vec::new(),
            warmers: Vec::new(),
            settings: Vec::new(),
            shared_store: None,
            audit: AuditLog::default(),
            requests: Requests::in_registry(registry.clone()),
            registry,
            history: History::default(),
            heat: Heat::default(),
            peers: Peers::default(),
            services: Mount::new(),
            events: Events::default(),
            stopping,
            access,
            hosts,
            request_prefix: since_epoch.as_secs() as u32,
            request_number: AtomicU64::new(0),
            traces: 0.0,
        }
    }

    /// Has this share of traces kept (0 to 1; none unless set) of requests that bring no `traceparent`; for
    /// one that does its client has decided. Spans are emitted through `tracing`: who keeps them is for
    /// the program's subscriber.
    #[must_use]
    pub fn traces(mut self, share: f64) -> Self {
        self.traces = share;
        self
    }

    fn new_trace(&self) -> TraceParent {
        TraceParent::new(fastrand::f64() < self.traces)
    }

    /// Shows and manages a cache under `/v1/caches`.
    #[must_use]
    pub fn cache(mut self, cache: impl AnyCache + 'static) -> Self {
        self.caches.push(Arc::new(cache));
        self
    }

    /// Compares what the caches load with what another instance of the program, at `url`, tells that its
    /// caches of those names do, for advice on a store that they share. `ask` is given the names; it brings
    /// what was told of those that the other has, or why nothing was. It is called when someone asks for
    /// recommendations, each 30 s at most, and dropped after 2 s. Of more than 16 instances the first 16 are
    /// asked.
    #[must_use]
    pub fn peer<F>(
        mut self,
        url: impl Into<String>,
        ask: impl Fn(Vec<String>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Vec<(String, RecentLoads)>, String>> + Send + 'static,
    {
        self.peers.add(url.into(), ask);
        self
    }

    /// Serves what a service brings.
    #[must_use]
    pub fn mount(mut self, mount: Mount) -> Self {
        let Mount {
            caches,
            mut checks,
            warmers,
            documents,
            open,
            reads,
            changes,
            administration,
            streams,
        } = mount;
        for check in &mut checks {
            check.caches = caches.iter().map(|cache| cache.name().to_owned()).collect();
        }
        self.caches.extend(caches);
        self.checks.extend(checks);
        self.warmers.extend(warmers);
        let all = std::mem::take(&mut self.services);
        let mut all = all
            .open(open)
            .reads(reads)
            .changes(changes)
            .administration(administration)
            .streams(streams);
        all.documents.extend(documents);
        self.services = all;
        self
    }

    /// Keeps the figures of requests in this registry, where its services' are too, instead of one of
    /// its own.
    #[must_use]
    pub fn metrics(mut self, registry: Registry) -> Self {
        self.requests = Requests::in_registry(registry.clone());
        self.registry = registry;
        self
    }

    /// Keeps the history of the main figures in this file, too; in memory alone otherwise.
    #[must_use]
    pub fn history(mut self, file: TimelineFile) -> Self {
        self.history = History::in_file(file);
        self
    }

    /// Keeps the log of what was changed by request in the file at `path` too, across restarts: 4 MiB of
    /// it, and as much of what came before in a second file. Blocks on the disk. What is wrong with the file
    /// is told by the log and by `/v1/status`, and the newest are in memory all the same.
    #[must_use]
    pub fn audit(mut self, path: PathBuf) -> Self {
        self.audit = AuditLog::in_file(path);
        self
    }

    /// Shows the program's settings at `/v1/config`.
    #[must_use]
    pub fn settings(mut self, settings: Vec<Setting>) -> Self {
        self.settings = settings;
        self
    }

    /// Names the server that caches share, at `/v1/status`: viewers read it, so `address` must not hold a
    /// login.
    #[must_use]
    pub fn shared_store(mut self, address: impl Into<String>) -> Self {
        self.shared_store = Some(address.into());
        self
    }

    /// Asks `check` at `/health/ready`.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// The figures of all requests.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Where the figures of requests are, and those of services go.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// All figures: of its registry, its requests, and the caches that it has so far.
    pub fn figures(&self) -> Figures {
        Figures {
            registry: self.registry.clone(),
            requests: self.requests.clone(),
            caches: self.caches.iter().cloned().collect(),
        }
    }

    /// Where services announce what happened.
    pub fn events(&self) -> Events {
        self.events.clone()
    }

    /// All routes: its own, and those of the services.
    ///
    /// Must be called within a tokio runtime: the live stream's clock and the recording of the figures'
    /// history start here.
    pub fn into_router(mut self) -> Router {
        let Mount {
            open,
            reads,
            changes,
            administration,
            streams,
            documents,
            ..
        } = std::mem::take(&mut self.services);
        let document = docs::document(self.name, self.version, documents);
        let figures = self.figures();
        let gateway = Arc::new(self);
        events::start_ticking(&gateway);
        history::start_recording(&gateway, figures);
        heat::start_recording(&gateway);
        let reads = reads
            .merge(admin::reads(&gateway))
            .merge(advice::routes(&gateway))
            .merge(metrics::routes(&gateway))
            .merge(history::routes(&gateway))
            .merge(heat::routes(&gateway))
            .merge(health::details(&gateway));
        let changes = changes.merge(admin::entry_changes(&gateway));
        let administration = administration
            .merge(admin::changes(&gateway))
            .merge(metrics::changes(&gateway));
        let answers = [
            for_role(Role::Viewer, reads),
            for_role(Role::Operator, changes),
            for_role(Role::Admin, administration),
        ];
        let answers = answers.into_iter().fold(Router::new(), Router::merge);
        // Streams are not compressed: an encoder would hold events back.
        let streams = for_role(Role::Viewer, streams.merge(events::routes(&gateway)));
        let for_anyone = docs::routes(document)
            .layer(compression())
            .merge(health::probes(&gateway))
            .merge(dashboard::routes(&gateway))
            .fallback(no_route)
            .layer(middleware::from_fn(front::known));
        answers
            .layer(compression())
            .merge(streams)
            .merge(for_anyone)
            .merge(open)
            .method_not_allowed_fallback(no_method)
            .layer(middleware::from_fn_with_state(gateway, front::front))
    }
}

/// Routes that need a role. A router without routes takes no layer.
fn for_role(needed: Role, routes: Router) -> Router {
    if !routes.has_routes() {
        return routes;
    }
    routes.route_layer(middleware::from_fn(move |request: Request, next: Next| {
        front::admit(needed, request, next)
    }))
}

fn compression() -> CompressionLayer {
    CompressionLayer::new()
        .gzip(true)
        .br(true)
        .quality(CompressionLevel::Fastest)
}

async fn no_route(request: Request) -> Problem {
    Problem::not_found(format!("nothing is served at {}", request.uri().path()))
}

async fn no_method(request: Request) -> Problem {
    let detail = format!(
        "{} is not served at {}",
        request.method(),
        request.uri().path()
    );
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}
