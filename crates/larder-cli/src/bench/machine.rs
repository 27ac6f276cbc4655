//! What the figures were measured on.

use std::fmt;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// The machine of whoever asks; where the server is another one, nothing is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) system: String,
}

impl Machine {
    pub(super) fn this() -> Self {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let mut lines = cpus.lines().filter_map(|line| line.split_once(':'));
        let model = lines.find(|(name, _)| name.trim() == "model name");
        let architecture = std::env::consts::ARCH;
        Self {
            processor: model
                .map_or(architecture, |(_, model)| model.trim())
                .to_owned(),
            cores: available_parallelism().map_or(1, std::num::NonZero::get),
            system: format!("{} {architecture}", std::env::consts::OS),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} cores, {}",
            self.processor, self.cores, self.system
        )
    }
}
