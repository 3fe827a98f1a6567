//! The answer of `twosync::filter` to a row: a plain walk over the trees.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use twosync::filter::cvs::CvsExtras;
use twosync::filter::error::FilterError;
use twosync::filter::item::Ask;
use twosync::filter::lines::LineEnds;
use twosync::filter::list::{Reader, Unsided, Wanted};
use twosync::filter::pattern::What;
use twosync::filter::rule::Action;
use twosync::filter::rules::{Builder, RuleSet};
use twosync::filter::scope::{Parents, Scope, Side, Verdict};
use twosync::model::path::{Name, RelPath};
use walkdir::WalkDir;

use super::rows::{Answer, Question, Row, at};

/// All entries below a directory, a closing `/` for directories.
pub(super) fn below(dir: &Path) -> BTreeSet<Vec<u8>> {
    let entries = WalkDir::new(dir).min_depth(1).into_iter();
    entries
        .map(|entry| {
            let entry = entry.expect("the tree can be walked");
            let path = entry.path().strip_prefix(dir).expect("below it");
            let mut path = path.as_os_str().as_bytes().to_vec();
            if entry.file_type().is_dir() {
                path.push(b'/');
            }
            path
        })
        .collect()
}

/// Where the paths of an operand begin, and its own path below that.
fn split_operand(operand: &[u8]) -> (&[u8], &[u8]) {
    if let Some(dir) = operand.strip_suffix(b"/") {
        return (dir, b"");
    }
    match operand.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&operand[..slash], &operand[slash + 1..]),
        None => (b"", operand),
    }
}

/// Every name that an operand can put into the transfer.
pub(super) fn candidates(top: &Path, operand: &[u8]) -> BTreeSet<Vec<u8>> {
    let (root, itself) = split_operand(operand);
    let root = at(top, root);
    let inside = [itself, b"/"].concat();
    let all = below(&root).into_iter();
    all.filter(|path| itself.is_empty() || path.starts_with(&inside) || path == itself).collect()
}

/// Without what is below another one.
pub(super) fn topmost(paths: &BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    let is_below = |path: &Vec<u8>| {
        let is_dir = |end: &usize| path[*end] == b'/' && end + 1 < path.len();
        (0..path.len()).filter(is_dir).any(|end| paths.contains(&path[..=end]))
    };
    paths.iter().filter(|path| !is_below(path)).cloned().collect()
}

/// Reads as rsync does: a directory is an empty file.
fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

/// Reads what is asked for from inside of `dir`.
fn read_in(dir: &Path) -> Box<Reader<'_>> {
    Box::new(move |wanted| match wanted {
        Wanted::Here(name) => read_file(&at(dir, name.as_bytes())),
        Wanted::Above(path) | Wanted::Path(path) => read_file(&at(dir, path)),
    })
}

/// Builds the rules of a row's options.
pub(super) fn rules(row: &Row, top: &Path) -> Result<Arc<RuleSet>, FilterError> {
    let options = row.options_at(top);
    let is_delete_excluded = options.iter().any(|option| option == b"--delete-excluded");
    let unsided = if is_delete_excluded { Unsided::SenderOnly } else { Unsided::Both };
    let home_file = read_file(&top.join("home/.cvsignore")).expect("it can be read");
    let mut builder =
        Builder::new(unsided, CvsExtras { home_file, variable: row.cvsignore.clone() });
    let (mut is_cvs, mut is_backup) = (false, false);
    let read = &mut *read_in(top);
    for option in &options {
        let (name, value) = match option.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&option[..equals], &option[equals + 1..]),
            None => (&option[..], &[][..]),
        };
        match name {
            b"--filter" => builder.filter(value, read)?,
            b"--exclude" => builder.pattern(Action::Exclude, value)?,
            b"--include" => builder.pattern(Action::Include, value)?,
            b"--exclude-from" => builder.patterns_from(Action::Exclude, value, read)?,
            b"--include-from" => builder.patterns_from(Action::Include, value, read)?,
            b"-0" => builder.line_ends(LineEnds::Nul),
            b"-F" => builder.per_dir_shorthand()?,
            b"-FF" => {
                builder.per_dir_shorthand()?;
                builder.per_dir_shorthand()?;
            }
            b"-C" => is_cvs = true,
            b"-b" => is_backup = true,
            b"--delete-excluded" => {}
            other => panic!("{} is no option of rows", String::from_utf8_lossy(other)),
        }
    }
    if is_cvs {
        builder.cvs_exclude()?;
    }
    if is_backup && !is_delete_excluded {
        builder.protect_suffix(b"~")?;
    }
    Ok(builder.finish())
}

