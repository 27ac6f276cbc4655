//! Any events, and what must hold after each.

use super::super::super::tree::Node;
use super::*;

/// The hash of a node and all below it, made from its parts alone.
fn made_anew(node: &Node) -> Node {
    let children = node
        .children()
        .iter()
        .map(|child| Arc::new(made_anew(child)));
    let attributes = node.attributes().clone();
    Node::new(
        node.kind(),
        node.id(),
        attributes,
        children.collect(),
        &mut Vec::new(),
    )
}

fn random_event(random: &mut fastrand::Rng) -> (&'static str, Vec<OscType>) {
    let track = int(random.i32(0..60));
    let scene = int(random.i32(0..110));
    let device = int(random.i32(0..4));
    let name = text(["a", "b", "c"][random.usize(..3)]);
    let on = OscType::Bool(random.bool());
    match random.u8(..14) {
        0 => ("/live/track/renamed", vec![track, name]),
        1 => ("/live/track/added", vec![track, name]),
        2 => ("/live/track/deleted", vec![track]),
        3 => ("/live/track/mute", vec![track, on]),
        4 => ("/live/device/added", vec![track, device, name]),
        5 => ("/live/device/deleted", vec![track, device]),
        6 => (
            "/live/device/param",
            vec![track, device.clone(), device, OscType::Float(random.f32())],
        ),
        7 => ("/live/scene/added", vec![scene, name]),
        8 => ("/live/scene/removed", vec![scene]),
        9 => (
            "/live/scene/reordered",
            vec![scene, int(random.i32(0..110))],
        ),
        10 => (
            "/live/clip_slot/created",
            vec![track, scene, on.clone(), on, int(random.i32(0..3))],
        ),
        11 => ("/live/clip/added", vec![track, scene, name]),
        12 => ("/live/clip/removed", vec![track, scene]),
        _ => ("/live/clip/name", vec![track, scene, name]),
    }
}

#[test]
fn after_any_events_the_hashes_are_those_of_a_tree_made_anew_and_every_change_was_told() {
    let mut random = fastrand::Rng::new();
    let seed = random.u64(..);
    random.seed(seed);
    let mut house = house();
    for _ in 0..60 {
        let before = house.tree(|tree| tree.root().clone());
        let (path, args) = random_event(&mut random);
        house.send(path, args);
        house.time.advance(DEBOUNCE);
        house.session.tick();
        let has_changed = before.hash() != house.root();
        assert_eq!(house.told().is_some(), has_changed, "{path}, seed {seed}");
        house.tree(|tree| {
            assert_eq!(
                made_anew(tree.root()).hash(),
                tree.root().hash(),
                "{path}, seed {seed}"
            );
            assert_eq!(tree.root().size(), tree.nodes(), "{path}, seed {seed}");
            tree.root().walk(&mut |node, at| {
                if node.kind() == Kind::ClipSlot {
                    assert_eq!(
                        tree.find(node.id()).map(|found| found.1).as_deref(),
                        Some(at),
                        "{path}, seed {seed}"
                    );
                }
            });
        });
    }
}
