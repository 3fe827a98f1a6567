//! A directory that paths may not lead out of (`--confine-root`), and where a path has come to.
//!
//! openat2(2) can not do that: what it resolves beneath a directory starts there, while these paths
//! start anywhere and may come through the directories above, and it does not ask whose the symlinks on the
//! way are. So each directory is compared with that one as the path comes to it.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{CWD, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;

use crate::model::meta::FileId;
use crate::model::path::clean;
use crate::sys::held::{by_number, has_proc};

/// A directory that paths may not lead out of.
///
/// It is taken as it is written: below a symlink in it there is nothing (rsync 3.5.0).
#[derive(Debug, PartialEq, Eq)]
pub struct Yard {
    /// Absolute, without `.`, `..` and a closing `/`.
    path: Vec<u8>,
    telling: Telling,
}

/// What tells where a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// Its path, as the kernel has it (proc(5)): one call, whoever may pass through what is above.
    Names,
    /// Which directories are above it, where proc(5) is not mounted.
    Ids,
}

/// One directory of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Name(Box<[u8]>),
    Id(FileId),
    /// There is none that a path leads to without a symlink.
    Nowhere,
}

impl Yard {
    /// `dir` is absolute; `None`: out of it nothing leads.
    pub(crate) fn of(dir: &[u8]) -> Option<Self> {
        let telling = if has_proc() { Telling::Names } else { Telling::Ids };
        let path = clean(dir);
        (!path.is_empty()).then_some(Self { path, telling })
    }

    /// The same where proc(5) is not mounted.
    #[cfg(test)]
    pub(crate) fn without_proc(self) -> Self {
        Self { telling: Telling::Ids, ..self }
    }

    /// Where an open directory is, whatever became of the path that led there.
    pub(crate) fn place_of(&self, dir: BorrowedFd<'_>) -> io::Result<Confined> {
        Ok(match self.telling {
            Telling::Names => {
                let parts = |path: &[u8]| names(path).map(|name| Part::Name(name.into())).collect();
                let at = by_number(dir, |path| readlinkat(CWD, path, Vec::new()))?;
                let (yard, at) = (parts(&self.path), parts(&clean(at.as_bytes())));
                Confined { yard, at, telling: self.telling }
            }
            Telling::Ids => {
                Confined { yard: self.ids()?, at: ids_above(dir)?, telling: self.telling }
            }
        })
    }

    /// Its directories from the top down.
    fn ids(&self) -> io::Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut dir = Some(openat(CWD, c"/", LOOK, Mode::empty())?);
        for name in names(&self.path) {
            dir = match dir.map(|dir| openat(dir, name, LOOK, Mode::empty())) {
                Some(Ok(found)) => {
                    parts.push(Part::Id(id_of(&fstat(&found)?)));
                    Some(found)
                }
                // A symlink is opened itself: it is no directory, and nothing is below it.
                None | Some(Err(Errno::NOENT | Errno::NOTDIR)) => {
                    parts.push(Part::Nowhere);
                    None
                }
                Some(Err(error)) => return Err(error.into()),
            };
        }
        Ok(parts)
    }
}

/// The path that a walk has come to, and where it has to stay.
#[derive(Debug)]
pub(crate) struct Confined {
    yard: Vec<Part>,
    at: Vec<Part>,
    telling: Telling,
}

/// Why a path was not opened.
#[derive(Debug, thiserror::Error)]
#[error("the path leads out of the directory of --confine-root")]
struct Outside;

/// True if the error says that a path led out of where it has to stay.
pub fn is_outside(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Outside>)
}

impl Confined {
    /// Goes to the directory above.
    pub(crate) fn step_up(&mut self) -> io::Result<()> {
        self.at.pop();
        self.pass()
    }

    /// Goes to the entry `name`, which is `found`.
    pub(crate) fn step(&mut self, name: &[u8], found: &Stat) -> io::Result<()> {
        self.at.push(match self.telling {
            Telling::Names => Part::Name(name.into()),
            Telling::Ids => Part::Id(id_of(found)),
        });
        self.pass()
    }

    /// Checks the directory that is being passed through.
    fn pass(&self) -> io::Result<()> {
        if self.yard.starts_with(&self.at) { Ok(()) } else { self.end() }
    }

    /// Checks the directory at the end.
    pub(crate) fn end(&self) -> io::Result<()> {
        if self.at.starts_with(&self.yard) { Ok(()) } else { Err(io::Error::other(Outside)) }
    }
}

const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
}

fn id_of(stat: &Stat) -> FileId {
    FileId { dev: stat.st_dev, ino: stat.st_ino }
}

/// A directory and those above it, from the top down. Who stands where is found out by going up, as a
/// directory has one above it alone; the top is above itself.
fn ids_above(dir: BorrowedFd<'_>) -> io::Result<Vec<Part>> {
    let mut dir = dir.try_clone_to_owned()?;
    let mut id = id_of(&fstat(&dir)?);
    let mut parts = Vec::new();
    loop {
        dir = openat(&dir, c"..", LOOK | OFlags::DIRECTORY, Mode::empty())?;
        let above = id_of(&fstat(&dir)?);
        if above == id {
            parts.reverse();
            return Ok(parts);
        }
        parts.push(Part::Id(id));
        id = above;
    }
}
