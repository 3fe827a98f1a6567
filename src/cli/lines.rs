//! One event, one line: in rsync's words where rsync has them.
//!
//! Which entries get a line at which verbosity was seen from rsync 3.5.0; nothing is decided by
//! anything but the event and the choices of output.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::cli::display::{Begin, Display, Volume};
use crate::cli::format::{Format, Names};
use crate::cli::info::Flag;
use crate::cli::listing::listed;
use crate::model::change::{Action, Attrs, Change, Diff, Why};
use crate::model::meta::Kind;
use crate::report::observer::{Ending, Event, Outcome, Phase};
use crate::settings::Effect;

/// The line of an event, without its newline; `None` if it is not told.
pub fn line(event: &Event<'_>, display: &Display) -> Option<Vec<u8>> {
    if display.volume == Volume::Quiet {
        return None;
    }
    match event {
        Event::MadeParents { count: 0, .. } => None,
        Event::MadeParents { count: 1, path } => made("created 1 directory for ", path, display),
        Event::MadeParents { count, path } => {
            made(&format!("created {count} directories for "), path, display)
        }
        Event::MadeDest(path) => made("created directory ", path, display),
        Event::BackupDir { path, is_new } => backup_dir(path, *is_new, display),
        Event::DeletionStopped => Some(b"IO error encountered -- skipping file deletion".to_vec()),
        Event::Entry(outcome) => entry(outcome, display),
    }
}

fn made(text: &str, path: &Path, display: &Display) -> Option<Vec<u8>> {
    if !display.names_changes() {
        return None;
    }
    let mut path = path.as_os_str().as_bytes();
    while path.len() > 1 && path.ends_with(b"/") {
        path = &path[..path.len() - 1];
    }
    let mut line = text.as_bytes().to_vec();
    display.escape.append(&mut line, path);
    Some(line)
}

fn backup_dir(path: &Path, is_new: bool, display: &Display) -> Option<Vec<u8>> {
    (display.levels.of(Flag::Backup) >= 1).then(|| {
        let text = if is_new { "(new) backup_dir is " } else { "backup_dir is " };
        let mut line = text.as_bytes().to_vec();
        display.escape.append(&mut line, path.as_os_str().as_bytes());
        line
    })
}

fn entry(outcome: &Outcome, display: &Display) -> Option<Vec<u8>> {
    let change = &outcome.change;
    let is_blocked = change.action == Action::Keep(Why::DirNotEmpty);
    if outcome.ending == Ending::Failed && !is_blocked {
        return None;
    }
    if display.effect == Effect::VerifyOnly {
        return difference(outcome, display);
    }
    match (change.action, outcome.phase) {
        (Action::Keep(why), Phase::Copy) => kept(why, outcome, display),
        (Action::Keep(Why::SourceRemoved), _) => {
            (display.levels.of(Flag::Remove) >= 1).then(|| {
                let mut line = b"sender removed ".to_vec();
                append_name(&mut line, change, display);
                line
            })
        }
        // Phase two meets again what phase one told of.
        (Action::Keep(_), Phase::Verify) => None,
        // A repair is no everyday event: it is told in full.
        (_, Phase::Verify) if display.tells_updates() => Some(itemized(outcome, display)),
        (_, Phase::Verify) => None,
        (Action::Delete, Phase::Copy) => deleted(outcome, display),
        (Action::Adjust, Phase::Copy) if display.itemize >= 1 && !change.is_told() => {
            display.itemizes_all().then(|| itemized(outcome, display))
        }
        (_, Phase::Copy) if is_found_elsewhere(change) => found_elsewhere(outcome, display),
        (_, Phase::Copy) if display.itemize >= 1 => Some(itemized(outcome, display)),
        // rsync has no word for it without -i.
        (Action::Adjust, Phase::Copy)
            if change.kind != Kind::Dir && change.diff.attrs == Attrs::XATTRS =>
        {
            kept(Why::UpToDate, outcome, display)
        }
        (Action::Adjust, Phase::Copy) if change.kind != Kind::Dir => {
            (display.levels.of(Flag::Name) >= 2).then(|| name(change, display))
        }
        (_, Phase::Copy) if display.format.is_some() => Some(itemized(outcome, display)),
        (_, Phase::Copy) => (display.levels.of(Flag::Name) >= 1).then(|| {
            let mut line = name(change, display);
            add_target(&mut line, change, display);
            line
        }),
    }
}

