//! A large file compared in ranges, several workers at once: which of them differ.
//!
//! What differs is read once more there and then, by the same worker. Nothing is repaired here.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::compare::bytes::match_bytes;
use crate::compare::content::hash_range;
use crate::compare::quick::read_back;
use crate::error::{Side, Trouble};
use crate::model::digest::{Digest, RangeDigest, RangeHasher, bytes_of_range, merge, range_count};
use crate::model::entry::Pair;
use crate::model::meta::Meta;
use crate::phase::groups::Standing;
use crate::phase::large::Place;
use crate::phase::together::Large;
use crate::phase::verify::Verify;
use crate::report::ledger::Sheet;
use crate::scan::ranges::Ranged;

/// What is known of the bytes of a large source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: both files are read.
    Nothing,
    /// The digest of the whole: that something differs can be said, not where.
    Whole(Digest),
    /// The digests of the whole and of its ranges.
    Ranges(Digest, Vec<RangeDigest>),
}

/// What the bytes of a pair of large files say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidenced {
    /// Which ranges differ: read twice, they did so twice. `None`: some do, and nobody knows which.
    pub differing: Option<Vec<u64>>,
    /// How many ranges differed once and not again.
    pub unstable: usize,
    /// The digest of the source, if it is known now.
    pub digest: Option<Digest>,
    /// True if the source's bytes were those that phase one read.
    pub digest_reused: bool,
}

/// What became of one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weighed {
    Equal,
    /// It differed, and did not when it was read once more.
    Unstable,
    Differs,
    /// Only the whole will tell: the digest of the destination's.
    Hashed(RangeDigest),
}

/// What became of a range, and its digest in the source if that was hashed.
type Slot = (Weighed, Option<RangeDigest>);

/// A large file being compared: the destination's ranges with the source's, or with digests of them.
pub struct LargeCompare<'s> {
    verify: &'s Verify<'s>,
    place: Place,
    pair: (Meta, Meta),
    names: u32,
    known: Known,
    dest: OnceLock<File>,
    /// Opened by the first who needs it.
    source: Mutex<Option<Arc<File>>>,
    weighed: Box<[OnceLock<Slot>]>,
    source_read_bytes: AtomicU64,
    dest_read_bytes: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

impl<'s> LargeCompare<'s> {
    /// To compare two files of the same length; `names`: as [`decide`](mod@crate::decide) has it.
    pub fn new(
        verify: &'s Verify<'s>,
        place: Place,
        pair: (Meta, Meta),
        names: u32,
        known: Known,
    ) -> Self {
        Self {
            verify,
            place,
            pair,
            names,
            known,
            dest: OnceLock::new(),
            source: Mutex::default(),
            weighed: (0..range_count(pair.0.size)).map(|_| OnceLock::new()).collect(),
            source_read_bytes: AtomicU64::new(0),
            dest_read_bytes: AtomicU64::new(0),
            trouble: Mutex::new(None),
        }
    }

    fn open(&self, side: Side) -> Result<File, Trouble> {
        let at = self.place.at();
        let Some(sides) = at.sides() else {
            return Err(Trouble::rule(Side::Dest, "open", "its directory is not there"));
        };
        let (source, dest) = read_back(&sides, &self.verify.pass.tolerance);
        if side == Side::Source { source.open() } else { dest.open() }
    }

