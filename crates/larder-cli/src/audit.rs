//! `larder audit`: whether the caches that share a server keep their promise, from what they sample.
//!
//! It reads the server and nothing else. This module must not know how a read is judged.

mod report;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use larder::audit::{Auditor, Report};
use larder::remote::RecordId;
use larder_redis::{Redis, Trail};

use crate::args::Audit;
use crate::config::{Config, Environment, Flags, Secret};
use crate::exit::{Missed, Usage};
use crate::serve::tiers;

/// Records that are asked for at once.
const RECORDS: usize = 256;
/// How often new records are asked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often new namespaces are looked for, and the table is printed if nothing has happened.
const ROUNDS: u32 = 30;

/// One namespace.
#[derive(Default)]
struct Audited {
    auditor: Auditor,
    last: Option<RecordId>,
}

/// Runs the audit, once or until it is interrupted.
pub(crate) fn run(
    args: &Audit,
    environment: &Environment,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (redis, address) = server(args, environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let audits = &mut Audits {
            trail: Trail::of(&redis),
            address,
            namespace: args.namespace.clone(),
            audited: BTreeMap::new(),
        };
        if args.follow {
            audits.follow(args.json, out).await
        } else {
            audits.once(args.json, out).await
        }
    })
}

/// The server that is named, or else the one of the configuration, and its address for people.
fn server(args: &Audit, environment: &Environment) -> anyhow::Result<(Redis, String)> {
    if let Some(url) = &args.url {
        Redis::at(url).map_err(|error| Usage(format!("--url: {error}")))?;
    }
    let flags = Flags {
        file: args.config.clone(),
        remote: args.url.clone(),
        ..Flags::default()
    };
    let remote = Config::load(&flags, environment)?.remote;
    let redis = tiers::server(&remote)?;
    let (Some(redis), Some(Secret(url))) = (redis, &remote.url) else {
        let what = "no server is named: give --url redis://HOST, or set remote.url or $REDIS_HOST";
        return Err(Usage(what.to_owned()).into());
    };
    let redis = match &args.prefix {
        Some(prefix) => redis.prefix(prefix),
        None => redis,
    };
    Ok((redis, larder_redis::without_login(url)))
}

struct Audits {
    trail: Trail,
    /// The server's, without a login.
    address: String,
    /// The one that is wanted; all, if there is none.
    namespace: Option<String>,
    audited: BTreeMap<String, Audited>,
}

impl Audits {
    async fn once(&mut self, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
        self.look().await?;
        self.read().await?;
        for audited in self.audited.values_mut() {
            audited.auditor.judge_all();
        }
        self.print(json, out)?;
        let reports: Vec<Report> = self.reports().map(|(_, report)| report).collect();
        let broken: u64 = reports.iter().map(|report| report.broken).sum();
        if broken > 0 {
            let reads: u64 = reports.iter().map(|report| report.reads).sum();
            return Err(Missed(format!(
                "{broken} of {reads} audited reads were older than the promise allows: the cases say what happened"
            ))
            .into());
        }
        Ok(())
    }

    /// Prints when something has changed, at most once in a round. A server that is away for a while is
    /// waited for.
    async fn follow(&mut self, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
        self.look().await?;
        let (mut broken, mut told) = (0, None);
        for second in 0_u32.. {
            let is_round = second % ROUNDS == 0;
            let asked = async {
                if is_round && second > 0 {
                    self.look().await?;
                }
                self.read().await
            };
            let trouble = asked.await.err().map(|error| format!("{error:#}"));
            // Once, until it is another.
            if let Some(trouble) = trouble.as_ref().filter(|_| trouble != told) {
                writeln!(std::io::stderr(), "larder: {trouble}")?;
            }
            told = trouble;
            let now = self.reports().map(|(_, report)| report.broken).sum();
            if is_round || now != broken {
                broken = now;
                self.print(json, out)?;
                out.flush()?;
            }
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(())
    }

    /// Looks for namespaces.
    async fn look(&mut self) -> anyhow::Result<()> {
        let names = if let Some(name) = &self.namespace {
            vec![name.clone()]
        } else {
            let names = self.trail.namespaces().await;
            names.with_context(|| format!("cannot audit {}", self.address))?
        };
        for name in names {
            self.audited.entry(name).or_default();
        }
        Ok(())
    }

    /// Reads what is new.
    async fn read(&mut self) -> anyhow::Result<()> {
        for (name, audited) in &mut self.audited {
            loop {
                let read = self.trail.read(name, audited.last, RECORDS);
                let records = read
                    .await
                    .with_context(|| format!("cannot audit {}", self.address))?;
                for (id, record) in &records {
                    audited.auditor.take(*id, record);
                    audited.last = Some(*id);
                }
                if records.len() < RECORDS {
                    break;
                }
            }
        }
        Ok(())
    }

    fn reports(&self) -> impl Iterator<Item = (&str, Report)> {
        let audited = self.audited.iter();
        audited.map(|(name, audited)| (name.as_str(), audited.auditor.report()))
    }

    fn print(&self, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
        let reports: Vec<(&str, Report)> = self.reports().collect();
        let text = if json {
            format!("{}\n", report::as_json(&reports))
        } else {
            report::as_table(&reports)
        };
        Ok(out.write_all(text.as_bytes())?)
    }
}
