//! Directories, in both passes: made or found when they are entered, finished when all below is done.

use std::sync::{Arc, PoisonError};

use crate::act::content::Writing;
use crate::act::finish::{Time, Wanted, apply};
use crate::act::perform::perform;
use crate::decide::{Origin, Policy, decide, left_alone};
use crate::error::{During, Place, Side, Trouble};
use crate::model::change::{Action, Attrs, Diff, Why};
use crate::model::entry::Pair;
use crate::model::guise::{Guise, stand_in_mode};
use crate::model::meta::{Kind, Meta};
use crate::model::path::RelPath;
use crate::phase::pass::{Memo, Pass};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::report::observer::{Ending, Phase};
use crate::scan::node::{At, DestSide, Node, Spot};
use crate::scan::walk::Entered;
use crate::settings::links::DestDirLinks;
use crate::settings::preserve::Preserve;
use crate::sys::attrs::{Target, set_mode};
use crate::sys::dir::{Dir, Follow};
use crate::sys::node::make_dir;
use crate::sys::permit::Permit;
use crate::sys::stat;
use crate::sys::trust::Trust;

impl Pass<'_> {
    /// Enters a directory: decides about it, makes it if it is missing, and records that.
    ///
    /// `found` is told the diff and the action before anything is done.
    pub fn enter_dir(
        &self,
        node: &Arc<Node<Memo>>,
        at: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
        found: impl FnOnce(&Diff, Action, &mut Sheet<'_>),
    ) -> Entered<Memo> {
        let Some(source) = pair.source().copied() else { return Entered::Skip };
        let path = || node.path();
        if node.is_bare() {
            return self.enter_bare(node, at, pair, sheet);
        }
        let pair = match self.through_dirlink(node, pair) {
            Ok(pair) => pair,
            Err(trouble) => return self.give_up(at, &source, trouble, sheet),
        };
        let why = match at {
            Some(at) => left_alone_below(at.node, &pair, &self.policy),
            // The top is there, whatever may be made below it; unless it is missing and stays so.
            None if node.dest_to_be().is_none() => left_alone(&pair, Origin::Found, &self.policy),
            None => None,
        };
        if let Some(why) = why {
            return self.leave_dir_out(node, at, &source, why, sheet);
        }
        let bases = self.bases_of(node);
        let diff = match &pair {
            Pair::SourceOnly(source) => self.dir_elsewhere(node, &bases, source),
            Pair::Both(source, dest) if source.kind != dest.kind => {
                Diff { other_kind: true, ..Diff::NONE }
            }
            Pair::Both(source, dest) => match self.dest_dir_differs(node, source, dest) {
                Ok(attrs) => Diff { attrs, ..Diff::NONE },
                Err(trouble) => return self.give_up(at, source, trouble, sheet),
            },
            Pair::DestOnly(_) => Diff::NONE,
        };
        if let Err(trouble) = self.meets_no_other(&pair, sheet) {
            return self.give_up(at, &source, trouble, sheet);
        }
        let action = decide(&pair, &diff, 1);
        found(&diff, action, sheet);
        let side = match self.make_or_find(node, at, &pair, (action, diff), sheet) {
            Ok(side) => side,
            Err(trouble) => return self.give_up(at, &source, trouble, sheet),
        };
        let widened = self.open_up(node, &pair, action);
        let mut record = Record::of(&source, action, diff);
        if sheet.ledger().phase() == Phase::Verify && self.is_refused_dir(&path()) {
            record.ending = Ending::Failed;
        }
        record.source = self.told_source(&node.spot(), sheet.ledger());
        sheet.record(record, path);
        Entered::Walk(side, Memo { source, action, diff, widened, bases })
    }

    /// Leaves a directory out, for `why`.
    fn leave_dir_out(
        &self,
        node: &Arc<Node<Memo>>,
        at: Option<&At<'_, Memo>>,
        source: &Meta,
        why: Why,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        if why == Why::Exists && !is_empty(node) {
            let why = "something that --ignore-existing keeps is in the way of the directory";
            let trouble = Trouble::rule(Side::Dest, "enter", why);
            return self.give_up(at, source, trouble, sheet);
        }
        if at.is_none() && why == Why::NotThere {
            return enter_missing_top(source, sheet);
        }
        let action = Action::Keep(why);
        sheet.record(Record::of(source, action, Diff::NONE), || node.path());
        // rsync counts what is below a directory that `--existing` keeps from being made.
        let counts = matches!(why, Why::NotThere | Why::NotEvenAbove);
        let bases = self.bases_of(node);
        let memo = Memo { source: *source, action, diff: Diff::NONE, widened: None, bases };
        match sheet.ledger().phase() {
            Phase::Copy if counts => Entered::Walk(DestSide::Absent, memo),
            _ => Entered::Skip,
        }
    }

    /// With `--keep-dirlinks` two source directories may lead to one of the destination: the second
    /// one would overwrite the first, and neither could ever be right.
    fn meets_no_other(&self, pair: &Pair, sheet: &Sheet<'_>) -> Result<(), Trouble> {
        let (DestDirLinks::Keep, Some(dest)) = (self.settings.links.dest_dirs, pair.dest()) else {
            return Ok(());
        };
        let mut entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (sheet.ledger().phase(), dest.id);
        if dest.kind != Kind::Dir || entered.insert(key) {
            return Ok(());
        }
        let why = "a symlink that --keep-dirlinks keeps leads another source directory there, too";
        Err(Trouble::rule(Side::Dest, "enter", why))
    }

    fn give_up(
        &self,
        at: Option<&At<'_, Memo>>,
        source: &Meta,
        trouble: Trouble,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        match at {
            Some(at) => {
                self.fail(at, Record::of(source, Action::Create, Diff::NONE), trouble, sheet);
            }
            None => {
                sheet.tally.failed += 1;
                let place = Place::operand(&self.dest_root);
                self.tell_fault(sheet.ledger(), &trouble.at(place));
            }
        }
        Entered::Skip
    }

    fn make_or_find(
        &self,
        node: &Arc<Node<Memo>>,
        at: Option<&At<'_, Memo>>,
        pair: &Pair,
        (action, diff): (Action, Diff),
        sheet: &mut Sheet<'_>,
    ) -> Result<DestSide, Trouble> {
        if matches!(action, Action::Keep(_) | Action::Adjust) {
            return Ok(DestSide::Present);
        }
        // The top itself was made before the walk, if it may be made at all.
        let Some(at) = at else {
            return Ok(match node.dest_to_be() {
                Some(_) => DestSide::Fresh,
                None => DestSide::Absent,
            });
        };
        if let Some(job) = self.job(at, pair, (action, diff), Origin::Found, Writing::All) {
            let record = Record::of(job.source, action, diff);
            self.settle(at, record, perform(self.permit, &job)?, sheet);
        }
        Ok(if self.permit.is_some() { DestSide::Fresh } else { DestSide::Absent })
    }

    /// `--keep-dirlinks`: a symlink in the destination that leads to a directory below the
    /// destination's root (with `--insecure-links`: anywhere) is as good as a directory.
    pub fn through_dirlink(&self, node: &Arc<Node<Memo>>, pair: &Pair) -> Result<Pair, Trouble> {
        let Pair::Both(source, dest) = pair else { return Ok(*pair) };
        let keeps = self.settings.links.dest_dirs == DestDirLinks::Keep;
        let (true, Kind::Symlink, Some(chain)) = (keeps, dest.kind, node.dest_to_be()) else {
            return Ok(*pair);
        };
        let Some(parent) = node.parent() else { return Ok(*pair) };
        let Some(root) = root_of(parent)? else { return Ok(*pair) };
        let opened = match (&self.settings.roots.trust, parent.dest(), node.name()) {
            (Trust::All, Some(above), Some(name)) => {
                above.get().and_then(|dir| dir.open_child(parent.dest_name(name), Follow::Links))
            }
            _ => root.open_beneath(&node.path()),
        };
        match opened {
            Ok(dir) => {
                let meta = stat::handle(&dir).during(Side::Dest, "look at")?;
                chain.pin(dir);
                Ok(Pair::Both(*source, meta))
            }
            Err(error) if leads_to_dir(node, parent) => {
                Err(error).during(Side::Dest, "follow the symlink")
            }
            Err(_) => Ok(*pair),
        }
    }

    /// Before a directory that was there is filled: gives it its mode, which says to whom new
    /// entries belong (set-group-ID) and who may see them; but one of ours stays writable for us
    /// while the run lasts. Returns the mode it had, if that was changed.
    fn open_up(&self, node: &Arc<Node<Memo>>, pair: &Pair, action: Action) -> Option<u32> {
        let permit = self.permit?;
        let Pair::Both(source, dest) = pair else {
            self.drop_inherited_group(permit, node, pair);
            return None;
        };
        if dest.kind != Kind::Dir {
            return None;
        }
        let mode = match self.settings.preserve.guises.dest {
            Guise::Real => self.mode_while_filled(source, dest, action),
            Guise::Fake => stand_in_mode(Kind::Dir, dest.mode),
        };
        if mode == dest.own_mode {
            return None;
        }
        // If it can not be set, that is told when the directory is left, or by what fails in it.
        let is_set = match (node.parent(), node.name()) {
            (Some(parent), Some(name)) => parent.dest()?.get().is_ok_and(|dir| {
                set_mode(permit, Target::Entry(&dir, parent.dest_name(name)), mode).is_ok()
            }),
            _ => node
                .dest_to_be()?
                .get()
                .is_ok_and(|dir| set_mode(permit, Target::Handle(dir.as_file()), mode).is_ok()),
        };
        is_set.then_some(dest.mode)
    }

    fn mode_while_filled(&self, source: &Meta, dest: &Meta, action: Action) -> u32 {
        let mut mode = dest.mode;
        if action == Action::Adjust && self.settings.preserve.attrs.contains(Attrs::MODE) {
            mode = source.mode;
            if self.rules.extras.acls {
                // Until the list is the source's, its mask would be what the group may do.
                mode &= dest.mode | 0o7000;
            }
        }
        if !self.rules.identity.is_root() {
            mode |= 0o700;
        }
        mode
    }

    /// The top was made before anybody knew which mode it shall have: mkdir(2) has handed
    /// set-group-ID down, and what is made below would get the group.
    fn drop_inherited_group(&self, permit: &Permit, node: &Node<Memo>, pair: &Pair) {
        let Preserve { attrs, guises, .. } = self.settings.preserve;
        let keeps_mode = attrs.contains(Attrs::MODE) && guises.dest == Guise::Real;
        let (None, Some(source), Some(chain)) = (node.parent(), pair.source(), node.dest_to_be())
        else {
            return;
        };
        if !keeps_mode || source.mode & 0o2000 != 0 {
            return;
        }
        let dropped = chain.get().and_then(|dir| {
            let mode = stat::handle(&*dir)?.mode;
            if mode & 0o2000 == 0 {
                return Ok(());
            }
            set_mode(permit, Target::Handle(dir.as_file()), mode & !0o2000)
        });
        // If it can not be set, that is told when the directory is left.
        dropped.unwrap_or_default();
    }

    /// Enters a directory that only is on the way (`--no-implied-dirs`): it has to be there, that is
    /// all. A symlink that leads to a directory below the destination's root will do.
    fn enter_bare(
        &self,
        node: &Arc<Node<Memo>>,
        at: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        let (Some(source), Some(at)) = (pair.source().copied(), at) else { return Entered::Skip };
        let stays_out = left_alone_below(at.node, pair, &self.policy)
            .is_some_and(|why| matches!(why, Why::NotThere | Why::NotEvenAbove));
        let side = if stays_out { Ok(DestSide::Absent) } else { self.stand_in(node, at, pair) };
        let side = match side {
            Ok(side) => side,
            Err(trouble) => return self.give_up(Some(at), &source, trouble, sheet),
        };
        let why = if stays_out { Why::NotEvenAbove } else { Why::OnTheWay };
        sheet.record(Record::of(&source, Action::Keep(why), Diff::NONE), || node.path());
        Entered::Walk(side, Memo::keeping(source, why))
    }

    /// Finds or makes a directory that only is on the way.
    fn stand_in(
        &self,
        node: &Arc<Node<Memo>>,
        at: &At<'_, Memo>,
        pair: &Pair,
    ) -> Result<DestSide, Trouble> {
        match (pair.dest().map(|dest| dest.kind), self.permit, at.dest) {
            (Some(Kind::Dir), ..) => Ok(DestSide::Present),
            // What is in the way is not looked at in a dry run (rsync 3.5.0).
            (Some(_), None, _) => Ok(pin_beneath(node).unwrap_or(DestSide::Absent)),
            (Some(Kind::Symlink), ..) => pin_beneath(node),
            (Some(_), ..) => {
                let why = "something that is no directory is in the way";
                Err(Trouble::rule(Side::Dest, "go through", why))
            }
            (None, Some(permit), Some(dest)) => {
                let mode = 0o777 & !self.rules.umask;
                make_dir(permit, dest, at.dest_name(), mode).during(Side::Dest, "make")?;
                at.node.entry_changed();
                Ok(DestSide::Fresh)
            }
            (None, ..) => Ok(DestSide::Absent),
        }
    }

    /// Gives a directory its attributes, after all below it is done. `None`: nothing had to be
    /// done, or nothing may be.
    pub fn leave_dir(&self, node: &Arc<Node<Memo>>, memo: &Memo) -> Option<Left> {
        let permit = self.permit?;
        let chain = node.dest().filter(|_| !node.is_bare())?;
        let is_new = matches!(memo.action, Action::Create | Action::Replace);
        let touched = is_new || node.has_changed_entries();
        if !touched && memo.widened.is_none() && memo.diff.is_none() {
            return None;
        }
        let opened = chain.get().and_then(|dir| stat::handle(&*dir).map(|now| (dir, now)));
        Some(match opened.during(Side::Dest, "open the directory") {
            Ok((dir, now)) => {
                let (due, lost) = match self.due_to_dir(node, &memo.source) {
                    Ok(due) => (due, None),
                    Err(trouble) => (None, Some(trouble)),
                };
                let wanted = self.wanted_of_dir(node, memo, &now, (is_new, touched)).with(due);
                let time = if touched { Time::Touched } else { Time::AsSeen };
                let target = Target::Handle(dir.as_file());
                let mut refused = apply(permit, target, &now, &wanted, time);
                refused.extend(lost);
                Left { refused, dir: Ok(dir) }
            }
            Err(trouble) => Left { refused: Vec::new(), dir: Err(trouble) },
        })
    }

    /// Tells what could not be done to a directory that was left; its handle, if there is one.
    pub fn tell_left(
        &self,
        ledger: &Ledger<'_>,
        node: &Arc<Node<Memo>>,
        left: Left,
    ) -> Option<Arc<Dir>> {
        let spot = Spot { node, layer: 0, name: None };
        if !left.refused.is_empty() {
            self.dir_was_refused(node.path());
        }
        if !left.refused.is_empty() || left.dir.is_err() {
            remark_unfinished(ledger, node);
        }
        self.tell_refused(ledger, &spot, left.refused);
        left.dir.map_err(|trouble| self.tell(ledger, &spot, trouble)).ok()
    }

    fn wanted_of_dir(
        &self,
        node: &Node<Memo>,
        memo: &Memo,
        now: &Meta,
        (is_new, touched): (bool, bool),
    ) -> Wanted {
        let mut wanted = Wanted::of(&memo.source, Some(now), &self.rules);
        let keeps_mode = self.settings.preserve.attrs.contains(Attrs::MODE);
        if !keeps_mode && is_new {
            // mkdir(2) hands the set-group-ID bit of the directory above down.
            let above = node.parent().and_then(|above| above.dest()?.get().ok());
            let umask = above.map_or(self.rules.umask, |dir| self.rules.under(&dir).umask);
            let mode = memo.source.mode & 0o777 & !umask;
            wanted.mode = Some(mode | (now.mode & 0o2000));
        }
        if !keeps_mode && memo.widened.is_some() {
            wanted.mode = memo.widened;
        }
        if !touched && !memo.diff.attrs.contains(Attrs::MTIME) {
            wanted.mtime = None;
        }
        wanted
    }
}

