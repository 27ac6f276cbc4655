//! The command as users run it, against a server that says what a test wants.

#[path = "main/commands.rs"]
mod commands;
#[path = "main/configuration.rs"]
mod configuration;
#[path = "main/run.rs"]
mod run;
#[path = "main/server.rs"]
mod server;
#[path = "main/top.rs"]
mod top;
