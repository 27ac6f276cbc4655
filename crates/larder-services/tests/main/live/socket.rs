//! `/live/ws`, over real sockets.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use larder_services::live::{LiveSet, Options};
use rosc::OscType;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{event, options, router, started};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn listening(live: &LiveSet) -> SocketAddr {
    serving(live, TcpListener::bind("127.0.0.1:0").await.unwrap())
}

fn serving(live: &LiveSet, listener: TcpListener) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    let router = router(live);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn connected(address: SocketAddr) -> Socket {
    let url = format!("ws://{address}/live/ws");
    tokio_tungstenite::connect_async(url).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(_) => return Value::Null,
            _ => {}
        }
    }
}

async fn asked(socket: &mut Socket, query: Value) -> Value {
    socket.send(Message::text(query.to_string())).await.unwrap();
    next(socket).await
}

fn renamed(number: i32, name: &str) -> Vec<u8> {
    event(
        number,
        "/live/track/renamed",
        [OscType::Int(0), OscType::String(name.into())],
    )
}

#[tokio::test]
async fn a_client_is_sent_the_tree_and_then_each_change() {
    let (live, running) = started(options()).await;
    let mut socket = connected(listening(&live).await).await;
    let whole = next(&mut socket).await;
    assert_eq!(
        (&whole["type"], &whole["payload"]["project_path"]),
        (&json!("FULL_AST"), &Value::Null)
    );
    assert_eq!(whole["payload"]["ast"]["node_type"], "project");
    live.datagram(renamed(7, "Drums"));
    let update = next(&mut socket).await;
    assert_eq!(update["type"], "DIFF_UPDATE");
    let diff = &update["payload"]["diff"];
    for member in ["added", "removed", "modified", "unchanged"] {
        assert!(diff[member].is_u64(), "{member}");
    }
    let change = &diff["changes"][0];
    assert_eq!(
        (&change["new_value"]["name"], &change["seq_num"]),
        (&json!("Drums"), &json!(7))
    );
    running.stop().await;
    assert_eq!(next(&mut socket).await, Value::Null);
}

#[tokio::test]
async fn queries_are_acknowledged_with_their_results() {
    let (live, running) = started(options()).await;
    let mut socket = connected(listening(&live).await).await;
    next(&mut socket).await;
    let ack = asked(
        &mut socket,
        json!({ "type": "GET_NODE", "request_id": "a", "payload": { "id": "track-10" } }),
    )
    .await;
    assert_eq!(
        (&ack["type"], &ack["payload"]["status"]),
        (&json!("ACK"), &json!("ok"))
    );
    assert_eq!(
        (
            &ack["payload"]["request_id"],
            &ack["payload"]["result"]["id"]
        ),
        (&json!("a"), &json!("track-10"))
    );
    let query = json!({ "type": "FIND_NODES", "request_id": 2, "payload": { "type": "device", "attribute": "name=Eq8" } });
    let found = asked(&mut socket, query).await;
    assert!(
        found["payload"]["result"]["count"].as_u64().unwrap() > 0,
        "{found}"
    );
    let project = asked(&mut socket, json!({ "type": "GET_PROJECT" })).await;
    assert_eq!(project["payload"]["result"]["source"], "built-in");
    let tree = asked(&mut socket, json!({ "type": "GET_TREE" })).await;
    assert_eq!(tree["payload"]["result"]["payload"]["ast"]["id"], "project");
    running.stop().await;
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_an_error_and_the_socket_stays() {
    let (live, running) = started(options()).await;
    let mut socket = connected(listening(&live).await).await;
    next(&mut socket).await;
    for (query, error) in [
        (json!(1), "bad-message"),
        (json!({ "type": "FLY" }), "bad-query"),
        (json!({ "type": "GET_NODE" }), "bad-query"),
        (
            json!({ "type": "GET_NODE", "payload": { "id": "none" } }),
            "not-found",
        ),
        (
            json!({ "type": "FIND_NODES", "payload": { "type": "bird" } }),
            "bad-query",
        ),
        (
            json!({ "type": "DIFF_FILE", "payload": { "path": "/etc/passwd" } }),
            "bad-file",
        ),
    ] {
        let answer = asked(&mut socket, query.clone()).await;
        assert_eq!(
            (&answer["type"], &answer["payload"]["error"]),
            (&json!("ERROR"), &json!(error)),
            "{query}"
        );
        assert!(answer["payload"]["details"].is_string(), "{query}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let (live, running) = started(options()).await;
    let mut socket = connected(listening(&live).await).await;
    next(&mut socket).await;
    // The other end may close before all is sent.
    let _ = socket.send(Message::text("x".repeat(1 << 20))).await;
    while let Some(Ok(_)) = socket.next().await {}
    running.stop().await;
}

#[tokio::test]
async fn more_clients_than_may_follow_are_refused() {
    let (live, running) = started(Options {
        clients_max: 1,
        ..options()
    })
    .await;
    let address = listening(&live).await;
    let mut first = connected(address).await;
    next(&mut first).await;
    let url = format!("ws://{address}/live/ws");
    let refused = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
    drop(first);
    while tokio_tungstenite::connect_async(&url).await.is_err() {
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

/// A client that reads nothing loses the oldest, is told how many, and gets the tree anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_is_told_what_it_lost() {
    let (live, running) = started(options()).await;
    // What the system holds for a reader that is late is little: so the backlog is soon all there is.
    let small = TcpSocket::new_v4().unwrap();
    small.set_send_buffer_size(8 << 10).unwrap();
    small.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = serving(&live, small.listen(8).unwrap());
    let small = TcpSocket::new_v4().unwrap();
    small.set_recv_buffer_size(8 << 10).unwrap();
    let stream = MaybeTlsStream::Plain(small.connect(address).await.unwrap());
    let url = format!("ws://{address}/live/ws");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    next(&mut socket).await;
    let figure = |name: &str| live.metrics_summary()["websocket"][name].clone();
    for number in 1..=1_500 {
        assert!(live.datagram(renamed(number, &format!("{number}{}", "x".repeat(200)))));
    }
    while figure("broadcasts") != 1_500 {
        assert_eq!(
            figure("clients"),
            1.0,
            "it was let go before it was lost to"
        );
        tokio::task::yield_now().await;
    }
    let mut told = None;
    while told.is_none() {
        let message = next(&mut socket).await;
        if message["type"] == "ERROR" {
            told = message["payload"]["details"]["lost"].as_u64();
        }
    }
    assert_eq!(next(&mut socket).await["type"], "FULL_AST");
    assert_eq!(told, figure("messages_lost").as_u64());
    assert!(told > Some(0));
    running.stop().await;
}
