//! Phase one: scan, decide, act. Quick evidence; every file straight to its final path.

use std::sync::Arc;

use crate::act::perform::{Job, Linking, Other, Performed, Refusal, Wrote, perform};
use crate::compare::quick::quick;
use crate::decide::{Origin, decide, is_not_shorter};
use crate::error::Trouble;
use crate::journal::store::Journal;
use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::phase::basis::Elsewhere;
use crate::phase::dirs::left_alone_below;
use crate::phase::groups::{Groups, Standing};
use crate::phase::large::{LargeCopy, Place, is_large};
use crate::phase::pass::{Memo, Pass};
use crate::phase::together::{Step, Together};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::scan::node::{At, Node, Spot};
use crate::scan::ranges::Ranged;
use crate::scan::walk::{Entered, Visit};
use crate::settings::Found;
use crate::settings::deletion::When;
use crate::sys::dir::{Dir, Listed};

/// Phase one.
pub struct Copy<'a> {
    /// What both passes share.
    pub pass: &'a Pass<'a>,
    /// Where digests go.
    pub journal: Option<&'a Journal>,
    /// Where all is recorded.
    pub ledger: &'a Ledger<'a>,
    /// Names of one file that wait for each other.
    pub groups: Groups,
}

/// What is to be done about one entry.
#[derive(Clone, Copy)]
struct Todo<'a> {
    source: &'a Meta,
    action: Action,
    diff: Diff,
    /// The directory that has an entry of this name to link to.
    link: Option<&'a Dir>,
    /// What is done where that is refused and a file stands there.
    otherwise: Option<(Action, Diff)>,
    /// As [`decide`] has it.
    names: u32,
}

impl Copy<'_> {
    /// Counts and records what was done to `at`, and remembers the digest.
    pub fn done(
        &self,
        at: &At<'_, Memo>,
        record: Record,
        performed: Performed,
        sheet: &mut Sheet<'_>,
    ) {
        if let Some(journal) = self.journal {
            match performed.wrote {
                // Phase one never writes ranges alone.
                Wrote::Nothing | Wrote::Ranges(_) => {}
                Wrote::Entry => journal.append_entry(&at.path()),
                Wrote::Bytes(digest, source) => {
                    journal.append(&at.path(), &source, digest, &performed.ranges);
                }
            }
        }
        if let Some(backups) = &self.pass.backups {
            backups.finish(&at.node.path().join(at.dest_name()));
        }
        let record = self.pass.settle(at, record, performed, sheet);
        sheet.record(record, || at.path());
    }

    fn diff_of(&self, at: &At<'_, Memo>, pair: &Pair) -> Result<Diff, Trouble> {
        let (Pair::Both(source, dest), Some(sides)) = (pair, at.sides()) else {
            return Ok(Diff::NONE);
        };
        let pass = self.pass;
        quick(&sides, source, dest, pass.settings.evidence, &pass.tolerance, pass.stop)
    }

    /// True if several workers copy a file together. One that grows must be right up to its end at all
    /// times: what an interrupted run leaves is what the next `--append` goes on from.
    fn is_spread(&self, source: &Meta) -> bool {
        is_large(source.size) && !self.pass.settings.content.update.appends()
    }

    fn act<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        todo: Todo<'_>,
        sheet: &mut Sheet<'_>,
    ) -> Step<'s> {
        let Todo { source, action, diff, link, names, otherwise } = todo;
        if let Action::Keep(_) = action {
            let record = self.pass.record_of(at, source, action, diff, self.ledger);
            sheet.record(record, || at.path());
            return Step::Ended(Standing::Kept);
        }
        let record = self.pass.record_of(at, source, action, diff, self.ledger);
        match self.pass.clear_the_way(at, pair, sheet) {
            Ok(true) => {}
            Ok(false) => {
                self.pass.way_is_blocked(at, record, sheet);
                return Step::Ended(Standing::Not);
            }
            Err(trouble) => {
                self.pass.fail(at, record, trouble, sheet);
                return Step::Ended(Standing::Not);
            }
        }
        let writes = source.kind == Kind::File && action != Action::Adjust;
        if writes && link.is_none() && self.pass.permit.is_some() && self.is_spread(source) {
            let place = Place::of(at);
            return Step::Large(Box::new(LargeCopy::new(self, place, (*pair, names), record)));
        }
        let writing = self.pass.writing();
        let result = match self.pass.job(at, pair, (action, diff), Origin::Found, writing) {
            Some(job) => {
                let link =
                    link.map(|dir| Other { dir, name: at.dest_name(), refusal: Refusal::Fine });
                perform(self.pass.permit, &Job { link, names, ..job })
            }
            None => Ok(Performed::default()),
        };
        match (result, otherwise) {
            (Ok(performed), Some((action, diff))) if performed.linking == Linking::Refused => self
                .act(at, pair, Todo { action, diff, link: None, otherwise: None, ..todo }, sheet),
            (Ok(performed), _) => {
                let standing = Standing::after(action, performed.entry_changed);
                self.done(at, record, performed, sheet);
                Step::Ended(standing)
            }
            (Err(trouble), _) => {
                self.pass.fail(at, record, trouble, sheet);
                Step::Ended(Standing::Not)
            }
        }
    }

    /// Does what is to be done about an entry that is not left alone.
    pub(crate) fn bring_in_line<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        sheet: &mut Sheet<'_>,
    ) -> Step<'s> {
        let Some(source) = pair.source() else { return Step::Ended(Standing::Not) };
        let diff = match self.diff_of(at, pair) {
            Ok(diff) => diff,
            Err(trouble) => {
                let record = Record::of(source, Action::Rewrite, Diff::NONE);
                self.pass.fail(at, record, trouble, sheet);
                return Step::Ended(Standing::Not);
            }
        };
        if is_not_shorter(pair, &diff, self.pass.settings.content.update) {
            let record = Record::of(source, Action::Keep(Why::NotShorter), Diff::NONE);
            sheet.record(record, || at.path());
            return Step::Ended(Standing::Not);
        }
        let action = decide(pair, &diff, names);
        let todo = Todo { source, action, diff, link: None, names, otherwise: None };
        let elsewhere = match self.pass.find_instead(at, pair, action, self.ledger) {
            Ok(elsewhere) => elsewhere,
            Err(trouble) => {
                let record = Record::of(source, action, Diff::NONE);
                self.pass.fail(at, record, trouble, sheet);
                return Step::Ended(Standing::Not);
            }
        };
        let Some(Elsewhere { diff: like, found, dir, .. }) = elsewhere else {
            return self.act(at, pair, todo, sheet);
        };
        match (found, pair) {
            (Some(Found::LeftOut), Pair::SourceOnly(_)) => {
                let action = Action::Keep(Why::UpToDate);
                let record = self.pass.record_of(at, source, action, Diff::NONE, self.ledger);
                sheet.record(record, || at.path());
                Step::Ended(Standing::Not)
            }
            // rsync makes a symlink anew that is there.
            (Some(Found::Linked), Pair::Both(source, _)) if source.kind == Kind::File => {
                let otherwise = Some((action, diff));
                let (action, link) = (Action::Replace, Some(&*dir));
                self.act(at, pair, Todo { action, diff: like, link, otherwise, ..todo }, sheet)
            }
            // What is of another kind makes way first, and then counts as missing.
            (found, Pair::Both(source, dest))
                if source.kind == Kind::File
                    && dest.kind != Kind::File
                    && found != Some(Found::LeftOut) =>
            {
                self.act(at, pair, Todo { diff: like, ..todo }, sheet)
            }
            (found, Pair::SourceOnly(_)) => {
                let link = (found == Some(Found::Linked)).then_some(&*dir);
                self.act(at, pair, Todo { diff: like, link, ..todo }, sheet)
            }
            _ => self.act(at, pair, todo, sheet),
        }
    }
}

