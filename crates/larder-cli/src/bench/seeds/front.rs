//! A gateway on a free port of this machine, and a client that keeps its connection to it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use larder_http::{Access, Gateway, Hosts, Problem, Role};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::timing::{median, seconds};

const TOKEN: &str = "of this process alone";

/// Not yet serving.
pub(super) fn gateway() -> Gateway {
    let access = Access::new(TOKEN, Some(Role::Viewer));
    let (_, stopping) = watch::channel(false);
    let version = env!("CARGO_PKG_VERSION");
    Gateway::new("larder", version, access, Hosts::default(), stopping)
}

/// Serves as long as the runtime.
pub(super) struct Front {
    agent: ureq::Agent,
    address: SocketAddr,
}

impl Front {
    pub(super) fn serve(runtime: &Runtime, gateway: Gateway) -> anyhow::Result<Self> {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let router = {
            let _entered = runtime.enter();
            gateway.into_router()
        };
        let never = std::future::pending();
        runtime.spawn(larder_http::serve(listener, router, never, Duration::ZERO));
        Ok(Self {
            agent: agent(),
            address,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An answer's seconds, until its last byte is here, and its body.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<(f64, Vec<u8>)> {
        let begun = Instant::now();
        let mut response = self.agent.get(format!("{}{path}", self.url())).call()?;
        let body = response.body_mut().read_to_vec()?;
        Ok((begun.elapsed().as_secs_f64(), body))
    }

    /// As an admin.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url()));
        let request = request.header("Authorization", format!("Bearer {TOKEN}"));
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }

    /// The seconds of a POST by anyone, until its answer's last byte is here.
    pub(super) fn timed_post(&self, path: &str, body: &Value) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let request = self.agent.post(format!("{}{path}", self.url()));
        request.send_json(body)?.body_mut().read_to_vec()?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// What of the times over HTTP is the client's, the wire's and the gateway's, as a sentence.
    pub(super) fn overhead(&self, rounds: usize) -> anyhow::Result<String> {
        let times = (0..rounds * 10).map(|_| Ok(self.get("/health/live")?.0));
        let each = median(times.collect::<anyhow::Result<_>>()?);
        Ok(format!(
            "A request that is answered without any work (`/health/live`) takes {} here.",
            seconds(each)
        ))
    }

    pub(super) fn json(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.get(path)?.1)?)
    }
}

/// Its connections stay open.
pub(super) fn agent() -> ureq::Agent {
    let limit = Some(Duration::from_secs(30));
    ureq::Agent::config_builder()
        .timeout_global(limit)
        .build()
        .into()
}

/// What a service answered; a problem is an error of this program.
pub(super) fn answered<T>(answer: Result<T, Problem>) -> anyhow::Result<T> {
    answer.map_err(|problem| anyhow::anyhow!("{problem:?}"))
}
