//! The document of all routes, as it is reviewed.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::daemon::Daemon;

/// `UPDATE_GOLDEN=1 cargo test -p larder-cli document` writes it anew.
#[test]
fn the_openapi_document_is_the_one_that_was_reviewed() {
    let home = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(home.path(), &[]);
    let (_, served) = daemon.get("/openapi.json");
    each_operation_has_its_own_id(&served);
    let served = serde_json::to_string_pretty(&served).unwrap() + "\n";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &served).unwrap();
    }
    let reviewed = fs::read_to_string(&golden).unwrap();
    assert!(
        served == reviewed,
        "the routes differ from {}: review them and write it anew",
        golden.display()
    );
}

fn each_operation_has_its_own_id(document: &Value) {
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let ids = operations.filter_map(|operation| operation["operationId"].as_str());
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    let repeated = ids.windows(2).find(|pair| pair[0] == pair[1]);
    assert!(ids.len() > 50 && repeated.is_none(), "{repeated:?}");
}
