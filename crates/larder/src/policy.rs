//! When a value is fresh, stale or gone. Pure: durations and ticks in, a verdict out; knows no
//! tiers and no loads.

use std::time::Duration;

use crate::clock::Tick;

/// How long values live, when they are refreshed, and how long callers wait.
///
/// ```
/// use std::time::Duration;
/// use larder::Policy;
/// let policy = Policy::ttl(Duration::from_secs(300))
///     .jitter(0.1)
///     .refresh_ahead(0.8)
///     .stale_while_revalidate(Duration::from_secs(30))
///     .stale_if_error(Duration::from_secs(3_600))
///     .soft_timeout(Duration::from_millis(50))
///     .hard_timeout(Duration::from_secs(2));
/// assert_eq!(policy.time_to_live(), Some(Duration::from_secs(300)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    ttl: Option<Duration>,
    jitter: f64,
    refresh_ahead: Option<f64>,
    early_refresh: Option<f64>,
    time_to_idle: Option<Duration>,
    negative_ttl: Duration,
    stale_while_revalidate: Duration,
    stale_if_error: Duration,
    error_throttle: Duration,
    soft_timeout: Option<Duration>,
    hard_timeout: Duration,
}

/// What may be done with a value past its time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// Serve it, and refresh it in the background.
    Serve,
    /// Serve it only if the loader fails or is slow.
    Fallback,
}

/// How long values live that have no time to live of their own, in milliseconds worked out once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lives {
    fresh: u64,
    stale: u64,
}

impl Lives {
    /// Until when a value stored at `now` is fresh, and until when it is kept.
    #[inline]
    pub(crate) fn deadlines(self, now: Tick) -> (Tick, Tick) {
        let fresh_until = Tick::from_millis(now.as_millis() + self.fresh);
        let expires_at = Tick::from_millis(fresh_until.as_millis() + self.stale);
        (fresh_until, expires_at)
    }
}

impl Policy {
    /// The longest that a caller waits for a load, unless set otherwise.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// assert_eq!(Policy::DEFAULT_HARD_TIMEOUT, Duration::from_secs(60));
    /// ```
    pub const DEFAULT_HARD_TIMEOUT: Duration = Duration::from_mins(1);
    /// How long a failed loader is left alone while a stale value stands in, unless set otherwise.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// assert_eq!(Policy::DEFAULT_ERROR_THROTTLE, Duration::from_secs(5));
    /// ```
    pub const DEFAULT_ERROR_THROTTLE: Duration = Duration::from_secs(5);

    /// Values are fresh for `ttl` after they were stored. Then they are gone, unless one of the
    /// stale windows keeps them.
    ///
    /// Zero stores nothing. The clock moves in steps of 10 ms; anything past 30 years is for ever.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// const USERS: Policy = Policy::ttl(Duration::from_secs(300));
    /// assert_eq!(USERS.time_to_live(), Some(Duration::from_secs(300)));
    /// ```
    pub const fn ttl(ttl: Duration) -> Self {
        Self {
            ttl: Some(ttl),
            ..Self::forever()
        }
    }

    /// Values stay until they are evicted or invalidated.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// assert_eq!(Policy::forever(), Policy::default());
    /// assert_eq!(Policy::forever().time_to_live(), None);
    /// ```
    pub const fn forever() -> Self {
        Self {
            ttl: None,
            jitter: 0.0,
            refresh_ahead: None,
            early_refresh: None,
            time_to_idle: None,
            negative_ttl: Duration::ZERO,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            error_throttle: Self::DEFAULT_ERROR_THROTTLE,
            soft_timeout: None,
            hard_timeout: Self::DEFAULT_HARD_TIMEOUT,
        }
    }

