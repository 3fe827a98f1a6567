//! Making way: removing what stands where the source has something else, and telling what was removed.

use std::io;

use crate::act::backup::Fate;
use crate::act::clear::{Clearing, Emptied, Home, Removal, Removed, Rest};
use crate::error::{During, Place, Side, Trouble};
use crate::model::change::{Action, Why};
use crate::model::entry::Pair;
use crate::model::meta::Kind;
use crate::model::path::RelPath;
use crate::phase::pass::{Memo, Pass, Told};
use crate::report::ledger::{Deciding, Ledger, Record, Sheet};
use crate::report::observer::Ending;
use crate::scan::node::{At, Node};
use crate::settings::deletion::FullDirs;
use crate::sys::dir::Follow;
use crate::sys::{node, read};

impl Pass<'_> {
    /// Removes a directory that stands where the source has something else, if that is allowed.
    ///
    /// Returns false if it stays; that was told.
    pub fn clear_the_way(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Result<bool, Trouble> {
        let Pair::Both(source, dest) = pair else { return Ok(true) };
        let Some(dir) = at.dest.filter(|_| dest.kind == Kind::Dir && source.kind != Kind::Dir)
        else {
            return Ok(true);
        };
        if source.kind == Kind::File && self.permit.is_some() {
            // What can not be read does not replace anything.
            let reading = self.settings.preserve.reading;
            read::open(at.source, at.name, at.follow, reading).during(Side::Source, "open")?;
        }
        let name = at.dest_name();
        let clearing = self.clearing(sheet.ledger());
        let empty = match self.settings.delete.full_dirs {
            FullDirs::Keep => match dir.open_child(name, Follow::Never).and_then(|at| at.list()) {
                Ok(listed) => listed.is_empty(),
                // Whether it is empty is found out by removing it.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => true,
                Err(error) => return Err(error).during(Side::Dest, "list the directory"),
            },
            FullDirs::Remove => {
                let node = at.node;
                let tell = &mut |removed| self.told_removal(node, removed, sheet);
                let path = node.path();
                let home = Home { dir, path: &path, rules: node.protection() };
                clearing.empty(&home, name, tell)? == Emptied::To(Rest::Nothing)
            }
        };
        let (true, Some(permit)) = (empty, self.permit) else { return Ok(empty) };
        match node::remove_dir(permit, dir, name) {
            Ok(()) => at.node.entry_changed(),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return Ok(false),
            Err(error) => return Err(error).during(Side::Dest, "remove the directory"),
        }
        Ok(true)
    }

    /// Tells that a directory with entries stands where `at` goes, and stays.
    pub fn way_is_blocked(&self, at: &At<'_, Memo>, record: Record, sheet: &mut Sheet<'_>) -> Told {
        let why = "a directory that is not empty is in the way (--force or --delete removes it)";
        let trouble = Trouble::rule(Side::Dest, "make way for", why);
        let told = self.tell(sheet.ledger(), &at.spot(), trouble);
        let action = Action::Keep(Why::DirNotEmpty);
        sheet.record(Record { action, ending: Ending::Failed, ..record }, || at.path());
        told
    }

    /// How entries are removed in this run.
    pub fn clearing(&self, ledger: &Ledger<'_>) -> Clearing<'_> {
        let mounts = self.settings.select.mounts;
        let reasons = ledger.reasons();
        Clearing {
            permit: self.permit,
            limit: &self.limit,
            mounts,
            reasons,
            budget: &self.budget,
            backups: self.backups.as_ref(),
            phase: ledger.phase(),
            stop: self.stop,
            sources: &self.sources,
        }
    }

    /// Records one removal below `node`.
    pub fn told_removal(&self, node: &Node<Memo>, removed: Removed, sheet: &mut Sheet<'_>) {
        let path = || removed.path.below(&node.path());
        let action = Action::Delete;
        let mut record = Record { action, ..Record::leaving(removed.kind, Why::Extraneous) };
        match removed.removal {
            Removal::Removed => sheet.record(record, path),
            Removal::OverLimit => sheet.tally.deletions_skipped += 1,
            Removal::MountPoint => {}
            Removal::BackedUp(kept) => {
                let path = path();
                let place = Place::below(&self.dest_root, &path);
                for trouble in kept.refused {
                    self.tell_fault(sheet.ledger(), &trouble.at(place.clone()));
                }
                self.tell_fate(path, removed.kind, kept.fate, sheet);
            }
            Removal::Ruled(said) => sheet.ruled(path, removed.kind, Deciding::Deletion, said),
            Removal::NotEmpty(_) => {
                sheet.tally.planned += 1;
                record.action = Action::Keep(Why::DirNotEmpty);
                sheet.record(record, path);
            }
            Removal::Failed(trouble) => {
                record.ending = Ending::Failed;
                let place = Place::below(&self.dest_root, &path());
                self.tell_fault(sheet.ledger(), &trouble.at(place));
                sheet.record(record, path);
            }
        }
    }

    /// Tells where what stood at `path` went.
    pub fn tell_fate(&self, path: RelPath, kind: Kind, fate: Fate, sheet: &mut Sheet<'_>) {
        let Some(backups) = &self.backups else { return };
        match fate {
            Fate::Nothing => {}
            Fate::BackedUp => {
                let to = backups.shown(&path);
                sheet.of_backup(path, kind, Why::BackedUp, to);
            }
            Fate::LedOut(target) => sheet.of_backup(path, kind, Why::NotBackedUp, target),
        }
    }
}