impl Visit for Copy<'_> {
    type Memo = Memo;

    fn enter(
        &self,
        node: &Arc<Node<Memo>>,
        at: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        self.pass.enter_dir(node, at, pair, sheet, |_, _, _| {})
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
        if let Some(why) = left_alone_below(at.node, pair, &self.pass.policy) {
            let record = Record::of(source, Action::Keep(why), Diff::NONE);
            sheet.record(record, || at.path());
            return None;
        }
        if self.pass.leaves_link(at, source, sheet) {
            return None;
        }
        self.bring_in_line(at, pair, 1, sheet).ranged()
    }

    fn rest<'s>(&'s self) -> Vec<Box<dyn Ranged + 's>> {
        let groups = self.groups.rest().into_iter();
        groups.map(|group| Together::ranged(self, group)).collect()
    }

    fn wants_extras(&self) -> bool {
        matches!(self.pass.settings.delete.when, When::During | When::Delay)
            && self.pass.removes_extras(self.ledger)
    }

    fn extras(
        &self,
        node: &Arc<Node<Memo>>,
        dest: &Arc<Dir>,
        extras: Vec<Listed>,
        sheet: &mut Sheet<'_>,
    ) {
        if self.pass.settings.delete.when == When::Delay {
            self.pass.delay(node, extras);
        } else {
            self.pass.remove_extras(node, dest, extras, sheet);
        }
    }

    fn leave(&self, node: &Arc<Node<Memo>>, memo: &Memo) {
        if let Some(left) = self.pass.leave_dir(node, memo) {
            self.pass.tell_left(self.ledger, node, left);
        }
    }

    fn trouble(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        self.pass.unseen(spot, trouble, sheet);
    }
}
