//! What both passes share: the rules of the run, how faults are told, how an entry is carried out.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use crate::act::backup::{Backups, Fate, Keeping};
use crate::act::clear::Limit;
use crate::act::content::{Moved, Writing};
use crate::act::finish;
use crate::act::perform::{Job, Linking, Performed, Wrote};
use crate::compare::meta::Rules as Tolerance;
use crate::decide::{Origin, Policy};
use crate::effort::Stop;
use crate::error::{During, Side};
use crate::model::change::{Action, Attrs, Basis, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::{FileId, Kind, Meta, Stamp};
use crate::model::path::RelPath;
use crate::model::target::is_unsafe;
use crate::phase::attributes::rules_of;
use crate::phase::finished::Arrived;
use crate::phase::groups::{Bundle, Groups, Ways};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::report::observer::{Detail, Extras, Phase};
use crate::scan::node::{At, NamedBy, Node, Spot};
use crate::settings::content::Updating;
use crate::settings::links::{HardLinks, LeavingLinks};
use crate::settings::{Effect, Settings};
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::Listed;
use crate::sys::permit::Permit;
use crate::sys::process::{self, Identity};
use crate::sys::read;

/// What a directory's visit is remembered by until it is left.
#[derive(Debug)]
pub struct Memo {
    /// The source directory.
    pub source: Meta,
    /// What is done to it.
    pub action: Action,
    /// Why.
    pub diff: Diff,
    /// The mode that it had before it was made writable for the time of the run.
    pub widened: Option<u32>,
    /// Where it may be in the directories of `--link-dest` and its kin.
    pub bases: Box<[Arc<Chain>]>,
}

impl Memo {
    /// A directory of which nothing but its entries may change.
    pub fn keeping(source: Meta, why: Why) -> Self {
        let (action, diff) = (Action::Keep(why), Diff::NONE);
        Self { source, action, diff, widened: None, bases: Box::default() }
    }
}

/// Names of a directory that are to be deleted later.
pub type Delayed = (Arc<Node<Memo>>, Vec<Listed>);

/// Rules and shared state of one run, for both passes.
pub struct Pass<'a> {
    /// The choices of the user.
    pub settings: &'a Settings,
    /// The right to change the destination, if there is one.
    pub permit: Option<&'a Permit>,
    /// Asked between entries and between write calls.
    pub stop: &'a Stop,
    /// The destination as the user typed it, for faults.
    pub dest_root: PathBuf,
    /// What counts as different.
    pub tolerance: Tolerance,
    /// What entries are to look like.
    pub rules: finish::Rules,
    /// What decides.
    pub policy: Policy,
    /// How much may still be deleted.
    pub limit: Limit,
    /// The source directories and those above them: they are never deleted.
    pub sources: HashSet<FileId>,
    /// The directories of `--link-dest` and its kin,
    pub bases: Box<[Arc<Chain>]>,
    /// and their paths, for faults.
    pub base_roots: Vec<PathBuf>,
    /// Where what is overwritten or removed is kept (`--backup`).
    pub backups: Option<Backups>,
    /// When the run began.
    started: Stamp,
    /// How many handles there are.
    pub budget: Arc<Budget>,
    /// True once something of the source could not be read: nothing is deleted any more.
    pub source_failed: AtomicBool,
    /// True once a fault ended the run: no room, or rules that make no sense.
    pub is_ended: AtomicBool,
    /// Attributes that the destination refused to set, beyond the first of each sort.
    pub(crate) refused: AtomicU64,
    /// Faults that were told.
    pub(crate) told: Mutex<HashSet<String>>,
    /// Directories whose attributes the destination refused to set.
    pub(crate) refused_dirs: Mutex<HashSet<RelPath>>,
    pub(crate) deletion_stopped: AtomicBool,
    /// Deletions that wait for the end of phase one.
    pub delayed: Mutex<Vec<Delayed>>,
    /// Sources that have arrived and are to be removed at the end of phase two.
    pub arrived: Mutex<Vec<Arrived>>,
    /// True if a source may be met on two ways: by symlinks that are followed, or from two operands.
    pub may_meet_twice: bool,
    /// Of which files of the source a name could not be linked (`--hard-links`).
    pub unlinked: Mutex<HashSet<Bundle>>,
    /// With `--keep-dirlinks`: the destination's directories that were entered.
    pub entered: Mutex<HashSet<(Phase, FileId)>>,
}

/// Whether a fault was news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was told.
    Now,
    /// It had been told before, as a rule by phase one.
    Before,
}

