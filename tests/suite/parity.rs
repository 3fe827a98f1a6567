//! The same trees and arguments through rsync 3.5 and through twosync: trees, output and exit codes must be alike.
//!
//! The cases are text files in `fixtures/parity` (`support::case` has the language). Environment:
//! `TWOSYNC_PARITY_PROGRAM` puts another program in twosync's place, `TWOSYNC_PARITY_RSYNC` names the rsync,
//! `TWOSYNC_PARITY_CASE` runs only cases whose name contains it, `TWOSYNC_PARITY=skip` leaves all of them out
//! (where there is no rsync 3.5), `TWOSYNC_PARITY_RECORD=1` writes down how the two differ where a case allows it.

mod allowed;
mod difference;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::parity::allowed::{ALLOWED, Aspect, allowed};
use crate::parity::difference::{Outcome, aspect, differences, with_chances};
use crate::support::arena::{NOBODY, is_root};
use crate::support::case::{Case, Run, Step, fixtures, read_cases, with_differences};
use crate::support::holes;
use crate::support::normal::{Order, normal};
use crate::support::run::{Conditions, Output, run, twosync};
use crate::support::skipped::{rsync_or_skipped, skipped};
use crate::support::snapshot::{Snapshot, readable};
use crate::support::spec::Line;
use crate::support::tree::{Mounts, Owner, build};

/// How the runs of some cases differ, by the lines of their arguments in the case file.
type Recorded = BTreeMap<usize, Vec<String>>;

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
    confined
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
fn every_difference_is_allowed_and_all_that_is_allowed_is_seen() {
    let mut wrong = Vec::new();
    let mut seen: BTreeSet<(&str, Aspect)> = BTreeSet::new();
    for case in GROUPS.iter().flat_map(|group| read_cases(&case_file(group))) {
        let lines: Vec<&String> = case.runs().flat_map(|run| &run.difference).collect();
        let unallowed = lines.iter().filter(|line| !is_allowed(&case, line));
        wrong.extend(unallowed.map(|line| format!("{}: nothing allows `{line}`", case.name)));
        for allowed in case.allow.iter().map(|name| allowed(name)) {
            let aspects = lines.iter().filter_map(|line| aspect(line).ok());
            let mut covered = aspects.filter(|aspect| allowed.covers.contains(aspect)).peekable();
            if covered.peek().is_none() {
                wrong
                    .push(format!("{}: `{}` allows nothing that is seen", case.name, allowed.name));
            }
            seen.extend(covered.map(|aspect| (allowed.name, aspect)));
        }
    }
    for allowed in ALLOWED {
        let unseen =
            allowed.covers.iter().filter(|aspect| !seen.contains(&(allowed.name, **aspect)));
        wrong.extend(unseen.map(|aspect| format!("{}: no case shows {aspect:?}", allowed.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_recorded_reads_back_as_it_was() {
    for group in GROUPS {
        let text = fs::read_to_string(case_file(group)).expect("a case file");
        let cases = read_cases(&case_file(group));
        let runs = || cases.iter().flat_map(Case::runs);
        let written = runs().map(|run| (run.line, run.difference.clone())).collect();
        let emptied = with_differences(&text, &runs().map(|run| (run.line, Vec::new())).collect());
        assert_eq!(with_differences(&text, &written), text);
        assert!(!emptied.contains("difference:"), "{group}");
    }
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
    let mut recorded = Recorded::new();
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
        match arena.and_then(|arena| arena.check(case)).unwrap_or_else(|why| Err(why.to_string())) {
            Ok(found) => recorded.extend(found),
            Err(report) => {
                failed_count += 1;
                writeln!(failures, "\n==== {group}: {} ====\n{report}", case.name)
                    .expect("writing to a string");
            }
        }
    }
    if !recorded.is_empty() {
        let file = case_file(group);
        let text = fs::read_to_string(&file).expect("it was read before");
        fs::write(&file, with_differences(&text, &recorded)).expect("room for what is recorded");
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

    /// Goes through a case's steps on both sides up to the first one with another difference than is written; the error
    /// says which. While differences are recorded no allowed one is an error.
    fn check(&self, case: &Case) -> io::Result<Result<Recorded, String>> {
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
        let mut recorded = Recorded::new();
        for step in &case.steps {
            match step {
                Step::Build(lines) => {
                    self.sides.iter().try_for_each(|(dir, _)| build(dir, lines, owner))?;
                }
                Step::Run(run) => {
                    let outcomes = self.outcomes(case, run);
                    let mut found = differences(&outcomes[0], &outcomes[1]);
                    if case.compares_holes {
                        let [left, right] = self.sides.each_ref().map(|(root, _)| root);
                        let holes = holes::differences(left, right);
                        found.extend(holes.iter().map(|line| format!("tree {line}")));
                    }
                    let found = with_chances(found, &run.difference, &outcomes[1].tree);
                    if is_recording() && found.iter().all(|line| is_allowed(case, line)) {
                        recorded.insert(run.line, found);
                    } else if found != run.difference {
                        return Ok(Err(report(run, &found, &outcomes)));
                    }
                }
            }
        }
        Ok(Ok(recorded))
    }

    /// Runs both programs once.
    fn outcomes(&self, case: &Case, step: &Run) -> [Outcome; 2] {
        let user = case.as_nobody.then_some(NOBODY);
        let env = case
            .env
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect();
        let order = Order::under(&step.args);
        let groups = case.groups.clone();
        let conditions = Conditions { umask: case.umask, user, groups, env };
        let more_args: [&[Vec<u8>]; 2] = [&[], &case.ours];
        [0, 1].map(|side| {
            let (root, program) = &self.sides[side];
            let args = step.args.iter().map(|arg| filled(arg, root));
            let args: Vec<Vec<u8>> = more_args[side].iter().cloned().chain(args).collect();
            let mut said = run(program, &args, &root.join(&step.dir), &conditions);
            said.stdout = normal(&said.stdout, root.as_os_str().as_bytes(), order);
            let mut tree = Snapshot::since(root, self.started);
            tree.add_atimes(root, self.started, &case.atimes);
            Outcome { said, tree }
        })
    }
}

/// Says whether the present differences are to be written into the case files.
fn is_recording() -> bool {
    std::env::var_os("TWOSYNC_PARITY_RECORD").is_some()
}

/// Says whether a case allows what this line of a difference is about.
fn is_allowed(case: &Case, line: &str) -> bool {
    let aspect = aspect(line).unwrap_or_else(|why| panic!("{}: {why}", case.name));
    let mut covered = case.allow.iter().map(|name| allowed(name).covers);
    covered.any(|covers| covers.contains(&aspect))
}

/// Tells of a run that did not differ as is written.
fn report(run: &Run, found: &[String], outcomes: &[Outcome; 2]) -> String {
    let command: Vec<String> = run.args.iter().map(|arg| readable(arg)).collect();
    let mut text = format!("args: {}\n", command.join(" "));
    for (head, lines) in [("seen, rsync | twosync:", found), ("instead of:", &run.difference)] {
        let lines = if lines.is_empty() { &["no difference".to_owned()] } else { lines };
        writeln!(text, "{head}\n  {}", lines.join("\n  ")).expect("writing to a string");
    }
    text + &told("rsync", &outcomes[0].said) + &told("twosync", &outcomes[1].said)
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