/// What our module says to a row that was built at `top`.
pub(super) fn answer(row: &Row, top: &Path) -> Answer {
    let result = rules(row, top).and_then(|set| match row.question {
        Question::Transfer => hidden(row, top, &set),
        Question::Delete => kept(top, &set),
    });
    match result {
        Ok(paths) => Answer::Paths(paths),
        Err(error) => Answer::Refused(i32::from(error.class().exit_code())),
    }
}

fn rel(path: &[u8]) -> RelPath {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let names: Vec<Name> = path.split(|byte| *byte == b'/').filter_map(Name::new).collect();
    RelPath::from_names(&names)
}

/// One side of the row, walked from one operand.
struct Walk<'a> {
    root: &'a Path,
    out: RefCell<BTreeSet<Vec<u8>>>,
    /// What rsync would say.
    said: RefCell<BTreeSet<String>>,
}

/// The entries of a directory, by their paths below `root`.
fn entries(root: &Path, dir: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(at(root, dir)).expect("a directory that can be listed") {
        let entry = entry.expect("an entry");
        let mut path = [dir, entry.file_name().as_bytes()].concat();
        if entry.file_type().expect("it is there").is_dir() {
            path.push(b'/');
        }
        found.push(path);
    }
    found.sort();
    found
}

fn verdict<'a>(scope: &'a Scope, path: &[u8], ask: Ask) -> Verdict<'a> {
    match path.strip_suffix(b"/") {
        Some(dir) => scope.verdict(dir, What::Dir, ask),
        None => scope.verdict(path, What::Other, ask),
    }
}

fn is_out(scope: &Scope, path: &[u8], ask: Ask) -> bool {
    verdict(scope, path, ask).is_excluded()
}

/// What rsync says with `--debug=FILTER` about a verdict.
fn message(verdict: &Verdict<'_>, path: &[u8]) -> Option<String> {
    let (verb, rule) = match verdict {
        Verdict::Unmatched => return None,
        Verdict::Included(rule) => ("showing", rule),
        Verdict::Excluded(rule) => ("hiding", rule),
    };
    let (kind, path) = match path.strip_suffix(b"/") {
        Some(path) => ("directory", path),
        None => ("file", path),
    };
    let path = String::from_utf8_lossy(path);
    Some(format!("[sender] {verb} {kind} {path} because of pattern {}", rule.shown()))
}

/// What our module says about a row that was built at `top`, and about what it is asked.
pub(super) fn messages(row: &Row, top: &Path) -> BTreeSet<String> {
    let set = rules(row, top).expect("rules that are right");
    let scope =
        Scope::open(&set, Side::Sender, top.join("s").as_os_str().as_bytes(), Parents::Scan);
    let source = top.join("s");
    let walk = Walk::new(&source);
    walk.transfer(&scope, b"").expect("rules that are right");
    walk.said.into_inner()
}

