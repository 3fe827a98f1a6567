//! Events and the lines that rsync 3.5.0 prints for them.

use std::ffi::OsString;
use std::path::Path;

use super::line;
use crate::cli::args::{Placement, parse};
use crate::cli::display::Display;
use crate::cli::names::{High, Reader};
use crate::cli::resolve::{Request, Surroundings, User, resolve};
use crate::model::change::{Action, Attrs, Change, Diff, Why};
use crate::model::meta::Kind;
use crate::model::path::{Name, RelPath};
use crate::report::observer::{Ending, Event, Outcome, Phase};

fn display(line: &str) -> Display {
    let words: Vec<OsString> = format!("{line} s d").split(' ').map(OsString::from).collect();
    let args = parse(&words, Placement::Anywhere).unwrap();
    let around = Surroundings { user: User::Root, reader: Reader::Program, high: High::Utf8 };
    match resolve(&args, around).unwrap() {
        Request::Run(run) => run.display,
        other => panic!("{other:?}"),
    }
}

fn outcome(path: &str, kind: Kind, action: Action, attrs: Attrs) -> Outcome {
    let names: Vec<Name> = path.split('/').filter_map(|name| Name::new(name.as_bytes())).collect();
    let target = (kind == Kind::Symlink).then(|| Box::from(&b"to"[..]));
    let other_kind = action == Action::Replace;
    let diff = Diff { attrs, other_kind, ..Diff::NONE };
    let change = Change {
        path: RelPath::from_names(&names),
        kind,
        action,
        diff,
        target,
        because: None,
        size: 0,
        more: None,
    };
    Outcome { phase: Phase::Copy, change, ending: Ending::Done, written_bytes: 0 }
}

fn told(options: &str, outcome: &Outcome) -> String {
    let text = line(&Event::Entry(outcome), &display(options)).unwrap_or_default();
    String::from_utf8(text).unwrap()
}

const NONE: Attrs = Attrs::empty();

#[test]
fn itemizing_at_vv_is_itemizing_twice() {
    let same = outcome("a", Kind::File, Action::Keep(Why::UpToDate), NONE);
    assert_eq!(told("-avvi", &same), ".f          a");
    assert_eq!(told("-avi", &same), "");
    assert_eq!(told("-avvii --info=name0", &same), ".f          a");
}

/// Columns: `-a`, `-av`, `-avv`, `-ai`, `-aii`.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn changes_are_told_as_rsync_tells_them() {
    let content = Attrs::CONTENT | Attrs::SIZE | Attrs::MTIME;
    for (path, kind, action, attrs, lines) in [
        ("a", Kind::File, Action::Create, NONE, ["", "a", "a", ">f+++++++++ a", ">f+++++++++ a"]),
        (
            "a/b",
            Kind::File,
            Action::Rewrite,
            Attrs::SIZE | Attrs::MTIME,
            ["", "a/b", "a/b", ">f.st...... a/b", ">f.st...... a/b"],
        ),
        (
            "a",
            Kind::File,
            Action::Replace,
            content,
            ["", "a", "a", ">f+++++++++ a", ">f+++++++++ a"],
        ),
        (
            "a",
            Kind::File,
            Action::Adjust,
            Attrs::MODE,
            ["", "", "a", ".f...p..... a", ".f...p..... a"],
        ),
        (
            "l",
            Kind::Symlink,
            Action::Create,
            NONE,
            ["", "l -> to", "l -> to", "cL+++++++++ l -> to", "cL+++++++++ l -> to"],
        ),
        (
            "l",
            Kind::Symlink,
            Action::Adjust,
            Attrs::MTIME,
            ["", "", "l", ".L..t...... l -> to", ".L..t...... l -> to"],
        ),
        (
            "",
            Kind::Dir,
            Action::Adjust,
            Attrs::MTIME,
            ["", "./", "./", ".d..t...... ./", ".d..t...... ./"],
        ),
        (
            "sub",
            Kind::Dir,
            Action::Create,
            NONE,
            ["", "sub/", "sub/", "cd+++++++++ sub/", "cd+++++++++ sub/"],
        ),
        ("p", Kind::Fifo, Action::Create, NONE, ["", "p", "p", "cS+++++++++ p", "cS+++++++++ p"]),
        (
            "x",
            Kind::File,
            Action::Delete,
            NONE,
            ["", "deleting x", "deleting x", "*deleting   x", "*deleting   x"],
        ),
        (
            "x/y",
            Kind::Dir,
            Action::Delete,
            NONE,
            ["", "deleting x/y/", "deleting x/y/", "*deleting   x/y/", "*deleting   x/y/"],
        ),
        (
            "x",
            Kind::Symlink,
            Action::Delete,
            NONE,
            ["", "deleting x", "deleting x", "*deleting   x", "*deleting   x"],
        ),
        (
            "a",
            Kind::File,
            Action::Keep(Why::UpToDate),
            NONE,
            ["", "", "a is uptodate", "", ".f          a"],
        ),
        (
            "l",
            Kind::Symlink,
            Action::Keep(Why::UpToDate),
            NONE,
            ["", "", "l is uptodate", "", ".L          l -> to"],
        ),
        ("sub", Kind::Dir, Action::Keep(Why::UpToDate), NONE, ["", "", "", "", ".d          sub/"]),
    ] {
        let outcome = outcome(path, kind, action, attrs);
        let seen = ["-a", "-av", "-avv", "-ai", "-aii"].map(|options| told(options, &outcome));
        assert_eq!(seen, lines.map(str::to_owned), "{path} {action:?}");
    }
}

