//! How two runs differ, line by line, as a case's `difference:` writes it down.
//!
//! Nothing that depends on the machine is in these lines: of what is said on stderr only whether anything is said, of
//! times of the test run that they are of now, and no inode numbers.

use std::fmt::Write as _;

use crate::parity::allowed::Aspect;
use crate::support::run::Output;
use crate::support::snapshot::Snapshot;

/// Stands between the name of a fact and our value where rsync's depends on which of its processes is faster.
const CHANCE: &str = " ? | ";

/// What came of one run.
pub(crate) struct Outcome {
    /// With a stdout that `support::normal` made comparable.
    pub(crate) said: Output,
    /// What the run left.
    pub(crate) tree: Snapshot,
}

/// Everything in which two runs differ: rsync's on the left, ours on the right.
pub(crate) fn differences(theirs: &Outcome, ours: &Outcome) -> Vec<String> {
    let said = [&theirs.said, &ours.said];
    let mut found = Vec::new();
    let codes = said.map(|said| said.code);
    if codes[0] != codes[1] {
        found.push(format!("exit {} | {}", codes[0], codes[1]));
    }
    let errors = said.map(|said| if said.stderr.is_empty() { "silent" } else { "told" });
    if errors[0] != errors[1] {
        found.push(format!("stderr {} | {}", errors[0], errors[1]));
    }
    let [left, right] = said.map(|said| lines(&said.stdout));
    found.extend(changed_lines(&left, &right));
    found.extend(theirs.tree.differences(&ours.tree).iter().map(|line| format!("tree {line}")));
    found
}

/// What was found in the form of what is written: facts whose value on rsync's side is written as left to chance come
/// last, with our value, whether they differ this time or not.
pub(crate) fn with_chances(found: Vec<String>, written: &[String], ours: &Snapshot) -> Vec<String> {
    let facts = written.iter().filter(|line| line.starts_with("tree "));
    let starts = facts.filter_map(|line| line.split_once(CHANCE));
    let starts: Vec<String> = starts.map(|(start, _)| format!("{start} ")).collect();
    if starts.is_empty() {
        return found;
    }
    let facts: Vec<String> = ours.facts().iter().map(|fact| format!("tree {fact}")).collect();
    let is_sure = |line: &String| !starts.iter().any(|start| line.starts_with(start));
    let mut lines: Vec<String> = found.into_iter().filter(is_sure).collect();
    lines.extend(starts.iter().map(|start| {
        let value = facts.iter().find_map(|fact| fact.strip_prefix(start));
        format!("{}{CHANCE}{}", start.trim_end(), value.unwrap_or("missing"))
    }));
    lines
}

/// What of a run a line of a difference is about; an error if it is no such line.
pub(crate) fn aspect(line: &str) -> Result<Aspect, String> {
    match line.split(' ').next() {
        Some("exit") => Ok(Aspect::ExitCode),
        Some("stderr") => Ok(Aspect::Stderr),
        Some("-" | "+" | "=") => Ok(Aspect::Stdout),
        Some("tree") => Ok(Aspect::Tree),
        _ => Err(format!("no difference: {line}")),
    }
}

/// The lines of a text; a text that ends with a line feed has an empty one at its end.
fn lines(text: &[u8]) -> Vec<String> {
    text.split(|&byte| byte == b'\n').map(plain).collect()
}

/// A line in print: without control bytes, and with no blank at its end, which nobody would see.
fn plain(line: &[u8]) -> String {
    let mut text = String::new();
    for (index, &byte) in line.iter().enumerate() {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' ' if index + 1 == line.len() => text.push_str("\\s"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => write!(text, "\\x{byte:02x}").expect("writing to a string"),
        }
    }
    text
}

/// The lines that only one has (`-` the left one, `+` the right one), each run of them after the common line (`=`) that
/// is before it, which says where they stand.
fn changed_lines(left: &[String], right: &[String]) -> Vec<String> {
    let common = common_lengths(left, right);
    let (mut row, mut column) = (0, 0);
    let mut found = Vec::new();
    let mut before: Option<&String> = None;
    while row < left.len() || column < right.len() {
        let is_common = row < left.len() && column < right.len() && left[row] == right[column];
        if is_common {
            before = Some(&left[row]);
            (row, column) = (row + 1, column + 1);
            continue;
        }
        found.extend(before.take().map(|line| marked('=', line)));
        let is_left = column == right.len()
            || row < left.len() && common[row + 1][column] >= common[row][column + 1];
        if is_left {
            found.push(marked('-', &left[row]));
            row += 1;
        } else {
            found.push(marked('+', &right[column]));
            column += 1;
        }
    }
    found
}

/// A line with its mark.
fn marked(mark: char, line: &str) -> String {
    format!("{mark} {line}").trim_end().to_owned()
}

/// How many lines, in order, the rests of both from each pair of places on have in common.
fn common_lengths(left: &[String], right: &[String]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; right.len() + 1]; left.len() + 1];
    for row in (0..left.len()).rev() {
        for column in (0..right.len()).rev() {
            lengths[row][column] = if left[row] == right[column] {
                lengths[row + 1][column + 1] + 1
            } else {
                lengths[row + 1][column].max(lengths[row][column + 1])
            };
        }
    }
    lengths
}

#[test]
fn changed_lines_stand_behind_the_common_line_before_them() {
    let changed = |left: &str, right: &str| {
        changed_lines(&lines(left.as_bytes()), &lines(right.as_bytes())).join("|")
    };
    assert_eq!(changed("a\nb\n", "a\nb\n"), "");
    assert_eq!(changed("a\nb\n", "b\n"), "- a");
    assert_eq!(changed("a\nb\n", "a\nc\nb\nd\n"), "= a|+ c|= b|+ d");
    assert_eq!(changed("a\nb\nc\n", "a\nx\nc\n"), "= a|- b|+ x");
    assert_eq!(changed("a\nb\n", "b\na\n"), "- a|= b|+ a");
    assert_eq!(changed("a\n", "a"), "= a|-");
    assert_eq!(changed("a \\\t\n", ""), "- a \\\\\\x09");
    assert_eq!(changed("a \n", "a\n"), "- a\\s|+ a");
}
