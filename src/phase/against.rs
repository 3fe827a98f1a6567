//! An audit against a check file: the walk of what is audited, without another side. It looks and
//! compares, and must not decide or act.
//!
//! Both sides count by their paths: what is listed and not there, what is there and not listed, and what
//! has another digest. Check files list regular files only; directories, symlinks and special files that
//! they do not list say nothing.

use std::collections::BTreeSet;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::compare::content::{Hashed, sum_file_each};
use crate::error::{self, Class, Fault, Side, Trouble};
use crate::manifest::bag::Oxum;
use crate::manifest::form::{Part, Stated};
use crate::manifest::index::{Claim, Found, Manifest};
use crate::manifest::load::Going;
use crate::manifest::names::pictured;
use crate::model::change::{Action, Attrs, Diff, Knowledge, Why};
use crate::model::checksum::Algorithm;
use crate::model::digest::Digest;
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::model::path::RelPath;
use crate::phase::hidden::Hidden;
use crate::phase::large::Place;
use crate::phase::pass::{Memo, Pass};
use crate::phase::summing::{Matches, Sum, Summing, distinct, located, unmatched};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::report::observer::Extras;
use crate::scan::node::{At, DestSide, Node, Spot};
use crate::scan::ranges::Ranged;
use crate::scan::walk::{Entered, Visit};
use crate::sys::dir::{Dir, Follow, Listed};
use crate::sys::stat;

/// An audit.
pub struct Against<'a> {
    /// What all visitors share.
    pub pass: &'a Pass<'a>,
    /// Where all is recorded.
    pub ledger: &'a Ledger<'a>,
    /// What is listed.
    pub manifest: &'a Manifest,
    /// Which algorithms matched.
    pub matches: Matches,
    /// What could not be looked at or listed: nobody knows whether it, and what is below it, is there.
    unread: Mutex<BTreeSet<RelPath>>,
    payload_files: AtomicU64,
    payload_bytes: AtomicU64,
}

/// How many lines of what is missing are gathered before they are told.
const MISSING_AT_ONCE: u64 = 1024;

impl<'a> Against<'a> {
    /// One that starts.
    pub fn new(pass: &'a Pass<'a>, ledger: &'a Ledger<'a>, manifest: &'a Manifest) -> Self {
        Self {
            pass,
            ledger,
            manifest,
            matches: Matches::default(),
            unread: Mutex::default(),
            payload_files: AtomicU64::new(0),
            payload_bytes: AtomicU64::new(0),
        }
    }

    /// What is listed of a path; also as rclone would write it. `None`: nothing, or somebody else was
    /// told so before.
    fn claimed(&self, path: &RelPath) -> Result<Option<Found>, Fault> {
        let mut found = self.manifest.find(path)?;
        if found.is_none()
            && let Some(path) = pictured(path.as_bytes()).and_then(|text| RelPath::parse(&text))
        {
            found = self.manifest.find(&path)?;
        }
        Ok(found.filter(|found| self.manifest.claim(found) == Claim::First))
    }

