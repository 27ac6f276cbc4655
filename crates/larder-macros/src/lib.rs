//! The attribute macro [`cached`] and the derive macro [`CacheKey`] of the crate `larder`, and the
//! attribute macro [`timed`] of the crate `larder-metrics`, which re-export them.
//!
//! They write calls of those crates' public API and know nothing of how a cache works.

mod duration;
mod expand;
mod function;
mod key;
mod options;
mod timed;

use proc_macro::TokenStream;

/// Caches what a function returns, in a cache that the program builds.
///
/// On an `async fn` the cache is a `larder::Cache`, on a `fn` a `larder::sync::Cache`. However many
/// callers ask for the same arguments together, the body runs once.
///
/// # Options
/// - `cache = EXPR`: the cache: a static, a field such as `self.users`, a call. Required. It may use
///   the arguments.
/// - `key = "user:{id}"`: the key's text, for a cache whose keys are strings; or `key = EXPR`, an
///   expression of the cache's key type. Without it, the function's one argument is the key.
/// - `ttl = "5m"`: the time to live, instead of the policy's: whole numbers with `ms`, `s`, `m`,
///   `h` or `d`, as in `"1h30m"`.
/// - `tags("team:{team}", …)`: tags of what is stored, each a format string, or an expression whose
///   `Display` is the tag.
/// - `skip(db, self)`: arguments that the result does not depend on.
///
/// **Every argument must be in the key, in the cache's expression, or skipped:** one that was
/// forgotten would make the cache give one call's result to another. What a text key is made of
/// should not run together: with two strings write `"{a:?}:{b:?}"`. Functions that share a cache
/// need keys that differ.
///
/// # Results
/// A return type whose name ends in `Result` is one: only `Ok` is cached, and the cache holds the
/// value. Its error type must be `From<larder::Error>`, `Display`, `Send` and `Sync`. An error of
/// the body comes back as it was if its type is `Clone`, since all who waited for the body share
/// it; otherwise as `larder::Error::Load`, which holds it. What goes wrong in the cache, such as a
/// time-out, arrives through `From` too, and so does a panic of an async body.
///
/// Any other type is cached as it is; `None` is a value like others. Where the cache can't help, as
/// past its time-out or outside a runtime, such a function runs its body for the caller alone.
///
/// # What it makes
/// Beside `user(…)`, with its visibility:
/// - `user_uncached(…)`: the body, run anew, the cache not touched;
/// - `user_invalidate(…)`, with the arguments that the key and the cache's expression use: removes
///   the key, and returns what the cache's `invalidate` does. It is `async` if the function is.
///
/// # Arguments
/// Those taken by value must be `Clone`. An async body is loaded detached from its caller, so what
/// is borrowed is turned into its owned form for it (`&str` into a `String`, `&T` into a `T`, for
/// `&self` too), which must be `Send + Sync + 'static`: `Self` should be a cheap handle. A hit pays
/// for the key and the tags too, and where the function is async for the owned arguments.
///
/// Free functions and methods with `&self` can be cached; functions of an `impl` without `self`,
/// and those of a trait's `impl`, can't.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::cached(options.into(), &function.into()).into()
}

// Documented where larder re-exports it, beside the trait and with examples that run.
#[expect(missing_docs, reason = "its documentation is that of the re-export")]
#[proc_macro_derive(CacheKey, attributes(cache_key))]
pub fn cache_key(input: TokenStream) -> TokenStream {
    key::derive(input.into()).into()
}

/// Records how long each call of a function takes, in a timing that the program has.
///
/// ```text
/// #[timed(timing = self.loads)]
/// async fn load(&self, id: u64) -> Result<User, Error> { … }
/// ```
///
/// # Options
/// - `timing = EXPR`: a `larder_metrics::Timing`, or what derefs to one: a static in a `LazyLock`, a
///   field, a call. Required. It is evaluated at each call and may use the arguments.
///
/// # What is timed
/// From the beginning of the body to its end, however it ends: by its last line, `return`, `?`, a panic,
/// or a future that is dropped. Of an `async fn` that is its future, from its first poll on, waiting
/// included: not its creation. Other functions that return futures are refused, because only the
/// making of the future would be timed. So are const ones.
///
/// # What it costs
/// What a timer costs, and another handle of the timing for the call: two atomic additions.
#[proc_macro_attribute]
pub fn timed(options: TokenStream, function: TokenStream) -> TokenStream {
    timed::timed(options.into(), &function.into()).into()
}
