//! From a value to an entry of the shared store, and back.

use std::sync::Arc;
use std::time::Duration;

use super::super::Inner;
use super::super::below::Raised;
use super::Shared;
use super::log::Verdict;
use crate::checks::Check;
use crate::clock::Tick;
use crate::entry::Source;
use crate::key::CacheKey;
use crate::log::Standing;
use crate::notes::{Note, tag_set};
use crate::remote::{LogPlace, is_of_newer_format};
use crate::tier::codec::{CodecError, Payload};
use crate::tier::memory::Meta;
use crate::tier::remote::{Header, Opened, open};

/// When and under which signs something was asked for, before it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) epoch: u64,
    /// The number that what is found is stored with.
    pub(super) number: u64,
    pub(super) sent: Tick,
}

/// What an entry is to the one who asked.
pub(super) enum Judged<T> {
    Good(T),
    /// Another schema, server, log or lookup version; invalidated; damaged.
    Useless,
    /// Its log is ahead of what is known here.
    Ahead,
    /// It was made by a program with a newer layout of the value, or of entries.
    Newer,
}

impl<T> Judged<T> {
    fn and_then<U>(self, then: impl FnOnce(T) -> Judged<U>) -> Judged<U> {
        match self {
            Self::Good(good) => then(good),
            Self::Useless => Judged::Useless,
            Self::Ahead => Judged::Ahead,
            Self::Newer => Judged::Newer,
        }
    }
}

/// What a stored entry's header is made of.
pub(super) struct Stamped {
    pub(super) version: u64,
    pub(super) incarnation: u64,
    pub(super) log: LogPlace,
}

impl<V> Shared<V> {
    /// The bytes of a value that is stored now.
    pub(super) fn sealed(
        &self,
        text: &str,
        value: Option<&V>,
        (meta, note): (&Meta, &Note),
        stamped: &Stamped,
    ) -> Result<Vec<u8>, CodecError> {
        let payload = match value {
            Some(value) => {
                let (codec, compression) = (self.sharing.codec, self.sharing.compression);
                self.typed.encoded(value, codec, compression)?
            }
            None => Payload::empty(self.sharing.codec),
        };
        let header = self.header(value.is_none(), (meta, note), stamped);
        Ok(header.seal(text, &payload))
    }

    pub(super) fn header(
        &self,
        is_negative: bool,
        (meta, note): (&Meta, &Note),
        stamped: &Stamped,
    ) -> Header {
        Header {
            version: stamped.version,
            is_negative,
            schema: self.schema,
            incarnation: stamped.incarnation,
            log: stamped.log,
            life_ms: millis(meta.expires_at, meta.created),
            soft_ms: millis(meta.fresh_until, meta.created),
            age_ms: 0,
            cost_us: meta.cost.duration().map_or(0, |cost| {
                u32::try_from(cost.as_micros()).unwrap_or(u32::MAX)
            }),
            tags: note.tags.to_vec(),
            etag: note.etag.as_deref().map(Into::into),
            lookup: note.at,
        }
    }

