//! What a run will do, made from flags and file: everything is checked here that can be before the first
//! request. It must not send any.

mod file;

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;

use super::keys::Keys;
use super::load::{Length, Load, Pace};
use super::masked;
use super::places::{self, Template};
use super::report::Described;
use super::subject::{Ask, Clearing, Subject};
use super::threshold::Threshold;
use super::uncached::Uncached;
use crate::args::{BenchLoad, BenchSettings, BenchSubject, ServerArgs, Service};
use crate::client::Target;
use crate::config::Environment;
use crate::exit::Usage;
use crate::simulate;

pub(super) use file::settings;

const CONNECTIONS: u32 = 10;
/// An open loop's: whoever is due must not wait for a connection.
const OPEN_CONNECTIONS: u32 = 100;
const DURATION: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(500);
const REPETITIONS: u32 = 5;
/// What the assistant is asked.
const QUESTION: &str = r#"{"message":"how to use reverb in mixing"}"#;
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is measured, and how.
pub(super) struct Plan {
    /// In the order in which they take turns.
    pub(super) sides: Vec<Side>,
    pub(super) connections: u32,
    pub(super) load: Load,
    pub(super) warm_up: Duration,
    pub(super) repetitions: u32,
    pub(super) keys: Arc<Keys>,
    pub(super) seed: u64,
    pub(super) thresholds: Vec<Threshold>,
}

pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) subject: Arc<Subject>,
    pub(super) clearing: Option<Arc<Clearing>>,
    /// How the cache is passed by.
    pub(super) how: Option<String>,
}

/// The sides before their requests are made.
struct Sides {
    urls: Vec<String>,
    uncached: Option<Uncached>,
    ask: Ask,
    daemon: Option<Daemon>,
}

struct Daemon {
    url: String,
    bearer: Option<String>,
}

impl Plan {
    pub(super) fn new(settings: &BenchSettings, environment: &Environment) -> anyhow::Result<Self> {
        let sides = Sides::of(&settings.subject, environment)?.made()?;
        let keys = keys(&settings.load, &sides)?;
        let is_cleared = sides.iter().any(|side| side.clearing.is_some());
        let (load, connections) = load(&settings.load, is_cleared)?;
        for threshold in &settings.threshold {
            check(threshold, &sides)?;
        }
        Ok(Self {
            sides,
            connections,
            load,
            warm_up: settings.load.warm_up.unwrap_or(WARM_UP),
            repetitions: settings.load.repetitions.unwrap_or(REPETITIONS),
            keys: Arc::new(keys),
            seed: settings.load.seed.unwrap_or(1),
            thresholds: settings.threshold.clone(),
        })
    }

    /// The plan as reports have it.
    pub(super) fn described(&self) -> Described {
        let (requests, duration_seconds) = match self.load.length {
            Length::Requests(count) => (Some(count), None),
            Length::Time(time) => (None, Some(time.as_secs_f64())),
        };
        Described {
            connections: self.connections,
            rate: match self.load.pace {
                Pace::Open(rate) => Some(rate),
                Pace::Closed => None,
            },
            requests,
            duration_seconds,
            warm_up_seconds: self.warm_up.as_secs_f64(),
            repetitions: self.repetitions,
            timeout_seconds: self.load.timeout.as_secs_f64(),
            keys: self.keys.title(),
            seed: self.seed,
        }
    }
}

