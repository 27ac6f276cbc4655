//! What the code that `#[cached]` and `#[derive(CacheKey)]` write calls. Not for use by hand: it may
//! change at any time.

use std::marker::PhantomData;

use crate::error::Error;

pub use crate::key::text::{join, parsed, split};

/// The parts of a `Result`, whatever its alias.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is named like a `Result` and is none",
    note = "`#[cached]` takes a return type whose name ends in `Result` for one, and caches its `Ok`"
)]
pub trait Fallible {
    /// What is cached.
    type Value;
    /// The function's error.
    type Error;
}

impl<V, E> Fallible for Result<V, E> {
    type Value = V;
    type Error = E;
}

/// A cache's error on its way to being the function's own.
pub struct Failure<E> {
    error: Error,
    own: PhantomData<fn() -> E>,
}

impl<E: From<Error>> Failure<E> {
    /// Asks for the conversion that is needed in any case, so that its lack is what is told.
    pub fn new(error: Error) -> Self {
        let own = PhantomData;
        Self { error, own }
    }
}

impl<E: Clone + From<Error> + 'static> Failure<E> {
    /// The body's own error as it was, or the cache's converted. Where `E` is not `Clone` this
    /// method does not apply, and the one of [`ThroughError`] does.
    pub fn into_error(self) -> E {
        let own = match &self.error {
            Error::Load(load) => load.downcast_ref::<E>().cloned(),
            _ => None,
        };
        own.unwrap_or_else(|| self.error.into())
    }
}

/// The conversion of what can't be cloned.
pub trait ThroughError<E> {
    /// The cache's error, converted; the body's is inside.
    fn into_error(self) -> E;
}

impl<E: From<Error>> ThroughError<E> for Failure<E> {
    fn into_error(self) -> E {
        self.error.into()
    }
}
