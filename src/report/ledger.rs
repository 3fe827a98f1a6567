//! The one place where outcomes are recorded; lines, counts, progress and exit code derive from it.
//!
//! Workers write on a [`Sheet`] of their own and hand it in when they are done with a batch.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Class, Fault, Place};
use crate::filter::within::{Reasons, Said};
use crate::model::change::{Action, Basis, Change, Diff, More, Why};
use crate::model::checksum::Checksum;
use crate::model::digest::Digest;
use crate::model::meta::{Kind, Meta};
use crate::model::path::RelPath;
use crate::report::gauge::Gauge;
use crate::report::observer::{Detail, Ending, Event, Extras, Observer, Outcome, Phase};
use crate::report::order::{Item, Sequencer, Slot};
use crate::report::tally::{Findings, Tally};

/// Whether entries that are left alone are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// If the observer wants to hear of them.
    Tell,
    /// No: the first pass has told them.
    Told,
    /// As far as the source has not got them: a walk that only deletes lists the source once more.
    Extras,
}

/// All that is recorded in one phase.
pub struct Ledger<'a> {
    phase: Phase,
    observer: &'a dyn Observer,
    detail: Detail,
    extras: Extras,
    keeps: Keeps,
    /// In boxes: a place that waits for its lines takes as much memory as a line.
    sequencer: Sequencer<Box<Outcome>>,
    gauge: Arc<Gauge>,
    worst: Mutex<Option<Class>>,
}

impl<'a> Ledger<'a> {
    /// An empty ledger, and its first sheet's place.
    pub fn new(phase: Phase, keeps: Keeps, observer: &'a dyn Observer) -> (Self, Slot) {
        let (sequencer, first) = Sequencer::new();
        let ledger = Self {
            phase,
            observer,
            detail: observer.detail(),
            extras: observer.extras(),
            keeps,
            sequencer,
            gauge: Arc::default(),
            worst: Mutex::new(None),
        };
        (ledger, first)
    }

    /// Which pass it is of.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The live counts; an observer may keep them to show progress.
    pub fn gauge(&self) -> Arc<Gauge> {
        Arc::clone(&self.gauge)
    }

    /// The sums of all sheets handed in so far.
    pub fn tally(&self) -> Tally {
        self.gauge.tally()
    }

    /// What phase two found so far.
    pub fn findings(&self) -> Findings {
        self.gauge.findings()
    }

    /// The gravest class of fault so far.
    pub fn worst(&self) -> Option<Class> {
        *self.worst.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the live counts on.
    pub fn advance(&self, written_bytes: u64, read_bytes: u64) {
        self.gauge.advance(written_bytes, read_bytes);
    }

    /// Tells a fault at once and remembers its class.
    pub fn fault(&self, fault: &Fault) {
        self.remember(fault.class);
        self.observer.fault(fault);
    }

    /// Tells a fault at once that makes no difference to how the run ends.
    pub fn mention(&self, fault: &Fault) {
        self.observer.fault(fault);
    }

    /// Tells an event that is about no entry, at once.
    pub fn announce(&self, event: &Event<'_>) {
        self.sequencer.interject(|| self.observer.event(event));
    }

    /// Tells a remark on an entry at once, in no order, if verdicts are wanted.
    pub fn remark(&self, record: Record, path: impl FnOnce() -> RelPath) {
        if self.extras.contains(Extras::VERDICTS) {
            let ending = record.ending;
            let change = record.change(path(), self.extras);
            let outcome = Outcome { phase: self.phase, change, ending, written_bytes: 0 };
            self.announce(&Event::Entry(&outcome));
        }
    }

    /// How much the observer wants to hear.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// What the observer wants to hear of an entry beside what is done to it.
    pub fn extras(&self) -> Extras {
        self.extras
    }

    /// Whether the observer wants to hear which filter rules decided.
    pub fn reasons(&self) -> Reasons {
        if self.detail >= Detail::Reasons { Reasons::Named } else { Reasons::Unnamed }
    }

    /// Remembers a class without telling anything.
    pub fn remember(&self, class: Class) {
        let mut worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        if worst.is_none_or(|known| known.rank() < class.rank()) {
            *worst = Some(class);
        }
    }

    /// Adds counts that belong to no line.
    pub fn add(&self, tally: Tally, findings: Findings) {
        self.gauge.add(tally, findings);
    }

    /// The sheet of a slot.
    pub fn sheet(&self, slot: Slot) -> Sheet<'_> {
        Sheet {
            ledger: self,
            slot,
            items: Vec::new(),
            tally: Tally::default(),
            findings: Findings::default(),
        }
    }
}

