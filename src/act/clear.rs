//! Removing what stands in the way or what the source has not got: an entry, or a whole directory.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::act::backup::{Backups, Kept, Old};
use crate::effort::Stop;
use crate::error::{Cause, Trouble};
use crate::error::{During, Side};
use crate::filter::pattern::What;
use crate::filter::within::{Reasons, Rules, Said};
use crate::model::meta::{FileId, Kind};
use crate::model::path::{Name, RelPath, listing_order};
use crate::report::observer::Phase;
use crate::settings::Mounts;
use crate::sys::attrs::{Target, set_mode};
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::{Dir, Follow, Listed};
use crate::sys::permit::Permit;
use crate::sys::{node, stat};

/// How many entries may still be removed (`--max-delete`).
#[derive(Debug)]
pub struct Limit(Option<AtomicU64>);

impl Limit {
    /// `None`: no limit.
    pub fn new(limit: Option<u64>) -> Self {
        Self(limit.map(AtomicU64::new))
    }

    /// Takes one removal; false if there is none left.
    fn take(&self) -> bool {
        let Some(left) = &self.0 else { return true };
        let one_less = |left: u64| left.checked_sub(1);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

/// What became of one entry that was to be removed.
#[derive(Debug)]
pub enum Removal {
    /// It is gone, or would be.
    Removed,
    /// The limit was reached.
    OverLimit,
    /// A directory that still holds something.
    NotEmpty(Rest),
    /// A directory on another file system, with which `--one-file-system` has nothing to do.
    MountPoint,
    /// It is kept, or would be, or not even that: what becomes of it is told next.
    BackedUp(Kept),
    /// Nothing yet: a filter rule has something to say of it.
    Ruled(Said),
    /// It could not be removed.
    Failed(Trouble),
}

/// What stays of what is in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rest {
    /// Nothing, or nothing would.
    Nothing,
    /// Only what nobody wanted removed: protected by a rule, on another file system, still open on an
    /// NFS client.
    Spared,
    /// Something that could not be removed.
    Something,
}

/// What became of a directory's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptied {
    /// This is left.
    To(Rest),
    /// It is a mount point and was not looked into.
    MountPoint,
}

impl Removal {
    /// What the directory above is left with.
    fn rest(&self) -> Rest {
        match self {
            Self::Removed | Self::Ruled(_) | Self::BackedUp(_) => Rest::Nothing,
            Self::NotEmpty(Rest::Spared) | Self::MountPoint => Rest::Spared,
            Self::NotEmpty(_) | Self::OverLimit | Self::Failed(_) => Rest::Something,
        }
    }
}

/// One entry that was to be removed, told from the deepest up.
#[derive(Debug)]
pub struct Removed {
    /// Its path below the directory that the removal started in.
    pub path: RelPath,
    /// What it was.
    pub kind: Kind,
    /// What became of it.
    pub removal: Removal,
}

/// Who removes: without a permit nothing is, and all is told as if it were.
#[derive(Clone, Copy, Debug)]
pub struct Clearing<'a> {
    /// The right to.
    pub permit: Option<&'a Permit>,
    /// How much of it.
    pub limit: &'a Limit,
    /// Whether what is mounted below is removed too (`--one-file-system`).
    pub mounts: Mounts,
    /// Whether somebody wants to know which filter rules decided.
    pub reasons: Reasons,
    /// How many handles there are.
    pub budget: &'a Arc<Budget>,
    /// Where what is removed is kept (`--backup`).
    pub backups: Option<&'a Backups>,
    /// In which pass: the second one leaves the backups of the first one alone.
    pub phase: Phase,
    /// Asked while a large file is kept by copying it.
    pub stop: &'a Stop,
    /// The sources, and the directories above them: they are never removed.
    pub sources: &'a HashSet<FileId>,
}

