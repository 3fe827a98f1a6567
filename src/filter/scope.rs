//! The rules in force in one directory: the list of the run, and what the per-directory files of
//! this directory and of those above it say. Shared by threads; matching takes no lock.
//!
//! rsync.1, "MERGE-FILE FILTER RULES" and "PER-DIRECTORY RULES AND DELETE".

use std::sync::Arc;

use super::error::FilterError;
use super::list::{
    Anchor, Ask, DirMerge, Draft, Home, Item, Names, Reader, Rule, Wanted, drop_repeated,
};
use super::pattern::{Subject, What};
use super::rule::{Action, Flags};
use super::rules::RuleSet;
use crate::model::path::RelPath;

/// For which half of the work rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The sender: what is transferred. Exclude rules hide, include rules show.
    Sender,
    /// The receiver: what may be deleted. Exclude rules protect, include rules put at risk.
    Receiver,
}

/// What the rules say of one entry.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// No rule matches: it is in.
    Unmatched,
    /// It is in, because of this rule.
    Included(&'a Rule),
    /// It is out, because of this rule.
    Excluded(&'a Rule),
}

impl Verdict<'_> {
    /// True if the entry is hidden from the transfer, or protected from deletion.
    pub fn is_excluded(&self) -> bool {
        matches!(self, Self::Excluded(_))
    }
}

/// Whether a per-directory file with a path, like `/.rsync-filter`, is also looked for in the
/// directories above the first one that is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parents {
    /// They are looked into. rsync does it for the first directory of a run,
    Scan,
    /// and for no other operand.
    Skip,
}

/// The rules in force in one directory of one side.
#[derive(Debug)]
pub struct Scope {
    set: Arc<RuleSet>,
    side: Side,
    /// The absolute path of the root of the transfer, without a closing `/`; empty for `/`.
    top: Arc<[u8]>,
    /// By the number of the per-directory file.
    lists: Vec<List>,
}

/// What the files of one `:` rule say.
#[derive(Debug, Clone)]
struct List {
    merge: Arc<DirMerge>,
    layers: Option<Arc<Layer>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No directory has been entered, so the parents have not been looked into.
    New,
    Entered,
    /// The rule that stood for it is gone.
    Dropped,
}

/// The rules of one file, before those of the directories above.
#[derive(Debug)]
struct Layer {
    items: Vec<Item>,
    above: Option<Arc<Layer>>,
}

impl Scope {
    /// The rules above all directories of one operand.
    ///
    /// `top` is the absolute path of the root of the transfer as the run calls it (symlinks
    /// unresolved): on the sending side the directory that paths are relative to, so for the
    /// operand `a/b` it is `a`, for `a/b/` it is `a/b`; on the receiving side the destination.
    pub fn open(set: &Arc<RuleSet>, side: Side, top: &[u8], parents: Parents) -> Arc<Self> {
        let state = if parents == Parents::Scan { State::New } else { State::Entered };
        let list = |merge: &Arc<DirMerge>| List { merge: Arc::clone(merge), layers: None, state };
        Arc::new(Self {
            set: Arc::clone(set),
            side,
            top: clean(top).into(),
            lists: set.merges.iter().map(list).collect(),
        })
    }

    /// The rules inside of `dir`, a path below the root of the transfer. The files that may add to
    /// them are asked of `read`; without any it is the same scope.
    ///
    /// rsync reads these files from their own directory only if nothing above excludes it.
    pub fn enter(
        self: &Arc<Self>,
        dir: &RelPath,
        read: &mut Reader<'_>,
    ) -> Result<Arc<Self>, FilterError> {
        if self.lists.is_empty() {
            return Ok(Arc::clone(self));
        }
        let mut path = self.top.to_vec();
        if !dir.is_root() {
            path.push(b'/');
            path.extend_from_slice(dir.as_bytes());
        }
        let mut entering = Entering {
            set: &self.set,
            top: &self.top,
            dir: path,
            lists: self.lists.clone(),
            is_changed: false,
        };
        let mut number = 0;
        while number < entering.lists.len() {
            entering.enter(number, read)?;
            // At once, for the files of later lists are read next.
            drop_unreachable(&mut entering.lists, self.set.merges.len());
            number += 1;
        }
        if !entering.is_changed {
            return Ok(Arc::clone(self));
        }
        let (set, top) = (Arc::clone(&self.set), Arc::clone(&self.top));
        Ok(Arc::new(Self { set, side: self.side, top, lists: entering.lists }))
    }

    /// What the rules say of an entry of this directory; `path` is below the root of the transfer
    /// and not empty (the root itself is never excluded).
    pub fn verdict(&self, path: &[u8], what: What, ask: Ask) -> Verdict<'_> {
        self.decide(&Subject::new(path, what, self.shown_top()), ask, Names::Paths)
    }

    /// What the rules with an `x` modifier say of the name of an extended attribute.
    pub fn xattr_verdict(&self, name: &[u8]) -> Verdict<'_> {
        self.decide(&Subject::new(name, What::Other, self.shown_top()), Ask::All, Names::Xattrs)
    }

    fn shown_top(&self) -> &[u8] {
        self.top.strip_prefix(b"/").unwrap_or(&self.top)
    }

    fn decide(&self, subject: &Subject<'_>, ask: Ask, names: Names) -> Verdict<'_> {
        if subject.path.is_empty() {
            return Verdict::Unmatched;
        }
        let side = match self.side {
            Side::Sender => Flags::SENDER,
            Side::Receiver => Flags::RECEIVER,
        };
        let found = self.first_match(&self.set.items, &|rule| {
            rule.is_about(side, ask, names) && rule.matches(subject)
        });
        match found {
            None => Verdict::Unmatched,
            Some(rule) if rule.action() == Action::Include => Verdict::Included(rule),
            Some(rule) => Verdict::Excluded(rule),
        }
    }

    fn first_match<'a>(
        &'a self,
        items: &'a [Item],
        is_match: &impl Fn(&Rule) -> bool,
    ) -> Option<&'a Rule> {
        items.iter().find_map(|item| match item {
            Item::Rule(rule) => is_match(rule).then_some(rule),
            Item::PerDir(_, number) => {
                let mut layer = self.lists.get(*number)?.layers.as_ref();
                std::iter::from_fn(|| {
                    let here = layer?;
                    layer = here.above.as_ref();
                    Some(here)
                })
                .find_map(|layer| self.first_match(&layer.items, is_match))
            }
        })
    }
}

