//! What phase two does about a difference: written again through the same door, and compared again.

use crate::act::content::Writing;
use crate::act::perform::{Job, Performed, Wrote, perform};
use crate::decide::Origin;
use crate::error::{Class, Side, Trouble};
use crate::model::change::{Action, Diff};
use crate::model::entry::Pair;
use crate::phase::groups::Standing;
use crate::phase::pass::{Memo, Told};
use crate::phase::verify::{Prior, Verify, look};
use crate::report::ledger::{Record, Sheet};
use crate::report::observer::Ending;
use crate::report::tally::Findings;
use crate::scan::node::{At, Spot};

/// What a look after a repair says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checked {
    /// It is as the source has it.
    Right,
    /// It is not; that was told.
    Wrong,
}

impl Verify<'_> {
    pub(crate) fn repair(
        &self,
        at: &At<'_, Memo>,
        (pair, names): (&Pair, u32),
        action: Action,
        diff: Diff,
        sheet: &mut Sheet<'_>,
    ) -> Standing {
        count_difference(action, diff, &mut sheet.findings);
        let Some(source) = pair.source() else { return Standing::Not };
        let record = self.pass.record_of(at, source, action, diff, self.ledger);
        if self.pass.permit.is_none() {
            sheet.findings.remaining += 1;
            sheet.ledger().remember(Class::Unverified);
            sheet.record(record, || at.path());
            return Standing::Not;
        }
        let performed = self.carry_out(at, (pair, names), action, diff, sheet);
        match performed {
            Ok(Some(performed)) => {
                let was_refused = !performed.refused.is_empty();
                let prior = match performed.wrote {
                    Wrote::Nothing => Prior::NotOurs,
                    Wrote::Entry => Prior::Made,
                    Wrote::Bytes(digest, _) => Prior::Read(digest),
                };
                let standing = Standing::after(action, performed.entry_changed);
                let record = self.pass.settle(at, record, performed, sheet);
                match self.check_repair(at, record, prior, was_refused, sheet) {
                    Checked::Right => standing,
                    Checked::Wrong => Standing::Not,
                }
            }
            Ok(None) => {
                let told = self.pass.way_is_blocked(at, record, sheet);
                remains(Side::Dest, told, sheet);
                Standing::Not
            }
            Err(trouble) => {
                let side = trouble.side;
                let told = self.pass.fail(at, record, trouble, sheet);
                remains(side, told, sheet);
                Standing::Not
            }
        }
    }

    /// `None`: a full directory stays in the way.
    fn carry_out(
        &self,
        at: &At<'_, Memo>,
        (pair, names): (&Pair, u32),
        action: Action,
        diff: Diff,
        sheet: &mut Sheet<'_>,
    ) -> Result<Option<Performed>, Trouble> {
        if !self.pass.clear_the_way(at, pair, sheet)? {
            return Ok(None);
        }
        let origin = pair.source().map_or(Origin::Found, |source| self.prior(at, source).origin());
        match self.pass.job(at, pair, (action, diff), origin, Writing::Differing) {
            Some(job) => perform(self.pass.permit, &Job { names, ..job }).map(Some),
            None => Ok(Some(Performed::default())),
        }
    }

    /// Compares again after a repair: what still differs is a fault.
    fn check_repair(
        &self,
        at: &At<'_, Memo>,
        record: Record,
        prior: Prior,
        was_refused: bool,
        sheet: &mut Sheet<'_>,
    ) -> Checked {
        let before = sheet.findings;
        let compared = look(self.pass, at).and_then(|(source, dest)| match dest {
            Some(dest) => self.compare(at, &source, &dest, prior, sheet),
            None => Ok(Diff { other_kind: true, ..Diff::NONE }),
        });
        // It is the same file that was compared once more.
        sheet.findings = before;
        match compared {
            Ok(diff) if diff.is_none() => {
                sheet.findings.repaired += 1;
                sheet.record(record, || at.path());
                if let Ok((source, Some(dest))) = look(self.pass, at) {
                    self.source_is_finished(at, &Pair::Both(source, dest), sheet);
                }
                Checked::Right
            }
            Ok(diff) => {
                sheet.findings.remaining += 1;
                // A refusal was told, and it is the reason; but never for bytes that differ.
                if !was_refused || diff.needs_content() {
                    self.still_differs(&at.spot());
                }
                sheet.record(Record { ending: Ending::Failed, ..record }, || at.path());
                Checked::Wrong
            }
            Err(trouble) => {
                let side = trouble.side;
                let told = self.pass.fail(at, record, trouble, sheet);
                remains(side, told, sheet);
                Checked::Wrong
            }
        }
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
        Action::Adjust => findings.metadata_differences += 1,
        Action::Rewrite | Action::Replace => {
            if diff.needs_content() {
                findings.content_differences += 1;
            } else {
                findings.metadata_differences += 1;
            }
        }
    }
}
