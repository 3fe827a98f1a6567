//! How hard to work, and when to stop: the pool, buffers, pace, stop requests.

pub mod pace;

use std::cell::RefCell;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::effort::pace::Pace;

/// A request to stop, shared by signal handlers and workers, and how fast to go until then. Write
/// calls in flight are finished.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    limits: Option<Arc<Limits>>,
}

/// What the user allows a run.
#[derive(Debug)]
struct Limits {
    started: Instant,
    pace: Option<Mutex<Pace>>,
    deadline: Option<Instant>,
    is_time_up: AtomicBool,
}

/// Who waits for their turn looks this often whether the run is to stop.
const LONGEST_NAP: Duration = Duration::from_millis(50);

impl Stop {
    /// The same request, which also comes at `deadline`, for workers that together move so many bytes
    /// a second.
    #[must_use]
    pub fn within(&self, bytes_per_second: Option<NonZeroU64>, deadline: Option<Instant>) -> Self {
        let limits = (bytes_per_second.is_some() || deadline.is_some()).then(|| {
            let pace = bytes_per_second.map(|rate| Mutex::new(Pace::new(rate)));
            let (started, is_time_up) = (Instant::now(), AtomicBool::new(false));
            Arc::new(Limits { started, pace, deadline, is_time_up })
        });
        Self { asked: Arc::clone(&self.asked), limits }
    }

    /// The flag itself, for a signal handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// Asks all workers to stop.
    pub fn request(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// True once somebody asked, or once time is up.
    pub fn is_requested(&self) -> bool {
        if self.asked.load(Ordering::Relaxed) {
            return true;
        }
        let Some(limits) = &self.limits else { return false };
        let is_time_up = limits.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_time_up {
            limits.is_time_up.store(true, Ordering::Relaxed);
            self.request();
        }
        is_time_up
    }

    /// True if it was the deadline that ended the run.
    pub fn is_time_up(&self) -> bool {
        self.limits.as_ref().is_some_and(|limits| limits.is_time_up.load(Ordering::Relaxed))
    }

    /// Waits until so many bytes may be moved; false if the run is to stop instead.
    pub fn admits(&self, bytes: usize) -> bool {
        if let Some((limits, pace)) = self.pace() {
            let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = pace.admit(bytes as u64, limits.started.elapsed());
            drop(pace);
            while !self.is_requested() {
                let left = turn.saturating_sub(limits.started.elapsed());
                if left.is_zero() {
                    break;
                }
                thread::sleep(left.min(LONGEST_NAP));
            }
        }
        !self.is_requested()
    }

    /// How many bytes to move at once: [`BUFFER_BYTES`], less where the pace is slow.
    pub fn step(&self) -> usize {
        let Some((_, pace)) = self.pace() else { return BUFFER_BYTES };
        pace.lock().unwrap_or_else(PoisonError::into_inner).step(BUFFER_BYTES)
    }

    fn pace(&self) -> Option<(&Limits, &Mutex<Pace>)> {
        let limits = self.limits.as_deref()?;
        Some((limits, limits.pace.as_ref()?))
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::{Duration, Instant};

    use super::{BUFFER_BYTES, Stop};

    #[test]
    fn a_deadline_that_is_past_stops_the_run_and_is_told_apart() {
        let stop = Stop::default().within(None, Some(Instant::now()));
        assert!(!stop.is_time_up() && stop.is_requested() && stop.is_time_up());
        let asked = Stop::default();
        let limited = asked.within(None, Some(Instant::now() + Duration::from_hours(1)));
        assert!(!limited.is_requested());
        asked.request();
        assert!(limited.is_requested() && !limited.is_time_up());
    }

    #[test]
    fn who_waits_for_their_turn_hears_that_the_run_is_to_stop() {
        let stop = Stop::default().within(NonZeroU64::new(1), None);
        stop.request();
        assert!(!stop.admits(1 << 30), "a turn that comes in 34 years");
    }

    #[test]
    fn without_a_limit_all_goes_at_once() {
        let stop = Stop::default().within(None, None);
        assert!(stop.admits(usize::MAX));
        assert_eq!(stop.step(), BUFFER_BYTES);
        assert_eq!(stop.within(NonZeroU64::new(1000), None).step(), 4096);
    }
}
