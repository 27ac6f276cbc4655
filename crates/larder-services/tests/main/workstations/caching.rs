//! The list is cached, and no write is ever missing from it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::http::Method;
use larder_services::workstations::AnswerKey;
use serde_json::{Map, Value, json};

use super::house::{ADMIN, House};
use crate::databases::on_both;

fn fields(name: &str) -> Map<String, Value> {
    let Value::Object(fields) = json!({ "name": name, "host": "a" }) else {
        unreachable!()
    };
    fields
}

on_both! {
    /// The original's list was not in fact cached.
    async fn many_reads_are_one_query(house) {
        house.is_warm().await;
        let before = house.selects();
        for _ in 0..1_000 {
            assert_eq!(house.names().await, [""; 0]);
        }
        assert_eq!(house.selects(), before);
        let id = house.make("pc-1").await;
        for _ in 0..100 {
            assert_eq!(house.names().await, ["pc-1"]);
            assert_eq!(house.get(&format!("/api/workstations/{id}")).await.0, 200);
        }
        assert_eq!(house.selects(), before + 2);
    }

    async fn every_write_shows_in_the_next_read(house) {
        let id = house.make("pc-1").await;
        let path = format!("/api/workstations/{id}");
        assert_eq!(house.names().await, ["pc-1"]);
        assert_eq!(house.get(&path).await.1["name"], "pc-1");
        house.put(&path, &json!({ "name": "pc-2" })).await;
        assert_eq!(house.names().await, ["pc-2"]);
        assert_eq!(house.get(&path).await.1["name"], "pc-2");
        house.delete(&path).await;
        assert_eq!(house.names().await, [""; 0]);
        assert_eq!(house.get(&path).await.0, 404);
    }

    async fn a_list_ends_after_five_minutes(house) {
        house.is_warm().await;
        let before = house.selects();
        house.time.advance(Duration::from_secs(299));
        house.names().await;
        assert_eq!(house.selects(), before);
        house.time.advance(Duration::from_secs(2));
        house.names().await;
        assert_eq!(house.selects(), before + 1);
    }

    /// C1
    async fn no_reader_that_starts_after_a_write_misses_it(house) {
        let writers = (0..8).map(|writer| {
            let house = &house;
            async move {
                for number in 0..10 {
                    let name = format!("pc-{writer}-{number}");
                    let id = house.make(&name).await;
                    assert!(house.names().await.contains(&name));
                    let path = format!("/api/workstations/{id}");
                    let renamed = format!("{name}-b");
                    house.put(&path, &json!({ "name": renamed })).await;
                    let names = house.names().await;
                    assert!(names.contains(&renamed) && !names.contains(&name));
                    if number % 2 == 0 {
                        house.delete(&path).await;
                        assert!(!house.names().await.contains(&renamed));
                    }
                }
            }
        });
        let readers = (0..4).map(|_| async {
            for _ in 0..100 {
                house.names().await;
                tokio::task::yield_now().await;
            }
        });
        let all = futures_util::future::join(
            futures_util::future::join_all(writers),
            futures_util::future::join_all(readers),
        );
        all.await;
        assert_eq!(house.names().await.len(), 40);
    }

    /// Its future is dropped at every point where it waits.
    async fn a_client_that_goes_away_leaves_no_old_list(house) {
        for polls in 0..12 {
            house.names().await;
            let given = fields(&format!("pc-{polls}"));
            {
                let mut writing = pin!(house.service.create(&given));
                for _ in 0..polls {
                    let mut context = Context::from_waker(Waker::noop());
                    if let Poll::Ready(made) = writing.as_mut().poll(&mut context) {
                        made.unwrap();
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            // Its turn comes after that of whatever was begun.
            assert!(house.service.remove(1_000_000).await.is_err());
            let cached = house.service.read(AnswerKey::List).await.unwrap();
            let uncached = house.service.read_uncached().await.unwrap();
            assert_eq!(cached.as_ref(), uncached.as_ref(), "after {polls} polls");
        }
        assert!(house.names().await.len() >= 11);
    }

    async fn the_cache_is_warm_before_anyone_asks(house) {
        house.is_warm().await;
        house.names().await;
        let stats = house.service.answers().stats();
        assert_eq!((stats.loads, stats.hits), (1, 1));
    }

    async fn what_the_client_has_is_not_sent_again_until_it_changes(house) {
        let list = |known: Option<String>| {
            let mut request = axum::http::Request::get("/api/workstations")
                .header("host", "localhost")
                .header("authorization", format!("Bearer {ADMIN}"));
            if let Some(known) = known {
                request = request.header("if-none-match", known);
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            tower::ServiceExt::oneshot(house.router.clone(), request)
        };
        let etag = list(None).await.unwrap().headers()["etag"]
            .to_str()
            .unwrap()
            .to_owned();
        let again = list(Some(etag.clone())).await.unwrap();
        assert_eq!(
            (again.status().as_u16(), &again.headers()["etag"]),
            (304, &etag.parse().unwrap())
        );
        house.make("pc-1").await;
        assert_eq!(list(Some(etag)).await.unwrap().status().as_u16(), 200);
    }

    async fn an_operator_of_the_cache_sees_its_keys(house) {
        let id = house.make("pc-1").await;
        house.names().await;
        house.get(&format!("/api/workstations/{id}")).await;
        let (_, _, entries) = house
            .send(
                Method::GET,
                "/v1/caches/workstations/entries",
                Some(ADMIN),
                None,
            )
            .await;
        let entries: Value = serde_json::from_slice(&entries).unwrap();
        let entries = entries["entries"].as_array().unwrap();
        let mut keys: Vec<_> = entries
            .iter()
            .map(|entry| entry["key"].as_str().unwrap())
            .collect();
        keys.sort_unstable();
        assert_eq!(keys, [&format!("workstations_{id}"), "workstations_list"]);
    }
}
