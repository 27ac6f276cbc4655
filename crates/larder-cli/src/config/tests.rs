//! The layers together, without a process's environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Anonymous, Config, Environment, Flags, LogFormat};

const HOME: (&str, &str) = ("HOME", "/home/dev");

fn load(file: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("larder.toml");
    std::fs::write(&path, file).expect("written");
    let environment: Environment = variables.iter().copied().chain([HOME]).collect();
    let flags = Flags {
        file: Some(path),
        ..flags
    };
    let place = directory.path().display().to_string();
    let loaded = Config::load(&flags, &environment);
    loaded.map_err(|invalid| invalid.to_string().replace(&format!("{place}/"), ""))
}

fn from_file(file: &str) -> Result<Config, String> {
    load(file, &[], Flags::default())
}

fn problem(file: &str) -> String {
    from_file(file).expect_err("it is refused")
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn without_any_setting_everything_has_its_default() {
    let config = from_file("").expect("good");
    assert_eq!(config.listen, address("127.0.0.1:7070"));
    assert_eq!(config.auth.anonymous, Anonymous::Viewer);
    assert!(config.claude_usage.enabled && !config.claude_usage.utc);
    assert_eq!(config.claude_usage.interval, Duration::from_secs(2));
    assert_eq!(config.claude_usage.history, 3_600);
    assert_eq!(config.claude_usage.prices, None);
    assert_eq!(config.log.format, LogFormat::Text);
    assert!(config.state_dir.starts_with("/home/dev"));
}

#[test]
fn a_variable_beats_the_file_and_a_flag_beats_both() {
    let file = "listen = \"127.0.0.1:1\"\nstate_dir = \"/file\"\n[claude_usage]\nhistory = 5\n";
    let variables = [
        ("LARDER_LISTEN", "127.0.0.1:2"),
        ("LARDER_STATE_DIR", "/variable"),
    ];
    let flags = Flags {
        listen: Some("127.0.0.1:3".to_owned()),
        ..Flags::default()
    };
    let config = load(file, &variables, flags).expect("good");
    assert_eq!(config.listen, address("127.0.0.1:3"));
    assert_eq!(config.state_dir, Path::new("/variable"));
    assert_eq!(config.claude_usage.history, 5);
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let config = load("", &[("LARDER_LISTEN", "")], Flags::default()).expect("good");
    assert_eq!(config.listen, address("127.0.0.1:7070"));
}

#[test]
fn the_utc_flag_sets_the_service_to_utc() {
    let flags = Flags {
        utc: true,
        ..Flags::default()
    };
    assert!(
        load("[claude_usage]\nutc = false", &[], flags)
            .expect("good")
            .claude_usage
            .utc
    );
}

#[test]
fn xdg_state_home_holds_the_state_unless_it_is_relative() {
    let at = |value| load("", &[("XDG_STATE_HOME", value)], Flags::default()).expect("good");
    assert_eq!(at("/xdg").state_dir, Path::new("/xdg/larder"));
    assert!(at("relative").state_dir.starts_with("/home/dev"));
}

#[test]
fn without_a_home_the_state_directory_must_be_named() {
    let flags = Flags::default();
    let refused = Config::load(&flags, &Environment::default()).expect_err("refused");
    assert!(refused.to_string().contains("--state-dir"), "{refused}");
    let environment = [("LARDER_STATE_DIR", "/state")].into_iter().collect();
    assert!(Config::load(&flags, &environment).is_ok());
}

#[test]
fn paths_in_the_file_start_from_its_directory_or_home() {
    let file = "[claude_usage]\nroots = [\"logs\", \"~/x\", \"/abs\"]\nprices = \"p.json\"\n";
    let config = from_file(file).expect("good");
    let roots = &config.claude_usage.roots;
    assert!(
        roots[0].is_absolute() && roots[0].ends_with("logs"),
        "{roots:?}"
    );
    assert_ne!(roots[0], std::env::current_dir().expect("one").join("logs"));
    assert_eq!(
        roots[1..],
        [PathBuf::from("/home/dev/x"), PathBuf::from("/abs")]
    );
    assert!(
        config
            .claude_usage
            .prices
            .is_some_and(|path| path.ends_with("p.json"))
    );
}

#[test]
fn a_variable_holds_a_list_with_commas() {
    let variables = [
        ("LARDER_CLAUDE_USAGE_ROOTS", "/a, /b,"),
        ("LARDER_ALLOWED_HOSTS", "Larder.internal,[::1]"),
    ];
    let config = load("", &variables, Flags::default()).expect("good");
    assert_eq!(
        config.claude_usage.roots,
        [Path::new("/a"), Path::new("/b")]
    );
    assert_eq!(config.allowed_hosts, ["larder.internal", "[::1]"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_line() {
    let text = problem(
        "lissten = 1\nallowed_hosts = [\"a:80\"]\n[claude-usage]\n[claude_usage]\ninterval = 2\n\
         history = 0\nthreads = 1.5\n[log]\nlevel = \"loud\"\n",
    );
    for part in [
        "larder.toml:1: unknown key `lissten`; did you mean `listen`?",
        "larder.toml:2: allowed_hosts = [\"a:80\"]: expected a list of host names without ports",
        "larder.toml:3: unknown section [claude-usage]; did you mean [claude_usage]?",
        "larder.toml:5: claude_usage.interval = 2: expected a duration from 100ms to 1h",
        "larder.toml:6: claude_usage.history = 0: expected a whole number from 1 to 86400",
        "larder.toml:7: claude_usage.threads = a number with a fraction",
        "larder.toml:9: log.level = \"loud\": expected \"off\", \"error\", \"warn\", \"info\", \
         \"debug\" or \"trace\"",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn a_bad_value_names_its_variable_or_flag() {
    let variables = [("LARDER_CLAUDE_USAGE_UTC", "yes")];
    let flags = Flags {
        listen: Some("7070".to_owned()),
        ..Flags::default()
    };
    let text = load("", &variables, flags).expect_err("refused");
    assert!(
        text.contains(
            "$LARDER_CLAUDE_USAGE_UTC: claude_usage.utc = \"yes\": expected true or false"
        ),
        "{text}"
    );
    assert!(
        text.contains("--listen: listen = \"7070\": expected an IP address and a port"),
        "{text}"
    );
}

#[test]
fn text_that_is_no_toml_is_placed() {
    assert!(problem("listen = \"x\"\n[auth\n").contains("larder.toml:2: "));
    assert!(problem("auth = \"viewer\"").contains("larder.toml:1: `auth` is a section"));
    assert!(problem("listen = \"a\"\nlisten = \"b\"\n").contains("larder.toml:2: "));
}

#[test]
fn an_unknown_variable_warns_for_other_programs_set_such_names_too() {
    let variables = [
        ("LARDER_LISTN", "x"),
        ("LARDER_SERVICE_HOST", "10.0.0.1"),
        ("LARDER_TOKEN", "t"),
    ];
    let config = load("", &variables, Flags::default()).expect("good");
    assert_eq!(config.warnings.len(), 2);
    assert!(
        config.warnings[0].contains("$LARDER_LISTEN?"),
        "{:?}",
        config.warnings
    );
}

#[test]
fn beyond_loopback_anonymous_callers_are_nobody_by_default() {
    let config = from_file("listen = \"0.0.0.0:7070\"").expect("good");
    assert_eq!(config.auth.anonymous, Anonymous::Nobody);
    for loopback in [
        "[::1]:7070",
        "127.8.8.8:1",
        "[::ffff:127.0.0.1]:1",
        "localhost:1",
    ] {
        let config = from_file(&format!("listen = \"{loopback}\"")).expect("good");
        assert_eq!(config.auth.anonymous, Anonymous::Viewer, "{loopback}");
    }
}

#[test]
fn beyond_loopback_anonymous_viewers_are_refused_with_the_reason() {
    let text = problem("listen = \"[::]:7070\"\n[auth]\nanonymous = \"viewer\"\n");
    assert!(
        text.contains("larder.toml:3: auth.anonymous = \"viewer\" would let everyone"),
        "{text}"
    );
    assert!(from_file("listen = \"[::]:7070\"\n[auth]\nanonymous = \"none\"\n").is_ok());
}

proptest::proptest! {
    #[test]
    fn any_file_is_refused_for_a_reason_or_shown_as_it_is_read(
        listen in r#"|listen = "(localhost|\[::1\]|0.0.0.0|[a-z]):[0-9]{1,5}""#,
        section in "|\\[(auth|log|claude_usage|\\PC{0,3})\\]",
        lines in r#"((state_dir|allowed_hosts|anonymous|roots|utc|interval|history|level) = (true|-?[0-9]{1,3}|"[a-z0-9~/\\#.]{0,5}"|\[("[a-z#]{1,3}",)*\]|\PC{0,4})
){0,3}"#,
    ) {
        super::fuzzing::file(&format!("{listen}\n{section}\n{lines}"));
    }
}

#[test]
fn a_databases_url_is_checked_and_its_password_is_not_shown() {
    let config = from_file(
        "[scheduler_stats]\ndatabase = \"postgres://me:secret@db.internal/larder\"\nrate = 50",
    )
    .expect("good");
    assert_eq!(config.scheduler_stats.rate, 50);
    let shown = super::show(&config, super::Which::Effective);
    assert!(shown.contains("postgres://db.internal/larder"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    let config = from_file("[scheduler_stats]\ndatabase = \"sqlite:/var/x.db\"").expect("good");
    let shown = super::show(&config, super::Which::Effective);
    assert!(shown.contains("\"sqlite:/var/x.db\""), "{shown}");
    let refused = problem("[scheduler_stats]\ndatabase = \"mysql://x/y\"");
    assert!(
        refused.contains("postgres://user@host/database"),
        "{refused}"
    );
}
