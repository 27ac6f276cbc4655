//! What lower tiers store, whole and damaged.
#![no_main]

use larder::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &str, &str, &[u8])| {
    let (bit, key, other_key, after_format) = input;
    fuzzing::envelope(key, other_key, after_format, bit.into());
});
