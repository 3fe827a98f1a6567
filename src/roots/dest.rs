//! The destination operand, found or made.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Class, Fault, Place};
use crate::model::meta::Kind;
use crate::model::path::Name;
use crate::roots::operand::{openable, parent_and_name, trim_slashes};
use crate::roots::sources::Sources;
use crate::settings::{Missing, Parents, Settings};
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::{Dir, Follow};
use crate::sys::permit::Permit;
use crate::sys::trust::is_untrusted;
use crate::sys::{node, stat};

/// Where a run writes.
#[derive(Debug)]
pub struct Dest {
    /// The directory; `None` if it is not there and will not be made.
    pub chain: Option<Arc<Chain>>,
    /// Its path, for faults.
    pub root: PathBuf,
    /// The new name of the only source.
    pub renamed: Option<Name>,
    /// True if the directory was made, or would be.
    pub is_new: bool,
    /// How many directories above it, and it, had to be made because of `--mkpath`.
    pub made_parents: usize,
}

/// Finds the destination, and makes its directory where rsync would.
pub fn open_dest(
    settings: &Settings,
    sources: &Sources,
    permit: Option<&Permit>,
    budget: &Arc<Budget>,
    umask: u32,
) -> Result<Dest, Fault> {
    let path = settings.roots.dest.as_path();
    let fault = |class, verb, error| Fault::io(class, verb, Place::operand(path), error);
    let opening = Opening { settings, permit, budget, umask };
    match stat::operand(openable(path), Follow::Links) {
        Ok(meta) if meta.kind == Kind::Dir => {
            let dir = Dir::open_trusted(openable(path), &settings.roots.trust.anywhere())
                .map_err(|error| fault(Class::Selection, "open the destination", error))?;
            let dir = dir.in_guise(settings.preserve.guises.dest);
            Ok(Dest::found(Chain::root(dir, budget), path))
        }
        Ok(_) if sources.is_single_file() => opening.new_name(path),
        Ok(_) => {
            let why = "it has to be a directory when more than one file is copied into it";
            Err(Fault::rule(Class::Selection, "use the destination", Place::operand(path), why))
        }
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                && settings.update.missing == Missing::Skip
                && sources.is_empty_dir(settings) =>
        {
            Ok(Dest::nowhere(settings))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let says_dir = path.as_os_str().as_bytes().ends_with(b"/");
            let is_single = sources.is_single_file() || sources.is_single_empty_dir(settings);
            if is_single && !says_dir { opening.new_name(path) } else { opening.make(path) }
        }
        Err(error) if settings.roots.parents == Parents::Make => {
            Err(fault(Class::FileIo, "make the directory", error))
        }
        Err(error) => Err(fault(Class::Selection, "look at the destination", error)),
    }
}

/// What opening a destination needs to know.
#[derive(Clone, Copy)]
struct Opening<'a> {
    settings: &'a Settings,
    permit: Option<&'a Permit>,
    budget: &'a Arc<Budget>,
    umask: u32,
}

impl Dest {
    fn found(chain: Arc<Chain>, path: &Path) -> Self {
        Self {
            chain: Some(chain),
            root: path.to_path_buf(),
            renamed: None,
            is_new: false,
            made_parents: 0,
        }
    }

    /// Where a run writes that has nothing to write.
    pub fn nowhere(settings: &Settings) -> Self {
        let root = settings.roots.dest.clone();
        Self { chain: None, root, renamed: None, is_new: false, made_parents: 0 }
    }
}

impl Opening<'_> {
    /// File to file: the destination is a name in a directory that has to be there.
    fn new_name(&self, path: &Path) -> Result<Dest, Fault> {
        let Some((parent, name)) = parent_and_name(path) else {
            let why = "it is no name that a file can have";
            let place = Place::operand(path);
            return Err(Fault::rule(Class::Selection, "use the destination", place, why));
        };
        let mut made_parents = 0;
        let mut opened =
            Dir::open_trusted(openable(&parent), &self.settings.roots.trust.anywhere());
        let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        if opened.as_ref().is_err_and(is_missing) {
            if self.settings.roots.parents == Parents::Make {
                made_parents = self.make_all(&parent)?;
                opened =
                    Dir::open_trusted(openable(&parent), &self.settings.roots.trust.anywhere());
            }
            if self.permit.is_none() && made_parents > 0 {
                let root = parent;
                return Ok(Dest {
                    chain: None,
                    root,
                    renamed: Some(name),
                    is_new: false,
                    made_parents,
                });
            }
        }
        let place = || Place::operand(&parent);
        let dir = opened
            .map_err(|error| Fault::io(Class::Selection, "open the directory", place(), error))?;
        let dir = dir.in_guise(self.settings.preserve.guises.dest);
        let chain = Some(Chain::root(dir, self.budget));
        Ok(Dest { chain, root: parent, renamed: Some(name), is_new: false, made_parents })
    }

    /// Makes the destination directory: one level, or all that are missing.
    fn make(&self, path: &Path) -> Result<Dest, Fault> {
        let trimmed = Path::new(OsStr::from_bytes(trim_slashes(path.as_os_str().as_bytes())));
        let root = trimmed.to_path_buf();
        let made_parents = match self.settings.roots.parents {
            Parents::MustExist => 0,
            Parents::Make => self.make_all(trimmed)?,
        };
        if self.permit.is_none() {
            return Ok(Dest { chain: None, root, renamed: None, is_new: true, made_parents });
        }
        if made_parents == 0 {
            self.make_one(trimmed)?;
        }
        let place = || Place::operand(trimmed);
        let dir = Dir::open_trusted(trimmed, &self.settings.roots.trust.anywhere())
            .map_err(|error| Fault::io(Class::FileIo, "open the destination", place(), error))?;
        let dir = dir.in_guise(self.settings.preserve.guises.dest);
        let chain = Some(Chain::root(dir, self.budget));
        Ok(Dest { chain, root, renamed: None, is_new: true, made_parents })
    }

    /// Makes every missing directory of `path`; how many those are.
    fn make_all(&self, path: &Path) -> Result<usize, Fault> {
        let mut missing = Vec::new();
        let mut at = Some(path);
        while let Some(dir) = at.filter(|dir| !dir.as_os_str().is_empty()) {
            match stat::operand(dir, Follow::Links) {
                Ok(_) => break,
                Err(_) => missing.push(dir),
            }
            at = dir.parent();
        }
        for dir in missing.iter().rev() {
            self.make_one(dir)?;
        }
        Ok(missing.len())
    }

    fn make_one(&self, path: &Path) -> Result<(), Fault> {
        let Some(permit) = self.permit else { return Ok(()) };
        let place = || Place::operand(path);
        let Some((parent, name)) = parent_and_name(path) else {
            let why = "there is none, and its path ends in no name (leave the last \"/.\" out)";
            return Err(Fault::rule(Class::Selection, "make the directory", place(), why));
        };
        // Whatever the umask: it has to be filled.
        let made = Dir::open_trusted(openable(&parent), &self.settings.roots.trust.anywhere())
            .and_then(|dir| node::make_dir(permit, &dir, &name, 0o777 & !self.umask | 0o700));
        made.map_err(|error| {
            let class = if is_untrusted(&error) { Class::Selection } else { Class::FileIo };
            Fault::io(class, "make the directory", place(), error)
        })
    }
}
