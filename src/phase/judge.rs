//! What a comparison of phase two means: kept, or a difference; and whether it is a real one.

use crate::compare::quick::shape;
use crate::compare::thorough::{SourceBytes, thorough};
use crate::decide::decide;
use crate::error::{During, Side, Trouble};
use crate::model::change::{Action, Attrs, Diff, Knowledge};
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::phase::groups::Standing;
use crate::phase::pass::{Memo, Pass};
use crate::phase::repair::Todo;
use crate::phase::verify::{Found, Verify};
use crate::phase::weigh::Evidenced;
use crate::report::ledger::{Record, Sheet};
use crate::scan::node::At;
use crate::settings::recast::recast;
use crate::sys::stat;

impl Verify<'_> {
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
        let found = evidence.and_then(|evidence| {
            sheet.findings.compared_files += 1;
            sheet.findings.digests_reused += u64::from(evidence.digest_reused);
            let mut diff = shape(&sides, source, dest, &self.pass.tolerance)?;
            diff.knowledge = Knowledge::Known;
            Ok((evidence, self.pass.without_own_access(diff, source)))
        });
        let (evidence, mut diff) = match found {
            Ok(found) => found,
            Err(trouble) => return self.judge(at, pair, names, Err(trouble), sheet),
        };
        let Evidenced { differing, unstable, digest, .. } = evidence;
        if unstable == 0 && differing.as_ref().is_some_and(Vec::is_empty) {
            return self.judge(at, pair, names, Ok(Found { diff, digest }), sheet);
        }
        let stood_still = match look(self.pass, at) {
            Ok((now, Some(now_dest))) => {
                now.is_untouched_since(source) && now_dest.is_untouched_since(dest)
            }
            Ok((_, None)) => false,
            Err(trouble) => return self.judge(at, pair, names, Err(trouble), sheet),
        };
        let Some(differing) = differing.filter(|_| stood_still) else {
            // Which bytes differ now has to be found out again.
            diff.attrs |= Attrs::CONTENT;
            return self.judge(at, pair, names, Ok(Found { diff, digest: None }), sheet);
        };
        if unstable > 0 {
            self.tell_unstable(at, sheet);
        }
        diff.attrs.set(Attrs::CONTENT, !differing.is_empty());
        self.conclude(at, (pair, names), Found { diff, digest }, &differing, sheet)
    }

    /// Judges what was found, after a second look at bytes that differ.
    pub(crate) fn judge(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        found: Result<Found, Trouble>,
        sheet: &mut Sheet<'_>,
    ) -> Standing {
        let Some(source) = pair.source() else { return Standing::Not };
        let looked_again = found.and_then(|found| self.look_again(at, *pair, found, sheet));
        match looked_again {
            Ok((now, found)) => {
                let id = |pair: &Pair| pair.dest().map(|dest| dest.id);
                let is_another = id(&now) != id(pair);
                // The other names of that one are nobody's here.
                let names = if is_another { 1 } else { names };
                let standing = self.conclude(at, (&now, names), found, &[], sheet);
                if is_another { standing.of_another() } else { standing }
            }
            Err(trouble) => {
                let record = Record::of(source, Action::Rewrite, Diff::NONE);
                self.pass.fail(at, record, trouble, sheet);
                Standing::Not
            }
        }
    }

    /// Decides what follows from a difference that is real, and does it. `ranges`: where alone the bytes
    /// differ, if that is known.
    fn conclude(
        &self,
        at: &At<'_, Memo>,
        (pair, names): (&Pair, u32),
        found: Found,
        ranges: &[u64],
        sheet: &mut Sheet<'_>,
    ) -> Standing {
        let Some(source) = pair.source() else { return Standing::Not };
        sheet.findings.compared += 1;
        let Found { diff, digest } = found;
        let action = decide(pair, &diff, names);
        if let Action::Keep(_) = action {
            let record = self.pass.record_of(at, source, action, diff, self.ledger);
            self.remember_digest(source, digest);
            self.keep(at, pair, digest);
            sheet.record(Record { digest, ..record }, || at.path());
            self.source_is_finished(at, pair, sheet);
            return Standing::Kept;
        }
        self.repair(at, &Todo { pair: *pair, names, action, diff, ranges, digest }, sheet)
    }

    /// Bytes that differ are compared once more, with fresh looks: a read that lied is not a
    /// difference, and a source that changed meanwhile is not a fault of the copy.
    fn look_again(
        &self,
        at: &At<'_, Memo>,
        pair: Pair,
        found: Found,
        sheet: &mut Sheet<'_>,
    ) -> Result<(Pair, Found), Trouble> {
        let diff = found.diff;
        let Pair::Both(source, dest) = pair else { return Ok((pair, found)) };
        let is_file = source.kind == Kind::File && !diff.other_kind;
        if !is_file || !diff.attrs.contains(Attrs::CONTENT) || diff.attrs.contains(Attrs::SIZE) {
            return Ok((pair, found));
        }
        let (now_source, now_dest) = look(self.pass, at)?;
        if now_source.kind != source.kind {
            return Err(Trouble::rule(
                Side::Source,
                "compare",
                "it became something else meanwhile",
            ));
        }
        let Some(now_dest) = now_dest else { return Ok((Pair::SourceOnly(now_source), found)) };
        let Some(sides) = at.sides() else { return Ok((pair, found)) };
        let pass = self.pass;
        let bytes = if self.wants_digests() { SourceBytes::Asked } else { SourceBytes::Unknown };
        let again = thorough(&sides, &now_source, &now_dest, bytes, &pass.tolerance, pass.stop)?;
        sheet.tally.source_read_bytes += again.source_read_bytes;
        sheet.tally.dest_read_bytes += again.dest_read_bytes;
        let stood_still =
            now_source.is_untouched_since(&source) && now_dest.is_untouched_since(&dest);
        if stood_still && !again.diff.attrs.contains(Attrs::CONTENT) {
            self.tell_unstable(at, sheet);
        }
        let found = Found { diff: again.diff, digest: again.digest };
        Ok((Pair::Both(now_source, now_dest), found))
    }

    fn tell_unstable(&self, at: &At<'_, Memo>, sheet: &mut Sheet<'_>) {
        sheet.findings.unstable_reads += 1;
        let why = "reading it twice gave different bytes (check memory, disk and network)";
        let trouble = Trouble::rule(Side::Dest, "compare", why);
        self.pass.tell(sheet.ledger(), &at.spot(), trouble);
    }
}

/// Fresh looks at both sides.
pub(crate) fn look(pass: &Pass<'_>, at: &At<'_, Memo>) -> Result<(Meta, Option<Meta>), Trouble> {
    let devices = pass.settings.select.devices;
    let source =
        stat::source(at.source, at.name, at.follow, devices).during(Side::Source, "look at")?;
    let dest = match at.dest {
        Some(dest) => stat::dest_if_any(dest, at.dest_name()).during(Side::Dest, "look at")?,
        None => None,
    };
    Ok((recast(pass.settings.recast.as_deref(), source), dest))
}
