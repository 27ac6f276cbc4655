//! Values from bytes, with the memory that it takes, and bytes from values.
#![no_main]

use larder::fuzzing;
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A claimed length that is not true may reserve this much: serde's limit is 1 MiB a sequence.
const RESERVED_BYTES_MAX: usize = 4 << 20;
/// One byte can be an element, such as a `None` of 24 bytes; a list that grows is held twice.
const TIMES_MAX: usize = 128;

fuzz_target!(|input: (u8, u32, u16, (u16, u8), &[u8])| {
    let (choice, raw_len, repeats, (at, change), bytes) = input;
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let raw_bytes_max = fuzzing::decoding(bytes, choice, raw_len);
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let allowed = RESERVED_BYTES_MAX + TIMES_MAX * raw_bytes_max;
    assert!(taken <= allowed, "{taken} bytes taken, {allowed} allowed");
    fuzzing::encoding(bytes, choice, repeats, (at.into(), change));
});
