//! What caching saves, measured: of any server over the network, or of services of this process.
//!
//! `run` asks uncached and cached in turns: [plan] says what, [load] when, [subject] and [http] ask,
//! [tally] counts, [report] has what came of it, and [text], [markdown], [csv] and [html] show it.
//! `compare` reads two reports. `context` asks the assistant questions, `seeds` measures the
//! services of this process. It must not know how a cache works.

mod compare;
mod context;
mod csv;
mod html;
mod http;
mod keys;
mod load;
mod machine;
mod markdown;
mod masked;
mod outputs;
mod places;
mod plan;
mod plots;
mod probe;
mod progress;
mod report;
mod run;
mod sections;
mod seeds;
mod statistics;
mod subject;
mod tally;
mod text;
mod threshold;
mod uncached;

pub(crate) use compare::run as compare;
pub(crate) use context::run as context;
pub(crate) use probe::Unfit;
pub(crate) use run::run;
pub(crate) use seeds::run as seeds;
pub(crate) use threshold::Threshold;
pub(crate) use uncached::Uncached;
