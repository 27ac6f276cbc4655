//! Events against the demo's set, by a clock that the test moves.

mod order;
mod random;

use larder::ManualClock;
use rosc::{OscMessage, OscPacket, OscType, encoder};
use serde_json::Value as Json;
use tokio::sync::broadcast::Receiver;

use super::super::als;
use super::super::demo;
use super::super::shared::{News, Outgoing};
use super::*;

struct House {
    session: Session,
    shared: Arc<Shared>,
    news: Receiver<Outgoing>,
    time: ManualClock,
    number: i32,
}

fn set() -> Set {
    als::read(&demo::als()[..], &als::Limits::default()).unwrap()
}

/// A house without a set.
fn empty() -> House {
    let shared = Shared::new(Figures::new(true));
    let time = ManualClock::new();
    let (news, ()) = shared.follow(|_| ());
    House {
        session: Session::new(shared.clone(), time.clock()),
        shared,
        news,
        time,
        number: 0,
    }
}

fn house() -> House {
    let mut house = empty();
    let path = std::path::PathBuf::from("Demo.als");
    house.session.opened(set(), Some(path), Duration::ZERO);
    assert_eq!(house.told().unwrap()["type"], "FULL_AST");
    house
}

fn int(number: i32) -> OscType {
    OscType::Int(number)
}

fn text(text: &str) -> OscType {
    OscType::String(text.to_owned())
}

fn encoded(path: &str, args: Vec<OscType>) -> Vec<u8> {
    let message = OscMessage {
        addr: path.to_owned(),
        args,
    };
    encoder::encode(&OscPacket::Message(message)).unwrap()
}

impl House {
    /// Sends the next event.
    fn send(&mut self, path: &str, args: impl IntoIterator<Item = OscType>) {
        self.number += 1;
        self.send_as(self.number, path, args);
    }

    fn send_as(&mut self, number: i32, path: &str, args: impl IntoIterator<Item = OscType>) {
        let head = [int(number), OscType::Float(0.0), text(path)];
        let args = head.into_iter().chain(args).collect();
        self.session.datagram(&encoded("/live/seq", args));
    }

    /// The next message to clients.
    fn told(&mut self) -> Option<Json> {
        let outgoing = self.news.try_recv().ok()?;
        Some(match outgoing.news {
            News::Diff(text) => serde_json::from_str(&text).unwrap(),
            News::Whole => json!({ "type": "FULL_AST" }),
        })
    }

