//! What goes wrong is told, once, and counts for the run; what could not be dealt with is recorded.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::error::{Cause, Class, Fault, Side, Trouble};
use crate::model::change::Why;
use crate::model::meta::Kind;
use crate::model::path::RelPath;
use crate::phase::pass::{Memo, Pass, Told};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::report::observer::{Ending, Event, Phase};
use crate::scan::node::{At, Spot};
use crate::settings::deletion::When;
use crate::sys::mount::has_no_inodes;

/// How many different faults are remembered in order not to tell them again in phase two.
const REMEMBERED_FAULTS: usize = 100_000;

impl Pass<'_> {
    /// Tells what went wrong at `spot`, once, and draws the consequences for the run.
    pub fn tell(&self, ledger: &Ledger<'_>, spot: &Spot<'_, Memo>, trouble: Trouble) -> Told {
        let class = trouble.class();
        match class {
            // Who asked the run to stop knows.
            Class::Interrupted => return Told::Before,
            _ if matches!(trouble.cause, Cause::Ends { .. }) || class == Class::FileIo => {
                self.is_ended.store(true, Ordering::Relaxed);
                self.stop.request();
            }
            _ => {}
        }
        // To rsync, a file that it fails to send says as much of the source as a directory that it
        // fails to list; but what it deletes earlier than `--delete-after` it does not wait for.
        let is_unread = trouble.side == Side::Source
            && class == Class::Entry
            && matches!(trouble.cause, Cause::Io(_));
        if is_unread && ledger.phase() == Phase::Copy && self.settings.delete.when == When::After {
            self.source_failed.store(true, Ordering::Relaxed);
        }
        let place = match trouble.side {
            Side::Source => spot.source_place(),
            Side::Dest => spot.dest_place(&self.dest_root),
        };
        let mut fault = trouble.at(place);
        if fault.cause.is_no_room() && has_no_inodes(&self.dest_root) {
            let why = format!("{} (the file system has no inodes left)", fault.cause);
            fault.cause = Cause::Rule(why);
        }
        self.tell_fault(ledger, &fault)
    }

    /// Tells of something that could not even be looked at or listed: from now on nobody can say
    /// what the source has not got, and nothing is deleted any more.
    pub fn unseen(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        // A directory that can not be listed was counted when it was entered.
        let why = if spot.name.is_some() { Why::Unseen } else { Why::Unfinished };
        let kind = if spot.name.is_some() { Kind::File } else { Kind::Dir };
        let record = Record { ending: Ending::Failed, ..Record::leaving(kind, why) };
        sheet.record(record, || spot.path());
        if trouble.side == Side::Source && trouble.class() == Class::Entry {
            self.source_failed.store(true, Ordering::Relaxed);
        }
        self.tell(sheet.ledger(), spot, trouble);
    }

    /// Tells a fault unless it has been told before; its class counts all the same.
    pub fn tell_fault(&self, ledger: &Ledger<'_>, fault: &Fault) -> Told {
        if self.is_news(fault) {
            ledger.fault(fault);
            Told::Now
        } else {
            ledger.remember(fault.class);
            Told::Before
        }
    }

    /// True if nobody remembers that this was told; from now on somebody does.
    pub fn is_news(&self, fault: &Fault) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() >= REMEMBERED_FAULTS || told.insert(fault.to_string())
    }

    /// Records an entry that could not be dealt with.
    pub fn fail(
        &self,
        at: &At<'_, Memo>,
        record: Record,
        trouble: Trouble,
        sheet: &mut Sheet<'_>,
    ) -> Told {
        if trouble.class() == Class::Interrupted {
            sheet.tally.abandoned += 1;
            return Told::Before;
        }
        let told = self.tell(sheet.ledger(), &at.spot(), trouble);
        sheet.record(Record { ending: Ending::Failed, ..record }, || at.path());
        told
    }

    /// Tells attributes that could not be set: of those that a destination refuses to everybody
    /// (root squash, a file system without owners) only the first, and the others are counted.
    pub fn tell_refused(&self, ledger: &Ledger<'_>, spot: &Spot<'_, Memo>, troubles: Vec<Trouble>) {
        for trouble in troubles {
            if trouble.side == Side::Source || !is_refusal(&trouble.cause) {
                self.tell(ledger, spot, trouble);
                continue;
            }
            // Phase two tries again what phase one could not do; that is no further refusal.
            let counts = ledger.phase() == Phase::Copy || self.refused.load(Ordering::Relaxed) == 0;
            if counts && self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
                self.tell(ledger, spot, trouble);
            } else {
                ledger.remember(trouble.class());
            }
        }
    }

    /// How many attributes the destination refused to set without their being told.
    pub fn untold_refusals(&self) -> u64 {
        self.refused.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Remembers that a directory's attributes could not be set.
    pub fn dir_was_refused(&self, path: RelPath) {
        let mut refused = self.refused_dirs.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < REMEMBERED_FAULTS {
            refused.insert(path);
        }
    }

    /// True if a directory's attributes could not be set before.
    pub fn is_refused_dir(&self, path: &RelPath) -> bool {
        let refused = self.refused_dirs.lock().unwrap_or_else(PoisonError::into_inner);
        !refused.is_empty() && refused.contains(path)
    }

    /// Says, once in a run, that nothing is deleted any more.
    pub fn announce_deletion_stopped(&self, ledger: &Ledger<'_>) {
        if !self.deletion_stopped.swap(true, Ordering::Relaxed) {
            ledger.announce(&Event::DeletionStopped);
        }
    }
}

/// True if the destination will not let anybody set this attribute, here or elsewhere.
fn is_refusal(cause: &Cause) -> bool {
    let Cause::Io(error) = cause else { return false };
    matches!(error.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::Unsupported)
}