    /// A regular file, or a symlink to one that was listed.
    fn file<'s>(
        &'s self,
        at: &At<'_, Memo>,
        path: &RelPath,
        seen: &Meta,
        sheet: &mut Sheet<'_>,
    ) -> Option<Box<dyn Ranged + 's>> {
        let found = match self.claimed(path) {
            Ok(found) => found,
            Err(fault) => {
                self.pass.tell_fault(self.ledger, &fault);
                sheet.tally.failed += 1;
                return None;
            }
        };
        if Part::of(path) == Part::Payload {
            self.payload_files.fetch_add(1, Ordering::Relaxed);
            self.payload_bytes.fetch_add(seen.size, Ordering::Relaxed);
        }
        let Some(found) = found else {
            self.unlisted(path, seen, sheet);
            return None;
        };
        if found.size.is_some_and(|size| size != seen.size) {
            self.differs(at, seen, Attrs::SIZE | Attrs::CONTENT, &[], sheet);
            return None;
        }
        let likely = found.digests.iter().filter_map(|stated| self.matches.likely(stated.by));
        // Who keeps verdicts wants to know the BLAKE3 digest as well.
        let is_kept = self.ledger.extras().contains(Extras::VERDICTS);
        let algorithms = distinct(likely.chain(is_kept.then_some(Algorithm::Blake3)));
        if Summing::is_worth(seen.size) {
            return Some(Box::new(Summing::of(self, Place::of(at), *seen, found, algorithms)));
        }
        let hashed = sum_file_each(&located(at, self.pass), &algorithms, self.pass.stop);
        let sums = hashed.map(|Hashed { digest, read_bytes }| {
            sheet.tally.dest_read_bytes += read_bytes;
            self.ledger.advance(0, read_bytes);
            algorithms.into_iter().zip(digest).collect()
        });
        self.judge(at, seen, &found, sums, sheet);
        None
    }

    /// A regular file that no line lists.
    fn unlisted(&self, path: &RelPath, seen: &Meta, sheet: &mut Sheet<'_>) {
        if !self.manifest.is_extra(path, seen.id) {
            let record = Record::of(seen, Action::Keep(Why::Unlistable), Diff::NONE);
            return sheet.record(record, || path.clone());
        }
        // As an entry that the walk met it stays; what is told is one more.
        sheet.tally.kept += 1;
        sheet.findings.extra += 1;
        sheet.findings.remaining += 1;
        self.ledger.remember(Class::Unverified);
        sheet.record(Record::of(seen, Action::Delete, Diff::NONE), || path.clone());
    }

    /// The file was hashed once.
    pub(crate) fn judge(
        &self,
        at: &At<'_, Memo>,
        seen: &Meta,
        found: &Found,
        sums: Result<Vec<Sum>, Trouble>,
        sheet: &mut Sheet<'_>,
    ) {
        let compared = sums.and_then(|sums| {
            let left = unmatched(&found.digests, &sums);
            if left.is_empty() {
                return Ok((true, sums));
            }
            let again = self.again(at, &left, sheet)?;
            let is_equal = unmatched(&left, &again).is_empty();
            // Reading it twice by one algorithm must not make a difference.
            let is_unstable = |(by, first): &Sum| {
                again.iter().any(|(other, second)| other == by && first != second)
            };
            if sums.iter().any(is_unstable) && self.stands_still(at, seen) {
                sheet.findings.unstable_reads += 1;
                let why = "reading it twice gave different bytes (check memory, disk and network)";
                let trouble = Trouble::rule(Side::Source, "compare", why);
                self.pass.tell(self.ledger, &at.spot(), trouble);
            }
            let first =
                sums.into_iter().filter(|(by, _)| again.iter().all(|(other, _)| other != by));
            Ok((is_equal, first.chain(again.iter().copied()).collect()))
        });
        match compared {
            Ok((true, sums)) => {
                sheet.findings.compared += 1;
                sheet.findings.compared_files += 1;
                self.remember(found, &sums);
                let diff = Diff { knowledge: Knowledge::Known, ..Diff::NONE };
                let record = Record::of(seen, Action::Keep(Why::UpToDate), diff);
                sheet.record(self.with_sum(record, &sums), || at.path());
            }
            Ok((false, sums)) => {
                sheet.findings.compared_files += 1;
                self.differs(at, seen, Attrs::CONTENT, &sums, sheet);
            }
            Err(trouble) => {
                let record = Record::of(seen, Action::Rewrite, Diff::NONE);
                self.pass.fail(at, record, trouble, sheet);
            }
        }
    }

    /// Remembers by which algorithms the file has the digests that are listed.
    fn remember(&self, found: &Found, sums: &[Sum]) {
        for stated in &found.digests {
            let met = sums
                .iter()
                .find(|(by, digest)| stated.by.contains(*by) && *digest == stated.digest);
            if let Some((algorithm, _)) = met {
                self.matches.remember(*algorithm);
            }
        }
    }

    /// The file by all algorithms that may have made the digests that did not match: a read that lied is
    /// no difference, and neither is an algorithm that was guessed wrong.
    fn again(
        &self,
        at: &At<'_, Memo>,
        left: &[Stated],
        sheet: &mut Sheet<'_>,
    ) -> Result<Vec<Sum>, Trouble> {
        let algorithms = distinct(left.iter().flat_map(|stated| stated.by.iter()));
        let located = located(at, self.pass);
        let Hashed { digest, read_bytes } = sum_file_each(&located, &algorithms, self.pass.stop)?;
        sheet.tally.dest_read_bytes += read_bytes;
        self.ledger.advance(0, read_bytes);
        Ok(algorithms.into_iter().zip(digest).collect())
    }

    fn stands_still(&self, at: &At<'_, Memo>, seen: &Meta) -> bool {
        let now = stat::source(at.source, at.name, at.follow, self.pass.settings.select.devices);
        now.is_ok_and(|now| now.is_untouched_since(seen))
    }

    fn differs(
        &self,
        at: &At<'_, Memo>,
        seen: &Meta,
        attrs: Attrs,
        sums: &[Sum],
        sheet: &mut Sheet<'_>,
    ) {
        sheet.findings.compared += 1;
        sheet.findings.content_differences += 1;
        sheet.findings.remaining += 1;
        self.ledger.remember(Class::Unverified);
        let diff = Diff { attrs, knowledge: Knowledge::Known, ..Diff::NONE };
        let mut record = self.with_sum(Record::of(seen, Action::Rewrite, diff), sums);
        record.source = self.pass.told_source(&at.spot(), self.ledger);
        sheet.record(record, || at.path());
    }

    /// With the digests that output and verdicts name, as far as they are among those that were made.
    fn with_sum(&self, record: Record, sums: &[Sum]) -> Record {
        let of = |algorithm| {
            let sum = sums.iter().find(|(other, _)| Some(*other) == algorithm);
            sum.map(|(_, sum)| *sum)
        };
        let is_equal = matches!(record.action, Action::Keep(_));
        let blake3 = of(Some(Algorithm::Blake3)).filter(|_| is_equal);
        let digest = blake3.and_then(|sum| Some(Digest(sum.as_bytes().try_into().ok()?)));
        Record { sum: of(self.pass.settings.told_sum), digest, ..record }
    }

    /// After the walk: what is listed and was not met, and what does not hang on any entry.
    ///
    /// `dir`: the top of what is audited; `hidden`: what the filter rules say of paths.
    pub fn finish(&self, mut hidden: Hidden, mut sheet: Sheet<'_>) {
        if !self.pass.stop.is_requested() {
            let result = self.tell_missing(&mut hidden, &mut sheet);
            if let Err(fault) = result.and_then(|()| self.manifest.check_unchanged()) {
                self.pass.tell_fault(self.ledger, &fault);
            }
            self.check_payload(&mut sheet);
        }
        sheet.close();
    }

    fn tell_missing<'l>(&self, hidden: &mut Hidden, sheet: &mut Sheet<'l>) -> Result<(), Fault> {
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        self.manifest.each_unseen(|listed| {
            let path = listed.path;
            if self.pass.stop.is_requested() {
                return Ok(Going::Stops);
            }
            if is_at_or_below(&path, &unread) || self.hides(hidden, &path)? {
                return Ok(Going::On);
            }
            missing(self.ledger, path, listed.size, sheet);
            count += 1;
            if count % MISSING_AT_ONCE == 0 {
                let next = sheet.fork();
                mem::replace::<Sheet<'l>>(sheet, next).close();
            }
            Ok(Going::On)
        })
    }

    fn hides(&self, hidden: &mut Hidden, path: &RelPath) -> Result<bool, Fault> {
        hidden.hides(path).map_err(|trouble| {
            let place = error::Place::below(&self.pass.dest_root, path);
            trouble.at(place)
        })
    }

    /// A bag says how much there is in it. What the rules leave out, nobody counts.
    fn check_payload(&self, sheet: &mut Sheet<'_>) {
        let Some(said) = self.manifest.oxum().filter(|_| self.pass.settings.rules.is_empty())
        else {
            return;
        };
        let is_partial = !self.unread.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let files = self.payload_files.load(Ordering::Relaxed);
        let bytes = self.payload_bytes.load(Ordering::Relaxed);
        if is_partial || said == (Oxum { bytes, files }) {
            return;
        }
        sheet.findings.content_differences += 1;
        sheet.findings.remaining += 1;
        let why = format!(
            "Payload-Oxum of the bag says {} bytes in {} files, and there are {bytes} in {files}",
            said.bytes, said.files
        );
        let place = error::Place::operand(&self.pass.dest_root);
        let fault = Fault::rule(Class::Unverified, "compare", place, why);
        self.pass.tell_fault(self.ledger, &fault);
    }
}

