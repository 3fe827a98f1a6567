//! Texts about the options: help and manual page.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::args::shown;
use crate::cli::options::{Meaning, Row, Setting};
use crate::cli::table::OPTIONS;

const INTRODUCTION: &str = "\
twosync copies files and directories with rsync's command line, in two phases. Phase one writes \
every file in parallel, in place, straight to its final path. Phase two walks both trees again, \
compares attributes and contents, and writes again only what differs. All operands are local paths: \
disks and mounts. A trailing slash on a source means what is in the directory, as in rsync.";

const PHASES: [&str; 6] = [
    "Phase one hashes the bytes that it reads. Phase two reads the destination back and compares it \
     with these digests, or with the source itself where that changed meanwhile; what differs is \
     written again and compared once more. After exit code 0 of a run with the default, \
     --verify=all, every selected entry of the destination was read back and is equal to the source.",
    "--verify=transferred reads back only what this run wrote, and compares the rest by size, time \
     and attributes; --verify=metadata reads nothing back and looks at what a second run of rsync \
     looks at; --verify=none leaves phase two out. --size-only implies --verify=transferred.",
    "--verify-only copies nothing: it compares what is there, whoever made it, lists what differs \
     and ends with exit code 40 if anything does.",
    "--verify-only --against=FILE DEST compares DEST with a check file instead of a source: those of \
     b3sum, sha256sum and its kin, hashdeep and rclone, and BagIt bags. What is listed and not there, \
     there and not listed, or of another digest is told by its path. A check file of which a line makes \
     no sense is refused as a whole, with exit code 1. If DEST is a check file too, the two are \
     compared, and no file that they list is touched.",
    "What was read back came from where the summary says. Bytes from the page cache prove that the \
     copy was made without mistake, not that a disk holds it; --read-back=storage flushes, makes the \
     kernel forget what it has, and reads from the device or server, as is done on network mounts.",
    "What differs is compared once more; what differed only once is an unstable read, which is told and \
     not repaired. A difference is repaired in place, of a large file only the ranges that differ, and \
     compared again; --repair=0 only tells.",
];

const EXIT_CODES: [(&str, &str); 11] = [
    ("0", "Done; as far as phase two looked, the destination is equal to the source."),
    ("1", "The command line, or a check file, does not make sense."),
    ("2", "A version of rsync's protocol that does not exist."),
    ("3", "Sources or destination can not be used."),
    ("4", "An option or operand that is not supported."),
    ("11", "The destination can not be made, or has no room."),
    ("20", "A signal ended the run; what is done stays, and a new run goes on from there."),
    ("23", "Some entry could not be read, made or changed."),
    ("24", "A source entry vanished during the run."),
    ("25", "--max-delete stopped deletions."),
    ("40", "Phase two found differences that remain. 40 wins over 23, 23 over 24, 24 over 25."),
];

const DIFFERENCES: [&str; 5] = [
    "Every file is written in place: no temporary file, no rename. A file that is being written has \
     a modification time of 1970, so that neither a quick check nor --update takes it for a \
     finished one.",
    "A destination file with other names (hard links) is never written through, unless with -H all of \
     them are names of its source: it is removed and made anew, and its other names keep the old \
     content.",
    "Only local paths: a host or a daemon is refused with exit code 4. Mount it, or use rsync for \
     that leg.",
    "The bytes that are told as sent are contents only; there is no protocol between two processes.",
    "Lines of phase two come after rsync's and start with the word verified, or compared where no \
     content was read.",
];

/// What `--help` prints.
pub fn help() -> String {
    described().render_help().to_string()
}

fn described() -> Command {
    let [accepted, later, refused] = unlisted();
    shown().after_help(format!(
        "Most options can be turned off again by --no-OPTION; the last word wins.\n\n\
         Accepted and without effect on a local copy in place:\n{accepted}\n\n\
         Known and not supported yet:\n{later}\n\nNot possible:\n{refused}"
    ))
}

/// The options that are not listed one by one: accepted, not supported yet, refused.
fn unlisted() -> [String; 3] {
    let wanted: [fn(&Meaning) -> bool; 3] = [
        |meaning| {
            matches!(
                meaning,
                Meaning::Accepted(_) | Meaning::Set(Setting::TempDir | Setting::Debug)
            )
        },
        |meaning| matches!(meaning, Meaning::Later(_)),
        |meaning| matches!(meaning, Meaning::Refused(..)),
    ];
    wanted.map(|wanted| {
        let rows = OPTIONS.iter().filter(|row| wanted(&row.meaning));
        // That what is off by default can be turned off is said in one sentence.
        let rows = rows.filter(|row| row.name == "no-inplace" || !row.name.starts_with("no-"));
        rows.map(Row::spelling).collect::<Vec<_>>().join(" ")
    })
}

/// Writes the manual page, twosync(1).
///
/// # Errors
/// `writer` fails.
pub fn manual_page(writer: &mut dyn io::Write) -> io::Result<()> {
    let man = Man::new(shown().about("copy a tree in two phases: write it, then read it back"));
    man.render_title(writer)?;
    man.render_name_section(writer)?;
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold("twosync"), roman(" [OPTION]... SRC... DEST")]);
    roff.control("br", []);
    roff.text([bold("twosync --verify-only --against="), roman("FILE [OPTION]... DEST")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(INTRODUCTION)]);
    section(&mut roff, "THE TWO PHASES", &PHASES);
    roff.to_writer(writer)?;
    man.render_options_section(writer)?;
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    section(&mut roff, "DIFFERENCES FROM RSYNC", &DIFFERENCES);
    let [accepted, later, refused] = unlisted();
    section(&mut roff, "OPTIONS WITHOUT EFFECT", &[&accepted]);
    section(&mut roff, "OPTIONS NOT SUPPORTED YET", &[&later]);
    section(&mut roff, "OPTIONS NOT POSSIBLE", &[&refused]);
    section(&mut roff, "SEE ALSO", &["rsync(1), b3sum(1), sha256sum(1), hashdeep(1), rclone(1)"]);
    roff.to_writer(writer)
}

fn section(roff: &mut Roff, title: &str, paragraphs: &[&str]) {
    roff.control("SH", [title]);
    for paragraph in paragraphs {
        roff.control("PP", []);
        roff.text([roman(*paragraph)]);
    }
}

#[cfg(test)]
mod tests {
    use super::{help, manual_page};
    use crate::cli::table::OPTIONS;

    #[test]
    fn every_option_but_the_hidden_is_in_the_help() {
        let help = help();
        for row in OPTIONS {
            let is_hidden = row.name.starts_with("no-")
                || ["generate", "implied-dirs", "msgs2stderr", "inc-recursive"].contains(&row.name);
            assert!(is_hidden || help.contains(&row.spelling()), "{}", row.name);
        }
    }

    #[test]
    fn the_manual_page_has_its_sections() {
        let mut page = Vec::new();
        manual_page(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        for title in [
            "NAME",
            "SYNOPSIS",
            "THE TWO PHASES",
            "WHAT TO COPY",
            "EXIT STATUS",
            "DIFFERENCES FROM RSYNC",
        ] {
            let quoted = format!(".SH \"{title}\"");
            assert!(page.contains(&quoted) || page.contains(&format!(".SH {title}")), "{title}");
        }
    }
}
