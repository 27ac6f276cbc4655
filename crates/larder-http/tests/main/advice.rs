//! `/v1/caches/{name}/keys` and `/v1/recommendations`.

use axum::http::{Method, StatusCode};
use larder::{Cache, ManualClock};
use larder_http::Role;
use serde_json::json;

use super::{House, get, house, house_of, request, send};

/// A cache of 100 that is asked for 150 keys in a loop.
async fn too_small() -> House {
    let clock = ManualClock::new();
    let cache = Cache::builder("numbers")
        .max_capacity(100)
        .clock(clock.clock())
        .build()
        .unwrap();
    for key in (0..40).flat_map(|_| 0..150) {
        clock.advance(std::time::Duration::from_millis(1));
        if cache.peek(&key).is_none() {
            cache.insert(key, "value".into()).await.unwrap();
        }
    }
    house_of(cache, Some(Role::Viewer), None)
}

#[tokio::test]
async fn keys_are_told_with_how_they_were_counted() {
    let house = house(Some(Role::Viewer));
    for key in [7, 7, 7, 8] {
        let load = |_| async { Ok::<_, std::io::Error>("value".to_owned()) };
        house.cache.get_or_load(&key, load).await.unwrap();
    }
    let (status, keys) = get(&house.router, "/v1/caches/numbers/keys").await;
    assert_eq!((status, &keys["one_in"]), (StatusCode::OK, &json!(1)));
    let hottest = &keys["hottest"][0];
    assert_eq!(
        (&hottest["key"], &hottest["share"], &hottest["error"]),
        (&json!("7"), &json!(0.75), &json!(0.0))
    );
    assert!(keys["slowest"][1]["load_ms"].as_f64() > Some(0.0));
    assert_eq!(
        (&keys["prefixes"], &keys["scanned"], &keys["complete"]),
        (
            &json!([{ "prefix": "", "entries": 2, "weight": 2, "share": 1.0 }]),
            &json!(2),
            &json!(true)
        )
    );
    let forever = keys["ttl"].as_array().unwrap().last().unwrap();
    assert_eq!(forever, &json!({ "until_ms": null, "entries": 2 }));
    assert_eq!(keys["largest"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_cache_that_is_not_there_is_answered_with_those_that_are() {
    let house = house(Some(Role::Viewer));
    let (status, problem) = get(&house.router, "/v1/caches/letters/keys").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(problem["detail"].as_str().unwrap().contains("numbers"));
}

#[tokio::test]
async fn a_cache_that_is_too_small_is_told_of_with_its_evidence_and_its_curve() {
    let house = too_small().await;
    let (status, answer) = get(&house.router, "/v1/recommendations").await;
    assert_eq!(status, StatusCode::OK);
    let first = &answer["recommendations"][0];
    assert_eq!(
        (&first["id"], &first["level"], &first["docs"]),
        (
            &json!("capacity:numbers"),
            &json!("critical"),
            &json!("docs/recommendations/capacity.md")
        )
    );
    assert_eq!(
        first["change"],
        json!({ "setting": "max_capacity", "from": "100", "to": "200" })
    );
    let names: Vec<_> = first["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert!(names.contains(&&json!("hit_rate_at_twice")), "{names:?}");
    let predicted = &first["predicted"][0];
    assert!(predicted["to"].as_f64() > predicted["from"].as_f64());
    let curve = &answer["curves"][0];
    assert_eq!(
        (
            &curve["cache"],
            &curve["samples"],
            &curve["points"][2]["capacity"]
        ),
        (&json!("numbers"), &json!(6_000), &json!(100))
    );
    assert_eq!(curve["points"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn they_are_for_viewers() {
    let house = house(None);
    for path in ["/v1/caches/numbers/keys", "/v1/recommendations"] {
        let answered = send(&house.router, request(Method::GET, path, None)).await;
        assert_eq!(answered.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}
