//! What a load has brought for the client that began it, besides what all who wait share.

use std::mem;
use std::sync::Arc;

use axum::response::Response;
use parking_lot::Mutex;

use super::stored::Stored;

/// Shared by a call and the load that it may begin.
pub(super) struct Slot<E>(Arc<Mutex<Brought<E>>>);

/// What is in it.
pub(super) enum Brought<E> {
    /// Nothing: another call's load ran, if one did.
    Nothing,
    /// Nothing but what all who wait get.
    Shared,
    /// The response of this client alone, or its origin's error.
    Own(Result<Response, E>),
    /// A response that is stored under a further key.
    Stored(Arc<Stored>),
}

impl<E> Default for Slot<E> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Brought::Nothing)))
    }
}

impl<E> Clone for Slot<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> Slot<E> {
    pub(super) fn put(&self, brought: Brought<E>) {
        *self.0.lock() = brought;
    }

    pub(super) fn take(&self) -> Brought<E> {
        mem::replace(&mut self.0.lock(), Brought::Nothing)
    }
}
