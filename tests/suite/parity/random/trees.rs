//! Random trees: the same few names on all sides, so that things meet.

use std::fmt::Write as _;

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::Union;

/// Every path that may be below a top; a directory comes before what is in it.
pub(super) const PATHS: [&str; 16] = [
    "a", "b", "c", "k", "k/a", "k/b", "k/e", "k/e/a", "k/e/c", "m", "m/a", "m/k", "m/k/b", "x",
    "x/b", "k/x",
];

/// Contents with the number that says of which times they may be: what has one size has different times, or else only
/// reading tells them apart (`verify-repairs`).
const CONTENTS: [(&str, usize); 7] = [
    ("\"one\"", 0),
    ("\"two\"", 1),
    ("\"\"", 0),
    ("size=1100 seed=1", 0),
    ("size=1100 seed=2", 1),
    ("\"seven b\"", 0),
    ("size=70000", 1),
];

/// Times of the two sorts; none of one is near one of the other.
const TIMES: [[&str; 4]; 2] = [
    ["", " mtime=@1600000000", " mtime=@1600000000.5", " mtime=@1700000000"],
    [" mtime=@1500000000", " mtime=@-5", " mtime=@1650000001", " mtime=@4000000000"],
];

const FILE_MODES: [&str; 6] = ["", " 0600", " 0755", " 0444", " 0666", " 0711"];
const DIR_MODES: [&str; 4] = ["", " 0700", " 0777", " 0750"];
const OWNERS: [&str; 6] = ["", " uid=1", " gid=2", " uid=12345 gid=12345", " uid=65534", " gid=1"];

const ATTRIBUTES: [&str; 4] = ["", " x:user.a=1", " x:user.a=2", " x:user.b=1 x:user.c=3"];

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Dir,
    Link,
    Fifo,
    Char,
    Block,
}

/// One entry, by places in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    content: usize,
    time: usize,
    mode: usize,
    owner: usize,
    /// Where a symlink leads, or which extended attributes there are.
    target: usize,
}

impl Node {
    pub(super) fn is_special(self) -> bool {
        matches!(self.kind, Kind::Fifo | Kind::Char | Kind::Block)
    }

    /// One is a block device and the other a character device.
    pub(super) fn is_other_device(self, other: Self) -> bool {
        matches!((self.kind, other.kind), (Kind::Char, Kind::Block) | (Kind::Block, Kind::Char))
    }

    /// Of the same kind and, if a device, the same numbers.
    pub(super) fn is_like(self, other: Self) -> bool {
        self.kind == other.kind && (!self.is_special() || self.content % 2 == other.content % 2)
    }
}

/// How an entry of another tree derives from the source's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edit {
    Missing,
    Same,
    Content(usize),
    Time(usize),
    Mode(usize),
    Owner(usize),
    /// Of a symlink the target, else the extended attributes.
    Target(usize),
    /// Something else, whatever the source has.
    Other(Node),
}

impl Edit {
    fn of(self, source: Option<Node>) -> Option<Node> {
        match (self, source) {
            (Self::Other(node), _) | (Self::Same, Some(node)) => Some(node),
            (Self::Missing, _) | (_, None) => None,
            (Self::Content(content), Some(node)) => Some(Node { content, ..node }),
            (Self::Time(time), Some(node)) => Some(Node { time, ..node }),
            (Self::Mode(mode), Some(node)) => Some(Node { mode, ..node }),
            (Self::Target(target), Some(node)) => Some(Node { target, ..node }),
            (Self::Owner(owner), Some(node)) => Some(Node { owner, ..node }),
        }
    }
}

/// One path on all sides.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) source: Option<Node>,
    /// The source's entry is a name of an earlier one's file, and so is the destination's where both are there.
    pub(super) is_joined: (bool, bool),
    pub(super) second: Option<Node>,
    pub(super) dest: Edit,
    pub(super) basis: Edit,
}

/// What is at one path; the number is that of the entry whose file it is another name of.
pub(super) type Entry = Option<(Node, Option<usize>)>;

/// Entries of one tree in the order of [`PATHS`].
pub(super) type Side = Vec<Entry>;

fn node(is_parent: bool, is_root: bool) -> impl Strategy<Value = Node> + Clone {
    let kinds: Vec<(u32, Just<Kind>)> = [
        (if is_parent { 2 } else { 12 }, Kind::File),
        (if is_parent { 14 } else { 2 }, Kind::Dir),
        (3, Kind::Link),
        (1, Kind::Fifo),
        (u32::from(is_root), Kind::Char),
        (u32::from(is_root), Kind::Block),
    ]
    .into_iter()
    .filter(|(weight, _)| *weight > 0)
    .map(|(weight, kind)| (weight, Just(kind)))
    .collect();
    let mode = prop_oneof![2 => Just(0), 1 => 0..FILE_MODES.len()];
    let owner = prop_oneof![2 => Just(0), 1 => 0..OWNERS.len()];
    (Union::new_weighted(kinds), 0..CONTENTS.len(), 0..4_usize, mode, owner, 0..8_usize).prop_map(
        |(kind, content, time, mode, owner, target)| Node {
            kind,
            content,
            time,
            mode,
            owner,
            target,
        },
    )
}

fn edit(node: impl Strategy<Value = Node> + 'static) -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => Just(Edit::Missing),
        8 => Just(Edit::Same),
        2 => (0..CONTENTS.len()).prop_map(Edit::Content),
        2 => (0..4_usize).prop_map(Edit::Time),
        1 => (0..FILE_MODES.len()).prop_map(Edit::Mode),
        1 => (0..OWNERS.len()).prop_map(Edit::Owner),
        2 => (0..8_usize).prop_map(Edit::Target),
        4 => node.prop_map(Edit::Other),
    ]
}

