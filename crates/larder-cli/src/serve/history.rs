//! The history of the daemon's figures, in the state directory.

use std::path::Path;

use larder_http::Gateway;
use larder_metrics::TimelineFile;

/// The history outlives the daemon. Without its file there is one all the same, in memory.
pub(super) fn keep(gateway: Gateway, state_dir: &Path) -> Gateway {
    let path = state_dir.join("metrics.history");
    match TimelineFile::open(&path) {
        Ok(file) => {
            let lost = file.lines_skipped();
            if lost > 0 {
                tracing::warn!(lost, file = %path.display(), "lines of the figures' history were torn");
            }
            gateway.history(file)
        }
        Err(error) => {
            tracing::warn!(%error, file = %path.display(), "the figures' history is not kept");
            gateway
        }
    }
}
