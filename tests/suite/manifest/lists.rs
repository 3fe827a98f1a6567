//! One check file against another: no file that they list is touched, or even there.

use std::fs;

use crate::support::arena::Arena;
use crate::support::run::Output;

fn sum(digit: char, digits: usize) -> String {
    digit.to_string().repeat(digits)
}

fn compared(old: &str, new: &str, options: &[&str]) -> (Arena, Output) {
    let arena = Arena::new();
    fs::write(arena.path("old"), old).expect("room for a file");
    fs::write(arena.path("new"), new).expect("room for a file");
    let output = arena.twosync(&[&["--verify-only", "--against=old"], options, &["new"]].concat());
    (arena, output)
}

#[test]
fn two_check_files_are_compared_by_path_without_any_file() {
    let (a, b) = (sum('a', 64), sum('b', 64));
    let old = format!("{a}  gone\n{a}  x\n{a}  sub/changed\n{b}  moved/away\n");
    let new = format!("{a}  ./x\n{b}  ./sub/changed\n{b}  ./moved/here\n{b}  ./y\n");
    let (_, output) = compared(&old, &new, &["-v"]);
    let expected = [
        ">fc........ sub/changed",
        "*extra      moved/here",
        "*extra      y",
        "*missing    gone",
        "*missing    moved/away",
        "compared 2 names with old (sha256 or blake3): no file was read, 5 differences found \
         (content: 1, missing: 2, extra: 2)",
    ];
    assert_eq!(output.expect_code(40).lines(), expected);
    let (_, output) = compared(&new, &new, &["-v", "--stats"]);
    let told = output.expect_code(0).told();
    assert!(
        told.contains("compared names: 4\n") && told.contains("compared differences: 0\n"),
        "{told}"
    );
    assert!(!told.contains("verified"), "{told}");
    let (_, output) = compared(&old, &new, &["--exclude=/moved/", "--exclude=gone", "--exclude=y"]);
    assert_eq!(output.expect_code(40).lines()[0], ">fc........ sub/changed");
    assert_eq!(output.lines().len(), 2, "{}", output.told());
}

#[test]
fn different_forms_are_compared_by_the_digests_that_both_have() {
    let (md5, sha1, sha256) = (sum('a', 32), sum('b', 40), sum('c', 64));
    let hashdeep = |size: u64, sha256: &str| {
        format!("%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n{size},{md5},{sha256},./x\n")
    };
    for (old, new, code) in [
        (hashdeep(5, &sha256), format!("{sha256}  x\n"), 0),
        (hashdeep(5, &sha256), format!("MD5 (x) = {md5}\n"), 0),
        (hashdeep(5, &sha256), hashdeep(6, &sha256), 40),
        (hashdeep(5, &sha256), hashdeep(5, &sum('d', 64)), 40),
        (hashdeep(5, &sha256), format!("{sha1}  x\n"), 1),
        (format!("{sha256}  x\n"), format!("SHA256 (x) = {sha256}\n"), 0),
        (format!("{md5}  x\n"), format!("{sha256}  x\n"), 1),
        (
            format!("MD5 (x) = {md5}\nSHA1 (y) = {sha1}\n"),
            format!("SHA1 (x) = {sha1}\nSHA1 (y) = {sha1}\n"),
            1,
        ),
    ] {
        let (_, output) = compared(&old, &new, &["-v"]);
        output.expect_code(code);
        if code == 1 {
            assert!(output.errors().contains("in common"), "{}", output.errors());
        }
    }
}

#[test]
fn both_have_to_make_sense_before_anything_is_compared() {
    let good = format!("{}  x\n", sum('a', 64));
    for (old, new, file) in [("x", good.as_str(), "old"), (&good, "x", "new"), (&good, "", "new")] {
        let (_, output) = compared(old, new, &["-v"]);
        output.expect_code(1);
        assert!(output.errors().contains(&format!("\"{file}\": line")), "{}", output.errors());
        assert_eq!(output.told(), "");
    }
    let (_, output) = compared(&good, &good, &["--filter=: .rules"]);
    assert!(output.expect_code(1).errors().contains("need directories"), "{}", output.errors());
}

#[test]
fn nothing_that_was_not_read_is_listed_as_read() {
    let line = format!("{}  x\n", sum('a', 64));
    let (arena, output) = compared(&line, &line, &["--manifest=b3"]);
    assert!(output.expect_code(1).errors().contains("--manifest lists what was read"));
    assert!(!arena.path("b3").exists());
}

#[test]
fn a_path_that_is_listed_twice_is_compared_once() {
    let line = format!("{}  x\n", sum('a', 64));
    let (_, output) = compared(&line.repeat(2), &line.repeat(3), &["-v"]);
    assert!(output.expect_code(0).told().starts_with("compared 1 name with"), "{}", output.told());
}
