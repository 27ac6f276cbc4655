//! Files: opened, compared, changed, and those that may not be.

use std::fs;
use std::path::Path;

use axum::http::StatusCode;
use larder_services::live::{LiveSet, Lookup, Options, Running, demo};
use serde_json::{Value, json};

use super::{get, options, packed, post, router, started, xml};

fn track(name: &str) -> String {
    format!(r#"<MidiTrack Id="1"><Name><EffectiveName Value="{name}"/></Name></MidiTrack>"#)
}

fn write(path: &Path, name: &str) {
    // As Live saves: another file in its place.
    let beside = path.with_extension("new");
    fs::write(&beside, packed(&xml(&track(name), ""))).unwrap();
    fs::rename(beside, path).unwrap();
}

async fn following(directory: &Path) -> (LiveSet, Running) {
    let file = directory.join("a.als");
    write(&file, "first");
    started(Options {
        file: Some(file),
        ..options()
    })
    .await
}

async fn name(live: &LiveSet) -> Value {
    let tracks = live.lookup(&Lookup::TracksAll).await.unwrap();
    let tracks: Value = serde_json::from_slice(&tracks.json).unwrap();
    tracks["tracks"][0]["name"].clone()
}

#[tokio::test]
async fn a_file_that_is_saved_again_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let (live, running) = following(directory.path()).await;
    assert_eq!(name(&live).await, "first");
    write(&directory.path().join("a.als"), "the second");
    while name(&live).await != "the second" {
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_file_that_is_damaged_leaves_what_was_open_until_it_is_mended() {
    let directory = tempfile::tempdir().unwrap();
    let (live, running) = following(directory.path()).await;
    let router = router(&live);
    let file = directory.path().join("a.als");
    fs::write(&file, b"JUNK").unwrap();
    let standing = async || get(&router, "/health/ready").await;
    while standing().await.1["status"] != "degraded" {
        tokio::task::yield_now().await;
    }
    assert_eq!(name(&live).await, "first");
    assert_eq!(standing().await.0, StatusCode::OK);
    write(&file, "mended");
    while name(&live).await != "mended" {
        tokio::task::yield_now().await;
    }
    assert_eq!(standing().await.1["status"], "ready");
    running.stop().await;
}

#[tokio::test]
async fn a_set_that_is_not_there_is_told_and_opened_once_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.als");
    let (live, running) = LiveSet::start(Options {
        file: Some(file.clone()),
        ..options()
    });
    let router = router(&live);
    loop {
        let (status, problem) = get(&router, "/live/tracks").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        if problem["detail"].as_str().unwrap().contains("a.als") {
            break;
        }
        tokio::task::yield_now().await;
    }
    write(&file, "late");
    while get(&router, "/live/tracks").await.0 != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test]
async fn another_set_is_opened_in_its_place_and_compared_before() {
    let directory = tempfile::tempdir().unwrap();
    let (live, running) = following(directory.path()).await;
    let router = router(&live);
    let other = directory.path().canonicalize().unwrap().join("b.als");
    fs::write(&other, packed(&xml(&track("other"), ""))).unwrap();
    let (status, compared) = get(&router, &format!("/live/diff?file={}", other.display())).await;
    assert_eq!(status, StatusCode::OK, "{compared}");
    let diff = &compared["diff"];
    let expected = json!({ "kind": "modified", "node_id": "track-1", "node_type": "track", "path": "tracks[0]",
        "old_value": { "name": "first" }, "new_value": { "name": "other" }, "seq_num": null });
    assert_eq!(diff["changes"], json!([expected]));
    assert_eq!(
        (
            &diff["added"],
            &diff["removed"],
            &diff["modified"],
            &diff["unchanged"]
        ),
        (&json!(0), &json!(0), &json!(1), &json!(3))
    );
    assert_eq!(name(&live).await, "first");
    let (status, opened) = post(&router, "/live/open", json!({ "path": other }).to_string()).await;
    assert_eq!((status, &opened["tracks"]), (StatusCode::OK, &json!(2)));
    assert_eq!(opened["project_path"], json!(other));
    assert_eq!(name(&live).await, "other");
    running.stop().await;
}

#[tokio::test]
async fn only_sets_under_the_roots_are_opened() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let (live, running) = following(directory.path()).await;
    let router = router(&live);
    let at = |root: &Path, name: &str| root.join(name).display().to_string();
    fs::write(outside.path().join("o.als"), demo::als()).unwrap();
    fs::write(directory.path().join("junk.als"), b"JUNK").unwrap();
    fs::write(directory.path().join("secret.txt"), b"s").unwrap();
    fs::create_dir(directory.path().join("dir.als")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(
            outside.path().join("o.als"),
            directory.path().join("link.als"),
        )
        .unwrap();
        std::os::unix::fs::symlink(
            directory.path().join("secret.txt"),
            directory.path().join("text.als"),
        )
        .unwrap();
    }
    for (path, expected) in [
        (at(outside.path(), "o.als"), 422),
        (at(outside.path(), "none.als"), 422),
        (at(directory.path(), "link.als"), 422),
        (at(directory.path(), "text.als"), 422),
        (at(directory.path(), "none.als"), 404),
        (at(directory.path(), "dir.als"), 404),
        (at(directory.path(), "junk.als"), 422),
        (at(directory.path(), "secret.txt"), 400),
        (
            format!(
                "{}/../{}/o.als",
                directory.path().display(),
                outside.path().display()
            ),
            400,
        ),
        ("a.als".to_owned(), 400),
        (String::new(), 400),
        ("/a\0b.als".to_owned(), 400),
        (format!("/{}.als", "x".repeat(5_000)), 400),
    ] {
        let (status, problem) =
            post(&router, "/live/open", json!({ "path": path }).to_string()).await;
        assert_eq!(status, expected, "{path}: {problem}");
        assert!(!problem.to_string().contains("JUNK"));
    }
    assert_eq!(name(&live).await, "first");
    running.stop().await;
}
