//! A list of rules in order, and the reading of rules into one: merge files are read here.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::cvs::{CvsExtras, NAMES};
use super::error::{FilterError, MOST_NESTED, Origin, RuleFile};
use super::lines::{LineEnds, texts};
use super::pattern::{Base, Only, Pattern, Subject};
use super::rule::{Action, Flags, Match, Merge, MergeKind, Parsed, Split, Syntax, Template, parse};
use crate::model::path::Name;

/// A pattern as long as this is left out, as rsync does (its limit of a path).
const LONGEST: usize = 4096;

/// A rule file that is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// The file of this name in the directory that is being entered.
    Here(&'a Name),
    /// The file at this path: absolute, or relative to the working directory.
    Path(&'a [u8]),
}

/// How the caller reads rule files; `None` if there is no such file.
pub type Reader<'r> = dyn FnMut(Wanted<'_>) -> io::Result<Option<Vec<u8>>> + 'r;

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
    fn new(merge: &Merge<'_>, origin: Origin) -> Self {
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
            short: merge.print(),
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

/// What stays the same while rules are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Setting {
    pub(super) ends: LineEnds,
    pub(super) unsided: Unsided,
    pub(super) cvs: CvsExtras,
}

/// Which sides a rule is for that names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unsided {
    /// Both.
    #[default]
    Both,
    /// The sender: rsync.1, `--delete-excluded`.
    SenderOnly,
}

/// Where rules are read: what their file names and anchors are relative to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Home<'a> {
    /// On the command line: the working directory.
    CommandLine,
    /// In the file of a directory; both paths are absolute, without a closing `/`.
    Dir { top: &'a [u8], dir: &'a [u8], merge: &'a Arc<DirMerge>, side: Flags, anchor: Anchor },
}

/// What a leading `/` means in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The root of the transfer.
    Root,
    /// The directory of the file.
    Dir,
}

impl Home<'_> {
    fn group(&self) -> Group {
        match self {
            Self::CommandLine => Group::Main,
            Self::Dir { merge, .. } => Group::PerDir(Arc::clone(merge)),
        }
    }

    /// The path of a merge file. rsync takes a bare name from the root of the transfer, where it
    /// works, and a name with slashes from the directory of the file that names it.
    fn path(&self, file: &[u8]) -> Vec<u8> {
        match self {
            Self::CommandLine => file.to_vec(),
            Self::Dir { .. } if file.first() == Some(&b'/') => file.to_vec(),
            Self::Dir { dir, .. } if file.contains(&b'/') => [dir, &b"/"[..], file].concat(),
            Self::Dir { top, .. } => [top, &b"/"[..], file].concat(),
        }
    }

    /// True for a rule of these sides that does not count here. rsync drops those of a
    /// per-directory file at once, and does not read the files that they name; it does read them
    /// for rules of other files.
    fn is_elsewhere(&self, flags: Flags) -> bool {
        let sides = flags & Flags::SIDES;
        match self {
            Self::Dir { side, anchor: Anchor::Dir, .. } => {
                !sides.is_empty() && !sides.contains(*side)
            }
            _ => false,
        }
    }

    /// The same place, for a file that is merged there.
    fn merged(self) -> Self {
        match self {
            Self::CommandLine => self,
            Self::Dir { top, dir, merge, side, .. } => {
                Self::Dir { top, dir, merge, side, anchor: Anchor::Root }
            }
        }
    }
}

/// A list that grows while rules are read.
pub(super) struct Draft<'r, 's> {
    pub(super) items: Vec<Item>,
    /// A `!` was read: what comes before this list does not count either.
    pub(super) is_cleared: bool,
    setting: &'s Setting,
    read: &'r mut Reader<'s>,
    depth: usize,
}

impl<'r, 's> Draft<'r, 's> {
    pub(super) fn new(setting: &'s Setting, read: &'r mut Reader<'s>) -> Self {
        Self { items: Vec::new(), is_cleared: false, setting, read, depth: 0 }
    }

    /// Adds the rule of one text.
    pub(super) fn add(
        &mut self,
        text: &[u8],
        template: Template,
        origin: &Origin,
        home: Home<'_>,
    ) -> Result<(), FilterError> {
        let parsed =
            parse(text, template).map_err(|flaw| FilterError::Rule { flaw, at: origin.clone() })?;
        match parsed {
            None => {}
            Some(Parsed::Clear) => {
                self.items.clear();
                self.is_cleared = true;
            }
            Some(Parsed::Match(found)) => self.push(found, origin.clone(), home.group(), home),
            Some(Parsed::CvsList(template)) => self.add_cvs(template)?,
            Some(Parsed::Merge(merge)) => self.add_merge(&merge, origin, home)?,
        }
        Ok(())
    }

