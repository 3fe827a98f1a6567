//! Reads `fixtures/parity/*.case`: what to build and which commands to run on it.
//!
//! ```text
//! case: a sentence that names the case
//! as: nobody                  run as user 65534, who then owns the tree
//! as: root                    left out where the tests are not run by root
//! groups: 50,100              with these supplementary groups (wants `as: nobody`)
//! umask: 0077
//! env: NAME=VALUE
//! in: s                       run in this directory (until the next `in:`)
//! tree: basic                 a file of fixtures/trees, and/or lines of its own:
//!   s/a file "text"
//! args: -av s/ d
//! edit:                       changes between two runs
//!   s/a remove
//! args: -av s/ d
//! atimes: d                   access times below these directories are compared, too
//! holes: compared             where the data of each file is must be the same, too
//! ours: --verify=metadata     more arguments for twosync alone, before all others
//! ```
//!
//! `{}` in an argument stands for the absolute path of the case's own directory.
//!
//! A run that is to differ from rsync's says how, to the letter, behind its `args:`, and its case says why:
//!
//! ```text
//! case: hard-linked destination files are not written through
//! tree: update
//! args: -ai s/ d
//! difference:                 what rsync did | what twosync did
//!   exit 23 | 0               the exit codes
//!   stderr told | silent      who said something on stderr
//!   = .d..t...... ./          stdout: after this line, which both print,
//!   - >f.st...... a           rsync prints this one
//!   + >f+++++++++ a           and twosync that one
//!   tree d/a: nlink 2 | 1     what differs between the trees that they leave
//!   tree d: mtime ? | now     rsync's depends on which of its processes is faster (such lines come last)
//! allow: foreign-hard-link    why it is meant: a name in the list of `parity`
//! ```
//!
//! `TWOSYNC_PARITY_RECORD=1` writes the present differences of cases with an `allow:` into their file, for somebody to
//! look through.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::spec::{Line, parse_tree};
use crate::support::words::split_words;

/// One thing to do.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Build or change entries.
    Build(Vec<Line>),
    /// Run both programs.
    Run(Run),
}

/// One run of both programs.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) args: Vec<Vec<u8>>,
    /// The directory to run in, below the case's own.
    pub(crate) dir: PathBuf,
    /// In what the two are to differ, line by line.
    pub(crate) difference: Vec<String>,
    /// The number of the line with the arguments in the case's file; the first one is 0.
    pub(crate) line: usize,
}

/// One named case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) as_nobody: bool,
    pub(crate) as_root: bool,
    pub(crate) groups: Vec<u32>,
    pub(crate) umask: u32,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) steps: Vec<Step>,
    pub(crate) compares_holes: bool,
    pub(crate) ours: Vec<Vec<u8>>,
    pub(crate) allow: Vec<String>,
    pub(crate) atimes: Vec<String>,
}

impl Case {
    /// Says whether only the super-user can set this case up.
    pub(crate) fn needs_root(&self) -> bool {
        let special =
            |step: &Step| matches!(step, Step::Build(lines) if lines.iter().any(Line::needs_root));
        self.as_nobody || self.as_root || self.steps.iter().any(special)
    }

    /// Every run of both programs.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.steps.iter().filter_map(|step| match step {
            Step::Build(_) => None,
            Step::Run(run) => Some(run),
        })
    }

    /// All entries that are ever built.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let built = self.steps.iter().filter_map(|step| match step {
            Step::Build(lines) => Some(lines),
            Step::Run(_) => None,
        });
        built.flatten().cloned().collect()
    }
}

/// The repository's `fixtures` directory.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Reads every case of one file; panics with the line when the file is wrong.
pub(crate) fn read_cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        reader
            .line(line, index)
            .unwrap_or_else(|why| panic!("{}:{}: {why}", file.display(), index + 1));
    }
    reader.close_block().unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    reader.cases
}

