//! Items of the invalidation log.
#![no_main]

use larder::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<&str>, &[u8])| {
    let (texts, bytes) = input;
    fuzzing::log_item_of(&texts);
    fuzzing::log_item(bytes);
});
