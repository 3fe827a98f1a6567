//! One directory of the run: the unit of parallel work, and the tree that such units form.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::Place;
use crate::filter::within::Rules;
use crate::model::meta::FileId;
use crate::model::path::{Name, RelPath};
use crate::scan::layer::Layer;
use crate::scan::reach::Reach;
use crate::scan::reach::Stand;
use crate::sys::chain::Chain;
use crate::sys::dir::{Dir, Follow};
use crate::sys::sides::Sides;

/// What the destination has where a directory of the source goes.
#[derive(Debug)]
pub enum DestSide {
    /// Nothing, and nothing will be made (a dry run, an audit).
    Absent,
    /// A directory that this run just made: it is empty, nobody need list it.
    Fresh,
    /// A directory.
    Present,
}

/// A directory of the run. `M` is what a phase wants to know again when it leaves.
#[derive(Debug)]
pub struct Node<M> {
    parent: Option<Arc<Node<M>>>,
    name: Option<Name>,
    /// True if the destination may have it.
    pub(crate) in_dest: bool,
    /// Its sources, the first one foremost.
    pub(crate) layers: Vec<Layer>,
    dest: Option<Arc<Chain>>,
    pub(crate) side: OnceLock<DestSide>,
    pub(crate) memo: OnceLock<M>,
    pub(crate) source_id: OnceLock<FileId>,
    /// Batches and directories below that are not done, and one for itself.
    open: AtomicUsize,
    entries_changed: AtomicBool,
    /// The only entry goes by another name in the destination (file to file).
    renamed: Option<Name>,
    /// Which names of the destination directory are protected from deletion.
    protection: Rules,
}

impl<M> Node<M> {
    /// The top of a run. `dest`: `None` if there is no destination and none will be made.
    pub fn root(
        layers: Vec<Layer>,
        dest: Option<Arc<Chain>>,
        renamed: Option<Name>,
        protection: Rules,
    ) -> Arc<Self> {
        Arc::new(Self {
            parent: None,
            name: None,
            in_dest: dest.is_some(),
            layers,
            dest,
            side: OnceLock::new(),
            memo: OnceLock::new(),
            source_id: OnceLock::new(),
            open: AtomicUsize::new(1),
            entries_changed: AtomicBool::new(false),
            renamed,
            protection,
        })
    }

    /// The directory `name` below this one.
    pub(crate) fn child(
        self: &Arc<Self>,
        name: &Name,
        layers: Vec<Layer>,
        in_dest: bool,
    ) -> Arc<Self> {
        self.open.fetch_add(1, Ordering::Relaxed);
        let dest_name = self.renamed.as_ref().unwrap_or(name);
        Arc::new(Self {
            parent: Some(Arc::clone(self)),
            name: Some(name.clone()),
            in_dest,
            layers,
            dest: self.dest.as_ref().map(|dest| dest.child(dest_name, Follow::Never)),
            side: OnceLock::new(),
            memo: OnceLock::new(),
            source_id: OnceLock::new(),
            open: AtomicUsize::new(1),
            entries_changed: AtomicBool::new(false),
            renamed: None,
            protection: self.protection.below(),
        })
    }

