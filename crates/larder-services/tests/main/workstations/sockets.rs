//! What comes over real connections: notices, and requests that are too long.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::house::{ADMIN, House, VIEWER, until};
use crate::databases::on_both;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Serves the house until the test ends.
async fn serve(house: &House) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = house.router.clone();
    tokio::spawn(async move {
        let never = std::future::pending();
        larder_http::serve(listener, router, never, Duration::ZERO).await
    });
    address
}

async fn open(address: SocketAddr) -> Socket {
    let url = format!("ws://{address}/ws/workstations?access_token={VIEWER}");
    connect_async(url).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

on_both! {
    async fn every_change_is_announced_to_every_client_in_its_order(house) {
        let address = serve(&house).await;
        let mut clients = [open(address).await, open(address).await];
        let (_, metrics) = house.get("/api/performance/metrics").await;
        assert_eq!(metrics["metrics"]["websockets"]["active_connections"], 2);
        let id = house.make("pc-1").await;
        let path = format!("/api/workstations/{id}");
        house
            .put(
                &path,
                &json!({ "status": "online", "password": "hunter22" }),
            )
            .await;
        let (_, list) = house.get("/api/workstations").await;
        house.delete(&path).await;
        house.delete(&path).await;
        house.make("pc-2").await;
        for client in &mut clients {
            let notice = next(client).await;
            assert_eq!(
                (&notice["type"], &notice["workstation"]["id"]),
                (&json!("workstation_added"), &json!(id))
            );
            assert!(notice["timestamp"].is_string());
            let notice = next(client).await;
            assert_eq!(
                (&notice["type"], &notice["workstation"]),
                (&json!("workstation_updated"), &list[0])
            );
            assert!(!notice.to_string().contains("hunter22"));
            let notice = next(client).await;
            assert_eq!(
                (&notice["type"], &notice["workstation"]["id"]),
                (&json!("workstation_removed"), &json!(id))
            );
            assert_eq!(next(client).await["workstation"]["name"], "pc-2");
            client.close(None).await.unwrap();
        }
        until(async || {
            let (_, metrics) = house.get("/api/performance/metrics").await;
            metrics["metrics"]["websockets"]["active_connections"] == 0
        })
        .await;
    }

    async fn a_client_is_told_when_the_server_stops(house) {
        let mut client = open(serve(&house).await).await;
        house.running.stop().await;
        loop {
            match client.next().await.unwrap().unwrap() {
                Message::Close(Some(frame)) => break assert_eq!(u16::from(frame.code), 1_001),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn a_client_that_says_too_much_is_let_go(house) {
        let mut client = open(serve(&house).await).await;
        client.send(Message::text("hello")).await.unwrap();
        house.make("pc-1").await;
        assert_eq!(next(&mut client).await["type"], "workstation_added");
        client.send(Message::text("x".repeat(1 << 20))).await.ok();
        until(async || {
            let (_, metrics) = house.get("/api/performance/metrics").await;
            metrics["metrics"]["websockets"]["active_connections"] == 0
        })
        .await;
    }

    /// I5
    async fn a_page_of_elsewhere_and_a_stranger_get_no_socket(house) {
        let address = serve(&house).await;
        let refusal = async |url: &str, origin: Option<&str>| {
            let mut request = format!("ws://{address}{url}")
                .into_client_request()
                .unwrap();
            if let Some(origin) = origin {
                request
                    .headers_mut()
                    .insert("origin", origin.parse().unwrap());
            }
            match connect_async(request).await {
                Err(Error::Http(answer)) => answer.status().as_u16(),
                other => panic!("{:?}", other.map(|_| "connected")),
            }
        };
        assert_eq!(refusal("/ws/workstations", None).await, 401);
        assert_eq!(
            refusal("/ws/workstations?access_token=guessed", None).await,
            401
        );
        let known = format!("/ws/workstations?access_token={VIEWER}");
        assert_eq!(refusal(&known, Some("http://evil.example")).await, 403);
        assert_eq!(house.get("/ws/workstations").await.0, 400, "no WebSocket");
    }

    async fn a_pattern_of_a_megabyte_is_refused_before_it_is_read_whole(house) {
        let mut stream = TcpStream::connect(serve(&house).await).await.unwrap();
        let pattern = "x".repeat(1 << 20);
        let request = format!(
            "POST /api/performance/cache-invalidate?pattern={pattern} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {ADMIN}\r\nContent-Length: 0\r\n\r\n"
        );
        // The server may close before it has all.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert!(
            head.starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&head)
        );
    }
}
