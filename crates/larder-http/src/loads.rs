//! `/v1/caches/{name}/loads`: what a cache loaded lately, for other instances of the program to compare with
//! what they loaded; and how such an answer is read.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use larder::RecentLoads;
use larder::recommend::{LoadCause, RecentLoad};
use serde::{Deserialize, Serialize};

use crate::gateway::Gateway;
use crate::problem::Problem;

/// The most loads that an answer may have.
const LOADS_MAX: usize = 1_024;

#[utoipa::path(
    get, path = "/v1/caches/{name}/loads", tag = "caches",
    params(("name", description = "the cache's name")),
    responses((status = OK, description = "What it loaded lately, of a sample of keys that every instance chooses alike: 1,024 loads at most, the oldest first, each with the key's hash, its age, the time it took, the value's life and why it was made (new, expired, early, invalidated). `one_in` is 0 where loads are not noted."))
)]
pub(crate) async fn loads(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Result<Json<Told>, Problem> {
    let recent = gateway.find(&name)?.recent_loads();
    Ok(Json(Told::from(&recent)))
}

/// Ages, so that clocks may differ.
#[derive(Deserialize, Serialize)]
pub(crate) struct Told {
    /// 16 hexadecimal digits, as a key's: not every reader of JSON has 64 bits for a number.
    instance: String,
    one_in: u64,
    seconds: f64,
    loads: Vec<ToldLoad>,
}

#[derive(Deserialize, Serialize)]
struct ToldLoad {
    key: String,
    ago_ms: u64,
    took_ms: f64,
    /// `null` for ever.
    life_ms: Option<u64>,
    cause: String,
}

impl From<&RecentLoads> for Told {
    fn from(recent: &RecentLoads) -> Self {
        let load = |load: &RecentLoad| ToldLoad {
            key: hex(load.key),
            ago_ms: millis(load.ago),
            took_ms: load.took.as_secs_f64() * 1e3,
            life_ms: load.life.map(millis),
            cause: load.cause.name().to_owned(),
        };
        Self {
            instance: hex(recent.instance),
            one_in: recent.one_in,
            seconds: recent.over.as_secs_f64(),
            loads: recent.loads.iter().map(load).collect(),
        }
    }
}

/// What is wrong with an answer that should be one of `/v1/caches/{name}/loads`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the answer of /v1/caches/NAME/loads: {0}")]
pub struct BadLoads(String);

/// Reads an answer of `/v1/caches/{name}/loads`. O(n) in its length, which the caller bounds.
///
/// # Errors
/// It is none: not JSON, a member is missing or of another kind, or it has more than 1,024 loads.
///
/// ```
/// let told = larder_http::read_loads(r#"{"instance":"00000000000000ff","one_in":1,"seconds":60.0,"loads":[
///     {"key":"9f5c08a9d2e1b743","ago_ms":1500,"took_ms":12.5,"life_ms":300000,"cause":"expired"}]}"#)?;
/// assert_eq!((told.instance, told.loads[0].key), (255, 0x9f5c_08a9_d2e1_b743));
/// assert!(larder_http::read_loads("{}").is_err());
/// # Ok::<_, larder_http::BadLoads>(())
/// ```
pub fn read_loads(text: &str) -> Result<RecentLoads, BadLoads> {
    let told: Told = serde_json::from_str(text).map_err(|error| BadLoads(error.to_string()))?;
    if told.loads.len() > LOADS_MAX {
        let problem = format!("{} loads, expected {LOADS_MAX} at most", told.loads.len());
        return Err(BadLoads(problem));
    }
    let is_sample = told.one_in == 0 || told.one_in.is_power_of_two();
    if !is_sample {
        let problem = format!("one_in is {}, expected a power of two", told.one_in);
        return Err(BadLoads(problem));
    }
    let mut recent = RecentLoads::default();
    recent.instance = number("instance", &told.instance)?;
    recent.one_in = told.one_in;
    recent.over = duration("seconds", told.seconds)?;
    recent.loads = told.loads.iter().map(load).collect::<Result<_, _>>()?;
    Ok(recent)
}

fn load(told: &ToldLoad) -> Result<RecentLoad, BadLoads> {
    let causes = [
        LoadCause::New,
        LoadCause::Expired,
        LoadCause::Early,
        LoadCause::Invalidated,
    ];
    let cause = causes.into_iter().find(|cause| cause.name() == told.cause);
    let unknown = || {
        let problem = "a cause is none of new, expired, early and invalidated";
        BadLoads(problem.to_owned())
    };
    let mut load = RecentLoad::default();
    load.key = number("key", &told.key)?;
    load.ago = Duration::from_millis(told.ago_ms);
    load.took = duration("took_ms", told.took_ms / 1e3)?;
    load.life = told.life_ms.map(Duration::from_millis);
    load.cause = cause.ok_or_else(unknown)?;
    Ok(load)
}

fn number(member: &str, text: &str) -> Result<u64, BadLoads> {
    let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
    number.ok_or_else(|| BadLoads(format!("{member} is not of 16 hexadecimal digits")))
}

/// Of a day at most: what is longer is wrong, and sums of it would overflow.
fn duration(member: &str, seconds: f64) -> Result<Duration, BadLoads> {
    let is_good = (0.0..=86_400.0).contains(&seconds);
    let duration = Duration::try_from_secs_f64(seconds).ok();
    duration
        .filter(|_| is_good)
        .ok_or_else(|| BadLoads(format!("{member} is not from 0 to a day")))
}

fn hex(number: u64) -> String {
    format!("{number:016x}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut recent = RecentLoads::default();
        (recent.instance, recent.one_in) = (u64::MAX - 7, 64);
        recent.over = Duration::from_millis(1_500);
        let mut load = RecentLoad::default();
        (load.key, load.ago) = (7, Duration::from_secs(1));
        (load.took, load.cause) = (Duration::from_millis(3), LoadCause::Invalidated);
        let mut other = load;
        (other.life, other.cause) = (Some(Duration::from_mins(5)), LoadCause::Early);
        recent.loads = vec![load, other];
        let text = serde_json::to_string(&Told::from(&recent)).unwrap();
        assert_eq!(read_loads(&text), Ok(recent));
    }

    #[test]
    fn what_is_no_answer_is_refused_and_said_why() {
        let with = |from: &str, to: &str| {
            let good = r#"{"instance":"00000000000000ff","one_in":1,"seconds":60.0,"loads":[
                {"key":"9f5c08a9d2e1b743","ago_ms":1,"took_ms":2.0,"life_ms":null,"cause":"new"}]}"#;
            assert!(good.contains(from) && read_loads(good).is_ok(), "{from}");
            read_loads(&good.replace(from, to)).unwrap_err().to_string()
        };
        for (from, to, why) in [
            ("00ff", "00fg", "instance is not of 16"),
            ("9f5c", "+9f5", "key is not of 16"),
            ("9f5c", "", "key is not of 16"),
            (":1,\"seconds", ":3,\"seconds", "a power of two"),
            ("60.0", "-1", "seconds is not from 0"),
            ("60.0", "1e300", "seconds is not from 0"),
            ("2.0", "1e12", "took_ms is not from 0"),
            ("new", "odd", "a cause is none of"),
            ("\"ago_ms\":1,", "", "missing field `ago_ms`"),
        ] {
            assert!(with(from, to).contains(why), "{to}: {}", with(from, to));
        }
        let one =
            r#"{"key":"9f5c08a9d2e1b743","ago_ms":1,"took_ms":2.0,"life_ms":null,"cause":"new"}"#;
        let many = vec![one; LOADS_MAX + 1].join(",");
        let text = format!(
            r#"{{"instance":"00000000000000ff","one_in":1,"seconds":1.0,"loads":[{many}]}}"#
        );
        let error = read_loads(&text).unwrap_err().to_string();
        assert!(
            error.ends_with("1025 loads, expected 1024 at most"),
            "{error}"
        );
    }
}
