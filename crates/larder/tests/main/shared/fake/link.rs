//! What a cache sees of the fake.

use std::sync::Arc;
use std::time::Duration;

use larder::remote::{
    Acquired, Down, Filled, Later, Link, LinkState, LogNews, LogPlace, Membership, Read, RecordId,
    Remote, Want,
};

use super::Fake;
use super::net::State;
use super::server::{Op, Reply};

/// A process's way to the server.
pub(crate) struct Seat(pub(crate) Fake);

impl Remote for Seat {
    fn join(&self, membership: Membership) -> Result<Arc<dyn Link>, String> {
        let Membership {
            namespace,
            hearer,
            staleness,
            ..
        } = membership;
        let staleness = staleness.as_millis() as u64;
        let at = self.0.net().join(namespace.to_string(), hearer, staleness);
        Ok(Arc::new(Wired {
            fake: self.0.clone(),
            at,
            opening: None,
        }))
    }
}

/// A node's link: the one that all use, or that of one connection while it opens.
pub(crate) struct Wired {
    fake: Fake,
    at: usize,
    opening: Option<u64>,
}

impl Wired {
    pub(crate) fn opening(fake: Fake, at: usize, generation: u64) -> Self {
        Self {
            fake,
            at,
            opening: Some(generation),
        }
    }

    /// A change, which may be in a trace.
    async fn change(&self, op: Op, trace: Option<&str>) -> Result<Reply, Down> {
        let traced = |trace: &str| Op::Traced(Box::new(op.clone()), self.at, trace.to_owned());
        let op = trace.map_or_else(|| op.clone(), traced);
        self.call(op).await
    }

    async fn call(&self, op: Op) -> Result<Reply, Down> {
        let now = self.fake.now();
        let sent = {
            let mut net = self.fake.net();
            let node = &net.nodes[self.at];
            let generation = match self.opening {
                Some(generation) => generation,
                None if node.state == State::Up => node.generation,
                None => u64::MAX,
            };
            net.call(self.at, generation, op, now)
        };
        let answer = match sent {
            Ok(answer) => {
                self.fake.pump();
                answer.await.unwrap_or(Err("the fake is gone"))
            }
            Err(why) => Err(why),
        };
        answer.map_err(|why| Down(why.into()))
    }

    async fn call_many(
        &self,
        keys: &[&str],
        want: Option<Want>,
        trace: Option<&str>,
    ) -> Result<(), Down> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let op = Op::Invalidate(keys, want);
        self.change(op, trace).await.map(drop)
    }
}

fn odd<T>(reply: &Reply) -> Result<T, Down> {
    Err(Down(format!("{reply:?}").into()))
}

impl Link for Wired {
    fn read<'a>(&'a self, key: &'a str, have: Option<u64>) -> Later<'a, Result<Read, Down>> {
        Box::pin(async move {
            match self.call(Op::Read(key.to_owned(), have)).await? {
                Reply::Read(read) => Ok(read),
                reply => odd(&reply),
            }
        })
    }

