//! What is refused, and how that is said.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::house::{House, OPERATOR};
use crate::databases::on_both;

on_both! {
    async fn every_field_that_is_wrong_is_named(house) {
        let body = json!({ "name": "", "port": 70_000, "colour": "red" });
        let (status, problem) = house.post("/api/workstations", &body).await;
        assert_eq!(
            (status, &problem["type"]),
            (422, &json!("urn:larder:problem:bad-fields"))
        );
        let errors = problem["errors"].as_array().unwrap();
        let mut fields: Vec<_> = errors
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        fields.sort_unstable();
        assert_eq!(fields, ["colour", "ip_address", "name", "port"]);
        assert!(
            problem
                .to_string()
                .contains("expected a whole number from 1 to 65535")
        );
        assert_eq!(house.names().await, [""; 0]);
    }

    async fn an_update_of_nothing_or_of_another_is_refused(house) {
        let path = format!("/api/workstations/{}", house.make("pc-1").await);
        for body in [
            json!({}),
            json!({ "password": "x" }),
            json!({ "id": 77, "name": "b" }),
        ] {
            assert_eq!(house.put(&path, &body).await.0, 422, "{body}");
        }
    }

    async fn what_is_no_object_of_json_is_refused_by_its_kind(house) {
        for (body, expected) in [(json!([]), 422), (json!("x"), 422), (Value::Null, 422)] {
            assert_eq!(
                house.post("/api/workstations", &body).await.0,
                expected,
                "{body}"
            );
        }
        let body = json!({ "name": "x".repeat(10 << 20), "host": "a" });
        let (status, headers, problem) = house
            .send(
                Method::POST,
                "/api/workstations",
                Some(OPERATOR),
                Some(&body),
            )
            .await;
        assert_eq!(status.as_u16(), 413);
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(problem.len() < 1_000);
        let (status, _, _) = house
            .send(Method::POST, "/api/workstations", Some(OPERATOR), None)
            .await;
        assert_eq!(status.as_u16(), 415);
    }
}
