//! The section `[workstations]`.

use super::kinds::{DatabaseUrl, Switch};
use super::reader::Reader;
use super::remote::Secret;

/// The section `[workstations]`.
#[derive(Debug)]
pub(crate) struct Workstations {
    /// Whether the service runs.
    pub(crate) enabled: bool,
    /// The URL of its database; none means a file in the state directory.
    pub(crate) database: Option<Secret>,
}

pub(super) fn read(reader: &mut Reader) -> Workstations {
    let file = (None, "workstations.db in the state directory");
    Workstations {
        enabled: reader.read("workstations.enabled", &Switch, (true, "")),
        database: reader.read("workstations.database", &DatabaseUrl, file),
    }
}
