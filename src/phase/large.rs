//! Large files, whose ranges several workers take at once: copied in phase one, hashed in phase two.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use crate::act::perform::Job;
use crate::act::ranged::RangedCopy;
use crate::compare::content::hash_range;
use crate::compare::quick::located;
use crate::decide::Origin;
use crate::error::{Side, Trouble};
use crate::model::digest::{Digest, RANGE_BYTES, RangeDigest, merge, range_count};
use crate::model::entry::Pair;
use crate::model::meta::Meta;
use crate::model::path::Name;
use crate::phase::copy::Copy;
use crate::phase::groups::Standing;
use crate::phase::pass::Memo;
use crate::phase::together::Large;
use crate::phase::verify::{Evidenced, Verify};
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
    dest: Arc<Dir>,
    name: Name,
    follow: Follow,
}

impl Place {
    /// Keeps `at`; `None` if there is no destination directory.
    pub fn of(at: &At<'_, Memo>) -> Option<Self> {
        Some(Self {
            node: Arc::clone(at.node),
            layer: at.layer,
            source: Arc::clone(at.source),
            dest: Arc::clone(at.dest?),
            name: at.name.clone(),
            follow: at.follow,
        })
    }

    fn at(&self) -> At<'_, Memo> {
        At {
            node: &self.node,
            layer: self.layer,
            source: &self.source,
            dest: Some(&self.dest),
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

/// The digests of one range: of the source, where it is read, and of the destination.
type RangePair = (Option<RangeDigest>, RangeDigest);

/// A large file being compared: the destination's ranges, and the source's where no digest of
/// them is known.
pub struct LargeCompare<'s> {
    verify: &'s Verify<'s>,
    place: Place,
    pair: (Meta, Meta),
    names: u32,
    known: Option<Digest>,
    files: OnceLock<(Option<File>, File)>,
    digests: Box<[OnceLock<RangePair>]>,
    source_read_bytes: AtomicU64,
    dest_read_bytes: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

impl<'s> LargeCompare<'s> {
    /// To compare two files of the same length; `known`: the digest of the source, `names`: as
    /// [`decide`](mod@crate::decide) has it.
    pub fn new(
        verify: &'s Verify<'s>,
        place: Place,
        pair: (Meta, Meta),
        names: u32,
        known: Option<Digest>,
    ) -> Self {
        Self {
            verify,
            place,
            pair,
            names,
            known,
            files: OnceLock::new(),
            digests: (0..range_count(pair.0.size)).map(|_| OnceLock::new()).collect(),
            source_read_bytes: AtomicU64::new(0),
            dest_read_bytes: AtomicU64::new(0),
            trouble: Mutex::new(None),
        }
    }

    fn open(&self) -> Result<(Option<File>, File), Trouble> {
        let at = self.place.at();
        let Some(sides) = at.sides() else {
            return Err(Trouble::rule(Side::Dest, "open", "its directory is not there"));
        };
        let (source, dest) = located(&sides, self.verify.pass.settings.preserve.reading);
        let source = match self.known {
            Some(_) => None,
            None => Some(source.open()?),
        };
        Ok((source, dest.open()?))
    }

    fn hash(&self, range: u64) -> Result<(), Trouble> {
        let Some((source, dest)) = self.files.get() else { return Ok(()) };
        let stop = self.verify.pass.stop;
        let ours = match source {
            Some(file) => {
                let hashed = hash_range(file, range, Side::Source, stop)?;
                self.source_read_bytes.fetch_add(hashed.read_bytes, Ordering::Relaxed);
                Some(hashed.digest)
            }
            None => None,
        };
        let theirs = hash_range(dest, range, Side::Dest, stop)?;
        self.dest_read_bytes.fetch_add(theirs.read_bytes, Ordering::Relaxed);
        self.verify.ledger.advance(0, theirs.read_bytes);
        if let Some(slot) = usize::try_from(range).ok().and_then(|range| self.digests.get(range)) {
            slot.get_or_init(|| (ours, theirs.digest));
        }
        Ok(())
    }

    /// The digests of both files; `None` if a range is missing.
    fn merged(&self) -> Option<(Digest, Digest)> {
        let ranges: Option<Vec<_>> = self.digests.iter().map(|slot| slot.get().copied()).collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = ranges?.into_iter().unzip();
        let expected = match self.known {
            Some(digest) => digest,
            None => merge(&ours.into_iter().collect::<Option<Vec<_>>>()?),
        };
        Some((expected, merge(&theirs)))
    }
}

impl Ranged for LargeCompare<'_> {
    fn start(&self) -> u64 {
        match self.open() {
            Ok(files) => {
                self.files.get_or_init(|| files);
                self.digests.len() as u64
            }
            Err(trouble) => {
                *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
                0
            }
        }
    }

    fn run(&self, range: u64) {
        let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_some() {
            return;
        }
        drop(first);
        if let Err(trouble) = self.hash(range) {
            first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(trouble);
        }
    }

    fn finish(&self, sheet: &mut Sheet<'_>) {
        self.end(sheet);
    }
}

impl Large for LargeCompare<'_> {
    fn end(&self, sheet: &mut Sheet<'_>) -> Standing {
        let at = self.place.at();
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        sheet.tally.source_read_bytes += self.source_read_bytes.load(Ordering::Relaxed);
        sheet.tally.dest_read_bytes += self.dest_read_bytes.load(Ordering::Relaxed);
        let evidence = match (trouble, self.merged()) {
            (None, Some((expected, theirs))) => {
                Ok(Evidenced { is_equal: expected == theirs, digest_reused: self.known.is_some() })
            }
            (Some(trouble), _) => Err(trouble),
            (None, None) => Err(Trouble::rule(Side::Dest, "compare", "a part of it was not read")),
        };
        let (source, dest) = self.pair;
        self.verify.large_compared(&at, &Pair::Both(source, dest), self.names, evidence, sheet)
    }
}
