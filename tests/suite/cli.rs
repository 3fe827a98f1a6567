//! The command line from outside: every option of the table, exit codes, and who gets which words.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::run::{start_twosync, twosync_into};

const TABLE: &str = include_str!("../../fixtures/options.tsv");

/// A directory with a source of one file and an empty destination.
fn place() -> Arena {
    Arena::with("src/a file \"content\"\ndst dir\n")
}

struct Row {
    spellings: Vec<&'static str>,
    class: &'static str,
    exit: i32,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [spellings, class, exit] = cells[..] else { panic!("{line}") };
        Row { spellings: spellings.split(' ').collect(), class, exit: exit.parse().unwrap() }
    });
    rows.collect()
}

#[test]
fn every_option_does_what_the_table_says() {
    let arena = place();
    let mut wrong = Vec::new();
    for row in rows() {
        let name = row.spellings[0].split('=').next().unwrap();
        // Only root can become somebody else, be it root.
        if name == "--copy-as" && row.exit == 0 && !is_root_or_skipped("--copy-as") {
            continue;
        }
        for spelling in &row.spellings {
            fs::remove_dir_all(arena.path("dst")).unwrap();
            fs::create_dir(arena.path("dst")).unwrap();
            let output = arena.twosync(&["-a", spelling, "src/", "dst"]);
            let (code, errors) = (output.code, output.errors());
            let is_named = errors.lines().next().is_some_and(|line| line.contains(name));
            let fits = match row.class {
                "works" | "noop" => errors.is_empty() || row.exit == 40,
                "later" => is_named && errors.contains("not supported yet"),
                "refused" => is_named,
                other => panic!("{other}"),
            };
            if code != row.exit || !fits {
                wrong.push(format!("{spelling}: {code}, not {}: {errors}", row.exit));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_spelling_of_every_option() {
    let listed: HashSet<String> = rows()
        .iter()
        .flat_map(|row| row.spellings.clone())
        .map(|spelling| match spelling.strip_prefix("--") {
            Some(long) => long.split('=').next().unwrap().to_owned(),
            None => spelling[1..2].to_owned(),
        })
        .collect();
    for row in twosync::cli::table::OPTIONS {
        let letter = row.letter.map(String::from);
        let names = std::iter::once(row.name).chain(row.aliases.iter().copied());
        for name in names.map(str::to_owned).chain(letter) {
            assert!(listed.contains(&name), "{name}");
        }
    }
}

#[test]
fn an_option_that_is_refused_changes_nothing() {
    let arena = place();
    let output = arena.twosync(&["-a", "--write-devices", "--delete", "src/", "dst"]);
    assert_eq!(output.code, 4);
    assert_eq!(output.told(), "");
    assert_eq!(fs::read_dir(arena.path("dst")).unwrap().count(), 0);
    assert_eq!(
        output.errors(),
        "twosync: --write-devices is not supported yet: use rsync for that\n\
         twosync: requested action not supported (code 4)\n"
    );
}

#[test]
fn remote_operands_are_sent_to_a_mount_or_to_rsync() {
    let arena = place();
    for operands in [["host:src", "dst"], ["src", "host::module"], ["rsync://host/m", "dst"]] {
        let output = arena.twosync(&["-a", operands[0], operands[1]]);
        assert_eq!(output.code, 4, "{operands:?}");
        assert!(output.errors().contains("mount it, or use rsync for that leg"), "{operands:?}");
    }
    let local = arena.twosync(&["-a", "./src/", "./co:lon"]);
    assert_eq!(local.code, 0, "{}", local.errors());
    assert!(arena.path("co:lon/a").exists());
}

#[test]
fn operands_that_are_missing_or_empty() {
    let arena = place();
    for (words, code, text) in [
        (&["-a", "--verify-only", "src"][..], 1, "a listing has none"),
        (&["-a", "", "dst"], 1, "source operand is empty"),
        (&["-a", "src", ""], 1, "destination operand is empty"),
        (&["--delete", "src/", "dst"], 1, "--delete does not work without"),
        (&["-a", "--no-r", "--del", "src/", "dst"], 1, "--delete does not work without"),
        (&["-a", "--verify-only", "--verify=none", "src/", "dst"], 1, "--verify-only"),
    ] {
        let output = arena.twosync(words);
        assert_eq!(output.code, code, "{words:?}");
        assert!(output.errors().contains(text), "{words:?}: {}", output.errors());
        assert_eq!(output.told(), "", "{words:?}");
    }
}

#[test]
fn help_goes_to_stdout_and_usage_to_stderr() {
    let arena = place();
    for words in [&["-h"][..], &["--help"], &["-vh"], &["-a", "--help", "src", "dst"]] {
        let output = arena.twosync(words);
        assert_eq!(output.code, 0, "{words:?}");
        assert!(output.told().contains("Usage: twosync [OPTION]... SRC... DEST"), "{words:?}");
        assert_eq!(output.errors(), "", "{words:?}");
    }
    for words in [&[][..], &["-v"], &["--no-h"]] {
        let output = arena.twosync(words);
        assert_eq!(output.code, 1, "{words:?}");
        assert!(output.errors().contains("Usage: twosync [OPTION]... SRC... DEST"), "{words:?}");
        assert_eq!(output.told(), "", "{words:?}");
    }
    let version = arena.twosync(&["-V"]);
    assert!(version.told().starts_with("twosync  version "));
    assert!(arena.twosync(&["-VV"]).told().starts_with("{\n"));
    let page = arena.twosync(&["--generate=man"]);
    assert!(page.told().contains(".SH \"THE TWO PHASES\""));
}

#[test]
fn posixly_correct_takes_what_follows_an_operand_for_operands() {
    let arena = place();
    let words = ["-a", "src/", "-v", "dst"];
    let output = arena.twosync_with_env(&words, &[("POSIXLY_CORRECT", "1")]);
    assert_eq!(output.code, 23, "-v is a source that is not there");
    assert_eq!(output.told(), "");
    let output = arena.twosync(&words);
    assert_eq!(output.code, 0);
    assert!(output.told().starts_with("sending incremental file list\n"));
}

#[test]
fn a_clean_run_is_silent_and_a_told_one_ends_with_phase_two() {
    let arena = place();
    let silent = arena.twosync(&["-a", "src/", "dst"]);
    assert_eq!((silent.told(), silent.errors()), (String::new(), String::new()));
    assert_eq!(fs::read(arena.path("dst/a")).unwrap(), b"content");
    let told = arena.twosync(&["-av", "src/", "new"]).told();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[..4], ["sending incremental file list", "created directory new", "./", "a"]);
    assert!(lines[5].starts_with("sent 7 bytes  received 0 bytes  "), "{told}");
    assert_eq!(lines[6], "total size is 7  speedup is 1.00");
    assert!(lines[7].starts_with("verified 2 entries: 7 bytes read back "), "{told}");
    assert!(lines[7].ends_with(", 0 differences"), "{told}");
    assert_eq!(lines.len(), 8);
}

#[test]
fn an_audit_lists_differences_changes_nothing_and_ends_with_40() {
    let arena = place();
    fs::write(arena.path("src/b"), "new").unwrap();
    fs::write(arena.path("dst/extra"), "x").unwrap();
    fs::write(arena.path("dst/a"), "CONTENT").unwrap();
    let words = ["-r", "--size-only", "--delete", "--verify-only", "src/", "dst"];
    let output = arena.twosync(&words);
    assert_eq!(output.code, 40);
    let told = output.told();
    let mut lines: Vec<&str> = told.lines().filter(|line| line.len() > 12).collect();
    lines.sort_unstable();
    assert_eq!(lines[0], "*extra      extra");
    assert_eq!(lines[1], "*missing    b");
    assert!(lines[2].starts_with(">fc") && lines[2].ends_with(" a"), "{told}");
    assert_eq!(fs::read(arena.path("dst/a")).unwrap(), b"CONTENT");
    assert!(arena.path("dst/extra").exists() && !arena.path("dst/b").exists());
}

#[test]
fn progress_of_each_file_follows_its_name() {
    let arena = place();
    let told = arena.twosync(&["-a", "--progress", "src/", "dst"]).told();
    let line = told.lines().find(|line| line.contains("xfr#")).unwrap();
    assert!(line.starts_with("\r              7 100% "), "{told}");
    assert!(line.contains("B/s    0:00:00 (xfr#1, "), "{told}");
    assert!(line.ends_with("-chk=0/2)"), "{told}");
    assert!(told.contains("\na\n\r"), "{told}");
    let whole = arena.twosync(&["-aI", "--info=progress2", "src/", "dst"]).told();
    assert!(whole.starts_with("\r              7 100% "), "{whole}");
    assert_eq!(whole.lines().count(), 2, "one line that grows, and phase two's: {whole}");
}

#[test]
fn errors_stay_with_quiet_and_the_last_line_has_the_code() {
    let arena = place();
    let output = arena.twosync(&["-aqv", "missing", "src/", "dst"]);
    assert_eq!(output.code, 23);
    assert_eq!(output.told(), "");
    let errors = output.errors();
    assert!(errors.contains("\"missing\""), "{errors}");
    assert!(errors.lines().last().unwrap().ends_with("(code 23)"), "{errors}");
    assert!(arena.path("dst/a").exists());
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_copy() {
    let arena = place();
    for name in 0..500 {
        fs::write(arena.path(format!("src/{name}")), "x").unwrap();
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = twosync_into(writer, &["-avv", "src/", "dst"], arena.top());
    assert_eq!(output.code, 0, "{}", output.errors());
    assert_eq!(output.errors(), "");
    assert_eq!(fs::read_dir(arena.path("dst")).unwrap().count(), 501);
}

#[test]
fn an_output_that_can_not_be_written_is_told() {
    let arena = place();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = twosync_into(full, &["-av", "src/", "dst"], arena.top());
    assert_eq!(output.code, 11);
    assert!(output.errors().contains("\"stdout\""), "{}", output.errors());
    assert!(arena.path("dst/a").exists());
}

#[test]
fn stderr_all_takes_everything_there() {
    let arena = place();
    let output = arena.twosync(&["-av", "--stderr=all", "src/", "dst"]);
    assert_eq!(output.told(), "");
    assert!(output.errors().starts_with("sending incremental file list\n"));
}

/// A run that stands still because nobody reads its output: more of it than all buffers hold.
fn stuck(arena: &Arena) -> Child {
    for number in 0..2_000 {
        fs::write(arena.path(format!("src/{number:0>200}")), "x").unwrap();
    }
    let mut child = start_twosync(&["-av", "src/", "dst"], arena.top());
    let mut first = [0; 1];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    child
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn the_first_signal_ends_the_run_in_order() {
    let arena = place();
    let child = stuck(&arena);
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(20));
    let [told, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(errors, "twosync: interrupted by a signal (code 20)\n");
    assert!(!told.contains("total size is"));
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let arena = place();
    let mut child = stuck(&arena);
    // Its output is still not read: only an end at once ends this loop. Not HUP: nohup ignores it.
    let status = loop {
        send(&child, Signal::TERM);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(20));
}