    /// Shortens each value's time to live by up to this part of it, 0 to 1, so that values stored
    /// together do not expire together.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// // Between 4.5 and 5 minutes.
    /// let policy = Policy::ttl(Duration::from_secs(300)).jitter(0.1);
    /// ```
    #[must_use]
    pub const fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// The first get after this part of the time to live, above 0 and under 1, refreshes the value
    /// in the background and is answered at once.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// // A get in the last of five minutes finds a value, and has the next one loaded.
    /// let policy = Policy::ttl(Duration::from_secs(300)).refresh_ahead(0.8);
    /// ```
    #[must_use]
    pub const fn refresh_ahead(mut self, part: f64) -> Self {
        self.refresh_ahead = Some(part);
        self
    }

    /// Refreshes values in the background before their end, each get with a chance that rises as the
    /// end comes near, the sooner the longer the value took to load: so that what is read by many is
    /// not loaded by all at its end, without a moment known beforehand. `beta` is 1 by the book; above
    /// it refreshes come sooner. (`XFetch`: Vattani and others, "Optimal Probabilistic Cache Stampede
    /// Prevention", VLDB 2015.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// let policy = Policy::ttl(Duration::from_secs(300)).early_refresh(1.0);
    /// ```
    #[must_use]
    pub const fn early_refresh(mut self, beta: f64) -> Self {
        self.early_refresh = Some(beta);
        self
    }

    /// A value that was not used for this long is gone, to within a sixteenth of it, early; one that
    /// is used lives on until the end of its time to live. Rounded to steps of 10 ms, as all times.
    /// Values are then never stale: the windows for that cannot be set beside it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// // A session that is in use lives for a day, one that is not for half an hour.
    /// let policy = Policy::ttl(Duration::from_secs(86_400)).time_to_idle(Duration::from_secs(1_800));
    /// ```
    #[must_use]
    pub const fn time_to_idle(mut self, idle: Duration) -> Self {
        self.time_to_idle = Some(idle);
        self
    }

