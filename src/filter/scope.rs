//! The rules in force in one directory: the list of the run, and what the per-directory files of
//! this directory and of those above it say. Shared by threads; matching takes no lock.
//!
//! rsync.1, "MERGE-FILE FILTER RULES" and "PER-DIRECTORY RULES AND DELETE".

use std::sync::Arc;

use super::error::FilterError;
use super::item::{Ask, DirMerge, Item, Names, Rule, drop_repeated};
use super::list::{Anchor, Draft, Home, Reader, Wanted};
use super::pattern::{Subject, What};
use super::rule::{Action, Flags};
use super::rules::RuleSet;
use crate::model::path::{RelPath, clean};
use crate::sys::trust::Trust;

/// For which half of the work rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The sender: what is transferred. Exclude rules hide, include rules show.
    Sender,
    /// The receiver: what may be deleted. Exclude rules protect, include rules put at risk.
    Receiver,
}

impl Side {
    fn flag(self) -> Flags {
        match self {
            Self::Sender => Flags::SENDER,
            Self::Receiver => Flags::RECEIVER,
        }
    }
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
    parents: Pending,
}

/// Whether the directories above the first one still have to be looked into.
#[derive(Debug, Clone)]
enum Pending {
    /// They have been, or they must not be.
    Nothing,
    /// From what the rule says, seen from the first directory.
    FromFirst,
    /// From what the rule says, seen from this directory, in whose file it stands.
    From(Arc<[u8]>),
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
        let parents = match parents {
            Parents::Scan => Pending::FromFirst,
            Parents::Skip => Pending::Nothing,
        };
        let list = |merge: &Arc<DirMerge>| List {
            merge: Arc::clone(merge),
            layers: None,
            parents: parents.clone(),
        };
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
            side: self.side,
            top: &self.top,
            dir: path,
            lists: self.lists.clone(),
            is_changed: false,
        };
        let mut number = 0;
        while number < entering.lists.len() {
            entering.enter(number, read)?;
            number += 1;
        }
        if !entering.is_changed {
            return Ok(Arc::clone(self));
        }
        let (set, top) = (Arc::clone(&self.set), Arc::clone(&self.top));
        Ok(Arc::new(Self { set, side: self.side, top, lists: entering.lists }))
    }

    /// Which symlinks are followed on the way to files that rules name.
    pub fn trust(&self) -> &Trust {
        &self.set.setting.trust
    }

    /// What the rules say of an entry of this directory; `path` is below the root of the transfer
    /// and not empty (the root itself is never excluded).
    pub fn verdict(&self, path: &[u8], what: What, ask: Ask) -> Verdict<'_> {
        self.decide(&Subject::new(path, what, self.shown_top()), ask, Names::Paths)
    }

    /// What the rules with an `x` modifier say of the name of an extended attribute. rsync leaves
    /// out what either side excludes.
    pub fn xattr_verdict(&self, name: &[u8]) -> Verdict<'_> {
        self.decide(&Subject::new(name, What::Other, self.shown_top()), Ask::All, Names::Xattrs)
    }

    /// True if every directory has the same rules: there are no per-directory files.
    pub fn is_uniform(&self) -> bool {
        self.lists.is_empty()
    }

    fn shown_top(&self) -> &[u8] {
        self.top.strip_prefix(b"/").unwrap_or(&self.top)
    }

    fn decide(&self, subject: &Subject<'_>, ask: Ask, names: Names) -> Verdict<'_> {
        if subject.path.is_empty() {
            return Verdict::Unmatched;
        }
        let side = self.side.flag();
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
    side: Side,
    top: &'a [u8],
    /// Its absolute path, without a closing `/`.
    dir: Vec<u8>,
    lists: Vec<List>,
    is_changed: bool,
}

impl Entering<'_> {
    /// Brings one list from the directory above into this one.
    ///
    /// A list that no rule stands for any more, after a `!`, is kept: its files are read, and can
    /// be wrong, and the list can not be named anew. rsync does so.
    fn enter(&mut self, number: usize, read: &mut Reader<'_>) -> Result<(), FilterError> {
        let list = &mut self.lists[number];
        let merge = Arc::clone(&list.merge);
        let parents = std::mem::replace(&mut list.parents, Pending::Nothing);
        self.is_changed |= !matches!(parents, Pending::Nothing);
        let Some(name) = &merge.name else {
            return Ok(());
        };
        for parent in self.parents(&merge, &parents) {
            let path = [&parent, &b"/"[..], name.as_bytes()].concat();
            self.read(number, &merge, &parent, Wanted::Above(&path), read)?;
        }
        let dir = self.dir.clone();
        self.read(number, &merge, &dir, Wanted::Here(name), read)
    }

    /// The directories above this one that the rule looks into as well, from the top down.
    fn parents(&self, merge: &DirMerge, pending: &Pending) -> Vec<Vec<u8>> {
        let above = merge.above.as_deref().unwrap_or_default();
        let start = match pending {
            Pending::Nothing => return Vec::new(),
            _ if above.first() == Some(&b'/') => clean(above),
            Pending::FromFirst => clean(&[&self.dir, &b"/"[..], above].concat()),
            Pending::From(dir) => clean(&[dir, &b"/"[..], above].concat()),
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
        if !merge.inherits && self.lists[number].layers.take().is_some() {
            self.is_changed = true;
        }
        let mut draft = Draft::new(&self.set.setting, read);
        let (top, side) = (self.top, self.side.flag());
        let home = Home::Dir { top, dir, merge, side, anchor: Anchor::Dir };
        if !draft.add_wanted(wanted, merge, home, merge.file_in(dir))? {
            return Ok(());
        }
        let (mut items, is_cleared) = (draft.items, draft.is_cleared);
        drop_repeated(&mut items, self.lists.iter().map(|list| &*list.merge));
        for item in &mut items {
            if let Item::PerDir(merge, slot) = item {
                *slot = self.lists.len();
                let (merge, parents) = (Arc::clone(merge), Pending::From(dir.into()));
                self.lists.push(List { merge, layers: None, parents });
            }
        }
        let list = &mut self.lists[number];
        let above = if is_cleared { None } else { list.layers.take() };
        list.layers = if items.is_empty() { above } else { Some(Arc::new(Layer { items, above })) };
        self.is_changed = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Parents, Scope, Side};
    use crate::filter::cvs::CvsExtras;
    use crate::filter::item::Ask;
    use crate::filter::list::{Unsided, Wanted};
    use crate::filter::pattern::What;
    use crate::filter::rules::Builder;
    use crate::model::path::{Name, RelPath};

    fn scope(rule: &[u8]) -> Arc<Scope> {
        let mut builder = Builder::new(Unsided::Both, CvsExtras::default());
        builder.filter(rule, &mut |_| Ok(None)).unwrap();
        Scope::open(&builder.finish(), Side::Sender, b"/data/in", Parents::Scan)
    }

    fn dir(name: &str) -> RelPath {
        RelPath::root().join(&Name::new(name.as_bytes()).unwrap())
    }

    fn is_out(scope: &Scope, path: &str) -> bool {
        scope.verdict(path.as_bytes(), What::Other, Ask::All).is_excluded()
    }

    #[test]
    fn without_files_in_directories_a_scope_is_shared() {
        let above = scope(b"- foo");
        let inside = above.enter(&dir("a"), &mut |_| panic!("nothing to read")).unwrap();
        assert!(Arc::ptr_eq(&above, &inside) && is_out(&inside, "a/foo"));
        let above = scope(b": .x").enter(&RelPath::root(), &mut |_| Ok(None)).unwrap();
        let inside = above.enter(&dir("a"), &mut |_| Ok(None)).unwrap();
        assert!(Arc::ptr_eq(&above, &inside));
    }

    #[test]
    fn the_directories_above_are_asked_for_once_from_the_top_down() {
        let mut asked = Vec::new();
        let mut read = |wanted: Wanted<'_>| {
            asked.push(match wanted {
                Wanted::Here(name) => name.as_bytes().to_vec(),
                Wanted::Above(path) | Wanted::Path(path) => path.to_vec(),
            });
            Ok(Some(b"- /in/foo".to_vec()).filter(|_| asked.len() == 2))
        };
        let top = scope(b": /.x").enter(&RelPath::root(), &mut read).unwrap();
        let inside = top.enter(&dir("a"), &mut read).unwrap();
        assert!(is_out(&top, "foo") && !is_out(&inside, "a/foo"));
        assert_eq!(asked, [&b"/.x"[..], b"/data/.x", b".x", b".x"]);
    }

    #[test]
    fn an_error_names_the_file_and_line_and_not_its_text() {
        let mut read = |_: Wanted<'_>| Ok(Some(b"\n- fine\nsecret text\n".to_vec()));
        let error = scope(b": .x").enter(&dir("a"), &mut read).unwrap_err();
        assert_eq!(error.to_string(), "unknown filter rule: /data/in/a/.x line 3");
        assert_eq!(error.class().exit_code(), 1);
    }

    #[test]
    fn a_file_that_merges_itself_ends_with_an_error() {
        let mut builder = Builder::new(Unsided::Both, CvsExtras::default());
        let error = builder.filter(b". m", &mut |_| Ok(Some(b". m".to_vec()))).unwrap_err();
        assert!(error.to_string().starts_with("merge files are nested"), "{error}");
        assert_eq!(error.class().exit_code(), 11);
    }

    /// The answers are those of `rsync -X`.
    #[test]
    fn rules_about_extended_attributes_are_apart() {
        for (rule, out) in [
            ("-x user.foo", &["user.foo"][..]),
            ("-x *foo", &["user.foo", "user.xfoo"]),
            ("-x user.*", &["user.foo", "user.xfoo"]),
            ("-x /user.foo", &["user.foo"]),
            ("-x b", &["user.a/b"]),
            ("-x! user.foo", &["user.xfoo", "user.a/b"]),
            ("-x user.foo/", &[]),
            ("- user.foo", &[]),
        ] {
            let scope = scope(rule.as_bytes());
            let names = ["user.foo", "user.xfoo", "user.a/b"].into_iter();
            let found: Vec<_> =
                names.filter(|name| scope.xattr_verdict(name.as_bytes()).is_excluded()).collect();
            assert_eq!(found, out, "{rule}");
        }
        assert!(!is_out(&scope(b"-x foo"), "foo"));
    }
}
