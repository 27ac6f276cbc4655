//! What an event does to the tree, and the diff that tells it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::als::MASTER;
use super::diff::{Change, ChangeKind, Diff, between};
use super::events::Event;
use super::tree::{Kind, Node, Tree, Value};

/// Tracks, scenes or devices of a track that events may make.
const SIBLINGS_MAX: usize = 10_000;

/// An event that does not fit the tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("there is no {} {index}, there are {count}", .kind.name())]
    NoSuch {
        kind: Kind,
        index: usize,
        count: usize,
    },
    #[error("there are {SIBLINGS_MAX} {}s, which is the limit", .0.name())]
    TooMany(Kind),
}

/// Applies an event that concerns the tree. What it sets to what it was is no change.
pub(crate) fn apply(tree: &mut Tree, event: Event) -> Result<Diff, Misfit> {
    match event {
        Event::Track(track, name, value) => {
            let path = [child(tree, &[], Kind::Track, track)?];
            Ok(set(tree, &path, name, value, ChangeKind::Modified))
        }
        Event::Mixer(track, name, value) => {
            let track = child(tree, &[], Kind::Track, track)?;
            let path = [track, child(tree, &[track], Kind::Mixer, 0)?];
            Ok(set(tree, &path, name, value, ChangeKind::Modified))
        }
        Event::Parameter(at, value) => {
            let path = parameter(tree, at)?;
            Ok(set(tree, &path, "value", value, ChangeKind::Modified))
        }
        Event::Scene(scene, name, value) => {
            let path = [child(tree, &[], Kind::Scene, scene)?];
            Ok(set(tree, &path, name, value, ChangeKind::Modified))
        }
        Event::Slot(at, name, value) => {
            let path = slot(tree, at)?;
            let kind = match name {
                "playing_status" => ChangeKind::StateChanged,
                _ => ChangeKind::Modified,
            };
            Ok(set(tree, &path, name, value, kind))
        }
        Event::Clip(at, name, value) => {
            let path = clip(tree, at)?;
            Ok(set(tree, &path, name, value, ChangeKind::Modified))
        }
        Event::Tempo(tempo) => Ok(set(tree, &[], "tempo", tempo, ChangeKind::Modified)),
        event => restructure(tree, event),
    }
}

/// Events that change which nodes there are. The diff is taken from the trees themselves.
fn restructure(tree: &mut Tree, event: Event) -> Result<Diff, Misfit> {
    let before = tree.root().clone();
    tree.batch(|tree| match event {
        Event::TrackAdded(at, name) => add_track(tree, at, name),
        Event::TrackDeleted(track) => remove(tree, &[], Kind::Track, track),
        Event::DeviceAdded([track, device], name) => add_device(tree, track, device, name),
        Event::DeviceDeleted([track, device]) => {
            let track = child(tree, &[], Kind::Track, track)?;
            remove(tree, &[track], Kind::Device, device)
        }
        Event::SceneAdded(at, name) => add_scene(tree, at, name),
        Event::SceneRemoved(scene) => {
            remove(tree, &[], Kind::Scene, scene)?;
            each_track_with_slot(tree, scene, |tree, track| {
                remove(tree, &[track], Kind::ClipSlot, scene)
            })
        }
        Event::SceneMoved { from, to } => {
            child(tree, &[], Kind::Scene, from)?;
            child(tree, &[], Kind::Scene, to)?;
            tree.reorder(&[], Kind::Scene, from, to);
            each_track_with_slot(tree, from.max(to), |tree, track| {
                tree.reorder(&[track], Kind::ClipSlot, from, to);
                Ok(())
            })
        }
        Event::SlotCreated([track, at], attributes) => create_slot(tree, track, at, attributes),
        Event::ClipAdded(at, name) => add_clip(tree, at, name),
        Event::ClipRemoved(at) => {
            let path = slot(tree, at)?;
            remove(tree, &path, Kind::Clip, 0)?;
            tree.set(&path, "has_clip", Value::Bool(false));
            Ok(())
        }
        _ => Ok(()),
    })?;
    Ok(between(&before, tree))
}

