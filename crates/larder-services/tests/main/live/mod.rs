//! The service that follows a Live Set, as its users meet it.

mod diffs;
mod files;
mod hostile;
mod http;
mod reading;
mod socket;
mod udp;

use std::io::Write as _;
use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use larder_http::{Access, Gateway, Hosts, Role};
use larder_services::live::als::{self, AlsError, Limits, Set};
use larder_services::live::{LiveSet, Options, Running};
use rosc::{OscMessage, OscPacket, OscType, encoder};
use serde_json::Value;
use tower::ServiceExt as _;

/// Packs XML as a set is packed.
fn packed(xml: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(xml.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Set, AlsError> {
    als::read(bytes, &Limits::default())
}

/// A set with these tracks and scenes, which are XML.
fn xml(tracks: &str, scenes: &str) -> String {
    let master = r#"<MainTrack><Name><EffectiveName Value="Main"/></Name><DeviceChain><Mixer><Tempo><Manual
        Value="120"/></Tempo></Mixer></DeviceChain></MainTrack>"#;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Ableton MajorVersion="5" Creator="Ableton Live 12.1"><LiveSet>
        <Tracks>{tracks}</Tracks>{master}<Scenes>{scenes}</Scenes></LiveSet></Ableton>"#
    )
}

/// A file beside the tests.
fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples/als")
        .join(name)
}

fn options() -> Options {
    Options {
        udp: None,
        ..Options::default()
    }
}

/// The service with its built-in set, once that is read.
async fn started(options: Options) -> (LiveSet, Running) {
    let (live, running) = LiveSet::start(options);
    while live
        .version(&larder_services::live::Lookup::TracksAll)
        .is_err()
    {
        tokio::task::yield_now().await;
    }
    (live, running)
}

/// The service behind a gateway whose callers are operators.
fn router(live: &LiveSet) -> Router {
    let (_, stopping) = tokio::sync::watch::channel(false);
    let access = Access::new("token", Some(Role::Operator));
    Gateway::new("larder", "0", access, Hosts::default(), stopping)
        .mount(live.mount())
        .into_router()
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).header("host", "localhost");
    ask(router, request.body(Body::empty()).unwrap()).await
}

async fn post(router: &Router, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header("host", "localhost")
        .header("content-type", "application/json");
    ask(router, request.body(body.into()).unwrap()).await
}

/// A datagram with an event of this number.
fn event(number: i32, path: &str, args: impl IntoIterator<Item = OscType>) -> Vec<u8> {
    let head = [
        OscType::Int(number),
        OscType::Float(0.0),
        OscType::String(path.to_owned()),
    ];
    let message = OscMessage {
        addr: "/live/seq".to_owned(),
        args: head.into_iter().chain(args).collect(),
    };
    encoder::encode(&OscPacket::Message(message)).unwrap()
}

/// Waits until so many events have been processed.
async fn processed(live: &LiveSet, events: u64) {
    let count = |live: &LiveSet| {
        let metrics = live.metrics();
        metrics["metrics"]["counters"]["events.processed"]["value"]
            .as_u64()
            .unwrap()
    };
    while count(live) < events {
        tokio::task::yield_now().await;
    }
}
