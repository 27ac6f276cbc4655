//! Goes through a namespace's entries at the server, without their payloads.
//!
//! Must not know what an entry's header says, but for its length.

use larder::remote::{Down, HEAD_BYTES, Scanned};
use redis::{Cmd, Value};

use crate::epoch::Epoch;
use crate::keys::{Changed, Keys};
use crate::refusal;
use crate::replies;
use crate::sending::Answer;

/// Names that the server looks at in one step.
const STEP: usize = 256;
/// A header of so many bytes is had in one trip; most are shorter.
const HEADER_BYTES: usize = 512;

/// Some entries, and where to go on.
pub(crate) async fn scan(
    epoch: &Epoch,
    keys: &Keys,
    namespace: &str,
    cursor: u64,
) -> Result<Scanned, Down> {
    let mut command = redis::cmd("SCAN");
    command
        .arg(cursor)
        .arg("MATCH")
        .arg(keys.entries(namespace) + "*");
    command.arg("COUNT").arg(STEP).arg("TYPE").arg("string");
    let answer = epoch.send(&[command]).await?.pop();
    let scanned = replies::scanned(value(answer)?);
    let (cursor, names) =
        scanned.ok_or_else(|| epoch.end_for("it answered SCAN as no server does"))?;

    let mut headers = range(epoch, &names, HEADER_BYTES).await?;
    let is_longer = |header: &Vec<u8>| header_bytes(header).is_some_and(|all| all > header.len());
    let longer: Vec<usize> = (0..names.len())
        .filter(|at| is_longer(&headers[*at]))
        .collect();
    if !longer.is_empty() {
        let some: Vec<Vec<u8>> = longer.iter().map(|at| names[*at].clone()).collect();
        let whole = range(epoch, &some, usize::from(u16::MAX)).await?;
        for (at, header) in longer.into_iter().zip(whole) {
            headers[at] = header;
        }
    }
    let found = names.iter().zip(headers).filter_map(|(name, mut header)| {
        header.truncate(header_bytes(&header)?);
        match keys.parse(name)? {
            Changed::Entry(_, key) => Some((key.to_owned(), header)),
            Changed::Log(_) => None,
        }
    });
    Ok((cursor, found.collect()))
}

/// What each begins with.
async fn range(epoch: &Epoch, names: &[Vec<u8>], bytes: usize) -> Result<Vec<Vec<u8>>, Down> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let range = |name: &Vec<u8>| -> Cmd {
        let mut command = redis::cmd("GETRANGE");
        command.arg(name).arg(0).arg(bytes - 1);
        command
    };
    let commands: Vec<Cmd> = names.iter().map(range).collect();
    let answers = epoch.send(&commands).await?;
    let bytes = |answer| Ok(replies::bytes(value(Some(answer))?).unwrap_or_default());
    answers.into_iter().map(bytes).collect()
}

fn value(answer: Option<Answer>) -> Result<Value, Down> {
    match answer {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(Down(refusal::meaning(&error).into())),
        None => Err(Down("it did not answer".into())),
    }
}

/// How long the header is that begins so; `None` if nothing of the kind does.
fn header_bytes(header: &[u8]) -> Option<usize> {
    larder::remote::version_of(header)?;
    let length = header.get(HEAD_BYTES..HEAD_BYTES + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(length)))
}