    fn read_many<'a>(
        &'a self,
        keys: &'a [(&'a str, Option<u64>)],
    ) -> Later<'a, Result<Vec<Read>, Down>> {
        Box::pin(async move {
            let keys = keys.iter().map(|(key, have)| ((*key).to_owned(), *have));
            let keys = keys.collect();
            match self.call(Op::ReadMany(keys)).await? {
                Reply::ReadMany(read) => Ok(read),
                reply => odd(&reply),
            }
        })
    }

    fn acquire<'a>(&'a self, key: &'a str, want: Want) -> Later<'a, Result<Acquired, Down>> {
        Box::pin(async move {
            match self.call(Op::Acquire(key.to_owned(), want)).await? {
                Reply::Acquired(acquired) => Ok(acquired),
                reply => odd(&reply),
            }
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        token: u64,
        entry: Vec<u8>,
        life: Option<Duration>,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<Filled, Down>> {
        Box::pin(async move {
            let op = Op::Fill(key.to_owned(), token, Some(entry), life);
            match self.change(op, trace).await? {
                Reply::Filled(filled) => Ok(filled),
                reply => odd(&reply),
            }
        })
    }

    fn seal<'a>(&'a self, key: &'a str, token: u64) -> Later<'a, Result<bool, Down>> {
        Box::pin(async move {
            match self
                .call(Op::Fill(key.to_owned(), token, None, None))
                .await?
            {
                Reply::Filled(filled) => Ok(filled == Filled::Stored),
                reply => odd(&reply),
            }
        })
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: u64,
        version: u64,
        header: Vec<u8>,
        life: Option<Duration>,
    ) -> Later<'a, Result<Filled, Down>> {
        Box::pin(async move {
            let op = Op::Extend(key.to_owned(), token, version, header, life);
            match self.call(op).await? {
                Reply::Filled(filled) => Ok(filled),
                reply => odd(&reply),
            }
        })
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        token: u64,
        lease: Duration,
    ) -> Later<'a, Result<bool, Down>> {
        Box::pin(async move {
            match self.call(Op::Renew(key.to_owned(), token, lease)).await? {
                Reply::Is(is) => Ok(is),
                reply => odd(&reply),
            }
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: u64) -> Later<'a, Result<(), Down>> {
        Box::pin(async move {
            self.call(Op::Release(key.to_owned(), token))
                .await
                .map(drop)
        })
    }

    fn invalidate<'a>(
        &'a self,
        keys: &'a [&'a str],
        trace: Option<&'a str>,
    ) -> Later<'a, Result<(), Down>> {
        Box::pin(self.call_many(keys, None, trace))
    }

    fn supplant<'a>(
        &'a self,
        key: &'a str,
        want: Want,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<(), Down>> {
        Box::pin(async move { self.call_many(&[key], Some(want), trace).await })
    }

    fn soften<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        header: Vec<u8>,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<bool, Down>> {
        Box::pin(async move {
            let op = Op::Soften(key.to_owned(), version, header);
            match self.change(op, trace).await? {
                Reply::Is(is) => Ok(is),
                reply => odd(&reply),
            }
        })
    }

    fn reclaim<'a>(&'a self, key: &'a str, header: &'a [u8]) -> Later<'a, Result<u64, Down>> {
        Box::pin(async move {
            let op = Op::Reclaim(key.to_owned(), header.to_vec());
            match self.call(op).await? {
                Reply::Bytes(bytes) => Ok(bytes),
                reply => odd(&reply),
            }
        })
    }

    fn log<'a>(
        &'a self,
        known: Option<LogPlace>,
        items: &'a [Vec<u8>],
        _: Option<&'a str>,
    ) -> Later<'a, Result<LogNews, Down>> {
        Box::pin(async move {
            match self.call(Op::Log(known, items.to_vec())).await? {
                Reply::Log(news) => Ok(news),
                reply => odd(&reply),
            }
        })
    }

    fn caught_up(&self) -> Later<'_, Result<(), Down>> {
        Box::pin(async move {
            // The answer to the first may overtake what was told before it, that to the second not.
            self.call(Op::Beat).await?;
            self.call(Op::Beat).await.map(drop)
        })
    }

    fn scan(&self, cursor: u64) -> Later<'_, Result<(u64, Vec<(String, Vec<u8>)>), Down>> {
        Box::pin(async move {
            match self.call(Op::Scan(cursor)).await? {
                Reply::Scanned(next, entries) => Ok((next, entries)),
                reply => odd(&reply),
            }
        })
    }

    fn append(&self, record: Vec<u8>) -> Later<'_, Result<RecordId, Down>> {
        Box::pin(async move {
            match self.call(Op::Append(record)).await? {
                Reply::Appended(id) => Ok(id),
                reply => odd(&reply),
            }
        })
    }

    fn incarnation(&self, _key: &str) -> u64 {
        self.fake.net().nodes[self.at].life
    }

    fn state(&self) -> LinkState {
        let net = self.fake.net();
        let node = &net.nodes[self.at];
        LinkState {
            is_up: node.state == State::Up,
            reason: None,
            opened: node.opened,
            is_tracked: true,
            errors: node.errors,
            round_trip: None,
        }
    }
}
