//! Which servers this machine has.
//!
//! A variable names a program before the search path does: `REDIS_SERVER`,
//! `VALKEY_SERVER`, `POSTGRES`. `LARDER_STORE`, `redis` or `valkey`, leaves
//! only the servers of that name.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// A server's program that is installed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Whose it is, by its own account.
    pub flavor: Flavor,
    /// Its version: `7.0.15`.
    pub version: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// The Redis and Valkey servers that are installed here, Redis first, or those
/// that `LARDER_STORE` names; never none. Runs each with `--version`.
///
/// # Errors
/// [`Error::Missing`] if there is none: it names the package.
/// [`Error::Unknown`] if `LARDER_STORE` names something else.
pub fn available() -> Result<Vec<Binary>, Error> {
    let wanted = Flavor::wanted()?;
    let mut found: Vec<Binary> = Vec::new();
    let paths = SERVERS
        .into_iter()
        .filter_map(|(variable, name)| find(variable, name));
    for binary in paths.filter_map(|path| identify(&path)) {
        let is_known = found.iter().any(|known| known.path == binary.path);
        if !is_known && wanted.is_none_or(|wanted| wanted == binary.flavor) {
            found.push(binary);
        }
    }
    if found.is_empty() {
        let (variable, program) = SERVERS[usize::from(wanted == Some(Flavor::Valkey))];
        return Err(Error::Missing {
            program,
            package: program,
            variable,
        });
    }
    Ok(found)
}

/// The variable that names a server's program, and its name.
const SERVERS: [(&str, &str); 2] = [
    ("REDIS_SERVER", "redis-server"),
    ("VALKEY_SERVER", "valkey-server"),
];

impl Flavor {
    /// The only one that is to be used, if one is named.
    fn wanted() -> Result<Option<Self>, Error> {
        match std::env::var("LARDER_STORE").as_deref() {
            Err(_) | Ok("") => Ok(None),
            Ok("redis") => Ok(Some(Self::Redis)),
            Ok("valkey") => Ok(Some(Self::Valkey)),
            Ok(value) => Err(Error::Unknown {
                variable: "LARDER_STORE",
                value: value.to_owned(),
                expected: "redis or valkey",
            }),
        }
    }
}

/// The best that is here.
pub(super) fn first() -> Result<Binary, Error> {
    Ok(available()?.swap_remove(0))
}

/// `postgres`, with `initdb` beside it.
pub(super) fn postgres() -> Result<PathBuf, Error> {
    let installed = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs =
            versions.filter_map(|version| Some(version.ok()?.path().join("bin/postgres")));
        programs.filter(|program| program.is_file()).max()
    };
    let program = find("POSTGRES", "postgres").or_else(installed);
    let real = program.and_then(|program| program.canonicalize().ok());
    real.filter(|program| program.with_file_name("initdb").is_file())
        .ok_or(Error::Missing {
            program: "postgres",
            package: "postgresql",
            variable: "POSTGRES",
        })
}

/// A program by a variable, else by its name on the search path.
pub(super) fn find(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// Asks the program what it is: `Redis server v=7.0.15 sha=…`.
fn identify(path: &Path) -> Option<Binary> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let flavor = match said.split_whitespace().next()? {
        "Redis" => Flavor::Redis,
        "Valkey" => Flavor::Valkey,
        _ => return None,
    };
    let version = said
        .split_whitespace()
        .find_map(|word| word.strip_prefix("v="))?;
    Some(Binary {
        flavor,
        version: version.to_owned(),
        path: path.to_owned(),
    })
}
