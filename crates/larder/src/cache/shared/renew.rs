//! Leases that last while their load runs, and not much longer if its process dies.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::AbortHandle;

use super::super::Inner;
use super::super::together::TOGETHER_MAX;
use super::Shared;
use crate::clock::Tick;
use crate::key::CacheKey;

/// A lease that is not renewed lasts for this many times the promise's X: longer than a link may be
/// silent before it is given up.
const LASTS_XS: u32 = 3;
/// A lease lasts longer than its load's callers wait.
const LEASE_MARGIN: Duration = Duration::from_secs(1);

/// Leases that are renewed until this is dropped.
pub(in super::super) struct Renewing(Option<AbortHandle>);

impl Drop for Renewing {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

impl<K: CacheKey, V: Clone + Send + Sync + 'static> Inner<K, V> {
    /// How long a lease lasts from now on, for a load whose callers wait `until`.
    pub(super) fn lease_lasts(&self, shared: &Shared<V>, until: Tick) -> Duration {
        let all = until.after(LEASE_MARGIN).since(self.clock.now());
        all.min(shared.sharing.staleness.saturating_mul(LASTS_XS))
    }

    /// Renews the leases of loads that begin now, once in X, for as long as their callers wait.
    pub(in super::super) fn renewing<'a>(
        self: &Arc<Self>,
        leases: impl Iterator<Item = (&'a K, u64)>,
    ) -> Renewing
    where
        K: 'a,
    {
        let text = |(key, token): (&K, u64)| (key.to_text().into_owned(), token);
        let leases: Vec<_> = leases.map(text).collect();
        let Ok(runtime) = self.runtime() else {
            return Renewing(None);
        };
        if leases.is_empty() {
            return Renewing(None);
        }
        let task = runtime.spawn(self.clone().renew(leases));
        Renewing(Some(task.abort_handle()))
    }

    async fn renew(self: Arc<Self>, leases: Vec<(String, u64)>) {
        let Some(shared) = &self.shared else { return };
        let until = self.clock.now().after(self.policy.wait_limit(false));
        loop {
            tokio::time::sleep(shared.sharing.staleness).await;
            let lasts = self.lease_lasts(shared, until);
            let Ok(link) = shared.link() else { return };
            if lasts.is_zero() {
                return;
            }
            for leases in leases.chunks(TOGETHER_MAX) {
                let renewing = leases
                    .iter()
                    .map(|(text, token)| link.renew(text, *token, lasts));
                // One that is another's by now, or cannot be renewed, stores nothing.
                drop(join_all(renewing).await);
            }
        }
    }
}
