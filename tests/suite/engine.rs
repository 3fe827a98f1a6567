//! The library as a test sees it: settings, a run with an observer of the test's own, and what it counted.
//!
//! Counts of bytes come from here; how a person sees a run is tested through the program.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;

use twosync::effort::Stop;
use twosync::error::Fault;
use twosync::model::change::Attrs;
use twosync::report::ledger::Ledger;
use twosync::report::observer::{Detail, Event, Observer, Outcome, Phase};
use twosync::settings::deletion::{Extraneous, FullDirs};
use twosync::settings::{Jobs, Kinds, Recursion, Settings};
use twosync::sync::{Report, run};

use crate::support::arena::is_root;

/// The settings of `-a source/ dest`.
pub(crate) fn archive(source: &Path, dest: &Path) -> Settings {
    let mut settings = Settings::default();
    settings.roots.sources = vec![source.join("")];
    dest.clone_into(&mut settings.roots.dest);
    settings.select.recursion = Recursion::Full;
    settings.select.kinds = Kinds::all();
    settings.preserve.attrs = Attrs::MTIME | Attrs::MODE | Attrs::GROUP;
    settings.preserve.attrs.set(Attrs::OWNER, is_root());
    settings
}

/// Adds `--delete`.
pub(crate) fn deleting(mut settings: Settings) -> Settings {
    settings.delete.extraneous = Extraneous::Remove;
    settings.delete.full_dirs = FullDirs::Remove;
    settings
}

/// All that a run told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) report: Report,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) faults: Vec<String>,
}

impl Told {
    /// Bytes of content that both phases wrote.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.report.copy.written_bytes + self.report.verify.unwrap_or_default().written_bytes
    }

    /// Paths of all entries that were changed, whose content was written or not.
    pub(crate) fn changed_paths(&self) -> Vec<String> {
        let path = |outcome: &Outcome| outcome.change.path.as_bytes().escape_ascii().to_string();
        self.outcomes.iter().map(path).collect()
    }
}

/// Runs the engine.
pub(crate) fn engine(settings: &Settings) -> Told {
    engine_with(settings, |_| {})
}

/// Runs the engine and calls `between` when a phase has ended.
pub(crate) fn engine_with(settings: &Settings, between: impl Fn(Phase) + Sync) -> Told {
    watched(settings, between, |_, _| {})
}

/// Runs the engine with one worker and calls `meanwhile` with each line, by its path, as it is told: with those of the
/// same directory listed, and groups of hard links that end there still to be done.
pub(crate) fn engine_amid(
    settings: &Settings,
    between: impl Fn(Phase) + Sync,
    meanwhile: impl Fn(Phase, &[u8]) + Sync,
) -> Told {
    let mut settings = settings.clone();
    settings.effort.jobs = Jobs::Fixed(NonZeroUsize::MIN);
    watched(&settings, between, meanwhile)
}

fn watched(
    settings: &Settings,
    between: impl Fn(Phase) + Sync,
    meanwhile: impl Fn(Phase, &[u8]) + Sync,
) -> Told {
    let watcher = Watcher { told: Mutex::default(), between, meanwhile };
    let report = run(settings, &watcher, &Stop::default()).expect("the run starts");
    let mut told = watcher.told.into_inner().expect("no worker panicked");
    told.report = report;
    told
}

struct Watcher<B, M> {
    told: Mutex<Told>,
    between: B,
    meanwhile: M,
}

impl<B: Fn(Phase) + Sync, M: Fn(Phase, &[u8]) + Sync> Observer for Watcher<B, M> {
    fn detail(&self) -> Detail {
        Detail::Changes
    }

    fn event(&self, event: &Event<'_>) {
        if let Event::Entry(outcome) = event {
            self.told.lock().expect("no worker panicked").outcomes.push((*outcome).clone());
            (self.meanwhile)(outcome.phase, outcome.change.path.as_bytes());
        }
    }

    fn fault(&self, fault: &Fault) {
        self.told.lock().expect("no worker panicked").faults.push(fault.to_string());
    }

    fn phase_starts(&self, _: Phase, _: &Ledger<'_>) {}

    fn phase_ends(&self, phase: Phase, _: &Ledger<'_>) {
        (self.between)(phase);
    }
}
