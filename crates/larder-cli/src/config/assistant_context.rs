//! The section `[assistant_context]`.

use std::path::Path;
use std::time::Duration;

use larder_services::assistant_context::PostgRest;

use super::Secret;
use super::kinds::{Count, Kind, Span, Switch, Text};
use super::layers::Given;
use super::reader::Reader;

/// The section `[assistant_context]`.
#[derive(Debug)]
pub(crate) struct AssistantContext {
    /// Whether the service runs.
    pub(crate) enabled: bool,
    /// Whom contexts are asked from; none means the embedded knowledge base.
    pub(crate) rpc_url: Option<String>,
    /// What that knows the daemon by.
    pub(crate) rpc_key: Option<Secret>,
    /// How long a call may take.
    pub(crate) rpc_timeout: Duration,
    /// What contexts may take in memory.
    pub(crate) memory_bytes_max: u64,
}

pub(super) fn read(reader: &mut Reader) -> AssistantContext {
    let timeout = Span {
        min: Duration::from_millis(50),
        max: Duration::from_mins(2),
    };
    let memory = Count { min: 1, max: 4_096 };
    let key = Text { is_secret: true };
    let embedded = (None, "the embedded knowledge base");
    let timeout_default = (Duration::from_secs(5), "");
    AssistantContext {
        enabled: reader.read("assistant_context.enabled", &Switch, (true, "")),
        rpc_url: reader.read("assistant_context.rpc_url", &RpcUrl, embedded),
        rpc_key: reader.read("assistant_context.rpc_key", &key, (None, "")),
        rpc_timeout: reader.read("assistant_context.rpc_timeout", &timeout, timeout_default),
        memory_bytes_max: {
            let megabytes = reader.read("assistant_context.memory_mb", &memory, (64, ""));
            (megabytes as u64) << 20
        },
    }
}

/// The URL of a server that speaks as `PostgREST`, or `none`.
struct RpcUrl;

impl Kind for RpcUrl {
    type Value = Option<String>;

    fn expected(&self) -> String {
        r#"a URL such as "https://project.example", without user, query or fragment, or "none""#
            .to_owned()
    }

    fn read(&self, given: &Given, _: &Path) -> Option<Self::Value> {
        let Given::Text(text) = given else {
            return None;
        };
        match text.trim() {
            "none" => Some(None),
            url => PostgRest::is_base(url).then(|| Some(url.to_owned())),
        }
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        value
            .as_ref()
            .map(|url| toml::Value::from(url.as_str()).to_string())
    }

    /// A URL that is refused may hold a password.
    fn problem(&self, _: &Given) -> String {
        format!("(not shown): expected {}", self.expected())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Environment, Flags};
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<AssistantContext, String> {
        let home = [("HOME", "/home/dev")];
        let environment: Environment = variables.iter().copied().chain(home).collect();
        let loaded = Config::load(&Flags::default(), &environment);
        loaded
            .map(|config| config.assistant_context)
            .map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn contexts_are_embedded_unless_a_server_is_named() {
        let context = load(&[]).expect("good");
        assert!(context.enabled && context.rpc_url.is_none());
        assert_eq!(context.rpc_timeout, Duration::from_secs(5));
        assert_eq!(context.memory_bytes_max, 64 << 20);
        let variables = [
            ("LARDER_ASSISTANT_CONTEXT_RPC_URL", "https://a.example/"),
            ("LARDER_ASSISTANT_CONTEXT_RPC_KEY", "secret"),
            ("LARDER_ASSISTANT_CONTEXT_RPC_TIMEOUT", "250ms"),
        ];
        let context = load(&variables).expect("good");
        assert_eq!(context.rpc_url.as_deref(), Some("https://a.example/"));
        assert_eq!(context.rpc_timeout, Duration::from_millis(250));
        assert!(!format!("{context:?}").contains("secret"));
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_not_shown() {
        for bad in ["https://u:hidden@a.example", "ftp://hidden", "hidden"] {
            let refused = load(&[("LARDER_ASSISTANT_CONTEXT_RPC_URL", bad)]).expect_err(bad);
            assert!(refused.contains("expected a URL such as"), "{refused}");
            assert!(!refused.contains("hidden"), "{refused}");
        }
    }
}
