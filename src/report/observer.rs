//! The whole interface between the engine and whoever watches it. The library never prints.

use std::path::Path;

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::model::change::Change;
use crate::report::ledger::Ledger;

/// Which of the two passes over the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Phase one: copy.
    Copy,
    /// Phase two: verify and repair.
    Verify,
}

/// How an action on one entry ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Done; or, in a run that may not act, it would be done.
    Done,
    /// It failed; the fault was told apart.
    Failed,
}

/// One entry's change and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In which pass.
    pub phase: Phase,
    /// What was to be done.
    pub change: Change,
    /// How it ended.
    pub ending: Ending,
    /// Bytes of content written to the destination.
    pub written_bytes: u64,
}

/// Something to tell, in the order in which rsync would tell it.
#[derive(Debug)]
pub enum Event<'a> {
    /// Directories above the destination were made (`--mkpath`), the destination itself included.
    MadeParents {
        /// How many.
        count: usize,
        /// The last of them.
        path: &'a Path,
    },
    /// The destination directory was made.
    MadeDest(&'a Path),
    /// Backups go to this directory (`--backup-dir`).
    BackupDir {
        /// As it was typed.
        path: &'a Path,
        /// True if it is not there yet.
        is_new: bool,
    },
    /// Something of the source could not be read, so that nothing is deleted any more.
    DeletionStopped,
    /// An entry was dealt with.
    Entry(&'a Outcome),
}

/// How much an observer wants to hear of [`Event::Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only entries that are left out for a reason that rsync always tells.
    Notices,
    /// Also every change.
    Changes,
    /// Also what is kept as it is.
    All,
    /// Also which filter rule decided about an entry.
    Reasons,
}

bitflags! {
    /// What an observer wants to hear of an entry beside what is done to it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Extras: u8 {
        /// All that a look at the source says, and the digest of what was read.
        const META = 1;
        /// Where the source has it.
        const SOURCE = 1 << 1;
        /// What phase two says of each entry, also of those that are as they should be, and the BLAKE3
        /// digest of each file that it has read.
        const VERDICTS = 1 << 2;
    }
}

/// Watches a run. Calls come from any thread, but `event` calls come one at a time.
pub trait Observer: Sync {
    /// How much it wants to hear.
    fn detail(&self) -> Detail;

    /// What it wants to hear of an entry beside what is done to it.
    fn extras(&self) -> Extras {
        Extras::empty()
    }

    /// Whether the sources are to be counted beside the copy ([`Gauge::extent`]): for a progress
    /// bar that is to know its end.
    ///
    /// [`Gauge::extent`]: crate::report::gauge::Gauge::extent
    fn wants_survey(&self) -> bool {
        false
    }

    /// Something happened. Entries of one phase come in rsync's order.
    fn event(&self, event: &Event<'_>);

    /// Something went wrong; told at once, in no order.
    fn fault(&self, fault: &Fault);

    /// A phase starts; `ledger` can be read at any time for progress.
    fn phase_starts(&self, phase: Phase, ledger: &Ledger<'_>);

    /// The phase has ended.
    fn phase_ends(&self, phase: Phase, ledger: &Ledger<'_>);
}