/// What there is to record of one entry; the path is built only if somebody wants to read it.
#[derive(Clone, Debug)]
pub struct Record {
    /// What the source has (of a deletion: the destination).
    pub kind: Kind,
    /// What is done.
    pub action: Action,
    /// What differs.
    pub diff: Diff,
    /// How it ended.
    pub ending: Ending,
    /// Length of a regular file in bytes.
    pub size: u64,
    /// Bytes of content written.
    pub written_bytes: u64,
    /// Target of a symlink.
    pub target: Option<Box<[u8]>>,
    /// The filter rule that decided, as it is called in messages.
    pub because: Option<Box<str>>,
    /// All that a look at the source says.
    pub meta: Option<Meta>,
    /// Where the source has it, if somebody wants to hear that ([`Extras::SOURCE`]).
    pub source: Option<Box<[u8]>>,
    /// The checksum of its bytes, if it is known and somebody wants to hear it.
    pub sum: Option<Checksum>,
    /// The digest of the bytes that phase two found on both sides ([`Extras::VERDICTS`]).
    pub digest: Option<Digest>,
}

impl Record {
    /// An action on what `meta` describes, done.
    pub fn of(meta: &Meta, action: Action, diff: Diff) -> Self {
        let size = if meta.kind == Kind::File { meta.size } else { 0 };
        Self { action, diff, size, meta: Some(*meta), ..Self::leaving(meta.kind, Why::UpToDate) }
    }

    /// An entry of this kind, left as it is.
    pub fn leaving(kind: Kind, why: Why) -> Self {
        Self {
            kind,
            action: Action::Keep(why),
            diff: Diff::NONE,
            ending: Ending::Done,
            size: 0,
            written_bytes: 0,
            target: None,
            because: None,
            meta: None,
            source: None,
            sum: None,
            digest: None,
        }
    }

    /// Turns into what is told, at `path`.
    fn change(self, path: RelPath, extras: Extras) -> Change {
        let Self { kind, action, diff, size, target, because, meta, source, sum, digest, .. } =
            self;
        let is_wanted = extras.intersects(Extras::META | Extras::VERDICTS)
            || action == Action::Keep(Why::Listed);
        let meta = meta.filter(|_| is_wanted);
        let more = meta.map(|meta| Box::new(More { meta, source, sum, digest }));
        Change { path, kind, action, diff, target, because, size, more }
    }
}

/// What a filter rule decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deciding {
    /// Whether an entry takes part.
    Transfer,
    /// Whether an entry may be deleted.
    Deletion,
}

/// One worker's part of the ledger.
pub struct Sheet<'l> {
    ledger: &'l Ledger<'l>,
    slot: Slot,
    items: Vec<Item<Box<Outcome>>>,
    /// Counts that no [`Record`] carries are added here by the phases.
    pub tally: Tally,
    /// What phase two found.
    pub findings: Findings,
}

