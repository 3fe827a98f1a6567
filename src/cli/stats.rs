//! What is told at the end: rsync's counts and totals, then what phase two has to say.
//!
//! A comparison by size and time is never called "verified".

use std::time::Duration;

use crate::cli::audit;
use crate::cli::display::{Display, Volume};
use crate::cli::info::Flag;
use crate::cli::numbers::Numbers;
use crate::report::tally::{Census, Findings, Tally};
use crate::settings::{Effect, Verify};
use crate::sync::Report;
use crate::sync::whence::Whence;

/// All that follows the last entry; empty if nothing was asked for and nothing is wrong.
pub fn closing(report: &Report, copying: Duration, display: &Display) -> String {
    if display.volume == Volume::Quiet {
        return String::new();
    }
    let mut parts = Vec::new();
    let stats = display.levels.of(Flag::Stats);
    if display.effect != Effect::VerifyOnly {
        if display.verbosity >= 2 {
            let data = report.copy.written_bytes;
            parts.push(format!("total: matches=0  hash_hits=0  false_alarms=0 data={data}\n"));
        }
        if stats >= 2 {
            parts.push(counts(&report.copy, display.numbers));
        }
        if stats >= 1 {
            parts.push(totals(&report.copy, copying, display));
        }
    }
    if report.verify.is_none() {
        return parts.concat();
    }
    if stats >= 2 {
        parts.push(match &report.audit {
            Some(audited) => audit::findings(report, audited, display),
            None => findings(report, display),
        });
    }
    let is_asked = display.verbosity >= 1 || stats == 1 || display.levels.of(Flag::Progress) >= 1;
    let is_amiss = report.findings.differences() > 0 || report.findings.unstable_reads > 0;
    if is_asked || (is_amiss && stats < 2) {
        parts.push(verdict(report, display));
    }
    parts.concat()
}

/// What phase two has to say, in one sentence; empty if there was none.
pub fn sentence(report: &Report, display: &Display) -> String {
    report.verify.map_or(String::new(), |_| verdict(report, display))
}

/// What a log ends with that nobody asked to have more in.
pub fn brief(report: &Report, display: &Display) -> String {
    let Tally { written_bytes, total_bytes, .. } = report.copy;
    let totals =
        format!("sent {written_bytes} bytes  received 0 bytes  total size {total_bytes}\n");
    let of_copy = if display.effect == Effect::VerifyOnly { String::new() } else { totals };
    let of_verify = report.verify.map_or(String::new(), |_| verdict(report, display));
    of_copy + &of_verify
}

/// rsync's block of `--stats`.
fn counts(tally: &Tally, numbers: Numbers) -> String {
    let mut lines = vec!["\n".to_owned()];
    let mut say = |label: &str, value: String| lines.push(format!("{label}: {value}\n"));
    say("Number of files", census(&tally.listed, numbers));
    say("Number of created files", census(&tally.created, numbers));
    say("Number of deleted files", census(&tally.deleted, numbers));
    say("Number of regular files transferred", numbers.count(tally.transferred_files));
    let bytes = |amount| format!("{} bytes", numbers.amount(amount));
    say("Total file size", bytes(tally.total_bytes));
    say("Total transferred file size", bytes(tally.transferred_bytes));
    say("Literal data", bytes(tally.written_bytes));
    say("Matched data", bytes(tally.matched_bytes));
    // There is no list that would have a size or take time: the tree is copied while it is listed.
    say("File list size", "0".to_owned());
    say("File list generation time", "0.000 seconds".to_owned());
    say("File list transfer time", "0.000 seconds".to_owned());
    say("Total bytes sent", numbers.amount(tally.written_bytes));
    say("Total bytes received", numbers.amount(0));
    lines.concat()
}

fn census(census: &Census, numbers: Numbers) -> String {
    let total = numbers.count(census.total());
    let kinds = [
        ("reg", census.files),
        ("dir", census.dirs),
        ("link", census.links),
        ("dev", census.devices),
        ("special", census.specials),
    ];
    broken_down(&total, &kinds, numbers)
}

/// `5 (reg: 3, dir: 2)`: a total, and what it is made of where there is any.
pub(super) fn broken_down(total: &str, kinds: &[(&str, u64)], numbers: Numbers) -> String {
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{kind}: {}", numbers.count(*count)))
        .collect();
    if kinds.is_empty() { total.to_owned() } else { format!("{total} ({})", kinds.join(", ")) }
}

/// rsync's trailer. It counts what travels between two processes; with us content alone does.
#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn totals(tally: &Tally, copying: Duration, display: &Display) -> String {
    let numbers = display.numbers;
    let sent = tally.written_bytes;
    // rsync counts whole seconds and half a second more.
    let rate = sent as f64 / (copying.as_secs() as f64 + 0.5);
    let speedup = tally.total_bytes as f64 / sent.max(1) as f64;
    let marker = if display.effect == Effect::DryRun { " (DRY RUN)" } else { "" };
    format!(
        "\nsent {} bytes  received {} bytes  {} bytes/sec\ntotal size is {}  speedup is {}{marker}\n",
        numbers.amount(sent),
        numbers.amount(0),
        numbers.rate(rate),
        numbers.amount(tally.total_bytes),
        numbers.ratio(speedup),
    )
}

