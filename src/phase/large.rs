//! Large files, whose ranges several workers take at once, copied in phase one.

use std::sync::{Arc, PoisonError, RwLock};

use crate::act::perform::Job;
use crate::act::ranged::RangedCopy;
use crate::decide::Origin;
use crate::error::Trouble;
use crate::model::digest::RANGE_BYTES;
use crate::model::entry::Pair;
use crate::model::path::Name;
use crate::phase::copy::Copy;
use crate::phase::groups::Standing;
use crate::phase::pass::Memo;
use crate::phase::together::Large;
use crate::report::ledger::{Record, Sheet};
use crate::scan::node::{At, Node};
use crate::scan::ranges::Ranged;
use crate::sys::dir::{Dir, Follow};

/// True if a file of so many bytes is worth spreading over workers.
pub fn is_large(bytes: u64) -> bool {
    bytes > 2 * RANGE_BYTES
}

/// An entry's place, kept while its ranges are worked on.
pub struct Place {
    node: Arc<Node<Memo>>,
    layer: usize,
    source: Arc<Dir>,
    dest: Option<Arc<Dir>>,
    name: Name,
    follow: Follow,
}

impl Place {
    /// Keeps `at`.
    pub fn of(at: &At<'_, Memo>) -> Self {
        Self {
            node: Arc::clone(at.node),
            layer: at.layer,
            source: Arc::clone(at.source),
            dest: at.dest.map(Arc::clone),
            name: at.name.clone(),
            follow: at.follow,
        }
    }

    /// The entry.
    pub fn at(&self) -> At<'_, Memo> {
        At {
            node: &self.node,
            layer: self.layer,
            source: &self.source,
            dest: self.dest.as_ref(),
            name: &self.name,
            follow: self.follow,
        }
    }
}

/// A large file being copied.
pub struct LargeCopy<'s> {
    copy: &'s Copy<'s>,
    place: Place,
    pair: Pair,
    names: u32,
    record: Record,
    running: RwLock<Option<Result<RangedCopy, Trouble>>>,
}

impl<'s> LargeCopy<'s> {
    /// What `record` says, to be done to `place`. The pair, and as how many names
    /// [`decide`](mod@crate::decide) has it.
    pub fn new(
        copy: &'s Copy<'s>,
        place: Place,
        (pair, names): (Pair, u32),
        record: Record,
    ) -> Self {
        Self { copy, place, pair, names, record, running: RwLock::new(None) }
    }
}

impl Ranged for LargeCopy<'_> {
    fn start(&self) -> u64 {
        let at = self.place.at();
        let pass = self.copy.pass;
        let Record { action, diff, .. } = self.record;
        let job = pass.job(&at, &self.pair, (action, diff), Origin::Found, pass.writing());
        let (Some(permit), Some(job)) = (pass.permit, job) else { return 0 };
        let started = RangedCopy::start(permit, &Job { names: self.names, ..job });
        let ranges = started.as_ref().map_or(0, RangedCopy::ranges);
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Some(started);
        ranges
    }

    fn run(&self, range: u64) {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let pass = self.copy.pass;
        if let (Some(Ok(running)), Some(permit)) = (&*running, pass.permit) {
            let written_bytes = running.run(permit, range, pass.stop);
            self.copy.ledger.advance(written_bytes, 0);
        }
    }

    fn finish(&self, sheet: &mut Sheet<'_>) {
        self.end(sheet);
    }
}

impl Large for LargeCopy<'_> {
    fn end(&self, sheet: &mut Sheet<'_>) -> Standing {
        let running = self.running.write().unwrap_or_else(PoisonError::into_inner).take();
        let pass = self.copy.pass;
        let at = self.place.at();
        let (Some(running), Some(permit), Some(sides)) = (running, pass.permit, at.sides()) else {
            return Standing::Not;
        };
        match running.and_then(|running| running.finish(permit, &sides, pass.stop)) {
            Ok(performed) => {
                let standing = Standing::after(self.record.action, performed.entry_changed);
                self.copy.done(&at, self.record.clone(), performed, sheet);
                standing
            }
            Err(trouble) => {
                pass.fail(&at, self.record.clone(), trouble, sheet);
                Standing::Not
            }
        }
    }
}
