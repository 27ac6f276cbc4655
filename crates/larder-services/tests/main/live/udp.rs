//! Events over real datagrams.

use larder_services::live::Options;
use rosc::OscType;
use serde_json::Value;
use tokio::net::UdpSocket;

use super::{event, get, options, processed, router, started};

fn listening() -> Options {
    Options {
        udp: Some(([127, 0, 0, 1], 0).into()),
        ..options()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_in_and_change_what_is_looked_up() {
    let (live, running) = started(listening()).await;
    let address = live.udp().wait_for(Option::is_some).await.unwrap().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let rename = event(
        1,
        "/live/track/renamed",
        [OscType::Int(0), OscType::String("Drums".into())],
    );
    socket.send_to(b"garbage", address).await.unwrap();
    socket.send_to(&rename, address).await.unwrap();
    processed(&live, 1).await;
    let (_, track) = get(&router(&live), "/live/tracks/0").await;
    assert_eq!(track["attributes"]["name"], "Drums");
    let summary = live.metrics_summary();
    assert_eq!(
        (&summary["udp"]["malformed"], &summary["udp"]["datagrams"]),
        (&Value::from(1), &Value::from(2))
    );
    running.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_the_rest_answers() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (live, running) = started(Options {
        udp: Some(taken.local_addr().unwrap()),
        ..options()
    })
    .await;
    let router = router(&live);
    loop {
        let (status, health) = get(&router, "/health/ready").await;
        assert_eq!(status, 200);
        if health["status"] == "degraded" {
            assert!(health.to_string().contains("UDP"), "{health}");
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(get(&router, "/live/tracks").await.0, 200);
    running.stop().await;
}

#[tokio::test]
async fn a_flood_fills_the_queue_and_no_more_and_what_it_lost_is_counted() {
    const EVENTS: i32 = 20_000;
    const QUEUE: i32 = 16_384;
    let (live, running) = started(options()).await;
    let rename = |number: i32| {
        let args = [OscType::Int(0), OscType::String(format!("Track {number}"))];
        event(number, "/live/track/renamed", args)
    };
    // Nobody takes them meanwhile: this thread is the only one.
    let mut took = 0;
    for number in 1..=EVENTS {
        took += i32::from(live.datagram(rename(number)));
    }
    assert_eq!(took, QUEUE);
    processed(&live, QUEUE as u64).await;
    let (_, track) = get(&router(&live), "/live/tracks/0").await;
    assert_eq!(track["attributes"]["name"], format!("Track {QUEUE}"));

    // The next one tells by its number what was lost.
    assert!(live.datagram(rename(EVENTS + 1)));
    processed(&live, QUEUE as u64 + 1).await;
    let lost = &live.metrics_summary()["udp"]["lost_events"];
    assert_eq!(*lost, Value::from(EVENTS - QUEUE));
    running.stop().await;
}