    fn push(&mut self, mut found: Match<'_>, origin: Origin, group: Group, home: Home<'_>) {
        if found.pattern.len() >= LONGEST {
            return;
        }
        let is_unsided = !found.flags.intersects(Flags::SIDES);
        if is_unsided && self.setting.unsided == Unsided::SenderOnly {
            found.flags |= Flags::SENDER;
        }
        let is_absolute = found.flags.contains(Flags::ABSOLUTE);
        let base = if is_absolute { Base::Absolute } else { Base::Transfer };
        let only = if found.flags.contains(Flags::DIRS) { Only::Dirs } else { Only::AsWritten };
        let dir = match home {
            Home::Dir { dir, anchor: Anchor::Dir, .. } if !is_absolute => Some(dir),
            _ => None,
        };
        self.items.push(Item::Rule(Rule {
            action: found.action,
            flags: found.flags,
            negated: found.negated,
            xattr: found.xattr,
            pattern: Pattern::new(found.pattern, base, dir, only),
            text: found.pattern.into(),
            short: found.print().into(),
            origin,
            group,
        }));
    }

    /// Adds the CVS list in its place. A `!` of the user's own names clears only this list.
    fn add_cvs(&mut self, template: Template) -> Result<(), FilterError> {
        let action = match template.syntax {
            Syntax::Cvs(Action::Include) => Action::Include,
            _ => Action::Exclude,
        };
        let before = std::mem::take(&mut self.items);
        let was_cleared = self.is_cleared;
        let flags = template.flags | Flags::PERISHABLE;
        for name in NAMES {
            let (negated, pattern) = (template.negated, name.as_bytes());
            let found = Match { action, flags, negated, xattr: false, pattern };
            self.push(found, Origin::Cvs, Group::Cvs, Home::CommandLine);
        }
        let CvsExtras { home_file, variable } = &self.setting.cvs;
        for content in [home_file, variable].into_iter().flatten() {
            for (_, text) in texts(content, Split::Words, self.setting.ends) {
                match parse(text, template) {
                    Ok(Some(Parsed::Match(found))) => {
                        self.push(found, Origin::Cvs, Group::Cvs, Home::CommandLine);
                    }
                    Ok(Some(Parsed::Clear)) => self.items.clear(),
                    Ok(_) => {}
                    Err(flaw) => return Err(FilterError::Rule { flaw, at: Origin::Cvs }),
                }
            }
        }
        self.is_cleared = was_cleared;
        let list = std::mem::replace(&mut self.items, before);
        self.items.extend(list);
        Ok(())
    }

    fn add_merge(
        &mut self,
        merge: &Merge<'_>,
        origin: &Origin,
        home: Home<'_>,
    ) -> Result<(), FilterError> {
        if merge.without_itself {
            let last = merge.file.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let itself = Match {
                action: Action::Exclude,
                flags: Flags::empty(),
                negated: false,
                xattr: false,
                pattern: last,
            };
            self.push(itself, origin.clone(), home.group(), home);
        }
        match merge.kind {
            MergeKind::PerDir if home.is_elsewhere(merge.template.flags) => Ok(()),
            MergeKind::PerDir => {
                let merge = Arc::new(DirMerge::new(merge, origin.clone()));
                self.items.push(Item::PerDir(merge, 0));
                Ok(())
            }
            MergeKind::Once => {
                let file = match origin {
                    Origin::File { .. } => RuleFile::NamedAt(origin.clone()),
                    _ => RuleFile::Known(merge.file.to_vec()),
                };
                if self.depth >= MOST_NESTED {
                    return Err(FilterError::Nested { at: origin.clone() });
                }
                self.add_path(&home.path(merge.file), file, merge.template, home.merged())
            }
        }
    }

    /// Adds the rules of the file at `path`, which must be there.
    pub(super) fn add_path(
        &mut self,
        path: &[u8],
        file: RuleFile,
        template: Template,
        home: Home<'_>,
    ) -> Result<(), FilterError> {
        match (self.read)(Wanted::Path(path)) {
            Ok(Some(content)) => self.add_content(&content, file, template, home),
            Ok(None) => {
                let cause = io::Error::from(io::ErrorKind::NotFound);
                Err(FilterError::Read { file, cause })
            }
            Err(cause) => Err(FilterError::Read { file, cause }),
        }
    }

    /// Adds the rules of a per-directory file, if there is one; false if not.
    pub(super) fn add_wanted(
        &mut self,
        wanted: Wanted<'_>,
        merge: &DirMerge,
        home: Home<'_>,
        file: RuleFile,
    ) -> Result<bool, FilterError> {
        match (self.read)(wanted) {
            Ok(None) => Ok(false),
            Ok(Some(content)) => {
                self.add_content(&content, file, merge.template, home).map(|()| true)
            }
            Err(cause) => Err(FilterError::Read { file, cause }),
        }
    }

    fn add_content(
        &mut self,
        content: &[u8],
        file: RuleFile,
        template: Template,
        home: Home<'_>,
    ) -> Result<(), FilterError> {
        self.depth += 1;
        let file = Arc::new(file);
        for (line, text) in texts(content, template.split, self.setting.ends) {
            let origin = Origin::File { file: Arc::clone(&file), line };
            self.add(text, template, &origin, home)?;
        }
        self.depth -= 1;
        Ok(())
    }
}
