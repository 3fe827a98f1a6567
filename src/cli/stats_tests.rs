//! What is told at the end, beside what rsync 3.5.0 tells.

use std::ffi::OsString;
use std::time::Duration;

use super::closing;
use crate::cli::args::{Placement, parse};
use crate::cli::display::Display;
use crate::cli::names::{High, Reader};
use crate::cli::resolve::{Request, Surroundings, User, resolve};
use crate::report::tally::{Census, Findings, Tally};
use crate::sync::Report;

fn display(line: &str) -> Display {
    let words: Vec<OsString> = format!("{line} s d").split(' ').map(OsString::from).collect();
    let args = parse(&words, Placement::Anywhere).unwrap();
    let around = Surroundings { user: User::Root, reader: Reader::Program, high: High::Utf8 };
    match resolve(&args, around).unwrap() {
        Request::Run(run) => run.display,
        other => panic!("{other:?}"),
    }
}

fn report() -> Report {
    let listed = Census { files: 1500, dirs: 2, links: 1, devices: 0, specials: 1 };
    Report {
        copy: Tally {
            listed,
            created: listed,
            transferred_files: 1500,
            transferred_bytes: 3_000_002,
            total_bytes: 3_000_005,
            written_bytes: 3_000_002,
            ..Tally::default()
        },
        verify: Some(Tally { dest_read_bytes: 3_000_002, ..Tally::default() }),
        findings: Findings {
            compared: 1504,
            compared_files: 1500,
            digests_reused: 1500,
            ..Findings::default()
        },
        untold_refusals: 0,
        ..Report::default()
    }
}

fn told(options: &str, report: &Report) -> String {
    closing(report, Duration::from_millis(1900), &display(options))
}

#[test]
fn nothing_is_told_that_nobody_asked_for() {
    for options in ["-a", "-ai", "-aq", "-avq --stats", "-a --info=name"] {
        assert_eq!(told(options, &report()), "", "{options}");
    }
}

#[test]
fn the_trailer_is_rsyncs_and_our_line_comes_after_it() {
    assert_eq!(
        told("-av", &report()),
        "\nsent 3,000,002 bytes  received 0 bytes  2,000,001.33 bytes/sec\n\
         total size is 3,000,005  speedup is 1.00\n\
         verified 1,504 entries: 3,000,002 bytes read back through the page cache, 0 differences\n"
    );
    assert_eq!(
        told("-avh", &report()),
        "\nsent 3.00M bytes  received 0 bytes  2.00M bytes/sec\n\
         total size is 3.00M  speedup is 1.00\n\
         verified 1,504 entries: 3.00M bytes read back through the page cache, 0 differences\n"
    );
    assert!(
        told("-avv", &report())
            .starts_with("total: matches=0  hash_hits=0  false_alarms=0 data=3000002\n\nsent ")
    );
}

#[test]
fn a_run_that_sends_nothing_divides_by_nothing() {
    let mut dry = Report { verify: None, ..report() };
    dry.copy.written_bytes = 0;
    assert_eq!(
        told("-avn", &dry),
        "\nsent 0 bytes  received 0 bytes  0.00 bytes/sec\n\
         total size is 3,000,005  speedup is 3,000,005.00 (DRY RUN)\n"
    );
    dry.copy.total_bytes = 0;
    assert!(told("-av", &dry).contains("total size is 0  speedup is 0.00\n"));
}

#[test]
fn the_counts_are_rsyncs() {
    let text = told("-a --stats", &report());
    let (theirs, ours) = text.split_once("verified").unwrap();
    assert_eq!(
        theirs,
        "\nNumber of files: 1,504 (reg: 1,500, dir: 2, link: 1, special: 1)\n\
         Number of created files: 1,504 (reg: 1,500, dir: 2, link: 1, special: 1)\n\
         Number of deleted files: 0\n\
         Number of regular files transferred: 1,500\n\
         Total file size: 3,000,005 bytes\n\
         Total transferred file size: 3,000,002 bytes\n\
         Literal data: 3,000,002 bytes\n\
         Matched data: 0 bytes\n\
         File list size: 0\n\
         File list generation time: 0.000 seconds\n\
         File list transfer time: 0.000 seconds\n\
         Total bytes sent: 3,000,002\n\
         Total bytes received: 0\n\
         \nsent 3,000,002 bytes  received 0 bytes  2,000,001.33 bytes/sec\n\
         total size is 3,000,005  speedup is 1.00\n"
    );
    assert!(ours.contains("verified bytes read back: 3,000,002 bytes (through the page cache)\n"));
    assert!(format!("verified{ours}").lines().all(|line| line.starts_with("verified ")));
}

#[test]
fn differences_are_told_even_if_nobody_asked() {
    let mut report = report();
    report.findings.content_differences = 2;
    report.findings.missing = 1;
    report.findings.repaired = 2;
    report.findings.remaining = 1;
    let line = told("-a", &report);
    assert!(line.starts_with("verified "), "{line}");
    assert!(
        line.ends_with(", 3 differences found (content: 2, missing: 1), 2 repaired, 1 remaining\n"),
        "{line}"
    );
    assert!(
        told("-a --stats", &report).contains("verified differences: 3 (content: 2, missing: 1)\n")
    );
    assert_eq!(told("-aq", &report), "");
}

#[test]
fn a_quick_check_is_never_called_verified() {
    let quick = report();
    for options in ["-av --verify=metadata", "-a --stats --verify=metadata"] {
        let text = told(options, &quick);
        assert!(!text.to_lowercase().contains("verified"), "{text}");
        assert!(text.contains("by size, time and attributes"), "{text}");
    }
    let text = told("-av --size-only", &report());
    assert!(text.contains("verified 1,500 files that this run wrote: 3,000,002 bytes"), "{text}");
    assert!(text.contains("; compared 1,504 entries by size, time and attributes, 0"), "{text}");
}

#[test]
fn an_audit_has_no_trailer() {
    let mut audit = report();
    audit.findings.metadata_differences = 1;
    let line = told("-av --verify-only", &audit);
    assert_eq!(
        line,
        "verified 1,504 entries: 3,000,002 bytes read back through the page cache, 1 difference found\n"
    );
    assert!(told("-a --stats --verify-only", &audit).starts_with("verified entries: 1,504\n"));
}
