//! What a person at the terminal sees while the daemon starts.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use larder_services::claude_usage::ClaudeUsage;

use crate::config::{Anonymous, Config};

const PROGRESS_PACE: Duration = Duration::from_millis(100);

/// Prints where to look. A stderr that nobody reads does not matter.
pub(super) fn announce(
    address: SocketAddr,
    config: &Config,
    store: Option<&str>,
    demo: Option<&Path>,
) {
    let token = config.state_dir.join("admin.token");
    let url = format!("http://{}", reachable(address));
    let mut lines = vec![
        format!("larder is serving on http://{address}"),
        format!("  dashboard   {url}/"),
        format!("  usage       {url}/api/stats"),
        format!("  terminal    larder top --url {url}"),
    ];
    let needs = match config.auth.anonymous {
        Anonymous::Viewer => "reading needs none here",
        Anonymous::Nobody => "reading needs it too",
    };
    lines.push(format!(
        "  admin       the token in {} ({needs})",
        token.display()
    ));
    lines.push(format!("              in a browser: {url}/#token=TOKEN"));
    if let Some(store) = store {
        lines.push(format!("  shared      {store}"));
    }
    if let Some(root) = demo {
        lines.push(format!("  demo        made-up logs in {}", root.display()));
    }
    lines.push(String::new());
    let _ = std::io::stderr().write_all(lines.join("\n").as_bytes());
}

/// An address that a browser on this machine can ask: a listener on all of them is on loopback too.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
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
