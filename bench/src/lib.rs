//! Measurements against peers: what the programs of this crate share.
//!
//! Each program prints a table and the machine it ran on. A machine's speed drifts, so subjects run
//! interleaved, round by round, and what counts is the median of the rounds' ratios.

pub mod keys;
pub mod rounds;
pub mod server;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The output of a future that is ready at once; panics if it is not.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("expected a future that is ready at once"),
    }
}

/// The processor, its cores and the system, in a line.
pub fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split(": ").nth(1))
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "{model}, {cores} cores, {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}
