//! A gateway before the service, on a database of its own.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use larder::{Cache, ManualClock, Tiers};
use larder_http::{Access, Gateway, Hosts, Role};
use larder_metrics::Registry;
use larder_services::workstations::{Options, Running, Workstations};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::databases::Place;

pub(super) const ADMIN: &str = "the admin's token";
pub(super) const OPERATOR: &str = "operator";
pub(super) const VIEWER: &str = "viewer";
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct House {
    pub(super) service: Workstations,
    pub(super) running: Running,
    pub(super) router: Router,
    pub(super) registry: Registry,
    pub(super) time: ManualClock,
    /// Another service's.
    pub(super) other: Cache<String, String>,
    _place: Place,
}

impl House {
    /// On a database of its own.
    pub(super) fn on(place: Place) -> Self {
        let (time, registry) = (ManualClock::new(), Registry::new());
        let options = Options {
            database: place.url.clone(),
            registry: registry.clone(),
            tiers: Tiers::default(),
            clock: time.clock(),
            services: Arc::new(AtomicUsize::new(5)),
        };
        let (service, running) = Workstations::start(options).unwrap();
        let other = Cache::builder("other").build().unwrap();
        let access = Access::new(ADMIN, None).issuer(|token| match token {
            OPERATOR => Some(Ok(Role::Operator)),
            VIEWER => Some(Ok(Role::Viewer)),
            _ => None,
        });
        let (_, stopping) = watch::channel(false);
        let gateway = Gateway::new("test", "1", access, Hosts::default(), stopping);
        let router = gateway
            .cache(other.clone())
            .mount(service.mount())
            .into_router();
        Self {
            service,
            running,
            router,
            registry,
            time,
            other,
            _place: place,
        }
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, body.into())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let (status, _, body) = self.send(method, path, Some(token), body).await;
        (
            status.as_u16(),
            serde_json::from_slice(&body).unwrap_or(Value::Null),
        )
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, ADMIN, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask(Method::POST, path, ADMIN, Some(body)).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask(Method::PUT, path, OPERATOR, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> (u16, Value) {
        self.ask(Method::DELETE, path, OPERATOR, None).await
    }

    /// Makes a workstation of this name; its id.
    pub(super) async fn make(&self, name: &str) -> i64 {
        let body = json!({ "name": name, "ip_address": "10.0.0.7" });
        let (status, made) = self.post("/api/workstations", &body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_i64().unwrap()
    }

    /// The names in the list.
    pub(super) async fn names(&self) -> Vec<String> {
        let (status, list) = self.get("/api/workstations").await;
        assert_eq!(status, 200, "{list}");
        let list = list.as_array().unwrap().iter();
        list.map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Queries of the table that were answered.
    pub(super) fn selects(&self) -> u64 {
        let tags = [("operation", "select"), ("table", "workstations")];
        let snapshot = self.registry.snapshot();
        let timing = snapshot.timing("database_query_duration_seconds", &tags);
        timing.map_or(0, larder_metrics::TimingSnapshot::count)
    }

    /// Waits until the list is in the cache though nobody asked for it.
    pub(super) async fn is_warm(&self) {
        until(async || self.service.answers().len() == 1).await;
    }
}

/// Waits until it is so.
pub(super) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "it does not come");
        tokio::task::yield_now().await;
    }
}

/// The keys and types of a value: what is held against a document's example.
pub(super) fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => items
            .first()
            .map_or(json!([]), |first| json!([shape(first)])),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(members.collect())
        }
    }
}