    /// The changes of the next message, which must be a diff.
    fn changes(&mut self) -> Vec<Json> {
        let told = self.told().expect("something was told");
        assert_eq!(told["type"], "DIFF_UPDATE");
        told["payload"]["diff"]["changes"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The only change of the next message.
    fn change(&mut self) -> Json {
        let mut changes = self.changes();
        assert_eq!(changes.len(), 1, "{changes:#?}");
        changes.remove(0)
    }

    fn tree<T>(&self, look: impl FnOnce(&Tree) -> T) -> T {
        self.shared
            .read(|state| look(&state.open.as_ref().unwrap().tree))
    }

    fn root(&self) -> u128 {
        self.tree(|tree| tree.root().hash())
    }

    fn attribute(&self, path: &[usize], name: &str) -> Option<Value> {
        self.tree(|tree| tree.at(path).unwrap().attributes().get(name).cloned())
    }

    fn count(&self, name: &str) -> u64 {
        let snapshot = self.shared.figures.registry.snapshot();
        snapshot.counter(name, &[]).unwrap()
    }
}

/// Where a child of a kind stands.
fn child(house: &House, parent: &[usize], kind: Kind, index: usize) -> Vec<usize> {
    let from = house.tree(|tree| tree.at(parent).unwrap().of_kind(kind).0);
    parent.iter().copied().chain([from + index]).collect()
}

#[test]
fn every_event_of_the_list_changes_the_root_and_tells_one_change() {
    let on = || OscType::Bool(true);
    let events: Vec<(&str, Vec<OscType>)> = vec![
        ("/live/track/renamed", vec![int(0), text("Drums")]),
        ("/live/track/mute", vec![int(0), on()]),
        ("/live/track/arm", vec![int(0), int(1)]),
        ("/live/track/volume", vec![int(0), OscType::Float(0.25)]),
        ("/live/track/color", vec![int(0), int(69)]),
        ("/live/scene/renamed", vec![int(99), text("End")]),
        ("/live/device/added", vec![int(0), int(1), text("Echo")]),
        ("/live/device/deleted", vec![int(0), int(1)]),
        (
            "/live/clip_slot/has_stop",
            vec![int(0), int(0), OscType::Bool(false)],
        ),
        (
            "/live/clip_slot/playing_status",
            vec![int(0), int(0), int(2)],
        ),
        ("/live/clip_slot/color", vec![int(0), int(0), int(3)]),
        ("/live/clip/name", vec![int(0), int(0), text("Loop")]),
        ("/live/clip/color", vec![int(0), int(0), int(4)]),
        ("/live/clip/muted", vec![int(0), int(0), on()]),
        (
            "/live/clip/looping",
            vec![int(0), int(0), OscType::Bool(false)],
        ),
        ("/live/transport/tempo", vec![OscType::Float(99.5)]),
        ("/live/track/added", vec![int(2), text("New")]),
        ("/live/track/deleted", vec![int(2)]),
    ];
    let mut house = house();
    for (path, args) in events {
        let before = house.root();
        house.send(path, args);
        assert_ne!(house.root(), before, "{path}");
        let change = house.change();
        assert_eq!(change["seq_num"], house.number, "{path}");
        assert_eq!(house.told(), None, "{path}");
    }
    let processed = u64::try_from(house.number).unwrap();
    assert_eq!(house.count("events.processed"), processed);
    assert_eq!(house.count("events.received"), processed);
}

#[test]
fn a_change_says_where_and_what_it_was() {
    let mut house = house();
    house.send("/live/clip_slot/playing_status", [int(2), int(1), int(1)]);
    let change = house.change();
    let expected = json!({
        "kind": "state_changed", "node_id": "track-12.slot-1", "node_type": "clip_slot",
        "path": "tracks[2].clip_slots[1]", "old_value": { "playing_status": 0 },
        "new_value": { "playing_status": 1 }, "seq_num": 1,
    });
    assert_eq!(change, expected);
}

#[test]
fn an_edit_changes_the_hashes_on_its_path_and_no_others() {
    let mut house = house();
    let hashes = |house: &House| {
        let mut all = Vec::new();
        house.tree(|tree| {
            tree.root()
                .walk(&mut |node, _| all.push((node.id().to_owned(), node.hash())));
        });
        all
    };
    let before = hashes(&house);
    house.send("/live/clip/name", [int(0), int(0), text("Loop")]);
    let after = hashes(&house);
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(a, b)| a != b)
        .map(|(a, _)| &*a.0)
        .collect();
    assert_eq!(
        changed,
        ["track-10", "track-10.slot-0", "track-10.slot-0.clip-0"]
    );
}

/// The original left the root as it was, and its lists of scenes stale: 33 scenes shown, 32 true.
#[test]
fn a_scene_that_comes_or_goes_takes_its_slots_along() {
    let mut house = house();
    let scenes = |house: &House| house.tree(|tree| tree.root().of_kind(Kind::Scene).1.len());
    let version = house.tree(Tree::scenes_version);
    house.send("/live/scene/added", [int(1), text("New")]);
    assert_eq!(scenes(&house), demo::SCENES + 1);
    assert_ne!(house.tree(Tree::scenes_version), version);
    let changes = house.changes();
    assert_eq!(changes.len(), 1 + demo::TRACKS);
    assert_eq!(changes.last().unwrap()["path"], "scenes[1]");
    assert_eq!(
        house.attribute(&child(&house, &[], Kind::Scene, 1), "name"),
        Some(Value::text("New"))
    );
    house.send("/live/scene/removed", [int(1)]);
    assert_eq!(scenes(&house), demo::SCENES);
    assert_eq!(house.tree(Tree::scenes_version), version);
    assert_eq!(house.root(), House::root(&self::house()));
}

#[test]
fn scenes_that_change_places_take_their_slots_along() {
    let mut house = house();
    let before = house.tree(|tree| tree.scene(3).unwrap().id().to_owned());
    house.send("/live/scene/reordered", [int(3), int(0)]);
    assert_eq!(
        house.tree(|tree| tree.scene(0).unwrap().id().to_owned()),
        before
    );
    let slot = child(&house, &[0], Kind::ClipSlot, 0);
    assert_eq!(
        house.tree(|tree| tree.at(&slot).unwrap().id().to_owned()),
        "track-10.slot-3"
    );
    let changes = house.changes();
    assert_eq!(changes.len(), 1 + demo::TRACKS);
    assert!(changes[0]["new_value"]["scene_order"].is_array());
}

#[test]
fn a_slot_is_created_at_the_end_or_updated_where_it_is() {
    let mut house = house();
    let on = || OscType::Bool(true);
    let slots =
        |house: &House| house.tree(|tree| tree.track(0).unwrap().of_kind(Kind::ClipSlot).1.len());
    house.send(
        "/live/clip_slot/created",
        [int(0), int(1), OscType::Bool(false), on(), int(2)],
    );
    assert_eq!(slots(&house), demo::SCENES);
    assert_eq!(house.change()["kind"], "modified");
    let end = i32::try_from(demo::SCENES).unwrap();
    house.send(
        "/live/clip_slot/created",
        [int(0), int(end), on(), on(), int(0)],
    );
    assert_eq!(slots(&house), demo::SCENES + 1);
    assert_eq!(house.change()["kind"], "added");
}

#[test]
fn a_clip_that_comes_or_goes_is_told_by_its_slot() {
    let mut house = house();
    house.send("/live/clip/removed", [int(0), int(0)]);
    let slot = child(&house, &[0], Kind::ClipSlot, 0);
    assert_eq!(house.attribute(&slot, "has_clip"), Some(Value::Bool(false)));
    house.send("/live/clip/added", [int(0), int(0), text("New")]);
    assert_eq!(house.attribute(&slot, "has_clip"), Some(Value::Bool(true)));
    let kinds: Vec<_> = house
        .changes()
        .into_iter()
        .chain(house.changes())
        .map(|c| c["kind"].clone())
        .collect();
    assert_eq!(kinds, ["modified", "removed", "modified", "added"]);
}

#[test]
fn what_sets_a_value_to_what_it_was_is_no_change() {
    let mut house = house();
    let before = house.root();
    house.send("/live/track/mute", [int(0), OscType::Bool(false)]);
    assert_eq!((house.root(), house.told()), (before, None));
    assert_eq!(house.count("events.processed"), 1);
}

#[test]
fn events_before_a_set_and_unknown_ones_are_counted_apart() {
    let mut without = empty();
    without.send("/live/track/renamed", [int(0), text("x")]);
    without.send("/live/device/param", [int(0), int(0), int(0), int(1)]);
    assert_eq!(without.count("events.ignored.no_ast"), 2);
    let mut house = house();
    house.send("/live/track/exploded", [int(0)]);
    house.send("/else", []);
    assert_eq!(house.count("events.unhandled"), 2);
    let snapshot = house.shared.figures.registry.snapshot();
    let unknown = snapshot.counter("events.received.by_type", &[("event_type", "unknown")]);
    assert_eq!(unknown, Some(2));
}

#[test]
fn an_event_that_does_not_fit_is_an_error_and_changes_nothing() {
    let mut house = house();
    let before = house.root();
    let misfits: Vec<(&str, Vec<OscType>)> = vec![
        ("/live/track/renamed", vec![int(999), text("x")]),
        ("/live/track/renamed", vec![int(-1), text("x")]),
        ("/live/track/renamed", vec![text("x"), int(0)]),
        ("/live/track/volume", vec![int(0), OscType::Float(f32::NAN)]),
        ("/live/device/param", vec![int(0), int(0), int(500), int(1)]),
        (
            "/live/clip_slot/playing_status",
            vec![int(0), int(0), int(3)],
        ),
        (
            "/live/clip/name",
            vec![int(0), int(1), text("no clip here")],
        ),
        ("/live/scene/removed", vec![]),
        ("/live/scene/reordered", vec![int(0), int(100)]),
    ];
    let count = misfits.len() as u64;
    for (path, args) in misfits {
        house.send(path, args);
    }
    assert_eq!((house.root(), house.told()), (before, None));
    assert_eq!(house.count("errors.event_processing"), count);
    let snapshot = house.shared.figures.registry.snapshot();
    let tag = [("event_type", "/live/track/renamed")];
    assert_eq!(
        snapshot.counter("errors.event_processing.by_type", &tag),
        Some(3)
    );
}

#[test]
fn the_song_and_the_cursor_are_told_and_leave_the_hashes() {
    let mut house = house();
    let before = house.root();
    house.send("/live/transport/play", [OscType::Bool(true)]);
    house.send("/live/transport/position", [OscType::Float(16.0)]);
    house.send("/live/cursor/track", [int(3)]);
    assert_eq!(house.root(), before);
    assert_eq!(house.change()["path"], "transport.playing");
    assert_eq!(house.change()["new_value"], 16.0);
    let cursor = house.change();
    assert_eq!(
        (&cursor["path"], &cursor["new_value"]),
        (&json!("cursor.track"), &json!([3]))
    );
}

/// The original's root changed on every reload, and each reload was told as all gone and all new.
#[test]
fn the_same_file_read_again_is_no_change_and_what_plays_goes_on() {
    let mut house = house();
    let path = std::path::PathBuf::from("Demo.als");
    house
        .session
        .opened(set(), Some(path.clone()), Duration::ZERO);
    assert_eq!(house.told(), None);
    house.send("/live/clip_slot/playing_status", [int(0), int(0), int(1)]);
    house.change();
    house.session.opened(set(), Some(path), Duration::ZERO);
    assert_eq!(house.told(), None);
    let slot = child(&house, &[0], Kind::ClipSlot, 0);
    assert_eq!(
        house.attribute(&slot, "playing_status"),
        Some(Value::Int(1))
    );
}

#[test]
fn a_file_that_undoes_events_is_told_as_their_reverse() {
    let mut house = house();
    house.send("/live/track/renamed", [int(0), text("Drums")]);
    house.change();
    let path = std::path::PathBuf::from("Demo.als");
    house.session.opened(set(), Some(path), Duration::ZERO);
    let change = house.change();
    assert_eq!(change["old_value"], json!({ "name": "Drums" }));
    assert_eq!(
        (&change["kind"], &change["seq_num"]),
        (&json!("modified"), &Json::Null)
    );
}

#[test]
fn a_bundle_is_its_messages_in_order() {
    use rosc::{OscBundle, OscTime};
    let rename = |name: &str| {
        OscPacket::Message(OscMessage {
            addr: "/live/track/renamed".into(),
            args: vec![int(0), text(name)],
        })
    };
    let bundle = OscBundle {
        timetag: OscTime::from((0, 1)),
        content: vec![rename("a"), rename("b")],
    };
    let mut house = house();
    house
        .session
        .datagram(&encoder::encode(&OscPacket::Bundle(bundle)).unwrap());
    assert_eq!(house.attribute(&[0], "name"), Some(Value::text("b")));
    assert_eq!(house.count("events.processed"), 2);
}

#[test]
fn a_track_that_comes_is_put_before_the_master() {
    let mut house = house();
    house.send("/live/track/added", [int(999), text("New")]);
    let last = house.tree(|tree| tree.root().of_kind(Kind::Track).1.len()) - 1;
    assert_eq!(house.change()["path"], format!("tracks[{}]", last - 1));
    assert_eq!(
        house.tree(|tree| tree.track(last).unwrap().id().to_owned()),
        "master"
    );
}