/// File systems stamp with a clock that lags a little behind.
const CLOCK_LAG_SECS: i64 = 1;

impl<'a> Pass<'a> {
    /// The state of a run that starts. `umask`: the user's.
    pub fn new(
        settings: &'a Settings,
        permit: Option<&'a Permit>,
        stop: &'a Stop,
        dest_root: PathBuf,
        budget: &Arc<Budget>,
        umask: u32,
    ) -> Self {
        let identity = Identity::current(settings.rights);
        let extras = rules_of(settings, &identity);
        let preserve = settings.preserve;
        let tolerance = Tolerance {
            preserve,
            extras: extras.clone(),
            window: settings.update.window,
            identity: identity.clone(),
            from_storage: None,
        };
        let policy =
            Policy { select: settings.select, update: settings.update, delete: settings.delete };
        Self {
            settings,
            permit,
            stop,
            dest_root,
            tolerance,
            rules: finish::Rules { preserve, identity, extras, umask },
            policy,
            // An audit deletes nothing, and lists all.
            limit: Limit::new(match settings.effect {
                Effect::VerifyOnly | Effect::List => None,
                Effect::Sync | Effect::DryRun => settings.delete.limit,
            }),
            sources: HashSet::new(),
            backups: None,
            bases: Box::default(),
            base_roots: Vec::new(),
            started: process::now(),
            budget: Arc::clone(budget),
            source_failed: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            told: Mutex::default(),
            refused_dirs: Mutex::default(),
            deletion_stopped: AtomicBool::new(false),
            delayed: Mutex::default(),
            arrived: Mutex::default(),
            may_meet_twice: false,
            unlinked: Mutex::default(),
            entered: Mutex::default(),
        }
    }

    /// Where names of one file are gathered, in either pass.
    pub fn groups(&self) -> Groups {
        Groups::new(if self.may_meet_twice { Ways::Several } else { Ways::One })
    }

    /// True if an entry of the source has further names that count (`--hard-links`).
    pub fn has_further_names(&self, source: &Meta) -> bool {
        source.nlink > 1 && self.settings.links.hard == HardLinks::Together
    }

