//! Datagrams with OSC messages.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/larder-services/src/live/events/osc.rs"]
mod osc;

fuzz_target!(|datagram: &[u8]| {
    let mut messages = 0;
    let read = osc::read(datagram, |message| {
        messages += 1;
        assert!(message.path.starts_with('/'));
        assert!(message.path.len() + message.arguments.len() <= datagram.len());
    });
    // A message takes at least eight bytes, whatever follows it.
    assert!(messages * 8 <= datagram.len());
    assert!(read.is_err() || messages > 0 || datagram.len() == 16);
});