/// With `--existing` a top that is not there is told, and so is what is in it, one by one.
fn enter_missing_top(source: &Meta, sheet: &mut Sheet<'_>) -> Entered<Memo> {
    let action = Action::Keep(Why::NotThere);
    sheet.record(Record::of(source, action, Diff::NONE), RelPath::root);
    Entered::Walk(DestSide::Absent, Memo::keeping(*source, Why::UpToDate))
}

/// True if the source directory is empty in all its layers.
fn is_empty(node: &Node<Memo>) -> bool {
    node.source_dirs().all(|dir| dir.and_then(|dir| dir.list()).is_ok_and(|names| names.is_empty()))
}

/// The root of the destination, if there is one.
fn root_of(node: &Arc<Node<Memo>>) -> Result<Option<Arc<Dir>>, Trouble> {
    let mut top = node;
    while let Some(above) = top.parent() {
        top = above;
    }
    top.dest().map(|root| root.get()).transpose().during(Side::Dest, "open the directory of")
}

/// Goes through a symlink of the destination that stands where a directory on the way goes.
fn pin_beneath(node: &Arc<Node<Memo>>) -> Result<DestSide, Trouble> {
    let (Some(parent), Some(chain)) = (node.parent(), node.dest_to_be()) else {
        return Ok(DestSide::Absent);
    };
    let Some(root) = root_of(parent)? else { return Ok(DestSide::Absent) };
    let dir = root.open_beneath(&node.path()).during(Side::Dest, "follow the symlink")?;
    chain.pin(dir);
    Ok(DestSide::Present)
}

