//! Directory handles that can be given back and opened again.
//!
//! Handles are a bounded resource: a tree thousands of levels deep is walked with a few hundred of
//! them. Each directory of a side is a link of a chain to its root. A link whose handle was given
//! back is opened again by single names from the nearest open link above it, never by a path.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};

/// How many handles may stay open at once. One for both sides.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    open: AtomicU64,
}

impl Budget {
    /// At most `limit` handles; those in use at this moment are not counted against anybody.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, open: AtomicU64::new(0) })
    }

    fn is_tight(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.limit
    }

    /// One handle is kept every so many levels, so that opening again takes few steps: the more are
    /// open already, the fewer are kept.
    fn stride(&self) -> u32 {
        let times = self.open.load(Ordering::Relaxed) / self.limit.max(1);
        let doubled = times.max(1).next_power_of_two().ilog2();
        KEPT_EVERY.checked_shl(doubled).unwrap_or(u32::MAX)
    }
}

/// The least distance of levels at which handles are kept.
const KEPT_EVERY: u32 = 64;

/// One directory of one side.
#[derive(Debug)]
pub struct Chain {
    above: Option<(Arc<Chain>, Name)>,
    follow: Follow,
    depth: u32,
    /// True if this run made it.
    is_made: AtomicBool,
    held: Mutex<Held>,
    budget: Arc<Budget>,
}

#[derive(Debug)]
enum Held {
    Nothing,
    Handle(Arc<Dir>),
    /// Opened in a way that single names can not repeat: never given back.
    Pinned(Arc<Dir>),
}

