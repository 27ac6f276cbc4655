//! A gateway before the service, with its clock in the test's hand.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use larder::{ManualClock, Tiers};
use larder_http::{Access, Gateway, Hosts, Role};
use larder_metrics::Registry;
use larder_services::assistant_context::{
    AssistantContext, Knowledge, Options, PostgRest, Rpc, Running,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

pub(super) const ADMIN: &str = "the admin's token";
const OPERATOR: &str = "operator";
/// Long enough for a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct House {
    pub(super) running: Running,
    pub(super) time: ManualClock,
    pub(super) router: Router,
    _directory: Option<TempDir>,
}

impl House {
    /// On a knowledge base of its own.
    pub(super) fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("k.db").display());
        let knowledge = Knowledge::open(&url, &Registry::new()).unwrap();
        Self {
            _directory: Some(directory),
            ..Self::with(Arc::new(knowledge), PATIENCE, Tiers::default())
        }
    }

    /// On the server at this URL.
    pub(super) fn at(url: &str) -> Self {
        Self::patient(url, PATIENCE)
    }

    /// On the server at this URL, whose calls may take so long.
    pub(super) fn patient(url: &str, limit: Duration) -> Self {
        let server = PostgRest::at(url, Some("the-key")).unwrap();
        Self::with(Arc::new(server), limit, Tiers::default())
    }

    pub(super) fn with(rpc: Arc<dyn Rpc>, rpc_limit: Duration, tiers: Tiers) -> Self {
        let time = ManualClock::new();
        let options = Options {
            rpc,
            rpc_limit,
            memory_bytes_max: 16 << 20,
            tiers,
            clock: time.clock(),
        };
        let (service, running) = AssistantContext::start(options).unwrap();
        let access = Access::new(ADMIN, Some(Role::Viewer))
            .issuer(|token| (token == OPERATOR).then_some(Ok(Role::Operator)));
        let (_, stopping) = watch::channel(false);
        let gateway = Gateway::new("test", "1", access, Hosts::default(), stopping);
        let router = gateway.mount(service.mount()).into_router();
        Self {
            running,
            time,
            router,
            _directory: None,
        }
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<String>,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, "localhost");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from));
        let answer = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (head.status.as_u16(), body)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send(Method::GET, path, None, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(super) async fn clear(&self) -> Value {
        let path = "/codette/cache/clear";
        let (status, answer) = self.send(Method::POST, path, Some(ADMIN), None).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Says this; status and answer.
    pub(super) async fn says(&self, body: Value) -> (u16, Value) {
        let body = Some(body.to_string());
        self.send(Method::POST, "/codette/chat", None, body).await
    }

    /// Asks this, which is answered.
    pub(super) async fn asks(&self, message: &str) -> Value {
        let (status, answer) = self.says(json!({ "message": message })).await;
        assert_eq!(status, 200, "{message}: {answer}");
        answer
    }

    /// A figure of `/codette/cache/stats`.
    pub(super) async fn figure(&self, name: &str) -> f64 {
        let stats = self.get("/codette/cache/stats").await;
        stats["metrics"][name].as_f64().unwrap()
    }
}
