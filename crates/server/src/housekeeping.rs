//! What has to be done now and then: forgetting the tokens of requests that can't come again.

use std::sync::Arc;
use std::time::Duration;

use pintle_core::{Command, Request, query};
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, EngineError};

/// How often it is looked after.
const EVERY: Duration = Duration::from_secs(600);

/// Looks after it until the server stops.
pub(crate) async fn keep(engine: Arc<Engine>, stop: CancellationToken) {
    loop {
        if let Err(error) = forget_tokens(&engine).await {
            tracing::warn!(%error, "old tokens of requests could not be forgotten; they are tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn forget_tokens(engine: &Engine) -> Result<(), EngineError> {
    // In bounded steps, so that no commit is large.
    while engine.read(|snapshot| query::has_old_tokens(snapshot, engine.now())).await? {
        engine.execute(Request::system(Command::ForgetTokens)).await?;
    }
    Ok(())
}