/// True for what is made exactly as it was found in another directory.
fn is_found_elsewhere(change: &Change) -> bool {
    change.diff.is_local() && !change.is_told() && !change.is_joined()
}

/// rsync tells of it as of what is up to date; of directories, too.
fn found_elsewhere(outcome: &Outcome, display: &Display) -> Option<Vec<u8>> {
    let change = &outcome.change;
    if change.kind != Kind::Dir || display.itemize > 0 {
        return kept(Why::UpToDate, outcome, display);
    }
    (display.levels.of(Flag::Name) >= 2).then(|| {
        let mut line = name(change, display);
        line.extend_from_slice(b" is uptodate");
        line
    })
}

/// A line of an audit: rsync has no words for what is missing and what is too much.
fn difference(outcome: &Outcome, display: &Display) -> Option<Vec<u8>> {
    let change = &outcome.change;
    let attrs = change.diff.attrs;
    if attrs.contains(Attrs::OWN_MODE) && !attrs.contains(Attrs::MODE) {
        // It ends with 40, and nobody is to guess why.
        let diff = Diff { attrs: attrs | Attrs::MODE, ..change.diff };
        let change = Change { diff, ..change.clone() };
        return difference(&Outcome { change, ..outcome.clone() }, display);
    }
    let word: &[u8] = match change.action {
        Action::Keep(why @ (Why::NonRegular | Why::NotRecursive | Why::UpToDate)) => {
            return kept(why, outcome, display);
        }
        Action::Keep(_) => return None,
        _ if display.format.is_some() => return Some(itemized(outcome, display)),
        Action::Create => b"*missing    ",
        Action::Delete => b"*extra      ",
        Action::Rewrite | Action::Replace | Action::Adjust => {
            return Some(itemized(outcome, display));
        }
    };
    let mut line = word.to_vec();
    append_name(&mut line, change, display);
    Some(line)
}

fn kept(why: Why, outcome: &Outcome, display: &Display) -> Option<Vec<u8>> {
    let change = &outcome.change;
    let level = |flag| display.levels.of(flag);
    let is_dir = change.kind == Kind::Dir;
    let (tells, before, after) = match why {
        Why::UpToDate if display.itemizes_all() => return Some(itemized(outcome, display)),
        Why::UpToDate => {
            let tells = level(Flag::Name) >= 2 && display.itemize == 0 && !is_dir;
            (tells, "", " is uptodate")
        }
        Why::Newer => (level(Flag::Skip) >= 1, "", " is newer"),
        Why::Exists => (level(Flag::Skip) >= 1, "", " exists"),
        Why::NotThere if is_dir => (level(Flag::Skip) >= 1, "not creating new directory \"", "\""),
        Why::NotThere => (level(Flag::Skip) >= 1, "not creating new file \"", "\""),
        Why::OverMaxSize => (level(Flag::Skip) >= 1, "", " is over max-size"),
        Why::UnderMinSize => (level(Flag::Skip) >= 1, "", " is under min-size"),
        Why::NonRegular => (level(Flag::Nonreg) >= 1, "skipping non-regular file \"", "\""),
        Why::NotRecursive => (true, "skipping directory ", ""),
        Why::DirNotEmpty => (true, "cannot delete non-empty directory: ", ""),
        Why::MountPoint => (level(Flag::Mount) >= 1, "[sender] skipping mount-point dir ", ""),
        Why::Listed => return listed(change, display),
        Why::UnsafeLink => return led_out("ignoring", Flag::Name, change, display),
        Why::UnsafeFollowed => return led_out("copying", Flag::Symsafe, change, display),
        Why::NotBackedUp => return led_out("not backing up", Flag::Symsafe, change, display),
        Why::Hidden => return ruled("[sender] hiding", change, display),
        Why::Shown => return ruled("[sender] showing", change, display),
        Why::Protected => return ruled("[generator] protecting", change, display),
        Why::BackedUp => return backed_up(change, display),
        Why::AtRisk => return ruled("[generator] risking", change, display),
        Why::SourceRemoved
        | Why::Extraneous
        | Why::OwnDestination
        | Why::NotEvenAbove
        | Why::OnTheWay
        | Why::NotShorter
        | Why::Unseen
        | Why::Unfinished
        | Why::Unlistable => (false, "", ""),
    };
    tells.then(|| {
        let mut line = before.as_bytes().to_vec();
        append_path(&mut line, change, display);
        line.extend_from_slice(after.as_bytes());
        line
    })
}

