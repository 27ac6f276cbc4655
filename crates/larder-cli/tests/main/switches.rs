//! Each service can be switched off in the file, alone.

use std::fs;

use super::daemon::Daemon;

/// Its section, a path of its own, and what it keeps in the state directory.
const SERVICES: [(&str, &str, Option<&str>); 5] = [
    ("live", "/live/cache/stats", None),
    ("workstations", "/api/workstations", Some("workstations.db")),
    (
        "assistant_context",
        "/codette/cache/stats",
        Some("assistant_context.db"),
    ),
    (
        "claude_usage",
        "/api/metrics/history",
        Some("claude_usage.state"),
    ),
    (
        "scheduler_stats",
        "/api/schedulers/oracle/stats",
        Some("scheduler_stats.db"),
    ),
];

#[test]
fn a_service_that_is_switched_off_leaves_nothing_and_the_others_serve_on() {
    for (off, path, kept) in SERVICES {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("larder.toml");
        fs::write(&file, format!("[{off}]\nenabled = false\n")).unwrap();
        let daemon = Daemon::start(home.path(), &["--config", file.to_str().unwrap()]);
        assert_eq!(daemon.get(path).0, 404, "{off}");
        for (on, path, _) in SERVICES.into_iter().filter(|(name, ..)| *name != off) {
            assert_eq!(daemon.get(path).0, 200, "{on} without {off}");
        }
        assert_eq!(daemon.get("/health/ready").0, 200, "without {off}");
        let (_, document) = daemon.get("/openapi.json");
        let documented = document["paths"].as_object().unwrap();
        assert!(
            !documented.keys().any(|documented| documented == path),
            "{off}"
        );
        if let Some(kept) = kept {
            assert!(!home.path().join("state").join(kept).exists(), "{kept}");
        }
        assert!(daemon.terminate().success(), "without {off}");
    }
}
