//! The daemon: wires the service, the gateway and the listener together, and takes them down in
//! order.

mod assistant_context;
mod history;
mod live;
mod lock;
mod pushes;
mod scheduler_stats;
mod signals;
mod starting;
pub(crate) mod tiers;
mod workstations;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::MultiProgress;
use larder::Clock;
use larder_http::{Access, Accounts, Gateway, Hosts, Mount, Role};
use larder_services::claude_usage::{
    ClaudeUsage, Demo, Options, Prices, Running, Settings, default_roots,
};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::{self, Anonymous, Config};
use crate::peers;
use crate::traces::Queue;

/// How long open requests may take to end once shutdown has begun.
const DRAIN: Duration = Duration::from_secs(5);
/// A demo's session goes on by one call in this time.
const DEMO_PACE: Duration = Duration::from_secs(4);

/// Runs the daemon until it is told to stop.
/// Spans that have ended are in `spans`, where they are kept.
pub(crate) async fn run(
    config: Config,
    demo: bool,
    bars: MultiProgress,
    spans: Option<Arc<Queue>>,
) -> anyhow::Result<()> {
    let state_dir = config.state_dir.clone();
    make_private(&state_dir)
        .with_context(|| format!("cannot use the state directory {}", state_dir.display()))?;
    let lock = lock::take(&state_dir)?;
    let token = larder_http::admin_token(&state_dir.join("admin.token"))
        .context("cannot keep the admin token")?;
    let store = tiers::store(&config.remote)?;
    let listener = bind(config.listen).await?;
    let address = listener.local_addr()?;

    let (stop, stopping) = watch::channel(false);
    let accounts = Accounts::open(&state_dir, Clock::system()).context("cannot keep accounts")?;
    let known = accounts.clone();
    let access = Access::new(
        &token,
        (config.auth.anonymous == Anonymous::Viewer).then_some(Role::Viewer),
    )
    .issuer(move |token| known.bearer(token));
    let hosts = Hosts::new(config.allowed_hosts.clone());
    let told = stopping.clone();
    let gateway = Gateway::new("larder", env!("CARGO_PKG_VERSION"), access, hosts, stopping);
    let gateway = gateway.traces(config.otlp.traces_sample);
    let gateway = match &store {
        Some(store) => gateway
            .shared_store(&store.address)
            .cache(tiers::sign_on(&store.tiers, address)?),
        None => gateway,
    };
    let tiers = store
        .as_ref()
        .map(|store| store.tiers.clone())
        .unwrap_or_default();
    let services = Services::default();
    let started = start_claude_usage(&config, demo, address, &gateway).await?;
    let stations = workstations::start(&config, &gateway, &tiers, &services)?;
    let contexts = assistant_context::start(&config, &gateway, &tiers)?;
    let live = live::start(&config, demo)?;
    let schedulers = scheduler_stats::start(&config, &gateway, &tiers)?;
    let gateway = history::keep(gateway, &state_dir)
        .audit(state_dir.join("audit.log"))
        .settings(config::settings(&config));
    let gateway = peers::attach(gateway, &config.recommend)?;
    let mut gateway = gateway.mount(accounts.mount());
    if let Some((usage, _)) = &started {
        gateway = services.mount(gateway, usage.mount());
    }
    if let Some((stations, _)) = &stations {
        gateway = services.mount(gateway, stations.mount());
    }
    if let Some((contexts, _)) = &contexts {
        gateway = services.mount(gateway, contexts.mount());
    }
    if let Some((live, _)) = &live {
        gateway = services.mount(gateway, live.mount());
    }
    if let Some((schedulers, _)) = &schedulers {
        gateway = services.mount(gateway, schedulers.mount());
    }
    let pushes = pushes::start(&config, &gateway, address, told, spans);
    let router = gateway.into_router();
    let demo = demo.then(|| demo_root(&state_dir));
    let store = store.as_ref().map(|store| store.name.as_str());
    starting::announce(address, &config, store, demo.as_deref());
    if let Some((usage, _)) = &started {
        starting::show_progress(usage, &bars);
    }

    let stopped = async move {
        signals::asked_to_stop().await;
        stop.send_replace(true);
    };
    larder_http::serve(listener, router, stopped, DRAIN)
        .await
        .context("the listener failed")?;
    pushes.stop().await;
    if let Some((_, running)) = schedulers {
        running.stop().await;
    }
    if let Some((_, running)) = stations {
        running.stop().await;
    }
    if let Some((_, running)) = contexts {
        running.stop().await;
    }
    if let Some((_, running)) = live {
        running.stop().await;
    }
    if let Some((_, running)) = started {
        tokio::task::spawn_blocking(|| running.stop())
            .await?
            .context("the usage state was not kept")?;
    }
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "another program listens there; stop it, or choose another with --listen ADDRESS:PORT",
            io::ErrorKind::PermissionDenied => "ports under 1024 need privileges; choose another with --listen ADDRESS:PORT",
            _ => "choose another with --listen ADDRESS:PORT",
        };
        anyhow::anyhow!("cannot listen on {address}: {error} ({hint})")
    })
}

