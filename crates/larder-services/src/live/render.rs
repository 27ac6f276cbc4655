//! Results as JSON.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::lookup::Lookup;
use super::query::Query;
use super::shared::message;
use super::tree::{Attributes, Hash, Kind, Node, Value, place};

/// A track in the list of tracks: what a mixer's view shows.
#[derive(Serialize)]
struct TrackSummary<'a> {
    index: usize,
    id: &'a str,
    hash: Hash,
    name: Option<&'a Value>,
    #[serde(rename = "type")]
    kind: Option<&'a Value>,
    color: Option<&'a Value>,
    group_id: Option<&'a Value>,
    armed: Option<&'a Value>,
    muted: Option<&'a Value>,
    solo: Option<&'a Value>,
    volume: Option<&'a Value>,
    pan: Option<&'a Value>,
    devices: usize,
    clip_slots: usize,
    clips: usize,
}

#[derive(Serialize)]
struct SceneSummary<'a> {
    index: usize,
    id: &'a str,
    hash: Hash,
    #[serde(flatten)]
    attributes: &'a Attributes,
}

/// A node with its place in the list.
#[derive(Serialize)]
struct Indexed<'a> {
    index: usize,
    #[serde(flatten)]
    node: &'a Node,
}

/// A node of a query's answer.
#[derive(Serialize)]
struct Match<'a> {
    id: &'a str,
    node_type: Kind,
    hash: Hash,
    path: String,
    attributes: &'a Attributes,
}

/// The result of a look-up, of the part of the tree that it concerns. O(what it shows).
pub(super) fn json(lookup: &Lookup, part: &Arc<Node>, path: Option<&str>) -> Bytes {
    let rendered = match lookup {
        Lookup::TracksAll => tracks(part),
        Lookup::ScenesAll => scenes(part),
        Lookup::TrackByIndex(index) | Lookup::SceneByIndex(index) => serde_json::to_vec(&Indexed {
            index: *index,
            node: part,
        }),
        Lookup::DeviceById(_) | Lookup::ClipById(_) => serde_json::to_vec(&**part),
        Lookup::Nodes(query) => nodes(query, part),
        Lookup::FullAst => {
            #[derive(Serialize)]
            struct Whole<'a> {
                ast: &'a Node,
                project_path: Option<&'a str>,
            }
            let whole = Whole {
                ast: part,
                project_path: path,
            };
            Ok(message("FULL_AST", &whole).into_bytes())
        }
    };
    rendered.expect("nodes are texts and finite numbers").into()
}

fn tracks(project: &Node) -> serde_json::Result<Vec<u8>> {
    let (_, tracks) = project.of_kind(Kind::Track);
    let summaries: Vec<_> = tracks
        .iter()
        .enumerate()
        .map(|(index, track)| summary(index, track))
        .collect();
    serde_json::to_vec(&json!({ "count": tracks.len(), "tracks": summaries }))
}

fn summary(index: usize, track: &Node) -> TrackSummary<'_> {
    let mixer = track.of_kind(Kind::Mixer).1.first();
    let of = |name| track.attributes().get(name);
    let mixed = |name| mixer.and_then(|mixer| mixer.attributes().get(name));
    let (_, slots) = track.of_kind(Kind::ClipSlot);
    let in_slots = slots
        .iter()
        .filter(|slot| !slot.children().is_empty())
        .count();
    TrackSummary {
        index,
        id: track.id(),
        hash: Hash(track.hash()),
        name: of("name"),
        kind: of("type"),
        color: of("color"),
        group_id: of("group_id"),
        armed: of("armed"),
        muted: mixed("muted"),
        solo: mixed("solo"),
        volume: mixed("volume"),
        pan: mixed("pan"),
        devices: track.of_kind(Kind::Device).1.len(),
        clip_slots: slots.len(),
        clips: in_slots + track.of_kind(Kind::Clip).1.len(),
    }
}

fn scenes(project: &Node) -> serde_json::Result<Vec<u8>> {
    let (_, scenes) = project.of_kind(Kind::Scene);
    let summaries: Vec<_> = scenes
        .iter()
        .enumerate()
        .map(|(index, scene)| SceneSummary {
            index,
            id: scene.id(),
            hash: Hash(scene.hash()),
            attributes: scene.attributes(),
        })
        .collect();
    serde_json::to_vec(&json!({ "count": scenes.len(), "scenes": summaries }))
}

fn nodes(query: &Query, project: &Arc<Node>) -> serde_json::Result<Vec<u8>> {
    let (mut found, mut count) = (Vec::new(), 0);
    let mut take = |node: &'_ Arc<Node>, path: &[usize]| {
        if query.matches(node) {
            count += 1;
            if found.len() < query.limit() {
                found.push((node.clone(), place(project, path)));
            }
        }
    };
    take(project, &[]);
    project.walk(&mut |node, path| take(node, path));
    let nodes: Vec<_> = found
        .iter()
        .map(|(node, path)| Match {
            id: node.id(),
            node_type: node.kind(),
            hash: Hash(node.hash()),
            path: path.clone(),
            attributes: node.attributes(),
        })
        .collect();
    serde_json::to_vec(&json!({ "count": count, "truncated": count > nodes.len(), "nodes": nodes }))
}

/// What was rendered, as a message's text; it is shared, not copied.
pub(super) fn text(json: &Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(json.clone()).unwrap_or_default()
}