#[test]
fn what_is_left_out_is_told_at_the_verbosity_that_rsync_has() {
    for (why, kind, least, text) in [
        (Why::Newer, Kind::File, "-avv", "a/b is newer"),
        (Why::Exists, Kind::File, "-avv", "a/b exists"),
        (Why::NotThere, Kind::File, "-avv", "not creating new file \"a/b\""),
        (Why::NotThere, Kind::Dir, "-avv", "not creating new directory \"a/b\""),
        (Why::OverMaxSize, Kind::File, "-avv", "a/b is over max-size"),
        (Why::UnderMinSize, Kind::File, "-avv", "a/b is under min-size"),
        (Why::MountPoint, Kind::Dir, "-avv", "[sender] skipping mount-point dir a/b"),
        (Why::NonRegular, Kind::Fifo, "-a", "skipping non-regular file \"a/b\""),
        (Why::NotRecursive, Kind::Dir, "-a", "skipping directory a/b"),
        (Why::DirNotEmpty, Kind::File, "-a", "cannot delete non-empty directory: a/b"),
    ] {
        let outcome = outcome("a/b", kind, Action::Keep(why), NONE);
        assert_eq!(told(least, &outcome), text);
        assert_eq!(told("-aq", &outcome), "");
        if least == "-avv" {
            assert_eq!(told("-avii", &outcome), "", "{why:?}");
        }
    }
    let root = outcome("", Kind::Dir, Action::Keep(Why::NotRecursive), NONE);
    assert_eq!(told("-v", &root), "skipping directory .");
    let fifo = outcome("p", Kind::Fifo, Action::Keep(Why::NonRegular), NONE);
    assert_eq!(told("-r --info=nonreg0", &fifo), "");
}

#[test]
fn made_directories_are_told_wherever_names_are() {
    let made = |options: &str, event: &Event<'_>| {
        String::from_utf8(line(event, &display(options)).unwrap_or_default()).unwrap()
    };
    let dest = Event::MadeDest(Path::new("d\n/"));
    assert_eq!(made("-ai", &dest), "created directory d\\#012");
    assert_eq!(made("-av", &dest), "created directory d\\#012");
    assert_eq!(made("-a --stats", &dest), "");
    assert_eq!(made("-avq", &dest), "");
    let parents = |count| Event::MadeParents { count, path: Path::new("a/b/c") };
    assert_eq!(made("-av", &parents(3)), "created 3 directories for a/b/c");
    assert_eq!(made("-av", &parents(1)), "created 1 directory for a/b/c");
}

#[test]
fn repairs_are_told_in_full_and_nothing_is_told_twice() {
    let mut repair = outcome("a", Kind::File, Action::Rewrite, Attrs::CONTENT);
    repair.phase = Phase::Verify;
    assert_eq!(told("-a", &repair), "");
    assert_eq!(told("-av", &repair), ">fc........ a");
    assert_eq!(told("-ai", &repair), ">fc........ a");
    let mut kept = outcome("a", Kind::File, Action::Keep(Why::Newer), NONE);
    kept.phase = Phase::Verify;
    assert_eq!(told("-avv", &kept), "");
}

#[test]
fn what_failed_has_no_line() {
    let mut failed = outcome("a", Kind::File, Action::Create, NONE);
    failed.ending = Ending::Failed;
    assert_eq!(told("-avvii", &failed), "");
}

#[test]
fn an_audit_lists_what_differs() {
    let audit = |action, attrs| {
        let mut outcome = outcome("a", Kind::File, action, attrs);
        outcome.phase = Phase::Verify;
        told("-a --verify-only", &outcome)
    };
    assert_eq!(audit(Action::Create, NONE), "*missing    a");
    assert_eq!(audit(Action::Delete, NONE), "*extra      a");
    assert_eq!(audit(Action::Rewrite, Attrs::CONTENT), ">fc........ a");
    assert_eq!(audit(Action::Adjust, Attrs::MODE), ".f...p..... a");
    assert_eq!(audit(Action::Keep(Why::UpToDate), NONE), "");
}
