//! The service `assistant_context`, as it is configured.

use std::sync::Arc;

use anyhow::Context as _;
use larder::{Clock, Tiers};
use larder_http::Gateway;
use larder_services::assistant_context::{
    AssistantContext, Knowledge, Options, PostgRest, Rpc, Running,
};

use crate::config::{Config, Secret};

pub(super) fn start(
    config: &Config,
    gateway: &Gateway,
    tiers: &Tiers,
) -> anyhow::Result<Option<(AssistantContext, Running)>> {
    let settings = &config.assistant_context;
    if !settings.enabled {
        return Ok(None);
    }
    let options = Options {
        rpc: rpc(config, gateway)?,
        rpc_limit: settings.rpc_timeout,
        memory_bytes_max: settings.memory_bytes_max,
        tiers: tiers.clone(),
        clock: Clock::system(),
    };
    let started = AssistantContext::start(options).context("cannot start assistant_context")?;
    Ok(Some(started))
}

/// The server that is configured, else the knowledge base, which is filled in the background.
fn rpc(config: &Config, gateway: &Gateway) -> anyhow::Result<Arc<dyn Rpc>> {
    let settings = &config.assistant_context;
    if let Some(url) = &settings.rpc_url {
        let key = settings.rpc_key.as_ref().map(|Secret(key)| key.as_str());
        let server = PostgRest::at(url, key).context("cannot use assistant_context.rpc_url")?;
        return Ok(Arc::new(server));
    }
    let file = config.state_dir.join("assistant_context.db");
    let url = format!("sqlite:{}", file.display());
    let knowledge = Knowledge::open(&url, &gateway.registry())
        .context("cannot use the knowledge base of assistant_context")?;
    let knowledge = Arc::new(knowledge);
    let filling = knowledge.clone();
    tokio::spawn(async move {
        if let Err(error) = filling.fill().await {
            tracing::warn!(%error, "the knowledge base cannot be filled yet");
        }
    });
    Ok(knowledge)
}
