use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

use super::*;
use crate::commands::Commands;

const LONG: Duration = Duration::from_mins(1);

/// A pipe over a stream with buffers of so many bytes, the server's end, and the driver's task.
fn connected(bytes: usize, pushes: Option<Pushes>) -> (Arc<Pipe>, DuplexStream, JoinHandle<Over>) {
    let (ours, theirs) = tokio::io::duplex(bytes);
    let pipe = Pipe::new(None);
    let mut driver = Driver::new(Box::pin(ours), pipe.clone(), pushes);
    let task = tokio::spawn(async move { driver.run().await });
    (pipe, theirs, task)
}

fn echo(text: &str) -> Commands {
    Commands::of(&[b"ECHO", text.as_bytes()])
}

/// Reads what these commands are sent as.
async fn hear(server: &mut DuplexStream, commands: &[Commands]) {
    let bytes = commands.iter().cloned().map(Commands::into_bytes);
    let expected: Vec<u8> = bytes.flatten().collect();
    let mut heard = vec![0; expected.len()];
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, expected);
}

fn spawn_send(
    pipe: &Arc<Pipe>,
    commands: Commands,
    limit: Duration,
) -> JoinHandle<Result<Vec<Value>, String>> {
    let pipe = pipe.clone();
    tokio::spawn(async move { pipe.send(commands, limit).await })
}

#[tokio::test]
async fn callers_get_their_own_answers_whoever_has_given_up() {
    let (pipe, mut server, _task) = connected(1 << 16, None);
    let first = spawn_send(&pipe, echo("a"), LONG);
    hear(&mut server, &[echo("a")]).await;
    let gone = spawn_send(&pipe, echo("gone"), LONG);
    hear(&mut server, &[echo("gone")]).await;
    gone.abort();
    let mut two = echo("b");
    two.add(&[b"PING"]);
    let third = spawn_send(&pipe, two.clone(), LONG);
    hear(&mut server, &[two]).await;
    server.write_all(b":1\r\n:2\r\n$2\r\n").await.unwrap();
    assert_eq!(first.await.unwrap(), Ok(vec![Value::Int(1)]));
    assert!(gone.await.unwrap_err().is_cancelled());
    server.write_all(b"xy\r\n+OK\r\n").await.unwrap();
    let both = vec![Value::BulkString(b"xy".into()), Value::Okay];
    assert_eq!(third.await.unwrap(), Ok(both));
}

#[tokio::test]
async fn what_is_not_answered_in_time_ends_the_connection_for_all() {
    let (pipe, _server, task) = connected(1 << 16, None);
    let patient = spawn_send(&pipe, echo("a"), LONG);
    tokio::task::yield_now().await;
    let hasty = spawn_send(&pipe, echo("b"), Duration::from_millis(20));
    let over = task.await.unwrap();
    assert_eq!(over.as_deref(), Some("it did not answer within 20ms"));
    assert!(patient.await.unwrap().is_err());
    assert!(hasty.await.unwrap().is_err());
    assert!(pipe.send(echo("c"), LONG).await.is_err());
}

#[tokio::test]
async fn who_waits_for_room_is_told_when_the_connection_ends() {
    let (pipe, server, _task) = connected(64, None);
    let large = "x".repeat(80 << 20);
    let calls: Vec<_> = (0..3)
        .map(|_| spawn_send(&pipe, echo(&large), LONG))
        .collect();
    tokio::task::yield_now().await;
    drop(server);
    for call in calls {
        assert!(call.await.unwrap().is_err());
    }
}

#[tokio::test]
async fn answers_are_read_while_the_server_does_not() {
    let (pipe, mut server, _task) = connected(64, None);
    let text = "x".repeat(10_000);
    let calls: Vec<_> = (0..4)
        .map(|_| spawn_send(&pipe, echo(&text), LONG))
        .collect();
    let mut byte = [0];
    server.read_exact(&mut byte).await.unwrap();
    let answer = [b"$10000\r\n", text.as_bytes(), b"\r\n"].concat();
    for _ in &calls {
        server.write_all(&answer).await.unwrap();
    }
    let reads =
        tokio::spawn(async move { tokio::io::copy(&mut server, &mut tokio::io::sink()).await });
    for call in calls {
        let expected = Value::BulkString(text.clone().into_bytes());
        assert_eq!(call.await.unwrap(), Ok(vec![expected]));
    }
    reads.abort();
}

#[tokio::test]
async fn a_push_is_told_before_the_answer_that_came_after_it() {
    let told = Arc::new(Mutex::new(0));
    let count = told.clone();
    let pushes: Pushes = Box::new(move |push| {
        assert_eq!(push.kind, redis::PushKind::Invalidate);
        *count.lock().unwrap() += 1;
    });
    let (pipe, mut server, _task) = connected(1 << 16, Some(pushes));
    let call = spawn_send(&pipe, echo("a"), LONG);
    hear(&mut server, &[echo("a")]).await;
    let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    let bytes = format!("{push}:1\r\n{push}");
    server.write_all(bytes.as_bytes()).await.unwrap();
    assert_eq!(call.await.unwrap(), Ok(vec![Value::Int(1)]));
    assert!(*told.lock().unwrap() >= 1);
}

#[tokio::test]
async fn what_nobody_asked_for_or_no_server_says_ends_the_connection() {
    for bytes in [":1\r\n", "GET / HTTP/1.1\r\n"] {
        let (_pipe, mut server, task) = connected(1 << 16, None);
        server.write_all(bytes.as_bytes()).await.unwrap();
        let over = task.await.unwrap().unwrap();
        assert!(over.contains("does not speak"), "{over}");
    }
}
