//! Edits: each rehashes the nodes on its path to the root, and no other.

use std::sync::Arc;

use super::node::{Kind, Node, Value};
use super::{Path, Tree};

impl Tree {
    /// Sets an attribute, and gives what it was. `None` if nothing is at the path. O(depth × siblings).
    pub fn set(
        &mut self,
        path: &[usize],
        name: &'static str,
        value: Value,
    ) -> Option<Option<Value>> {
        self.at(path)?;
        let before = edit(&mut self.root, path, &mut self.scratch, |node| {
            node.attributes.set(name, value)
        });
        self.relist(path);
        Some(before)
    }

    /// Puts a node in as the `index`-th child of its kind, or as the last if there are fewer; gives
    /// where it is now. O(nodes): the index is made anew.
    pub(in super::super) fn insert(
        &mut self,
        parent: &[usize],
        index: usize,
        node: Node,
    ) -> Option<Path> {
        let (from, like) = self.at(parent)?.of_kind(node.kind);
        let at = from + index.min(like.len());
        edit(&mut self.root, parent, &mut self.scratch, |parent| {
            let node = Arc::new(node);
            parent
                .children
                .restructure(|children| children.insert(at, node));
        });
        self.reindex();
        Some(parent.iter().copied().chain([at]).collect())
    }

    /// Takes out the node at a path. O(nodes).
    pub(in super::super) fn remove(&mut self, path: &[usize]) -> Option<Arc<Node>> {
        let removed = self.at(path)?.clone();
        let (last, parent) = path.split_last()?;
        edit(&mut self.root, parent, &mut self.scratch, |parent| {
            parent
                .children
                .restructure(|children| children.remove(*last));
        });
        self.reindex();
        Some(removed)
    }

    /// Moves the `from`-th child of a kind to be the `to`-th. `None` if there is none of either. O(nodes).
    pub(in super::super) fn reorder(
        &mut self,
        parent: &[usize],
        kind: Kind,
        from: usize,
        to: usize,
    ) -> Option<()> {
        let (first, like) = self.at(parent)?.of_kind(kind);
        if from.max(to) >= like.len() {
            return None;
        }
        edit(&mut self.root, parent, &mut self.scratch, |parent| {
            parent.children.restructure(|children| {
                let moved = children.remove(first + from);
                children.insert(first + to, moved);
            });
        });
        self.reindex();
        Some(())
    }

    /// Makes several edits, and the index anew once for all of them.
    pub(in super::super) fn batch<T>(&mut self, edits: impl FnOnce(&mut Self) -> T) -> T {
        self.is_batch = true;
        let result = edits(self);
        self.is_batch = false;
        self.index();
        result
    }

    fn reindex(&mut self) {
        if !self.is_batch {
            self.index();
        }
    }

    /// An id for a node that an event makes: the same after the same events.
    pub(in super::super) fn make_id(&mut self, parent: &str, kind: Kind) -> String {
        self.made += 1;
        let of = if parent.is_empty() { "" } else { "." };
        format!("{parent}{of}{}-new{}", kind.name(), self.made)
    }

    /// A node without children.
    pub(in super::super) fn make(
        &mut self,
        kind: Kind,
        id: String,
        attributes: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Node {
        let mut all = super::Attributes::default();
        for (name, value) in attributes {
            all.set(name, value);
        }
        Node::new(kind, id, all, Vec::new(), &mut self.scratch)
    }

    /// A node with these children.
    pub(in super::super) fn with_children(&mut self, node: Node, children: Vec<Arc<Node>>) -> Node {
        let Node {
            kind,
            id,
            attributes,
            ..
        } = node;
        Node::new(kind, id, attributes, children, &mut self.scratch)
    }

    fn relist(&mut self, path: &[usize]) {
        if let Some(kind) = path.first().map(|at| self.root.children[*at].kind) {
            self.version_lists(kind);
        }
    }
}

/// Changes the node at `path`, and rehashes it and those above. A node that someone else holds is
/// copied first: its attributes, and references to its children.
fn edit<T>(
    node: &mut Arc<Node>,
    path: &[usize],
    scratch: &mut Vec<u8>,
    change: impl FnOnce(&mut Node) -> T,
) -> T {
    let node = Arc::make_mut(node);
    let result = match path {
        [] => change(node),
        [first, rest @ ..] => edit(node.children.at_mut(*first), rest, scratch, change),
    };
    node.rehash(scratch);
    result
}
