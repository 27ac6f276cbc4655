//! What each tab shows. Tabs know nothing of one another.

pub(super) mod advice;
pub(super) mod backends;
mod cache;
pub(super) mod caches;
pub(super) mod keys;
mod overview;
pub(super) mod usage;
mod waterfall;

use super::state::State;

pub(super) use overview::full_height as overview_height;

/// The rows that a list goes by with a key for a page.
pub(super) fn page(state: &State) -> usize {
    usize::from(state.body.height).saturating_sub(3).max(1)
}