/// Our block of `--stats`: each line starts with the same word.
fn findings(report: &Report, display: &Display) -> String {
    let numbers = display.numbers;
    let found = &report.findings;
    let verify = report.verify.unwrap_or_default();
    let word = if display.verify == Verify::Metadata { "compared" } else { "verified" };
    let mut lines = Vec::new();
    let mut say = |label: &str, value: String| lines.push(format!("{word} {label}: {value}\n"));
    if display.verify == Verify::Metadata {
        say("entries", format!("{} (by size, time and attributes)", numbers.count(found.compared)));
    } else {
        say("entries", numbers.count(found.compared));
        let which =
            if display.verify == Verify::Transferred { "what this run wrote, " } else { "" };
        say(
            "file contents",
            format!(
                "{} ({which}digests of phase one reused: {})",
                numbers.count(found.compared_files),
                numbers.count(found.digests_reused)
            ),
        );
        if found.verified_before > 0 {
            let count = numbers.count(found.verified_before);
            say("before and unchanged since", format!("{count} files"));
        }
        let read = numbers.amount(verify.dest_read_bytes);
        let how = whence(report, numbers).map_or(String::new(), |how| format!(" ({how})"));
        say("bytes read back", format!("{read} bytes{how}"));
        say(
            "bytes read from the source",
            format!("{} bytes", numbers.amount(verify.source_read_bytes)),
        );
        say("unstable reads", numbers.count(found.unstable_reads));
    }
    say("differences", differences(found, numbers));
    if found.metadata_differences > 0 {
        let total = numbers.count(found.metadata_differences);
        say("attributes", broken_down(&total, &attributes(found), numbers));
    }
    if display.effect == Effect::Sync {
        say("and repaired", numbers.count(found.repaired));
        if found.repaired_ranges > 0 {
            say("ranges of large files written again", numbers.count(found.repaired_ranges));
        }
        say("and still different", numbers.count(found.remaining));
    }
    lines.concat()
}

/// What differed of entries whose content did not: one may count for several.
fn attributes(found: &Findings) -> [(&'static str, u64); 4] {
    [
        ("times", found.times_differed),
        ("modes", found.modes_differed),
        ("owners", found.owners_differed),
        ("ACLs and extended attributes", found.lists_differed),
    ]
}

pub(super) fn differences(found: &Findings, numbers: Numbers) -> String {
    let total = numbers.count(found.differences());
    broken_down(&total, &kinds_of_differences(found), numbers)
}

pub(super) fn kinds_of_differences(found: &Findings) -> [(&'static str, u64); 4] {
    [
        ("content", found.content_differences),
        ("attributes", found.metadata_differences),
        ("missing", found.missing),
        ("extra", found.extra),
    ]
}

/// Where the bytes were read back, if any were.
pub(super) fn whence(report: &Report, numbers: Numbers) -> Option<String> {
    report.verify.filter(|verify| verify.dest_read_bytes > 0)?;
    let whence = match report.whence {
        Whence::Cache => "through the page cache",
        Whence::Server => "from the server",
        Whence::Storage => "from storage",
        Whence::Memory => "from memory, as there is no storage behind this file system",
    };
    Some(match report.cached_files {
        0 => whence.to_owned(),
        count => {
            let files = counted(count, "file", "files", numbers);
            format!("{whence} ({files} stayed in the page cache)")
        }
    })
}

/// Phase two in one line.
fn verdict(report: &Report, display: &Display) -> String {
    if let Some(audited) = &report.audit {
        return audit::verdict(report, audited, display);
    }
    let numbers = display.numbers;
    let found = &report.findings;
    let read = report.verify.unwrap_or_default().dest_read_bytes;
    let how = whence(report, numbers).map_or(String::new(), |how| format!(" {how}"));
    let read_back = format!("{} bytes read back{how}", numbers.amount(read));
    let before = match found.verified_before {
        0 => String::new(),
        count => {
            let files = counted(count, "file", "files", numbers);
            format!(" ({files} verified before and unchanged since)")
        }
    };
    let read_back = read_back + &before;
    let entries = counted(found.compared, "entry", "entries", numbers);
    let files = counted(found.compared_files, "file", "files", numbers);
    let mut parts = vec![match display.verify {
        Verify::All | Verify::None => format!("verified {entries}: {read_back}"),
        Verify::Transferred => format!(
            "verified {files} that this run wrote: {read_back}; \
             compared {entries} by size, time and attributes"
        ),
        Verify::Metadata => {
            format!("compared {entries} by size, time and attributes (no content was read)")
        }
    }];
    let total = counted(found.differences(), "difference", "differences", numbers);
    if found.differences() == 0 {
        parts.push(total);
    } else {
        let [content, _, missing, extra] = kinds_of_differences(found);
        let attributes = attributes(found);
        let kinds = [&[content][..], &attributes, &[missing, extra]].concat();
        parts.push(broken_down(&format!("{total} found"), &kinds, numbers));
        if display.effect == Effect::Sync {
            parts.push(format!("{} repaired", numbers.count(found.repaired)));
            parts.push(format!("{} remaining", numbers.count(found.remaining)));
        }
    }
    if found.unstable_reads > 0 {
        let unstable = counted(found.unstable_reads, "unstable read", "unstable reads", numbers);
        parts.push(format!("{unstable} (the same bytes read twice were not the same)"));
    }
    format!("{}\n", parts.join(", "))
}

pub(super) fn counted(count: u64, one: &str, many: &str, numbers: Numbers) -> String {
    format!("{} {}", numbers.count(count), if count == 1 { one } else { many })
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
