//! The daemon's configuration file.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, unused_imports, reason = "the configuration is only read")]
#[path = "../../crates/larder-cli/src"]
mod daemon {
    pub(crate) mod config;
}

fuzz_target!(|text: &str| daemon::config::fuzzing::file(text));