impl Sides {
    fn of(subject: &BenchSubject, environment: &Environment) -> anyhow::Result<Self> {
        let mut sides = Self {
            urls: subject.url.clone(),
            uncached: subject.uncached.clone(),
            ask: Ask {
                method: subject.method.clone(),
                headers: subject.header.clone(),
                body: subject.body.clone(),
            },
            daemon: None,
        };
        if let Some(service) = subject.service {
            let (path, cache) = preset(service);
            let daemon = daemon(subject, None, environment)?;
            if service == Service::AssistantContext {
                sides.ask.body.get_or_insert_with(|| QUESTION.to_owned());
            }
            sides.urls = vec![format!("{}{path}", daemon.url)];
            let clear = || Uncached::Clear(vec![cache.to_owned()]);
            sides.uncached.get_or_insert_with(clear);
            sides.ask.headers.extend(daemon.bearer.clone());
            sides.daemon = Some(daemon);
        } else if let (Some(Uncached::Clear(_)), [url]) = (&sides.uncached, &sides.urls[..]) {
            sides.daemon = Some(daemon(subject, Some(url), environment)?);
        }
        Ok(sides)
    }

    fn made(self) -> anyhow::Result<Vec<Side>> {
        let [first, rest @ ..] = &self.urls[..] else {
            let what = "what is to be measured? Give a URL, two to compare, or --service NAME";
            return Err(Usage(what.to_owned()).into());
        };
        let side = |name, url: &str, ask: &Ask| {
            anyhow::Ok(Side {
                name,
                subject: Arc::new(Subject::new(url, ask)?),
                clearing: None,
                how: None,
            })
        };
        match (rest, &self.uncached) {
            ([], None) => Ok(vec![side("measured", first, &self.ask)?]),
            ([], Some(uncached)) => {
                let cached = side("cached", first, &self.ask)?;
                Ok(vec![self.past(first, uncached)?, cached])
            }
            ([second], None) => Ok(vec![
                side("uncached", first, &self.ask)?,
                side("cached", second, &self.ask)?,
            ]),
            _ => {
                let said = "of two URLs the first is what is uncached: leave --uncached away";
                Err(Usage(said.to_owned()).into())
            }
        }
    }

    /// The side that gets past the cache at the same URL.
    fn past(&self, url: &str, uncached: &Uncached) -> anyhow::Result<Side> {
        let mut ask = self.ask.clone();
        let (how, clearing) = match uncached {
            Uncached::Header { name, value } => {
                ask.headers.push(format!("{name}: {value}"));
                (format!("header {}", masked::header(name, value)), None)
            }
            Uncached::Clear(caches) => {
                let how = format!("{} cleared before each request", caches.join(", "));
                (how, Some(Arc::new(self.clearing(caches)?)))
            }
        };
        Ok(Side {
            name: "uncached",
            subject: Arc::new(Subject::new(url, &ask)?),
            clearing,
            how: Some(how),
        })
    }

    fn clearing(&self, caches: &[String]) -> anyhow::Result<Clearing> {
        let daemon = self.daemon.as_ref();
        let ask = Ask {
            method: Some("POST".to_owned()),
            headers: daemon.and_then(|d| d.bearer.clone()).into_iter().collect(),
            body: Some("{}".to_owned()),
        };
        let url = daemon.map(|daemon| daemon.url.as_str()).unwrap_or_default();
        let clears = caches
            .iter()
            .map(|cache| Subject::new(&format!("{url}/v1/caches/{cache}/clear"), &ask));
        Ok(Clearing {
            subjects: clears.collect::<Result<_, _>>()?,
        })
    }
}

/// The daemon whose caches are cleared: the one that is named, else the one at `url`.
fn daemon(
    subject: &BenchSubject,
    url: Option<&str>,
    environment: &Environment,
) -> anyhow::Result<Daemon> {
    let server = url.map(|url| {
        let path = url.find("://").map_or(0, |scheme| scheme + 3);
        let end = url[path..].find(['/', '?', '#']).map(|end| path + end);
        url[..end.unwrap_or(url.len())].to_owned()
    });
    let target = Target::find(
        &ServerArgs {
            url: subject.daemon.clone().or(server),
            token: subject.token.clone(),
            config: None,
            state_dir: subject.state_dir.clone(),
        },
        environment,
    )?;
    let token = target
        .token()
        .map(|token| format!("Authorization: Bearer {token}"));
    Ok(Daemon {
        url: target.url().to_owned(),
        bearer: token,
    })
}

