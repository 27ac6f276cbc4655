//! Scripts on their way to a server and their answers on the way back.
//!
//! Must not know which connection it is, nor what the answers mean.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, RedisResult, ServerError, ServerErrorKind, Value};

use crate::refusal;
use crate::scripts::{self, Script};

/// A script with what it is given.
pub(crate) struct Call<'a> {
    pub(crate) script: &'static Script,
    pub(crate) keys: Vec<String>,
    pub(crate) arguments: Vec<&'a [u8]>,
}

/// What became of a call: the answer, or the server's refusal.
pub(crate) type Answer = Result<Value, ServerError>;

impl Call<'_> {
    /// A heartbeat.
    pub(crate) fn beat() -> Self {
        Self {
            script: &scripts::BEAT,
            keys: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// By which its server is found: all its keys are in one slot.
    pub(crate) fn name(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    pub(crate) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    pub(crate) fn by_text(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, command: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(command);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        for argument in &self.arguments {
            command.arg(*argument);
        }
        command
    }
}

/// Sends scripts through a connection, in one trip.
pub(crate) async fn send<'a>(
    mut connection: MultiplexedConnection,
    calls: &[&Call<'a>],
    command: impl Fn(&Call<'a>) -> Cmd,
) -> RedisResult<Vec<Answer>> {
    if let [call] = calls {
        let answer = connection.send_packed_command(&command(call)).await?;
        return Ok(answers(vec![answer]));
    }
    let mut pipeline = redis::Pipeline::with_capacity(calls.len());
    for call in calls {
        pipeline.add_command(command(call));
    }
    let sent = connection.send_packed_commands(&pipeline, 0, calls.len());
    sent.await.map(answers)
}

/// One script through a connection of which no node has been made yet.
pub(crate) async fn send_one(
    connection: MultiplexedConnection,
    call: &Call<'_>,
) -> Result<Answer, RedisError> {
    let mut answers = send(connection.clone(), &[call], Call::by_hash).await?;
    if answers.iter().any(is_unknown) {
        answers = send(connection, &[call], Call::by_text).await?;
    }
    let none = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into();
    answers.pop().ok_or_else(none)
}

/// An answer within so long, or why there is none.
pub(crate) async fn within<T>(
    limit: Duration,
    sent: impl Future<Output = RedisResult<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, sent).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(refusal::failure(&error)),
        Err(_) => Err(format!("it did not answer within {limit:?}")),
    }
}

pub(crate) fn answers(values: Vec<Value>) -> Vec<Answer> {
    let answer = |value| match value {
        Value::ServerError(error) => Err(error),
        value => Ok(value),
    };
    values.into_iter().map(answer).collect()
}

pub(crate) fn is_unknown(answer: &Answer) -> bool {
    matches!(answer, Err(error) if error.kind() == Some(ServerErrorKind::NoScript))
}

/// Whether the key is at another server of the cluster, or on its way there: nothing was done.
pub(crate) fn is_elsewhere(error: &ServerError) -> bool {
    use ServerErrorKind::{Ask, Moved, TryAgain};
    matches!(error.kind(), Some(Moved | Ask | TryAgain))
}
