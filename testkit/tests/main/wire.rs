//! Plain sockets with limits, and a server that sends back what it gets.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use larder_testkit::poll;
use larder_testkit::proxy::FaultProxy;
use larder_testkit::servers::RedisServer;

/// No test waits longer for something that must come.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// How long a test listens for something that must not come.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

/// Its threads end with their connections and the test's process.
pub(crate) fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    addr
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

/// A connection through which bytes have passed both ways.
pub(crate) fn open(proxy: &FaultProxy) -> TcpStream {
    let stream = connect(proxy.addr());
    echoes(&stream, b"open");
    stream
}

#[track_caller]
pub(crate) fn echoes(mut stream: &TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    receives(stream, bytes);
}

#[track_caller]
pub(crate) fn receives(mut stream: &TcpStream, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, bytes);
}

/// Neither bytes nor an end come.
#[track_caller]
pub(crate) fn is_silent(mut stream: &TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let error = stream.read(&mut [0; 64]).unwrap_err();
    let timed_out = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
    assert!(timed_out.contains(&error.kind()), "{error}");
    stream.set_read_timeout(Some(LIMIT)).unwrap();
}

#[track_caller]
pub(crate) fn is_reset(mut stream: &TcpStream) {
    let error = stream.read(&mut [0; 64]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// A server has it, sooner or later.
#[track_caller]
pub(crate) fn has(server: &RedisServer, key: &str, value: &str) {
    let has = || (server.try_cli(&["GET", key]).ok()? == value).then_some(());
    poll(format!("{key} on a server"), LIMIT, has).unwrap();
}
