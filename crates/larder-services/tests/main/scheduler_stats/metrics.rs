//! `/metrics/prometheus`.

use std::collections::BTreeSet;

use axum::http::Method;

use super::House;
use crate::databases::on_both;

async fn scrape(house: &House) -> String {
    house.ask(Method::GET, "/metrics/prometheus", None).await.1
}

fn value<'a>(text: &'a str, series: &str) -> &'a str {
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {series} in\n{text}"))
}

on_both! {
    async fn the_eight_names_are_there_with_their_labels(house) {
        house.post("/api/start").await;
        house.simulate(2).await;
        house.get("/api/schedulers/oracle/stats").await;
        house.get("/api/schedulers/oracle/stats").await;
        house.get("/api/schedulers/nobody/stats").await;
        let text = scrape(&house).await;
        let stats = "endpoint=\"/api/schedulers/{name}/stats\",method=\"GET\"";
        for (series, expected) in [
            (
                format!("http_requests_total{{{stats},status=\"200\"}}"),
                "2",
            ),
            (
                format!("http_requests_total{{{stats},status=\"404\"}}"),
                "1",
            ),
            (
                format!("http_request_duration_seconds_bucket{{{stats},le=\"+Inf\"}}"),
                "3",
            ),
            (
                "cache_operations_total{operation=\"get\",result=\"hit\"}".into(),
                "1",
            ),
            (
                "cache_operations_total{operation=\"get\",result=\"miss\"}".into(),
                "1",
            ),
            (
                "cache_operations_total{operation=\"set\",result=\"ok\"}".into(),
                "1",
            ),
            ("websocket_connections_active".into(), "0"),
            (
                "larder_cache_gets_total{cache=\"scheduler_stats\",result=\"hit\"}".into(),
                "1",
            ),
            ("larder_cache_entries{cache=\"training_data\"}".into(), "0"),
        ] {
            assert_eq!(value(&text, &series), expected, "{series}");
        }
        let count = |series: &str| value(&text, series).parse::<u64>().unwrap();
        let select = "operation=\"select\",table=\"scheduler_results\"";
        assert_eq!(
            count(&format!(
                "database_query_duration_seconds_count{{{select}}}"
            )),
            1
        );
        let insert = "operation=\"insert\",table=\"training_data\"";
        assert!(
            count(&format!(
                "database_query_duration_seconds_count{{{insert}}}"
            )) >= 2
        );
        assert!(count("simulation_tasks_processed_total") > 100);
        assert!(count("simulation_tasks_in_flight") > 0);
        assert!(count("model_retraining_duration_seconds_count") >= 2);
        assert!(text.contains(
            "http_request_duration_seconds_bucket{endpoint=\"/api/start\",method=\"POST\",le=\"0.1\"}"
        ));
    }

    /// I3
    async fn raw_paths_never_become_labels(house) {
        for number in 0..300 {
            house.get(&format!("/api/schedulers/{number}/stats")).await;
            house.get(&format!("/nowhere/{number}")).await;
        }
        let text = scrape(&house).await;
        let endpoints: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| {
                line.strip_prefix("http_requests_total{endpoint=\"")?
                    .split('"')
                    .next()
            })
            .collect();
        assert!(endpoints.len() < 10, "{endpoints:?}");
    }

    async fn each_family_has_one_head(house) {
        house.post("/api/start").await;
        house.simulate(1).await;
        let text = scrape(&house).await;
        let heads: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("# TYPE "))
            .collect();
        let distinct: BTreeSet<&str> = heads.iter().copied().collect();
        assert_eq!(heads.len(), distinct.len(), "{heads:?}");
        assert!(heads.contains(&"# TYPE cache_operations_total counter"));
    }
}
