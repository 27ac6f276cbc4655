//! The resource: what is made can be read, changed and removed.

use axum::http::{Method, header};
use serde_json::{Value, json};

use super::house::{ADMIN, House, OPERATOR, VIEWER, shape};
use crate::databases::on_both;

on_both! {
    /// The list's items and the record have the fields of the document.
    async fn the_list_is_an_array_of_summaries_and_the_record_has_the_rest(house) {
        let state = json!({
            "name": "pc-1", "ip_address": "10.0.0.7", "status": "online", "total_emulators": 4,
            "active_emulators": 2, "cpu_usage": 12.5, "memory_usage": 40, "disk_usage": 70.25,
        });
        let (status, made) = house.post("/api/workstations", &state).await;
        assert_eq!(status, 201, "{made}");
        let id = made["id"].as_i64().unwrap();
        let (_, list) = house.get("/api/workstations").await;
        let item = json!({
            "id": 1, "name": "", "ip_address": "", "status": "", "total_emulators": 1, "active_emulators": 1,
            "cpu_usage": 1.5, "memory_usage": 1.5, "disk_usage": 1.5, "last_seen": "",
        });
        assert_eq!(shape(&list), shape(&json!([item])));
        for (field, value) in state.as_object().unwrap() {
            assert_eq!(list[0][field].as_f64(), value.as_f64(), "{field}");
            assert_eq!(list[0][field].as_str(), value.as_str(), "{field}");
        }
        let details = json!({
            "username": null, "ldplayer_path": null, "ldconsole_path": null, "configs_path": null,
            "smb_enabled": false, "powershell_remoting_enabled": false, "winrm_port": 5985,
            "monitoring_enabled": true, "monitoring_interval": 30,
        });
        let mut record = list[0].clone();
        record.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
        assert_eq!(house.get(&format!("/api/workstations/{id}")).await, (200, record.clone()));
        assert_eq!(made, record);
    }

    async fn an_update_changes_what_it_names_and_a_removal_ends_it(house) {
        let id = house.make("pc-1").await;
        let path = format!("/api/workstations/{id}");
        let (_, before) = house.get(&path).await;
        let (status, after) = house.put(&path, &json!({ "port": 5986, "smb_enabled": true })).await;
        assert_eq!((status, &after["winrm_port"], &after["smb_enabled"]), (200, &json!(5986), &json!(true)));
        assert_eq!((&after["name"], &after["last_seen"]), (&before["name"], &Value::Null));
        assert_eq!(house.get(&path).await, (200, after.clone()));
        assert_eq!(house.put(&path, &after).await, (200, after.clone()), "as it was read");
        let (_, seen) = house.put(&path, &json!({ "status": "online" })).await;
        assert!(seen["last_seen"].is_string(), "who reports a state has seen it");

        assert_eq!(house.delete(&path).await.0, 204);
        for (status, problem) in [house.get(&path).await, house.delete(&path).await, house.put(&path, &after).await] {
            assert_eq!((status, &problem["type"]), (404, &json!("urn:larder:problem:not-found")));
        }
        assert_eq!(house.names().await, [""; 0]);
        assert!(house.make("pc-1").await > id, "an id is never given again");
    }

    async fn a_name_is_taken_once(house) {
        let first = house.make("pc-1").await;
        let second = house.make("pc-2").await;
        let body = json!({ "name": "pc-1", "host": "a.example" });
        let (status, problem) = house.post("/api/workstations", &body).await;
        assert_eq!((status, &problem["type"]), (409, &json!("urn:larder:problem:exists")));
        let renamed = house.put(&format!("/api/workstations/{second}"), &json!({ "name": "pc-1" })).await;
        assert_eq!(renamed.0, 409);
        assert_eq!(house.names().await, ["pc-1", "pc-2"]);
        assert_eq!(house.get(&format!("/api/workstations/{first}")).await.0, 200);
    }

    async fn sql_in_a_name_is_a_name(house) {
        let names = [
            "'); DROP TABLE workstations; --",
            "$1", "%s", "a\"b", "x' OR '1'='1", "🖥 käse",
        ];
        for name in names {
            house.make(name).await;
        }
        let (mut expected, mut found) = (names.map(str::to_owned).to_vec(), house.names().await);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        let (status, problem) = house.get("/api/workstations/1%20OR%201=1").await;
        assert_eq!((status, &problem["status"]), (400, &json!(400)));
    }

    async fn more_emulators_run_than_there_are_is_refused_also_field_by_field(house) {
        let body = json!({ "name": "pc-1", "host": "a", "total_emulators": 3, "active_emulators": 4 });
        let (status, problem) = house.post("/api/workstations", &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("active_emulators")));
        let id = house.make("pc-1").await;
        let (status, _) = house.put(&format!("/api/workstations/{id}"), &json!({ "active_emulators": 1 })).await;
        assert_eq!(status, 422);
        let body = json!({ "total_emulators": 1, "active_emulators": 1 });
        assert_eq!(house.put(&format!("/api/workstations/{id}"), &body).await.0, 200);
    }

    async fn a_password_is_never_returned(house) {
        let body = json!({ "name": "pc-1", "host": "a", "username": "bob", "password": "hunter22" });
        let (status, made) = house.post("/api/workstations", &body).await;
        assert_eq!((status, &made["username"]), (201, &json!("bob")));
        let record = house.get(&format!("/api/workstations/{}", made["id"])).await.1;
        for answer in [made, record, house.get("/api/workstations").await.1] {
            let text = answer.to_string();
            assert!(!text.contains("hunter22") && !text.contains("password"), "{text}");
        }
    }

    /// I5
    async fn viewers_read_operators_write(house) {
        let id = house.make("pc-1").await;
        let record = format!("/api/workstations/{id}");
        let body = json!({ "name": "pc-2", "host": "a" });
        let asked = [
            (Method::GET, "/api/workstations", None, [401, 200, 200, 200]),
            (Method::GET, &*record, None, [401, 200, 200, 200]),
            (
                Method::POST,
                "/api/workstations",
                Some(&body),
                [401, 403, 201, 409],
            ),
            (Method::PUT, &*record, Some(&body), [401, 403, 409, 409]),
            (Method::DELETE, &*record, None, [401, 403, 204, 404]),
        ];
        for (method, path, body, expected) in asked {
            for (token, expected) in [None, Some(VIEWER), Some(OPERATOR), Some(ADMIN)]
                .into_iter()
                .zip(expected)
            {
                let (status, _, _) = house.send(method.clone(), path, token, body).await;
                assert_eq!(status.as_u16(), expected, "{method} {path} {token:?}");
            }
        }
    }

    async fn what_is_made_says_where_it_is(house) {
        let body = json!({ "name": "pc-1", "host": "a" });
        let (status, headers, made) = house
            .send(
                Method::POST,
                "/api/workstations",
                Some(OPERATOR),
                Some(&body),
            )
            .await;
        let made: Value = serde_json::from_slice(&made).unwrap();
        assert_eq!(status.as_u16(), 201);
        assert_eq!(
            headers[header::LOCATION],
            format!("/api/workstations/{}", made["id"])
        );
    }
}
