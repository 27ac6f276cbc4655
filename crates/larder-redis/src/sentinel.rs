//! Asks sentinels where the primary is.
//!
//! What they say may be out of date: who connects there must see for itself that the server takes
//! writes. Must not know what the primary is for.

use redis::Value;

use crate::refusal;
use crate::url::{Host, Sentinels};
use crate::wire::{End, Road, Unopened, Wire};

/// Where the first sentinel that answers says that the primary is. They are asked in their order from
/// the `first`, counted on from one attempt to the next, so that one that is wrong is not asked for
/// ever. Each is given the road's time; the road's end and way in are not theirs.
pub(crate) async fn primary(
    sentinels: &Sentinels,
    first: usize,
    road: &Road,
) -> Result<Host, String> {
    let mut silence = String::new();
    let hosts = sentinels.hosts.iter().cycle();
    let count = sentinels.hosts.len();
    for sentinel in hosts.skip(first % count).take(count) {
        let road = Road {
            end: End::Host(sentinel.clone()),
            login: sentinels.login.clone(),
            db: 0,
            ..road.clone()
        };
        match ask(&road, &sentinels.name).await {
            Ok(Some(host)) => return Ok(host),
            Ok(None) => {
                let name = &sentinels.name;
                silence = format!("the sentinel {sentinel} watches no primary named {name:?}");
            }
            Err(error) => silence = format!("the sentinel {sentinel} is of no use: {error}"),
        }
    }
    Err(silence)
}

async fn ask(road: &Road, name: &str) -> Result<Option<Host>, String> {
    let wire = Wire::open(road, false, None, drop).await;
    let wire = wire.map_err(Unopened::reason)?;
    let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name].map(str::as_bytes);
    match wire.send_one(&question, road.time_out).await? {
        Value::Nil => Ok(None),
        Value::ServerError(error) => Err(refusal::meaning(&error)),
        Value::Array(parts) => host(&parts).map(Some),
        _ => Err("it answered what no sentinel does".to_owned()),
    }
}

fn host(parts: &[Value]) -> Result<Host, String> {
    let texts: Vec<&str> = parts.iter().filter_map(text).collect();
    let host = match texts.as_slice() {
        [name, port] => port.parse().ok().map(|port| (*name, port)),
        _ => None,
    };
    let (name, port) = host.ok_or("it answered what no sentinel does")?;
    Ok(Host {
        name: name.to_owned(),
        port,
    })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
