//! The service behind the gateway, with its clock in the test's hand: on `SQLite` and on a real
//! `PostgreSQL`.

mod caching;
mod metrics;
mod outage;
mod shapes;
mod simulation;
mod sockets;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use larder::{ManualClock, Tiers};
use larder_http::{Access, Gateway, Hosts, Role};
use larder_metrics::Registry;
use larder_services::scheduler_stats::{Options, Running, SchedulerStats};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::databases::Place;

const TOKEN: &str = "the admin's token";
const OPERATOR: &str = "operator";

/// A service that runs, and what it runs with.
struct House {
    service: SchedulerStats,
    running: Running,
    router: Router,
    clock: ManualClock,
    registry: Registry,
    place: Place,
}

impl House {
    fn on(place: Place) -> Self {
        Self::keeping(100_000, place)
    }

    /// One that keeps the rows of so many tasks.
    fn keeping(tasks_max: u64, place: Place) -> Self {
        let access = Access::new(TOKEN, Some(Role::Viewer))
            .issuer(|token| (token == OPERATOR).then_some(Ok(Role::Operator)));
        let (_, stopping) = watch::channel(false);
        let gateway = Gateway::new("larder", "1.4.0", access, Hosts::default(), stopping);
        let (clock, registry) = (ManualClock::new(), gateway.registry());
        let options = Options {
            database: place.url.clone(),
            tiers: Tiers::default(),
            registry: registry.clone(),
            clock: clock.clock(),
            pace: None,
            rate: 100.0,
            tasks_max,
            seed: 7,
        };
        let (service, running) = SchedulerStats::start(options).unwrap();
        let router = gateway.mount(service.mount()).into_router();
        Self {
            service,
            running,
            router,
            clock,
            registry,
            place,
        }
    }

    async fn ask(&self, method: Method, path: &str, token: Option<&str>) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, body) = self.ask(Method::GET, path, None).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str) -> (StatusCode, Value) {
        let (status, body) = self.ask(Method::POST, path, Some(TOKEN)).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Lets the simulation run for so many seconds, and writes what has ended.
    async fn simulate(&self, seconds: u64) {
        self.pass(seconds);
        self.service.flush().await.unwrap();
    }

    fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.service.step();
        }
    }

    fn queries(&self, table: &str) -> u64 {
        let tags = [("operation", "select"), ("table", table)];
        let snapshot = self.registry.snapshot();
        let timing = snapshot.timing("database_query_duration_seconds", &tags);
        timing.map_or(0, larder_metrics::TimingSnapshot::count)
    }
}
