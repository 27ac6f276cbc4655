//! Look-ups through the cache: a result is keyed by what it is of, and valid for the hash of the
//! subtree that it was made from. Nothing is ever stale, nothing is ever invalidated, and an edit to one
//! track leaves the results of the others as they are.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use larder::{Cache, CacheKey, LoadCx, Policy};
use tokio::sync::broadcast;

use super::figures::Figures;
use super::query::Query;
use super::render;
use super::shared::{Open, Outgoing, Shared, State};
use super::tree::{Kind, Node};

/// The cache's name.
pub(super) const LOOKUPS: &str = "live_set.lookups";

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// The list of tracks.
    TracksAll,
    /// The list of scenes.
    ScenesAll,
    /// A track with all below it, by its place in the list.
    TrackByIndex(usize),
    /// A scene, by its place in the list.
    SceneByIndex(usize),
    /// A device with all below it.
    DeviceById(Arc<str>),
    /// A clip with all below it.
    ClipById(Arc<str>),
    /// Nodes by kind and attribute.
    Nodes(Query),
    /// The whole tree, as a client is sent it.
    FullAst,
}

/// A result and the version that it is valid for.
#[derive(Clone, Debug)]
pub struct Found {
    /// JSON.
    pub json: Bytes,
    /// Of the subtree that it was made from.
    pub version: u64,
}

/// Why there is no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookupError {
    /// No set is open yet.
    #[error("no set is open")]
    NoSet,
    /// There is no such node.
    #[error("{0}")]
    NoSuch(String),
    /// The cache gave an error of its own: it is closed, or too many loads run.
    #[error(transparent)]
    Cache(#[from] larder::Error),
}

/// The cached look-ups of the open set.
#[derive(Clone)]
pub(crate) struct Lookups {
    cache: Cache<Lookup, Bytes>,
    shared: Arc<Shared>,
}

impl Lookups {
    /// A capacity of 0 caches nothing.
    pub(crate) fn new(shared: Arc<Shared>, capacity: usize) -> Self {
        let Figures { evictions, .. } = shared.figures.clone();
        let cache = Cache::builder(LOOKUPS)
            .max_capacity(capacity as u64)
            .explain(true)
            .values_as_text()
            .policy(Policy::forever())
            .eviction_listener(move |_, _, cause| {
                if cause == larder::RemovalCause::Capacity {
                    evictions.increment();
                }
            })
            .build()
            .expect("the name and the settings are within their limits");
        Self { cache, shared }
    }

    pub(crate) fn cache(&self) -> &Cache<Lookup, Bytes> {
        &self.cache
    }

    /// The result of a look-up.
    pub(crate) async fn get(&self, lookup: &Lookup) -> Result<Found, LookupError> {
        let (version, found) = self.shared.read(|state| {
            let subject = subject(state, lookup)?;
            // A hit is had without taking hold of what a load needs.
            let hit = self.cache.entry(lookup).at(subject.version).hit();
            let found = hit.ok_or_else(|| subject.hold());
            Ok::<_, LookupError>((subject.version, found))
        })?;
        let json = match found {
            Ok(json) => json,
            Err(held) => self.of(lookup, held).await?,
        };
        Ok(Found { json, version })
    }

    /// The result of a look-up whose subject was found before.
    fn of<'a>(
        &'a self,
        lookup: &'a Lookup,
        held: Held,
    ) -> impl Future<Output = Result<Bytes, larder::Error>> + 'a {
        let Held {
            version,
            part,
            path,
        } = held;
        let render = move |cx: LoadCx<Lookup, Bytes>| async move {
            Ok::<_, Infallible>(render::json(cx.key(), &part, path.as_deref()))
        };
        // The pattern of this service, in one line: a result is cached at the version of its subtree.
        self.cache.get_or_load_at(lookup, version, render)
    }

    /// The whole tree, and all that is told from then on.
    pub(crate) fn follow(
        &self,
    ) -> (
        broadcast::Receiver<Outgoing>,
        impl Future<Output = Result<Bytes, LookupError>> + '_,
    ) {
        let lookup = &Lookup::FullAst;
        let (news, held) = self
            .shared
            .follow(|state| Ok::<_, LookupError>(subject(state, lookup)?.hold()));
        let whole = async move { Ok(self.of(lookup, held?).await?) };
        (news, whole)
    }

    /// The version of what a look-up would give. O(1), renders nothing.
    pub(crate) fn version(&self, lookup: &Lookup) -> Result<u64, LookupError> {
        self.shared
            .read(|state| Ok(subject(state, lookup)?.version))
    }

    /// Looks up the lists, and each track and scene, as far as the capacity goes; returns how many of them
    /// are held.
    pub(crate) async fn warm(&self) -> usize {
        let (tracks, scenes) = self.shared.read(|state| {
            let tree = state.open.as_ref().map(|open| &open.tree);
            let count = |kind| tree.map_or(0, |tree| tree.root().of_kind(kind).1.len());
            (count(Kind::Track), count(Kind::Scene))
        });
        let all = [Lookup::TracksAll, Lookup::ScenesAll]
            .into_iter()
            .chain((0..tracks).map(Lookup::TrackByIndex))
            .chain((0..scenes).map(Lookup::SceneByIndex));
        let capacity = usize::try_from(self.cache.max_capacity()).unwrap_or(usize::MAX);
        let mut warmed = 0;
        for lookup in all.take(capacity) {
            // What is gone meanwhile needs no warming.
            if self.get(&lookup).await.is_err() {
                break;
            }
            warmed += 1;
            tokio::task::yield_now().await;
        }
        warmed
    }
}

