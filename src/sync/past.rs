//! What a run remembers of former ones, and leaves to later ones (`--ledger`).

use std::path;
use std::thread;
use std::time::Duration;

use crate::error::{Class, Fault, Place};
use crate::journal::kept::{Horizon, Kept, Strength};
use crate::model::meta::Stamp;
use crate::phase::past::Past;
use crate::settings::{Effect, Settings, Verify};
use crate::sync::Run;
use crate::sys::mount::{Locality, locality};
use crate::sys::process;

/// The clocks of file systems go in steps of up to 10 ms, so that what changes twice in a step has the same
/// time after both. What existed before this much time has passed can not do that any more.
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// Where a server sets the times nobody knows its steps.
const SERVER_STEP_SECS: i64 = 2;

/// An open ledger.
pub(super) struct Opened {
    kept: Kept,
    /// What was there by then has changed before.
    since: Stamp,
}

/// Opens the ledger, if there is to be one.
///
/// # Errors
/// It can not be used.
pub(super) fn open(settings: &Settings) -> Result<Option<Opened>, Fault> {
    let verifies = match settings.effect {
        Effect::Sync => settings.verify != Verify::None,
        Effect::VerifyOnly => true,
        Effect::DryRun | Effect::List => false,
    };
    let Some(file) = settings.proof.ledger.as_ref().filter(|_| verifies) else { return Ok(None) };
    let place = Place::operand(file);
    let dest = &settings.roots.dest;
    let dest = path::absolute(dest).map_err(|error| {
        Fault::io(Class::FileIo, "find the way to", Place::operand(dest), error)
    })?;
    // `DST` and `DST/` are one.
    let dest = dest.components().as_path().to_owned();
    if path::absolute(file).is_ok_and(|file| file.starts_with(&dest)) {
        let why = "it lies in the destination, and would be taken for a part of it";
        return Err(Fault::rule(Class::Usage, "use the ledger", place, why));
    }
    let kept = Kept::open(file, &dest)
        .map_err(|unfit| Fault::rule(Class::Usage, "use the ledger", place, unfit.to_string()))?;
    thread::sleep(CLOCK_STEP);
    Ok(Some(Opened { kept, since: process::now() }))
}

impl Opened {
    /// For a pool of `workers` threads.
    pub(super) fn shared_by(self, workers: usize) -> Self {
        Self { kept: self.kept.shared_by(workers), ..self }
    }
}

/// The present, or some time before it where a server sets the times.
fn horizon(before: Stamp, locality: Locality) -> Stamp {
    match locality {
        Locality::Network => Stamp { secs: before.secs - SERVER_STEP_SECS, ..before },
        Locality::Local | Locality::Memory => {
            let step = i64::from(CLOCK_STEP.subsec_nanos());
            let nanos = i64::from(before.nanos) - step;
            let (secs, nanos) = if nanos < 0 {
                (before.secs - 1, nanos + 1_000_000_000)
            } else {
                (before.secs, nanos)
            };
            Stamp { secs, nanos: u32::try_from(nanos).unwrap_or_default() }
        }
    }
}

impl Run<'_> {
    /// What phase two asks of the past. It waits until what phase one has written last is old enough.
    pub(super) fn past(&self) -> Option<Past<'_>> {
        let Opened { kept, since } = self.kept.as_ref()?;
        let opened = |chain: &crate::sys::chain::Chain| chain.get().and_then(|dir| locality(&dir));
        let of_dest = self
            .dest
            .chain
            .as_ref()
            .map_or(Locality::Network, |chain| opened(chain).unwrap_or(Locality::Network));
        let mut sources = self.sources.layers.iter();
        let is_remote = sources
            .any(|layer| !matches!(opened(&layer.chain), Ok(Locality::Local | Locality::Memory)));
        let of_source = if is_remote { Locality::Network } else { Locality::Local };
        thread::sleep(CLOCK_STEP);
        let strength = match self.pass.tolerance.from_storage {
            Some(_) => Strength::Storage,
            None => Strength::Cache,
        };
        let horizon =
            Horizon { source: horizon(*since, of_source), dest: horizon(process::now(), of_dest) };
        Some(Past { kept, horizon, strength })
    }

    /// Ends the ledger.
    pub(super) fn close_ledger(&mut self, report: &mut super::Report) {
        let closed = self.kept.take().map_or(Ok(()), |opened| opened.kept.close());
        if let (Err(error), Some(file)) = (closed, &self.pass.settings.proof.ledger) {
            let fault = Fault::io(Class::FileIo, "write", Place::operand(file), error);
            report.meet(Some(fault.class));
            self.observer.fault(&fault);
        }
    }
}
