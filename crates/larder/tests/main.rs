//! The cache's promises, as a user of the crate sees them.

mod main {
    mod absent;
    mod cached;
    mod coherence;
    mod conditional;
    mod disk;
    mod explain;
    mod freshness;
    mod history;
    mod hooks;
    mod hostile;
    mod idle;
    mod kept;
    mod keys;
    mod learned;
    mod loads;
    mod many;
    mod model;
    mod recommend;
    mod shared;
    mod snapshots;
    mod stale;
    mod stampede;
    mod stats;
    mod sync;
    mod tags;
    mod versions;
    mod warm;

    use std::convert::Infallible;
    use std::fmt::Display;
    use std::future::Future;
    use std::time::Duration;

    use larder::{Cache, Error, LoadCx, Loaded, ManualClock, Policy};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    pub(crate) const MINUTE: Duration = Duration::from_mins(1);

    pub(crate) fn cache() -> Cache<String, u64> {
        Cache::builder("test").max_capacity(1_000).build().unwrap()
    }

    pub(crate) fn cache_with_ttl(ttl: Duration) -> (Cache<String, u64>, ManualClock) {
        let clock = ManualClock::new();
        let cache = Cache::builder("test")
            .policy(Policy::ttl(ttl))
            .clock(clock.clock())
            .build()
            .unwrap();
        (cache, clock)
    }

    /// A load that says when it has begun, and ends when it is told its value.
    pub(crate) struct HeldLoad {
        begun: oneshot::Receiver<()>,
        release: oneshot::Sender<u64>,
    }

    pub(crate) fn held_load() -> (
        HeldLoad,
        impl FnOnce(LoadCx<String, u64>) -> HeldFuture + Send + 'static,
    ) {
        let (begin, begun) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let load = move |_| -> HeldFuture {
            Box::pin(async move {
                begin.send(()).unwrap();
                Ok(released.await.unwrap())
            })
        };
        (HeldLoad { begun, release }, load)
    }

    type HeldFuture = std::pin::Pin<Box<dyn Future<Output = Result<u64, Infallible>> + Send>>;

    impl HeldLoad {
        pub(crate) async fn begun(mut self) -> Self {
            (&mut self.begun).await.unwrap();
            self
        }

        pub(crate) fn release(self, value: u64) {
            self.release.send(value).unwrap();
        }
    }

    /// A get in a task of its own.
    pub(crate) fn reading<F, Fut, L, E>(
        cache: &Cache<String, u64>,
        key: &'static str,
        load: F,
    ) -> JoinHandle<Result<u64, Error>>
    where
        F: FnOnce(LoadCx<String, u64>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<L, E>> + Send + 'static,
        L: Into<Loaded<u64>> + Send + 'static,
        E: Display + Send + Sync + 'static,
    {
        let cache = cache.clone();
        tokio::spawn(async move { cache.get_or_load(key, load).await })
    }

    /// A load of a value that is ready.
    pub(crate) fn ready(
        value: u64,
    ) -> impl FnOnce(LoadCx<String, u64>) -> std::future::Ready<Result<u64, Infallible>> + Send
    {
        move |_| std::future::ready(Ok(value))
    }
}
