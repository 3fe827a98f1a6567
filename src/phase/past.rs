//! What former runs verified, as far as neither side has changed since (`--ledger`).

use crate::compare::quick::shape;
use crate::error::Trouble;
use crate::journal::kept::{Horizon, Kept, Strength};
use crate::model::change::Knowledge;
use crate::model::digest::Digest;
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::phase::pass::Memo;
use crate::phase::verify::{Found, Verify};
use crate::report::ledger::Sheet;
use crate::scan::node::At;

/// What former runs verified, and where this one adds to it.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The file.
    pub kept: &'a Kept,
    /// What is too new to be remembered.
    pub horizon: Horizon,
    /// How strong this run's readings are.
    pub strength: Strength,
}

impl Verify<'_> {
    /// What there is to know of a file of which a former run has found that both sides are equal, if
    /// neither has changed since.
    pub(crate) fn verified_before(
        &self,
        at: &At<'_, Memo>,
        (source, dest): (&Meta, &Meta),
        sheet: &mut Sheet<'_>,
    ) -> Option<Result<Found, Trouble>> {
        let past = self.past.as_ref().filter(|_| !self.rereads())?;
        let are_files = source.kind == Kind::File && dest.kind == Kind::File;
        let sides = at.sides().filter(|_| are_files && source.size == dest.size)?;
        let digest = past.kept.verified(&at.path(), (source, dest), past.strength)?;
        sheet.findings.verified_before += 1;
        Some(shape(&sides, source, dest, &self.pass.tolerance).map(|mut diff| {
            diff.knowledge = Knowledge::Known;
            Found { diff: self.pass.without_own_access(diff, source), digest: Some(digest) }
        }))
    }

    /// The digest of a source that has not changed since a former run has read it.
    pub(crate) fn read_before(&self, at: &At<'_, Memo>, source: &Meta) -> Option<Digest> {
        let past = self.past.as_ref().filter(|_| !self.rereads())?;
        past.kept.source_digest(&at.path(), source)
    }

    /// Remembers for later runs that both sides were found equal.
    pub(crate) fn keep(&self, at: &At<'_, Memo>, pair: &Pair, digest: Option<Digest>) {
        let (Some(Past { kept, horizon, strength }), Some(digest)) = (&self.past, digest) else {
            return;
        };
        if let Pair::Both(source, dest) = pair {
            kept.remember(&at.path(), (source, dest), digest, *strength, horizon);
        }
    }
}
