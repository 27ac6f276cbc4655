//! A state directory is one daemon's: two would write over each other's files.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use anyhow::Context as _;

/// Held until it is dropped, or the process ends, however it does.
pub(super) struct Lock(#[expect(dead_code, reason = "it is held, not read")] File);

/// Takes the state directory for this daemon.
///
/// # Errors
/// Another daemon has it, or the lock's file cannot be written.
pub(super) fn take(state_dir: &Path) -> anyhow::Result<Lock> {
    let path = state_dir.join("serve.lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let cannot = || format!("cannot lock the state directory with {}", path.display());
    let file = options.open(&path).with_context(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another daemon uses the state directory {}: stop it, or give this one another with --state-dir",
            state_dir.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(cannot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_is_one_daemons_until_that_has_ended() {
        let directory = tempfile::tempdir().unwrap();
        let first = take(directory.path()).unwrap();
        let second = take(directory.path()).err().unwrap().to_string();
        assert!(second.contains("another daemon uses"), "{second}");
        drop(first);
        take(directory.path()).unwrap();
    }
}
