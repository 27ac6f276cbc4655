//! Live Sets, and files that are none, within limits; and what differs between two of them.
#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, unused_imports, reason = "sets are only read")]
#[path = "../../crates/larder-services/src/live"]
mod live {
    pub(crate) mod als;
    pub(crate) mod tree;
}

use live::als::{self, Limits};

const LIMITS: Limits = Limits {
    inflated_bytes_max: 1 << 20,
    token_bytes_max: 1 << 16,
    depth_max: 64,
    elements_max: 100_000,
    nodes_max: 10_000,
};

fuzz_target!(|input: (bool, &[u8])| {
    let (is_packed, bytes) = input;
    if is_packed {
        drop(als::read(bytes, &LIMITS));
        return;
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    let packed = packed.finish().unwrap();
    let Ok(set) = als::read(&packed[..], &LIMITS) else {
        return;
    };
    let tree = set.tree;
    assert!(tree.nodes() <= LIMITS.nodes_max + 1);
    let mut found = 1;
    tree.root().walk(&mut |node, path| {
        found += 1;
        let (same, at) = tree.find(node.id()).unwrap();
        assert_eq!((same.hash(), &*at), (node.hash(), path), "{}", node.id());
    });
    assert_eq!(found, tree.nodes());
    let again = als::read(&packed[..], &LIMITS).unwrap();
    assert_eq!(again.tree.root().hash(), tree.root().hash());
});
