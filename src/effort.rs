//! How hard to work, and when to stop: the pool, buffers, stop requests.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request to stop, shared by signal handlers and workers. Write calls in flight are finished.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// The flag itself, for a signal handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Asks all workers to stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once somebody asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bytes moved by one read and one write: fits a core's cache, large enough to amortise the call.
pub const BUFFER_BYTES: usize = 256 << 10;

thread_local! {
    static BUFFERS: RefCell<(Vec<u8>, Vec<u8>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Lends the calling worker its two buffers of [`BUFFER_BYTES`]; they are made once a thread.
///
/// # Panics
/// If called again from within `work`.
pub fn with_buffers<T>(work: impl FnOnce(&mut [u8], &mut [u8]) -> T) -> T {
    BUFFERS.with_borrow_mut(|(first, second)| {
        first.resize(BUFFER_BYTES, 0);
        second.resize(BUFFER_BYTES, 0);
        work(first, second)
    })
}

/// The most workers that are ever useful on one client: what round trips of a network mount can
/// hide, before one directory's lock or the server is the limit.
const MOST_WORKERS: usize = 64;

/// How many workers to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crew {
    /// The user said so.
    Fixed(NonZeroUsize),
    /// The work waits for processors.
    Local,
    /// The work waits for round trips.
    Remote,
}

impl Crew {
    /// The number of workers: as many as processors for local work, many more where they mostly wait.
    pub fn size(self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match self {
            Self::Fixed(jobs) => jobs.get(),
            Self::Local => processors.min(MOST_WORKERS),
            Self::Remote => (16 * processors).clamp(16, MOST_WORKERS),
        }
    }
}
