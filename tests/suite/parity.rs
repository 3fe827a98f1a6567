//! The same trees and arguments through rsync 3.5 and through twosync: trees, output and exit codes must be alike.
//!
//! The cases are text files in `fixtures/parity` (`support::case` has the language). Environment:
//! `TWOSYNC_PARITY_PROGRAM` puts another program in twosync's place, `TWOSYNC_PARITY_RSYNC` names the rsync,
//! `TWOSYNC_PARITY_CASE` runs only cases whose name contains it, `TWOSYNC_PARITY=skip` leaves all of them out
//! (where there is no rsync 3.5).

mod allowed;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::parity::allowed::{ALLOWED, Aspect};
use crate::support::arena::{NOBODY, is_root};
use crate::support::case::{Case, Step, fixtures, read_cases};
use crate::support::holes;
use crate::support::normal::{Order, normal};
use crate::support::run::{Conditions, Output, run, twosync};
use crate::support::skipped::{rsync_or_skipped, skipped};
use crate::support::snapshot::{Snapshot, readable};
use crate::support::spec::Line;
use crate::support::tree::{Mounts, Owner, build};

/// One test per case file, and the list of the files.
macro_rules! groups {
    ($($group:ident)*) => {
        const GROUPS: &[&str] = &[$(stringify!($group)),*];
        $(#[test] fn $group() { check_group(stringify!($group)); })*
    };
}

groups! {
    acls
    append
    arrivals
    atimes
    backup
    basis
    checksums
    chmod
    chown
    conflicts
    corners
    delete
    destinations
    evidence
    fake
    filters
    followed
    foreign
    format
    hard
    hardlinks
    limits
    links
    listing
    masks
    merging
    modes
    mounts
    nobody
    operands
    output
    owners
    pace
    progress
    prune
    relative
    removals
    sparse
    specials
    superuser
    times
    timings
    unprivileged
    unsafe_links
    update
    usage
    whole
    xattrs
}

#[test]
fn every_case_file_is_run_and_there_are_many_cases() {
    let listed: BTreeSet<String> = GROUPS.iter().map(|group| (*group).to_owned()).collect();
    let found: BTreeSet<String> = fs::read_dir(fixtures().join("parity"))
        .expect("the fixtures are there")
        .map(|entry| entry.expect("a readable directory").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(listed, found);
    let cases: Vec<Case> = GROUPS.iter().flat_map(|group| read_cases(&case_file(group))).collect();
    let names: BTreeSet<&String> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    assert!(cases.len() >= 150, "only {} cases", cases.len());
}

#[test]
fn every_allowed_difference_is_known_and_used() {
    let used: BTreeSet<String> = GROUPS
        .iter()
        .flat_map(|group| read_cases(&case_file(group)))
        .flat_map(|case| case.allow)
        .collect();
    let known: BTreeSet<String> = ALLOWED.iter().map(|allowed| allowed.name.to_owned()).collect();
    assert_eq!(used, known);
}

/// The file of a group.
fn case_file(group: &str) -> PathBuf {
    fixtures().join("parity").join(format!("{group}.case"))
}

/// Runs all cases of a group and reports all that fail.
fn check_group(group: &str) {
    let Some(rsync) = rsync_or_skipped("all cases") else { return };
    let top = tempfile::tempdir().expect("a temporary directory");
    open_to_all(top.path()).expect("our own directory");
    let wanted = std::env::var("TWOSYNC_PARITY_CASE").unwrap_or_default();
    let mut failures = String::new();
    let (mut run_count, mut rootless_count, mut failed_count) = (0, 0, 0);
    let program = reachable_program(top.path());
    for (number, case) in read_cases(&case_file(group)).iter().enumerate() {
        if !case.name.contains(&wanted) {
            continue;
        }
        if case.needs_root() && !is_root() {
            rootless_count += 1;
            continue;
        }
        run_count += 1;
        let arena = Arena::new(&top.path().join(number.to_string()), &rsync, &program);
        if let Err(report) =
            arena.and_then(|arena| arena.check(case)).unwrap_or_else(|why| Err(why.to_string()))
        {
            failed_count += 1;
            writeln!(failures, "\n==== {group}: {} ====\n{report}", case.name)
                .expect("writing to a string");
        }
    }
    if rootless_count > 0 {
        skipped(&format!("{rootless_count} cases"), "need root");
    }
    assert!(failed_count == 0, "{failed_count} of {run_count} failed\n{failures}");
}

/// The program under test, where any user can run it.
fn reachable_program(top: &Path) -> PathBuf {
    if let Some(program) = std::env::var_os("TWOSYNC_PARITY_PROGRAM") {
        return program.into();
    }
    let program = top.join("twosync");
    fs::hard_link(twosync(), &program)
        .or_else(|_| fs::copy(twosync(), &program).map(drop))
        .expect("a copy");
    program
}

/// Lets every user pass through a directory.
fn open_to_all(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
}

/// Two equal directories, one for each program: first rsync's, then the one of the program under test.
struct Arena<'a> {
    sides: [(PathBuf, &'a Path); 2],
    started: SystemTime,
}

impl<'a> Arena<'a> {
    /// Makes both directories.
    fn new(top: &Path, rsync: &'a Path, program: &'a Path) -> io::Result<Self> {
        let sides = [(top.join("a"), rsync), (top.join("b"), program)];
        for (dir, _) in &sides {
            fs::create_dir_all(dir)?;
            open_to_all(dir)?;
        }
        Ok(Self { sides, started: SystemTime::now() })
    }

    /// Goes through a case's steps on both sides up to the first one that differs; the inner error says how.
    fn check(&self, case: &Case) -> io::Result<Result<(), String>> {
        let owner =
            if case.as_nobody { Owner { uid: NOBODY, gid: NOBODY } } else { Owner::runner() };
        let lines: Vec<Line> = case.lines();
        let mut mounts = Vec::new();
        for (dir, _) in &self.sides {
            mounts.push(Mounts::of(dir, &lines));
            if case.needs_root() {
                lchown(dir, Some(owner.uid), Some(owner.gid))?;
            }
        }
        for step in &case.steps {
            match step {
                Step::Build(lines) => {
                    self.sides.iter().try_for_each(|(dir, _)| build(dir, lines, owner))?;
                }
                Step::Run { args, dir } => {
                    if let Err(report) = self.check_run(case, args, dir) {
                        return Ok(Err(report));
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    /// Runs both programs once and compares.
    fn check_run(&self, case: &Case, args: &[Vec<u8>], dir: &Path) -> Result<(), String> {
        let user = case.as_nobody.then_some(NOBODY);
        let env = case
            .env
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect();
        let order = Order::under(args);
        let groups = case.groups.clone();
        let conditions = Conditions { umask: case.umask, user, groups, env };
        let more_args: [&[Vec<u8>]; 2] = [&[], &case.ours];
        let [(left, left_tree), (right, right_tree)] = [0, 1].map(|side| {
            let (root, program) = &self.sides[side];
            let args = args.iter().map(|arg| filled(arg, root));
            let args: Vec<Vec<u8>> = more_args[side].iter().cloned().chain(args).collect();
            let mut output = run(program, &args, &root.join(dir), &conditions);
            output.stdout = normal(&output.stdout, root.as_os_str().as_bytes(), order);
            let mut tree = Snapshot::since(root, self.started);
            tree.add_atimes(root, self.started, &case.atimes);
            (output, tree)
        });
        let mut found = Vec::new();
        if left.code != right.code {
            found.push((Aspect::ExitCode, format!("exit code {} | {}\n", left.code, right.code)));
        }
        if left.stdout != right.stdout {
            found.push((Aspect::Stdout, "stdout differs\n".into()));
        }
        if left.stderr.is_empty() != right.stderr.is_empty() {
            found.push((Aspect::Stderr, "only one says something on stderr\n".into()));
        }
        let mut tree = left_tree.differences(&right_tree);
        if case.compares_holes {
            let [left_root, right_root] = self.sides.each_ref().map(|(root, _)| root);
            tree.extend(holes::differences(left_root, right_root));
        }
        if !tree.is_empty() {
            found.push((
                Aspect::Tree,
                format!("trees differ (rsync | twosync):\n  {}\n", tree.join("\n  ")),
            ));
        }
        found.retain(|(aspect, _)| !is_allowed(case, *aspect));
        if found.is_empty() {
            return Ok(());
        }
        let command: Vec<String> = args.iter().map(|arg| readable(arg)).collect();
        let differences: String = found.into_iter().map(|(_, text)| text).collect();
        let texts = [told("rsync", &left), told("twosync", &right)].concat();
        Err(format!("args: {}\n{differences}{texts}", command.join(" ")))
    }
}

/// Says whether a case allows a difference in this aspect.
fn is_allowed(case: &Case, aspect: Aspect) -> bool {
    ALLOWED.iter().any(|allowed| {
        allowed.covers.contains(&aspect) && case.allow.iter().any(|name| name == allowed.name)
    })
}

/// Puts the case's directory in the place of `{}`.
fn filled(arg: &[u8], root: &Path) -> Vec<u8> {
    match arg.windows(2).position(|window| window == b"{}") {
        Some(at) => [&arg[..at], root.as_os_str().as_bytes(), &arg[at + 2..]].concat(),
        None => arg.to_vec(),
    }
}

/// What one program said, indented.
fn told(who: &str, output: &Output) -> String {
    let mut text = format!("{who}: exit {}\n", output.code);
    for (mark, bytes) in [(">", &output.stdout), ("!", &output.stderr)] {
        for line in String::from_utf8_lossy(bytes).lines() {
            writeln!(text, "  {mark} {line}").expect("writing to a string");
        }
    }
    text
}
