//! What a cache under test has to do, and what is noted of the loads that it runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use larder::{Applied, Error, Fence, LoadCx};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::steps::{At, Change, Load, Restart, Settings};

pub(super) type Answer = Result<u64, Error>;
pub(super) type Release = oneshot::Sender<Load>;

type Shown = Option<(u64, Option<String>)>;

/// A load that has begun, by its number.
pub(super) struct Begun {
    pub(super) number: u64,
    /// The value that it is to replace, with its entity tag, where a load is shown that.
    pub(super) shown: Option<Shown>,
}

/// The loads that have begun since it was last asked.
#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<Begun>>>);

impl Journal {
    pub(super) fn note(&self, number: u64) {
        let shown = None;
        self.0.lock().unwrap().push(Begun { number, shown });
    }

    pub(super) fn note_with(&self, number: u64, cx: &LoadCx<String, u64>) {
        let shown = cx
            .stale()
            .map(|value| (*value, cx.etag().map(str::to_owned)));
        let shown = Some(shown);
        self.0.lock().unwrap().push(Begun { number, shown });
    }

    pub(super) fn take(&self) -> Vec<Begun> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A cache under test. What one can't do is `None`, and not done.
pub(super) trait Subject {
    fn journal(&self) -> &Journal;

    #[expect(clippy::option_option, reason = "what one can't do is not a miss")]
    fn get(&self, key: usize, at: At) -> Option<Option<u64>>;

    fn get_many(&self, keys: &[usize]) -> Option<Vec<Option<u64>>>;

    fn load(&self, key: usize, at: At, load: Load) -> Answer;

    /// One load for all of these keys: each brings what stands beside it, or all fail.
    fn load_many(
        &self,
        loads: &[(usize, Load)],
        is_well: bool,
    ) -> Option<Result<HashMap<String, u64>, Error>>;

    fn insert(
        &self,
        key: usize,
        at: At,
        value: u64,
        settings: Settings,
        fence: Option<Fence>,
    ) -> Applied;

    fn fence(&self) -> Fence;

    fn change(&self, change: Change);

    /// A get whose load of this number has begun, and is held.
    fn hold(&self, key: usize, at: At, number: u64) -> Option<(JoinHandle<Answer>, Release)>;

    /// A get that waits for another's load by now, or is answered.
    fn join(&self, key: usize, at: At, load: Load) -> Option<JoinHandle<Answer>>;

    /// Lets all go on that can, and takes the answer if it is there.
    fn settle(&self, answer: JoinHandle<Answer>) -> Result<Answer, JoinHandle<Answer>>;

    /// Ends the cache and builds it again on what it has left.
    fn restart(&self, how: Restart) -> Option<()>;
}
