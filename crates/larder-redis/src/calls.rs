//! What a cache asks of the server, as scripts with their keys and arguments.
//!
//! Must not know connections, nor when they begin and end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use larder::remote::{
    Acquired, Down, Filled, Later, Link, LinkState, LogNews, LogPlace, Read, RecordId, Scanned,
    Want, head,
};

use crate::link::{MemberLink, foreign_entry};
use crate::replies::{self, of_life};
use crate::samples;
use crate::scan;
use crate::scripts;
use crate::sending::Call;

/// Items that a log keeps.
const LOG_ITEMS_MAX: &[u8] = b"4096";

impl Link for MemberLink {
    fn read<'a>(&'a self, key: &'a str, have: Option<u64>) -> Later<'a, Result<Read, Down>> {
        Box::pin(async move {
            let Some(have) = have.map(head) else {
                return self.read_entry(key).await;
            };
            let call = self.reading(key, &have);
            self.ask_of_key(call, replies::read, foreign_entry()).await
        })
    }

    fn read_many<'a>(
        &'a self,
        keys: &'a [(&'a str, Option<u64>)],
    ) -> Later<'a, Result<Vec<Read>, Down>> {
        Box::pin(self.read_all(keys))
    }

    fn acquire<'a>(&'a self, key: &'a str, want: Want) -> Later<'a, Result<Acquired, Down>> {
        Box::pin(async move {
            let want = Words::of(want);
            let call = Call {
                script: &scripts::ACQUIRE,
                keys: self.both(key),
                arguments: vec![&want.token, &want.lease, &want.unlike, &want.lookup],
            };
            let foreign = Acquired::Stands(Vec::new(), None);
            self.ask_of_key(call, replies::acquired, foreign).await
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
            let most = self.server.config.max_value_bytes;
            if entry.len() > most {
                self.epoch()?;
                let board = &self.server.board;
                board.too_large(self.namespace(), entry.len(), most);
                return Ok(Filled::Refused);
            }
            let (token, life) = (token.to_le_bytes(), millis(life));
            let call = Call {
                script: &scripts::FILL,
                keys: self.both_traced(key, trace),
                arguments: vec![&token, &entry, life.as_bytes()],
            };
            self.store(call).await
        })
    }

    fn seal<'a>(&'a self, key: &'a str, token: u64) -> Later<'a, Result<bool, Down>> {
        Box::pin(async move {
            let token = token.to_le_bytes();
            let call = Call {
                script: &scripts::SEAL,
                keys: self.both(key),
                arguments: vec![&token, b"", b"0"],
            };
            self.ask(call, |value| replies::yes(&value)).await
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
            let (token, head, life) = (token.to_le_bytes(), head(version), millis(life));
            let call = Call {
                script: &scripts::EXTEND,
                keys: self.both(key),
                arguments: vec![&token, &head, &header, life.as_bytes()],
            };
            self.store(call).await
        })
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        token: u64,
        lease: Duration,
    ) -> Later<'a, Result<bool, Down>> {
        Box::pin(async move {
            let (token, lease) = (token.to_le_bytes(), millis(Some(lease)));
            let call = Call {
                script: &scripts::RENEW,
                keys: vec![self.lease(key)],
                arguments: vec![&token, lease.as_bytes()],
            };
            self.ask(call, |value| replies::yes(&value)).await
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: u64) -> Later<'a, Result<(), Down>> {
        Box::pin(async move {
            let token = token.to_le_bytes();
            let call = Call {
                script: &scripts::RELEASE,
                keys: vec![self.lease(key)],
                arguments: vec![&token],
            };
            self.ask(call, |value| replies::yes(&value).map(drop)).await
        })
    }

    fn invalidate<'a>(
        &'a self,
        keys: &'a [&'a str],
        trace: Option<&'a str>,
    ) -> Later<'a, Result<(), Down>> {
        Box::pin(self.invalidate_all(keys, trace))
    }

    fn supplant<'a>(
        &'a self,
        key: &'a str,
        want: Want,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<(), Down>> {
        Box::pin(async move {
            let want = Words::of(want);
            let call = Call {
                script: &scripts::INVALIDATE,
                keys: self.both_traced(key, trace),
                arguments: vec![&want.token, &want.lease, &want.lookup],
            };
            self.tell(call, |value| replies::yes(&value).map(drop))
                .await
        })
    }

    fn soften<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        header: Vec<u8>,
        trace: Option<&'a str>,
    ) -> Later<'a, Result<bool, Down>> {
        Box::pin(async move {
            let head = head(version);
            let call = Call {
                script: &scripts::SOFTEN,
                keys: self.both_traced(key, trace),
                arguments: vec![&head, &header],
            };
            self.tell(call, |value| replies::yes(&value)).await
        })
    }

    fn reclaim<'a>(&'a self, key: &'a str, header: &'a [u8]) -> Later<'a, Result<u64, Down>> {
        Box::pin(async move {
            let call = Call {
                script: &scripts::DROP,
                keys: self.both(key),
                arguments: vec![header],
            };
            // What is being moved stays, for the next time.
            self.ask_where_it_is(call, |value| replies::count(&value), 0)
                .await
        })
    }

    fn log<'a>(
        &'a self,
        known: Option<LogPlace>,
        items: &'a [Vec<u8>],
        trace: Option<&'a str>,
    ) -> Later<'a, Result<LogNews, Down>> {
        Box::pin(async move {
            let mut nonce = [0; 8];
            getrandom::fill(&mut nonce).map_err(|error| Down(error.to_string().into()))?;
            // One generation, so that the answer comes from a life that it knows.
            let epoch = self.epoch()?;
            let name = self.server.keys.log(self.namespace());
            let asked_in = epoch.incarnation(|| name.clone());
            let link = MemberLink::within(self.server.clone(), self.member.clone(), epoch.clone());
            let base = known.map(|place| of_life(place, asked_in).base.to_le_bytes());
            let since = known.map_or(0, |place| place.top).to_string();
            let base = base.as_ref().map_or(&b""[..], |base| base);
            let trace = trace.unwrap_or_default().as_bytes();
            let mut arguments = vec![&nonce[..], base, since.as_bytes(), LOG_ITEMS_MAX, trace];
            arguments.extend(items.iter().map(Vec::as_slice));
            let call = Call {
                script: &scripts::LOG,
                keys: vec![name.clone()],
                arguments,
            };
            let news = link.tell(call, replies::log).await?;
            Ok(LogNews {
                // It may have moved to another server meanwhile, and goes on there.
                place: of_life(news.place, epoch.incarnation(|| name.clone())),
                ..news
            })
        })
    }

    fn caught_up(&self) -> Later<'_, Result<(), Down>> {
        Box::pin(async move {
            let epoch = self.epoch()?;
            self.counted(epoch.caught_up().await)
        })
    }

    fn scan(&self, cursor: u64) -> Later<'_, Result<Scanned, Down>> {
        Box::pin(async move {
            let epoch = self.epoch()?;
            let scanned = scan::scan(&epoch, &self.server.keys, self.namespace(), cursor);
            self.counted(scanned.await)
        })
    }

    fn append(&self, record: Vec<u8>) -> Later<'_, Result<RecordId, Down>> {
        Box::pin(async move {
            let epoch = self.epoch()?;
            let stream = self.server.keys.samples(self.namespace());
            self.counted(samples::append(&epoch, &stream, &record).await)
        })
    }

    fn incarnation(&self, key: &str) -> u64 {
        self.epoch()
            .map_or(0, |epoch| epoch.incarnation(|| self.entry(key)))
    }

    fn state(&self) -> LinkState {
        let (board, member) = (&self.server.board, &self.member);
        let is_up = member.is_up();
        LinkState {
            is_up,
            reason: board.reason(),
            opened: member.opened.load(Ordering::Relaxed),
            is_tracked: match &self.within {
                Some(epoch) => epoch.is_tracked(),
                None => is_up && board.is_tracked(),
            },
            errors: member.errors.load(Ordering::Relaxed),
            round_trip: board.round_trip(),
        }
    }
}

/// What a lease is asked for, as the scripts take it.
struct Words {
    token: [u8; 8],
    lease: Vec<u8>,
    unlike: Vec<u8>,
    lookup: Vec<u8>,
}

impl Words {
    fn of(want: Want) -> Self {
        let lookup = want.lookup.map(u64::to_le_bytes);
        Self {
            token: want.token.to_le_bytes(),
            lease: want.lease.as_millis().max(1).to_string().into_bytes(),
            unlike: want
                .unlike
                .map_or_else(Vec::new, |version| head(version).to_vec()),
            lookup: lookup.map_or_else(Vec::new, |lookup| lookup.to_vec()),
        }
    }
}

/// A life as SET's PX takes it, 0 for ever. What ends within a millisecond lives for one.
fn millis(life: Option<Duration>) -> String {
    let millis = life.map_or(0, |life| life.as_millis().clamp(1, MILLIS_MAX));
    millis.to_string()
}

/// The server refuses an expiry that, counted from 1970, is more than it can hold.
const MILLIS_MAX: u128 = 1 << 60;
