//! What must hold for any text of a configuration file. It must not know who calls it: the tests do,
//! with random texts, and a fuzzer.

use std::path::Path;

use super::kinds::DatabaseUrl;
use super::{
    AssistantContext, Config, Environment, Flags, Invalid, Remote, SchedulerStats, Which,
    Workstations, show,
};

/// The text is refused for a reason, or gives settings that come back from what is shown of them.
/// Panics where it is not so.
pub(crate) fn file(text: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("larder.toml");
    match load(&path, text) {
        Ok(config) => {
            let again = load(&path, &show(&config, Which::Effective)).expect("it was shown");
            assert_eq!(settings(&again), settings(&config));
        }
        Err(invalid) => assert!(invalid.problems.iter().all(|problem| problem.len() > 10)),
    }
}

fn load(path: &Path, text: &str) -> Result<Config, Invalid> {
    std::fs::write(path, text).expect("written");
    let flags = Flags {
        file: Some(path.to_owned()),
        ..Flags::default()
    };
    let environment: Environment = [("HOME", "/home/dev")].into_iter().collect();
    Config::load(&flags, &environment)
}

fn settings(config: &Config) -> String {
    let Config {
        listen,
        state_dir,
        allowed_hosts,
        auth,
        remote,
        claude_usage,
        assistant_context,
        workstations,
        scheduler_stats,
        log,
        ..
    } = config;
    let state_dir = state_dir.display();
    let remote = remote_settings(remote);
    let workstations = workstations_settings(workstations);
    let scheduler_stats = scheduler_stats_settings(scheduler_stats);
    let context = assistant_context_settings(assistant_context);
    let services = format!("{claude_usage:?} {context} {workstations} {scheduler_stats}");
    format!("{listen} {state_dir} {allowed_hosts:?} {auth:?} {remote} {services} {log:?}")
}

/// What is shown of them: passwords, and what stands with them in a URL, are not.
fn remote_settings(remote: &Remote) -> String {
    let Remote {
        url,
        prefix,
        staleness,
        cut_off,
        strict,
        ca_file,
        user,
        ..
    } = remote;
    let url = url.as_ref().map(|url| larder_redis::without_login(&url.0));
    format!("{url:?} {prefix} {staleness:?} {cut_off:?} {strict} {ca_file:?} {user:?}")
}

/// The key is not shown.
fn assistant_context_settings(assistant_context: &AssistantContext) -> String {
    let AssistantContext {
        enabled,
        rpc_url,
        rpc_timeout,
        memory_bytes_max,
        ..
    } = assistant_context;
    format!("{enabled} {rpc_url:?} {rpc_timeout:?} {memory_bytes_max}")
}

fn workstations_settings(workstations: &Workstations) -> String {
    let Workstations { enabled, database } = workstations;
    let url = database.as_ref().map(|url| DatabaseUrl::shown(&url.0));
    format!("{enabled} {url:?}")
}

fn scheduler_stats_settings(scheduler_stats: &SchedulerStats) -> String {
    let SchedulerStats {
        enabled,
        database,
        rate,
        tasks,
    } = scheduler_stats;
    let url = database.as_ref().map(|url| DatabaseUrl::shown(&url.0));
    format!("{enabled} {url:?} {rate} {tasks}")
}
