//! Waits for a state by asking for it, up to a limit.

use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// How long one waits between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until the answer is there. It asks once at least, and once more at the
/// end of `limit`; blocks the thread.
///
/// # Errors
/// [`Error::TimedOut`], naming `what`.
pub fn poll<T>(
    what: impl Into<String>,
    limit: Duration,
    mut ask: impl FnMut() -> Option<T>,
) -> Result<T, Error> {
    let end = Instant::now() + limit;
    loop {
        let is_last = Instant::now() >= end;
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if is_last {
            let what = what.into();
            return Err(Error::TimedOut { what, limit });
        }
        thread::sleep(PAUSE);
    }
}
