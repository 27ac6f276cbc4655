//! The scripts that the server runs, each one atomic. What each takes and answers stands in its first
//! lines.
//!
//! Must not know connections, nor what a namespace is.

use std::sync::LazyLock;

/// A script and the hash under which the server keeps it.
pub(crate) struct Script {
    /// For people.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) hash: LazyLock<String>,
}

macro_rules! script {
    ($constant:ident, $name:literal, $text:expr) => {
        pub(crate) static $constant: Script = Script {
            name: $name,
            text: $text,
            hash: LazyLock::new(|| redis::Script::new($text).get_hash().to_owned()),
        };
    };
}

script!(READ, "READ", include_str!("scripts/read.lua"));
script!(ACQUIRE, "ACQUIRE", include_str!("scripts/acquire.lua"));
// The flag lets a full server run what stores nothing.
script!(
    FILL,
    "FILL",
    concat!("#!lua\n", include_str!("scripts/fill.lua"))
);
script!(
    SEAL,
    "SEAL",
    concat!("#!lua flags=allow-oom\n", include_str!("scripts/fill.lua"))
);
script!(EXTEND, "EXTEND", include_str!("scripts/extend.lua"));
script!(SOFTEN, "SOFTEN", include_str!("scripts/soften.lua"));
script!(
    INVALIDATE,
    "INVALIDATE",
    include_str!("scripts/invalidate.lua")
);
script!(RENEW, "RENEW", include_str!("scripts/renew.lua"));
script!(RELEASE, "RELEASE", include_str!("scripts/release.lua"));
script!(DROP, "DROP", include_str!("scripts/drop.lua"));
script!(LOG, "LOG", include_str!("scripts/log.lua"));
script!(PLACE, "PLACE", include_str!("scripts/place.lua"));
script!(BEAT, "BEAT", include_str!("scripts/beat.lua"));

/// All of them, to be loaded where a connection begins.
pub(crate) static ALL: [&Script; 13] = [
    &READ,
    &ACQUIRE,
    &FILL,
    &SEAL,
    &EXTEND,
    &SOFTEN,
    &INVALIDATE,
    &RENEW,
    &RELEASE,
    &DROP,
    &LOG,
    &PLACE,
    &BEAT,
];
