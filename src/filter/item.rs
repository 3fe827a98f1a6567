//! What a list of rules consists of: rules that match, and places for those of directories.

use std::fmt;
use std::sync::Arc;

use super::error::{Origin, RuleFile};
use super::pattern::{Base, Only, Pattern, Subject};
use super::rule::{Action, Flags, Match, Merge, Template};
use crate::model::path::Name;

/// One rule with a pattern, ready to match.
#[derive(Debug, Clone)]
pub struct Rule {
    action: Action,
    flags: Flags,
    negated: bool,
    xattr: bool,
    pattern: Pattern,
    text: Arc<[u8]>,
    short: Arc<[u8]>,
    origin: Origin,
    group: Group,
}

/// Which sub-list a rule belongs to; messages name it.
#[derive(Debug, Clone)]
pub(super) enum Group {
    /// None.
    Main,
    /// That of a per-directory file.
    PerDir(Arc<DirMerge>),
    /// The CVS list.
    Cvs,
}

impl Rule {
    /// Makes a rule; a leading `/` of its pattern stands for `dir`, if there is one.
    pub(super) fn new(found: &Match<'_>, dir: Option<&[u8]>, origin: Origin, group: Group) -> Self {
        let is_absolute = found.flags.contains(Flags::ABSOLUTE);
        let base = if is_absolute { Base::Absolute } else { Base::Transfer };
        let only = if found.flags.contains(Flags::DIRS) { Only::Dirs } else { Only::AsWritten };
        let dir = dir.filter(|_| !is_absolute);
        Self {
            action: found.action,
            flags: found.flags,
            negated: found.negated,
            xattr: found.xattr,
            pattern: Pattern::new(found.pattern, base, dir, only),
            text: found.pattern.into(),
            short: found.short_form().into(),
            origin,
            group,
        }
    }

    /// What it does.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The rule in its short form: `-s foo` for `hide foo`. It quotes the text of a file, if it
    /// comes from one: not for messages.
    pub fn short_form(&self) -> &[u8] {
        &self.short
    }

    /// What rsync's messages call the rule, in `hiding file X because of pattern Y`.
    pub fn shown(&self) -> impl fmt::Display + '_ {
        Shown(self)
    }

    pub(super) fn is_about(&self, side: Flags, ask: Ask, xattr: Names) -> bool {
        let sides = self.flags & Flags::SIDES;
        (sides.is_empty() || sides.contains(side))
            && !(ask == Ask::Doomed && self.flags.contains(Flags::PERISHABLE))
            && self.xattr == (xattr == Names::Xattrs)
    }

    pub(super) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.pattern.matches(subject) != self.negated
    }

    pub(super) fn is_xattr(&self) -> bool {
        self.xattr
    }
}

/// Whether perishable rules are heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// All rules are.
    All,
    /// The entry is inside a directory that is being deleted: perishable rules (the `p` modifier)
    /// are not.
    Doomed,
}

/// What is being matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Paths,
    Xattrs,
}

/// The name of a rule in messages.
struct Shown<'a>(&'a Rule);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.0;
        match rule.origin {
            Origin::File { .. } => write!(f, "<rule from a file read earlier>")?,
            _ => write!(f, "{}", RuleFile::Known(rule.text.to_vec()))?,
        }
        match &rule.group {
            Group::Main => Ok(()),
            Group::PerDir(merge) => write!(f, " [per-dir {}]", merge.label()),
            Group::Cvs => write!(f, " [global CVS]"),
        }
    }
}

/// A `:` rule: a file of this name is merged in each directory that has it.
#[derive(Debug)]
pub(super) struct DirMerge {
    /// `None` if it is no name, like `.`: then there is never a file.
    pub(super) name: Option<Name>,
    /// The directory that the rule puts before the name, from which on the directories above the
    /// first one of the transfer are looked into as well.
    pub(super) above: Option<Vec<u8>>,
    /// Sub-directories inherit the rules.
    pub(super) inherits: bool,
    pub(super) template: Template,
    /// The rule in its short form.
    pub(super) short: Vec<u8>,
    pub(super) origin: Origin,
}

impl DirMerge {
    pub(super) fn new(merge: &Merge<'_>, origin: Origin) -> Self {
        let mut file = merge.file;
        let mut template = merge.template;
        while let [shorter @ .., b'/'] = file {
            if shorter.is_empty() {
                break;
            }
            file = shorter;
            // As behind a pattern, and the rules of the file take it over.
            template.flags |= Flags::DIRS;
        }
        let slash = file.iter().rposition(|byte| *byte == b'/');
        let (above, name) = match slash {
            Some(slash) => (Some(file[..=slash].to_vec()), &file[slash + 1..]),
            None => (None, file),
        };
        Self {
            name: Name::new(name),
            above,
            inherits: !merge.own_only,
            template,
            short: merge.short_form(),
            origin,
        }
    }

    /// What messages call it: its file's name, or where a file names it.
    pub(super) fn label(&self) -> String {
        match &self.origin {
            Origin::File { .. } => format!("<rule from {}>", self.origin),
            _ => self.file_name().to_string(),
        }
    }

    fn file_name(&self) -> RuleFile {
        RuleFile::Known(self.name.as_ref().map_or(&[][..], Name::as_bytes).to_vec())
    }

    /// What its file in the directory `dir` is called in messages.
    pub(super) fn file_in(&self, dir: &[u8]) -> RuleFile {
        match &self.origin {
            Origin::File { .. } => RuleFile::NamedAt(self.origin.clone()),
            _ => {
                let name = self.name.as_ref().map_or(&[][..], Name::as_bytes);
                RuleFile::Known([dir, b"/", name].concat())
            }
        }
    }
}

/// One entry of a list.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Rule(Rule),
    /// The rules of a per-directory file stand here; the number finds them in a scope.
    PerDir(Arc<DirMerge>, usize),
}

/// Takes out the `:` rules whose file name is `active` already, or stands in the list before:
/// rsync ignores them, which also ends the tale of a file that names itself.
pub(super) fn drop_repeated<'a>(items: &mut Vec<Item>, active: impl Iterator<Item = &'a DirMerge>) {
    if !items.iter().any(|item| matches!(item, Item::PerDir(..))) {
        return;
    }
    let mut names: Vec<Option<Name>> = active.map(|merge| merge.name.clone()).collect();
    items.retain(|item| match item {
        Item::Rule(_) => true,
        Item::PerDir(merge, _) => {
            let is_new = !names.contains(&merge.name);
            names.push(merge.name.clone());
            is_new
        }
    });
}
