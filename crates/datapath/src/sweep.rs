//! Sweeping the flow table: this side walks, the program looks at what it is handed and deletes.
//!
//! A program runs to its end before the processor is given to anybody else, so it is never let loose on a whole table.

use crate::error::{DatapathError, Result};
use crate::flows::Sweep;
use crate::maps::Map;
use crate::programs::{Program, ProgramName};
use crate::skel::{Plain, types};
use crate::sys;

/// Entries that one run looks at, as in `src/bpf/types.h`.
pub(crate) const SWEPT: usize = 256;

/// How long a first fragment is remembered, and much longer than two processors' clocks may differ.
const FRAGMENT_SECONDS: u32 = 30;

/// What it takes to sweep.
pub(crate) struct Broom<'a> {
    pub(crate) program: &'a Program,
    /// The flow table, and where keys of it are handed over.
    pub(crate) flows: [&'a Map; 2],
    /// The ports of public gateways in use, and where keys of them are handed over.
    pub(crate) ports: [&'a Map; 2],
}

impl Broom<'_> {
    /// Sweeps all of it. `slot`: an interface that has gone, whose flows forget it; 0: none. `full`: connections that are over
    /// are forgotten whoever has them.
    pub(crate) fn sweep(&self, slot: u32, full: bool) -> Result<Sweep> {
        let mut swept = Sweep::default();
        self.walk(self.flows, |count| {
            let report =
                types::sweep_report { flows: count, full: full.into(), slot, ..types::sweep_report::default() };
            swept.visited += count;
            swept.deleted += self.run(report)?;
            Ok(())
        })?;
        // After the flows: a port is free as soon as its flow is gone.
        self.walk(self.ports, |count| {
            self.run(types::sweep_report { ports: count, ..types::sweep_report::default() }).map(drop)
        })?;
        Ok(swept)
    }

    /// Forgets first fragments that are too old for later ones to follow, before the programs' clock has gone around and they
    /// seem new. `now`: the clock.
    pub(crate) fn sweep_fragments(fragments: &Map, now: u32) -> Result<()> {
        let (mut old, lasts) = (Vec::new(), crate::ticks(FRAGMENT_SECONDS));
        fragments.for_each(|key, value| {
            let tick = value.first_chunk().map_or(0, |tick| u32::from_ne_bytes(*tick));
            if now.wrapping_sub(tick) > lasts && tick.wrapping_sub(now) > lasts {
                old.push(key.to_vec());
            }
        })?;
        old.iter().try_for_each(|key| fragments.forget(key).map(drop))
    }

    /// Hands over all keys of a map, [`SWEPT`] of them at most each time that `run` is called.
    fn walk(&self, [from, to]: [&Map; 2], mut run: impl FnMut(u32) -> Result<()>) -> Result<()> {
        let places: Vec<u8> = (0..SWEPT as u32).flat_map(u32::to_ne_bytes).collect();
        let key_size = from.key_size();
        from.for_each_batch(SWEPT as u32, |keys, _| {
            for keys in keys.chunks(SWEPT * key_size) {
                let count = keys.len() / key_size;
                to.hand_over(&places[..count * size_of::<u32>()], keys, count)?;
                run(count as u32)?;
            }
            Ok(true)
        })
    }

    /// How many the program has deleted.
    fn run(&self, mut report: types::sweep_report) -> Result<u32> {
        sys::run_with_context(self.program.fd(), report.bytes_mut()).map_err(|source| DatapathError::Program {
            action: "run",
            program: ProgramName::Sweep.text(),
            source,
        })?;
        Ok(report.deleted)
    }
}
