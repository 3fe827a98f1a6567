//! The log file (`--log-file`): the same lines as rsync's, but for times, processes and what travels.

use std::fs;
use std::os::unix::fs::{lchown, symlink};

use crate::safety::text;
use crate::support::arena::{Arena, NOBODY, is_root_or_skipped};

/// The lines of a log without what each begins with, which has to look like `2026/01/31 23:59:59 [123] `.
fn lines(arena: &Arena, name: &str) -> Vec<String> {
    let strip = |line: &str| {
        let shape: String = line
            .split_inclusive("] ")
            .next()
            .expect("a line")
            .chars()
            .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
            .collect();
        assert!(shape.starts_with("0000/00/00 00:00:00 [0"), "{line}");
        line.split_once("] ").expect("a process").1.to_owned()
    };
    text(arena, name).lines().map(strip).collect()
}

/// A source, and a destination in which one file differs, one has another mode and one is too much.
fn arena() -> Arena {
    Arena::with(
        "s/a file \"new\"\ns/b file 0600 \"same\"\ns/c file \"c\"\ns/l link -> a\n\
         d/a file \"older\"\nd/b file \"same\"\nd/c file \"c\"\nd/gone file \"gone\"\nd/l link -> a\n",
    )
}

#[test]
fn the_log_names_what_was_done_and_ends_with_the_totals() {
    for quiet in [&[][..], &["-q"]] {
        let arena = arena();
        let args = ["-a", "--delete", "-j1", "--log-file=log", "s/", "d"];
        let output = arena.twosync(&[quiet, &args].concat());
        output.expect_code(0);
        assert_eq!(output.stdout, b"");
        let expected = [
            "building file list",
            "*deleting   gone",
            ">f.s....... a",
            "sent 3 bytes  received 0 bytes  total size 9",
            "verified 5 entries: 8 bytes read back through the page cache, 0 differences",
        ];
        let told = lines(&arena, "log");
        let told: Vec<&String> = told.iter().filter(|line| !line.ends_with("./")).collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn what_the_output_tells_decides_what_the_log_tells_in_its_own_format() {
    let arena = arena();
    let args = ["-ai", "--delete", "--log-file=log", "--log-file-format=%o %n %l", "s/", "d"];
    let output = arena.twosync(&args);
    output.expect_code(0);
    assert!(output.lines().contains(&".f...p..... b".to_owned()), "{:?}", output.lines());
    let told = lines(&arena, "log");
    assert!(told.contains(&"send b 4".to_owned()), "{told:?}");
    assert!(told.contains(&"del. gone 0".to_owned()), "{told:?}");
}

#[test]
fn an_empty_format_leaves_updates_out_of_the_log() {
    let arena = arena();
    let args = ["-av", "--delete", "--log-file=log", "--log-file-format=", "s/", "d"];
    arena.twosync(&args).expect_code(0);
    let told = lines(&arena, "log");
    assert_eq!(told[..2], ["building file list", "deleting gone"]);
    assert!(told[2].starts_with("sent 3 bytes  received 0 bytes  "), "{told:?}");
}

#[test]
fn a_log_grows_and_has_the_errors() {
    let arena = arena();
    arena.twosync(&["-a", "--log-file=log", "s/", "d"]).expect_code(0);
    let before = lines(&arena, "log");
    arena.twosync(&["-a", "--log-file=log", "missing", "s/", "d"]).expect_code(23);
    let after = lines(&arena, "log");
    assert_eq!(after[..before.len()], before[..]);
    let errors: Vec<&String> = after.iter().filter(|line| line.starts_with("twosync: ")).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("missing") && errors[1].ends_with("(code 23)"), "{errors:?}");
}

#[test]
fn a_log_that_can_not_be_opened_is_told_and_stops_nothing() {
    let arena = arena();
    for name in ["--log-file=no/such/log", "--log-file=s"] {
        let output = arena.twosync(&["-a", name, "s/", "d"]);
        output.expect_code(0);
        assert!(output.errors().contains("open the log"), "{}", output.errors());
        assert_eq!(text(&arena, "d/a"), "new");
    }
}

#[test]
fn a_log_that_can_not_be_written_is_told_and_fails_the_run() {
    let arena = arena();
    let output = arena.twosync(&["-a", "--log-file=/dev/full", "s/", "d"]);
    output.expect_code(11);
    assert!(output.errors().contains("write the log"), "{}", output.errors());
    assert_eq!(text(&arena, "d/a"), "new");
}

#[test]
fn a_log_behind_a_symlink_of_somebody_else_is_not_written() {
    if !is_root_or_skipped("symlinks of another user") {
        return;
    }
    let arena = arena();
    symlink("victim", arena.path("log")).expect("our own directory");
    fs::write(arena.path("victim"), "").expect("our own directory");
    lchown(arena.path("log"), Some(NOBODY), Some(NOBODY)).expect("root may give away");
    let output = arena.twosync(&["-a", "--log-file=log", "s/", "d"]);
    output.expect_code(0);
    assert!(output.errors().contains("belongs to neither root nor you"), "{}", output.errors());
    assert_eq!(text(&arena, "victim"), "");
    arena.twosync(&["-a", "--insecure-links", "--log-file=log", "s/", "d"]).expect_code(0);
    assert_ne!(text(&arena, "victim"), "");
}