    pub(super) fn verdict(&self, text: &str, header: &Header) -> Judged<Standing> {
        let Ok(link) = self.link() else {
            return Judged::Useless;
        };
        if header.schema > self.schema {
            return Judged::Newer;
        }
        let is_of_this_life =
            header.incarnation == link.incarnation(text) || !self.checks.stands(Check::Incarnation);
        if header.schema != self.schema || !is_of_this_life {
            return Judged::Useless;
        }
        if !self.checks.stands(Check::SharedLog) {
            return Judged::Good(Standing::Valid);
        }
        match self.log.judge(header.log, &header.tags, text) {
            Verdict::Is(Standing::Invalid) => Judged::Useless,
            Verdict::Is(standing) => Judged::Good(standing),
            Verdict::Ahead => Judged::Ahead,
        }
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    pub(super) fn asked(&self, shared: &Shared<V>) -> Asked {
        Asked {
            epoch: shared.gate.epoch(),
            number: self.log.mint(),
            sent: self.clock.now(),
        }
    }

    /// What an entry with its value in these bytes is.
    pub(super) fn judge_entry(
        &self,
        shared: &Shared<V>,
        text: &str,
        bytes: &[u8],
        left: Option<Duration>,
        asked: Asked,
    ) -> Judged<Raised<V>> {
        let Ok(opened) = open(text, bytes) else {
            Shared::<V>::count(&shared.counts.undecodable);
            if is_of_newer_format(bytes) {
                return Judged::Newer;
            }
            return Judged::Useless;
        };
        let judged = shared.verdict(text, &opened.header);
        if let Judged::Useless = judged {
            Shared::<V>::count(&shared.counts.invalid);
        }
        judged.and_then(|standing| {
            let Ok(value) = decoded(shared, &opened) else {
                Shared::<V>::count(&shared.counts.undecodable);
                return Judged::Useless;
            };
            Judged::Good(self.raised(&opened.header, value, left, asked, standing))
        })
    }

    /// The same, of a header alone, with the value that is held.
    pub(super) fn judge_header(
        &self,
        shared: &Shared<V>,
        text: &str,
        (bytes, value): (&[u8], Option<V>),
        left: Option<Duration>,
        asked: Asked,
    ) -> Judged<Raised<V>> {
        let Ok(opened) = open(text, bytes) else {
            return Judged::Useless;
        };
        let judged = shared.verdict(text, &opened.header);
        judged.and_then(|standing| {
            Judged::Good(self.raised(&opened.header, value, left, asked, standing))
        })
    }

    /// As memory keeps it. Times count from when it was asked for: never too late.
    fn raised(
        &self,
        header: &Header,
        value: Option<V>,
        left: Option<Duration>,
        asked: Asked,
        standing: Standing,
    ) -> Raised<V> {
        // What is told may be the time of the entry that stood there just before.
        let left_ms = left.map_or(u64::MAX, |left| left.as_millis() as u64);
        let left_ms = left_ms.min(header.life_ms);
        let stored_for = match header.life_ms {
            u64::MAX => 0,
            life_ms => life_ms - left_ms,
        };
        let age_ms = header.age_ms.saturating_add(stored_for);
        let created = Tick::from_millis(asked.sent.as_millis().saturating_sub(age_ms));
        let expires_at = after(asked.sent, left_ms);
        let mut fresh_until = after(created, header.soft_ms).min(expires_at);
        if standing == Standing::Expired {
            fresh_until = fresh_until.min(asked.sent);
        }
        let note = Note {
            tags: tag_set(header.tags.clone()),
            etag: header.etag.as_deref().map(Arc::from),
            at: header.lookup,
            mark: Some(header.version),
        };
        let meta = Meta {
            version: asked.number,
            created,
            fresh_until,
            expires_at,
            note: self.notes.hold(&note),
            cost: self.cost_below(Duration::from_micros(header.cost_us.into())),
            is_watched: false,
        };
        Raised {
            value,
            meta,
            tags: note.tags,
            lookup: note.at,
            source: Source::Remote,
            epoch: Some(asked.epoch),
            mark: note.mark,
        }
    }
}

fn decoded<V>(shared: &Shared<V>, opened: &Opened<'_>) -> Result<Option<V>, ()> {
    if opened.header.is_negative {
        return Ok(None);
    }
    let payload = opened.payload().ok_or(())?;
    shared.typed.decoded(&payload).map(Some).map_err(drop)
}

fn millis(until: Tick, from: Tick) -> u64 {
    if until == Tick::NEVER {
        return u64::MAX;
    }
    until.since(from).as_millis() as u64
}

fn after(tick: Tick, millis: u64) -> Tick {
    Tick::from_millis(tick.as_millis().saturating_add(millis))
}
