//! Keeping what is overwritten, replaced or deleted (`--backup`): beside the new entry, or below a
//! directory of its own.
//!
//! The old entry is renamed; what is written next is a new file. Where that can not be (another file
//! system), it is copied. Nothing here decides whether an entry is kept.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use crate::act::content::{Pipe, Plan, pour};
use crate::act::extras::Due;
use crate::act::finish::{Rules, Time, Wanted, apply};
use crate::act::vault::Vault;
use crate::effort::Stop;
use crate::error::{Cause, During, Side, Trouble};
use crate::model::digest::RangeHasher;
use crate::model::meta::{Kind, Meta};
use crate::model::path::{Name, RelPath};
use crate::model::target::is_unsafe;
use crate::report::observer::Phase;
use crate::settings::links::LeavingLinks;
use crate::sys::attrs::Target;
use crate::sys::dir::{Dir, Follow};
use crate::sys::permit::Permit;
use crate::sys::read::AccessTime;
use crate::sys::{node, read, stat, write};

/// Where the backups of a run go.
#[derive(Debug)]
pub struct Backups {
    suffix: Box<[u8]>,
    vault: Option<Vault>,
    rules: Rules,
    leaving: LeavingLinks,
    /// Entries whose old state is kept already, or that had none, and that are not whole yet.
    unfinished: Mutex<HashSet<RelPath>>,
    /// What was put into a vault that is itself walked for deletions.
    made: Mutex<HashSet<RelPath>>,
}

/// An entry that is to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Old<'a> {
    /// The directory that it is in.
    pub dir: &'a Dir,
    /// That directory's path below the destination.
    pub home: &'a RelPath,
    /// Its name.
    pub name: &'a Name,
    /// What it looks like.
    pub meta: &'a Meta,
}

/// Where the backups of one directory's entries go.
#[derive(Clone, Debug)]
pub struct Keeping<'a> {
    /// Where all go.
    pub backups: &'a Backups,
    /// The directory's path below the destination.
    pub home: RelPath,
}

/// Whether there is a backup of an old entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// There is none, and none is missed.
    #[default]
    Nothing,
    /// There is one, or would be.
    BackedUp,
    /// There is none of a symlink with this target: it leads out (`--safe-links`).
    LedOut(Box<[u8]>),
}

/// What became of the old entry.
#[derive(Debug, Default)]
pub struct Kept {
    /// Whether there is a backup of it now.
    pub fate: Fate,
    /// True if it is away from its name.
    pub is_away: bool,
    /// Attributes that a copy of it could not be given.
    pub refused: Vec<Trouble>,
}

/// How often a vault's directory that is removed meanwhile (`--delete`) is made again.
const ATTEMPTS: u32 = 3;

impl Backups {
    /// Backups in `vault`, or beside the new entries; `suffix` goes behind their names.
    ///
    /// `leaving`: whether symlinks that lead out of the destination are kept.
    pub fn new(suffix: &[u8], vault: Option<Vault>, rules: Rules, leaving: LeavingLinks) -> Self {
        let (unfinished, made) = (Mutex::default(), Mutex::default());
        Self { suffix: suffix.into(), vault, rules, leaving, unfinished, made }
    }

    /// The directory of the backups as it was typed, and whether it is still to be made.
    pub fn dir(&self) -> Option<(&std::path::Path, bool)> {
        self.vault.as_ref().map(|vault| (vault.typed.as_path(), vault.is_new))
    }

    /// Where the backup of `path` goes, as a message names it.
    pub fn shown(&self, path: &RelPath) -> Box<[u8]> {
        let name = [path.as_bytes(), &self.suffix].concat();
        let Some(vault) = &self.vault else { return name.into() };
        let full: PathBuf = vault.typed.join(OsStr::from_bytes(&name));
        full.as_os_str().as_bytes().into()
    }

