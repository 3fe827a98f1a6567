//! Names of one file in the source (`--hard-links`), gathered until all of them are known.
//!
//! No task waits for another: a name that is met is put down, and whoever brings the last one goes on
//! with all ([`together`](crate::phase::together)). Files with one name never come here.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{During, Side, Trouble};
use crate::model::change::Action;
use crate::model::entry::Pair;
use crate::model::meta::{FileId, Kind, Meta, Stamp};
use crate::model::path::{Name, RelPath, tree_order};
use crate::phase::pass::Memo;
use crate::report::ledger::Sheet;
use crate::report::order::Slot;
use crate::scan::node::{At, Node, Spot};
use crate::sys::chain::Chain;
use crate::sys::dir::{Dir, Follow};

/// What names of one file have in common, and where they go: no link leads into another file system. An
/// inode number alone says little: some FUSE servers make them up, and a file that changes meanwhile is
/// not the same one.
///
/// Many wait in a table that is half empty: it is small there.
#[derive(Clone, Debug)]
struct Key {
    source: Box<Meta>,
    device: u64,
}

/// All of a [`Key`] that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Common {
    device: u64,
    id: FileId,
    kind: Kind,
    size: u64,
    mtime: Stamp,
}

impl Key {
    fn common(&self) -> Common {
        let Meta { id, kind, size, mtime, .. } = *self.source;
        Common { device: self.device, id, kind, size, mtime }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.common() == other.common()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.common().hash(state);
    }
}

/// A file of the source, and the file system of the destination that has names of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bundle {
    source: FileId,
    device: u64,
}

impl Bundle {
    /// Which `at`, a name of the file `source`, is of. A directory that is not there yet will be in the
    /// file system of the one above it.
    pub fn of(at: &At<'_, Memo>, source: &Meta) -> Self {
        let mut dir = at.dest.map(Arc::clone);
        let mut node = at.node;
        while let (None, Some(parent)) = (&dir, node.parent()) {
            dir = parent.dest().and_then(|chain| chain.get().ok());
            node = parent;
        }
        let id = dir.and_then(|dir| dir.id());
        Self { source: source.id, device: id.map_or(0, |id| id.dev) }
    }
}

/// Whether a name of the source may be met on two ways: then their number says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// On one.
    One,
    /// On several: symlinks are followed, or there are several operands.
    Several,
}

/// All groups of one pass.
#[derive(Debug)]
pub struct Groups {
    ways: Ways,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    groups: HashMap<Key, Box<Group>>,
    /// What leads those of which all names were met. Further ones may come (by a bind mount, or made
    /// meanwhile), but mostly do not, and most groups end here: they take less room than the others.
    done: HashMap<Box<Common>, Box<Led>>,
    /// When all names are known: the groups with names that still wait, the first one last.
    rest: Option<Vec<(Key, Box<Group>)>>,
}

/// How many groups of the rest are worked on together.
const REST_GROUPS: usize = 64;

#[derive(Debug, Default)]
struct Group {
    waiting: Vec<Member>,
    met: u32,
    led: Option<Box<Led>>,
}

/// A leader by its path: it keeps no directory in memory or open, as most groups are done with.
#[derive(Debug)]
struct Led {
    path: RelPath,
    whereabouts: Whereabouts,
    before: Option<FileId>,
    standing: Standing,
}

/// Where a leader is in the destination.
#[derive(Debug)]
enum Whereabouts {
    /// Where its path says.
    AsTold,
    /// In this directory, where names do not lead there (`--keep-dirlinks`), or in none; by another name,
    /// perhaps (file to file).
    Elsewhere(Box<(Option<Arc<Chain>>, Name)>),
}

impl Led {
    fn of(leader: &Leader, member: &Member) -> Self {
        let is_as_told = leader.dir.as_ref().is_some_and(|dir| !dir.is_pinned())
            && dest_path(&member.node).join(&leader.name) == leader.path;
        let whereabouts = if is_as_told {
            Whereabouts::AsTold
        } else {
            Whereabouts::Elsewhere(Box::new((leader.dir.clone(), leader.name.clone())))
        };
        let Leader { path, before, standing, .. } = leader;
        Self { path: path.clone(), whereabouts, before: *before, standing: *standing }
    }

    /// The same in the run that `node` is of.
    fn leader(&self, node: &Node<Memo>) -> Option<Arc<Leader>> {
        let (dir, name) = match &self.whereabouts {
            Whereabouts::AsTold => place_at(node, &self.path)?,
            Whereabouts::Elsewhere(place) => (**place).clone(),
        };
        let (path, before, standing) = (self.path.clone(), self.before, self.standing);
        Some(Arc::new(Leader { dir, name, path, before, standing, found: OnceLock::new() }))
    }
}

