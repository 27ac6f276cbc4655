//! The history of the daemon's figures, in the state directory.

use std::path::Path;

use larder_http::{Check, Gateway, Standing};
use larder_metrics::{SetAside, TimelineFile};

/// The history outlives the daemon. Without its file there is one all the same, in memory.
pub(super) fn keep(gateway: Gateway, state_dir: &Path) -> Gateway {
    let path = state_dir.join("metrics.history");
    match TimelineFile::open(&path) {
        Ok(file) => {
            tell(&file);
            gateway.history(file)
        }
        Err(error) => {
            let why = format!("{} is not kept: {error}", path.display());
            tracing::warn!("{why}");
            gateway.check(Check::new("history", move || {
                Standing::Degraded(why.clone())
            }))
        }
    }
}

/// Says what of the file that was found could not be used.
fn tell(file: &TimelineFile) {
    let (lost, path) = (file.lines_skipped(), file.path().display());
    match file.set_aside() {
        Some(SetAside {
            path: aside,
            version: Some(version),
            ..
        }) => tracing::warn!(
            file = %path, kept_as = %aside.display(), version,
            "the figures' history is of another version of its format: it is kept beside, and begins anew"
        ),
        Some(SetAside { path: aside, .. }) => tracing::warn!(
            file = %path, kept_as = %aside.display(), lost,
            "the figures' history is damaged: it is kept beside as it was, and goes on with what could be read"
        ),
        None if lost > 0 => {
            tracing::warn!(lost, file = %path, "lines of the figures' history were torn");
        }
        None => {}
    }
}