fn set(
    tree: &mut Tree,
    path: &[usize],
    name: &'static str,
    value: Value,
    kind: ChangeKind,
) -> Diff {
    let Some(node) = tree.at(path) else {
        return Diff::default();
    };
    if node.attributes().get(name) == Some(&value) {
        return Diff::of_event(Vec::new(), tree.nodes());
    }
    let (node_id, node_type) = (Box::from(node.id()), node.kind());
    let new_value = json!({ name: value });
    let before = tree.set(path, name, value).flatten();
    let change = Change {
        kind,
        node_id,
        node_type,
        path: tree.place(path),
        old_value: json!({ name: before }),
        new_value,
        seq_num: None,
    };
    Diff::of_event(vec![change], tree.nodes())
}

/// A change that no node of the tree has: the song's place, the cursor's.
pub(crate) fn state_changed(path: String, old_value: Json, new_value: Json) -> Change {
    Change {
        kind: ChangeKind::StateChanged,
        node_id: "project".into(),
        node_type: Kind::Project,
        path,
        old_value,
        new_value,
        seq_num: None,
    }
}

fn add_track(tree: &mut Tree, at: usize, name: Option<Value>) -> Result<(), Misfit> {
    has_room(tree, &[], Kind::Track)?;
    let id = tree.make_id("", Kind::Track);
    let mixer_id = format!("{id}.mixer");
    let off = || Value::Bool(false);
    let mixer = tree.make(Kind::Mixer, mixer_id, [("muted", off()), ("solo", off())]);
    let mut children = vec![Arc::new(mixer)];
    for _ in 0..tree.root().of_kind(Kind::Scene).1.len() {
        children.push(Arc::new(empty_slot(tree, &id)));
    }
    let track = tree.make(Kind::Track, id, name.map(|name| ("name", name)));
    let track = tree.with_children(track, children);
    tree.insert(&[], at.min(master(tree)), track);
    Ok(())
}

/// Where the master stands among the tracks: it stays the last.
fn master(tree: &Tree) -> usize {
    let (_, tracks) = tree.root().of_kind(Kind::Track);
    let is_master = |track: &Arc<Node>| track.id() == MASTER;
    let at = tracks.iter().rposition(is_master);
    at.unwrap_or(tracks.len())
}

fn add_device(tree: &mut Tree, track: usize, at: usize, name: Value) -> Result<(), Misfit> {
    let track = child(tree, &[], Kind::Track, track)?;
    has_room(tree, &[track], Kind::Device)?;
    let parent = tree
        .at(&[track])
        .map_or_else(String::new, |node| node.id().to_owned());
    let id = tree.make_id(&parent, Kind::Device);
    let device = tree.make(Kind::Device, id, [("name", name)]);
    tree.insert(&[track], at, device);
    Ok(())
}

fn add_scene(tree: &mut Tree, at: usize, name: Option<Value>) -> Result<(), Misfit> {
    has_room(tree, &[], Kind::Scene)?;
    let before = tree.root().of_kind(Kind::Scene).1.len();
    let id = tree.make_id("", Kind::Scene);
    let scene = tree.make(Kind::Scene, id, name.map(|name| ("name", name)));
    tree.insert(&[], at, scene);
    for track in 0..tree.root().of_kind(Kind::Track).1.len() {
        let Some(node) = tree.at(&[track]) else { break };
        // Returns and the master have no slots.
        if before == 0 || node.of_kind(Kind::ClipSlot).1.len() != before {
            continue;
        }
        let parent = node.id().to_owned();
        let slot = empty_slot(tree, &parent);
        tree.insert(&[track], at, slot);
    }
    Ok(())
}

