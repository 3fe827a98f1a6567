//! What is told at the end of an audit against a check file.
//!
//! What was not read is never called "verified".

use std::os::unix::ffi::OsStrExt;

use crate::cli::display::Display;
use crate::cli::stats::{broken_down, counted, differences, kinds_of_differences, whence};
use crate::model::checksum::Algorithm;
use crate::sync::Report;
use crate::sync::audit::{Audited, By, Compared};

/// The audit in one line.
pub fn verdict(report: &Report, audited: &Audited, display: &Display) -> String {
    let (numbers, found) = (display.numbers, &report.findings);
    let by = algorithms(&audited.by);
    let against = name(display);
    let mut parts = vec![match audited.what {
        Compared::Files => {
            let files = counted(found.compared, "file", "files", numbers);
            format!("verified {files} against {against} ({by}): {}", read(report, display))
        }
        Compared::CheckFile => {
            let names = counted(found.compared, "name", "names", numbers);
            format!("compared {names} with {against} ({by}): no file was read")
        }
    }];
    let total = counted(found.differences(), "difference", "differences", numbers);
    parts.push(match found.differences() {
        0 => total,
        _ => broken_down(&format!("{total} found"), &kinds_of_differences(found), numbers),
    });
    if found.unstable_reads > 0 {
        let unstable = counted(found.unstable_reads, "unstable read", "unstable reads", numbers);
        parts.push(format!("{unstable} (the same bytes read twice were not the same)"));
    }
    format!("{}\n", parts.join(", "))
}

/// The block of `--stats`: each line starts with the same word.
pub fn findings(report: &Report, audited: &Audited, display: &Display) -> String {
    let (numbers, found) = (display.numbers, &report.findings);
    let word = match audited.what {
        Compared::Files => "verified",
        Compared::CheckFile => "compared",
    };
    let mut lines = Vec::new();
    let mut say = |label: &str, value: String| lines.push(format!("{word} {label}: {value}\n"));
    say("against", format!("{} ({})", name(display), algorithms(&audited.by)));
    match audited.what {
        Compared::Files => {
            say("files", numbers.count(found.compared));
            say("file contents", numbers.count(found.compared_files));
            say("bytes", read(report, display));
            say("unstable reads", numbers.count(found.unstable_reads));
        }
        Compared::CheckFile => say("names", numbers.count(found.compared)),
    }
    say("differences", differences(found, numbers));
    lines.concat()
}

/// How much was read, and from where.
fn read(report: &Report, display: &Display) -> String {
    let bytes = report.verify.unwrap_or_default().dest_read_bytes;
    let how = whence(report, display.numbers).map_or(String::new(), |how| format!(" {how}"));
    format!("{} bytes read{how}", display.numbers.amount(bytes))
}

fn algorithms(by: &By) -> String {
    let (algorithms, between) = match by {
        By::All(algorithms) => (algorithms, ", "),
        By::OneOf(algorithms) => (algorithms, " or "),
    };
    let names: Vec<&str> =
        algorithms.iter().map(|algorithm: &Algorithm| algorithm.name()).collect();
    if names.is_empty() { "no digests".to_owned() } else { names.join(between) }
}

/// The check file as it was typed.
fn name(display: &Display) -> String {
    let mut name = Vec::new();
    let typed = display.against.as_ref().map_or(&b"-"[..], |path| path.as_os_str().as_bytes());
    let typed = if typed == b"-" { b"standard input" } else { typed };
    display.escape.append(&mut name, typed);
    String::from_utf8_lossy(&name).into_owned()
}
