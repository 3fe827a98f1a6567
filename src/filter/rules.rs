//! The ordered list of rules of a run, built in the order in which the options were typed.

use std::sync::Arc;

use super::cvs::CvsExtras;
use super::error::{FilterError, Origin, RuleFile};
use super::item::{DirMerge, Item, drop_repeated};
use super::lines::LineEnds;
use super::list::{Draft, Home, Reader, Setting, Unsided};
use super::rule::{Action, Syntax, Template};
use crate::sys::trust::Trust;

/// All rules of a run; does not change any more.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(super) items: Vec<Item>,
    /// The per-directory files that the list names, by the number that stands there.
    pub(super) merges: Vec<Arc<DirMerge>>,
    pub(super) setting: Setting,
}

impl RuleSet {
    /// True if the list is empty: everything is transferred, nothing is protected.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// True if some rule asks for files in the directories.
    pub fn has_dir_merges(&self) -> bool {
        !self.merges.is_empty()
    }

    /// True if a rule outside of per-directory files is about extended attributes (the `x`
    /// modifier). If none is, rsync has a default of its own: rsync.1, `--xattrs`.
    pub fn has_xattr_rules(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Rule(rule) if rule.is_xattr()))
    }

    /// The rules in their short form, one after the other; per-directory files as a `:` alone.
    pub fn short_forms(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().map(|item| match item {
            Item::Rule(rule) => rule.short_form(),
            Item::PerDir(merge, _) => &merge.short,
        })
    }
}

/// Collects the rules of the command line, in typed order.
#[derive(Debug, Default)]
pub struct Builder {
    items: Vec<Item>,
    setting: Setting,
    per_dir_shorthands: u8,
}

impl Builder {
    /// Starts an empty list.
    pub fn new(unsided: Unsided, cvs: CvsExtras) -> Self {
        let trust = Trust::default();
        let setting = Setting { ends: LineEnds::Newline, unsided, cvs, trust };
        Self { items: Vec::new(), setting, per_dir_shorthands: 0 }
    }

    /// `--from0`: for all files that are read from now on, those in directories included.
    pub fn line_ends(&mut self, ends: LineEnds) {
        self.setting.ends = ends;
    }

    /// `--insecure-links`, `--confine-root`: for the files in directories, whatever the order of the
    /// options.
    pub fn trust(&mut self, trust: Trust) {
        self.setting.trust = trust;
    }

    /// `--filter=RULE`; its merge files are asked of `read`, always by [`Wanted::Path`], with `-`
    /// for standard input.
    ///
    /// [`Wanted::Path`]: super::list::Wanted::Path
    pub fn filter(&mut self, rule: &[u8], read: &mut Reader<'_>) -> Result<(), FilterError> {
        self.add("--filter", rule, Syntax::Full, read)
    }

    /// `--exclude=PATTERN` or `--include=PATTERN`.
    pub fn pattern(&mut self, action: Action, pattern: &[u8]) -> Result<(), FilterError> {
        let option = match action {
            Action::Exclude => "--exclude",
            Action::Include => "--include",
        };
        self.add(option, pattern, Syntax::Simple(action), &mut |_| Ok(None))
    }

    /// `--exclude-from=FILE` or `--include-from=FILE`; `read` is asked for the file.
    pub fn patterns_from(
        &mut self,
        action: Action,
        file: &[u8],
        read: &mut Reader<'_>,
    ) -> Result<(), FilterError> {
        let template = Template::lines(Syntax::Simple(action));
        let known = RuleFile::Known(file.to_vec());
        self.draft(read, |draft| draft.add_path(file, known, template, Home::CommandLine))
    }

    /// `-F`: the first one merges `.rsync-filter` files, the second one excludes them.
    pub fn per_dir_shorthand(&mut self) -> Result<(), FilterError> {
        self.per_dir_shorthands = self.per_dir_shorthands.saturating_add(1);
        let rule: &[u8] = match self.per_dir_shorthands {
            1 => b": /.rsync-filter",
            2 => b"- .rsync-filter",
            _ => return Ok(()),
        };
        self.add("-F", rule, Syntax::Full, &mut |_| Ok(None))
    }

    /// `--cvs-exclude`: to be called behind all other rules, wherever the option stands.
    pub fn cvs_exclude(&mut self) -> Result<(), FilterError> {
        self.add("--cvs-exclude", b":C", Syntax::Full, &mut |_| Ok(None))?;
        self.add("--cvs-exclude", b"-C", Syntax::Full, &mut |_| Ok(None))
    }

    /// Protects what `--backup` keeps, from `--delete` without `--delete-excluded`: rsync.1,
    /// `--backup`. To be called behind all other rules.
    pub fn protect_suffix(&mut self, suffix: &[u8]) -> Result<(), FilterError> {
        let rule = [b"P *", suffix].concat();
        self.add("--backup", &rule, Syntax::Full, &mut |_| Ok(None))
    }

    /// The finished list.
    pub fn finish(self) -> Arc<RuleSet> {
        let mut merges = Vec::new();
        let mut items = self.items;
        drop_repeated(&mut items, std::iter::empty());
        for item in &mut items {
            if let Item::PerDir(merge, number) = item {
                *number = merges.len();
                merges.push(Arc::clone(merge));
            }
        }
        Arc::new(RuleSet { items, merges, setting: self.setting })
    }

    fn add(
        &mut self,
        option: &'static str,
        text: &[u8],
        syntax: Syntax,
        read: &mut Reader<'_>,
    ) -> Result<(), FilterError> {
        let origin = Origin::Option { option, text: text.into() };
        let template = Template::lines(syntax);
        self.draft(read, |draft| draft.add(text, template, &origin, Home::CommandLine))
    }

    fn draft(
        &mut self,
        read: &mut Reader<'_>,
        add: impl FnOnce(&mut Draft<'_, '_>) -> Result<(), FilterError>,
    ) -> Result<(), FilterError> {
        let mut draft = Draft::new(&self.setting, read);
        draft.items = std::mem::take(&mut self.items);
        let result = add(&mut draft);
        self.items = draft.items;
        result
    }
}
