//! Keys from texts, and texts from keys.
#![no_main]

use larder::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8], &str, &str)| {
    let (number, bytes, one, other) = input;
    fuzzing::key(one, other, number, bytes);
    fuzzing::key_text(one);
    fuzzing::key_text(other);
});
