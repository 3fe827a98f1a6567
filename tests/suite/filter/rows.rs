//! The language of the tables in `fixtures/filter`.
//!
//! A line is empty, a comment (`#`), `tree: PATH...` (the entries of the rows that follow; a closing
//! `/` makes a directory), `more: PATH...` (further entries), `ask: transfer` or `ask: delete`, or a
//! row: `WORD... => ANSWER`. A word is `@PATH=CONTENT` (a file that is there), `$CVSIGNORE=VALUE`, an
//! option, or an operand (`s/` if there is none). `%HH` is a byte, `{top}` the directory that all is in.
//! The answer to `transfer` is what is hidden, without what is below it; to `delete` it is what the
//! destination `d/` keeps that the source does not have; `!CODE` is a refusal with that exit code.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::case::fixtures;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Transfer,
    Delete,
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// As it stands in the table.
    pub(super) line: String,
    pub(super) question: Question,
    /// What there is, a closing `/` for directories.
    pub(super) tree: Vec<Vec<u8>>,
    pub(super) files: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) cvsignore: Option<Vec<u8>>,
    pub(super) options: Vec<Vec<u8>>,
    pub(super) operands: Vec<Vec<u8>>,
    pub(super) expected: Answer,
}

/// What somebody says to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Refused(i32),
    Paths(BTreeSet<Vec<u8>>),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "!{code}"),
            Self::Paths(paths) => {
                let words: Vec<String> = paths.iter().map(|path| encode(path)).collect();
                write!(f, "{}", words.join(" "))
            }
        }
    }
}

/// The file of a table.
pub(super) fn file(table: &str) -> PathBuf {
    fixtures().join("filter").join(format!("{table}.txt"))
}

/// A path below a directory, from bytes.
pub(super) fn at(top: &Path, path: &[u8]) -> PathBuf {
    top.join(OsStr::from_bytes(path))
}

fn decode(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(&rest[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    bytes
}

fn encode(bytes: &[u8]) -> String {
    let mut word = String::new();
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'%' {
            word.push(char::from(*byte));
        } else {
            write!(word, "%{byte:02X}").expect("a string");
        }
    }
    word
}

/// All rows of a table.
pub(super) fn read(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut tree = Vec::new();
    let mut question = Question::Transfer;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(paths) = line.strip_prefix("tree:") {
            tree = paths.split_whitespace().map(decode).collect();
        } else if let Some(paths) = line.strip_prefix("more:") {
            tree.extend(paths.split_whitespace().map(decode));
        } else if let Some(asked) = line.strip_prefix("ask:") {
            question = match asked.trim() {
                "transfer" => Question::Transfer,
                "delete" => Question::Delete,
                other => panic!("{other} is no question"),
            };
        } else {
            rows.push(read_row(line, question, &tree));
        }
    }
    rows
}

fn read_row(line: &str, question: Question, tree: &[Vec<u8>]) -> Row {
    let (asked, answer) = line.split_once(" =>").expect("a row has an answer");
    let expected = match answer.trim().strip_prefix('!') {
        Some(code) if code.parse::<i32>().is_ok() => {
            Answer::Refused(code.parse().expect("a number"))
        }
        _ => Answer::Paths(answer.split_whitespace().map(decode).collect()),
    };
    let mut row = Row {
        line: line.to_owned(),
        question,
        tree: tree.to_vec(),
        files: Vec::new(),
        cvsignore: None,
        options: Vec::new(),
        operands: Vec::new(),
        expected,
    };
    let mut words = asked.split_whitespace();
    while let Some(word) = words.next() {
        if let Some(put) = word.strip_prefix('@') {
            let (path, content) = put.split_once('=').expect("a path and a content");
            row.files.push((decode(path), decode(content)));
        } else if let Some(value) = word.strip_prefix("$CVSIGNORE=") {
            row.cvsignore = Some(decode(value));
        } else if word == "-f" {
            let rule = words.next().expect("a rule behind -f");
            row.options.push([b"--filter=", &*decode(rule)].concat());
        } else if word.starts_with('-') {
            row.options.push(decode(word));
        } else {
            row.operands.push(decode(word));
        }
    }
    if row.operands.is_empty() {
        row.operands.push(b"s/".to_vec());
    }
    row
}

impl Row {
    /// The row with another answer.
    pub(super) fn with_answer(&self, answer: &Answer) -> String {
        let asked = self.line.split_once(" =>").expect("a row has an answer").0;
        format!("{asked} => {answer}").trim_end().to_owned()
    }

    /// Makes what the row is about in a new directory.
    pub(super) fn build(&self) -> TempDir {
        let top = tempfile::tempdir().expect("a temporary directory");
        for dir in ["s", "d", "home"] {
            fs::create_dir(top.path().join(dir)).expect("room for a directory");
        }
        let files = self.files.iter().map(|(path, content)| (path, content.clone()));
        for (path, content) in self.tree.iter().map(|path| (path, Vec::new())).chain(files) {
            let is_dir = path.ends_with(b"/");
            let path = at(top.path(), path);
            if is_dir {
                fs::create_dir_all(path).expect("room for a directory");
            } else {
                fs::create_dir_all(path.parent().expect("below the top")).expect("room");
                fs::write(path, put_top(&content, top.path())).expect("room for a file");
            }
        }
        top
    }

    /// The options, for a row that was built at `top`.
    pub(super) fn options_at(&self, top: &Path) -> Vec<Vec<u8>> {
        self.options.iter().map(|option| put_top(option, top)).collect()
    }
}

/// Puts the directory in place of `{top}`.
fn put_top(bytes: &[u8], top: &Path) -> Vec<u8> {
    const MARK: &[u8] = b"{top}";
    match bytes.windows(MARK.len()).position(|window| window == MARK) {
        None => bytes.to_vec(),
        Some(place) => {
            [&bytes[..place], top.as_os_str().as_bytes(), &bytes[place + MARK.len()..]].concat()
        }
    }
}
