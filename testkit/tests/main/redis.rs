//! One Redis or Valkey server: each promise for every program that is here.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use larder_testkit::proxy::FaultProxy;
use larder_testkit::servers::{Binary, Flavor, Options, RedisServer, available};
use larder_testkit::{Error, poll};

use crate::main::wire::{LIMIT, connect, has, is_silent, receives};

fn each(test: impl Fn(Options)) {
    for binary in available().unwrap() {
        test(Options::new().binary(&binary));
    }
}

#[test]
fn a_server_answers_on_tcp_and_on_its_socket() {
    each(|options| {
        let server = RedisServer::start(options).unwrap();
        let mut stream = connect(server.addr());
        stream.write_all(b"PING\r\n").unwrap();
        receives(&stream, b"+PONG\r\n");
        let mut socket = UnixStream::connect(server.unix_socket()).unwrap();
        socket.write_all(b"PING\r\n").unwrap();
        let mut answer = [0; 7];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
        assert_eq!(server.url(), format!("redis://{}", server.addr()));
    });
}

#[test]
fn answers_read_like_those_of_the_command_line() {
    let server = RedisServer::start(Options::new()).unwrap();
    assert_eq!(server.cli(&["RPUSH", "list", "a b", ""]), "2");
    assert_eq!(server.cli(&["LRANGE", "list", "0", "-1"]), "a b\n");
    assert_eq!(server.cli(&["GET", "absent"]), "");
    let error = server.try_cli(&["INCR", "list"]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`INCR list` was answered with: WRONGTYPE")
    );
}

#[test]
fn a_killed_server_comes_back_in_its_place_with_what_was_saved() {
    each(|options| {
        let server = RedisServer::start(options).unwrap();
        let (addr, stream) = (server.addr(), connect(server.addr()));
        server.cli(&["SET", "saved", "1"]);
        server.cli(&["SAVE"]);
        server.cli(&["SET", "lost", "1"]);
        server.kill();
        assert!(!server.is_running());
        assert!(server.try_cli(&["PING"]).is_err());
        assert!(matches!((&stream).read(&mut [0]), Ok(0) | Err(_)));
        server.restart().unwrap();
        assert_eq!(server.addr(), addr);
        assert_eq!(server.cli(&["KEYS", "*"]), "saved");
    });
}

