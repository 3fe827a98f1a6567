//! Phase two: scan, compare, repair. Fresh looks at both sides; the same rules, the same door.
//!
//! It trusts nothing that phase one concluded, but for the digest of bytes that phase one read from
//! a source file of which nothing says that it changed since.

use std::sync::Arc;

use crate::compare::quick::{quick, shape};
use crate::compare::thorough::thorough;
use crate::decide::{Origin, decide, is_not_shorter, left_alone};
use crate::error::{Class, During, Side, Trouble};
use crate::journal::store::Digests;
use crate::model::change::{Action, Attrs, Diff, Why};
use crate::model::digest::Digest;
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::phase::extras::Removals;
use crate::phase::groups::{Groups, Standing};
use crate::phase::large::{LargeCompare, Place, is_large};
use crate::phase::pass::{Memo, Pass};
use crate::phase::repair::count_difference;
use crate::phase::together::{Step, Together};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::report::tally::{Findings, Tally};
use crate::scan::node::{At, Node, Spot};
use crate::scan::ranges::Ranged;
use crate::scan::walk::{Entered, Visit};
use crate::settings::recast::recast;
use crate::settings::{self, Evidence};
use crate::sys::dir::{Dir, Follow, Listed};
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
    /// Names of one file that wait for each other.
    pub groups: Groups,
}

/// What the bytes of a pair of files say.
#[derive(Clone, Copy, Debug)]
pub struct Evidenced {
    /// True if they are equal.
    pub is_equal: bool,
    /// True if the source's bytes were those that phase one read.
    pub digest_reused: bool,
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
    /// The digest of the source, if its bytes need not be read again.
    fn digest(self) -> Option<Digest> {
        match self {
            Self::Read(digest) => Some(digest),
            Self::NotOurs | Self::Made | Self::Stale => None,
        }
    }

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

impl Verify<'_> {
    pub(crate) fn prior(&self, at: &At<'_, Memo>, source: &Meta) -> Prior {
        match self.digests.of(|| at.path()) {
            Some(written) if !written.has_bytes() => Prior::Made,
            Some(written) => written.digest_of(source).map_or(Prior::Stale, Prior::Read),
            None => Prior::NotOurs,
        }
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
    ) -> Result<Diff, Trouble> {
        let Some(sides) = at.sides() else { return Ok(Diff::NONE) };
        self.compare_sides(&sides, source, dest, prior, sheet)
    }