    /// One more batch is to be waited for.
    pub(crate) fn expect_one_more(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Something that was waited for is done; true if it was the last.
    pub(crate) fn one_is_done(&self) -> bool {
        self.open.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The directory that this one is an entry of.
    pub fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Its name in the source; `None` for the top.
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// What `name` is called in the destination.
    pub fn dest_name<'a>(&'a self, name: &'a Name) -> &'a Name {
        self.renamed.as_ref().unwrap_or(name)
    }

    /// Its path below the destination.
    pub fn path(&self) -> RelPath {
        self.path_to(None)
    }

    /// The path below the destination of a name in it.
    fn path_to(&self, last: Option<&Name>) -> RelPath {
        // Most paths are not deeper: one allocation.
        let mut names = Vec::with_capacity(8);
        names.extend(last);
        let mut at = self;
        while let (Some(name), Some(parent)) = (&at.name, &at.parent) {
            names.push(name);
            at = parent;
        }
        RelPath::from_names(names.iter().rev().copied())
    }

    /// The directory itself, in the first layer that takes part as a whole.
    pub fn spot(&self) -> Spot<'_, M> {
        let is_whole = |layer: &Layer| !matches!(layer.reach, Reach::Names(_));
        let layer = self.layers.iter().position(is_whole).unwrap_or(0);
        Spot { node: self, layer, name: None }
    }

    /// How many names its path has.
    pub fn depth(&self) -> usize {
        std::iter::successors(self.parent(), |node| node.parent()).count()
    }

    /// Its source directories, the first one foremost.
    pub fn source_dirs(&self) -> impl Iterator<Item = io::Result<Arc<Dir>>> {
        self.layers.iter().map(|layer| layer.chain.get())
    }

    /// How its destination directory is reached, if it has one.
    pub fn dest(&self) -> Option<&Arc<Chain>> {
        match self.side.get() {
            Some(DestSide::Absent) => None,
            // The top of a run that does not take part itself is there or has no chain.
            Some(DestSide::Fresh | DestSide::Present) | None => self.dest.as_ref(),
        }
    }

    /// True for a directory that is only on the way to what was asked for, and of which nothing is
    /// carried over.
    pub fn is_bare(&self) -> bool {
        !self.layers.is_empty() && self.layers.iter().all(|layer| layer.stand == Stand::Bare)
    }

    /// Which names of the destination directory are protected from deletion.
    pub fn protection(&self) -> &Rules {
        &self.protection
    }

    /// How its destination directory will be reached once it is made.
    pub fn dest_to_be(&self) -> Option<&Arc<Chain>> {
        self.dest.as_ref()
    }

    /// True if this run made the destination directory.
    pub fn is_fresh(&self) -> bool {
        matches!(self.side.get(), Some(DestSide::Fresh))
    }

    /// Says that an entry of the destination directory was made or removed: its time has changed.
    pub fn entry_changed(&self) {
        self.entries_changed.store(true, Ordering::Relaxed);
    }

    /// True if an entry of the destination directory was made or removed.
    pub fn has_changed_entries(&self) -> bool {
        self.entries_changed.load(Ordering::Relaxed)
    }

    /// True if this directory or one above it is the source directory `id`: a symlink leads back.
    pub(crate) fn is_loop_at(&self, id: FileId) -> bool {
        let mut at = Some(self);
        while let Some(node) = at {
            if node.source_id.get() == Some(&id) {
                return true;
            }
            at = node.parent.as_deref();
        }
        false
    }

    /// Says what the destination has and what the phase wants to know again.
    pub(crate) fn settle(&self, side: DestSide, memo: M) {
        if let (DestSide::Fresh, Some(chain)) = (&side, &self.dest) {
            chain.mark_made();
        }
        self.side.get_or_init(|| side);
        self.memo.get_or_init(|| memo);
    }

    /// What the phase wanted to know again, once the directory was entered.
    pub fn memo(&self) -> Option<&M> {
        self.memo.get()
    }

    /// Gives back the handles of both sides if too many are open.
    pub(crate) fn give_back_if_tight(&self) {
        self.layers.iter().for_each(|layer| layer.chain.give_back_if_tight());
        if let Some(dest) = &self.dest {
            dest.give_back_if_tight();
        }
    }
}

impl<M> Drop for Node<M> {
    fn drop(&mut self) {
        // Without this loop, dropping the last node of a deep tree would recurse to the top.
        let mut parent = self.parent.take();
        while let Some(node) = parent {
            parent = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

/// Where something happened: a directory of the run, or a name in it.
#[derive(Debug)]
pub struct Spot<'a, M> {
    /// The directory.
    pub node: &'a Node<M>,
    /// Which of its layers, if it is on the source's side.
    pub layer: usize,
    /// The name; `None` for the directory itself.
    pub name: Option<&'a Name>,
}

/// How the entries of a run were named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// By operands.
    Operand,
    /// By a list of what is below the only operand.
    List,
}

impl<M> Spot<'_, M> {
    /// The source path.
    pub fn source_place(&self) -> Place {
        let root = self.node.layers.get(self.layer).map(|layer| Arc::clone(&layer.root));
        let rel = match self.name {
            Some(name) => self.node.path().join(name),
            None => self.node.path(),
        };
        Place::below(root.as_deref().unwrap_or(Path::new("")), &rel)
    }

    /// The source path as rsync writes it (rsyncd.conf.5, `%f`): cleaned, without a leading slash.
    pub fn source_name(&self, by: NamedBy) -> Box<[u8]> {
        let root = self.node.layers.get(self.layer).filter(|_| by == NamedBy::Operand);
        let typed = root.map_or(&[][..], |layer| layer.root.as_os_str().as_bytes());
        let path = self.node.path();
        let root =
            typed.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
        let below = path.names().chain(self.name.cloned());
        let mut names: Vec<Box<[u8]>> = root.map(Into::into).collect();
        names.extend(below.map(|name| name.as_bytes().into()));
        if path.is_root() && self.name.is_none() {
            names.push(b".".as_slice().into());
        }
        names.join(&b'/').into()
    }

    /// Where it is below the destination.
    pub fn path(&self) -> RelPath {
        match self.name {
            Some(name) => self.node.path().join(self.node.dest_name(name)),
            None => self.node.path(),
        }
    }

    /// The destination path below `root`.
    pub fn dest_place(&self, root: &Path) -> Place {
        Place::below(root, &self.path())
    }
}

/// One name in one directory of the run, with open handles of both sides.
#[derive(Debug)]
pub struct At<'a, M> {
    /// The directory.
    pub node: &'a Arc<Node<M>>,
    /// Which of the directory's layers has it.
    pub layer: usize,
    /// That layer's source directory.
    pub source: &'a Arc<Dir>,
    /// The destination directory, if it is there.
    pub dest: Option<&'a Arc<Dir>>,
    /// The name in the source.
    pub name: &'a Name,
    /// Whether the source entry is followed if it is a symlink.
    pub follow: Follow,
}

impl<M> At<'_, M> {
    /// The path below the destination, as it is told.
    pub fn path(&self) -> RelPath {
        self.node.path_to(Some(self.name))
    }

    /// The name in the destination.
    pub fn dest_name(&self) -> &Name {
        self.node.dest_name(self.name)
    }

    /// Both sides, if the destination directory is there.
    pub fn sides(&self) -> Option<Sides<'_>> {
        Some(Sides {
            source: self.source,
            source_name: self.name,
            follow: self.follow,
            dest: self.dest?,
            dest_name: self.dest_name(),
        })
    }

    /// Where it is, for faults.
    pub fn spot(&self) -> Spot<'_, M> {
        Spot { node: self.node, layer: self.layer, name: Some(self.name) }
    }
}