/// An entry that is no directory and goes away.
#[derive(Clone, Copy, Debug)]
struct Doomed<'a> {
    /// Its directory's path below the destination.
    home: &'a RelPath,
    /// Its path below the directory that the removal started in.
    path: &'a RelPath,
    name: &'a Name,
    kind: Kind,
}

/// A directory on the way down, with what is left to remove in it.
struct Level {
    chain: Arc<Chain>,
    name: Name,
    left: Vec<Listed>,
    /// What will stay in it.
    rest: Rest,
    /// True if another file system is mounted on it.
    is_mount_point: bool,
    /// What in it must stay.
    rules: Rules,
}

/// The directory in which a removal begins.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// Its handle.
    pub dir: &'a Arc<Dir>,
    /// Its path below the destination.
    pub path: &'a RelPath,
    /// The filter rules that protect what is below.
    pub rules: &'a Rules,
}

/// The path of the last level: put together when it is told, since a path kept at each level would
/// take room by the square of the depth.
fn path_of(levels: &[Level]) -> RelPath {
    RelPath::from_names(levels.iter().map(|level| &level.name))
}

impl Clearing<'_> {
    /// Removes the entry `name`, which is of kind `kind`; a directory with all in it.
    pub fn remove(&self, home: &Home<'_>, name: &Name, kind: Kind, tell: &mut dyn FnMut(Removed)) {
        let dir = home.dir;
        let path = RelPath::from_names([name]);
        if kind != Kind::Dir {
            let doomed = Doomed { home: home.path, path: &path, name, kind };
            let removal = self.keep_and_remove(dir, &doomed, tell);
            return tell(Removed { path, kind, removal });
        }
        let removal = match self.empty(home, name, tell) {
            Ok(Emptied::To(Rest::Nothing)) => self.remove_one(dir, name, Kind::Dir),
            Ok(Emptied::To(rest)) => Removal::NotEmpty(rest),
            Ok(Emptied::MountPoint) => Removal::MountPoint,
            Err(trouble) => Removal::Failed(trouble),
        };
        tell(Removed { path, kind, removal });
    }

    /// Removes all that is in the directory `name`, but not the directory. Iterative, with few handles, however deep.
    pub fn empty(
        &self,
        home: &Home<'_>,
        name: &Name,
        tell: &mut dyn FnMut(Removed),
    ) -> Result<Emptied, Trouble> {
        let dir = home.dir;
        let verb = "open the directory to delete in";
        let root = Chain::root(dir.duplicate().during(Side::Dest, verb)?, self.budget);
        let first = root.child(name, Follow::Never);
        let mut levels =
            vec![self.level(first, name.clone(), &RelPath::from_names([name]), home, tell)?];
        loop {
            let is_first = levels.len() == 1;
            let path = path_of(&levels);
            let Some(level) = levels.last_mut() else {
                return Ok(Emptied::To(Rest::Nothing));
            };
            let Some(entry) = level.left.pop() else {
                if is_first {
                    let rest = Emptied::To(level.rest);
                    return Ok(if level.is_mount_point { Emptied::MountPoint } else { rest });
                }
                self.climb(&mut levels, tell);
                continue;
            };
            let (above, path) = (&path, path.join(&entry.name));
            let here = level.chain.get().during(Side::Dest, verb)?;
            let kind = match entry.kind {
                Some(kind) => kind,
                None => {
                    stat::entry(&here, &entry.name, Follow::Never)
                        .during(Side::Dest, "look at")?
                        .kind
                }
            };
            if kind == Kind::Dir {
                let chain = level.chain.child(&entry.name, Follow::Never);
                let above = above.below(home.path);
                let inside = Home { dir: &here, path: &above, rules: &level.rules };
                match self.level(chain, entry.name, &path, &inside, tell) {
                    Ok(below) => {
                        level.chain.give_back_if_tight();
                        levels.push(below);
                    }
                    Err(trouble) => {
                        level.rest = Rest::Something;
                        tell(Removed { path, kind, removal: Removal::Failed(trouble) });
                    }
                }
                continue;
            }
            let above = above.below(home.path);
            let doomed = Doomed { home: &above, path: &path, name: &entry.name, kind };
            let removal = self.keep_and_remove(&here, &doomed, tell);
            level.rest = level.rest.max(removal.rest());
            tell(Removed { path, kind, removal });
        }
    }

    /// Goes up from a directory that nothing is left to remove in, and removes it.
    fn climb(&self, levels: &mut Vec<Level>, tell: &mut dyn FnMut(Removed)) {
        let path = path_of(levels);
        let (Some(done), Some(above)) = (levels.pop(), levels.last_mut()) else { return };
        let kind = Kind::Dir;
        let removal = if done.rest == Rest::Nothing {
            match above.chain.get().during(Side::Dest, "open the directory of") {
                Ok(dir) => self.remove_one(&dir, &done.name, kind),
                Err(trouble) => Removal::Failed(trouble),
            }
        } else if done.is_mount_point {
            Removal::MountPoint
        } else {
            Removal::NotEmpty(done.rest)
        };
        above.rest = above.rest.max(removal.rest());
        tell(Removed { path, kind, removal });
    }

    /// The directory `name` of `home`, with what may be removed in it.
    ///
    /// `rel`: its path below the directory that the removal started in.
    fn level(
        &self,
        chain: Arc<Chain>,
        name: Name,
        rel: &RelPath,
        home: &Home<'_>,
        tell: &mut dyn FnMut(Removed),
    ) -> Result<Level, Trouble> {
        let rules = home.rules.below();
        let mut level = Level {
            chain,
            name,
            left: Vec::new(),
            rest: Rest::Nothing,
            is_mount_point: false,
            rules,
        };
        let listed = self.list(&level.chain, (home.dir, &level.name));
        let (mut left, dir) = listed.during(Side::Dest, "open the directory to delete in")?;
        if self.mounts != Mounts::Cross {
            let dev = |dir: &Dir| Ok::<_, io::Error>(stat::handle(dir)?.id.dev);
            let is_mount = dev(&dir).and_then(|own| Ok(own != dev(home.dir)?));
            if is_mount.during(Side::Dest, "look at")? {
                (level.rest, level.is_mount_point) = (Rest::Spared, true);
                return Ok(level);
            }
        }
        if self.sources.contains(&stat::handle(&*dir).during(Side::Dest, "look at")?.id) {
            let why = "it is a source of this run, or holds one (name another destination)";
            return Err(Trouble::rule(Side::Dest, "delete", why));
        }
        let path = home.path.join(&level.name);
        level.rules.enter(&dir, &path, Side::Dest)?;
        // Popped from the end: the reverse of the order in which rsync lists.
        let is_dir = |listed: &Listed| listed.kind == Some(Kind::Dir);
        left.sort_unstable_by(|a, b| listing_order((&a.name, is_dir(a)), (&b.name, is_dir(b))));
        left.retain(|listed| {
            let what = What::of(is_dir(listed));
            let said = level.rules.say_of_doomed(&path, &listed.name, what, self.reasons);
            let is_own = self.is_own(|| path.join(&listed.name), listed.kind);
            let spared = matches!(said, Said::Out(_)) || is_own || is_silly_rename(&listed.name);
            if spared {
                level.rest = Rest::Spared;
            }
            if said != Said::Nothing && self.reasons == Reasons::Named {
                let kind = if is_dir(listed) { Kind::Dir } else { Kind::File };
                tell(Removed { path: rel.join(&listed.name), kind, removal: Removal::Ruled(said) });
            }
            !spared
        });
        level.left = left;
        Ok(level)
    }

    /// Opens and lists a directory, which is made accessible if it is not.
    fn list(
        &self,
        chain: &Chain,
        (home, name): (&Dir, &Name),
    ) -> io::Result<(Vec<Listed>, Arc<Dir>)> {
        let listed = chain.get().and_then(|dir| Ok((dir.list()?, dir)));
        match (listed, self.permit) {
            (Err(error), Some(permit)) if error.kind() == io::ErrorKind::PermissionDenied => {
                set_mode(permit, Target::Entry(home, name), 0o700).map_err(|_| error)?;
                let dir = chain.open_again()?;
                Ok((dir.list()?, dir))
            }
            (listed, _) => listed,
        }
    }

    /// True if the run itself has put an entry there, as a backup.
    pub fn is_own(&self, path: impl FnOnce() -> RelPath, kind: Option<Kind>) -> bool {
        self.backups.is_some_and(|backups| backups.is_own(&path(), kind, self.phase))
    }

    /// Removes what is no directory, once there is a backup if one is wanted.
    fn keep_and_remove(
        &self,
        dir: &Dir,
        doomed: &Doomed<'_>,
        tell: &mut dyn FnMut(Removed),
    ) -> Removal {
        let Doomed { home, path, name, kind } = *doomed;
        let wanted = self.backups.filter(|backups| !backups.is_backup(path));
        let Some(backups) = wanted else { return self.remove_one(dir, name, kind) };
        if !self.limit.take() {
            return Removal::OverLimit;
        }
        let mut told = |kept| {
            tell(Removed { path: path.clone(), kind, removal: Removal::BackedUp(kept) });
        };
        let keep = || {
            let Some(permit) = self.permit else {
                let fate = backups.fate_of(dir, home, name, kind)?;
                return Ok(Kept { fate, is_away: true, refused: Vec::new() });
            };
            let meta = stat::entry(dir, name, Follow::Never).during(Side::Dest, "look at")?;
            backups.keep(permit, &Old { dir, home, name, meta: &meta }, self.stop)
        };
        match keep() {
            Ok(kept) => {
                let is_away = kept.is_away;
                told(kept);
                match self.permit {
                    Some(permit) if !is_away => remove_now(permit, dir, name, kind),
                    _ => Removal::Removed,
                }
            }
            Err(trouble) => Removal::Failed(trouble),
        }
    }

    fn remove_one(&self, dir: &Dir, name: &Name, kind: Kind) -> Removal {
        if !self.limit.take() {
            return Removal::OverLimit;
        }
        self.permit.map_or(Removal::Removed, |permit| remove_now(permit, dir, name, kind))
    }
}