/// The text of a case file with other differences behind the `args:` in these lines (the first one is 0).
pub(crate) fn with_differences(text: &str, found: &BTreeMap<usize, Vec<String>>) -> String {
    let mut written = String::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        written.extend([line, "\n"]);
        let Some(found) = found.get(&index) else { continue };
        if lines.next_if(|(_, line)| line.starts_with("difference:")).is_some() {
            while lines.next_if(|(_, line)| line.starts_with(' ')).is_some() {}
        }
        if !found.is_empty() {
            written.push_str("difference:\n");
            written.extend(found.iter().map(|line| format!("  {line}\n")));
        }
    }
    written
}

/// The state of reading a file.
#[derive(Debug, Default)]
struct Reader {
    cases: Vec<Case>,
    block: Option<Block>,
    dir: PathBuf,
}

/// What the indented lines are.
#[derive(Debug)]
enum Block {
    Tree(String),
    Difference(Vec<String>),
}

impl Reader {
    /// Takes one line of the file.
    fn line(&mut self, line: &str, index: usize) -> Result<(), String> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.starts_with(' ') {
            match self.block.as_mut().ok_or("an indented line outside of a block")? {
                Block::Tree(tree) => tree.extend([line, "\n"]),
                Block::Difference(lines) => lines.push(line.trim().to_owned()),
            }
            return Ok(());
        }
        self.close_block()?;
        let (key, value) = line.split_once(':').ok_or("no `key: value`")?;
        let value = value.trim();
        if key == "case" {
            self.dir = PathBuf::new();
            self.cases.push(new_case(value));
            return Ok(());
        }
        let case = self.cases.last_mut().ok_or("a key before the first `case:`")?;
        match key {
            "as" if value == "nobody" => case.as_nobody = true,
            "as" if value == "root" => case.as_root = true,
            "holes" if value == "compared" => case.compares_holes = true,
            "umask" => case.umask = u32::from_str_radix(value, 8).map_err(|why| why.to_string())?,
            "env" => {
                let (name, value) = value.split_once('=').ok_or("env wants NAME=VALUE")?;
                case.env.push((name.into(), value.into()));
            }
            "in" => self.dir = PathBuf::from(value),
            "tree" | "edit" if value.is_empty() => self.block = Some(Block::Tree(String::new())),
            "tree" | "edit" => self.block = Some(Block::Tree(read_tree(value)?)),
            "args" => {
                let args = split_words(value)?;
                let difference = Vec::new();
                let run = Run { args, dir: self.dir.clone(), difference, line: index };
                case.steps.push(Step::Run(run));
            }
            "difference" => {
                let is_behind = case.runs().last().is_some_and(|run| run.line + 1 == index);
                is_behind.then_some(()).ok_or("not right behind an `args:`")?;
                self.block = Some(Block::Difference(Vec::new()));
            }
            "groups" => {
                let groups = value.split(',').map(|group| group.trim().parse::<u32>());
                case.groups = groups.collect::<Result<_, _>>().map_err(|why| why.to_string())?;
            }
            "atimes" => case.atimes = value.split(' ').map(Into::into).collect(),
            "ours" => case.ours = split_words(value)?,
            "allow" => case.allow.push(value.into()),
            _ => return Err(format!("unknown key `{key}`")),
        }
        Ok(())
    }

    /// Ends a block of indented lines.
    fn close_block(&mut self) -> Result<(), String> {
        let (Some(block), Some(case)) = (self.block.take(), self.cases.last_mut()) else {
            return Ok(());
        };
        match (block, case.steps.last_mut()) {
            (Block::Tree(text), _) => case.steps.push(Step::Build(parse_tree(&text)?)),
            (Block::Difference(lines), Some(Step::Run(run))) => run.difference = lines,
            (Block::Difference(_), _) => return Err("a difference of no run".into()),
        }
        Ok(())
    }
}

/// A case without steps.
fn new_case(name: &str) -> Case {
    Case {
        name: name.into(),
        as_nobody: false,
        as_root: false,
        groups: Vec::new(),
        umask: 0o022,
        env: Vec::new(),
        steps: Vec::new(),
        compares_holes: false,
        ours: Vec::new(),
        allow: Vec::new(),
        atimes: Vec::new(),
    }
}

/// The text of one tree of `fixtures/trees`.
fn read_tree(name: &str) -> Result<String, String> {
    let path = fixtures().join("trees").join(format!("{name}.tree"));
    fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))
}
