//! What differs between two trees, as few changes as tell it.
//!
//! Nodes are the same by their ids; where the hashes are equal nothing below is looked at. It must not
//! know where the trees come from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::tree::{Kind, Node, Siblings, Tree, add_step};

/// What became of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new, with all below it.
    Added,
    /// It is gone, with all below it.
    Removed,
    /// Attributes of it are others, or its children stand in another order.
    Modified,
    /// Something that the file does not hold: what plays, where the song is.
    StateChanged,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What became of it.
    pub kind: ChangeKind,
    /// Of the node.
    pub node_id: Box<str>,
    /// Of the node.
    pub node_type: Kind,
    /// Where it is, or was if it is gone: `tracks[0].clip_slots[3]`.
    pub path: String,
    /// The attributes that were others, or those of a node that is gone; else null.
    pub old_value: Json,
    /// What they are now.
    pub new_value: Json,
    /// Of the event that said so; null where a file did.
    pub seq_num: Option<i32>,
}

/// The changes from one tree to another, and how many nodes they concern.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// In the order of the tree; what is gone stands where it was.
    pub changes: Vec<Change>,
    /// Nodes added, those below them too.
    pub added: usize,
    /// Nodes removed, those below them too.
    pub removed: usize,
    /// Nodes with other attributes, or children in another order.
    pub modified: usize,
    /// Nodes of the new tree that are as they were.
    pub unchanged: usize,
}

impl Diff {
    /// The changes that an event made in a tree of `nodes` nodes.
    pub(super) fn of_event(changes: Vec<Change>, nodes: usize) -> Self {
        let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
        let (added, removed) = (count(ChangeKind::Added), count(ChangeKind::Removed));
        let modified = changes.len() - added - removed;
        Self {
            added,
            removed,
            modified,
            unchanged: nodes.saturating_sub(added + modified),
            changes,
        }
    }
}

/// The changes that lead from `old` to `new`. O(what differs).
pub fn diff(old: &Tree, new: &Tree) -> Diff {
    between(old.root(), new)
}

/// The changes that lead from a tree of this root to `new`.
pub(super) fn between(old: &Node, new: &Tree) -> Diff {
    let mut diff = Diff::default();
    compare(old, new.root(), "", &mut diff);
    let touched = diff.added + diff.modified;
    diff.unchanged = new.nodes().saturating_sub(touched);
    diff
}

fn compare(old: &Node, new: &Node, place: &str, diff: &mut Diff) {
    if old.hash() == new.hash() {
        return;
    }
    let (mut was, mut is) = (Map::new(), Map::new());
    for (name, value) in old.attributes().iter() {
        if new.attributes().get(name) != Some(value) {
            was.insert(name.into(), json!(value));
            is.insert(name.into(), json!(new.attributes().get(name)));
        }
    }
    for (name, value) in new.attributes().iter() {
        if old.attributes().get(name).is_none() {
            was.insert(name.into(), Json::Null);
            is.insert(name.into(), json!(value));
        }
    }
    let at = diff.changes.len();
    for kind in Kind::ALL {
        compare_children(kind, old, new, place, diff);
        if let Some((before, after)) = other_order(kind, old, new) {
            let name = format!("{}_order", kind.name());
            was.insert(name.clone(), before);
            is.insert(name, after);
        }
    }
    if !is.is_empty() {
        diff.modified += 1;
        let change = Change {
            kind: ChangeKind::Modified,
            node_id: new.id().into(),
            node_type: new.kind(),
            path: place.to_owned(),
            old_value: Json::Object(was),
            new_value: Json::Object(is),
            seq_num: None,
        };
        diff.changes.insert(at, change);
    }
}

fn compare_children(kind: Kind, old: &Node, new: &Node, place: &str, diff: &mut Diff) {
    let ((_, before), (_, after)) = (old.of_kind(kind), new.of_kind(kind));
    if before.is_empty() && after.is_empty() {
        return;
    }
    let by_id: HashMap<&str, &Arc<Node>> = before.iter().map(|node| (node.id(), node)).collect();
    let kept: HashSet<&str> = after.iter().map(|node| node.id()).collect();
    for (index, node) in before.iter().enumerate() {
        if !kept.contains(node.id()) {
            diff.removed += node.size();
            diff.changes.push(removed(node, step(place, kind, index)));
        }
    }
    for (index, node) in after.iter().enumerate() {
        match by_id.get(node.id()) {
            Some(before) if before.hash() == node.hash() => {}
            Some(before) => compare(before, node, &step(place, kind, index), diff),
            None => {
                diff.added += node.size();
                diff.changes.push(added(node, step(place, kind, index)));
            }
        }
    }
}

/// The ids in both orders, if those that both have stand in another one.
fn other_order(kind: Kind, old: &Node, new: &Node) -> Option<(Json, Json)> {
    let ((_, before), (_, after)) = (old.of_kind(kind), new.of_kind(kind));
    let places: HashMap<&str, usize> = before.iter().map(|node| node.id()).zip(0..).collect();
    let common = after.iter().filter_map(|node| places.get(node.id()));
    if common.is_sorted() {
        return None;
    }
    let ids = |nodes: Siblings<'_>| nodes.iter().map(|node| Json::from(node.id())).collect();
    Some((ids(before), ids(after)))
}

fn step(place: &str, kind: Kind, index: usize) -> String {
    let mut place = place.to_owned();
    add_step(&mut place, kind, index);
    place
}

/// The change that a new node is.
fn added(node: &Node, path: String) -> Change {
    Change {
        kind: ChangeKind::Added,
        node_id: node.id().into(),
        node_type: node.kind(),
        path,
        old_value: Json::Null,
        new_value: json!(node),
        seq_num: None,
    }
}

/// The change that a node's end is.
fn removed(node: &Node, path: String) -> Change {
    Change {
        kind: ChangeKind::Removed,
        node_id: node.id().into(),
        node_type: node.kind(),
        path,
        old_value: json!(node.attributes()),
        new_value: Json::Null,
        seq_num: None,
    }
}
