//! `#[timed]`, with examples that run. What it writes is the macro's business.

/// # Examples
///
/// ```
/// use larder_metrics::{Error, Registry, Timing, timed};
///
/// struct Users {
///     loads: Timing,
///     loaded: u64,
/// }
///
/// impl Users {
///     #[timed(timing = self.loads)]
///     async fn load(&mut self, id: u64) -> Result<String, Error> {
///         self.loaded += 1;
///         Ok(format!("user {id}"))
///     }
/// }
///
/// # use std::{future::Future, pin::pin, task::{Context, Waker}};
/// let registry = Registry::new();
/// let mut users = Users { loads: registry.timing("loads")?, loaded: 0 };
/// let load = users.load(7);
/// // … `load.await`
/// # assert!(pin!(load).poll(&mut Context::from_waker(Waker::noop())).is_ready());
/// assert_eq!(users.loads.snapshot().count(), 1);
/// # Ok::<(), Error>(())
/// ```
///
/// What is not an `async fn` and returns a future is refused:
///
/// ```compile_fail
/// # use std::future::Future;
/// # use larder_metrics::{Timing, timed};
/// #[timed(timing = Timing::new())]
/// fn load() -> impl Future<Output = u64> {
///     async { 7 }
/// }
/// ```
pub use larder_macros::timed;
