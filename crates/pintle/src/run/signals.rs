//! Ending in order when told to.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by Ctrl-C, by a service manager's SIGTERM, or when the terminal goes away.
///
/// # Errors
/// When the signals can't be listened for.
pub(crate) fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let mut signals = vec![signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    // Under nohup it must stay ignored.
    if !hangup_ignored() {
        signals.push(signal(SignalKind::hangup())?);
    }
    let stop = CancellationToken::new();
    for mut signal in signals {
        let stop = stop.clone();
        tokio::spawn(async move {
            signal.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}

fn hangup_ignored() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with a null new action the call only writes the present one to `action`, which is large enough and of which
    // every bit pattern that it may be left with (zeroes) is valid.
    let action = unsafe {
        libc::sigaction(libc::SIGHUP, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}
