//! What a person at the terminal sees while the daemon starts.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use larder_services::claude_usage::ClaudeUsage;

use crate::config::Anonymous;

const PROGRESS_PACE: Duration = Duration::from_millis(100);

/// Prints where to look.
pub(super) fn announce(address: SocketAddr, state_dir: &Path, anonymous: Anonymous) {
    let token = state_dir.join("admin.token");
    eprintln!("larder is serving on http://{address}");
    eprintln!("  dashboard   http://{address}/");
    eprintln!("  usage       http://{address}/api/stats");
    eprintln!("  terminal    larder top --url http://{address}");
    match anonymous {
        Anonymous::Viewer => eprintln!(
            "  admin       the token in {} (reading needs none here)",
            token.display()
        ),
        Anonymous::Nobody => eprintln!(
            "  admin       the token in {} (reading needs it too)",
            token.display()
        ),
    }
}

/// Draws the first scan's progress, if standard error is a terminal.
pub(super) fn show_progress(usage: &ClaudeUsage) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let usage = usage.clone();
    tokio::spawn(async move {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let template = "  {bar:30} {bytes} of {total_bytes}, {msg}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        loop {
            let progress = usage.progress();
            if progress.finished {
                return bar.finish_and_clear();
            }
            bar.set_length(progress.bytes_total);
            bar.set_position(progress.bytes_done);
            bar.set_message(format!(
                "{} of {} session logs",
                progress.files_done, progress.files_total
            ));
            tokio::time::sleep(PROGRESS_PACE).await;
        }
    });
}