impl<'l> Sheet<'l> {
    /// A sheet whose lines come here, after those recorded so far and before those to come.
    #[must_use]
    pub fn fork(&mut self) -> Sheet<'l> {
        let slot = self.reserve();
        self.ledger.sheet(slot)
    }

    /// A place whose lines come here; whoever has something for it makes its sheet
    /// ([`Ledger::sheet`]) and closes that.
    pub fn reserve(&mut self) -> Slot {
        let slot = self.ledger.sequencer.slot();
        self.items.push(Item::Open(slot));
        slot
    }

    /// The ledger it belongs to.
    pub fn ledger(&self) -> &'l Ledger<'l> {
        self.ledger
    }

    /// Records how one entry ended: counts it, if it is no remark, and keeps it for the observer if it
    /// asked for that.
    pub fn record(&mut self, record: Record, path: impl FnOnce() -> RelPath) {
        if !matches!(record.action, Action::Keep(why) if why.is_remark()) {
            self.count(&record);
        }
        let wanted = match record.action {
            Action::Keep(
                Why::NonRegular
                | Why::NotRecursive
                | Why::DirNotEmpty
                | Why::OwnDestination
                | Why::Listed,
            ) => Detail::Notices,
            Action::Keep(
                Why::UnsafeLink
                | Why::UnsafeFollowed
                | Why::NotBackedUp
                | Why::Unseen
                | Why::Unfinished,
            ) => Detail::Changes,
            Action::Keep(Why::Hidden | Why::Shown | Why::Protected | Why::AtRisk) => {
                Detail::Reasons
            }
            Action::Keep(_) => Detail::All,
            _ => Detail::Changes,
        };
        let was_told = match (record.action, self.ledger.keeps) {
            (Action::Keep(why), Keeps::Told) => {
                why != Why::SourceRemoved && !self.ledger.extras.contains(Extras::VERDICTS)
            }
            (Action::Keep(why), Keeps::Extras) => why.is_of_listing(),
            _ => false,
        };
        if was_told || wanted > self.ledger.detail {
            return;
        }
        let Record { ending, written_bytes, .. } = record;
        let change = record.change(path(), self.ledger.extras);
        let outcome = Outcome { phase: self.ledger.phase, change, ending, written_bytes };
        self.items.push(Item::Tell(Box::new(outcome)));
    }

    fn count(&mut self, record: &Record) {
        let tally = &mut self.tally;
        // A deletion is planned when it is met; everything else by the walk that listed it.
        tally.planned += u64::from(record.action == Action::Delete);
        tally.written_bytes += record.written_bytes;
        match (record.ending, record.action) {
            (Ending::Failed, _) => tally.failed += 1,
            (Ending::Done, Action::Keep(_)) => tally.kept += 1,
            (Ending::Done, _) => tally.changed += 1,
        }
        if record.ending == Ending::Failed {
            return;
        }
        let diff = &record.diff;
        match record.action {
            Action::Create | Action::Replace
                if !matches!(diff.basis, Basis::None | Basis::Joined) => {}
            Action::Create => tally.created.count(record.kind),
            Action::Replace if diff.other_kind => tally.created.count(record.kind),
            Action::Delete => tally.deleted.count(record.kind),
            _ => {}
        }
        let sends = matches!(record.action, Action::Create | Action::Rewrite | Action::Replace);
        if sends && record.kind == Kind::File && !diff.is_local() {
            tally.transferred_files += 1;
            tally.transferred_bytes += record.size;
        }
    }

    /// Records what a filter rule said of an entry, if anybody wants to hear it.
    pub fn ruled(
        &mut self,
        path: impl FnOnce() -> RelPath,
        kind: Kind,
        deciding: Deciding,
        said: Said,
    ) {
        let (why, because) = match (deciding, said) {
            (_, Said::Nothing) => return,
            (Deciding::Transfer, Said::Out(because)) => (Why::Hidden, because),
            (Deciding::Transfer, Said::In(because)) => (Why::Shown, because),
            (Deciding::Deletion, Said::Out(because)) => (Why::Protected, because),
            (Deciding::Deletion, Said::In(because)) => (Why::AtRisk, because),
        };
        if self.ledger.reasons() == Reasons::Named {
            let because = Some(because.into());
            self.record(Record { because, ..Record::leaving(kind, why) }, path);
        }
    }

    /// Records why there is a backup of what stood at `path`, or none, if anybody wants to hear it.
    ///
    /// `target`: where it is, or where the symlink leads that was not kept.
    pub fn of_backup(&mut self, path: RelPath, kind: Kind, why: Why, target: Box<[u8]>) {
        let target = Some(target);
        self.record(Record { target, ..Record::leaving(kind, why) }, || path);
    }

    /// Counts an entry of the source as part of the run.
    pub fn list(&mut self, meta: &Meta) {
        self.tally.listed.count(meta.kind);
        if matches!(meta.kind, Kind::File | Kind::Symlink) {
            self.tally.total_bytes += meta.size;
        }
    }

    /// Hands the sheet in.
    pub fn close(self) {
        let Self { ledger, slot, items, tally, findings } = self;
        ledger.add(tally, findings);
        let tell = |outcome: Box<Outcome>| ledger.observer.event(&Event::Entry(&outcome));
        if let Err(error) = ledger.sequencer.close(slot, items, tell) {
            let place = Place::operand(&std::env::temp_dir());
            ledger.fault(&Fault::io(Class::FileIo, "read back lines kept in", place, error));
        }
    }
}