/// Records what is listed and not there.
pub(crate) fn missing(
    ledger: &Ledger<'_>,
    path: RelPath,
    size: Option<u64>,
    sheet: &mut Sheet<'_>,
) {
    sheet.tally.planned += 1;
    sheet.findings.missing += 1;
    sheet.findings.remaining += 1;
    ledger.remember(Class::Unverified);
    let nothing = Record::leaving(Kind::File, Why::UpToDate);
    let record = Record { action: Action::Create, size: size.unwrap_or(0), ..nothing };
    sheet.record(record, || path);
}

/// True if `path` or a directory above it is among `unread`.
fn is_at_or_below(path: &RelPath, unread: &BTreeSet<RelPath>) -> bool {
    if unread.is_empty() {
        return false;
    }
    let mut at = RelPath::root();
    let above = path.names().any(|name| {
        let is_here = unread.contains(&at);
        at = at.join(&name);
        is_here
    });
    above || unread.contains(&at)
}

impl Visit for Against<'_> {
    type Memo = Memo;

    fn enter(
        &self,
        node: &Arc<Node<Memo>>,
        _: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        let Some(seen) = pair.source().copied() else { return Entered::Skip };
        let record = Record::of(&seen, Action::Keep(Why::Unlistable), Diff::NONE);
        sheet.record(record, || node.path());
        Entered::Walk(DestSide::Absent, Memo::keeping(seen, Why::Unlistable))
    }

    fn entry<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Option<Box<dyn Ranged + 's>> {
        let seen = pair.source()?;
        let path = at.path();
        if seen.kind == Kind::File {
            return self.file(at, &path, seen, sheet);
        }
        if seen.kind == Kind::Symlink && at.follow == Follow::Never {
            // sha256sum and its kin followed it; who lists trees did not.
            let is_listed = self.manifest.find(&path).is_ok_and(|found| found.is_some());
            let target = is_listed.then(|| stat::entry(at.source, at.name, Follow::Links).ok());
            if let Some(target) = target.flatten().filter(|target| target.kind == Kind::File) {
                return self.file(&At { follow: Follow::Links, ..*at }, &path, &target, sheet);
            }
        }
        // Should it be listed, it is no file of that name, and that is missing.
        let record = Record::of(seen, Action::Keep(Why::Unlistable), Diff::NONE);
        sheet.record(record, || path);
        None
    }

    fn wants_extras(&self) -> bool {
        false
    }

    fn extras(&self, _: &Arc<Node<Memo>>, _: &Arc<Dir>, _: Vec<Listed>, _: &mut Sheet<'_>) {}

    fn leave(&self, _: &Arc<Node<Memo>>, _: &Memo) {}

    fn trouble(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        // What is not there any more is missing, if it is listed.
        if trouble.class() != Class::Vanished {
            let dir = spot.node.path();
            let path = spot.name.map_or(dir.clone(), |name| dir.join(name));
            self.unread.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
        }
        self.pass.unseen(spot, trouble, sheet);
    }
}