    fn source(&self) -> Result<Arc<File>, Trouble> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*source {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.open(Side::Source)?);
        *source = Some(Arc::clone(&file));
        Ok(file)
    }

    fn weigh(&self, range: u64) -> Result<(), Trouble> {
        let (Some(dest), Ok(index)) = (self.dest.get(), usize::try_from(range)) else {
            return Ok(());
        };
        let weighed = match &self.known {
            Known::Nothing => self.side_by_side(dest, range)?,
            Known::Whole(_) => (Weighed::Hashed(self.hash(dest, Side::Dest, range)?), None),
            Known::Ranges(_, ranges) => {
                let is_equal = ranges.get(index) == Some(&self.hash(dest, Side::Dest, range)?);
                (if is_equal { Weighed::Equal } else { self.once_more(dest, range)? }, None)
            }
        };
        if let Some(slot) = self.weighed.get(index) {
            slot.get_or_init(|| weighed);
        }
        Ok(())
    }

    fn hash(&self, file: &File, side: Side, range: u64) -> Result<RangeDigest, Trouble> {
        let hashed = hash_range(file, range, side, self.verify.pass.stop)?;
        match side {
            Side::Source => self.has_read(hashed.read_bytes, 0),
            Side::Dest => self.has_read(0, hashed.read_bytes),
        }
        Ok(hashed.digest)
    }

    fn side_by_side(&self, dest: &File, range: u64) -> Result<Slot, Trouble> {
        let mut hasher = self.verify.wants_digests().then(|| RangeHasher::new(range));
        if self.are_equal(dest, range, hasher.as_mut())? {
            return Ok((Weighed::Equal, hasher.map(|hasher| hasher.finish_range())));
        }
        let weighed = self.once_more(dest, range)?;
        // The comparison has ended at the first byte that differs.
        let digest = hasher.map(|_| self.hash(&*self.source()?, Side::Source, range));
        Ok((weighed, digest.transpose()?))
    }

    /// A read that lied is not a difference.
    fn once_more(&self, dest: &File, range: u64) -> Result<Weighed, Trouble> {
        let is_equal = self.are_equal(dest, range, None)?;
        Ok(if is_equal { Weighed::Unstable } else { Weighed::Differs })
    }

    fn are_equal(
        &self,
        dest: &File,
        range: u64,
        hasher: Option<&mut RangeHasher>,
    ) -> Result<bool, Trouble> {
        let bytes = bytes_of_range(range, self.pair.0.size);
        let stop = self.verify.pass.stop;
        let matched = match_bytes(&*self.source()?, dest, bytes, hasher, stop)?;
        self.has_read(matched.source_read_bytes, matched.dest_read_bytes);
        Ok(matched.is_equal)
    }

    fn has_read(&self, of_source: u64, of_dest: u64) {
        self.source_read_bytes.fetch_add(of_source, Ordering::Relaxed);
        self.dest_read_bytes.fetch_add(of_dest, Ordering::Relaxed);
        self.verify.ledger.advance(0, of_dest);
    }

    /// What all ranges together say; `None` if one is missing.
    fn evidence(&self) -> Option<Evidenced> {
        let weighed: Vec<_> =
            self.weighed.iter().map(|slot| slot.get().copied()).collect::<Option<_>>()?;
        let which = |wanted| {
            let ranges = (0..).zip(&weighed);
            ranges.filter(move |(_, (found, _))| *found == wanted).map(|(range, _)| range)
        };
        let mut differing = Some(which(Weighed::Differs).collect::<Vec<u64>>());
        let digest = match &self.known {
            Known::Nothing => {
                let digests: Option<Vec<_>> = weighed.iter().map(|(_, digest)| *digest).collect();
                digests.map(|digests| merge(&digests))
            }
            Known::Ranges(digest, _) => Some(*digest),
            Known::Whole(digest) => {
                let theirs = weighed.iter().filter_map(|(found, _)| match found {
                    Weighed::Hashed(digest) => Some(*digest),
                    _ => None,
                });
                differing = differing.filter(|_| merge(&theirs.collect::<Vec<_>>()) == *digest);
                Some(*digest)
            }
        };
        Some(Evidenced {
            differing,
            unstable: which(Weighed::Unstable).count(),
            digest,
            digest_reused: self.known != Known::Nothing,
        })
    }
}

impl Ranged for LargeCompare<'_> {
    fn start(&self) -> u64 {
        match self.open(Side::Dest) {
            Ok(file) => {
                self.dest.get_or_init(|| file);
                self.weighed.len() as u64
            }
            Err(trouble) => {
                *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
                0
            }
        }
    }

    fn run(&self, range: u64) {
        if self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        if let Err(trouble) = self.weigh(range) {
            let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
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
        let evidence = match (trouble, self.evidence()) {
            (None, Some(evidence)) => Ok(evidence),
            (Some(trouble), _) => Err(trouble),
            (None, None) => Err(Trouble::rule(Side::Dest, "compare", "a part of it was not read")),
        };
        let (source, dest) = self.pair;
        self.verify.large_compared(&at, &Pair::Both(source, dest), self.names, evidence, sheet)
    }
}