fn hidden(row: &Row, top: &Path, set: &Arc<RuleSet>) -> Result<BTreeSet<Vec<u8>>, FilterError> {
    let mut all = BTreeSet::new();
    let mut parents = Parents::Scan;
    for operand in &row.operands {
        let (root, itself) = split_operand(operand);
        let root = at(top, root);
        let shown = root.to_str().expect("plain names").trim_end_matches('/').as_bytes();
        let scope = Scope::open(set, Side::Sender, shown, parents);
        let walk = Walk::new(&root);
        if itself.is_empty() {
            walk.transfer(&scope, b"")?;
        } else if at(&root, itself).is_dir() {
            walk.transfer_entry(&scope, &[itself, b"/"].concat())?;
        } else {
            walk.transfer_entry(&scope, itself)?;
        }
        all.extend(walk.out.into_inner());
        parents = Parents::Skip;
    }
    Ok(topmost(&all))
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path) -> Self {
        Self { root, out: RefCell::default(), said: RefCell::default() }
    }

    fn enter(&self, scope: &Arc<Scope>, dir: &[u8]) -> Result<Arc<Scope>, FilterError> {
        scope.enter(&rel(dir), &mut *read_in(&at(self.root, dir)))
    }

    fn transfer(&self, scope: &Arc<Scope>, dir: &[u8]) -> Result<(), FilterError> {
        let scope = self.enter(scope, dir)?;
        for path in entries(self.root, dir) {
            self.transfer_entry(&scope, &path)?;
        }
        Ok(())
    }

    fn transfer_entry(&self, scope: &Arc<Scope>, path: &[u8]) -> Result<(), FilterError> {
        let verdict = verdict(scope, path, Ask::All);
        self.said.borrow_mut().extend(message(&verdict, path));
        if verdict.is_excluded() {
            self.out.borrow_mut().insert(path.to_vec());
            return Ok(());
        }
        if path.ends_with(b"/") { self.transfer(scope, path) } else { Ok(()) }
    }

    /// Collects what a directory keeps that is in both trees.
    fn sweep(
        &self,
        scope: &Arc<Scope>,
        dir: &[u8],
        sent: &BTreeSet<Vec<u8>>,
    ) -> Result<(), FilterError> {
        let scope = self.enter(scope, dir)?;
        for path in entries(self.root, dir) {
            match sent.contains(&path) {
                true if path.ends_with(b"/") => self.sweep(&scope, &path, sent)?,
                true => {}
                false if is_out(&scope, &path, Ask::All) => self.keep(&path),
                false => drop(self.doom(&scope, &path)?),
            }
        }
        Ok(())
    }

    /// Deletes an entry with what is below it; false if something of it is kept.
    fn doom(&self, scope: &Arc<Scope>, path: &[u8]) -> Result<bool, FilterError> {
        let mut is_gone = true;
        if path.ends_with(b"/") {
            let scope = self.enter(scope, path)?;
            for path in entries(self.root, path) {
                if is_out(&scope, &path, Ask::Doomed) {
                    self.keep(&path);
                    is_gone = false;
                } else {
                    is_gone &= self.doom(&scope, &path)?;
                }
            }
        }
        if !is_gone {
            self.out.borrow_mut().insert(path.to_vec());
        }
        Ok(is_gone)
    }

    /// All of it stays.
    fn keep(&self, path: &[u8]) {
        let mut out = self.out.borrow_mut();
        if path.ends_with(b"/") {
            let inside = below(&at(self.root, path));
            out.extend(inside.into_iter().map(|name| [path, &name].concat()));
        }
        out.insert(path.to_vec());
    }
}

fn kept(top: &Path, set: &Arc<RuleSet>) -> Result<BTreeSet<Vec<u8>>, FilterError> {
    let (source, dest) = (top.join("s"), top.join("d"));
    let scope = |side, root: &Path| {
        Scope::open(set, side, OsStr::as_bytes(root.as_os_str()), Parents::Scan)
    };
    let walk = Walk::new(&source);
    walk.transfer(&scope(Side::Sender, &source), b"")?;
    let hidden = walk.out.into_inner();
    let all = below(&source);
    let is_sent = |path: &&Vec<u8>| {
        let is_hidden = |end: usize| {
            hidden.contains(&path[..=end]) && (path[end] == b'/' || end + 1 == path.len())
        };
        !(0..path.len()).any(is_hidden)
    };
    let present: BTreeSet<Vec<u8>> = all.iter().filter(is_sent).cloned().collect();
    let walk = Walk::new(&dest);
    walk.sweep(&scope(Side::Receiver, &dest), b"", &present)?;
    let kept = walk.out.into_inner();
    Ok(kept.into_iter().filter(|path| !all.contains(path)).collect())
}