    /// For how long it is remembered that a key has no value
    /// ([`Loaded::absent`](crate::Loaded::absent)); zero, the default: not at all. A loader's error
    /// is never remembered.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// let policy = Policy::ttl(Duration::from_secs(300)).negative_ttl(Duration::from_secs(10));
    /// ```
    #[must_use]
    pub const fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = ttl;
        self
    }

    /// For this long after its time to live a value is still served, flagged as stale, while one
    /// refresh runs in the background.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// # use larder::{Cache, ManualClock};
    /// # let rt = tokio::runtime::Builder::new_current_thread().build()?;
    /// # rt.block_on(async {
    /// let time = ManualClock::new();
    /// let policy = Policy::ttl(Duration::from_secs(60)).stale_while_revalidate(Duration::from_secs(30));
    /// let users = Cache::<u64, &str>::builder("users").policy(policy).clock(time.clock()).build()?;
    /// users.insert(7, "Ada").await?;
    /// time.advance(Duration::from_secs(70));
    /// assert!(users.get(&7).await?.is_some_and(|entry| entry.is_stale));
    /// time.advance(Duration::from_secs(30));
    /// assert!(users.get(&7).await?.is_none());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// For this long after its time to live a value stands in when the loader fails, panics or
    /// takes longer than a time-out (fail-safe).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// # use larder::{ManualClock, sync::Cache};
    /// let time = ManualClock::new();
    /// let policy = Policy::ttl(Duration::from_secs(60)).stale_if_error(Duration::from_secs(3_600));
    /// let users = Cache::<u64, &str>::builder("users").policy(policy).clock(time.clock()).build()?;
    /// users.insert(7, "Ada")?;
    /// time.advance(Duration::from_secs(600));
    /// let user = users.get_or_load(&7, |_| Err::<&str, _>("the database is down"))?;
    /// assert_eq!(user, "Ada");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// After a failure that a stale value stood in for, the loader is left alone for this long.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// let policy = Policy::ttl(Duration::from_secs(300))
    ///     .stale_if_error(Duration::from_secs(3_600))
    ///     .error_throttle(Duration::from_secs(30)); // a failing database is asked twice a minute
    /// ```
    #[must_use]
    pub const fn error_throttle(mut self, pause: Duration) -> Self {
        self.error_throttle = pause;
        self
    }

    /// A caller for whom a stale value could stand in waits no longer than this; the load goes on
    /// and stores its result. Without such a value only the hard time-out counts.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// // Who has an old value waits 50 ms at most for the new one.
    /// let policy = Policy::ttl(Duration::from_secs(300))
    ///     .stale_if_error(Duration::from_secs(3_600))
    ///     .soft_timeout(Duration::from_millis(50));
    /// ```
    #[must_use]
    pub const fn soft_timeout(mut self, wait: Duration) -> Self {
        self.soft_timeout = Some(wait);
        self
    }

    /// How long a caller waits for a load before it gets [`Error::Timeout`](crate::Error::Timeout).
    /// The load itself goes on.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// let policy = Policy::ttl(Duration::from_secs(300)).hard_timeout(Duration::from_secs(2));
    /// ```
    #[must_use]
    pub const fn hard_timeout(mut self, wait: Duration) -> Self {
        self.hard_timeout = wait;
        self
    }

    /// The time to live, if values have one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use larder::Policy;
    /// assert_eq!(Policy::ttl(Duration::from_secs(300)).time_to_live(), Some(Duration::from_secs(300)));
    /// assert_eq!(Policy::forever().time_to_live(), None);
    /// ```
    pub const fn time_to_live(&self) -> Option<Duration> {
        self.ttl
    }

    /// Until when it is remembered that there is no value, with `own` as this key's own time.
    pub(crate) fn absent_until(&self, now: Tick, own: Option<Duration>) -> Tick {
        now.after(own.unwrap_or(self.negative_ttl))
    }

    /// Whether what a load costs decides when its value is refreshed.
    pub(crate) const fn weighs_cost(&self) -> bool {
        self.early_refresh.is_some()
    }

    /// Whether it is remembered for any time that a key has no value.
    pub(crate) const fn remembers_absences(&self) -> bool {
        !self.negative_ttl.is_zero()
    }

    pub(crate) const fn throttle(&self) -> Duration {
        self.error_throttle
    }

    /// How long to wait for a load, with or without a value to fall back on.
    pub(crate) fn wait_limit(&self, has_fallback: bool) -> Duration {
        let soft = self.soft_timeout.filter(|_| has_fallback);
        soft.map_or(self.hard_timeout, |soft| soft.min(self.hard_timeout))
    }

    /// The setting that is outside its range, with what was given and expected.
    pub(crate) fn fault(&self) -> Option<(&'static str, f64, &'static str)> {
        if !(0.0..=1.0).contains(&self.jitter) {
            return Some(("jitter", self.jitter, "0 to 1"));
        }
        if let Some(idle) = self.time_to_idle {
            if idle.is_zero() {
                return Some(("time_to_idle", 0.0, "above 0"));
            }
            let stale = self.stale_while_revalidate.max(self.stale_if_error);
            if !stale.is_zero() {
                let expected = "no `stale_while_revalidate` or `stale_if_error` beside it";
                return Some(("time_to_idle", idle.as_secs_f64(), expected));
            }
        }
        if let Some(beta) = self.early_refresh
            && !(beta > 0.0 && beta.is_finite())
        {
            return Some(("early_refresh", beta, "above 0"));
        }
        let part = self
            .refresh_ahead
            .filter(|part| !(*part > 0.0 && *part < 1.0))?;
        Some(("refresh_ahead", part, "above 0 and under 1"))
    }

    /// Until when a value stored at `now` is fresh, and until when it is kept. `own` is its own
    /// time to live, if it has one; `seed` spreads the jitter.
    pub(crate) fn deadlines(&self, now: Tick, own: Option<Duration>, seed: u64) -> (Tick, Tick) {
        let Some(ttl) = own.or(self.ttl) else {
            return (Tick::NEVER, Tick::NEVER);
        };
        if ttl.is_zero() {
            return (now, now);
        }
        let fresh_until = now.after(self.jittered(ttl, seed));
        let kept = self.stale_while_revalidate.max(self.stale_if_error);
        (fresh_until, fresh_until.after(kept))
    }

    /// [`deadlines`](Self::deadlines) where they are the same for all values, `None` with jitter.
    pub(crate) fn lives(&self) -> Option<Lives> {
        let (fresh, kept) = self.deadlines(Tick::ZERO, None, 0);
        (self.jitter == 0.0).then(|| Lives {
            fresh: fresh.as_millis(),
            stale: kept.since(fresh).as_millis() as u64,
        })
    }

    fn jittered(&self, ttl: Duration, seed: u64) -> Duration {
        if self.jitter == 0.0 {
            return ttl;
        }
        // Fibonacci hashing spreads consecutive seeds evenly (Knuth, TAOCP 3, 6.4).
        let spread = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) as f64 / u64::MAX as f64;
        let shortened = ttl.as_secs_f64() * (1.0 - self.jitter * spread);
        Duration::try_from_secs_f64(shortened).unwrap_or(ttl)
    }

    /// Whether values are ever refreshed before their end.
    #[inline]
    pub(crate) const fn refreshes_ahead(&self) -> bool {
        self.refresh_ahead.is_some() || self.early_refresh.is_some()
    }

    /// Whether a fresh value should be refreshed ahead of its end. `cost` is what it took to load, and
    /// `chance` evenly spread over 0 to 1.
    pub(crate) fn is_refresh_due(
        &self,
        now: Tick,
        (created, fresh_until): (Tick, Tick),
        cost: Option<Duration>,
        chance: f64,
    ) -> bool {
        let life = fresh_until.since(created).as_secs_f64();
        let is_past = |part| now.since(created).as_secs_f64() >= life * part;
        let is_early = |beta: f64| {
            let cost = cost.unwrap_or_default().as_secs_f64();
            cost * beta * -chance.ln() >= fresh_until.since(now).as_secs_f64()
        };
        self.refresh_ahead.is_some_and(is_past) || self.early_refresh.is_some_and(is_early)
    }

    pub(crate) const fn idle(&self) -> Option<Duration> {
        self.time_to_idle
    }

    /// For how long a value that is fresh until `fresh_until` may be used as a stale one, from then or
    /// from now on.
    pub(crate) fn usable_stale(
        &self,
        now: Tick,
        fresh_until: Tick,
        expires_at: Tick,
    ) -> Option<Duration> {
        let window = self.stale_while_revalidate.max(self.stale_if_error);
        let until = fresh_until.after(window).min(expires_at);
        (until > fresh_until).then(|| until.since(fresh_until.max(now)))
    }

    /// What a value that is stale since `since` may be used for.
    pub(crate) fn stale_use(&self, now: Tick, since: Tick) -> Option<Stale> {
        let age = now.since(since);
        if age < self.stale_while_revalidate {
            Some(Stale::Serve)
        } else {
            (age < self.stale_if_error).then_some(Stale::Fallback)
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::forever()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis() -> impl Strategy<Value = Duration> {
        prop_oneof![Just(0), 1..10_000_u64, any::<u64>()].prop_map(Duration::from_millis)
    }

    proptest! {
        #[test]
        fn deadlines_worked_out_once_are_those_of_each_value(
            ttl in proptest::option::of(millis()), stale in millis(), now in 0..10_000_000_u64, jitter in any::<bool>(),
        ) {
            let policy = ttl.map_or(Policy::forever(), Policy::ttl).stale_if_error(stale);
            let policy = if jitter { policy.jitter(0.1) } else { policy };
            let now = Tick::from_millis(now);
            let lives = policy.lives().map(|lives| lives.deadlines(now));
            prop_assert_eq!(lives, (!jitter).then(|| policy.deadlines(now, None, 1)));
        }
    }
}
