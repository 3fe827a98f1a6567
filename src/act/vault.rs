//! The directory of the backups (`--backup-dir`) and those below it, made when they are needed.
//!
//! What of its path was there when the run started is held open from then on; everything below is
//! reached by single names, and no symlink is followed.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::act::extras::Due;
use crate::act::finish::{Rules, Time, Wanted, apply};
use crate::error::{Cause, Class, During, Side, Trouble};
use crate::extras;
use crate::model::change::Attrs;
use crate::model::meta::Meta;
use crate::model::path::{Name, RelPath};
use crate::sys::attrs::{Target, set_times};
use crate::sys::dir::{Dir, Follow, is_missing_dir};
use crate::sys::permit::Permit;
use crate::sys::{node, stat};

/// A directory of backups.
#[derive(Debug)]
pub struct Vault {
    /// Its path as typed.
    pub typed: PathBuf,
    /// True if it was not there when the run started.
    pub is_new: bool,
    /// What it is reached from; `None` in a run that may not act.
    pub base: Option<Arc<Dir>>,
    /// The names that lead to it from there.
    pub names: Vec<Name>,
    /// The root of the destination, if it is there.
    pub dest: Option<Arc<Dir>>,
    /// Its path below the destination, if it is there.
    pub inside: Option<RelPath>,
    /// Its handle, once it was opened.
    pub opened: Mutex<Option<Arc<Dir>>>,
    /// The directory below it that was asked for last: entries come by the directory.
    pub last: Mutex<Option<(RelPath, Arc<Dir>)>>,
}

const VERB: &str = "open the backup directory for";

impl Vault {
    /// The directory for backups of what is in the directory `home` of the destination. What stands
    /// in the way of one that is missing is removed, as in rsync.
    pub fn dir_of(
        &self,
        permit: &Permit,
        home: &RelPath,
        rules: &Rules,
        refused: &mut Vec<Trouble>,
    ) -> Result<Arc<Dir>, Trouble> {
        if let Some((last, dir)) = &*self.last.lock().unwrap_or_else(PoisonError::into_inner)
            && last == home
        {
            return Ok(Arc::clone(dir));
        }
        let dir = self.open_below(permit, home, rules, refused)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((home.clone(), Arc::clone(&dir)));
        Ok(dir)
    }

    fn open_below(
        &self,
        permit: &Permit,
        home: &RelPath,
        rules: &Rules,
        refused: &mut Vec<Trouble>,
    ) -> Result<Arc<Dir>, Trouble> {
        let mut dir = self.root(permit, rules)?;
        let names: Vec<Name> = home.names().collect();
        // The destination's directory that the first missing one is to be like, then the next.
        let mut like: Option<Arc<Dir>> = None;
        for (index, name) in names.iter().enumerate() {
            dir = match dir.open_child(name, Follow::Never) {
                Ok(child) => Arc::new(child),
                Err(error) if is_missing_dir(&error) => {
                    if error.kind() != io::ErrorKind::NotFound {
                        node::remove(permit, &dir, name).during(Side::Dest, VERB)?;
                    }
                    like = match like {
                        Some(above) => above.open_child(name, Follow::Never).ok().map(Arc::new),
                        None => self.open_dest(&names[..=index]),
                    };
                    let meta = like.as_ref().and_then(|like| stat::handle(&**like).ok());
                    Arc::new(make(
                        permit,
                        &dir,
                        name,
                        like.as_deref().zip(meta.as_ref()),
                        rules,
                        refused,
                    )?)
                }
                Err(error) => return Err(error).during(Side::Dest, VERB),
            };
        }
        Ok(dir)
    }

    /// Opens it anew next time: it is not where it was.
    pub fn forget(&self) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The destination's own directory.
    fn open_dest(&self, names: &[Name]) -> Option<Arc<Dir>> {
        let mut dir = Arc::clone(self.dest.as_ref()?);
        for name in names {
            dir = Arc::new(dir.open_child(name, Follow::Never).ok()?);
        }
        Some(dir)
    }

    /// The directory itself; without it no backup can be made, and the run ends.
    fn root(&self, permit: &Permit, rules: &Rules) -> Result<Arc<Dir>, Trouble> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = &*opened {
            return Ok(Arc::clone(dir));
        }
        let dir = self.open(permit, rules).map_err(|error| {
            let why = format!("{}: {error}", self.typed.display());
            let cause = Cause::Ends { class: Class::FileIo, why };
            Trouble { side: Side::Dest, verb: VERB, cause }
        })?;
        *opened = Some(Arc::clone(&dir));
        Ok(dir)
    }

    fn open(&self, permit: &Permit, rules: &Rules) -> io::Result<Arc<Dir>> {
        let mut dir = Arc::clone(self.base.as_ref().ok_or(io::ErrorKind::NotFound)?);
        for name in &self.names {
            let child = match dir.open_child(name, Follow::Never) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let before = stat::handle(&*dir)?;
                    node::make_dir(permit, &dir, name, 0o777 & !rules.umask | 0o700)?;
                    if self.inside.is_some() {
                        // That the destination's directory got an entry is no news from the source.
                        let target = Target::Handle(dir.as_file());
                        set_times(permit, target, before.atime, Some(before.mtime))
                            .unwrap_or_default();
                    }
                    dir.open_child(name, Follow::Never)?
                }
                result => result?,
            };
            dir = Arc::new(child);
        }
        Ok(dir)
    }
}

/// Makes a directory that is no more open than the one that it is like.
fn make(
    permit: &Permit,
    dir: &Dir,
    name: &Name,
    like: Option<(&Dir, &Meta)>,
    rules: &Rules,
    refused: &mut Vec<Trouble>,
) -> Result<Dir, Trouble> {
    node::make_dir(permit, dir, name, 0o700).during(Side::Dest, VERB)?;
    let child = dir.open_child(name, Follow::Never).during(Side::Dest, VERB)?;
    let now = stat::handle(&child).during(Side::Dest, VERB)?;
    let due = match like {
        // As in rsync, its lists and not its other attributes.
        Some((dir, meta)) => {
            let lists = extras::Rules { xattrs: None, ..rules.extras.clone() };
            Due::of_dir(&lists, dir, meta)?
        }
        None => None,
    };
    let like = like.map(|(_, meta)| meta);
    let mut mode = like.map_or(0o777 & !rules.umask, |like| like.mode);
    if !rules.identity.is_root() {
        mode |= 0o700;
    }
    let attrs = rules.preserve.attrs;
    let gid = like.map(|like| like.gid).filter(|gid| rules.identity.may_give_to(*gid));
    let wanted = Wanted {
        uid: like.map(|like| like.uid).filter(|_| attrs.contains(Attrs::OWNER)),
        gid: gid.filter(|_| attrs.contains(Attrs::GROUP)),
        mode: Some(mode),
        mtime: None,
        atime: None,
        due,
        ..Wanted::default()
    };
    refused.extend(apply(permit, Target::Handle(child.as_file()), &now, &wanted, Time::AsSeen));
    Ok(child)
}
