//! The end of a server that can't go on: loud, and at once.
//!
//! Some tasks must not end while the server runs: without the projector hosts hear of nothing any more, without the
//! reconciler nothing becomes stable, and the API would go on promising both. A server that ends is started again by
//! whoever looks after it, and finds everything in the store.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

/// Runs a task whose panic ends the process.
pub(crate) async fn vital(name: &'static str, task: impl Future<Output = ()>) {
    watched(name, task, |reason| {
        tracing::error!("{reason}");
        // The log may go elsewhere.
        eprintln!("{reason}");
        std::process::abort()
    })
    .await;
}

async fn watched(name: &'static str, task: impl Future<Output = ()>, end: impl FnOnce(String)) {
    if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
        let text = panic_text(&*panic);
        end(format!("the {name} has panicked ({text}): the server can't go on and ends; hosts forward on as they are"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_server_with_its_reason_and_an_end_does_not() {
        let mut reasons = Vec::new();
        watched("projector", async { panic!("no {} left", "entries") }, |reason| reasons.push(reason)).await;
        watched("reconciler", async {}, |reason| reasons.push(reason)).await;
        let [reason] = &reasons[..] else { panic!("one: {reasons:?}") };
        assert!(reason.contains("the projector has panicked (no entries left)"), "{reason}");
    }
}