/// A name that waits. It holds no handle.
#[derive(Debug)]
pub struct Member {
    /// Its directory, which is not left before.
    pub node: Arc<Node<Memo>>,
    layer: usize,
    name: Name,
    follow: Follow,
    /// What the destination has by this name.
    pub dest: Option<Box<Meta>>,
    /// Where its lines go.
    pub slot: Slot,
}

/// All names of a file that are known.
#[derive(Debug)]
pub struct Gathered {
    key: Key,
    /// The names, in rsync's order.
    pub names: Vec<Member>,
    /// The name that others have been made of before.
    pub leader: Option<Arc<Leader>>,
}

/// The name that the others are made of.
#[derive(Debug)]
pub struct Leader {
    /// The destination's directory that it is in, if there is one.
    pub dir: Option<Arc<Chain>>,
    /// Its name there.
    pub name: Name,
    /// Its path, as it is told.
    pub path: RelPath,
    /// What the destination had by this name before.
    pub before: Option<FileId>,
    /// What has become of it.
    pub standing: Standing,
    /// What the destination has by this name since, once somebody has looked.
    pub found: OnceLock<FileId>,
}

/// What has become of an entry, for others that are to be names of the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is not there as the source has it.
    Not,
    /// It is the file that was there, of which attributes at most were set.
    Kept,
    /// It is the file that was there, written in place.
    InPlace,
    /// It is another file than was there, if there was one.
    Anew,
}

impl Standing {
    /// What has become of an entry to which `action` was done. `entry_changed`: as
    /// [`Performed`](crate::act::perform::Performed) says.
    pub fn after(action: Action, entry_changed: bool) -> Self {
        match action {
            Action::Keep(_) | Action::Adjust => Self::Kept,
            Action::Rewrite if !entry_changed => Self::InPlace,
            Action::Rewrite | Action::Create | Action::Replace => Self::Anew,
            Action::Delete => Self::Not,
        }
    }

    /// The same where what it was done to had taken the place of what was there.
    #[must_use]
    pub fn of_another(self) -> Self {
        match self {
            Self::Not => Self::Not,
            Self::Kept | Self::InPlace | Self::Anew => Self::Anew,
        }
    }
}

impl Groups {
    /// None are known.
    pub fn new(ways: Ways) -> Self {
        Self { ways, table: Mutex::default() }
    }

    /// Puts `at` down; all names of its file, if it is the last one.
    pub fn meet(&self, at: &At<'_, Memo>, pair: &Pair, sheet: &mut Sheet<'_>) -> Option<Gathered> {
        let source = pair.source()?;
        at.node.expect_one_more();
        let key = Key { source: Box::new(*source), device: Bundle::of(at, source).device };
        let member = Member {
            node: Arc::clone(at.node),
            layer: at.layer,
            name: at.name.clone(),
            follow: at.follow,
            dest: pair.dest().copied().map(Box::new),
            slot: sheet.reserve(),
        };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let Table { groups, done, .. } = &mut *table;
        let group = groups.entry(key.clone()).or_insert_with(|| {
            let led = done.remove(&key.common());
            // All its names were met before.
            let met = if led.is_some() { source.nlink } else { 0 };
            Box::new(Group { led, met, waiting: Vec::new() })
        });
        if group.waiting.is_empty() {
            // Often it is the only one.
            group.waiting.reserve_exact(1);
        }
        group.waiting.push(member);
        group.met = group.met.saturating_add(1);
        // One that is met later (by a bind mount, or made meanwhile) waits for the end.
        let is_whole = self.ways == Ways::One && group.met == source.nlink;
        is_whole.then(|| group.gather(key))
    }

    /// Remembers what the names of the same file that come yet are to be made of: of `member`.
    pub fn is_led(&self, group: &Gathered, member: &Member, leader: &Leader) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.rest.is_some() {
            return;
        }
        let led = Some(Box::new(Led::of(leader, member)));
        let key = &group.key;
        match table.groups.get_mut(key) {
            Some(group) if !group.waiting.is_empty() => group.led = led,
            _ => {
                table.groups.remove(key);
                table.done.extend(led.map(|led| (Box::new(key.common()), led)));
            }
        }
    }

    /// Some of the names that still wait when all are known: the source has no further ones, or they take
    /// no part. None: that were all.
    pub fn rest(&self) -> Vec<Gathered> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let Table { groups, rest, .. } = &mut *table;
        let rest = rest.get_or_insert_with(|| {
            let groups = std::mem::take(groups).into_iter();
            let mut waiting: Vec<_> =
                groups.filter(|(_, group)| !group.waiting.is_empty()).collect();
            waiting.sort_by_key(|(_, group)| Reverse(group.first_slot()));
            waiting
        });
        let from = rest.len().saturating_sub(REST_GROUPS);
        rest.drain(from..).rev().map(|(key, mut group)| group.gather(key)).collect()
    }
}

