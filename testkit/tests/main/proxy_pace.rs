//! Faults that take time. Only lower bounds are held against the clock: they
//! hold however loaded the machine is.

use std::io::Write;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use larder_testkit::proxy::{Direction, FaultProxy};

use crate::main::wire::{echo, echoes, is_silent, open, receives};

const FOREVER: Duration = Duration::from_hours(24);

#[test]
fn latency_is_added_in_each_direction() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let stream = open(&proxy);
    proxy.latency(Direction::ToServer, Duration::from_millis(30));
    proxy.latency(Direction::ToClient, Duration::from_millis(40));
    let start = Instant::now();
    echoes(&stream, b"ping");
    assert!(start.elapsed() >= Duration::from_millis(70));
}

#[test]
fn latency_delays_and_does_not_limit_what_is_under_way() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    proxy.latency(Direction::ToServer, Duration::from_millis(50));
    let bytes = vec![7; 200_000];
    let start = Instant::now();
    for piece in bytes.chunks(4_000) {
        stream.write_all(piece).unwrap();
    }
    receives(&stream, &bytes);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[test]
fn less_latency_hastens_what_is_under_way() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    proxy.latency(Direction::Both, FOREVER);
    stream.write_all(b"ping").unwrap();
    is_silent(&stream);
    proxy.latency(Direction::Both, Duration::ZERO);
    receives(&stream, b"ping");
}

#[test]
fn jitter_delays_and_keeps_the_order() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    proxy.jitter(Direction::ToServer, Duration::from_millis(3), 42);
    for n in 0..100_u8 {
        stream.write_all(&[n]).unwrap();
    }
    let sent: Vec<u8> = (0..100).collect();
    receives(&stream, &sent);
    proxy.jitter(Direction::ToServer, FOREVER, 42);
    stream.write_all(b"late").unwrap();
    is_silent(&stream);
    proxy.heal();
    receives(&stream, b"late");
}

#[test]
fn a_throttled_connection_takes_the_time_of_its_bytes() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let stream = open(&proxy);
    proxy.throttle(Direction::ToClient, NonZeroU64::new(100_000).unwrap());
    let start = Instant::now();
    echoes(&stream, &[1; 10_000]);
    // The last slice, a twentieth of a second's worth, is not waited for.
    assert!(start.elapsed() >= Duration::from_millis(45));
}

#[test]
fn a_lifted_throttle_lets_the_rest_pass_at_once() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    proxy.throttle(Direction::Both, NonZeroU64::MIN);
    stream.write_all(&[1; 10_000]).unwrap();
    receives(&stream, &[1]);
    proxy.heal();
    receives(&stream, &[1; 9_999]);
}
