//! What a workstation is, as clients read it. A password is no part of it.

use serde::Serialize;
use utoipa::ToSchema;

/// A workstation as the list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Given by the database, and never to another one.
    pub id: i64,
    /// Unique.
    pub name: String,
    /// An IP address or a host name.
    pub ip_address: String,
    /// `online`, `offline`, `connecting`, `error` or `unknown`.
    pub status: String,
    /// Emulators that it has.
    pub total_emulators: i64,
    /// Those of them that run.
    pub active_emulators: i64,
    /// In percent.
    pub cpu_usage: f64,
    /// In percent.
    pub memory_usage: f64,
    /// In percent.
    pub disk_usage: f64,
    /// When status, emulators or usage were last reported, in RFC 3339; `null` before they were.
    pub last_seen: Option<String>,
}

/// All that is known of a workstation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Workstation {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: Summary,
    /// Who logs in there.
    pub username: Option<String>,
    /// Where `LDPlayer` is installed.
    pub ldplayer_path: Option<String>,
    /// Where its console program is.
    pub ldconsole_path: Option<String>,
    /// Where its configurations are.
    pub configs_path: Option<String>,
    /// Whether files are reached by SMB.
    pub smb_enabled: bool,
    /// Whether commands are run by `PowerShell` remoting.
    pub powershell_remoting_enabled: bool,
    /// The port of Windows Remote Management.
    pub winrm_port: i64,
    /// Whether it is watched.
    pub monitoring_enabled: bool,
    /// Seconds between two looks at it.
    pub monitoring_interval: i64,
}
