//! Names of one file in the source, made names of one file in the destination (`--hard-links`).
//!
//! One of them leads: it is brought in line like any other entry, and the others become names of it.
//! Which one, and in which order they are told, is as rsync 3.5.0 has it: the first one that the
//! destination has; where it has none, the last one, because rsync looks at all before it sends one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::decide::Policy;
use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::phase::groups::{Gathered, Groups, Leader, Standing};
use crate::phase::pass::{Memo, Pass};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::scan::node::At;
use crate::scan::ranges::Ranged;
use crate::scan::walk::{Visit, one_is_done};

/// A large file of which somebody wants to know what became of it.
pub trait Large: Ranged {
    /// As [`Ranged::finish`].
    fn end(&self, sheet: &mut Sheet<'_>) -> Standing;
}

/// How far an entry is.
pub enum Step<'s> {
    /// All was done.
    Ended(Standing),
    /// It is large: its ranges are still to be worked on.
    Large(Box<dyn Large + 's>),
}

impl<'s> Step<'s> {
    /// Goes on to the end, without other workers.
    pub fn end(self, sheet: &mut Sheet<'_>) -> Standing {
        match self {
            Step::Ended(standing) => standing,
            Step::Large(large) => {
                (0..large.start()).for_each(|range| large.run(range));
                large.end(sheet)
            }
        }
    }

    /// What a walk goes on with.
    pub fn ranged(self) -> Option<Box<dyn Ranged + 's>> {
        match self {
            Step::Ended(_) => None,
            Step::Large(large) => Some(large),
        }
    }
}

/// How much speaks for a name as the one that leads; the first of the highest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// There is nothing of it: the last of them leads.
    Nothing,
    /// The destination has it.
    There,
    /// It is the best that there can be: no later one is asked.
    Best,
}

/// What a pass does with names of one file.
pub trait Joins: Visit<Memo = Memo> {
    /// What both passes share.
    fn pass(&self) -> &Pass<'_>;

    /// Where all is recorded.
    fn ledger(&self) -> &Ledger<'_>;

    /// The groups of this pass.
    fn groups(&self) -> &Groups;

    /// Why the name is left alone, which is recorded by whoever asks.
    fn left_alone(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        policy: &Policy,
        sheet: &mut Sheet<'_>,
    ) -> Option<Why>;

    /// How much speaks for it as the one that leads.
    fn claim(&self, at: &At<'_, Memo>, pair: &Pair) -> Claim;

    /// Brings an entry in line that is not left alone. `names`: as [`crate::decide::decide`] has it.
    fn lead<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        names: u32,
        sheet: &mut Sheet<'_>,
    ) -> Step<'s>;

    /// Makes an entry that is not left alone another name of what leads.
    fn join(&self, at: &At<'_, Memo>, pair: &Pair, leader: &Leader, sheet: &mut Sheet<'_>);
}

/// One group being worked on.
pub struct Together<'s, P> {
    phase: &'s P,
    work: Mutex<Option<Work<'s>>>,
    large: OnceLock<Box<dyn Large + 's>>,
}

struct Work<'s> {
    group: Gathered,
    /// Where each name is told, from the moment that it is worked on: they take much more memory.
    sheets: Vec<Sheet<'s>>,
    /// Names that nothing was done about yet.
    open: Vec<usize>,
    /// Which name leads, and what has become of it if that is known.
    leading: Option<(usize, Option<Standing>)>,
    /// At which name's place that one is told.
    told_at: usize,
}

impl<'s> Work<'s> {
    /// Does something with the name `index`, in its open directories, and tells it at `place`; if they
    /// can not be opened, that is told and nothing is done.
    fn with<P: Joins, R>(
        &mut self,
        index: usize,
        place: usize,
        phase: &P,
        act: impl FnOnce(&At<'_, Memo>, &Pair, &mut Sheet<'s>) -> R,
    ) -> Option<R> {
        let (name, sheet) = (&self.group.names[index], &mut self.sheets[place]);
        let done = match name.open() {
            Ok(held) => Some(act(&name.at(&held), &name.pair(self.group.source()), sheet)),
            Err(trouble) => {
                phase.trouble(&name.spot(), trouble, sheet);
                None
            }
        };
        name.node.give_back_if_tight();
        done
    }
}

