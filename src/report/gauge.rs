//! Live counts of a phase: workers add to them, and whoever shows progress keeps them and reads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::report::tally::{Findings, Tally};

/// Counts that can be read at any time, also after the phase.
#[derive(Debug, Default)]
pub struct Gauge {
    sums: Mutex<Sums>,
    written_bytes: AtomicU64,
    read_bytes: AtomicU64,
    scan_done: AtomicBool,
    extent: OnceLock<Extent>,
}

/// How much there is in the sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Entries of all kinds.
    pub entries: u64,
    /// Lengths of all regular files, in bytes.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    tally: Tally,
    findings: Findings,
}

impl Gauge {
    /// The sums of all sheets handed in so far.
    pub fn tally(&self) -> Tally {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).tally
    }

    /// What phase two found so far.
    pub fn findings(&self) -> Findings {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).findings
    }

    /// Adds a sheet.
    pub fn add(&self, tally: Tally, findings: Findings) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.tally += tally;
        sums.findings += findings;
    }

    /// Live count of bytes written, also of files that are not finished.
    pub fn live_written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// Live count of bytes read back, also of files that are not finished.
    pub fn live_read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Moves the live counts on.
    pub fn advance(&self, written_bytes: u64, read_bytes: u64) {
        self.written_bytes.fetch_add(written_bytes, Ordering::Relaxed);
        self.read_bytes.fetch_add(read_bytes, Ordering::Relaxed);
    }

    /// How much there is in the sources, once a survey has counted it.
    pub fn extent(&self) -> Option<Extent> {
        self.extent.get().copied()
    }

    /// A survey has counted the sources.
    pub fn surveyed(&self, extent: Extent) {
        self.extent.get_or_init(|| extent);
    }

    /// True once every directory of the source was listed, so that the planned work is known.
    pub fn is_scan_done(&self) -> bool {
        self.scan_done.load(Ordering::Relaxed)
    }

    /// Says that nothing is left to list.
    pub fn scan_is_done(&self) {
        self.scan_done.store(true, Ordering::Relaxed);
    }
}