/// Where an old entry went.
fn backed_up(change: &Change, display: &Display) -> Option<Vec<u8>> {
    let to = change.target.as_deref().filter(|_| display.levels.of(Flag::Backup) >= 1)?;
    let mut line = b"backed up ".to_vec();
    display.escape.append(&mut line, change.path.as_bytes());
    line.extend_from_slice(b" to ");
    display.escape.append(&mut line, to);
    Some(line)
}

/// What is done about a symlink that leads out of the transfer.
fn led_out(what: &str, flag: Flag, change: &Change, display: &Display) -> Option<Vec<u8>> {
    let target = change.target.as_deref().filter(|_| display.levels.of(flag) >= 1)?;
    let mut line = format!("{what} unsafe symlink \"").into_bytes();
    display.escape.append(&mut line, change.path.as_bytes());
    line.extend_from_slice(b"\" -> \"");
    display.escape.append(&mut line, target);
    line.push(b'"');
    Some(line)
}

/// Which filter rule decided about an entry (rsync.1, `--debug=FILTER`).
fn ruled(what: &str, change: &Change, display: &Display) -> Option<Vec<u8>> {
    let because = change.because.as_deref().filter(|_| display.verbosity >= 2)?;
    let kind = if change.kind == Kind::Dir { "directory" } else { "file" };
    let mut line = format!("{what} {kind} ").into_bytes();
    append_path(&mut line, change, display);
    line.extend_from_slice(format!(" because of pattern {because}").as_bytes());
    Some(line)
}

fn deleted(outcome: &Outcome, display: &Display) -> Option<Vec<u8>> {
    let change = &outcome.change;
    if display.itemize >= 1 || display.format.as_ref().is_some_and(Format::tells_deletions) {
        return Some(itemized(outcome, display));
    }
    (display.levels.of(Flag::Del) >= 1 || display.tells_updates()).then(|| {
        let mut line = b"deleting ".to_vec();
        append_name(&mut line, change, display);
        line
    })
}

/// The line of an update in the user's format; in rsync's it is `%i %n%L`.
fn itemized(outcome: &Outcome, display: &Display) -> Vec<u8> {
    let change = &outcome.change;
    if let Some(format) = &display.format {
        return formatted(format, outcome, display);
    }
    let mut line = change.itemized().to_vec();
    line.push(b' ');
    append_name(&mut line, change, display);
    if change.action != Action::Delete {
        add_target(&mut line, change, display);
    }
    line
}

fn formatted(format: &Format, outcome: &Outcome, display: &Display) -> Vec<u8> {
    let change = &outcome.change;
    let mut name = told_path(change, display);
    if change.kind == Kind::Dir {
        name.push(b'/');
    }
    let target = change.target.as_deref().filter(|_| change.action != Action::Delete);
    let target = target.map(|target| (arrow(change), target));
    let mut line = Vec::new();
    display.escape.append(&mut line, &format.line(outcome, Names { name: &name, target }));
    line
}

fn name(change: &Change, display: &Display) -> Vec<u8> {
    let mut line = Vec::new();
    append_name(&mut line, change, display);
    line
}

fn append_name(line: &mut Vec<u8>, change: &Change, display: &Display) {
    append_path(line, change, display);
    if change.kind == Kind::Dir {
        line.push(b'/');
    }
}

fn append_path(line: &mut Vec<u8>, change: &Change, display: &Display) {
    display.escape.append(line, &told_path(change, display));
}

/// The path as it is told, not escaped.
fn told_path(change: &Change, display: &Display) -> Vec<u8> {
    let is_of_dest = matches!(
        change.action,
        Action::Delete | Action::Keep(Why::DirNotEmpty | Why::Protected | Why::AtRisk)
    );
    let has_slash = display.paths == Begin::WithSlash && !is_of_dest;
    let path = if change.path.is_root() { b"." } else { change.path.as_bytes() };
    [if has_slash { &b"/"[..] } else { b"" }, path].concat()
}

fn arrow(change: &Change) -> &'static [u8] {
    if change.is_joined() { b" => " } else { b" -> " }
}

fn add_target(line: &mut Vec<u8>, change: &Change, display: &Display) {
    if let Some(target) = &change.target {
        line.extend_from_slice(arrow(change));
        display.escape.append(line, target);
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
