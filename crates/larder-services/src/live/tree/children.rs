//! A node's children, in groups that older states share: to change one child copies its group and no
//! other.
//!
//! It must not know what nodes mean; it is told by whom their order is asked for.

use std::ops::Index;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::node::Node;

/// Children in a group. To change one of n copies n / 32 references to groups and 32 to nodes.
const GROUP: usize = 32;

/// A list of nodes.
#[derive(Clone, Debug, Default)]
pub struct Children(
    /// All full but the last.
    Vec<Arc<[Arc<Node>]>>,
);

impl Children {
    /// How many there are. O(1).
    pub fn len(&self) -> usize {
        let before = self.0.len().saturating_sub(1) * GROUP;
        before + self.0.last().map_or(0, |group| group.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one at this place. O(1).
    pub fn get(&self, at: usize) -> Option<&Arc<Node>> {
        self.0.get(at / GROUP)?.get(at % GROUP)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Node>> {
        self.0.iter().flat_map(|group| group.iter())
    }

    /// Those from one place to before another.
    pub(super) fn range(&self, from: usize, to: usize) -> Siblings<'_> {
        Siblings {
            children: self,
            from,
            len: to - from,
        }
    }

    /// How many come before the first that `is_before` denies; those that it affirms come first.
    pub(super) fn partition_point(&self, is_before: impl Fn(&Node) -> bool) -> usize {
        let is_whole =
            |group: &Arc<[Arc<Node>]>| group.last().is_some_and(|child| is_before(child));
        let groups = self.0.partition_point(is_whole);
        let Some(group) = self.0.get(groups) else {
            return self.len();
        };
        groups * GROUP + group.partition_point(|child| is_before(child))
    }

    /// The one at this place, to be changed. Its group is copied if someone else holds it.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn at_mut(&mut self, at: usize) -> &mut Arc<Node> {
        &mut Arc::make_mut(&mut self.0[at / GROUP])[at % GROUP]
    }

    /// Changes which there are. O(children).
    pub(super) fn restructure<T>(&mut self, change: impl FnOnce(&mut Vec<Arc<Node>>) -> T) -> T {
        let mut all: Vec<_> = self.iter().cloned().collect();
        let result = change(&mut all);
        *self = all.into();
        result
    }
}

impl From<Vec<Arc<Node>>> for Children {
    fn from(all: Vec<Arc<Node>>) -> Self {
        if all.len() <= GROUP {
            return Self(if all.is_empty() {
                Vec::new()
            } else {
                vec![all.into()]
            });
        }
        let mut groups = Vec::with_capacity(all.len().div_ceil(GROUP));
        let mut all = all.into_iter().peekable();
        while all.peek().is_some() {
            groups.push(all.by_ref().take(GROUP).collect());
        }
        Self(groups)
    }
}

impl Index<usize> for Children {
    type Output = Arc<Node>;

    fn index(&self, at: usize) -> &Arc<Node> {
        &self.0[at / GROUP][at % GROUP]
    }
}

impl Serialize for Children {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|child| &**child))
    }
}

/// Children of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Siblings<'a> {
    children: &'a Children,
    from: usize,
    len: usize,
}

impl<'a> Siblings<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The one at this place among them. O(1).
    pub fn get(self, at: usize) -> Option<&'a Arc<Node>> {
        let is_there = at < self.len;
        is_there.then(|| self.children.get(self.from + at))?
    }

    /// The first of them.
    pub fn first(self) -> Option<&'a Arc<Node>> {
        self.get(0)
    }

    /// All of them, in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = &'a Arc<Node>> + ExactSizeIterator {
        let Self {
            children,
            from,
            len,
        } = self;
        (from..from + len).map(move |at| &children[at])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Attributes, Kind};
    use super::*;

    fn nodes(count: usize) -> Vec<Arc<Node>> {
        let node = |number: usize| {
            let kind = [Kind::Track, Kind::Scene][usize::from(number >= count / 2)];
            let id = number.to_string();
            Arc::new(Node::new(
                kind,
                id,
                Attributes::default(),
                Vec::new(),
                &mut Vec::new(),
            ))
        };
        (0..count).map(node).collect()
    }

    #[test]
    fn groups_are_as_a_list_is() {
        for count in [0, 1, 2, 31, 32, 33, 64, 65, 278] {
            let list = nodes(count);
            let children = Children::from(list.clone());
            assert_eq!((children.len(), children.is_empty()), (count, count == 0));
            assert!(
                children
                    .iter()
                    .zip(&list)
                    .all(|(one, other)| Arc::ptr_eq(one, other))
            );
            assert_eq!(children.iter().count(), count);
            for (at, node) in list.iter().enumerate() {
                assert!(Arc::ptr_eq(&children[at], node));
            }
            assert!(children.get(count).is_none());
            let tracks = children.partition_point(|child| child.kind() == Kind::Track);
            assert_eq!(tracks, count / 2);
            assert_eq!(children.partition_point(|_| true), count);
            let scenes = children.range(tracks, count);
            assert_eq!(
                (scenes.len(), scenes.iter().len()),
                (count - tracks, count - tracks)
            );
            assert_eq!(
                scenes.first().map(|node| node.id()),
                list.get(tracks).map(|node| node.id())
            );
            assert!(children.range(0, tracks).get(tracks).is_none());
        }
    }

    #[test]
    fn a_change_copies_its_group_and_no_other() {
        let mut children = Children::from(nodes(100));
        let older = children.clone();
        let changed = nodes(1).remove(0);
        *children.at_mut(40) = changed.clone();
        assert!(Arc::ptr_eq(&children[40], &changed) && !Arc::ptr_eq(&older[40], &changed));
        let shared = |group: usize| Arc::ptr_eq(&children.0[group], &older.0[group]);
        assert_eq!([0, 1, 2, 3].map(shared), [true, false, true, true]);
    }

    #[test]
    fn children_come_and_go_at_any_place() {
        let mut children = Children::from(nodes(64));
        let removed = children.restructure(|all| all.remove(0));
        assert_eq!((removed.id(), children.len()), ("0", 63));
        children.restructure(|all| all.insert(32, removed));
        assert_eq!([0, 32, 63].map(|at| children[at].id()), ["1", "0", "63"]);
    }
}
