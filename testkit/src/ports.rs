//! Ports of loopback that nobody listens on.
//!
//! They lie below the range from which systems take the ports of outgoing
//! connections. So the port of a server that a test has stopped is still free
//! when the server comes back.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Mutex;

const FIRST: u16 = 10_240;
const LAST: u16 = 32_767;

/// The port that this process gave out last.
static LAST_GIVEN: Mutex<Option<u16>> = Mutex::new(None);

/// An address that could be bound a moment ago. This process does not give it
/// out again before it has given all others; another process may take it
/// meanwhile, so whoever binds it must be ready to ask again.
pub(crate) fn free() -> SocketAddr {
    loop {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, next()));
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}

/// Processes begin at random places, so that they seldom meet.
fn next() -> u16 {
    let mut last = LAST_GIVEN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let port = match *last {
        None => fastrand::u16(FIRST..=LAST),
        Some(LAST) => FIRST,
        Some(port) => port + 1,
    };
    *last = Some(port);
    port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_given_twice() {
        let given: std::collections::HashSet<_> = (0..100).map(|_| free()).collect();
        assert_eq!(given.len(), 100);
    }
}
