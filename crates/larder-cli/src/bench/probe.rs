//! The first request of each side: whether there is something to measure at all. Its answer is not
//! counted.

use std::time::Duration;

use tokio::time::timeout;

use super::http::Connection;
use super::plan::Plan;
use super::subject::Subject;
use super::tally::{Failure, is_good};
use crate::client::Problem;

const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Why nothing can be measured. The texts are for the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("{asked}: {failure}; is a server running there?")]
    Unreachable { asked: String, failure: String },
    #[error("{asked}: {failure}")]
    Broken { asked: String, failure: String },
    #[error("{asked} is refused: {problem}; {advice}")]
    Refused {
        asked: String,
        problem: Box<Problem>,
        advice: &'static str,
    },
    #[error("{asked} is not found: {problem}")]
    NotFound {
        asked: String,
        problem: Box<Problem>,
    },
    #[error("{asked} has no answer yet: {problem}")]
    NotReady {
        asked: String,
        problem: Box<Problem>,
    },
    #[error("{asked}: expected status 2xx, got: {problem}")]
    Status {
        asked: String,
        problem: Box<Problem>,
    },
}

const GIVE_HEADER: &str = "give what it asks for with -H 'Authorization: …'";
const GIVE_TOKEN: &str = "clearing needs an admin's token: give it with --token or $LARDER_TOKEN, or name the daemon's \
     --state-dir";

/// Asks each side once, and clears once what is to be cleared.
///
/// # Errors
/// The first side that does not answer well.
pub(super) async fn probe(plan: &Plan) -> Result<(), Unfit> {
    for side in &plan.sides {
        for clear in side.clearing.iter().flat_map(|clearing| &clearing.subjects) {
            ask(clear, "", plan.load.timeout, GIVE_TOKEN).await?;
        }
        let key = plan.keys.at(0, plan.seed);
        ask(&side.subject, &key, plan.load.timeout, GIVE_HEADER).await?;
    }
    Ok(())
}

async fn ask(
    subject: &Subject,
    key: &str,
    patience: Duration,
    advice: &'static str,
) -> Result<(), Unfit> {
    let asked = subject.title();
    let request = subject.request(key).map_err(|error| Unfit::Broken {
        asked: asked.clone(),
        failure: error.to_string(),
    })?;
    let mut connection = Connection::new(subject.origin.clone());
    let answer = timeout(patience, connection.ask_for_text(request, TEXT_BYTES_MAX)).await;
    match answer.unwrap_or(Err(Failure::TimedOut)) {
        Ok((status, _)) if is_good(status) => Ok(()),
        Ok((status, text)) => Err(of_status(asked, status, &text, advice)),
        Err(failure) => {
            let is_there = matches!(failure, Failure::Cut(_) | Failure::Protocol(_));
            let failure = failure.to_string();
            Err(if is_there {
                Unfit::Broken { asked, failure }
            } else {
                Unfit::Unreachable { asked, failure }
            })
        }
    }
}

fn of_status(asked: String, status: u16, text: &str, advice: &'static str) -> Unfit {
    let problem = Box::new(Problem::parse(status, text));
    match status {
        401 | 403 => Unfit::Refused {
            asked,
            problem,
            advice,
        },
        404 => Unfit::NotFound { asked, problem },
        503 => Unfit::NotReady { asked, problem },
        _ => Unfit::Status { asked, problem },
    }
}