impl Work<'_> {
    /// Of how many names of what the destination has as `index` something is still to be done. A name that
    /// is left alone is not to change by another one; one that is met on two ways (a bind mount) is one.
    fn names_with(&self, index: usize) -> u32 {
        let names = &self.group.names;
        let dest_id = |name: usize| names[name].dest.as_ref().map(|dest| dest.id);
        let others: Vec<_> =
            self.open.iter().filter(|other| dest_id(**other) == dest_id(index)).collect();
        if others.is_empty() {
            return 1;
        }
        let places: HashSet<_> = others
            .into_iter()
            .chain([&index])
            .filter_map(|name| names[*name].dest_place())
            .collect();
        u32::try_from(places.len()).unwrap_or(u32::MAX).max(1)
    }
}

impl<'s, P: Joins> Together<'s, P> {
    /// What a walk goes on with to do `group`.
    pub fn ranged(phase: &'s P, group: Gathered) -> Box<dyn Ranged + 's> {
        let sheets = Vec::new();
        let work = Work { group, sheets, open: Vec::new(), leading: None, told_at: 0 };
        Box::new(Self { phase, work: Mutex::new(Some(work)), large: OnceLock::new() })
    }

    fn sheets(&self, group: &Gathered) -> Vec<Sheet<'s>> {
        group.names.iter().map(|name| self.phase.ledger().sheet(name.slot)).collect()
    }

    /// Sorts out the names that are left alone, and says which of the others leads.
    fn choose(&self, work: &mut Work<'s>) -> Option<usize> {
        let phase = self.phase;
        let policy = phase.pass().policy;
        let mut best: Option<(Claim, usize)> = None;
        for index in 0..work.group.names.len() {
            let has_leader = best.is_some() || work.group.leader.is_some();
            let policy = if has_leader { policy.for_further_names() } else { policy };
            let is_settled = best.is_some_and(|(claim, _)| claim == Claim::Best);
            let weighed = work.with(index, index, phase, |at, pair, sheet| {
                let takes_part = !is_left_alone(phase, at, pair, &policy, sheet);
                let claims = || if is_settled { Claim::Nothing } else { phase.claim(at, pair) };
                takes_part.then(claims)
            });
            let Some(claim) = weighed.flatten() else { continue };
            work.open.push(index);
            if claim > best.map_or(Claim::Nothing, |(claim, _)| claim) {
                best = Some((claim, index));
            }
        }
        let leads = best.map(|(_, index)| index).or_else(|| work.open.last().copied());
        // rsync sends one that is not there when it has met all names, also those that it leaves alone.
        work.told_at = best.map_or(work.group.names.len() - 1, |(_, index)| index);
        leads
    }

    /// Begins with the name that leads: the ranges of it that are to be worked on, if it is large.
    fn begin(&self, work: &mut Work<'s>) -> u64 {
        let Some(index) = self.choose(work).filter(|_| work.group.leader.is_none()) else {
            return 0;
        };
        match self.lead(work, index) {
            Step::Ended(standing) => work.leading = Some((index, Some(standing))),
            Step::Large(large) => {
                work.leading = Some((index, None));
                return self.large.get_or_init(|| large).start();
            }
        }
        0
    }