/// The part of the tree that a result is made from, and its version.
struct Subject<'a> {
    version: u64,
    part: &'a Arc<Node>,
    /// Whose file the result shows, if it does.
    open: Option<&'a Open>,
}

/// A subject that is held on to, whatever becomes of the tree.
struct Held {
    version: u64,
    part: Arc<Node>,
    path: Option<String>,
}

impl Subject<'_> {
    fn hold(&self) -> Held {
        Held {
            version: self.version,
            part: self.part.clone(),
            path: self.open.and_then(Open::project_path),
        }
    }
}

fn subject<'a>(state: &'a State, lookup: &Lookup) -> Result<Subject<'a>, LookupError> {
    let open = state.open.as_ref().ok_or(LookupError::NoSet)?;
    let tree = &open.tree;
    let mut shown = None;
    let (version, part) = match lookup {
        Lookup::TracksAll => (tree.tracks_version(), Some(tree.root())),
        Lookup::ScenesAll => (tree.scenes_version(), Some(tree.root())),
        Lookup::Nodes(_) => (tree.root().version(), Some(tree.root())),
        Lookup::FullAst => {
            shown = Some(open);
            (open.version(), Some(tree.root()))
        }
        Lookup::TrackByIndex(index) => at_own(tree.track(*index)),
        Lookup::SceneByIndex(index) => at_own(tree.scene(*index)),
        Lookup::DeviceById(id) => at_own(of_kind(tree.indexed(id), Kind::Device)),
        Lookup::ClipById(id) => at_own(of_kind(tree.indexed(id), Kind::Clip)),
    };
    match part {
        Some(part) => Ok(Subject {
            version,
            part,
            open: shown,
        }),
        None => Err(LookupError::NoSuch(none_such(lookup, |kind| {
            tree.root().of_kind(kind).1.len()
        }))),
    }
}

fn at_own(node: Option<&Arc<Node>>) -> (u64, Option<&Arc<Node>>) {
    (node.map_or(0, |node| node.version()), node)
}

fn of_kind(node: Option<&Arc<Node>>, kind: Kind) -> Option<&Arc<Node>> {
    node.filter(|node| node.kind() == kind)
}

fn none_such(lookup: &Lookup, count: impl Fn(Kind) -> usize) -> String {
    match lookup {
        Lookup::TrackByIndex(index) => {
            format!(
                "there is no track {index}: the set has {}",
                count(Kind::Track)
            )
        }
        Lookup::SceneByIndex(index) => {
            format!(
                "there is no scene {index}: the set has {}",
                count(Kind::Scene)
            )
        }
        Lookup::ClipById(id) => format!("there is no clip {id:?}"),
        Lookup::DeviceById(id) => format!("there is no device {id:?}"),
        _ => "there is no such node".to_owned(),
    }
}

impl CacheKey for Lookup {
    fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::TracksAll => "tracks_all".into(),
            Self::ScenesAll => "scenes_all".into(),
            Self::FullAst => "full_ast".into(),
            Self::TrackByIndex(index) => format!("track_by_index:{index}").into(),
            Self::SceneByIndex(index) => format!("scene_by_index:{index}").into(),
            Self::DeviceById(id) => format!("device_by_id:{id}").into(),
            Self::ClipById(id) => format!("clip_by_id:{id}").into(),
            Self::Nodes(query) => format!("nodes:{query}").into(),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "tracks_all" => return Some(Self::TracksAll),
            "scenes_all" => return Some(Self::ScenesAll),
            "full_ast" => return Some(Self::FullAst),
            _ => {}
        }
        match text.split_once(':')? {
            ("track_by_index", index) => index.parse().ok().map(Self::TrackByIndex),
            ("scene_by_index", index) => index.parse().ok().map(Self::SceneByIndex),
            ("device_by_id", id) => Some(Self::DeviceById(id.into())),
            ("clip_by_id", id) => Some(Self::ClipById(id.into())),
            ("nodes", query) => query.parse().ok().map(Self::Nodes),
            _ => None,
        }
    }
}
