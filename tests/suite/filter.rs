//! The filter language: tables of rules whose answers rsync gave, and random rules that rsync and
//! `twosync::filter` are both asked.
//!
//! The tables are in `fixtures/filter` (`rows` has their language). Environment:
//! `TWOSYNC_FILTER_RECORD=1` writes rsync's present answers into them; `TWOSYNC_FILTER_CASES` is the
//! number of random cases; `TWOSYNC_PARITY_RSYNC` and `TWOSYNC_PARITY=skip` are as for parity.

mod ours;
mod random;
mod rows;
mod theirs;

use std::fmt::Write as _;
use std::fs;

use rows::{Answer, Row};

use crate::support::skipped::rsync_or_skipped;

/// One test per table, and the list of the tables.
macro_rules! tables {
    ($($table:ident)*) => {
        const TABLES: &[&str] = &[$(stringify!($table)),*];
        $(#[test] fn $table() { check_table(stringify!($table)); })*
    };
}

tables! {
    delete
    merging
    patterns
    syntax
}

/// Asks both about every row of a table.
fn check_table(name: &str) {
    let file = rows::file(name);
    let text = fs::read_to_string(&file).expect("the table is there");
    let rsync = rsync_or_skipped("rsync's own answers");
    let is_recording = std::env::var_os("TWOSYNC_FILTER_RECORD").is_some();
    let mut failures = String::new();
    let mut recorded = text.clone();
    for row in rows::read(&text) {
        let mut expected = row.expected.clone();
        if let Some(rsync) = &rsync {
            let arena = row.build();
            let theirs = theirs::answer(rsync, &row, arena.path());
            if is_recording {
                recorded = recorded.replace(&row.line, &row.with_answer(&theirs));
                expected = theirs;
            } else {
                report(&mut failures, "rsync", &row, &expected, &theirs);
            }
        }
        let arena = row.build();
        let ours = ours::answer(&row, arena.path());
        report(&mut failures, "twosync", &row, &expected, &ours);
    }
    if is_recording {
        fs::write(&file, recorded).expect("the table can be written");
    }
    assert!(failures.is_empty(), "\n{failures}");
}

fn report(failures: &mut String, who: &str, row: &Row, expected: &Answer, given: &Answer) {
    if expected != given {
        writeln!(failures, "{}\n  {who} says: {given}\n  instead of: {expected}", row.line)
            .expect("a string");
    }
}

#[test]
fn every_table_is_read_by_a_test_and_there_are_enough_rows() {
    let mut count = 0;
    for entry in fs::read_dir(rows::file("x").parent().expect("a directory")).expect("tables") {
        let name = entry.expect("a table").file_name().into_string().expect("a plain name");
        let name = name.strip_suffix(".txt").expect("nothing but tables").to_owned();
        assert!(TABLES.contains(&name.as_str()), "{name} is read by no test");
        count += rows::read(&fs::read_to_string(rows::file(&name)).expect("text")).len();
    }
    assert!(count >= 150, "only {count} rows");
}

/// The rows of a table whose rules are right, about the plain operand `s/`.
fn plain_rows(table: &str) -> Vec<Row> {
    let rows = rows::read(&fs::read_to_string(rows::file(table)).expect("the table is there"));
    let is_plain = |row: &Row| {
        matches!(row.expected, Answer::Paths(_)) && row.operands == [b"s/"] && row.line.is_ascii()
    };
    rows.into_iter().filter(is_plain).collect()
}

#[test]
fn what_a_verdict_is_based_on_is_called_as_rsync_calls_it() {
    let Some(rsync) = rsync_or_skipped("all") else {
        return;
    };
    for row in ["merging", "syntax"].into_iter().flat_map(plain_rows).step_by(3) {
        let arena = row.build();
        let ours = ours::messages(&row, arena.path());
        assert_eq!(ours, theirs::messages(&rsync, &row, arena.path()), "{}", row.line);
    }
}

#[test]
fn rules_are_printed_back_as_rsync_prints_them() {
    let Some(rsync) = rsync_or_skipped("all") else {
        return;
    };
    let is_printed = |row: &Row| {
        let line = &row.line;
        // A list that was cleared, rules of files, what is merged already, and control bytes are
        // not printed back or not in the same way.
        let others =
            ["@", "C", "!,", "clear", "=! ", "f ! ", "%0", "%E", "merge", ":_", ":+", ":e"];
        !others.iter().any(|other| line.contains(other))
    };
    let mut count = 0;
    for row in plain_rows("syntax").into_iter().filter(is_printed) {
        let arena = row.build();
        let set = ours::rules(&row, arena.path()).expect("rules that are right");
        let ours: Vec<_> = set.short_forms().map(String::from_utf8_lossy).collect();
        assert_eq!(ours, theirs::printed(&rsync, &row, arena.path()), "{}", row.line);
        count += 1;
    }
    assert!(count > 40, "only {count} rows");
}
