//! What either pass does with names of one file: how a further name is made one of what leads.

use std::sync::PoisonError;

use crate::act::content::Writing;
use crate::act::link::UNLINKED;
use crate::act::perform::{Job, Linking, Other, Performed, Refusal, Wrote, perform};
use crate::compare::meta::differing;
use crate::decide::{Origin, Policy, left_alone};
use crate::error::{Class, During, Side, Trouble};
use crate::model::change::{Action, Attrs, Basis, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::{FileId, Kind, Meta};
use crate::phase::copy::Copy;
use crate::phase::dirs::left_alone_below;
use crate::phase::groups::{Bundle, Groups, Leader, Standing};
use crate::phase::pass::{Memo, Pass};
use crate::phase::repair::{count_difference, remains};
use crate::phase::together::{Claim, Joins, Step};
use crate::phase::verify::{Prior, Verify};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::report::observer::Ending;
use crate::scan::node::At;
use crate::settings::{self, Found};
use crate::sys::dir::Follow;
use crate::sys::stat;

impl Joins for Copy<'_> {
    fn pass(&self) -> &Pass<'_> {
        self.pass
    }

    fn ledger(&self) -> &Ledger<'_> {
        self.ledger
    }

    fn groups(&self) -> &Groups {
        &self.groups
    }

    fn left_alone(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        policy: &Policy,
        _: &mut Sheet<'_>,
    ) -> Option<Why> {
        left_alone_below(at.node, pair, policy)
            .or_else(|| self.is_left_out(at, pair).then_some(Why::UpToDate))
    }

    fn claim(&self, at: &At<'_, Memo>, pair: &Pair) -> Claim {
        let Some(source) = pair.source() else { return Claim::Nothing };
        // rsync makes other kinds where it meets them first.
        let leads = source.kind != Kind::File
            || is_there(pair)
            || self.pass.find_elsewhere(at, source, self.ledger).is_ok_and(|found| found.is_some());
        if leads { Claim::Best } else { Claim::Nothing }
    }

    fn lead<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        sheet: &mut Sheet<'_>,
    ) -> Step<'s> {
        self.bring_in_line(at, pair, names, sheet)
    }

    fn join(&self, at: &At<'_, Memo>, pair: &Pair, leader: &Leader, sheet: &mut Sheet<'_>) {
        let (pass, Some(source)) = (self.pass, pair.source()) else { return };
        let was_one = leader.before.is_some() && leader.before == pair.dest().map(|dest| dest.id);
        let mut diff = pass.further_diff(pair);
        let (now, tie) = match pass.permit {
            Some(_) => match look_again_at(at, pair, leader) {
                Ok(looked) => looked,
                Err(trouble) => {
                    let record = Record::of(source, Action::Replace, diff);
                    pass.fail(at, record, trouble, sheet);
                    return;
                }
            },
            // A dry run tells what would change.
            None if was_one => return self.is_one_already(at, source, diff, sheet),
            None => (*pair, Tie::None),
        };
        if tie == Tie::None && is_there(&now) && pass.is_unlinked(at, source) {
            // It would be copied once more, and may be right as it is.
            pass.tell_unlinked(at, sheet);
            self.bring_in_line(at, &now, 1, sheet).end(sheet);
            return;
        }
        let was_written = was_one && leader.standing == Standing::InPlace;
        if tie == Tie::One && !was_written {
            // It has changed with the one that leads.
            let diff = Diff { attrs: Attrs::empty(), ..diff };
            return self.is_one_already(at, source, diff, sheet);
        }
        let is_missing = pair.dest().is_none();
        let is_elsewhere = is_missing && self.is_equal_elsewhere(at, source);
        if is_elsewhere {
            diff.attrs = Attrs::empty();
        }
        let is_new = is_missing && diff.attrs.is_empty() && !is_elsewhere;
        let action = if is_new { Action::Create } else { Action::Replace };
        if pair.dest().is_some() && !diff.other_kind {
            diff.attrs |= pass.time_of_transfer(source.kind);
        }
        let record = pass.joined_record(at, source, (action, diff), leader, self.ledger);
        if tie == Tie::One {
            // rsync makes a file of its own and links this name to it; here it was written in place.
            let performed = Performed { wrote: Wrote::Entry, ..Performed::default() };
            return self.done(at, record, performed, sheet);
        }
        match pass.make_joined(at, &now, (action, diff), leader, Origin::Found, sheet) {
            Ok(Some(performed)) if performed.linking == Linking::Refused => {
                pass.tell_refused(self.ledger, &at.spot(), performed.refused);
                self.bring_in_line(at, &now, 1, sheet).end(sheet);
            }
            Ok(Some(performed)) => self.done(at, record, performed, sheet),
            Ok(None) => drop(pass.way_is_blocked(at, record, sheet)),
            Err(trouble) => drop(pass.fail(at, record, trouble, sheet)),
        }
    }
}

