//! What a person at the terminal sees while the daemon starts.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
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
pub(super) fn show_progress(usage: &ClaudeUsage, bars: &MultiProgress) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let (usage, bars) = (usage.clone(), bars.clone());
    tokio::spawn(async move {
        let style = ProgressStyle::with_template("  {bar:30} {bytes} of {total_bytes}, {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let mut bar = None;
        loop {
            let progress = usage.progress();
            if progress.finished {
                break;
            }
            if progress.files_total > 0 {
                let bar = bar.get_or_insert_with(|| {
                    bars.add(ProgressBar::new(progress.bytes_total).with_style(style.clone()))
                });
                bar.set_position(progress.bytes_done);
                let (done, total) = (progress.files_done, progress.files_total);
                bar.set_message(format!("{done} of {total} session logs"));
            }
            tokio::time::sleep(PROGRESS_PACE).await;
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    });
}
