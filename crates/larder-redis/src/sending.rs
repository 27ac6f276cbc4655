//! Scripts on their way to a server and their answers on the way back.
//!
//! Must not know which connection it is, nor what the answers mean.

use std::time::Duration;

use redis::{ServerError, ServerErrorKind, Value};

use crate::commands::Commands;
use crate::scripts::{self, Script};
use crate::wire::Wire;

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

    pub(crate) fn by_hash(&self, commands: &mut Commands) {
        self.add(b"EVALSHA", self.script.hash.as_bytes(), commands);
    }

    pub(crate) fn by_text(&self, commands: &mut Commands) {
        self.add(b"EVAL", self.script.text.as_bytes(), commands);
    }

    fn add(&self, command: &[u8], script: &[u8], commands: &mut Commands) {
        commands.begin(3 + self.keys.len() + self.arguments.len());
        commands.word(command);
        commands.word(script);
        commands.word(self.keys.len().to_string().as_bytes());
        for key in &self.keys {
            commands.word(key.as_bytes());
        }
        for argument in &self.arguments {
            commands.word(argument);
        }
    }
}

/// Sends scripts through a connection, in one trip.
pub(crate) async fn send<'a>(
    wire: &Wire,
    calls: &[&Call<'a>],
    command: impl Fn(&Call<'a>, &mut Commands),
    limit: Duration,
) -> Result<Vec<Answer>, String> {
    let mut commands = Commands::default();
    for call in calls {
        command(call, &mut commands);
    }
    wire.send(commands, limit).await.map(answers)
}

/// One script through a connection of which no node has been made yet.
pub(crate) async fn send_one(
    wire: &Wire,
    call: &Call<'_>,
    limit: Duration,
) -> Result<Answer, String> {
    let mut answers = send(wire, &[call], Call::by_hash, limit).await?;
    if answers.iter().any(is_unknown) {
        answers = send(wire, &[call], Call::by_text, limit).await?;
    }
    answers.pop().ok_or_else(|| "it did not answer".to_owned())
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
