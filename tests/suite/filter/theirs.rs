//! rsync's answer to a row.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::ours::{below, topmost};
use super::rows::{Answer, Question, Row};
use crate::support::run::{Conditions, Output, as_bytes, run, twosync};

/// Runs a program on a row where it was built.
fn ask(program: &Path, mode: &[&str], row: &Row, top: &Path) -> Output {
    let operands = row.operands.iter().cloned();
    let args: Vec<Vec<u8>> = as_bytes(mode)
        .into_iter()
        .chain(row.options_at(top))
        .chain(operands)
        .chain([b"d/".to_vec()])
        .collect();
    let mut env = vec![("HOME".into(), top.join("home").into_os_string())];
    env.extend(row.cvsignore.clone().map(|value| ("CVSIGNORE".into(), OsString::from_vec(value))));
    run(program, &args, top, &Conditions { env, ..Conditions::default() })
}

/// What rsync says while it looks at a row.
fn lines(rsync: &Path, debug: &str, row: &Row, top: &Path) -> Vec<String> {
    let output = ask(rsync, &["-nr8", debug], row, top);
    output.told().lines().map(str::to_owned).collect()
}

/// What the sender says about what it hides and shows.
pub(super) fn messages(rsync: &Path, row: &Row, top: &Path) -> BTreeSet<String> {
    let lines = lines(rsync, "--debug=FILTER", row, top).into_iter();
    lines.filter(|line| line.starts_with("[sender] ") && line.contains(" because of ")).collect()
}

/// How rsync prints the rules of the command line, without the CVS list.
pub(super) fn printed(rsync: &Path, row: &Row, top: &Path) -> Vec<String> {
    let lines = lines(rsync, "--debug=FILTER2", row, top).into_iter();
    let rules = lines.filter_map(|line| {
        let rule = line.strip_prefix("[client] add_rule(")?;
        Some(rule[..rule.rfind(')')?].to_owned())
    });
    rules.collect()
}

/// Runs rsync in the directory where the row was built.
pub(super) fn answer(rsync: &Path, row: &Row, top: &Path) -> Answer {
    let mode = match row.question {
        Question::Transfer => ["-nr8", "--out-format=%n"],
        Question::Delete => ["-r8", "--delete-before"],
    };
    let before = below(&top.join("d"));
    let output = ask(rsync, &mode, row, top);
    if output.code != 0 {
        return Answer::Refused(output.code);
    }
    match row.question {
        Question::Transfer => {
            let listed = listed(&output);
            let all = row.operands.iter().flat_map(|operand| super::ours::candidates(top, operand));
            Answer::Paths(topmost(&all.filter(|path| !listed.contains(path)).collect()))
        }
        Question::Delete => kept(before, top),
    }
}

/// What of the destination as it was `before` is still there, and not in the source.
fn kept(before: BTreeSet<Vec<u8>>, top: &Path) -> Answer {
    let [source, after] = ["s", "d"].map(|dir| below(&top.join(dir)));
    let kept = before.into_iter().filter(|path| after.contains(path) && !source.contains(path));
    Answer::Paths(kept.collect())
}

/// Runs the program under test in the directory where the row was built, and looks at what it did.
pub(super) fn programs_answer(row: &Row, top: &Path) -> Answer {
    let before = below(&top.join("d"));
    // A second phase goes by the rule files that the first one leaves, like a second rsync.
    let mode: &[&str] = match row.question {
        Question::Transfer => &["-r8", "--verify=none"],
        Question::Delete => &["-r8", "--verify=none", "--delete-before"],
    };
    let output = ask(&twosync(), mode, row, top);
    if output.code != 0 {
        return Answer::Refused(output.code);
    }
    match row.question {
        Question::Transfer => {
            let all = row.operands.iter().flat_map(|operand| super::ours::candidates(top, operand));
            let bare = |path: &[u8]| path.strip_suffix(b"/").unwrap_or(path).to_vec();
            let after = below(&top.join("d"));
            let arrived: BTreeSet<Vec<u8>> = after.iter().map(|path| bare(path)).collect();
            Answer::Paths(topmost(&all.filter(|path| !arrived.contains(&bare(path))).collect()))
        }
        Question::Delete => kept(before, top),
    }
}

/// The names that rsync printed.
fn listed(output: &Output) -> BTreeSet<Vec<u8>> {
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(unescape).collect()
}

/// Puts bytes in place of `\#ooo`.
fn unescape(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        if let [b'\\', b'#', a @ b'0'..=b'7', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] = rest {
            bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}