#[test]
fn without_a_save_a_restart_is_a_fresh_server() {
    let server = RedisServer::start(Options::new()).unwrap();
    server.cli(&["SET", "lost", "1"]);
    server.restart().unwrap();
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[test]
fn a_stopped_server_is_silent_with_open_connections() {
    each(|options| {
        let server = RedisServer::start(options).unwrap();
        let mut stream = connect(server.addr());
        server.stop();
        assert!(!server.is_running());
        stream.write_all(b"PING\r\n").unwrap();
        is_silent(&stream);
        connect(server.addr());
        server.cont();
        receives(&stream, b"+PONG\r\n");
    });
}

#[test]
fn users_and_passwords_are_asked_for() {
    each(|options| {
        let options = options.user("app", "se\"cret", "~app:* +@all");
        let server = RedisServer::start(options).unwrap();
        let mut stream = connect(server.addr());
        stream.write_all(b"PING\r\n").unwrap();
        receives(&stream, b"-NOAUTH");
        let mut stream = connect(server.addr());
        let login = b"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$7\r\nse\"cret\r\nGET other\r\n";
        stream.write_all(login).unwrap();
        receives(&stream, b"+OK\r\n-NOPERM");
        assert_eq!(server.cli(&["SET", "other", "1"]), "OK");
        let server = RedisServer::start(Options::new().password("pass")).unwrap();
        assert_eq!(server.url(), format!("redis://:pass@{}", server.addr()));
        let mut stream = connect(server.addr());
        stream.write_all(b"GET a\r\nAUTH pass\r\n").unwrap();
        receives(&stream, b"-NOAUTH Authentication required.\r\n+OK\r\n");
    });
}

#[test]
fn memory_names_of_commands_and_save_points_are_set() {
    each(|options| {
        let options = options.max_memory(3_000_000, "allkeys-lru");
        let options = options.rename_command("FLUSHALL", "").save(900, 3);
        let server = RedisServer::start(options).unwrap();
        let set = |name| server.cli(&["CONFIG", "GET", name]);
        assert_eq!(set("maxmemory"), "maxmemory\n3000000");
        assert_eq!(set("maxmemory-policy"), "maxmemory-policy\nallkeys-lru");
        assert_eq!(set("save"), "save\n900 3");
        let error = server.try_cli(&["FLUSHALL"]).unwrap_err();
        assert!(error.to_string().contains("unknown command"), "{error}");
    });
}

#[test]
fn a_replica_follows_its_primary_with_its_login() {
    each(|options| {
        let primary = RedisServer::start(options.clone().user("app", "pw", "~* +@all")).unwrap();
        primary.cli(&["SET", "a", "1"]);
        let replica = RedisServer::start(options.replica_of(&primary)).unwrap();
        assert_eq!(replica.cli(&["GET", "a"]), "1");
        primary.cli(&["SET", "b", "2"]);
        has(&replica, "b", "2");
        primary.kill();
        replica.restart().unwrap();
        assert_eq!(replica.cli(&["GET", "a"]), "1");
    });
}

#[test]
fn a_server_with_tls_proves_itself_by_its_authority() {
    let binaries = available().unwrap();
    let redis = |binary: &&Binary| binary.flavor == Flavor::Redis;
    let Some(binary) = binaries.iter().find(redis) else {
        return;
    };
    let server = RedisServer::start(Options::new().binary(binary).tls()).unwrap();
    assert_eq!(server.url(), format!("rediss://{}", server.addr()));
    assert_eq!(server.cli(&["PING"]), "PONG");
    let ping = |authority: &Path| {
        let mut client = Command::new(binary.path.with_file_name("redis-cli"));
        client.args([
            "--tls",
            "--sni",
            "localhost",
            "-p",
            &server.addr().port().to_string(),
        ]);
        client.arg("--cacert").arg(authority).arg("PING");
        client.output().unwrap().stdout
    };
    assert_eq!(ping(server.authority().unwrap()), b"PONG\n");
    let other = RedisServer::start(Options::new().tls()).unwrap();
    assert_eq!(ping(other.authority().unwrap()), b"");
    let mut plain = connect(server.addr());
    plain.write_all(b"PING\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"+PONG"));
}

#[test]
fn a_server_that_cannot_start_is_quoted() {
    let failed = RedisServer::start(Options::new().config("no-such-line 1"));
    let Err(Error::Start { log, .. }) = failed else {
        panic!("it started");
    };
    assert!(log.contains("no-such-line"), "{log}");
}

#[test]
fn a_dropped_server_ends_and_takes_its_files_along() {
    let server = RedisServer::start(Options::new()).unwrap();
    let (addr, socket) = (server.addr(), server.unix_socket());
    server.stop();
    drop(server);
    assert!(std::net::TcpStream::connect(addr).is_err());
    assert!(!socket.parent().unwrap().exists());
}

#[test]
fn a_server_and_its_clients_meet_through_a_proxy() {
    let server = RedisServer::start(Options::new()).unwrap();
    let proxy = FaultProxy::to(server.addr()).unwrap();
    let mut stream = connect(proxy.addr());
    stream.write_all(b"PING\r\n").unwrap();
    receives(&stream, b"+PONG\r\n");
    assert_eq!(proxy.counts().bytes_to_client, 7);
}

const VICTIM: &str = "LARDER_TESTKIT_VICTIM";
const THIS: &str = "main::redis::a_server_ends_with_a_process_that_is_killed";

/// The test runs itself once more as a process that dies with a server.
#[test]
fn a_server_ends_with_a_process_that_is_killed() {
    if let Some(note) = env::var_os(VICTIM) {
        let server = RedisServer::start(Options::new()).unwrap();
        fs::write(note, server.unix_socket().as_os_str().as_encoded_bytes()).unwrap();
        std::process::abort();
    }
    let directory = tempfile::tempdir().unwrap();
    let note = directory.path().join("note");
    let mut victim = Command::new(env::current_exe().unwrap());
    victim.args(["--exact", THIS]).env(VICTIM, &note);
    assert!(!victim.output().unwrap().status.success());
    let socket = fs::read_to_string(&note).unwrap();
    let socket = Path::new(&socket);
    let gone = || (!socket.parent()?.exists()).then_some(());
    poll("the watchdog to clear up", LIMIT, gone).unwrap();
    assert!(UnixStream::connect(socket).is_err());
}
