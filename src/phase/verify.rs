//! Phase two: scan, compare, repair. Fresh looks at both sides; the same rules, the same door.
//!
//! It trusts nothing that phase one concluded, but for the digest of bytes that phase one read from
//! a source file of which nothing says that it changed since.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::compare::quick::quick;
use crate::compare::thorough::{SourceBytes, thorough};
use crate::decide::{Origin, is_not_shorter, left_alone};
use crate::error::{Class, Trouble};
use crate::journal::store::Digests;
use crate::model::change::{Action, Attrs, Diff, Knowledge, Why};
use crate::model::digest::Digest;
use crate::model::entry::Pair;
use crate::model::meta::{FileId, Kind, Meta};
use crate::model::path::RelPath;
use crate::phase::dirs::remark_unfinished;
use crate::phase::extras::Removals;
use crate::phase::groups::{Groups, Standing};
use crate::phase::large::{Place, is_large};
use crate::phase::pass::{Memo, Pass};
use crate::phase::past::Past;
use crate::phase::repair::{Todo, count_difference};
use crate::phase::together::{Step, Together};
use crate::phase::weigh::{Known, LargeCompare};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::report::observer::Extras;
use crate::report::tally::{Findings, Tally};
use crate::scan::node::{At, Node, Spot};
use crate::scan::ranges::Ranged;
use crate::scan::walk::{Entered, Visit};
use crate::settings::proof::SourceDigest;
use crate::settings::{self, Evidence};
use crate::sys::dir::{Dir, Listed};
use crate::sys::sides::Sides;
use crate::sys::stat;

/// Phase two.
pub struct Verify<'a> {
    /// What both passes share.
    pub pass: &'a Pass<'a>,
    /// What phase one read.
    pub digests: &'a Digests,
    /// Where all is recorded.
    pub ledger: &'a Ledger<'a>,
    /// What former runs verified, and where this one adds to it (`--ledger`).
    pub past: Option<Past<'a>>,
    /// Names of one file that wait for each other.
    pub groups: Groups,
    /// With verdicts: the digests of files with several names, for the names that come after the first.
    pub known: Mutex<HashMap<FileId, Digest>>,
}

/// What phase one left behind of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prior {
    /// This run did not write it.
    NotOurs,
    /// This run made it, and read no bytes for it.
    Made,
    /// This run wrote it, and its source has changed since.
    Stale,
    /// This run wrote it from a source of this digest, of which nothing says that it changed since.
    Read(Digest),
}

impl Prior {
    /// True if this run wrote its bytes, or made what has none.
    pub(crate) fn is_written(self, kind: Kind) -> bool {
        match self {
            Self::Read(_) | Self::Stale => true,
            Self::Made => kind != Kind::File,
            Self::NotOurs => false,
        }
    }

    /// Where the destination's entry comes from.
    pub(crate) fn origin(self) -> Origin {
        match self {
            Self::Read(_) | Self::Stale | Self::Made => Origin::Ours,
            Self::NotOurs => Origin::Found,
        }
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// How the sides differ.
    pub diff: Diff,
    /// The digest of the source, if its bytes were compared and it is known.
    pub digest: Option<Digest>,
}

impl Found {
    /// There is nothing to compare.
    pub(crate) const NOTHING: Self = Self { diff: Diff::NONE, digest: None };
}

impl Verify<'_> {
    pub(crate) fn prior(&self, at: &At<'_, Memo>, source: &Meta) -> Prior {
        self.prior_of(|| at.path(), source)
    }

    /// The same for the entry at `path`.
    pub(crate) fn prior_of(&self, path: impl FnOnce() -> RelPath, source: &Meta) -> Prior {
        match self.digests.of(path) {
            Some(written) if !written.has_bytes() => Prior::Made,
            Some(_) if self.rereads() => Prior::Stale,
            Some(written) => written.digest_of(source).map_or(Prior::Stale, Prior::Read),
            None => Prior::NotOurs,
        }
    }

    /// True if the source is read once more, whatever phase one has read.
    pub(crate) fn rereads(&self) -> bool {
        self.pass.settings.proof.source_digest == SourceDigest::Reread
    }

    /// What is known of the bytes of a large source.
    fn known(&self, at: &At<'_, Memo>, source: &Meta) -> Known {
        let written = self.digests.of(|| at.path()).filter(|_| !self.rereads());
        let Some((written, digest)) =
            written.and_then(|written| Some((written, written.digest_of(source)?)))
        else {
            return self.read_before(at, source).map_or(Known::Nothing, Known::Whole);
        };
        let ranges = written.ranges_of(source);
        if ranges.is_empty() { Known::Whole(digest) } else { Known::Ranges(digest, ranges) }
    }