/// What a service is asked, and the cache that its answer stands in.
fn preset(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::AssistantContext => ("/codette/chat", "assistant_context"),
        Service::ClaudeUsage => ("/api/stats", "claude_usage.answers"),
        Service::Workstations => ("/api/workstations", "workstations"),
        Service::Live => ("/live/tracks", "live_set.lookups"),
        Service::SchedulerStats => ("/api/schedulers/hybrid_ml/stats", "scheduler_stats"),
    }
}

fn keys(load: &BenchLoad, sides: &[Side]) -> anyhow::Result<Keys> {
    let templates = || sides.iter().flat_map(|side| side.subject.templates());
    let mut ranges: Vec<_> = templates().flat_map(Template::ranges).collect();
    ranges.dedup();
    let has_key = templates().any(Template::has_key);
    let usage = |words: &str| anyhow::Error::from(Usage(words.to_owned()));
    if let [_, other, ..] = ranges[..] {
        let (first, last) = (other.start(), other.end());
        return Err(usage(&format!(
            "{{{first}..{last}}}: all places for numbers share one range"
        )));
    }
    match (has_key, ranges.first(), &load.keys, &load.trace) {
        (false, None, None, None) if load.zipf.is_none() => Ok(Keys::None),
        (_, Some(range), None, None) => Ok(Keys::of_range((*range).clone(), load.zipf)?),
        (true, None, Some(text), None) => {
            let range = places::range(text);
            let range =
                range.ok_or_else(|| usage("--keys: expected FIRST..LAST such as 1..1000"))?;
            Ok(Keys::of_range(range, load.zipf)?)
        }
        (true, None, None, Some(path)) => {
            let format = load.trace_format.and_then(simulate::known);
            Keys::of_trace(path, format)
        }
        (true, None, ..) => Err(usage(
            "{key}: which keys? Give --keys 1..1000 or --trace FILE",
        )),
        (_, Some(_), ..) => Err(usage(
            "--keys and --trace are for {key}; a range has its own keys",
        )),
        (false, ..) => Err(usage(
            "--zipf, --keys and --trace choose keys, but there is no place for one: put {key} or \
             {1..1000} into the URL, a header or the body",
        )),
    }
}

fn load(load: &BenchLoad, is_cleared: bool) -> Result<(Load, u32), Usage> {
    if is_cleared && (load.rate.is_some() || load.connections.is_some_and(|count| count > 1)) {
        return Err(Usage(
            "where caches are cleared before each request, they come one after another, or one \
             would be answered from what another has loaded: leave --rate away, and -c at 1"
                .to_owned(),
        ));
    }
    let length = match (load.requests, load.duration) {
        (Some(count), _) => Length::Requests(count),
        (None, time) => Length::Time(time.unwrap_or(DURATION)),
    };
    let (pace, connections) = match load.rate {
        Some(rate) => (Pace::Open(rate), OPEN_CONNECTIONS),
        None if is_cleared => (Pace::Closed, 1),
        None => (Pace::Closed, CONNECTIONS),
    };
    let all = Load {
        pace,
        length,
        timeout: load.timeout.unwrap_or(TIMEOUT),
    };
    Ok((all, load.connections.unwrap_or(connections)))
}

/// Whether there will be the figure that the condition is on.
fn check(threshold: &Threshold, sides: &[Side]) -> anyhow::Result<()> {
    let is_missing = |name: &str| sides.iter().all(|side| side.name != name);
    ensure!(
        !(threshold.is_of_speedup() && sides.len() < 2),
        Usage(
            "a speedup has two sides: give two URLs, --uncached HOW or --service NAME".to_owned()
        )
    );
    ensure!(
        !threshold.side().is_some_and(is_missing),
        Usage("only one side is measured: leave `cached.` or `uncached.` away".to_owned())
    );
    Ok(())
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
