//! Faults that lose bytes or connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use larder_testkit::poll;
use larder_testkit::proxy::{Direction, FaultProxy};

use crate::main::wire::{LIMIT, connect, echo, echoes, is_reset, is_silent, open, receives};

#[test]
fn without_faults_bytes_pass_both_ways_and_are_counted() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let stream = connect(proxy.addr());
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    echoes(&stream, &bytes);
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.open), (1, 1));
    assert_eq!(counts.bytes_to_server, 100_000);
    assert_eq!(counts.bytes_to_client, 100_000);
}

#[test]
fn the_end_of_one_direction_leaves_the_other_open() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    stream.write_all(b"last").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"last");
    let closed = || (proxy.counts().open == 0).then_some(());
    poll("the proxy to close", LIMIT, closed).unwrap();
}

#[test]
fn what_a_black_hole_swallows_arrives_after_it() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    proxy.black_hole(Direction::Both);
    stream.write_all(b"late").unwrap();
    is_silent(&stream);
    proxy.heal();
    receives(&stream, b"late");
}

#[test]
fn a_black_hole_to_the_client_lets_requests_through() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    let before = proxy.counts();
    proxy.black_hole(Direction::ToClient);
    stream.write_all(b"lost").unwrap();
    let arrived = || (proxy.counts().bytes_to_server == before.bytes_to_server + 4).then_some(());
    poll("the request to arrive", LIMIT, arrived).unwrap();
    is_silent(&stream);
    assert_eq!(proxy.counts().bytes_to_client, before.bytes_to_client);
}

#[test]
fn a_black_hole_to_the_server_lets_answers_through() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::to(listener.local_addr().unwrap()).unwrap();
    let mut client = connect(proxy.addr());
    let (mut server, _) = listener.accept().unwrap();
    proxy.black_hole(Direction::ToServer);
    client.write_all(b"lost").unwrap();
    is_silent(&server);
    server.write_all(b"push").unwrap();
    receives(&client, b"push");
}

#[test]
fn a_black_hole_accepts_new_connections_and_hides_their_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::to(listener.local_addr().unwrap()).unwrap();
    let old = connect(proxy.addr());
    let (server, _) = listener.accept().unwrap();
    proxy.black_hole(Direction::Both);
    drop(old);
    is_silent(&server);
    let mut new = connect(proxy.addr());
    new.write_all(b"hello").unwrap();
    listener.set_nonblocking(true).unwrap();
    is_silent(&new);
    let error = listener.accept().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    proxy.heal();
    let accepted = poll("the server to be reached", LIMIT, || listener.accept().ok());
    let (reached, _) = accepted.unwrap();
    reached.set_nonblocking(false).unwrap();
    receives(&reached, b"hello");
}

#[test]
fn a_half_open_connection_stays_silent_and_new_ones_work() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut old = open(&proxy);
    proxy.half_open();
    old.write_all(b"anybody?").unwrap();
    is_silent(&old);
    let new = connect(proxy.addr());
    echoes(&new, b"new");
    proxy.heal();
    is_silent(&old);
    assert_eq!(proxy.counts().open, 2);
}

#[test]
fn one_connection_of_two_may_go_silent() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let (first, mut second) = (open(&proxy), open(&proxy));
    proxy.half_open_one(1);
    second.write_all(b"anybody?").unwrap();
    is_silent(&second);
    echoes(&first, b"first");
}

#[test]
fn a_half_open_connection_does_not_see_the_server_close() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::to(listener.local_addr().unwrap()).unwrap();
    let client = connect(proxy.addr());
    let (server, _) = listener.accept().unwrap();
    proxy.half_open();
    drop(server);
    is_silent(&client);
}

#[test]
fn a_reset_reaches_both_ends_and_spares_new_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::to(listener.local_addr().unwrap()).unwrap();
    for _ in 0..50 {
        let client = connect(proxy.addr());
        let (server, _) = listener.accept().unwrap();
        proxy.reset();
        is_reset(&client);
        is_reset(&server);
    }
    let mut new = connect(proxy.addr());
    let (server, _) = listener.accept().unwrap();
    new.write_all(b"new").unwrap();
    receives(&server, b"new");
}

#[test]
fn a_reset_and_a_silence_hold_for_connections_just_made() {
    let proxy = FaultProxy::to(echo()).unwrap();
    for _ in 0..50 {
        let stream = connect(proxy.addr());
        proxy.reset();
        is_reset(&stream);
    }
    let mut stream = connect(proxy.addr());
    proxy.half_open();
    stream.write_all(b"anybody?").unwrap();
    is_silent(&stream);
    proxy.reset();
    is_reset(&stream);
}

#[test]
fn a_cut_comes_within_a_frame_and_once() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    proxy.cut_after(Direction::ToClient, 7);
    stream.write_all(b"0123456789").unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"0123456");
    echoes(&connect(proxy.addr()), b"0123456789");
}

#[test]
fn a_cut_to_the_server_is_seen_there_within_a_frame() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::to(listener.local_addr().unwrap()).unwrap();
    proxy.cut_after(Direction::ToServer, 3);
    let mut client = connect(proxy.addr());
    client.write_all(b"01234").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"012");
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn refused_connections_are_refused_and_open_ones_stay() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let stream = open(&proxy);
    for _ in 0..3 {
        proxy.refuse();
        let error = TcpStream::connect(proxy.addr()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        echoes(&stream, b"still here");
        proxy.heal();
        echoes(&connect(proxy.addr()), b"welcome");
    }
}

#[test]
fn a_server_that_refuses_resets_the_client() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let proxy = FaultProxy::to(nobody.unwrap()).unwrap();
    is_reset(&connect(proxy.addr()));
}

#[test]
fn a_dropped_proxy_ends_its_connections_and_frees_its_port() {
    let proxy = FaultProxy::to(echo()).unwrap();
    let mut stream = open(&proxy);
    let addr = proxy.addr();
    drop(proxy);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    let error = TcpStream::connect(addr).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// A proxy is used from tests whose runtime is blocked by it, or has no time.
#[test]
fn a_proxy_works_within_a_runtime_of_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let proxy = FaultProxy::to(echo()).unwrap();
        let stream = open(&proxy);
        proxy.reset();
        is_reset(&stream);
    });
}