    /// Keeps the digest of a file for its other names.
    pub(crate) fn remember_digest(&self, source: &Meta, digest: Option<Digest>) {
        if let Some(digest) = digest.filter(|_| self.wants_digests())
            && self.pass.has_further_names(source)
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(source.id, digest);
        }
    }

    /// The digest of a file of which another name was read.
    pub(crate) fn remembered_digest(&self, source: &Meta) -> Option<Digest> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&source.id).copied()
    }

    /// Whether the digests of files are to be told that were not read before.
    pub(crate) fn wants_digests(&self) -> bool {
        self.past.is_some() || self.ledger.extras().contains(Extras::VERDICTS)
    }

    /// True if the bytes of this file are to be compared.
    fn reads_bytes(&self, source: &Meta, prior: Prior) -> bool {
        source.kind == Kind::File
            && match self.pass.settings.verify {
                settings::Verify::All => true,
                settings::Verify::Transferred => prior.is_written(source.kind),
                settings::Verify::Metadata | settings::Verify::None => false,
            }
    }

    /// The evidence for files whose bytes are not compared: what a second rsync pass looks at.
    fn quick_evidence(&self) -> Evidence {
        let settings = self.pass.settings;
        let goes_by_time = settings.preserve.attrs.contains(Attrs::MTIME);
        match settings.evidence {
            Evidence::Size => Evidence::Size,
            _ if goes_by_time => Evidence::SizeAndTime,
            _ => Evidence::Size,
        }
    }

    pub(crate) fn compare(
        &self,
        at: &At<'_, Memo>,
        source: &Meta,
        dest: &Meta,
        prior: Prior,
        sheet: &mut Sheet<'_>,
    ) -> Result<Found, Trouble> {
        let Some(sides) = at.sides() else { return Ok(Found::NOTHING) };
        let bytes = match prior {
            Prior::Read(digest) => Some(digest),
            _ => self.read_before(at, source),
        };
        self.compare_sides(&sides, (source, dest), prior, bytes, sheet)
    }

    fn compare_sides(
        &self,
        sides: &Sides<'_>,
        (source, dest): (&Meta, &Meta),
        prior: Prior,
        known: Option<Digest>,
        sheet: &mut Sheet<'_>,
    ) -> Result<Found, Trouble> {
        let pass = self.pass;
        if !self.reads_bytes(source, prior) {
            let evidence = self.quick_evidence();
            let diff = quick(sides, source, dest, evidence, &pass.tolerance, pass.stop)?;
            return Ok(Found { diff: pass.without_own_access(diff, source), digest: None });
        }
        let bytes = match known {
            Some(digest) => SourceBytes::Known(digest),
            None if self.wants_digests() => SourceBytes::Asked,
            None => SourceBytes::Unknown,
        };
        let compared = thorough(sides, source, dest, bytes, &pass.tolerance, pass.stop)?;
        sheet.tally.source_read_bytes += compared.source_read_bytes;
        sheet.tally.dest_read_bytes += compared.dest_read_bytes;
        self.ledger.advance(0, compared.dest_read_bytes);
        if compared.diff.knowledge == Knowledge::Known {
            sheet.findings.compared_files += 1;
            sheet.findings.digests_reused += u64::from(matches!(prior, Prior::Read(_)));
        }
        let diff = pass.without_own_access(compared.diff, source);
        Ok(Found { diff, digest: compared.digest })
    }

    /// `--append`: true if phase one saw that the file differs and left it alone. What it took for up to
    /// date is compared like all else.
    fn was_not_appended(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        prior: Prior,
    ) -> Result<bool, Trouble> {
        let (pass, settings) = (self.pass, self.pass.settings);
        let update = settings.content.update;
        let (Pair::Both(source, dest), Some(sides)) = (pair, at.sides()) else { return Ok(false) };
        if !update.appends() || prior.origin() == Origin::Ours || dest.size < source.size {
            return Ok(false);
        }
        let diff = quick(&sides, source, dest, settings.evidence, &pass.tolerance, pass.stop)?;
        Ok(is_not_shorter(pair, &diff, update))
    }

    /// `--compare-dest`: true if the destination does not have it because another directory does.
    pub(crate) fn is_left_out(
        &self,
        at: &At<'_, Memo>,
        source: &Meta,
        prior: Prior,
        sheet: &mut Sheet<'_>,
    ) -> bool {
        let basis = self.pass.settings.basis.as_ref();
        if basis.is_none_or(|basis| basis.found != settings::Found::LeftOut) {
            return false;
        }
        let ledger = sheet.ledger();
        self.pass.places_elsewhere(at, ledger).any(|(_, dir, there)| {
            let sides = Sides { dest: &dir, ..self.pass.sides_elsewhere(at, &dir) };
            let known = if let Prior::Read(digest) = prior { Some(digest) } else { None };
            let found = self.compare_sides(&sides, (source, &there), prior, known, sheet);
            // What can not be compared is not there.
            found.is_ok_and(|found| found.diff.is_none() || found.diff.is_access_alone())
        })
    }

    /// Compares an entry that is not left alone, and repairs it.
    pub(crate) fn bring_in_line<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        (names, prior): (u32, Prior),
        sheet: &mut Sheet<'_>,
    ) -> Step<'s> {
        let Pair::Both(source, dest) = pair else {
            sheet.findings.compared += 1;
            let (action, diff) = (Action::Create, Diff::NONE);
            let todo = Todo { pair: *pair, names, action, diff, ranges: &[], digest: None };
            return Step::Ended(self.repair(at, &todo, sheet));
        };
        match self.was_not_appended(at, pair, prior) {
            Ok(false) => {}
            Ok(true) => {
                let record = Record::of(source, Action::Keep(Why::NotShorter), Diff::NONE);
                sheet.record(record, || at.path());
                return Step::Ended(Standing::Not);
            }
            Err(trouble) => return Step::Ended(self.judge(at, pair, names, Err(trouble), sheet)),
        }
        let reads = self.reads_bytes(source, prior);
        let before = if reads { self.verified_before(at, (source, dest), sheet) } else { None };
        if let Some(found) = before {
            return Step::Ended(self.judge(at, pair, names, found, sheet));
        }
        let same_file = source.kind == dest.kind && source.size == dest.size;
        let ranged = same_file && !source.is_same_file(dest) && is_large(source.size);
        if ranged && reads {
            let place = Place::of(at);
            let (pair, known) = ((*source, *dest), self.known(at, source));
            return Step::Large(Box::new(LargeCompare::new(self, place, pair, names, known)));
        }
        let found = self.compare(at, source, dest, prior, sheet);
        Step::Ended(self.judge(at, pair, names, found, sheet))
    }
}

