//! What phase two does about a difference: written again through the same door, and compared again.

use std::sync::atomic::Ordering;

use crate::act::content::Writing;
use crate::act::perform::{Job, Performed, Wrote, perform};
use crate::compare::content::{FromStorage, hash_range};
use crate::compare::quick::{located, read_back, shape};
use crate::decide::{Origin, decide};
use crate::error::{Class, Side, Trouble};
use crate::model::change::{Action, Attrs, Diff};
use crate::model::digest::{Digest, RangeDigest};
use crate::model::entry::Pair;
use crate::model::meta::Meta;
use crate::phase::groups::Standing;
use crate::phase::judge::look;
use crate::phase::pass::{Memo, Told};
use crate::phase::verify::{Found, Prior, Verify};
use crate::report::ledger::{Record, Sheet};
use crate::report::observer::Ending;
use crate::report::tally::Findings;
use crate::scan::node::{At, Spot};
use crate::settings::Durability;
use crate::sys::read::AccessTime;
use crate::sys::sides::Sides;

/// What is to be brought in line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Todo<'a> {
    /// What the sides have.
    pub pair: Pair,
    /// As [`decide`](mod@crate::decide) has it.
    pub names: u32,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub diff: Diff,
    /// Where alone the bytes differ, if that is known.
    pub ranges: &'a [u64],
    /// The digest of the source, if it is known.
    pub digest: Option<Digest>,
}

/// What a look after a repair says.
enum Checked {
    /// It is as the source has it now; the digest of its bytes, if they were read.
    Right(Pair, Option<Digest>),
    /// It is not, by this much.
    Wrong(Pair, Diff, Reason),
}

/// Whether somebody has told why a repair did not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The destination has refused what was to be set.
    Told,
    /// Nobody knows.
    Unknown,
}

/// What one round of a repair came to.
enum Round {
    /// It could be done, with this standing.
    Done(Box<(Record, Standing, Checked)>),
    /// It could not; that was told.
    Failed,
}

