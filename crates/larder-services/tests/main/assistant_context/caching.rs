//! The read-through: who calls the RPC, and who need not.

use std::sync::Arc;
use std::time::Duration;

use larder::{Disk, Tiers};
use larder_services::assistant_context::PostgRest;
use serde_json::{Value, json};

use super::server::reverb;
use super::{House, Says, Server};

#[tokio::test]
async fn one_question_however_it_is_written_is_one_call() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    let first = house.asks("How to use reverb in mixing").await;
    assert_eq!(
        (&first["source"], &first["cached"]),
        (&json!("rpc"), &json!(false))
    );
    for same in [
        "how to use reverb in mixing",
        "HOW  TO\tUSE REVERB IN MIXING\n",
    ] {
        let answer = house.asks(same).await;
        assert_eq!(
            (&answer["source"], &answer["cached"]),
            (&json!("memory"), &json!(true))
        );
        assert_eq!(answer["response"], first["response"]);
    }
    assert_eq!(server.calls(), 1);
    let of_a_file =
        json!({ "message": "how to use reverb in mixing", "daw_context": {"filename": "a.wav"} });
    assert_eq!(house.says(of_a_file).await.1["cached"], false);
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn contexts_live_for_five_minutes() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    house.asks("reverb").await;
    house.time.advance(Duration::from_millis(299_900));
    assert_eq!(house.asks("reverb").await["cached"], true);
    house.time.advance(Duration::from_millis(200));
    assert_eq!(house.get("/codette/cache/stats").await["entries"], 0);
    assert_eq!(house.asks("reverb").await["cached"], false);
    assert_eq!(server.calls(), 2);
}

/// B1
#[tokio::test]
async fn many_who_ask_together_make_one_call() {
    let server = Server::start(Says::WhenLet(reverb())).await;
    let house = House::at(&server.url);
    let asked = futures_util::future::join_all((0..100).map(|_| house.asks("reverb")));
    let (answers, ()) = tokio::join!(asked, async {
        server.arrived().await;
        server.let_go();
    });
    assert!(
        answers
            .iter()
            .all(|answer| answer["response"] == answers[0]["response"])
    );
    assert_eq!(server.calls(), 1);
    let figures = house.get("/codette/cache/stats").await;
    assert_eq!(figures["metrics"]["total_requests"], 100);
}

#[tokio::test]
async fn keys_are_as_the_document_names_them() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    house.asks("How to use REVERB").await;
    let listing = house.get("/v1/caches/assistant_context/entries").await;
    // `printf 'how to use reverb:none' | md5sum`
    let key = "context:7c21df122a12fe05c4e49476af534a66";
    assert_eq!(listing["entries"][0]["key"], key);
}

#[tokio::test]
async fn clearing_removes_all_and_an_empty_cache_may_be_cleared() {
    let server = Server::start(Says::Json(reverb())).await;
    let house = House::at(&server.url);
    assert_eq!(house.clear().await["entries_removed"], 0);
    house.asks("reverb").await;
    house.asks("delay").await;
    let cleared = house.clear().await;
    assert_eq!(
        (&cleared["status"], &cleared["entries_removed"]),
        (&json!("success"), &json!(2))
    );
    assert_eq!(house.get("/codette/cache/stats").await["entries"], 0);
    assert_eq!(house.asks("reverb").await["cached"], false);
    assert_eq!(house.clear().await["entries_removed"], 1);
}

/// C2
#[tokio::test]
async fn a_context_that_was_on_its_way_when_all_was_cleared_is_not_kept() {
    let server = Server::start(Says::WhenLet(reverb())).await;
    let house = House::at(&server.url);
    let (_, ()) = tokio::join!(house.asks("reverb"), async {
        server.arrived().await;
        house.clear().await;
        server.let_go();
    });
    server.now_says(Says::Json(reverb()));
    assert_eq!(house.asks("reverb").await["cached"], false);
}

#[tokio::test]
async fn a_hit_under_memory_counts_as_its_tiers_and_fills_memory() {
    let server = Server::start(Says::Json(reverb())).await;
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let rpc = PostgRest::at(&server.url, None).unwrap();
        let tiers = Tiers::default().disk(Disk::at(directory.path()));
        House::with(Arc::new(rpc), Duration::from_mins(1), tiers)
    };
    let before = open();
    before.asks("reverb").await;
    before.running.stop().await;
    let house = open();
    assert_eq!(house.asks("reverb").await["source"], "disk");
    assert_eq!(house.asks("reverb").await["source"], "memory");
    assert_eq!(server.calls(), 1);
    let signals = house.get("/codette/analytics/signals").await;
    assert_eq!(
        signals["hits_by_tier"],
        json!({ "memory": 1, "disk": 1, "redis": 0 })
    );
    let chain = house.get("/codette/cache/status").await["fallback_chain"].clone();
    assert_eq!(
        (&chain[0], &chain[1]),
        (&json!("In-memory cache"), &json!("Disk"))
    );
}

/// What one server said is not served for another's.
#[tokio::test]
async fn another_servers_contexts_are_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let mut servers = Vec::new();
    for text in ["one", "other"] {
        let says = json!({ "snippets": [{"filename": "a", "snippet": text}] });
        servers.push(Server::start(Says::Json(says)).await);
        let rpc = PostgRest::at(&servers.last().unwrap().url, None).unwrap();
        let tiers = Tiers::default().disk(Disk::at(directory.path()));
        let house = House::with(Arc::new(rpc), Duration::from_mins(1), tiers);
        let answer: Value = house.asks("reverb").await;
        assert_eq!(
            (&answer["response"], &answer["cached"]),
            (&json!(format!("{text} (from a)")), &json!(false))
        );
        house.running.stop().await;
    }
}