    fn compare_sides(
        &self,
        sides: &Sides<'_>,
        source: &Meta,
        dest: &Meta,
        prior: Prior,
        sheet: &mut Sheet<'_>,
    ) -> Result<Diff, Trouble> {
        let pass = self.pass;
        if !self.reads_bytes(source, prior) {
            let evidence = self.quick_evidence();
            let diff = quick(sides, source, dest, evidence, &pass.tolerance, pass.stop)?;
            return Ok(pass.without_own_access(diff, source));
        }
        let known = prior.digest();
        let compared = thorough(sides, source, dest, known, &pass.tolerance, pass.stop)?;
        sheet.tally.source_read_bytes += compared.source_read_bytes;
        sheet.tally.dest_read_bytes += compared.dest_read_bytes;
        self.ledger.advance(0, compared.dest_read_bytes);
        if compared.digest.is_some() {
            sheet.findings.compared_files += 1;
            sheet.findings.digests_reused += u64::from(known.is_some());
        }
        Ok(pass.without_own_access(compared.diff, source))
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
            let diff = self.compare_sides(&sides, source, &there, prior, sheet);
            // What can not be compared is not there.
            diff.is_ok_and(|diff| diff.is_none() || diff.is_access_alone())
        })
    }

    /// The ranges of a large file were compared.
    pub fn large_compared(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        evidence: Result<Evidenced, Trouble>,
        sheet: &mut Sheet<'_>,
    ) -> Standing {
        let (Pair::Both(source, dest), Some(sides)) = (pair, at.sides()) else {
            return Standing::Not;
        };
        let diff = evidence.and_then(|evidence| {
            sheet.findings.compared_files += 1;
            sheet.findings.digests_reused += u64::from(evidence.digest_reused);
            let mut diff = shape(&sides, source, dest, &self.pass.tolerance)?;
            if !evidence.is_equal {
                diff.attrs |= Attrs::CONTENT;
            }
            Ok(self.pass.without_own_access(diff, source))
        });
        self.judge(at, pair, names, diff, sheet)
    }

    /// Compares an entry that is not left alone, and repairs it.
    pub(crate) fn bring_in_line<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        sheet: &mut Sheet<'_>,
    ) -> Step<'s> {
        let Pair::Both(source, dest) = pair else {
            sheet.findings.compared += 1;
            let standing = self.repair(at, (pair, names), Action::Create, Diff::NONE, sheet);
            return Step::Ended(standing);
        };
        let prior = self.prior(at, source);
        match self.was_not_appended(at, pair, prior) {
            Ok(false) => {}
            Ok(true) => {
                let record = Record::of(source, Action::Keep(Why::NotShorter), Diff::NONE);
                sheet.record(record, || at.path());
                return Step::Ended(Standing::Not);
            }
            Err(trouble) => return Step::Ended(self.judge(at, pair, names, Err(trouble), sheet)),
        }
        let same_file = source.kind == dest.kind && source.size == dest.size;
        let ranged = same_file && !source.is_same_file(dest) && is_large(source.size);
        if ranged && self.reads_bytes(source, prior) {
            let Some(place) = Place::of(at) else { return Step::Ended(Standing::Not) };
            let (pair, known) = ((*source, *dest), prior.digest());
            return Step::Large(Box::new(LargeCompare::new(self, place, pair, names, known)));
        }
        let diff = self.compare(at, source, dest, prior, sheet);
        Step::Ended(self.judge(at, pair, names, diff, sheet))
    }

    fn judge(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        diff: Result<Diff, Trouble>,
        sheet: &mut Sheet<'_>,
    ) -> Standing {
        let Some(source) = pair.source() else { return Standing::Not };
        let looked_again = diff.and_then(|diff| self.look_again(at, *pair, diff, sheet));
        match looked_again {
            Ok((now, diff)) => {
                sheet.findings.compared += 1;
                let id = |pair: &Pair| pair.dest().map(|dest| dest.id);
                let is_another = id(&now) != id(pair);
                // The other names of that one are nobody's here.
                let names = if is_another { 1 } else { names };
                let action = decide(&now, &diff, names);
                let standing = if let Action::Keep(_) = action {
                    let record = self.pass.record_of(at, source, action, diff, self.ledger);
                    sheet.record(record, || at.path());
                    self.source_is_finished(at, &now, sheet);
                    Standing::Kept
                } else {
                    self.repair(at, (&now, names), action, diff, sheet)
                };
                if is_another { standing.of_another() } else { standing }
            }
            Err(trouble) => {
                let record = Record::of(source, Action::Rewrite, Diff::NONE);
                self.pass.fail(at, record, trouble, sheet);
                Standing::Not
            }
        }
    }

    /// Bytes that differ are compared once more, with fresh looks: a read that lied is not a
    /// difference, and a source that changed meanwhile is not a fault of the copy.
    fn look_again(
        &self,
        at: &At<'_, Memo>,
        pair: Pair,
        diff: Diff,
        sheet: &mut Sheet<'_>,
    ) -> Result<(Pair, Diff), Trouble> {
        let Pair::Both(source, dest) = pair else { return Ok((pair, diff)) };
        let is_file = source.kind == Kind::File && !diff.other_kind;
        if !is_file || !diff.attrs.contains(Attrs::CONTENT) || diff.attrs.contains(Attrs::SIZE) {
            return Ok((pair, diff));
        }
        let (now_source, now_dest) = look(self.pass, at)?;
        if now_source.kind != source.kind {
            return Err(Trouble::rule(
                Side::Source,
                "compare",
                "it became something else meanwhile",
            ));
        }
        let Some(now_dest) = now_dest else { return Ok((Pair::SourceOnly(now_source), diff)) };
        let Some(sides) = at.sides() else { return Ok((pair, diff)) };
        let pass = self.pass;
        let again = thorough(&sides, &now_source, &now_dest, None, &pass.tolerance, pass.stop)?;
        sheet.tally.source_read_bytes += again.source_read_bytes;
        sheet.tally.dest_read_bytes += again.dest_read_bytes;
        let stood_still =
            now_source.is_untouched_since(&source) && now_dest.is_untouched_since(&dest);
        if stood_still && !again.diff.attrs.contains(Attrs::CONTENT) {
            sheet.findings.unstable_reads += 1;
            let why = "reading it twice gave different bytes (check memory, disk and network)";
            let trouble = Trouble::rule(Side::Dest, "compare", why);
            self.pass.tell(sheet.ledger(), &at.spot(), trouble);
        }
        Ok((Pair::Both(now_source, now_dest), again.diff))
    }
}

/// Fresh looks at both sides.
pub(crate) fn look(pass: &Pass<'_>, at: &At<'_, Memo>) -> Result<(Meta, Option<Meta>), Trouble> {
    let devices = pass.settings.select.devices;
    let source =
        stat::source(at.source, at.name, at.follow, devices).during(Side::Source, "look at")?;
    let dest = match at.dest {
        Some(dest) => {
            stat::entry_if_any(dest, at.dest_name(), Follow::Never).during(Side::Dest, "look at")?
        }
        None => None,
    };
    Ok((recast(pass.settings.recast.as_deref(), source), dest))
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
        self.bring_in_line(at, pair, 1, sheet).ranged()
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
                self.still_differs(&Spot { node, layer: 0, name: None });
            }
        }
        self.ledger.add(Tally::default(), findings);
    }

    fn trouble(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        self.pass.unseen(spot, trouble, sheet);
    }
}