    fn lead(&self, work: &mut Work<'s>, index: usize) -> Step<'s> {
        work.open.retain(|other| *other != index);
        let names = work.names_with(index);
        let step = work.with(index, work.told_at, self.phase, |at, pair, sheet| {
            self.phase.lead(at, pair, names, sheet)
        });
        step.unwrap_or(Step::Ended(Standing::Not))
    }

    /// Goes on with the others. Where the one that led has failed, the next one does.
    fn go_on(&self, work: &mut Work<'s>) {
        let mut leading = work.leading.take().map(|(index, standing)| {
            let sheet = &mut work.sheets[work.told_at];
            let end = || self.large.get().map(|large| large.end(sheet));
            (index, standing.or_else(end).unwrap_or(Standing::Not))
        });
        loop {
            let leader = match (&work.group.leader, leading) {
                (Some(leader), _) => Some((work.group.names.len(), Arc::clone(leader))),
                (None, Some((_, Standing::Not)) | None) => None,
                (None, Some((index, standing))) => {
                    let name = &work.group.names[index];
                    let leader = Arc::new(name.as_leader(standing));
                    self.phase.groups().is_led(&work.group, name, &leader);
                    Some((index, leader))
                }
            };
            if let Some((index, leader)) = leader {
                return self.join_all(work, index, &leader);
            }
            let Some(next) = self.next(work) else { return };
            work.told_at = next;
            let standing = self.lead(work, next).end(&mut work.sheets[next]);
            leading = Some((next, standing));
        }
    }

    /// The next name that may lead.
    fn next(&self, work: &Work<'s>) -> Option<usize> {
        if self.phase.pass().stop.is_requested() {
            return None;
        }
        work.open.first().copied()
    }

    /// Those before the one that leads are told behind it, the last one first, as rsync does.
    fn join_all(&self, work: &mut Work<'s>, leader_at: usize, leader: &Leader) {
        let open = std::mem::take(&mut work.open);
        let (before, after): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|index| *index < leader_at);
        // A group that has a leader from before is told name by name.
        let behind = leader_at < work.sheets.len();
        for index in before.into_iter().rev().chain(after) {
            if self.phase.pass().stop.is_requested() {
                work.open.push(index);
                continue;
            }
            let place = if behind && index < leader_at { work.told_at } else { index };
            work.with(index, place, self.phase, |at, pair, sheet| {
                self.phase.join(at, pair, leader, sheet);
            });
        }
    }

    /// Ends what is still open as not looked at, and closes the directories.
    fn close(&self, work: Work<'s>) {
        let Work { group, mut sheets, open, .. } = work;
        for index in open {
            sheets[index].tally.abandoned += 1;
        }
        for (name, sheet) in group.names.into_iter().zip(sheets) {
            sheet.close();
            name.node.give_back_if_tight();
            one_is_done(self.phase, name.node);
        }
    }

    fn take(&self) -> Option<Work<'s>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<P: Joins> Ranged for Together<'_, P> {
    fn start(&self) -> u64 {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(work) = work.as_mut() else { return 0 };
        work.sheets = self.sheets(&work.group);
        self.begin(work)
    }

    fn run(&self, range: u64) {
        if let Some(large) = self.large.get() {
            large.run(range);
        }
    }

    fn finish(&self, _: &mut Sheet<'_>) {
        if let Some(mut work) = self.take() {
            self.go_on(&mut work);
            self.close(work);
        }
    }

    fn give_up(&self, _: &mut Sheet<'_>) {
        if let Some(mut work) = self.take() {
            work.open = (0..work.group.names.len()).collect();
            work.sheets = self.sheets(&work.group);
            self.close(work);
        }
    }
}

/// Records a name that is left alone.
fn is_left_alone<P: Joins>(
    phase: &P,
    at: &At<'_, Memo>,
    pair: &Pair,
    policy: &Policy,
    sheet: &mut Sheet<'_>,
) -> bool {
    let Some(source) = pair.source() else { return true };
    if let Some(why) = phase.left_alone(at, pair, policy, sheet) {
        sheet.record(Record::of(source, Action::Keep(why), Diff::NONE), || at.path());
        return true;
    }
    phase.pass().leaves_link(at, source, sheet)
}