impl Copy<'_> {
    /// A name that is one of the leading file already.
    fn is_one_already(&self, at: &At<'_, Memo>, source: &Meta, diff: Diff, sheet: &mut Sheet<'_>) {
        let is_told = !diff.attrs.difference(Attrs::UNTOLD).is_empty();
        let action = if is_told { Action::Rewrite } else { Action::Keep(Why::UpToDate) };
        let record = self.pass.record_of(at, source, action, diff, self.ledger);
        sheet.record(Record { diff, ..record }, || at.path());
    }

    /// `--compare-dest`: true if the destination need not have it because another directory does.
    fn is_left_out(&self, at: &At<'_, Memo>, pair: &Pair) -> bool {
        let Pair::SourceOnly(source) = pair else { return false };
        let found = self.pass.find_elsewhere(at, source, self.ledger).ok().flatten();
        found.is_some_and(|elsewhere| elsewhere.found == Some(Found::LeftOut))
    }

    /// True if another directory has an equal entry (`--link-dest` and its kin).
    fn is_equal_elsewhere(&self, at: &At<'_, Memo>, source: &Meta) -> bool {
        let found = self.pass.find_elsewhere(at, source, self.ledger).ok().flatten();
        found.is_some_and(|elsewhere| elsewhere.found.is_some())
    }
}

impl Joins for Verify<'_> {
    fn pass(&self) -> &Pass<'_> {
        self.pass
    }

    fn ledger(&self) -> &Ledger<'_> {
        self.ledger
    }

    fn groups(&self) -> &Groups {
        &self.groups
    }

    fn left_alone(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        _: &Policy,
        sheet: &mut Sheet<'_>,
    ) -> Option<Why> {
        let source = pair.source()?;
        let prior = self.prior(at, source);
        // What phase one has linked is its own; what it has left alone stays so.
        left_alone(pair, prior.origin(), &self.pass.policy).or_else(|| {
            let is_out = pair.dest().is_none() && self.is_left_out(at, source, prior, sheet);
            is_out.then_some(Why::UpToDate)
        })
    }

    fn claim(&self, at: &At<'_, Memo>, pair: &Pair) -> Claim {
        match pair {
            Pair::Both(source, dest) if source.kind == dest.kind => {
                // Its digest is known: the source need not be read again.
                let is_known = matches!(self.prior(at, source), Prior::Read(_));
                if is_known || source.kind != Kind::File { Claim::Best } else { Claim::There }
            }
            _ => Claim::Nothing,
        }
    }

    fn lead<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        sheet: &mut Sheet<'_>,
    ) -> Step<'s> {
        let prior = pair.source().map_or(Prior::NotOurs, |source| self.prior(at, source));
        self.bring_in_line(at, pair, (names, prior), sheet)
    }

    fn join(&self, at: &At<'_, Memo>, pair: &Pair, leader: &Leader, sheet: &mut Sheet<'_>) {
        let (pass, Some(source)) = (self.pass, pair.source()) else { return };
        match look_again_at(at, pair, leader) {
            Ok((pair, Tie::One)) => self.is_one_of_it(at, &pair, leader, sheet),
            Ok((pair, Tie::None)) => self.is_none_of_it(at, &pair, leader, sheet),
            Err(trouble) => {
                sheet.findings.compared += 1;
                let record = Record::of(source, Action::Replace, pass.further_diff(pair));
                let side = trouble.side;
                let told = pass.fail(at, record, trouble, sheet);
                remains(side, told, sheet);
            }
        }
    }
}

