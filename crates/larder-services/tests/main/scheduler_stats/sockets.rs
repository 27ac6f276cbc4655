//! `/ws/scheduler`, over a socket.

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use super::House;
use crate::databases::on_both;

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(house: &House) -> Socket {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = house.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("ws://{address}/ws/scheduler");
    tokio_tungstenite::connect_async(url).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

fn active(house: &House) -> u64 {
    let snapshot = house.registry.snapshot();
    snapshot
        .gauge("websocket_connections_active", &[])
        .unwrap()
        .value as u64
}

on_both! {
    async fn a_client_is_told_the_state_and_what_ends(house) {
        let mut socket = connect(&house).await;
        let first = next(&mut socket).await.unwrap();
        assert_eq!(
            (&first["type"], &first["payload"]["running"]),
            (&json!("status"), &json!(false))
        );
        assert_eq!(active(&house), 1);
        house.post("/api/start").await;
        let started = next(&mut socket).await.unwrap();
        assert_eq!(
            (&started["type"], &started["payload"]["running"]),
            (&json!("status"), &json!(true))
        );
        house.pass(1);
        let tasks = next(&mut socket).await.unwrap();
        assert_eq!(tasks["type"], "tasks");
        let payload = &tasks["payload"];
        assert_eq!(payload["ended"], payload["tasks_processed"]);
        let newest = payload["newest"].as_array().unwrap();
        assert!((1..=20).contains(&newest.len()));
        assert_eq!(newest[0]["results"].as_array().unwrap().len(), 5);
        for member in [
            "task_id",
            "size",
            "compute_intensity",
            "memory_required",
            "duration_estimate",
            "arrival_time",
            "dependencies",
        ] {
            assert!(!newest[0][member].is_null(), "{member}");
        }
        drop(socket);
        while active(&house) > 0 {
            house.post("/api/pause").await;
            tokio::task::yield_now().await;
        }
    }

    async fn a_client_that_reads_nothing_loses_the_oldest_and_is_told_how_many(house) {
        let mut socket = connect(&house).await;
        next(&mut socket).await.unwrap();
        house.post("/api/start").await;
        next(&mut socket).await.unwrap();
        // Nothing else runs on this thread meanwhile, so nothing is sent.
        house.pass(100);
        let lagged = next(&mut socket).await.unwrap();
        assert_eq!(lagged["type"], "lagged");
        assert!(lagged["payload"]["lost"].as_u64().unwrap() > 30);
    }

    async fn clients_are_let_go_when_the_service_stops(house) {
        let mut socket = connect(&house).await;
        next(&mut socket).await.unwrap();
        house.running.stop().await;
        while next(&mut socket).await.is_some() {}
    }

    async fn a_request_that_is_no_websocket_is_told_so(house) {
        let (status, problem) = house.get("/ws/scheduler").await;
        assert!(status.is_client_error());
        assert_eq!(problem["type"], "urn:larder:problem:no-websocket");
    }
}
