//! Digests of a file that a check file lists: by those algorithms that it may have used.

use std::fs::File;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::compare::content::{Hashed, Located, hash_range, sum_file_each};
use crate::error::{Side, Trouble};
use crate::manifest::form::Stated;
use crate::manifest::index::Found;
use crate::manifest::kinds::Candidates;
use crate::model::checksum::{Algorithm, Checksum};
use crate::model::digest::{RangeDigest, merge, range_count};
use crate::model::meta::Meta;
use crate::phase::against::Against;
use crate::phase::large::{Place, is_large};
use crate::phase::pass::{Memo, Pass};
use crate::report::ledger::Sheet;
use crate::scan::node::At;
use crate::scan::ranges::Ranged;

/// A digest, and by which algorithm it was made.
pub type Sum = (Algorithm, Checksum);

/// Which algorithms have matched so far. Shared by all workers.
#[derive(Debug, Default)]
pub struct Matches {
    /// A bit for each, in the order of [`Algorithm::ALL`].
    all: AtomicU32,
    /// The last one of those that two make digests of one length, as its place in that order and one.
    last: AtomicU32,
}

impl Matches {
    /// Which algorithm to try for a digest: where two may have made it, the one that matched last.
    pub fn likely(&self, by: Candidates) -> Option<Algorithm> {
        let last = self.last.load(Ordering::Relaxed) as usize;
        let last = last.checked_sub(1).and_then(|place| Algorithm::ALL.get(place));
        by.iter().find(|candidate| Some(candidate) == last).or_else(|| by.iter().next())
    }

    /// Remembers one.
    pub fn remember(&self, algorithm: Algorithm) {
        let place = Algorithm::ALL.iter().position(|known| *known == algorithm).unwrap_or_default();
        self.all.fetch_or(1 << place, Ordering::Relaxed);
        self.last.store(u32::try_from(place + 1).unwrap_or_default(), Ordering::Relaxed);
    }

    /// All of them.
    pub fn all(&self) -> Vec<Algorithm> {
        let all = self.all.load(Ordering::Relaxed);
        let places = Algorithm::ALL.into_iter().enumerate();
        places
            .filter(|(place, _)| all & (1 << place) != 0)
            .map(|(_, algorithm)| algorithm)
            .collect()
    }
}

/// Each algorithm once.
pub fn distinct(algorithms: impl IntoIterator<Item = Algorithm>) -> Vec<Algorithm> {
    let mut found = Vec::with_capacity(2);
    for algorithm in algorithms {
        if !found.contains(&algorithm) {
            found.push(algorithm);
        }
    }
    found
}

/// The stated digests that none of `sums` is.
pub fn unmatched(stated: &[Stated], sums: &[Sum]) -> Vec<Stated> {
    let is_met = |stated: &Stated| {
        sums.iter().any(|(by, digest)| stated.by.contains(*by) && *digest == stated.digest)
    };
    stated.iter().filter(|stated| !is_met(stated)).copied().collect()
}

/// Where a file is, for hashing it.
pub fn located<'a>(at: &'a At<'_, Memo>, pass: &'a Pass<'_>) -> Located<'a> {
    Located {
        side: Side::Source,
        dir: at.source,
        name: at.name,
        follow: at.follow,
        reading: pass.settings.preserve.reading,
        from_storage: pass.tolerance.from_storage.as_deref(),
    }
}

/// A large file: a task of its own, or, by BLAKE3, as many as it has ranges.
pub struct Summing<'s> {
    against: &'s Against<'s>,
    place: Place,
    seen: Meta,
    found: Found,
    algorithms: Vec<Algorithm>,
    file: OnceLock<File>,
    /// Empty if the whole file is read at once.
    ranges: Box<[OnceLock<RangeDigest>]>,
    sums: OnceLock<Vec<Sum>>,
    read_bytes: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

impl<'s> Summing<'s> {
    /// To hash `place`, which looks like `seen`, by these algorithms.
    pub fn of(
        against: &'s Against<'s>,
        place: Place,
        seen: Meta,
        found: Found,
        algorithms: Vec<Algorithm>,
    ) -> Self {
        let count = if algorithms == [Algorithm::Blake3] { range_count(seen.size) } else { 0 };
        Self {
            against,
            place,
            seen,
            found,
            algorithms,
            file: OnceLock::new(),
            ranges: (0..count).map(|_| OnceLock::new()).collect(),
            sums: OnceLock::new(),
            read_bytes: AtomicU64::new(0),
            trouble: Mutex::new(None),
        }
    }

