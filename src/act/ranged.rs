//! A large file, copied in ranges by several workers at once.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::act::content::{Moved, Pipe, Plan, pour};
use crate::act::finish::Wanted;
use crate::act::perform::{
    Copied, Job, Performed, copy_stable, finish_file, leave_torn, open_dest, plan_of,
};
use crate::act::place::Opened;
use crate::effort::Stop;
use crate::error::{During, Side, Trouble};
use crate::model::digest::{RangeDigest, RangeHasher, bytes_of_range, merge, range_count};
use crate::model::meta::Meta;
use crate::settings::Durability;
use crate::sys::permit::Permit;
use crate::sys::sides::Sides;
use crate::sys::{stat, write};

/// A large file on its way. Until it is finished it is one byte longer than its source, so that
/// no check of sizes takes it for whole, in whatever order its ranges arrive.
#[derive(Debug)]
pub struct RangedCopy {
    source: File,
    opened: Opened,
    plan: Plan,
    before: Meta,
    wanted: Wanted,
    durability: Durability,
    digests: Box<[OnceLock<RangeDigest>]>,
    written_bytes: AtomicU64,
    dest_read_bytes: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

impl RangedCopy {
    /// Opens both files.
    pub fn start(permit: &Permit, job: &Job<'_>) -> Result<Self, Trouble> {
        let source = job.open_source()?;
        let (opened, wanted) = open_dest(permit, job, &source)?;
        let plan = plan_of(permit, job, &opened)?;
        let copy = Self {
            source,
            opened,
            plan,
            before: *job.source,
            wanted,
            durability: job.durability,
            digests: (0..range_count(job.source.size)).map(|_| OnceLock::new()).collect(),
            written_bytes: AtomicU64::new(0),
            dest_read_bytes: AtomicU64::new(0),
            trouble: Mutex::new(None),
        };
        write::set_len(permit, &copy.opened.file, copy.before.size + 1)
            .during(Side::Dest, "make room in")
            .map_err(|trouble| leave_torn(permit, &copy.opened, &copy.before, trouble))?;
        Ok(copy)
    }

    /// The number of ranges.
    pub fn ranges(&self) -> u64 {
        self.digests.len() as u64
    }

    /// Copies one range; returns the bytes written. After a failure the others do nothing.
    pub fn run(&self, permit: &Permit, range: u64, stop: &Stop) -> u64 {
        if self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return 0;
        }
        let bytes = bytes_of_range(range, self.before.size);
        let pipe = self.pipe(stop);
        let mut hasher = RangeHasher::new(range);
        match pour(permit, &pipe, bytes.clone(), &mut hasher) {
            Ok(moved) => {
                self.written_bytes.fetch_add(moved.written_bytes, Ordering::Relaxed);
                self.dest_read_bytes.fetch_add(moved.dest_read_bytes, Ordering::Relaxed);
                let slot = usize::try_from(range).ok().and_then(|range| self.digests.get(range));
                if let Some(slot) = slot
                    && moved.source_read_bytes == bytes.end - bytes.start
                {
                    slot.get_or_init(|| hasher.finish_range());
                }
                moved.written_bytes
            }
            Err(trouble) => {
                let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(trouble);
                0
            }
        }
    }

    /// Ends the copy after all ranges; a source that changed meanwhile is read again as a whole.
    pub fn finish(
        self,
        permit: &Permit,
        sides: &Sides<'_>,
        stop: &Stop,
    ) -> Result<Performed, Trouble> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        let copied = match trouble {
            Some(trouble) => Err(trouble),
            None => self.settle(permit, stop),
        };
        match copied {
            Ok(copied) => {
                let mtime = self.wanted.mtime.map(|_| copied.source.mtime);
                let wanted = Wanted { mtime, ..self.wanted };
                finish_file(permit, sides, self.opened, &wanted, self.durability, copied)
            }
            Err(trouble) => Err(leave_torn(permit, &self.opened, &self.before, trouble)),
        }
    }

    fn settle(&self, permit: &Permit, stop: &Stop) -> Result<Copied, Trouble> {
        let written_bytes = self.written_bytes.load(Ordering::Relaxed);
        let digests: Option<Vec<_>> = self.digests.iter().map(|slot| slot.get().copied()).collect();
        let after =
            stat::source_again(&self.source, &self.before).during(Side::Source, "look again at")?;
        if let Some(digests) = digests
            && after.is_untouched_since(&self.before)
        {
            write::set_len(permit, &self.opened.file, after.size)
                .during(Side::Dest, "cut to length")?;
            let dest_read_bytes = self.dest_read_bytes.load(Ordering::Relaxed);
            let moved = Moved { source_read_bytes: after.size, dest_read_bytes, written_bytes };
            let digest = Some(merge(&digests));
            return Ok(Copied { digest, ranges: digests.into(), moved, source: after });
        }
        copy_stable(permit, &self.pipe(stop), &after, self.before.size + 1)
    }

    fn pipe<'a>(&'a self, stop: &'a Stop) -> Pipe<'a> {
        Pipe { source: &self.source, dest: &self.opened.file, plan: self.plan, stop }
    }
}
