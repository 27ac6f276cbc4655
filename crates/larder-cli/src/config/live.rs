//! The section `[live]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::Environment;
use super::kinds::{Address, Count, Directories, Kind, OnePath, Switch};
use super::layers::Given;
use super::reader::Reader;

/// Where Live's scripts send unless they are told otherwise.
const UDP_PORT: u16 = 9002;

/// The section `[live]`: the service that follows an Ableton Live Set.
#[derive(Debug)]
pub(crate) struct Live {
    /// Whether the service runs.
    pub(crate) enabled: bool,
    /// The set to open first; none means the built-in one.
    pub(crate) file: Option<PathBuf>,
    /// Directories under which callers may name sets.
    pub(crate) roots: Vec<PathBuf>,
    /// Where events come in.
    pub(crate) udp: Option<SocketAddr>,
    /// Results that the cache holds; 0 if it is off.
    pub(crate) cache_capacity: usize,
    /// Whether the service keeps figures.
    pub(crate) metrics: bool,
    /// `WebSocket`s at once.
    pub(crate) max_clients: usize,
    /// XML in a set.
    pub(crate) max_inflated_bytes: u64,
}

pub(super) fn read(reader: &mut Reader, environment: &Environment) -> Live {
    let home = environment.home();
    let set = OnePath {
        what: "Live Set",
        home: home.clone(),
    };
    let capacity = Count {
        min: 1,
        max: 1_000_000,
    };
    let inflated = Count {
        min: 1,
        max: 16_384,
    };
    let roots = (home.clone().into_iter().collect(), "the home directory");
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, UDP_PORT));
    Live {
        enabled: reader.read("live.enabled", &Switch, (true, "")),
        file: reader.read("live.file", &set, (None, "the built-in set")),
        roots: reader.read("live.roots", &Directories { home }, roots),
        udp: reader.read("live.udp", &LocalUdp, (Some(local), "")),
        cache_capacity: {
            let is_cached = reader.read("live.cache", &Switch, (true, ""));
            let capacity = reader.read("live.cache_capacity", &capacity, (256, ""));
            if is_cached { capacity } else { 0 }
        },
        metrics: reader.read("live.metrics", &Switch, (true, "")),
        max_clients: reader.read("live.max_clients", &Count { min: 1, max: 4_096 }, (256, "")),
        max_inflated_bytes: {
            let megabytes = reader.read("live.max_inflated_mb", &inflated, (1_024, ""));
            (megabytes as u64) << 20
        },
    }
}

/// Where events come in: this machine only, since whoever reaches the port may send them.
struct LocalUdp;

impl Kind for LocalUdp {
    type Value = Option<SocketAddr>;

    fn expected(&self) -> String {
        r#"a loopback address and port such as "127.0.0.1:9002", or "off": events have no password"#
            .to_owned()
    }

    fn read(&self, given: &Given, base: &Path) -> Option<Self::Value> {
        if matches!(given, Given::Text(text) if text.trim() == "off") {
            return Some(None);
        }
        let address = Address.read(given, base)?;
        address
            .ip()
            .to_canonical()
            .is_loopback()
            .then_some(Some(address))
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        match value {
            Some(address) => Address.show(address),
            None => Some("\"off\"".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_from_this_machine_only() {
        let read = |text: &str| LocalUdp.read(&Given::Text(text.to_owned()), Path::new(""));
        assert_eq!(read("off"), Some(None));
        assert_eq!(
            read("127.0.0.1:1"),
            Some(Some("127.0.0.1:1".parse().expect("one")))
        );
        assert!(read("[::1]:1").is_some() && read("localhost:1").is_some());
        for refused in ["0.0.0.0:9002", "192.168.1.7:9002", "9002", ""] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }
}
