//! What is done about an entry. Pure: the same answer in both phases, in dry runs and in audits.

use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::settings::content::Updating;
use crate::settings::deletion::{Delete, Extraneous};
use crate::settings::{Existing, Kinds, Missing, Select, Update, Window};

/// What the user asked for, as far as it decides.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Which entries take part.
    pub select: Select,
    /// Which may be made or changed.
    pub update: Update,
    /// What may be removed.
    pub delete: Delete,
}

impl Policy {
    /// What holds for a name whose file is in the destination by another name: that it was newer is no
    /// reason any more (rsync 3.5.0).
    #[must_use]
    pub fn for_further_names(self) -> Self {
        let existing = match self.update.existing {
            Existing::KeepNewer => Existing::Update,
            existing => existing,
        };
        Self { update: Update { existing, ..self.update }, ..self }
    }
}

/// Where the destination's entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there before the run, as far as is known.
    Found,
    /// This run wrote it: rules that protect what was there do not protect it.
    Ours,
}

/// Why the entry is left alone however the sides differ; `None` if it is not.
pub fn left_alone(pair: &Pair, origin: Origin, policy: &Policy) -> Option<Why> {
    let (source, dest) = match pair {
        Pair::SourceOnly(source) => (source, None),
        Pair::Both(source, dest) => (source, Some(dest)),
        Pair::DestOnly(_) => {
            let keeps = policy.delete.extraneous == Extraneous::Keep;
            return keeps.then_some(Why::Extraneous);
        }
    };
    if dest.is_none() && policy.update.missing == Missing::Skip {
        return Some(Why::NotThere);
    }
    if source.kind == Kind::Dir {
        // A directory that is there is entered; something else in its place exists, and stays.
        let blocks = dest.is_some_and(|dest| dest.kind != Kind::Dir);
        let keeps = policy.update.existing == Existing::KeepAll;
        return (blocks && keeps).then_some(Why::Exists);
    }
    let found = dest.filter(|_| origin == Origin::Found);
    if found.is_some() && policy.update.existing == Existing::KeepAll {
        return Some(Why::Exists);
    }
    if !is_copied(source.kind, policy.select.kinds) {
        return Some(Why::NonRegular);
    }
    if source.kind != Kind::File {
        return None;
    }
    if policy.select.max_size.is_some_and(|max| source.size > max) {
        return Some(Why::OverMaxSize);
    }
    if policy.select.min_size.is_some_and(|min| source.size < min) {
        return Some(Why::UnderMinSize);
    }
    let newer = found.is_some_and(|dest| is_newer(dest, source, policy.update.window));
    (newer && policy.update.existing == Existing::KeepNewer).then_some(Why::Newer)
}

fn is_copied(kind: Kind, kinds: Kinds) -> bool {
    match kind {
        Kind::File | Kind::Dir => true,
        Kind::Symlink => kinds.contains(Kinds::SYMLINKS),
        Kind::CharDevice | Kind::BlockDevice => kinds.contains(Kinds::DEVICES),
        Kind::Fifo | Kind::Socket => kinds.contains(Kinds::SPECIALS),
    }
}

/// `--update`: rsync 3.5.0 also keeps a file that is older by less than the window.
fn is_newer(dest: &Meta, source: &Meta, window: Window) -> bool {
    dest.kind == Kind::File
        && match window {
            Window::Nanoseconds => dest.mtime > source.mtime,
            Window::Seconds(allowed) => {
                source.mtime.secs.saturating_sub(dest.mtime.secs) < i64::from(allowed)
            }
        }
}

/// `--append`: true if a file that differs is left alone, attributes and all, because it is not shorter
/// than its source.
pub fn is_not_shorter(pair: &Pair, diff: &Diff, update: Updating) -> bool {
    let Pair::Both(source, dest) = pair else { return false };
    let are_files = source.kind == Kind::File && !diff.other_kind;
    update.appends() && are_files && diff.needs_content() && dest.size >= source.size
}

/// What is done about an entry that is not left alone.
///
/// `names`: how many names of the destination's file are names of this very entry in the source, too
/// (`--hard-links`); without that it is 1.
pub fn decide(pair: &Pair, diff: &Diff, names: u32) -> Action {
    match pair {
        Pair::SourceOnly(_) => Action::Create,
        Pair::DestOnly(_) => Action::Delete,
        Pair::Both(..) if diff.is_none() => Action::Keep(Why::UpToDate),
        Pair::Both(..) if diff.other_kind => Action::Replace,
        // In place, the other names would change too: two names of one file that are to differ could
        // never both be right.
        Pair::Both(source, dest)
            if source.kind != Kind::Dir && dest.nlink > names && !diff.is_access_alone() =>
        {
            Action::Replace
        }
        Pair::Both(source, _) if diff.needs_content() => match source.kind {
            Kind::File => Action::Rewrite,
            _ => Action::Replace,
        },
        Pair::Both(..) => Action::Adjust,
    }
}
