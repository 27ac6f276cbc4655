//! The command `larder`: the daemon, the terminal view and the tools.

mod args;
mod config;
mod logging;
mod serve;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use args::{Arguments, Command, ConfigCommand};
use config::{Config, Environment, Which};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("larder: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let environment = Environment::of_process();
    match arguments.command {
        Command::Serve(serve) => {
            let config = Config::load(&serve.flags, &environment)?;
            logging::start(&config.log, &environment);
            for warning in &config.warnings {
                tracing::warn!("{warning}");
            }
            let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
            runtime.block_on(serve::run(config, serve.demo))
        }
        Command::Config {
            command: ConfigCommand::Show { flags, effective },
        } => {
            let config = Config::load(&flags, &environment)?;
            let which = if effective {
                Which::Effective
            } else {
                Which::Set
            };
            print!("{}", config::show(&config, which));
            Ok(())
        }
        _ => anyhow::bail!("not there yet"),
    }
}