    /// The job of doing `action` to `at`; `None` if there is no destination directory.
    ///
    /// `origin`: what this run wrote is not kept.
    pub fn job<'j>(
        &'j self,
        at: &'j At<'_, Memo>,
        pair: &'j Pair,
        (action, diff): (Action, Diff),
        origin: Origin,
        writing: Writing,
    ) -> Option<Job<'j>> {
        Some(Job {
            keeping: self.keeping(at, origin),
            action,
            diff,
            sides: at.sides()?,
            source: pair.source()?,
            dest: pair.dest(),
            rules: &self.rules,
            writing,
            ranges: &[],
            content: self.settings.content,
            durability: self.settings.effort.durability,
            link: None,
            names: 1,
            stop: self.stop,
        })
    }

    /// What phase two makes of an access time that differs: one of this very run says nothing. It is
    /// most likely phase one that has read the source, where the kernel does not let it read a file
    /// without that (`O_NOATIME`: files of others). One that somebody else set during the run is hidden
    /// by that, too.
    pub fn without_own_access(&self, mut diff: Diff, source: &Meta) -> Diff {
        if !diff.attrs.contains(Attrs::ATIME) {
            return diff;
        }
        let during = self.started.secs - CLOCK_LAG_SECS..=process::now().secs;
        diff.attrs.set(Attrs::ATIME, !during.contains(&source.atime.secs));
        diff
    }

    /// Which bytes phase one writes of a file that is there.
    pub fn writing(&self) -> Writing {
        Writing::first(self.settings.content.update)
    }

    /// Where what stands at `at` is kept; `None`: it is not, or this run has put it there.
    fn keeping(&self, at: &At<'_, Memo>, origin: Origin) -> Option<Keeping<'_>> {
        let backups = self.backups.as_ref().filter(|_| origin == Origin::Found)?;
        let home = at.node.path();
        let is_ours = backups.is_unfinished(&home.join(at.dest_name()));
        (!is_ours).then_some(Keeping { backups, home })
    }

    /// What there is to record of `action` on `at`; reads the target of a symlink.
    pub fn record_of(
        &self,
        at: &At<'_, Memo>,
        source: &Meta,
        action: Action,
        diff: Diff,
        ledger: &Ledger<'_>,
    ) -> Record {
        let mut record = Record::of(source, action, diff);
        let is_written = match action {
            Action::Create => diff.basis != Basis::None,
            Action::Rewrite | Action::Replace => true,
            _ => false,
        };
        let keeps_time = match diff.basis {
            Basis::Linked => true,
            Basis::Alike | Basis::Joined => source.kind != Kind::File,
            Basis::None | Basis::Unlike => false,
        };
        if is_written && !keeps_time && !diff.other_kind {
            record.diff.attrs |= self.time_of_transfer(source.kind);
        }
        let is_told = match action {
            Action::Keep(_) => ledger.detail() >= Detail::All,
            _ => true,
        };
        if source.kind == Kind::Symlink && is_told {
            // The line goes without a target if the link can not be read; making it tells why.
            let target = read::link_target(at.source, at.name).ok();
            record.target = target.map(|target| self.settings.preserve.target(target));
        }
        if is_told {
            record.source = self.told_source(&at.spot(), ledger);
            record.sum = self.told_sum(at, source.kind, &Wrote::Nothing);
        }
        record
    }

    /// Where the source has an entry, if somebody wants to hear it. Of what a list names, nobody hears
    /// more than the list says.
    pub fn told_source(&self, spot: &Spot<'_, Memo>, ledger: &Ledger<'_>) -> Option<Box<[u8]>> {
        let roots = &self.settings.roots;
        let by = if roots.list.is_some() { NamedBy::List } else { NamedBy::Operand };
        ledger.extras().contains(Extras::SOURCE).then(|| spot.source_name(by))
    }

    /// The time of what is written anew without its source's time is the time of the transfer.
    pub(crate) fn time_of_transfer(&self, kind: Kind) -> Attrs {
        match kind {
            Kind::File | Kind::Symlink => self.time_of_making(kind),
            _ => Attrs::empty(),
        }
    }

    /// The time of what is made without its source's time is the time of making it.
    pub fn time_of_making(&self, kind: Kind) -> Attrs {
        let preserve = &self.settings.preserve;
        if preserve.sets_time(kind) {
            Attrs::empty()
        } else if preserve.attrs.contains(Attrs::MTIME) {
            Attrs::MTIME
        } else {
            Attrs::MTIME_NOW
        }
    }

    /// `--safe-links`: records a symlink that leads out of the transfer as left alone, and one that
    /// can not be read as failed. False if nothing was said: the entry takes part.
    pub fn leaves_link(&self, at: &At<'_, Memo>, source: &Meta, sheet: &mut Sheet<'_>) -> bool {
        if self.settings.links.leaving == LeavingLinks::Copy || source.kind != Kind::Symlink {
            return false;
        }
        let target = read::link_target(at.source, at.name).during(Side::Source, "read the link");
        match target.map(|target| self.settings.preserve.target(target)) {
            Ok(target) if is_unsafe(&target, at.node.depth()) => {
                let action = Action::Keep(Why::UnsafeLink);
                let record = Record::of(source, action, Diff::NONE);
                sheet.record(Record { target: Some(target), ..record }, || at.path());
                true
            }
            Ok(_) => false,
            Err(trouble) => {
                let record = Record::of(source, Action::Create, Diff::NONE);
                self.fail(at, record, trouble, sheet);
                true
            }
        }
    }

    /// Counts what was done and tells what was refused; returns the record to make of it.
    pub fn settle(
        &self,
        at: &At<'_, Memo>,
        record: Record,
        performed: Performed,
        sheet: &mut Sheet<'_>,
    ) -> Record {
        if performed.entry_changed {
            at.node.entry_changed();
        }
        if performed.old != Fate::Nothing {
            let path = at.node.path().join(at.dest_name());
            self.tell_fate(path, record.kind, performed.old, sheet);
        }
        sheet.tally.source_read_bytes += performed.moved.source_read_bytes;
        sheet.tally.dest_read_bytes += performed.moved.dest_read_bytes;
        if self.settings.content.update == Updating::Differing {
            let Moved { source_read_bytes, written_bytes, .. } = performed.moved;
            sheet.tally.matched_bytes += source_read_bytes.saturating_sub(written_bytes);
        }
        self.tell_refused(sheet.ledger(), &at.spot(), performed.refused);
        let mut record = Record { written_bytes: performed.moved.written_bytes, ..record };
        record.sum = record.sum.or_else(|| self.told_sum(at, record.kind, &performed.wrote));
        if performed.linking == Linking::Copied {
            let is_joined = record.diff.basis == Basis::Joined;
            record.diff.basis = if is_joined { Basis::None } else { Basis::Alike };
            record.target = record.target.filter(|_| !is_joined);
        }
        record
    }
}
