//! The tree of a set: nodes with a hash each, an index by id, and edits that rehash their path alone.
//!
//! It must not know files, events or caches.
//!
//! The nodes are shared: who holds a part of an older state keeps it, and an edit copies just the nodes
//! on its path, and only where someone does.

mod children;
mod edit;
mod node;

use std::fmt::Write as _;
use std::sync::Arc;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

pub use children::{Children, Siblings};
pub use node::{Attributes, Hash, Kind, Node, Value};

/// Where a node is: its place among its parent's children, from the root down.
pub type Path = Box<[usize]>;

/// A set's tree.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Arc<Node>,
    /// Versions of the two lists: the hashes of all tracks, and of all scenes.
    lists: [u64; 2],
    /// Where tracks, scenes, devices, slots and clips are.
    paths: HashMap<Box<str>, Path, foldhash::fast::RandomState>,
    counts: [usize; Kind::ALL.len()],
    /// Where the root's tracks and scenes end; the tracks come first.
    list_ends: [usize; 2],
    /// Nodes made by events so far, for their ids.
    made: u64,
    is_batch: bool,
    scratch: Vec<u8>,
}

impl Tree {
    /// The tree of a root.
    pub(super) fn new(root: Node) -> Self {
        let mut tree = Self {
            root: Arc::new(root),
            lists: [0; 2],
            paths: HashMap::default(),
            counts: [0; Kind::ALL.len()],
            list_ends: [0; 2],
            made: 0,
            is_batch: false,
            scratch: Vec::new(),
        };
        tree.index();
        tree
    }

    /// The project.
    pub fn root(&self) -> &Arc<Node> {
        &self.root
    }

    /// How many nodes of a kind there are. O(1).
    pub fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize]
    }

    /// All nodes. O(1).
    pub fn nodes(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The `index`-th track: those of the file in its order, returns among them, and the master last.
    /// O(1).
    pub fn track(&self, index: usize) -> Option<&Arc<Node>> {
        self.root.children.range(0, self.list_ends[0]).get(index)
    }

    /// The `index`-th scene. O(1).
    pub fn scene(&self, index: usize) -> Option<&Arc<Node>> {
        let [tracks, scenes] = self.list_ends;
        self.root.children.range(tracks, scenes).get(index)
    }

    /// The version of the list of tracks: another one if anything in a track is.
    pub fn tracks_version(&self) -> u64 {
        self.lists[0]
    }

    /// The version of the list of scenes.
    pub fn scenes_version(&self) -> u64 {
        self.lists[1]
    }

    /// The node at a path.
    pub fn at(&self, path: &[usize]) -> Option<&Arc<Node>> {
        path.iter()
            .try_fold(&self.root, |node, at| node.children.get(*at))
    }

    /// The node of an id, and where it is. O(1) for tracks, scenes, devices, slots and clips; for the
    /// rest O(siblings).
    pub fn find(&self, id: &str) -> Option<(&Arc<Node>, Path)> {
        if id == &*self.root.id {
            return Some((&self.root, Path::default()));
        }
        if let Some(path) = self.paths.get(id) {
            return Some((self.at(path)?, path.clone()));
        }
        let (parent, _) = id.rsplit_once('.')?;
        let path = self.paths.get(parent).or_else(|| {
            // What hangs below a mixer is one step further down.
            self.paths.get(parent.rsplit_once('.')?.0)
        })?;
        let mut path = path.to_vec();
        loop {
            let children = &self.at(&path)?.children;
            let child = children.iter().position(|child| {
                id.strip_prefix(&*child.id)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })?;
            path.push(child);
            if *children[child].id == *id {
                let path = Path::from(path);
                return Some((self.at(&path)?, path));
            }
        }
    }

    /// The indexed node of an id. O(1), and allocates nothing.
    pub fn indexed(&self, id: &str) -> Option<&Arc<Node>> {
        self.at(self.paths.get(id)?)
    }

    /// A path as people read it: `tracks[0].clip_slots[3]`.
    pub fn place(&self, path: &[usize]) -> String {
        place(&self.root, path)
    }

    fn index(&mut self) {
        let (mut paths, mut counts) = (std::mem::take(&mut self.paths), [0; Kind::ALL.len()]);
        paths.clear();
        counts[Kind::Project as usize] = 1;
        self.root.walk(&mut |node, path| {
            counts[node.kind as usize] += 1;
            if is_indexed(node.kind) {
                paths.insert(node.id.clone(), path.into());
            }
        });
        (self.paths, self.counts) = (paths, counts);
        let children = &self.root.children;
        self.list_ends = [Kind::Track, Kind::Scene]
            .map(|list| children.partition_point(|child| child.kind <= list));
        self.version_lists(Kind::Track);
        self.version_lists(Kind::Scene);
    }

    /// Makes the version of the list that a kind of child is in true again.
    fn version_lists(&mut self, kind: Kind) {
        let list = match kind {
            Kind::Track => 0,
            Kind::Scene => 1,
            _ => return,
        };
        self.scratch.clear();
        for child in self.root.of_kind(kind).1.iter() {
            self.scratch.extend(child.hash.to_le_bytes());
        }
        self.lists[list] = xxh3_64(&self.scratch);
    }
}

const fn is_indexed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Track | Kind::Scene | Kind::Device | Kind::ClipSlot | Kind::Clip
    )
}

/// A path from `root` as people read it.
pub(super) fn place(root: &Node, path: &[usize]) -> String {
    let (mut place, mut node) = (String::new(), root);
    for at in path {
        let Some(child) = node.children.get(*at) else {
            break;
        };
        add_step(&mut place, child.kind, at - node.of_kind(child.kind).0);
        node = child;
    }
    place
}

/// Adds a step of a place: the kind's plural and the index among its like; a track has one mixer.
pub(super) fn add_step(place: &mut String, kind: Kind, index: usize) {
    if !place.is_empty() {
        place.push('.');
    }
    // Writing to a string cannot fail.
    let _ = match kind {
        Kind::Mixer => write!(place, "mixer"),
        Kind::Automation => write!(place, "automation[{index}]"),
        kind => write!(place, "{}s[{index}]", kind.name()),
    };
}