    /// Keeps `old`. One that could only be copied is still there.
    ///
    /// # Errors
    /// There is no backup, and `old` is as it was.
    pub fn keep(&self, permit: &Permit, old: &Old<'_>, stop: &Stop) -> Result<Kept, Trouble> {
        let Some(name) = Name::new(&[old.name.as_bytes(), &self.suffix].concat()) else {
            return Err(Trouble::rule(Side::Dest, "back up", "its backup would have no name"));
        };
        let fate = self.fate_of(old.dir, old.home, old.name, old.meta.kind)?;
        if fate != Fate::BackedUp {
            return Ok(Kept { fate, ..Kept::default() });
        }
        let Some(vault) = &self.vault else {
            return self.put(permit, old, (old.dir, &name), stop);
        };
        if vault.inside.is_some() {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.insert(old.home.join(&name));
        }
        let mut attempt = 1;
        loop {
            let mut refused = Vec::new();
            let dir = vault.dir_of(permit, old.home, &self.rules, &mut refused)?;
            match self.put(permit, old, (&dir, &name), stop) {
                Err(Trouble { cause: Cause::Io(error), .. })
                    if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                    vault.forget();
                }
                Ok(kept) => {
                    refused.extend(kept.refused);
                    return Ok(Kept { refused, ..kept });
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// What becomes of the entry `name` of `dir`, which is `home` below the destination: no symlink
    /// that `--safe-links` does not copy is kept.
    ///
    /// # Errors
    /// A symlink could not be read.
    pub fn fate_of(
        &self,
        dir: &Dir,
        home: &RelPath,
        name: &Name,
        kind: Kind,
    ) -> Result<Fate, Trouble> {
        if self.leaving == LeavingLinks::Copy || kind != Kind::Symlink {
            return Ok(Fate::BackedUp);
        }
        let target = read::link_target(dir, name).during(Side::Dest, "read the link")?;
        let is_led_out = is_unsafe(&target, home.depth());
        Ok(if is_led_out { Fate::LedOut(target) } else { Fate::BackedUp })
    }

    fn put(
        &self,
        permit: &Permit,
        old: &Old<'_>,
        to: (&Dir, &Name),
        stop: &Stop,
    ) -> Result<Kept, Trouble> {
        let there = stat::entry_if_any(to.0, to.1, Follow::Never).during(Side::Dest, "back up")?;
        let moved = Kept { fate: Fate::BackedUp, is_away: true, refused: Vec::new() };
        match there {
            Some(there) if there.kind == Kind::Dir => {
                let why = "a directory stands where its backup goes";
                return Err(Trouble::rule(Side::Dest, "back up", why));
            }
            // rename(2) leaves two names of one file as they are.
            Some(there) if there.id == old.meta.id => {
                node::remove(permit, old.dir, old.name).during(Side::Dest, "back up")?;
                return Ok(moved);
            }
            _ => {}
        }
        match node::rename(permit, (old.dir, old.name), to, old.meta.id) {
            Ok(()) => Ok(moved),
            Err(error) if can_only_be_copied(&error) => {
                if there.is_some() {
                    node::remove(permit, to.0, to.1).during(Side::Dest, "replace the backup of")?;
                }
                let refused = self.copy(permit, old, to, stop)?;
                Ok(Kept { fate: Fate::BackedUp, is_away: false, refused })
            }
            Err(error) => Err(error).during(Side::Dest, "back up"),
        }
    }

    /// Copies `old`, with its mode and with what attributes the run carries over.
    fn copy(
        &self,
        permit: &Permit,
        old: &Old<'_>,
        (dir, name): (&Dir, &Name),
        stop: &Stop,
    ) -> Result<Vec<Trouble>, Trouble> {
        let verb = "copy to its backup";
        let mode = (old.meta.kind != Kind::Symlink).then_some(old.meta.mode);
        let due = Due::of_dest(&self.rules.extras, (old.dir, old.name), old.meta)?;
        let wanted = Wanted { mode, ..Wanted::of(old.meta, None, &self.rules).with(due) };
        match old.meta.kind {
            Kind::File => {
                let copied =
                    copy_file(permit, old, (dir, name), &wanted, self.rules.preserve.reading, stop);
                if copied.is_err() {
                    // What is told is why it failed; half a backup is none.
                    node::remove(permit, dir, name).unwrap_or_default();
                }
                return copied;
            }
            Kind::Symlink => {
                let target =
                    read::link_target(old.dir, old.name).during(Side::Dest, "read the link")?;
                node::make_link(permit, dir, name, &target).during(Side::Dest, verb)?;
            }
            _ => node::make_special(permit, dir, name, old.meta, 0o600).during(Side::Dest, verb)?,
        }
        let now = stat::entry(dir, name, Follow::Never).during(Side::Dest, verb)?;
        Ok(apply(permit, Target::Entry(dir, name), &now, &wanted, Time::Touched))
    }

    /// Says that `path` is this run's own from now on: what may yet go wrong with it makes no
    /// backup.
    pub fn begin(&self, path: RelPath) {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
    }

    /// Says that `path` is whole: that it is this run's own, the journal knows by now, if there is a
    /// phase two to ask.
    pub fn finish(&self, path: &RelPath) {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// True if this run has begun with `path` and failed.
    pub fn is_unfinished(&self, path: &RelPath) -> bool {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// True if the source's lack of `path` says nothing: this run has put it there, or may have.
    ///
    /// Phase two takes every backup for one of phase one.
    pub fn is_own(&self, path: &RelPath, kind: Option<Kind>, phase: Phase) -> bool {
        match (&self.vault, phase) {
            (None, Phase::Verify) => kind != Some(Kind::Dir) && self.has_suffix(path),
            (None, Phase::Copy) => false,
            (Some(vault), _) => {
                let below = vault.inside.as_ref().and_then(|inside| path.strip(inside));
                below.is_some_and(|below| {
                    let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
                    phase == Phase::Verify || made.contains(&below)
                })
            }
        }
    }

    /// True if `path` looks like a backup beside the entries: deleting it makes no further one.
    pub fn is_backup(&self, path: &RelPath) -> bool {
        self.vault.is_none() && self.has_suffix(path)
    }

    fn has_suffix(&self, path: &RelPath) -> bool {
        let name = path.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        name.len() > self.suffix.len() && name.ends_with(&self.suffix)
    }
}

/// True if another file system, or a directory that we may not take entries out of, is in the way.
fn can_only_be_copied(error: &io::Error) -> bool {
    let crosses = error.raw_os_error() == Some(Errno::XDEV.raw_os_error());
    crosses || error.kind() == io::ErrorKind::PermissionDenied
}

fn copy_file(
    permit: &Permit,
    old: &Old<'_>,
    (dir, name): (&Dir, &Name),
    wanted: &Wanted,
    reading: AccessTime,
    stop: &Stop,
) -> Result<Vec<Trouble>, Trouble> {
    let verb = "copy to its backup";
    let source = read::open(old.dir, old.name, Follow::Never, reading).during(Side::Dest, verb)?;
    let looked = stat::handle(&source).during(Side::Dest, verb)?;
    if looked.kind != Kind::File {
        return Err(Trouble::rule(Side::Dest, verb, "it is no regular file any more"));
    }
    let file = write::create(permit, dir, name, 0o600).during(Side::Dest, verb)?;
    let now = stat::handle(&file).during(Side::Dest, verb)?;
    let pipe = Pipe { source: &source, dest: &file, plan: Plan::NEW, stop };
    let moved = pour(permit, &pipe, 0..looked.size, &mut RangeHasher::new(0))?;
    if moved.source_read_bytes != looked.size {
        return Err(Trouble::rule(Side::Dest, verb, "it is getting shorter meanwhile"));
    }
    let refused = apply(permit, Target::Handle(&file), &now, wanted, Time::Touched);
    write::close(file).during(Side::Dest, verb)?;
    Ok(refused)
}