impl Verify<'_> {
    /// A name that is one of the leading file, which was compared.
    fn is_one_of_it(&self, at: &At<'_, Memo>, pair: &Pair, leader: &Leader, sheet: &mut Sheet<'_>) {
        let (pass, Some(source)) = (self.pass, pair.source()) else { return };
        sheet.findings.compared += 1;
        let is_read = source.kind == Kind::File && pass.settings.verify == settings::Verify::All;
        sheet.findings.compared_files += u64::from(is_read);
        let diff = Diff { attrs: Attrs::empty(), ..pass.further_diff(pair) };
        let action = Action::Keep(Why::UpToDate);
        let record = pass.record_of(at, source, action, diff, self.ledger);
        let digest = self.remembered_digest(source);
        sheet.record(Record { digest, ..record }, || at.path());
        self.joined_source_is_finished(at, pair, leader, sheet);
    }

    /// A name that is missing, or that of another file.
    fn is_none_of_it(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        leader: &Leader,
        sheet: &mut Sheet<'_>,
    ) {
        let (pass, Some(source)) = (self.pass, pair.source()) else { return };
        if pass.permit.is_some() && pass.is_unlinked(at, source) {
            // Phase one has told why, and has copied it.
            let prior = self.prior(at, source);
            self.bring_in_line(at, pair, (1, prior), sheet).end(sheet);
            return;
        }
        sheet.findings.compared += 1;
        let diff = pass.further_diff(pair);
        let action = if pair.dest().is_none() { Action::Create } else { Action::Replace };
        count_difference(action, diff, &mut sheet.findings);
        let record = pass.joined_record(at, source, (action, diff), leader, self.ledger);
        if pass.permit.is_none() {
            sheet.findings.remaining += 1;
            sheet.ledger().remember(Class::Unverified);
            sheet.record(record, || at.path());
        } else {
            self.join_after_all(at, pair, record, leader, sheet);
        }
    }

    /// Makes what is not a name of the leading file one, and looks at it again.
    fn join_after_all(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        record: Record,
        leader: &Leader,
        sheet: &mut Sheet<'_>,
    ) {
        let pass = self.pass;
        let Some(source) = pair.source() else { return };
        let prior = self.prior(at, source);
        let todo = (record.action, record.diff);
        let made = pass.make_joined(at, pair, todo, leader, prior.origin(), sheet);
        let checked = made.and_then(|performed| {
            let now = match at.dest {
                Some(dest) => {
                    stat::dest_if_any(dest, at.dest_name()).during(Side::Dest, "look at")?
                }
                None => None,
            };
            Ok((performed, now, leader.id()?))
        });
        match checked {
            Ok((Some(performed), ..)) if performed.linking == Linking::Refused => {
                pass.tell_refused(self.ledger, &at.spot(), performed.refused);
                sheet.findings.remaining += 1;
                // It is compared as the file of its own that it stays, and counted there.
                sheet.findings.compared -= 1;
                self.bring_in_line(at, pair, (1, prior), sheet).end(sheet);
            }
            Ok((Some(performed), now, leading)) => {
                let was_copied = performed.linking == Linking::Copied;
                let record = pass.settle(at, record, performed, sheet);
                let now = now.filter(|now| Some(now.id) == leading);
                if let Some(now) = now {
                    sheet.findings.repaired += 1;
                    let digest = self.remembered_digest(source);
                    sheet.record(Record { digest, ..record }, || at.path());
                    let pair = Pair::Both(*source, now);
                    return self.joined_source_is_finished(at, &pair, leader, sheet);
                }
                sheet.findings.remaining += 1;
                if !was_copied {
                    self.still_differs(&at.spot());
                }
                sheet.record(Record { ending: Ending::Failed, ..record }, || at.path());
            }
            Ok((None, ..)) => {
                let told = pass.way_is_blocked(at, record, sheet);
                remains(Side::Dest, told, sheet);
            }
            Err(trouble) => {
                let side = trouble.side;
                let told = pass.fail(at, record, trouble, sheet);
                remains(side, told, sheet);
            }
        }
    }
}

/// Whether a name is one of the file that leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tie {
    /// It is.
    One,
    /// It is missing, or another file's.
    None,
}

impl Leader {
    /// The file that the destination has by its name, once it was brought in line.
    ///
    /// # Errors
    /// It can not be looked at any more, or it is not the one that was there.
    fn id(&self) -> Result<Option<FileId>, Trouble> {
        if let Some(id) = self.found.get() {
            return Ok(Some(*id));
        }
        let Some(chain) = &self.dir else { return Ok(None) };
        let looked = chain.get().and_then(|dir| stat::entry(&dir, &self.name, Follow::Never));
        chain.give_back_if_tight();
        let id = looked.during(Side::Dest, "look at its other name of")?.id;
        let stayed = matches!(self.standing, Standing::Kept | Standing::InPlace);
        if stayed && self.before.is_some_and(|before| before != id) {
            let why = "somebody has put another file in that one's place meanwhile (run again)";
            return Err(Trouble::rule(Side::Dest, "link to its other name", why));
        }
        Ok(Some(*self.found.get_or_init(|| id)))
    }
}