/// True if the destination's symlink leads to a directory, be it outside. Only looked at: what
/// does not is simply in the way.
fn leads_to_dir(node: &Node<Memo>, parent: &Node<Memo>) -> bool {
    let (Some(chain), Some(name)) = (parent.dest(), node.name()) else { return false };
    let looked =
        chain.get().and_then(|dir| stat::entry(&dir, parent.dest_name(name), Follow::Links));
    looked.is_ok_and(|meta| meta.kind == Kind::Dir)
}

/// [`left_alone`] for an entry below a directory that may itself have been left out.
pub fn left_alone_below(node: &Node<Memo>, pair: &Pair, policy: &Policy) -> Option<Why> {
    let left_out =
        |memo: &Memo| matches!(memo.action, Action::Keep(Why::NotThere | Why::NotEvenAbove));
    if node.memo().is_some_and(left_out) {
        return Some(Why::NotEvenAbove);
    }
    left_alone(pair, Origin::Found, policy)
}

/// Tells who wants verdicts that a directory is not as it should be.
pub fn remark_unfinished(ledger: &Ledger<'_>, node: &Node<Memo>) {
    let record = Record::leaving(Kind::Dir, Why::Unfinished);
    ledger.remark(Record { ending: Ending::Failed, ..record }, || node.path());
}

/// How a directory was left.
#[derive(Debug)]
pub struct Left {
    /// What could not be set.
    pub refused: Vec<Trouble>,
    /// Its handle, to look at it again, or why there is none.
    pub dir: Result<Arc<Dir>, Trouble>,
}
