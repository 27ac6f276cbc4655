//! Postgres.

use std::io::Write;
use std::net::TcpStream;

use larder_testkit::servers::Postgres;

use crate::main::wire::{connect, receives};

/// Protocol 3.0, as the user who owns the database.
const STARTUP: &[u8] = b"\0\0\0\x27\0\x03\0\0user\0larder\0database\0postgres\0\0";
/// `AuthenticationOk`
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0";

#[test]
fn postgres_lets_its_user_in_and_ends_with_the_value() {
    let postgres = Postgres::start().unwrap();
    let addr = postgres.addr();
    assert_eq!(postgres.url(), format!("postgres://larder@{addr}/postgres"));
    let mut stream = connect(addr);
    stream.write_all(STARTUP).unwrap();
    receives(&stream, WELCOME);
    drop(postgres);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn postgres_comes_back_at_its_address_after_a_kill() {
    let mut postgres = Postgres::start().unwrap();
    let addr = postgres.addr();
    postgres.kill();
    assert!(TcpStream::connect(addr).is_err());
    postgres.restart().unwrap();
    let mut stream = connect(addr);
    stream.write_all(STARTUP).unwrap();
    receives(&stream, WELCOME);
}
