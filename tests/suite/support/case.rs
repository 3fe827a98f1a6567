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
//! allow: foreign-hard-link    a difference that is meant (listed with its reason in `parity`)
//! ```
//!
//! `{}` in an argument stands for the absolute path of the case's own directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::spec::{Line, parse_tree};
use crate::support::words::split_words;

/// One thing to do.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Build or change entries.
    Build(Vec<Line>),
    /// Run with these arguments in this directory (below the case's own).
    Run { args: Vec<Vec<u8>>, dir: PathBuf },
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

    /// All entries that are ever built.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let built = self.steps.iter().filter_map(|step| match step {
            Step::Build(lines) => Some(lines),
            Step::Run { .. } => None,
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
        reader.line(line).unwrap_or_else(|why| panic!("{}:{}: {why}", file.display(), index + 1));
    }
    reader.close_tree().unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    reader.cases
}

/// The state of reading a file.
#[derive(Debug, Default)]
struct Reader {
    cases: Vec<Case>,
    tree: Option<String>,
    dir: PathBuf,
}

impl Reader {
    /// Takes one line of the file.
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.starts_with(' ') {
            let tree =
                self.tree.as_mut().ok_or("an indented line outside of `tree:` and `edit:`")?;
            tree.push_str(line);
            tree.push('\n');
            return Ok(());
        }
        self.close_tree()?;
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
            "tree" | "edit" if value.is_empty() => self.tree = Some(String::new()),
            "tree" | "edit" => self.tree = Some(read_tree(value)?),
            "args" => {
                case.steps.push(Step::Run { args: split_words(value)?, dir: self.dir.clone() });
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

    /// Ends a tree's lines.
    fn close_tree(&mut self) -> Result<(), String> {
        if let (Some(text), Some(case)) = (self.tree.take(), self.cases.last_mut()) {
            case.steps.push(Step::Build(parse_tree(&text)?));
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