fn remove_now(permit: &Permit, dir: &Dir, name: &Name, kind: Kind) -> Removal {
    let remove = || match kind {
        Kind::Dir => node::remove_dir(permit, dir, name),
        _ => node::remove(permit, dir, name),
    };
    let result = match remove() {
        // A directory of our own that is read-only is made writable; it goes away anyway, or
        // gets its mode back when the run leaves it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_read_only(dir) => {
            set_mode(permit, Target::Handle(dir.as_file()), 0o700)
                .map_err(|_| error)
                .and_then(|()| remove())
        }
        result => result,
    };
    match result.during(Side::Dest, "delete") {
        Ok(()) => Removal::Removed,
        // A directory in which a server keeps `.nfs*` names of files that are still open.
        Err(Trouble { cause: Cause::Io(error), .. })
            if error.kind() == io::ErrorKind::DirectoryNotEmpty =>
        {
            Removal::NotEmpty(Rest::Spared)
        }
        Err(trouble) => Removal::Failed(trouble),
    }
}

/// True for the name of a removed file that is still open on an NFS client (`.nfs` and 24 hex
/// digits; `nfs_sillyrename` in the kernel): the client removes it itself.
pub fn is_silly_rename(name: &Name) -> bool {
    let digits = name.as_bytes().strip_prefix(b".nfs");
    digits.is_some_and(|digits| digits.len() >= 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// True if even its owner may not make or remove entries in it.
fn is_read_only(dir: &Dir) -> bool {
    stat::handle(dir).is_ok_and(|meta| meta.mode & 0o300 != 0o300)
}
