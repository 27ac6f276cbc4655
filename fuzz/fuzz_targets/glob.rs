//! Patterns against their definition.
#![no_main]

use larder::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| fuzzing::glob(input.0, input.1));