impl Group {
    fn first_slot(&self) -> Option<Slot> {
        self.waiting.iter().map(|member| member.slot).min()
    }

    fn gather(&mut self, key: Key) -> Gathered {
        let waiting = std::mem::take(&mut self.waiting);
        let mut sorted: Vec<_> =
            waiting.into_iter().map(|member| (member.path(), member)).collect();
        sorted.sort_by(|(a, _), (b, _)| tree_order(a, b));
        let names: Vec<Member> = sorted.into_iter().map(|(_, member)| member).collect();
        let led = self.led.as_ref().zip(names.first());
        let leader = led.and_then(|(led, first)| led.leader(&first.node));
        Gathered { key, names, leader }
    }
}

impl Gathered {
    /// What the source has.
    pub fn source(&self) -> &Meta {
        &self.key.source
    }
}

/// The path of a directory below the destination, by the names that it has there.
fn dest_path(node: &Node<Memo>) -> RelPath {
    let mut names = Vec::new();
    let mut at = node;
    while let (Some(parent), Some(name)) = (at.parent(), at.name()) {
        names.push(parent.dest_name(name));
        at = parent;
    }
    RelPath::from_names(names.into_iter().rev())
}

/// Where the destination has the entry at `path`, in the run that `node` is of: its directory, if there is
/// a destination, and its name.
fn place_at(node: &Node<Memo>, path: &RelPath) -> Option<(Option<Arc<Chain>>, Name)> {
    let mut names: Vec<Name> = path.names().collect();
    let name = names.pop()?;
    let mut top = node;
    while let Some(parent) = top.parent() {
        top = parent;
    }
    let root = top.dest().map(Arc::clone);
    let dir = root.map(|root| names.iter().fold(root, |dir, name| dir.child(name, Follow::Never)));
    Some((dir, name))
}

/// The handles of a name's directories, on both sides.
pub struct Held {
    source: Arc<Dir>,
    dest: Option<Arc<Dir>>,
}

impl Member {
    /// Its path below the destination, as it is told.
    pub fn path(&self) -> RelPath {
        self.node.path().join(&self.name)
    }

    /// Where it is, for faults.
    pub fn spot(&self) -> Spot<'_, Memo> {
        Spot { node: &self.node, layer: self.layer, name: Some(&self.name) }
    }

    /// Opens its directories.
    ///
    /// # Errors
    /// One of them can not be opened any more.
    pub fn open(&self) -> Result<Held, Trouble> {
        let source = self.node.layers[self.layer].chain.get();
        let source = source.during(Side::Source, "open the directory of")?;
        let dest = self.node.dest().map(|chain| chain.get()).transpose();
        Ok(Held { source, dest: dest.during(Side::Dest, "open the directory of")? })
    }

    /// The name in its open directories.
    pub fn at<'a>(&'a self, held: &'a Held) -> At<'a, Memo> {
        At {
            node: &self.node,
            layer: self.layer,
            source: &held.source,
            dest: held.dest.as_ref(),
            name: &self.name,
            follow: self.follow,
        }
    }

    /// Which entry it is in the destination, by whichever way its directory was met; `None`: that can not
    /// be looked at.
    pub fn dest_place(&self) -> Option<(FileId, &Name)> {
        let chain = self.node.dest()?;
        let opened = chain.get();
        chain.give_back_if_tight();
        Some((opened.ok()?.id()?, self.node.dest_name(&self.name)))
    }

    /// What it is on both sides, `source` being its file.
    pub fn pair(&self, source: &Meta) -> Pair {
        match self.dest.as_deref() {
            Some(dest) => Pair::Both(*source, *dest),
            None => Pair::SourceOnly(*source),
        }
    }

    /// What is left of it for the others once it is `standing`.
    pub fn as_leader(&self, standing: Standing) -> Leader {
        Leader {
            dir: self.node.dest().cloned(),
            name: self.node.dest_name(&self.name).clone(),
            path: self.path(),
            before: self.dest.as_ref().map(|dest| dest.id),
            standing,
            found: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Key};

    #[test]
    fn a_group_that_waits_takes_little_room_in_the_table() {
        // A table of so many is half empty, and there are as many as files with a name elsewhere.
        assert!(size_of::<(Key, Box<Group>)>() <= 24);
        assert!(size_of::<Group>() <= 48);
    }
}