/// How many services run.
#[derive(Default)]
struct Services(Arc<AtomicUsize>);

impl Services {
    fn mount(&self, gateway: Gateway, service: Mount) -> Gateway {
        self.0.fetch_add(1, Ordering::Relaxed);
        gateway.mount(service)
    }
}

/// The state directory, open to its owner only if it is made here.
pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

async fn start_claude_usage(
    config: &Config,
    demo: bool,
    address: SocketAddr,
    gateway: &Gateway,
) -> anyhow::Result<Option<(ClaudeUsage, Running)>> {
    if !config.claude_usage.enabled {
        return Ok(None);
    }
    let roots = if demo {
        vec![start_demo(&config.state_dir)?]
    } else {
        roots(config)
    };
    let options = Options {
        settings: settings(config, roots)?,
        interval: config.claude_usage.interval,
        history: config.claude_usage.history,
        port: address.port(),
        requests: gateway.requests(),
        events: gateway.events(),
    };
    Ok(Some(ClaudeUsage::start(options).await?))
}

fn roots(config: &Config) -> Vec<PathBuf> {
    match &config.claude_usage.roots[..] {
        [] => default_roots(|name| config.environment.get(name).map(Into::into)),
        roots => roots.to_vec(),
    }
}

fn settings(config: &Config, roots: Vec<PathBuf>) -> anyhow::Result<Settings> {
    let usage = &config.claude_usage;
    let prices = usage
        .prices
        .as_deref()
        .map_or_else(|| Ok(Prices::embedded()), Prices::load)?;
    let zone = if usage.utc {
        jiff::tz::TimeZone::UTC
    } else {
        jiff::tz::TimeZone::system()
    };
    Ok(Settings {
        roots,
        state: Some(config.state_dir.join("claude_usage.state")),
        zone,
        prices,
        threads: usage.threads,
        clock: Clock::system(),
    })
}

fn demo_root(state_dir: &Path) -> PathBuf {
    state_dir.join("demo")
}

/// Makes the demo's logs and lets them grow; returns the directory to count under.
fn start_demo(state_dir: &Path) -> anyhow::Result<PathBuf> {
    let mut demo = Demo::create(&demo_root(state_dir)).context("cannot make the demo's logs")?;
    let root = demo.root().to_owned();
    tokio::spawn(async move {
        let mut pace = tokio::time::interval(DEMO_PACE);
        loop {
            pace.tick().await;
            let appended = tokio::task::spawn_blocking(move || demo.append().map(|()| demo)).await;
            demo = match appended {
                Ok(Ok(demo)) => demo,
                Ok(Err(error)) => return tracing::warn!("the demo stands still: {error}"),
                Err(error) => return tracing::warn!("the demo stands still: {error}"),
            };
        }
    });
    Ok(root)
}