impl Verify<'_> {
    /// Brings an entry in line, in as many rounds as the settings allow.
    pub(crate) fn repair(
        &self,
        at: &At<'_, Memo>,
        todo: &Todo<'_>,
        sheet: &mut Sheet<'_>,
    ) -> Standing {
        count_difference(todo.action, todo.diff, &mut sheet.findings);
        let Some(source) = todo.pair.source() else { return Standing::Not };
        let mut record = self.pass.record_of(at, source, todo.action, todo.diff, self.ledger);
        if self.pass.permit.is_none() {
            sheet.findings.remaining += 1;
            sheet.ledger().remember(Class::Unverified);
            sheet.record(record, || at.path());
            return Standing::Not;
        }
        let mut todo = *todo;
        let rounds = self.pass.settings.proof.repair_rounds.max(1);
        for round in 1..=rounds {
            let written_bytes = record.written_bytes;
            let (standing, checked);
            (record, standing, checked) = match self.round(at, &todo, record, sheet) {
                Round::Done(done) => *done,
                Round::Failed => return Standing::Not,
            };
            record.written_bytes += written_bytes;
            match checked {
                Checked::Right(now, digest) => {
                    sheet.findings.repaired += 1;
                    sheet.findings.repaired_ranges += todo.ranges.len() as u64;
                    // Of ranges the whole is known from before.
                    let digest = digest.or(todo.digest.filter(|_| !todo.ranges.is_empty()));
                    now.source().inspect(|source| self.remember_digest(source, digest));
                    sheet.record(Record { digest, ..record }, || at.path());
                    self.source_is_finished(at, &now, sheet);
                    return standing;
                }
                Checked::Wrong(pair, diff, _) if round < rounds => {
                    let action = decide(&pair, &diff, todo.names);
                    todo = Todo { pair, action, diff, ranges: &[], digest: None, ..todo };
                }
                Checked::Wrong(.., Reason::Told) => {}
                Checked::Wrong(.., Reason::Unknown) => self.still_differs(&at.spot()),
            }
        }
        sheet.findings.remaining += 1;
        sheet.record(Record { ending: Ending::Failed, ..record }, || at.path());
        Standing::Not
    }

    fn round(
        &self,
        at: &At<'_, Memo>,
        todo: &Todo<'_>,
        record: Record,
        sheet: &mut Sheet<'_>,
    ) -> Round {
        let done = match self.carry_out(at, todo, sheet) {
            Ok(Some(performed)) => {
                let was_refused = !performed.refused.is_empty();
                let written = Written::of(&performed, todo.ranges);
                let standing = Standing::after(todo.action, performed.entry_changed);
                let record = self.pass.settle(at, record.clone(), performed, sheet);
                self.check(at, written, was_refused, sheet)
                    .map(|checked| Round::Done(Box::new((record, standing, checked))))
            }
            Ok(None) => {
                let told = self.pass.way_is_blocked(at, record, sheet);
                remains(Side::Dest, told, sheet);
                return Round::Failed;
            }
            Err(trouble) => Err(trouble),
        };
        done.unwrap_or_else(|trouble| {
            let side = trouble.side;
            let told = self.pass.fail(at, record, trouble, sheet);
            remains(side, told, sheet);
            Round::Failed
        })
    }

    /// `None`: a full directory stays in the way.
    fn carry_out(
        &self,
        at: &At<'_, Memo>,
        todo: &Todo<'_>,
        sheet: &mut Sheet<'_>,
    ) -> Result<Option<Performed>, Trouble> {
        let Todo { pair, names, action, diff, ranges, .. } = todo;
        if !self.pass.clear_the_way(at, pair, sheet)? {
            return Ok(None);
        }
        let origin = pair.source().map_or(Origin::Found, |source| self.prior(at, source).origin());
        match self.pass.job(at, pair, (*action, *diff), origin, Writing::Differing) {
            Some(job) => {
                let durability = match &self.pass.tolerance.from_storage {
                    // What is not written back yet can not be read from there.
                    Some(from) => {
                        forget_lost_writes(&job.sides, from);
                        Durability::FsyncFiles
                    }
                    None => job.durability,
                };
                let job = Job { names: *names, ranges, durability, ..job };
                perform(self.pass.permit, &job).map(Some)
            }
            None => Ok(Some(Performed::default())),
        }
    }

    /// Compares again after a repair.
    fn check(
        &self,
        at: &At<'_, Memo>,
        written: Written,
        was_refused: bool,
        sheet: &mut Sheet<'_>,
    ) -> Result<Checked, Trouble> {
        let before = sheet.findings;
        let (source, dest) = look(self.pass, at)?;
        let found = match (&dest, written) {
            (None, _) => Ok(Found { diff: Diff { other_kind: true, ..Diff::NONE }, digest: None }),
            (Some(dest), Written::Ranges(ranges)) => self
                .compare_ranges(at, (&source, dest), &ranges, sheet)
                .map(|diff| Found { diff, digest: None }),
            (Some(dest), Written::Whole(prior)) => self.compare(at, &source, dest, prior, sheet),
        };
        // It is the same file that was compared once more.
        sheet.findings = before;
        let Found { diff, digest } = found?;
        let pair = dest.map_or(Pair::SourceOnly(source), |dest| Pair::Both(source, dest));
        if diff.is_none() {
            return Ok(Checked::Right(pair, digest));
        }
        // A refusal is no reason for bytes that differ.
        let is_told = was_refused && !diff.needs_content();
        let reason = if is_told { Reason::Told } else { Reason::Unknown };
        Ok(Checked::Wrong(pair, diff, reason))
    }

    /// Compares a file of which some ranges were written, and the others were found equal before.
    fn compare_ranges(
        &self,
        at: &At<'_, Memo>,
        (source, dest): (&Meta, &Meta),
        ranges: &[(u64, RangeDigest)],
        sheet: &mut Sheet<'_>,
    ) -> Result<Diff, Trouble> {
        let Some(sides) = at.sides() else { return Ok(Diff::NONE) };
        let pass = self.pass;
        let mut diff = shape(&sides, source, dest, &pass.tolerance)?;
        if diff.other_kind || diff.attrs.contains(Attrs::SIZE) {
            return Ok(diff);
        }
        let (_, at_dest) = read_back(&sides, &pass.tolerance);
        let file = at_dest.open()?;
        for (range, digest) in ranges {
            let hashed = hash_range(&file, *range, Side::Dest, pass.stop)?;
            sheet.tally.dest_read_bytes += hashed.read_bytes;
            if hashed.digest != *digest {
                diff.attrs |= Attrs::CONTENT;
            }
        }
        Ok(pass.without_own_access(diff, source))
    }

    pub(crate) fn still_differs(&self, spot: &Spot<'_, Memo>) {
        let why = "it still differs from its source after a repair (run again; if that does not \
                   help, somebody else changes it or the storage does not keep what it is given)";
        let mut fault =
            Trouble::rule(Side::Dest, "repair", why).at(spot.dest_place(&self.pass.dest_root));
        fault.class = Class::Unverified;
        self.pass.tell_fault(self.ledger, &fault);
    }
}

