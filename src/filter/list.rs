//! The reading of rules into a list, in order, with the files that they merge.

use std::io;
use std::sync::Arc;

use super::cvs::{CvsExtras, NAMES};
use super::error::{FilterError, MOST_NESTED, Origin, RuleFile};
use super::item::{DirMerge, Group, Item, Rule};
use super::lines::{LineEnds, texts};
use super::rule::{Action, Flags, Match, Merge, MergeKind, Parsed, Split, Syntax, Template, parse};
use crate::model::path::Name;
use crate::sys::trust::Trust;

/// A pattern as long as this is left out without an error, as rsync does (its limit of a path).
const LONGEST: usize = 4096;

/// A rule file that is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// The file of this name in the directory that is being entered.
    Here(&'a Name),
    /// The file at this absolute path, in a directory above the first one that is entered.
    Above(&'a [u8]),
    /// The file at this path: absolute, or relative to the working directory.
    Path(&'a [u8]),
}

/// How the caller reads rule files; `None` if there is no such file.
///
/// As in rsync symlinks are followed, and a directory is an empty file. An error that is given here
/// ends the reading of rules, also where rsync passes over a per-directory file that it may not read:
/// nobody would know what takes part.
pub type Reader<'r> = dyn FnMut(Wanted<'_>) -> io::Result<Option<Vec<u8>>> + 'r;

/// What stays the same while rules are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Setting {
    pub(super) ends: LineEnds,
    pub(super) unsided: Unsided,
    pub(super) cvs: CvsExtras,
    /// Which symlinks in the paths of rule files are followed.
    pub(super) trust: Trust,
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
            Some(Parsed::CvsList(template)) => self.add_cvs(template, origin)?,
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
        let dir = match home {
            Home::Dir { dir, anchor: Anchor::Dir, .. } => Some(dir),
            _ => None,
        };
        self.items.push(Item::Rule(Rule::new(&found, dir, origin, group)));
    }

    /// Adds the CVS list in its place. A `!` of the user's own names clears only this list.
    fn add_cvs(&mut self, template: Template, asked_at: &Origin) -> Result<(), FilterError> {
        let action = match template.syntax {
            Syntax::Cvs(Action::Include) => Action::Include,
            _ => Action::Exclude,
        };
        // Messages call the list of a file's `-C` a rule of the file.
        let origin = match asked_at {
            Origin::File { .. } => asked_at,
            _ => &Origin::Cvs,
        };
        let before = std::mem::take(&mut self.items);
        let was_cleared = self.is_cleared;
        let flags = template.flags | Flags::PERISHABLE;
        for name in NAMES {
            let (negated, pattern) = (template.negated, name.as_bytes());
            let found = Match { action, flags, negated, xattr: false, pattern };
            self.push(found, origin.clone(), Group::Cvs, Home::CommandLine);
        }
        let CvsExtras { home_file, variable } = &self.setting.cvs;
        for content in [home_file, variable].into_iter().flatten() {
            for (_, text) in texts(content, Split::Words, self.setting.ends) {
                match parse(text, template) {
                    Ok(Some(Parsed::Match(found))) => {
                        self.push(found, origin.clone(), Group::Cvs, Home::CommandLine);
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