impl Pass<'_> {
    /// How a further name differs from what it is to be a name of, as rsync tells it: no bytes are
    /// compared.
    fn further_diff(&self, pair: &Pair) -> Diff {
        let mut diff = Diff { basis: Basis::Joined, ..Diff::NONE };
        let Pair::Both(source, dest) = pair else { return diff };
        if source.kind != dest.kind {
            return Diff { other_kind: true, ..diff };
        }
        diff.attrs = differing(source, dest, &self.tolerance);
        if source.kind == Kind::File && source.size != dest.size {
            diff.attrs |= Attrs::SIZE;
        }
        diff
    }

    /// What there is to record of a further name.
    fn joined_record(
        &self,
        at: &At<'_, Memo>,
        source: &Meta,
        (action, diff): (Action, Diff),
        leader: &Leader,
        ledger: &Ledger<'_>,
    ) -> Record {
        Record {
            target: Some(leader.path.as_bytes().into()),
            source: self.told_source(&at.spot(), ledger),
            ..Record::of(source, action, diff)
        }
    }

    /// Makes `at` another name of what leads; `None`: a full directory stays in the way.
    fn make_joined(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        todo: (Action, Diff),
        leader: &Leader,
        origin: Origin,
        sheet: &mut Sheet<'_>,
    ) -> Result<Option<Performed>, Trouble> {
        if !self.clear_the_way(at, pair, sheet)? {
            return Ok(None);
        }
        let (Some(job), Some(chain)) =
            (self.job(at, pair, todo, origin, Writing::All), &leader.dir)
        else {
            return Ok(Some(Performed::default()));
        };
        let dir = chain.get().during(Side::Dest, "open the directory of the other name of")?;
        let other = Other { dir: &dir, name: &leader.name, refusal: Refusal::Told };
        let performed = perform(self.permit, &Job { link: Some(other), ..job })?;
        chain.give_back_if_tight();
        if performed.linking != Linking::Done
            && let Some(source) = pair.source()
        {
            let mut unlinked = self.unlinked.lock().unwrap_or_else(PoisonError::into_inner);
            unlinked.insert(Bundle::of(at, source));
        }
        Ok(Some(performed))
    }

    /// Tells that a name is left a file of its own.
    fn tell_unlinked(&self, at: &At<'_, Memo>, sheet: &mut Sheet<'_>) {
        let error = std::io::ErrorKind::PermissionDenied.into();
        let refused = Err::<(), std::io::Error>(error).during(Side::Dest, UNLINKED);
        self.tell_refused(sheet.ledger(), &at.spot(), refused.err().into_iter().collect());
    }

    /// True if a name of this file could not be linked before.
    fn is_unlinked(&self, at: &At<'_, Memo>, source: &Meta) -> bool {
        let unlinked = self.unlinked.lock().unwrap_or_else(PoisonError::into_inner);
        !unlinked.is_empty() && unlinked.contains(&Bundle::of(at, source))
    }
}

/// A further name as it is now, and whether it is one of what leads: the listing that found it is old,
/// and who hears that it is right may remove its source.
fn look_again_at(at: &At<'_, Memo>, pair: &Pair, leader: &Leader) -> Result<(Pair, Tie), Trouble> {
    // One that was not listed may be there by a name that only the file system takes for the same.
    let (Pair::Both(source, _), Some(dest)) = (pair, at.dest) else {
        return Ok((*pair, Tie::None));
    };
    let looked = stat::dest_if_any(dest, at.dest_name());
    let Some(now) = looked.during(Side::Dest, "look at")? else {
        return Ok((Pair::SourceOnly(*source), Tie::None));
    };
    let tie = if leader.id()? == Some(now.id) { Tie::One } else { Tie::None };
    Ok((Pair::Both(*source, now), tie))
}

/// True for a regular file where the destination has one.
fn is_there(pair: &Pair) -> bool {
    matches!(pair, Pair::Both(source, dest)
        if source.kind == Kind::File && dest.kind == Kind::File)
}