/// Where the file system has lost writes, which was told, the next fsync(2) of the file would tell it
/// once more, and it would look as if the repair was lost.
fn forget_lost_writes(sides: &Sides<'_>, from: &FromStorage) {
    if from.lost_writes.load(Ordering::Relaxed) {
        let (_, dest) = located(sides, AccessTime::Stays);
        // What can not be opened or flushed is about to be found out by the repair itself.
        drop(dest.open().map(|file| file.sync_data()));
    }
}

/// What a repair has written, for whoever compares again.
enum Written {
    /// The entry.
    Whole(Prior),
    /// These ranges of a large file.
    Ranges(Vec<(u64, RangeDigest)>),
}

impl Written {
    fn of(performed: &Performed, ranges: &[u64]) -> Self {
        match performed.wrote {
            Wrote::Nothing => Self::Whole(Prior::NotOurs),
            Wrote::Entry => Self::Whole(Prior::Made),
            Wrote::Bytes(digest, _) => Self::Whole(Prior::Read(digest)),
            Wrote::Ranges(_) => {
                let digests = performed.ranges.iter().copied();
                Self::Ranges(ranges.iter().copied().zip(digests).collect())
            }
        }
    }
}

/// Counts a difference whose repair failed. It is a difference that verification found and could not
/// repair, unless phase one has told of the same failure, or it is the source that can not be read.
pub(crate) fn remains(side: Side, told: Told, sheet: &mut Sheet<'_>) {
    sheet.findings.remaining += 1;
    if side == Side::Dest && told == Told::Now {
        sheet.ledger().remember(Class::Unverified);
    }
}

pub(crate) fn count_difference(action: Action, diff: Diff, findings: &mut Findings) {
    match action {
        Action::Keep(_) => {}
        Action::Create => findings.missing += 1,
        Action::Delete => findings.extra += 1,
        Action::Adjust => count_attributes(diff.attrs, findings),
        Action::Rewrite | Action::Replace => {
            if diff.needs_content() {
                findings.content_differences += 1;
            } else {
                count_attributes(diff.attrs, findings);
            }
        }
    }
}

/// Counts an entry of which only attributes differ; several of them may.
fn count_attributes(attrs: Attrs, findings: &mut Findings) {
    findings.metadata_differences += 1;
    let times = Attrs::MTIME | Attrs::MTIME_EXACT | Attrs::ATIME;
    findings.times_differed += u64::from(attrs.intersects(times));
    findings.modes_differed += u64::from(attrs.intersects(Attrs::MODE | Attrs::OWN_MODE));
    findings.owners_differed += u64::from(attrs.intersects(Attrs::OWNER | Attrs::GROUP));
    findings.lists_differed += u64::from(attrs.intersects(Attrs::ACLS | Attrs::XATTRS));
}