/// Random entries for every path.
pub(super) fn slots(is_root: bool) -> impl Strategy<Value = Vec<Slot>> {
    let slots: Vec<_> = PATHS.iter().map(|path| slot(path, is_root).boxed()).collect();
    slots
}

fn slot(path: &str, is_root: bool) -> impl Strategy<Value = Slot> {
    let is_parent = PATHS.iter().any(|other| parent(other) == Some(path));
    let node = node(is_parent, is_root);
    let there = if path.contains('x') { 1 } else { 5 };
    let maybe = |there| prop_oneof![2 => Just(None), there => node.clone().prop_map(Some)];
    let joined = proptest::bool::weighted(0.25);
    let (dest, basis) = (edit(node.clone()), edit(node.clone()));
    (maybe(there), (joined, proptest::bool::ANY), maybe(1), dest, basis).prop_map(
        |(source, is_joined, second, dest, basis)| Slot { source, is_joined, second, dest, basis },
    )
}

/// The directory that a path is in, if it is not the top.
pub(super) fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

/// The place of the directory that the path at `index` is in.
pub(super) fn parent_at(index: usize) -> Option<usize> {
    parent(PATHS[index])
        .map(|dir| PATHS.iter().position(|path| *path == dir).expect("a path of the list"))
}

/// Whether the entry at `index` has a directory to be in.
pub(super) fn has_room(side: &Side, index: usize) -> bool {
    parent_at(index).is_none_or(|dir| side[dir].is_some_and(|(node, _)| node.kind == Kind::Dir))
}

/// The source's tree. `may_join`: whether there may be names of one file.
pub(super) fn source(slots: &[Slot], may_join: bool) -> Side {
    let mut side = Side::new();
    for (index, slot) in slots.iter().enumerate() {
        let earlier =
            side.iter().position(|entry| entry.is_some_and(|(node, _)| node.kind != Kind::Dir));
        let entry = match (slot.source, earlier) {
            (Some(node), Some(first)) if may_join && slot.is_joined.0 && node.kind != Kind::Dir => {
                side[first].map(|(node, _)| (node, Some(first)))
            }
            (node, _) => node.map(|node| (node, None)),
        };
        side.push(entry.filter(|_| has_room(&side, index)));
    }
    side
}

/// The second source's tree.
pub(super) fn second(slots: &[Slot]) -> Side {
    let mut side = Side::new();
    for (index, slot) in slots.iter().enumerate() {
        side.push(slot.second.map(|node| (node, None)).filter(|_| has_room(&side, index)));
    }
    side
}

/// What each entry of a derived tree would be.
pub(super) fn derived(edit: Edit, source: Entry) -> Option<Node> {
    edit.of(source.map(|(node, _)| node))
}

/// What the lines of a tree depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) has_owners: bool,
    /// There are extended attributes.
    pub(super) has_attributes: bool,
    /// Symlinks are followed.
    pub(super) is_followed: bool,
}

/// One tree in the tree language.
pub(super) fn lines(top: &str, side: &Side, look: Look) -> String {
    let mut text = format!("  {top} dir\n");
    for (path, entry) in PATHS.iter().zip(side) {
        let Some((node, joined)) = entry else { continue };
        let words = match joined {
            Some(first) => format!("hardlink {top}/{}", PATHS[*first]),
            None => words(*node, path, look),
        };
        writeln!(text, "  {top}/{path} {words}").expect("writing to a string");
    }
    text
}

fn words(node: Node, path: &str, look: Look) -> String {
    let owner = if look.has_owners { OWNERS[node.owner] } else { "" };
    let (content, sort) = CONTENTS[node.content];
    let mode = FILE_MODES[node.mode];
    let time = match node.kind {
        Kind::File => TIMES[sort][node.time],
        // With -m rsync leaves a directory's nanoseconds alone where something below it can not be deleted.
        Kind::Dir => TIMES[0][[0, 1, 1, 3][node.time]],
        _ => TIMES[0][node.time],
    };
    let what = match node.kind {
        Kind::File => format!("file {content}{mode}"),
        Kind::Dir => format!("dir{}", DIR_MODES[node.mode % DIR_MODES.len()]),
        Kind::Link => format!("link -> {}", target(node.target, path, look.is_followed)),
        Kind::Fifo => format!("fifo{mode}"),
        // Of all devices no two have the same numbers (`same-device-other-kind`).
        Kind::Char => format!("char 1:{}{mode}", 3 + node.content % 2),
        Kind::Block => format!("block 7:{}{mode}", node.content % 2),
    };
    let may_have = look.has_attributes && matches!(node.kind, Kind::File | Kind::Dir);
    let attributes = if may_have { ATTRIBUTES[node.target % ATTRIBUTES.len()] } else { "" };
    [&what, owner, time, attributes].concat()
}

/// Where a symlink leads. What is followed never leads to a directory above: that is a fault, where rsync makes forty levels
/// of copies.
fn target(number: usize, path: &str, is_followed: bool) -> String {
    let outside = "../".repeat(path.matches('/').count() + 1);
    let is_top = !path.contains('/');
    match number {
        0 => "nowhere".into(),
        1 => format!("{outside}t/f"),
        2 => format!("{outside}t"),
        3 => "/nonexistent".into(),
        _ if is_followed && !is_top => format!("{outside}t/f"),
        4 => "a".into(),
        5 => "k".into(),
        6 => "../a".into(),
        _ if is_followed => "m".into(),
        _ => ".".into(),
    }
}