impl Chain {
    /// The top of a side.
    pub fn root(dir: Dir, budget: &Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            above: None,
            follow: Follow::Never,
            depth: 0,
            is_made: AtomicBool::new(false),
            held: Mutex::new(Held::Pinned(Arc::new(dir))),
            budget: Arc::clone(budget),
        })
    }

    /// The directory `name` below this one; it is opened when somebody needs it.
    pub fn child(self: &Arc<Self>, name: &Name, follow: Follow) -> Arc<Self> {
        Arc::new(Self {
            above: Some((Arc::clone(self), name.clone())),
            follow,
            depth: self.depth + 1,
            is_made: AtomicBool::new(false),
            held: Mutex::new(Held::Nothing),
            budget: Arc::clone(&self.budget),
        })
    }

    /// The handle of the directory that this one is an entry of.
    pub fn above_handle(&self) -> io::Result<Arc<Dir>> {
        let above = self.above.as_ref().ok_or(io::ErrorKind::NotFound)?;
        above.0.get()
    }

    /// Says that this run made the directory, which has what the one above it hands down.
    pub fn mark_made(&self) {
        self.is_made.store(true, Ordering::Relaxed);
    }

    /// Whether this directory may be reached through a symlink.
    pub fn follow(&self) -> Follow {
        self.follow
    }

    /// The handle, opened if need be.
    pub fn get(&self) -> io::Result<Arc<Dir>> {
        if let Some(dir) = self.held() {
            return Ok(dir);
        }
        let dir = self.open_from_above()?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Held::Handle(dir) | Held::Pinned(dir) = &*held {
            return Ok(Arc::clone(dir));
        }
        self.budget.open.fetch_add(1, Ordering::Relaxed);
        *held = Held::Handle(Arc::clone(&dir));
        Ok(dir)
    }

    /// The handle, opened anew: the directory's mode has changed.
    pub fn open_again(&self) -> io::Result<Arc<Dir>> {
        self.give_back();
        self.get()
    }

    /// Uses `dir` as the handle for good: it was reached through a symlink that the user asked to
    /// keep (`--keep-dirlinks`).
    pub fn pin(&self, dir: Dir) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Held::Pinned(Arc::new(dir));
    }

    /// True if it, or a directory above it below the top, was opened in a way that names can not repeat.
    pub fn is_pinned(&self) -> bool {
        let mut link = self;
        while let Some((above, _)) = &link.above {
            if matches!(*link.held.lock().unwrap_or_else(PoisonError::into_inner), Held::Pinned(_))
            {
                return true;
            }
            link = above;
        }
        false
    }

    /// Gives the handle back if there are too many.
    pub fn give_back_if_tight(&self) {
        if self.budget.is_tight() && !self.depth.is_multiple_of(self.budget.stride()) {
            self.give_back();
        }
    }

    fn give_back(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*held, Held::Handle(_)) {
            *held = Held::Nothing;
            self.budget.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn held(&self) -> Option<Arc<Dir>> {
        match &*self.held.lock().unwrap_or_else(PoisonError::into_inner) {
            Held::Handle(dir) | Held::Pinned(dir) => Some(Arc::clone(dir)),
            Held::Nothing => None,
        }
    }

    /// Climbs to the nearest open link and comes back down, name by name.
    fn open_from_above(&self) -> io::Result<Arc<Dir>> {
        let mut way = vec![self];
        let mut dir = loop {
            let Some((above, _)) = way.last().and_then(|link| link.above.as_ref()) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            match above.held() {
                Some(dir) => break dir,
                None => way.push(above),
            }
        };
        for link in way.into_iter().rev() {
            if let Some((_, name)) = &link.above {
                let child = dir.open_child(name, link.follow)?;
                if link.is_made.load(Ordering::Relaxed) {
                    child.inherit(&dir);
                }
                dir = Arc::new(child);
            }
        }
        Ok(dir)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.give_back();
        // Without this loop, dropping the last link of a deep chain would recurse to its root.
        let mut above = self.above.take();
        while let Some((link, _)) = above {
            above = Arc::into_inner(link).and_then(|mut link| {
                link.give_back();
                link.above.take()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustix::fs::{Mode, XattrFlags, removexattr, setxattr};
    use rustix::io::Errno;

    use super::{Budget, Chain};
    use crate::model::acl::{Acl, KERNEL_DEFAULT, Whom};
    use crate::model::path::Name;
    use crate::sys::dir::{Dir, Follow};

    #[test]
    fn a_deep_chain_is_opened_again_with_few_handles() {
        let top = tempfile::tempdir().unwrap();
        let budget = Budget::new(8);
        let mut link = Chain::root(Dir::open_operand(top.path()).unwrap(), &budget);
        let name = Name::new(b"d").unwrap();
        let mut links = Vec::new();
        for _ in 0..300 {
            let dir = link.get().unwrap();
            rustix::fs::mkdirat(&*dir, "d", Mode::RWXU).unwrap();
            link.give_back_if_tight();
            link = link.child(&name, Follow::Never);
            links.push(Arc::clone(&link));
        }
        assert!(budget.open.load(std::sync::atomic::Ordering::Relaxed) <= 8 + 300 / 64 + 1);
        for link in links.iter().rev() {
            link.get().unwrap();
            link.give_back_if_tight();
        }
        drop((link, links));
        assert_eq!(budget.open.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    #[test]
    fn a_directory_that_was_made_is_not_asked_for_what_is_handed_down() {
        let top = tempfile::tempdir().unwrap();
        let named = Acl { mask: Some(5), named: vec![(Whom::User(5), 7)], ..Acl::PLAIN };
        let list = named.to_kernel(0o750);
        let flags = XattrFlags::empty();
        if setxattr(top.path(), KERNEL_DEFAULT, &list, flags) == Err(Errno::OPNOTSUPP) {
            return;
        }
        let root = Chain::root(Dir::open_operand(top.path()).unwrap(), &Budget::new(8));
        let [made, found] = [b"made", b"late"].map(|name| {
            let dir = root.get().unwrap();
            rustix::fs::mkdirat(&*dir, &name[..], Mode::RWXU).unwrap();
            root.child(&Name::new(name).unwrap(), Follow::Never)
        });
        assert_eq!(root.get().unwrap().ceiling(), Some(0o750));
        for name in ["made", "late"] {
            removexattr(top.path().join(name), KERNEL_DEFAULT).unwrap();
        }
        made.mark_made();
        assert_eq!(made.get().unwrap().ceiling(), Some(0o750));
        assert_eq!(found.get().unwrap().ceiling(), None);
    }

    #[test]
    fn a_component_swapped_for_a_symlink_is_not_followed() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(top.path().join("a/b")).unwrap();
        let budget = Budget::new(0);
        let root = Chain::root(Dir::open_operand(top.path()).unwrap(), &budget);
        let a = root.child(&Name::new(b"a").unwrap(), Follow::Never);
        let b = a.child(&Name::new(b"b").unwrap(), Follow::Never);
        drop(b.get().unwrap());
        b.give_back_if_tight();
        std::fs::rename(top.path().join("a"), top.path().join("c")).unwrap();
        std::os::unix::fs::symlink("c", top.path().join("a")).unwrap();
        assert!(b.get().is_err());
    }
}