fn create_slot(
    tree: &mut Tree,
    track: usize,
    at: usize,
    attributes: [(&'static str, Value); 3],
) -> Result<(), Misfit> {
    let track = child(tree, &[], Kind::Track, track)?;
    let (slots, parent) = {
        let node = tree.root().children()[track].clone();
        (node.of_kind(Kind::ClipSlot).1.len(), node.id().to_owned())
    };
    if at == slots {
        has_room(tree, &[track], Kind::ClipSlot)?;
        let slot = empty_slot(tree, &parent);
        tree.insert(&[track], at, slot);
    }
    let path = [track, child(tree, &[track], Kind::ClipSlot, at)?];
    let has_clip = attributes[0].1 == Value::Bool(true);
    for (name, value) in attributes {
        tree.set(&path, name, value);
    }
    let held = tree
        .at(&path)
        .map_or(0, |slot| slot.of_kind(Kind::Clip).1.len());
    match (has_clip, held) {
        (false, 1) => remove(tree, &path, Kind::Clip, 0),
        _ => Ok(()),
    }
}

fn add_clip(tree: &mut Tree, at: [usize; 2], name: Option<Value>) -> Result<(), Misfit> {
    let path = slot(tree, at)?;
    let Some(parent) = tree.at(&path).cloned() else {
        return Ok(());
    };
    if !parent.of_kind(Kind::Clip).1.is_empty() {
        remove(tree, &path, Kind::Clip, 0)?;
    }
    let id = tree.make_id(parent.id(), Kind::Clip);
    let clip = tree.make(Kind::Clip, id, name.map(|name| ("name", name)));
    tree.insert(&path, 0, clip);
    tree.set(&path, "has_clip", Value::Bool(true));
    Ok(())
}

fn empty_slot(tree: &mut Tree, parent: &str) -> Node {
    let id = tree.make_id(parent, Kind::ClipSlot);
    let attributes = [
        ("has_clip", Value::Bool(false)),
        ("has_stop", Value::Bool(true)),
        ("playing_status", Value::Int(0)),
    ];
    tree.make(Kind::ClipSlot, id, attributes)
}

fn each_track_with_slot(
    tree: &mut Tree,
    slot: usize,
    mut change: impl FnMut(&mut Tree, usize) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    for track in 0..tree.root().of_kind(Kind::Track).1.len() {
        let node = &tree.root().children()[track];
        if slot < node.of_kind(Kind::ClipSlot).1.len() {
            change(tree, track)?;
        }
    }
    Ok(())
}

fn has_room(tree: &Tree, parent: &[usize], kind: Kind) -> Result<(), Misfit> {
    let count = tree.at(parent).map_or(0, |node| node.of_kind(kind).1.len());
    if count < SIBLINGS_MAX {
        Ok(())
    } else {
        Err(Misfit::TooMany(kind))
    }
}

fn remove(tree: &mut Tree, parent: &[usize], kind: Kind, index: usize) -> Result<(), Misfit> {
    let at = child(tree, parent, kind, index)?;
    let path: Vec<usize> = parent.iter().copied().chain([at]).collect();
    tree.remove(&path);
    Ok(())
}

/// The place among `parent`'s children of its `index`-th one of a kind.
fn child(tree: &Tree, parent: &[usize], kind: Kind, index: usize) -> Result<usize, Misfit> {
    let (from, count) = tree.at(parent).map_or((0, 0), |node| {
        let (from, like) = node.of_kind(kind);
        (from, like.len())
    });
    if index < count {
        Ok(from + index)
    } else {
        Err(Misfit::NoSuch { kind, index, count })
    }
}

/// Where a parameter is; also used to tell early that it is not there.
pub(crate) fn parameter(tree: &Tree, at: [usize; 3]) -> Result<[usize; 3], Misfit> {
    let track = child(tree, &[], Kind::Track, at[0])?;
    let device = child(tree, &[track], Kind::Device, at[1])?;
    let parameter = child(tree, &[track, device], Kind::Parameter, at[2])?;
    Ok([track, device, parameter])
}

fn slot(tree: &Tree, [track, slot]: [usize; 2]) -> Result<[usize; 2], Misfit> {
    let track = child(tree, &[], Kind::Track, track)?;
    Ok([track, child(tree, &[track], Kind::ClipSlot, slot)?])
}

fn clip(tree: &Tree, at: [usize; 2]) -> Result<[usize; 3], Misfit> {
    let [track, slot] = slot(tree, at)?;
    Ok([track, slot, child(tree, &[track, slot], Kind::Clip, 0)?])
}
