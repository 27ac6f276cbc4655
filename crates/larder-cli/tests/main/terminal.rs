//! `larder top` in a real terminal: tmux presses the keys and tells what is on the screen.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use larder_testkit::poll;

use super::daemon::Daemon;
use super::run::{Ended, end, larder};

const PATIENCE: Duration = Duration::from_mins(1);
/// Runs what follows, tells how it ended, and keeps the screen. Of a program that ends by itself tmux does not
/// always learn how.
const SHELL: [&str; 4] = ["sh", "-c", r#""$@"; echo "ended with $?"; exec cat"#, "sh"];

/// A terminal with one program; both end with their handle.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    /// Runs `command` on a screen of this size; what is seen of it stays when it has ended.
    fn start(home: &Path, command: &Command, (columns, rows): (u16, u16)) -> Self {
        let terminal = Self {
            socket: home.join("tmux"),
        };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut start = terminal.tmux();
        start.args(["-f", "/dev/null", "new-session", "-d"]);
        start.args(["-x", &columns, "-y", &rows, "env", "-i"]);
        start.arg(format!("HOME={}", home.display()));
        start.args(["TERM=screen-256color", "LANG=C.UTF-8"]);
        start.args(SHELL);
        start.arg(command.get_program()).args(command.get_args());
        assert_eq!(end(&mut start).code, Some(0));
        terminal
    }

    fn tmux(&self) -> Command {
        let program = std::env::var_os("TMUX_PROGRAM").unwrap_or_else(|| "tmux".into());
        let mut command = Command::new(program);
        command.arg("-u").arg("-S").arg(&self.socket);
        command
    }

    fn ask(&self, arguments: &[&str]) -> Ended {
        let ended = end(self.tmux().args(arguments));
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended
    }

    /// Presses keys, which tmux names: `q`, `Escape`, `Down`, `C-c`.
    fn press(&self, keys: &[&str]) {
        self.ask(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.ask(&["capture-pane", "-p"]).stdout
    }

    /// Waits until the screen is as `is` wants it.
    fn shows(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let found = poll(what, PATIENCE, || {
            let screen = self.screen();
            is(&screen).then_some(screen)
        });
        found.unwrap_or_else(|error| panic!("{error}:\n{}", self.screen()))
    }

    fn has(&self, text: &str) -> String {
        self.shows(text, |screen| screen.contains(text))
    }

    /// Waits until the program has ended well and given the screen back.
    fn ends_well(&self) {
        self.has("ended with 0");
        let alternate = self.ask(&["display-message", "-p", "#{alternate_on}"]);
        assert_eq!(alternate.stdout.trim(), "0");
        assert!(!self.screen().contains("Overview"), "{}", self.screen());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where the test failed before it had started, there is nothing to end.
        drop(self.tmux().arg("kill-server").output());
    }
}

fn top(home: &Path, daemon: &Daemon, size: (u16, u16)) -> Terminal {
    let arguments = ["top", "--interval", "250ms", "--url", &daemon.url];
    let terminal = Terminal::start(home, &larder(home, &arguments), size);
    terminal.has("● live");
    terminal
}

#[test]
fn every_key_does_in_a_real_terminal_what_the_help_says() {
    let home = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start(home.path(), &["--demo"]);
    daemon.stats();
    let top = top(home.path(), &daemon, (110, 36));
    for (key, tab) in [
        ("2", "[2 Caches]"),
        ("3", "[3 Keys]"),
        ("4", "[4 Advice]"),
        ("5", "[5 Backends]"),
        ("6", "[6 Usage]"),
        ("1", "[1 Overview]"),
        ("Tab", "[2 Caches]"),
        ("BTab", "[1 Overview]"),
    ] {
        top.press(&[key]);
        top.has(tab);
    }
    for window in ["last 60m", "since start", "last 1m", "last 5m"] {
        top.press(&["w"]);
        top.has(window);
    }
    top.press(&["p"]);
    top.has("‖ paused");
    top.press(&["p"]);
    top.has("● live");
    top.press(&["?"]);
    top.has("quit, or close what is open");
    top.press(&["Escape"]);
    top.shows("the help is closed", |screen| {
        !screen.contains("quit, or close what is open")
    });
    top.press(&["q"]);
    top.ends_well();
}

#[test]
fn caches_are_filtered_sorted_and_opened_in_a_real_terminal() {
    let home = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start(home.path(), &[]);
    let top = top(home.path(), &daemon, (110, 36));
    top.press(&["2"]);
    top.has("training_data");

    top.press(&["/"]);
    top.has("filter: ");
    top.press(&["w", "o", "r", "k", "Enter"]);
    top.shows("workstations alone", |screen| {
        screen.contains("workstations") && !screen.contains("training_data")
    });
    top.press(&["Enter"]);
    top.has("Who answered");
    top.press(&["Escape"]);
    top.has("1 of ");
    top.press(&["Escape"]);
    top.has("training_data");

    let first = |screen: &str| -> Option<String> {
        let row = screen.lines().find(|line| line.contains('▸'))?;
        row.split_whitespace().next().map(str::to_owned)
    };
    top.press(&["s"]);
    top.has("▾");
    let before = first(&top.screen());
    top.press(&["S"]);
    top.shows("the other end of the list", |screen| {
        screen.contains('▴') && first(screen).is_some_and(|row| Some(row) != before)
    });

    top.press(&["C-c"]);
    top.ends_well();
}

#[test]
fn a_terminal_that_gets_narrow_and_a_daemon_that_goes_away_leave_the_view_standing() {
    let home = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start(home.path(), &[]);
    let address = daemon.url.trim_start_matches("http://").to_owned();
    let top = top(home.path(), &daemon, (110, 36));
    top.ask(&["resize-window", "-x", "44", "-y", "20"]);
    top.has("[1 Overview] 2 3 4 5 6");
    daemon.kill();
    top.has("○ no answer");
    let again = Daemon::start_at(home.path(), &address, &[]);
    top.has("● live");
    top.press(&["q"]);
    top.ends_well();
    drop(again);
}