    /// True if a file of so many bytes is worth a task of its own.
    pub fn is_worth(bytes: u64) -> bool {
        is_large(bytes)
    }

    fn hash(&self, range: u64) -> Result<(), Trouble> {
        let (pass, at) = (self.against.pass, self.place.at());
        if self.ranges.is_empty() {
            let Hashed { digest, read_bytes } =
                sum_file_each(&located(&at, pass), &self.algorithms, pass.stop)?;
            let sums = self.algorithms.iter().copied().zip(digest).collect();
            self.sums.get_or_init(|| sums);
            self.count(read_bytes);
            return Ok(());
        }
        let Some(file) = self.file.get() else { return Ok(()) };
        let hashed = hash_range(file, range, Side::Source, pass.stop)?;
        self.count(hashed.read_bytes);
        if let Some(slot) = usize::try_from(range).ok().and_then(|range| self.ranges.get(range)) {
            slot.get_or_init(|| hashed.digest);
        }
        Ok(())
    }

    fn count(&self, read_bytes: u64) {
        self.read_bytes.fetch_add(read_bytes, Ordering::Relaxed);
        self.against.ledger.advance(0, read_bytes);
    }

    /// What was hashed; nothing if the file did not keep its length meanwhile.
    fn sums(&self) -> Vec<Sum> {
        if let Some(sums) = self.sums.get() {
            return sums.clone();
        }
        let ranges: Option<Vec<_>> = self.ranges.iter().map(|slot| slot.get().copied()).collect();
        let is_whole = self.read_bytes.load(Ordering::Relaxed) == self.seen.size;
        match ranges.filter(|ranges| is_whole && ranges.len() > 1) {
            Some(ranges) => vec![(Algorithm::Blake3, merge(&ranges).into())],
            None => Vec::new(),
        }
    }

    fn fail(&self, trouble: Trouble) {
        let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(trouble);
    }
}

impl Ranged for Summing<'_> {
    fn start(&self) -> u64 {
        if self.ranges.is_empty() {
            return 1;
        }
        let at = self.place.at();
        match located(&at, self.against.pass).open() {
            Ok(file) => {
                self.file.get_or_init(|| file);
                self.ranges.len() as u64
            }
            Err(trouble) => {
                self.fail(trouble);
                0
            }
        }
    }

    fn run(&self, range: u64) {
        let has_failed = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if has_failed {
            return;
        }
        if let Err(trouble) = self.hash(range) {
            self.fail(trouble);
        }
    }

    fn finish(&self, sheet: &mut Sheet<'_>) {
        sheet.tally.dest_read_bytes += self.read_bytes.load(Ordering::Relaxed);
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        let sums = trouble.map_or_else(|| Ok(self.sums()), Err);
        self.against.judge(&self.place.at(), &self.seen, &self.found, sums, sheet);
    }
}

#[cfg(test)]
mod tests {
    use super::{Matches, unmatched};
    use crate::manifest::form::Stated;
    use crate::manifest::kinds::Candidates;
    use crate::model::checksum::{Algorithm, Checksum};

    #[test]
    fn of_two_algorithms_the_one_that_matched_last_is_tried_first() {
        let (matches, either) = (Matches::default(), Candidates::of_digits(64).unwrap());
        assert_eq!(matches.likely(either), Some(Algorithm::Sha256));
        matches.remember(Algorithm::Blake3);
        assert_eq!(matches.likely(either), Some(Algorithm::Blake3));
        assert_eq!(matches.likely(Candidates::only(Algorithm::Sha256)), Some(Algorithm::Sha256));
        matches.remember(Algorithm::Sha256);
        assert_eq!(matches.likely(either), Some(Algorithm::Sha256));
        assert_eq!(matches.all(), [Algorithm::Blake3, Algorithm::Sha256]);
    }

    #[test]
    fn a_digest_is_met_only_by_one_of_an_algorithm_that_may_have_made_it() {
        let digest = Checksum::from_hex(b"00ff00ff").unwrap();
        let stated = [Stated { by: Candidates::only(Algorithm::Crc32), digest }];
        assert!(unmatched(&stated, &[(Algorithm::Crc32, digest)]).is_empty());
        assert_eq!(unmatched(&stated, &[(Algorithm::Md5, digest)]), stated);
        assert_eq!(unmatched(&stated, &[]), stated);
    }
}
