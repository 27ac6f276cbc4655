//! `larder user` and `larder token`: who may come in. They change the state directory's roster, which a
//! daemon that runs notices by itself.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write};

use anyhow::{Context as _, ensure};
use larder_http::{Member, Roster, RosterError};

use crate::args::{StateArgs, TokenCommand, UserCommand};
use crate::config::{Config, Environment, Flags};
use crate::exit::Usage;
use crate::serve::make_private;

/// More than the longest password.
const LINE_BYTES_MAX: u64 = 4_096;

/// `larder user`
pub(crate) fn user(
    command: &UserCommand,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        UserCommand::Add(args) => {
            let (name, role) = (&args.name, args.role);
            let roster = roster(&args.state, environment)?;
            let added = roster.add_user(name, role, &password(name)?);
            added.map_err(misused)?;
            writeln!(out, "{name} may log in as {}", role.name())?;
        }
        UserCommand::List(args) => {
            let users = roster(&args.state, environment)?.users()?;
            print(out, &users, args.json)?;
        }
        UserCommand::Remove(args) => {
            let removed = roster(&args.state, environment)?.remove_user(&args.name);
            removed.map_err(misused)?;
            writeln!(out, "{} is removed", args.name)?;
        }
    }
    Ok(())
}

/// `larder token`
pub(crate) fn token(
    command: &TokenCommand,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        TokenCommand::Make(args) => {
            let made = roster(&args.state, environment)?.add_token(&args.name, args.role);
            writeln!(out, "{}", made.map_err(misused)?)?;
        }
        TokenCommand::List(args) => {
            let tokens = roster(&args.state, environment)?.tokens()?;
            print(out, &tokens, args.json)?;
        }
        TokenCommand::Revoke(args) => {
            let revoked = roster(&args.state, environment)?.revoke_token(&args.name);
            revoked.map_err(misused)?;
            writeln!(out, "{} is revoked", args.name)?;
        }
    }
    Ok(())
}

fn roster(args: &StateArgs, environment: &Environment) -> anyhow::Result<Roster> {
    let flags = Flags {
        file: args.config.clone(),
        state_dir: args.state_dir.clone(),
        ..Flags::default()
    };
    let directory = Config::load(&flags, environment)?.state_dir;
    make_private(&directory)
        .with_context(|| format!("cannot use the state directory {}", directory.display()))?;
    Ok(Roster::of(&directory))
}

/// Asked for twice at a terminal, without echo; else the first line of standard input.
fn password(name: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let password = rpassword::prompt_password(format!("Password of {name}: "))?;
        let again = rpassword::prompt_password("The same again: ")?;
        ensure!(
            password == again,
            Usage("the two passwords differ".to_owned())
        );
        return Ok(password);
    }
    let mut line = String::new();
    stdin.lock().take(LINE_BYTES_MAX).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// What the user can mend is wrong usage.
fn misused(error: RosterError) -> anyhow::Error {
    match error {
        RosterError::File { .. } => error.into(),
        error => Usage(error.to_string()).into(),
    }
}

fn print(out: &mut impl Write, members: &[Member], json: bool) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(members)?)?;
        return Ok(());
    }
    let width = members.iter().map(|member| member.name.len()).max();
    let width = width.unwrap_or(0).max("NAME".len());
    writeln!(out, "{:width$}  {:8}  MADE", "NAME", "ROLE")?;
    for Member {
        name,
        role,
        created_at,
    } in members
    {
        writeln!(out, "{name:width$}  {:8}  {created_at}", role.name())?;
    }
    Ok(())
}