impl Visit for Verify<'_> {
    type Memo = Memo;

    fn enter(
        &self,
        node: &Arc<Node<Memo>>,
        at: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        self.pass.enter_dir(node, at, pair, sheet, |diff, action, sheet| {
            sheet.findings.compared += 1;
            count_difference(action, *diff, &mut sheet.findings);
            if self.pass.permit.is_none() && !matches!(action, Action::Keep(_)) {
                sheet.findings.remaining += 1;
                sheet.ledger().remember(Class::Unverified);
            }
        })
    }

    fn entry<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Option<Box<dyn Ranged + 's>> {
        let source = pair.source()?;
        if self.pass.has_further_names(source) {
            let group = self.groups.meet(at, pair, sheet)?;
            return Some(Together::ranged(self, group));
        }
        let prior = self.prior(at, source);
        if let Some(why) = left_alone(pair, prior.origin(), &self.pass.policy) {
            let record = Record::of(source, Action::Keep(why), Diff::NONE);
            sheet.record(record, || at.path());
            return None;
        }
        if self.pass.leaves_link(at, source, sheet) {
            return None;
        }
        if pair.dest().is_none() && self.is_left_out(at, source, prior, sheet) {
            sheet.findings.compared += 1;
            let action = Action::Keep(Why::UpToDate);
            sheet.record(Record::of(source, action, Diff::NONE), || at.path());
            return None;
        }
        self.bring_in_line(at, pair, (1, prior), sheet).ranged()
    }

    fn rest<'s>(&'s self) -> Vec<Box<dyn Ranged + 's>> {
        let groups = self.groups.rest().into_iter();
        groups.map(|group| Together::ranged(self, group)).collect()
    }

    fn wants_extras(&self) -> bool {
        self.pass.removes_extras(self.ledger)
    }

    fn extras(
        &self,
        node: &Arc<Node<Memo>>,
        dest: &Arc<Dir>,
        extras: Vec<Listed>,
        sheet: &mut Sheet<'_>,
    ) {
        let Removals { removed, left } = self.pass.remove_extras(node, dest, extras, sheet);
        sheet.findings.extra += removed + left;
        sheet.findings.remaining += left;
        if self.pass.permit.is_some() {
            sheet.findings.repaired += removed;
        } else if removed > 0 {
            sheet.findings.remaining += removed;
            sheet.ledger().remember(Class::Unverified);
        }
    }

    fn leave(&self, node: &Arc<Node<Memo>>, memo: &Memo) {
        let Some(left) = self.pass.leave_dir(node, memo) else { return };
        let was_told = !left.refused.is_empty() || left.dir.is_err();
        let dir = self.pass.tell_left(self.ledger, node, left);
        let now = dir.and_then(|dir| stat::handle(&*dir).ok().map(|now| (dir, now)));
        let is_equal = now.is_some_and(|(dir, now)| {
            let differs = self.pass.dir_differs(node, &memo.source, (&dir, &now));
            differs.is_ok_and(|attrs| attrs.is_empty())
        });
        let was_wrong = !memo.diff.is_none() || !matches!(memo.action, Action::Keep(_));
        let mut findings = Findings::default();
        if is_equal {
            findings.repaired += u64::from(was_wrong);
        } else {
            findings.remaining += 1;
            if !was_told {
                remark_unfinished(self.ledger, node);
                self.still_differs(&Spot { node, layer: 0, name: None });
            }
        }
        self.ledger.add(Tally::default(), findings);
    }

    fn trouble(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        self.pass.unseen(spot, trouble, sheet);
    }
}
