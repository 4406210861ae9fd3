//! Threads in a namespace, pinned to a processor: what every load generator runs on.

use std::fs::File;
use std::sync::mpsc;

use anyhow::{Context, anyhow};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns};
use nix::unistd::Pid;

/// Runs `work` on a thread in the named namespace on one processor, and returns what it returns.
///
/// # Errors
/// When the namespace can't be entered, or as `work`.
pub fn run_in<R: Send + 'static>(
    namespace: &str,
    cpu: usize,
    work: impl FnOnce() -> anyhow::Result<R> + Send + 'static,
) -> anyhow::Result<R> {
    let thread = start_in(namespace, cpu, work)?;
    thread.join().map_err(|_| anyhow!("a load generator's thread panicked"))?
}

/// As [`run_in`], without waiting. Returns once the thread is inside the namespace.
///
/// # Errors
/// When the namespace can't be entered.
pub fn start_in<R: Send + 'static>(
    namespace: &str,
    cpu: usize,
    work: impl FnOnce() -> anyhow::Result<R> + Send + 'static,
) -> anyhow::Result<std::thread::JoinHandle<anyhow::Result<R>>> {
    let file = File::open(format!("/run/netns/{namespace}")).with_context(|| format!("namespace '{namespace}'"))?;
    let (inside, is_inside) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name("load".into()).spawn(move || {
        let entered = enter(&file, cpu);
        let failed = entered.is_err();
        let _ = inside.send(entered);
        if failed {
            return Err(anyhow!("the namespace could not be entered"));
        }
        work()
    })?;
    is_inside.recv().context("the thread ended")??;
    Ok(thread)
}

fn enter(namespace: &File, cpu: usize) -> anyhow::Result<()> {
    setns(namespace, CloneFlags::CLONE_NEWNET)?;
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    // Loads must not share their time with whatever else runs; refused without privilege, and then it is only noisier.
    // SAFETY: setpriority has no memory effects.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) };
    Ok(())
}
