//! What differs between two files.

use larder_services::live::{ChangeKind, Diff, Kind, Value, diff};
use serde_json::json;

use super::{packed, read, sample, xml};

fn between(old: &str, new: &str) -> Diff {
    let (old, new) = (read(&packed(old)).unwrap(), read(&packed(new)).unwrap());
    diff(&old.tree, &new.tree)
}

fn track(id: u32, name: &str) -> String {
    format!(r#"<MidiTrack Id="{id}"><Name><EffectiveName Value="{name}"/></Name></MidiTrack>"#)
}

#[test]
fn a_set_and_its_backup_differ_in_little() {
    let open = |name: &str| read(&std::fs::read(sample(name)).unwrap()).unwrap().tree;
    let old = open("nodealsparser__Foo__2024-10-26_140508_.als");
    let new = open("nodealsparser__Foo.als");
    let changed = diff(&old, &new);
    assert!(changed.changes.len() <= 5, "{:#?}", changed.changes);
    assert_eq!((changed.added, changed.removed), (0, 0));
    assert_eq!(changed.unchanged + changed.modified, new.nodes());
}

#[test]
fn a_file_does_not_differ_from_itself() {
    let set = xml(&track(1, "a"), "");
    let none = between(&set, &set);
    assert_eq!((none.changes.len(), none.unchanged), (0, 4));
}

#[test]
fn a_track_put_between_others_is_one_change() {
    let old = xml(&[track(1, "a"), track(2, "b")].concat(), "");
    let new = xml(
        &[track(1, "a"), track(3, "new"), track(2, "b")].concat(),
        "",
    );
    let changed = between(&old, &new);
    assert_eq!(changed.changes.len(), 1);
    let change = &changed.changes[0];
    assert_eq!(
        (change.kind, &*change.path),
        (ChangeKind::Added, "tracks[1]")
    );
    assert_eq!(
        (&*change.node_id, change.node_type),
        ("track-3", Kind::Track)
    );
    let back = between(&new, &old);
    assert_eq!(
        (back.changes[0].kind, &*back.changes[0].path),
        (ChangeKind::Removed, "tracks[1]")
    );
}

#[test]
fn a_name_is_told_with_what_it_was() {
    let changed = between(&xml(&track(1, "a"), ""), &xml(&track(1, "b"), ""));
    let change = &changed.changes[0];
    assert_eq!(
        (&change.old_value, &change.new_value),
        (&json!({ "name": "a" }), &json!({ "name": "b" }))
    );
    assert_eq!((changed.modified, changed.unchanged), (1, 3));
}

#[test]
fn another_order_is_one_change_of_the_parent() {
    let old = xml(&[track(1, "a"), track(2, "b"), track(3, "c")].concat(), "");
    let new = xml(&[track(3, "c"), track(1, "a"), track(2, "b")].concat(), "");
    let changed = between(&old, &new);
    assert_eq!(changed.changes.len(), 1);
    let order = json!(["track-3", "track-1", "track-2", "master"]);
    assert_eq!(changed.changes[0].new_value["track_order"], order);
    assert_eq!(changed.changes[0].kind, ChangeKind::Modified);
}

#[test]
fn who_holds_an_older_tree_keeps_it() {
    let mut tree = read(&packed(&xml(&track(1, "a"), ""))).unwrap().tree;
    let (older, hash) = (tree.root().clone(), tree.root().hash());
    let other = tree.track(1).unwrap().clone();
    tree.set(&[0], "name", Value::text("b")).unwrap();
    assert_eq!(older.hash(), hash);
    assert_eq!(
        older.children()[0].attributes().get("name"),
        Some(&Value::text("a"))
    );
    assert_ne!(tree.root().hash(), hash);
    assert!(
        std::sync::Arc::ptr_eq(&other, tree.track(1).unwrap()),
        "what is not on the path is shared"
    );
    assert!(tree.set(&[9], "name", Value::text("b")).is_none());
}

#[test]
fn a_note_that_moved_changes_its_clip() {
    let with = |time: u32| {
        let clip = format!(
            r#"<MidiClip Id="0" Time="0"><Notes><KeyTracks><KeyTrack><Notes><MidiNoteEvent Time="{time}"/></Notes>
            </KeyTrack></KeyTracks></Notes></MidiClip>"#
        );
        xml(
            &format!(
                r#"<MidiTrack Id="1"><DeviceChain><MainSequencer><ClipSlotList><ClipSlot Id="0"><ClipSlot><Value>{clip}
                </Value></ClipSlot></ClipSlot></ClipSlotList></MainSequencer></DeviceChain></MidiTrack>"#
            ),
            "",
        )
    };
    let changed = between(&with(1), &with(2));
    assert_eq!(changed.changes.len(), 1);
    assert_eq!(changed.changes[0].path, "tracks[0].clip_slots[0].clips[0]");
    assert!(changed.changes[0].new_value["notes_digest"].is_string());
}
