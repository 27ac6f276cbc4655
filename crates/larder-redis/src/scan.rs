//! Goes through a namespace's entries at the server, without their payloads.
//!
//! Must not know what an entry's header says, but for its length.

use larder::remote::{Down, HEAD_BYTES, Scanned};
use redis::Value;

use crate::commands::Commands;
use crate::epoch::Epoch;
use crate::keys::{Changed, Keys};
use crate::node::Node;
use crate::refusal;
use crate::replies;
use crate::sending::{Answer, is_elsewhere};

/// Names that the server looks at in one step.
const STEP: usize = 256;
/// A header of so many bytes is had in one trip; most are shorter.
const HEADER_BYTES: usize = 512;

/// A cursor has the server's own in its lower bits, and the node's place in the upper ones.
const NODE_SHIFT: u32 = 54;

/// Some entries, and where to go on: at the next node when one has been gone through.
pub(crate) async fn scan(
    epoch: &Epoch,
    keys: &Keys,
    namespace: &str,
    cursor: u64,
) -> Result<Scanned, Down> {
    epoch.is_usable()?;
    let place = (cursor >> NODE_SHIFT) as usize;
    let Some(node) = epoch.nodes.get(place) else {
        return Err(Down(
            "the cluster has fewer primaries than when the scan began".into(),
        ));
    };
    let cursor = cursor & ((1 << NODE_SHIFT) - 1);
    let (next, found) = scan_node(node, keys, namespace, cursor).await?;
    let next = match next {
        0 if place + 1 == epoch.nodes.len() => 0,
        0 => (place as u64 + 1) << NODE_SHIFT,
        next if next >> NODE_SHIFT == 0 => (place as u64) << NODE_SHIFT | next,
        _ => return Err(node.end_for("it answered SCAN with a cursor of more than 54 bits")),
    };
    Ok((next, found))
}

async fn scan_node(
    node: &Node,
    keys: &Keys,
    namespace: &str,
    cursor: u64,
) -> Result<Scanned, Down> {
    let (cursor, pattern) = (cursor.to_string(), keys.entries(namespace) + "*");
    let step = STEP.to_string();
    let words = [
        "SCAN", &cursor, "MATCH", &pattern, "COUNT", &step, "TYPE", "string",
    ];
    let command = Commands::of(&words.map(str::as_bytes));
    let answer = node.send(command).await?.pop();
    let scanned = replies::scanned(value(answer)?);
    let (cursor, names) =
        scanned.ok_or_else(|| node.end_for("it answered SCAN as no server does"))?;

    let mut headers = range(node, &names, HEADER_BYTES).await?;
    let is_longer = |header: &Vec<u8>| header_bytes(header).is_some_and(|all| all > header.len());
    let longer: Vec<usize> = (0..names.len())
        .filter(|at| is_longer(&headers[*at]))
        .collect();
    if !longer.is_empty() {
        let some: Vec<Vec<u8>> = longer.iter().map(|at| names[*at].clone()).collect();
        let whole = range(node, &some, usize::from(u16::MAX)).await?;
        for (at, header) in longer.into_iter().zip(whole) {
            headers[at] = header;
        }
    }
    let found = names.iter().zip(headers).filter_map(|(name, mut header)| {
        header.truncate(header_bytes(&header)?);
        match keys.parse(name)? {
            Changed::Entry(_, key) => Some((key.to_owned(), header)),
            Changed::Log(_) | Changed::Traced(..) => None,
        }
    });
    Ok((cursor, found.collect()))
}

/// What each begins with.
async fn range(node: &Node, names: &[Vec<u8>], bytes: usize) -> Result<Vec<Vec<u8>>, Down> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let last = (bytes - 1).to_string();
    let mut commands = Commands::default();
    for name in names {
        commands.add(&[b"GETRANGE", name, b"0", last.as_bytes()]);
    }
    let answers = node.send(commands).await?;
    let bytes = |answer: Answer| match answer {
        // It has moved to another server, where it is found as well.
        Err(error) if is_elsewhere(&error) => Ok(Vec::new()),
        answer => Ok(replies::bytes(value(Some(answer))?).unwrap_or_default()),
    };
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
