//! The command `larder`: the daemon, the terminal view and the tools.

mod args;
mod audit;
mod bench;
mod client;
mod commands;
mod config;
mod exit;
mod figures;
mod grafana;
mod logging;
mod otlp;
mod peers;
mod serve;
mod simulate;
mod top;
mod traces;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;

use args::{Arguments, BenchCommand, Command, ConfigCommand, DashboardCommand, LiveSetCommand};
use config::{Config, Environment, Which};

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match exit::code(&error) {
            None => ExitCode::SUCCESS,
            Some(code) => {
                let _ = writeln!(std::io::stderr(), "larder: {error:#}");
                ExitCode::from(code)
            }
        },
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let environment = Environment::of_process();
    let out = &mut std::io::stdout().lock();
    match command {
        Command::Serve(args) => serve(&args, &environment),
        Command::Top(args) => top::run(&args, &environment),
        Command::Stats(args) => commands::stats(&args, &environment, out),
        Command::Caches(args) => commands::caches(&args, &environment, out),
        Command::HotKeys(args) => commands::hot_keys(&args, &environment, out),
        Command::Recommend(args) => commands::recommend(&args, &environment, out),
        Command::Invalidate(args) => commands::invalidate(&args, &environment, out),
        Command::Clear(args) => commands::clear(&args, &environment, out),
        Command::Get(args) => commands::get(&args, &environment, out),
        Command::Ttl(args) => commands::ttl(&args, &environment, out),
        Command::Explain(args) => commands::explain(&args, &environment, out),
        Command::Warm(args) => commands::warm(&args, &environment, out),
        Command::Audit(args) => audit::run(&args, &environment, out),
        Command::Simulate(args) => simulate::run(&args, out),
        Command::User { command } => commands::user(&command, &environment, out),
        Command::Token { command } => commands::token(&command, &environment, out),
        Command::Bench { command } => match command {
            BenchCommand::Run(args) => bench::run(*args, &environment, out),
            BenchCommand::Context(args) => bench::context(&args, &environment, out),
            BenchCommand::Seeds(args) => bench::seeds(&args, out),
            BenchCommand::Compare(args) => bench::compare(&args, out),
        },
        Command::LiveSet {
            command: LiveSetCommand::Open(args),
        } => commands::live_set_open(&args, &environment, out),
        Command::Completions(args) => commands::completions(&args, out),
        Command::Man(args) => commands::man(&args, out),
        Command::Dashboard {
            command: DashboardCommand::Grafana { output },
        } => grafana::write(&output, out),
        Command::Config {
            command: ConfigCommand::Check { file },
        } => commands::config_check(file, &environment, out),
        Command::Config {
            command: ConfigCommand::Show { flags, effective },
        } => {
            let config = Config::load(&flags, &environment)?;
            let which = if effective {
                Which::Effective
            } else {
                Which::Set
            };
            Ok(out.write_all(config::show(&config, which).as_bytes())?)
        }
    }
}

fn serve(args: &args::Serve, environment: &Environment) -> anyhow::Result<()> {
    let config = Config::load(&args.flags, environment)?;
    let (traces, spans) = traces::Traces::of_config(&config.otlp);
    let bars = logging::start(&config.log, traces, environment);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let ended = runtime.block_on(serve::run(config, args.demo, bars, spans));
    // What still waits for a collector or a disk that stands still is left: all had their time to end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}
