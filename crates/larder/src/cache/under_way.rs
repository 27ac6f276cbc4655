//! A load that runs, and what comes of it when it ends.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use quanta::Instant;
use tracing::Span;

use super::load::Call;
use super::shared::{Lease, Renewing};
use super::{Inner, Outcome};
use crate::error::{Error, LoadError};
use crate::flight::Lead;
use crate::hooks::Happening;
use crate::key::CacheKey;
use crate::loader::{Found, LoadCx, Loaded};
use crate::misses::MissReason;
use crate::notes::Note;
use crate::observe::Event;
use crate::tier::memory::Cost;

/// A value that a load is to replace, with what is noted of it.
pub(crate) struct Former<V> {
    pub(super) value: V,
    pub(super) note: Arc<Note>,
    pub(super) version: u64,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// What is kept of how long a load took.
    fn cost_of(&self, took: Duration) -> Cost {
        if self.keeps_costs {
            Cost::of(took)
        } else {
            Cost::UNKNOWN
        }
    }
}

/// A load that runs. Dropped before its [`end`](Self::end), it panicked or was cancelled.
pub(crate) struct UnderWay<K: CacheKey, V: Clone + Send + Sync + 'static> {
    pub(super) inner: Arc<Inner<K, V>>,
    /// Taken when the load ends.
    pub(super) lead: Option<Lead<K, Outcome<V>>>,
    pub(crate) key: K,
    pub(super) call: Call,
    /// What the load is to replace.
    pub(super) former: Option<Former<V>>,
    pub(super) started: Instant,
    /// The lease that is held for it.
    pub(super) token: Option<u64>,
    /// It has not begun: dropped now, it has not failed.
    pub(super) is_waiting: bool,
    /// The version, in the shared store, of the value that it has found not modified.
    pub(super) unmodified: Option<u64>,
    /// The load in its trace.
    pub(super) span: Span,
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> UnderWay<K, V> {
    /// What the loader is given.
    pub(super) fn context(&self) -> LoadCx<K, V> {
        let shown = |former: &Former<V>| (former.value.clone(), former.note.etag.clone());
        LoadCx::new(self.key.clone(), self.former.as_ref().map(shown))
    }

    /// Hands what the loader brought to everyone who waits, and stores it unless it is fenced.
    pub(crate) fn end<L, E>(self, loaded: Result<L, E>)
    where
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        self.settle(
            loaded
                .map(Into::into)
                .map_err(|error| Error::Load(LoadError::new(error))),
        );
    }

    /// As [`end`](Self::end), with an error that may be others' too.
    pub(super) fn settle(mut self, loaded: Result<Loaded<V>, Error>) {
        let (took, loaded) = self.ended(loaded);
        let Some(lead) = self.lead.take() else { return };
        let (inner, key) = (&*self.inner, self.key.clone());
        match loaded {
            Ok((found, call)) => {
                let is_fenced = match found {
                    Some(value) => inner.land(lead, key, value, call),
                    None => inner.land_absent(lead, key, call),
                };
                self.landed(took, is_fenced);
            }
            Err(error) => self.failed(lead, took, error),
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.inner.shared.is_some()
    }

    /// Loads under a lease of the shared store, if it gives one and nobody else has stored a value.
    pub(super) async fn run<F, Fut, L, E>(mut self, load: F)
    where
        F: FnOnce(LoadCx<K, V>) -> Fut,
        Fut: Future<Output = Result<L, E>>,
        L: Into<Loaded<V>>,
        E: Display + Send + Sync + 'static,
    {
        let lease = match self.lease().await {
            Lease::Adopted(raised) => return self.adopt(&raised),
            lease => lease,
        };
        let renewing = self.begin_under(&lease);
        if let Err(error) = self.inner.paced(1).await {
            return self.settle_shared(Err(error), lease).await;
        }
        self.started = Instant::now();
        let loaded = load(self.context()).await;
        drop(renewing);
        let loaded = loaded.map(Into::into);
        self.settle_shared(
            loaded.map_err(|error| Error::Load(LoadError::new(error))),
            lease,
        )
        .await;
    }

    /// The load begins, under its lease, which is renewed meanwhile.
    fn begin_under(&mut self, lease: &Lease<V>) -> Renewing {
        self.token = lease.token();
        let held = self.token.map(|token| (&self.key, token));
        self.inner.renewing(held.into_iter())
    }

    /// As [`settle`](Self::settle), in the shared store too.
    pub(super) async fn settle_shared(mut self, loaded: Result<Loaded<V>, Error>, lease: Lease<V>) {
        let (took, loaded) = self.ended(loaded);
        let inner = self.inner.clone();
        match loaded {
            Ok((found, call)) => {
                self.token = None;
                let Some(lead) = self.lead.take() else { return };
                let lease = lease.of_unmodified(self.unmodified);
                let landing = inner.land_shared(lead, self.key.clone(), found, call, lease);
                let is_fenced = landing.await;
                self.landed(took, is_fenced);
            }
            Err(error) => {
                let Some(lead) = self.lead.take() else { return };
                self.failed(lead, took, error);
            }
        }
    }

    /// Counts a load that has ended; what it brought, and what is known of it.
    fn ended(
        &mut self,
        loaded: Result<Loaded<V>, Error>,
    ) -> (Duration, Result<(Option<V>, Call), Error>) {
        let took = self.started.elapsed();
        self.inner.recorder.count(Event::Load);
        self.inner.recorder.loaded(took);
        if let Ok(loaded) = &loaded {
            self.inner.learn_load(&self.call, &self.key, took, loaded);
            if matches!(loaded.found, Found::Absent) {
                self.inner
                    .came_to_nothing(self.call.hash, MissReason::NoValue);
            }
        }
        let loaded = loaded.and_then(|loaded| self.keep_former(loaded));
        let given = |loaded: Loaded<V>| {
            let call = std::mem::take(&mut self.call);
            self.call.hash = call.hash;
            let call = Call {
                ttl: loaded.ttl.or(call.ttl),
                tags: [call.tags, loaded.tags].concat(),
                etag: loaded.etag.or(call.etag),
                cost: self.inner.cost_of(took),
                ..call
            };
            let found = match loaded.found {
                Found::Value(value) => Some(value),
                Found::Absent | Found::NotModified => None,
            };
            (found, call)
        };
        (took, loaded.map(given))
    }

    fn landed(&self, took: Duration, is_fenced: bool) {
        let (inner, key) = (&*self.inner, &self.key);
        let outcome = if is_fenced { "fenced" } else { "loaded" };
        self.span.record("outcome", outcome);
        inner.hooks.happened(&Happening::Loaded { key, took });
        if is_fenced {
            inner.recorder.count(Event::Fenced);
            inner.came_to_nothing(self.call.hash, MissReason::Fenced);
            inner.hooks.happened(&Happening::Fenced { key });
        }
    }

    fn failed(&self, lead: Lead<K, Outcome<V>>, took: Duration, error: Error) {
        let inner = &*self.inner;
        inner.recorder.count(Event::LoadError);
        inner.load_failed(self.call.hash);
        self.span.record("outcome", "error");
        tracing::debug!(cache = %inner.name, %error, "a load failed");
        lead.land(|_| Err(error));
        let key = &self.key;
        inner.hooks.happened(&Happening::LoadFailed { key, took });
    }

    /// Puts the former value in for one that was not modified.
    fn keep_former(&mut self, loaded: Loaded<V>) -> Result<Loaded<V>, Error> {
        if !matches!(loaded.found, Found::NotModified) {
            return Ok(loaded);
        }
        let Former { value, note, .. } = self.former.take().ok_or(Error::NothingToKeep)?;
        self.inner.recorder.count(Event::NotModified);
        self.unmodified = note.mark;
        let kept = Loaded::from(value)
            .tags(note.tags.iter().cloned())
            .tags(loaded.tags);
        Ok(Loaded {
            ttl: loaded.ttl,
            etag: loaded.etag.or_else(|| note.etag.clone()),
            ..kept
        })
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Drop for UnderWay<K, V> {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            self.inner.release_lease(&self.key, token);
        }
        if let Some(lead) = self.lead.take().filter(|_| !self.is_waiting) {
            self.inner.recorder.count(Event::Load);
            self.inner.recorder.count(Event::LoadPanic);
            self.inner.load_failed(self.call.hash);
            drop(lead);
            let (key, took) = (&self.key, self.started.elapsed());
            self.inner
                .hooks
                .happened(&Happening::LoadFailed { key, took });
        }
    }
}