/// A directory that is being entered.
struct Entering<'a> {
    set: &'a RuleSet,
    top: &'a [u8],
    /// Its absolute path, without a closing `/`.
    dir: Vec<u8>,
    lists: Vec<List>,
    is_changed: bool,
}

impl Entering<'_> {
    /// Brings one list from the directory above into this one.
    fn enter(&mut self, number: usize, read: &mut Reader<'_>) -> Result<(), FilterError> {
        let List { merge, state, .. } = self.lists[number].clone();
        if state == State::Dropped {
            return Ok(());
        }
        if state == State::New {
            self.is_changed = true;
            self.lists[number].state = State::Entered;
        }
        let Some(name) = &merge.name else {
            return Ok(());
        };
        if !merge.inherits && self.lists[number].layers.take().is_some() {
            self.is_changed = true;
        }
        if state == State::New {
            for parent in self.parents(&merge) {
                let path = [&parent, &b"/"[..], name.as_bytes()].concat();
                self.read(number, &merge, &parent, Wanted::Path(&path), read)?;
            }
        }
        let dir = self.dir.clone();
        self.read(number, &merge, &dir, Wanted::Here(name), read)
    }

    /// The directories above this one that the rule looks into as well, from the top down.
    fn parents(&self, merge: &DirMerge) -> Vec<Vec<u8>> {
        let Some(above) = &merge.above else {
            return Vec::new();
        };
        let start = if above.first() == Some(&b'/') {
            clean(above)
        } else {
            clean(&[&self.dir, &b"/"[..], above].concat())
        };
        let is_above = self.dir.get(start.len()) == Some(&b'/') && self.dir.starts_with(&start);
        let ends = (start.len()..self.dir.len()).filter(|at| self.dir[*at] == b'/');
        ends.filter(|_| is_above).map(|end| self.dir[..end].to_vec()).collect()
    }

    /// Puts the rules of one file before those that a list has.
    fn read(
        &mut self,
        number: usize,
        merge: &Arc<DirMerge>,
        dir: &[u8],
        wanted: Wanted<'_>,
        read: &mut Reader<'_>,
    ) -> Result<(), FilterError> {
        let mut draft = Draft::new(&self.set.setting, read);
        let home = Home::Dir { top: self.top, dir, merge, anchor: Anchor::Dir };
        if !draft.add_wanted(wanted, merge, home, merge.file_in(dir))? {
            return Ok(());
        }
        let (mut items, is_cleared) = (draft.items, draft.is_cleared);
        if items.iter().any(|item| matches!(item, Item::PerDir(..))) {
            let without = is_cleared.then_some(number);
            let active = reachable(&self.lists, self.set.merges.len(), without);
            let active = active.into_iter().map(|number| &self.lists[number].merge);
            drop_repeated(&mut items, active);
        }
        for item in &mut items {
            if let Item::PerDir(merge, slot) = item {
                *slot = self.lists.len();
                let merge = Arc::clone(merge);
                self.lists.push(List { merge, layers: None, state: State::New });
            }
        }
        let list = &mut self.lists[number];
        let above = if is_cleared { None } else { list.layers.take() };
        list.layers = if items.is_empty() { above } else { Some(Arc::new(Layer { items, above })) };
        self.is_changed = true;
        Ok(())
    }
}

/// Drops the lists that no rule stands for any more, so that their files are not read: a `!`, or
/// a file whose rules are not inherited, named them.
fn drop_unreachable(lists: &mut [List], named_by_the_run: usize) {
    if lists.len() == named_by_the_run {
        return;
    }
    let reached = reachable(lists, named_by_the_run, None);
    for (number, list) in lists.iter_mut().enumerate() {
        if !reached.contains(&number) {
            list.layers = None;
            list.state = State::Dropped;
        }
    }
}

/// The numbers of the lists that a rule stands for, not counting the rules of the list `without`.
fn reachable(lists: &[List], named_by_the_run: usize, without: Option<usize>) -> Vec<usize> {
    let mut reached: Vec<usize> = (0..named_by_the_run).collect();
    let mut next = 0;
    while let Some(number) = reached.get(next).copied() {
        next += 1;
        let mut layer = lists[number].layers.as_ref().filter(|_| without != Some(number));
        while let Some(here) = layer {
            reached.extend(here.items.iter().filter_map(|item| match item {
                Item::PerDir(_, number) => Some(*number),
                Item::Rule(_) => None,
            }));
            layer = here.above.as_ref();
        }
    }
    reached
}

/// A path without `.`, `..` and needless slashes, and without a closing `/`.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.into_iter().fold(Vec::new(), |mut path, name| {
        path.push(b'/');
        path.extend_from_slice(name);
        path
    })
}
