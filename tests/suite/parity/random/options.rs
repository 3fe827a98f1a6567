//! The options that are combined at random, and those that are not combined with each other.
//!
//! A new option is one more row of [`TABLE`]; if it does not agree with rsync beside some other, a row of [`APART`] says why.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy};
use proptest::sample::select;
use proptest::strategy::Union;

/// What a run starts with: what is preserved, and how deep it goes.
const BASES: &[(u32, &str)] = &[
    (8, "-a"),
    (2, "-r"),
    (2, "-r -t"),
    (2, "-r -l -t"),
    (1, "-r -l -p -t -g -o -D"),
    (1, "-r -p -E"),
    (1, "-r -l -D -t"),
    (1, "-r -t --specials"),
    (1, "-r -t --devices -p"),
    (1, "-r -p -o"),
    (1, "-r -l -t -g"),
    (1, "-d"),
    (1, "-d -t -l"),
    (1, "-d -l -p -t -g -o -D"),
];

/// What is told.
const OUTPUTS: &[(u32, &str)] = &[
    (5, "-i"),
    (3, "-i -i"),
    (3, "-v"),
    (2, "-v -v"),
    (2, "-v -i"),
    (1, "-v -v -i"),
    (1, ""),
    (1, "-q"),
    (1, "--stats"),
    (1, "-i --stats"),
    (1, "--out-format=%i\\s%n%L"),
    (1, "--out-format=%o\\s%f\\s%l\\s%B\\s%M"),
];

/// All others: how often, and the spellings to choose from.
const TABLE: &[(u32, &[&str])] = &[
    (6, &["--delete", "--delete-before", "--delete-during", "--delete-delay", "--delete-after"]),
    (2, &["--delete-excluded"]),
    (2, &["--force"]),
    (2, &["--max-delete=0", "--max-delete=1", "--max-delete=2", "--max-delete=-1"]),
    (3, &["-H"]),
    (2, &["-U"]),
    (2, &["-O"]),
    (2, &["-J"]),
    (2, &["-E"]),
    (
        4,
        &[
            "--chmod=u+w,g-w",
            "--chmod=D755,F644",
            "--chmod=go=rX",
            "--chmod=Fu+x,Dg+s",
            "--chmod=F600",
            "--chmod=a+X",
        ],
    ),
    (2, &["--chown=1:2", "--chown=:12345", "--chown=12345"]),
    (2, &["--usermap=1:2", "--usermap=*:12345", "--groupmap=1-9:12345", "--groupmap=*:0"]),
    (2, &["-c"]),
    (2, &["-I"]),
    (2, &["--size-only"]),
    (1, &["--modify-window=1", "--modify-window=2"]),
    (3, &["-u"]),
    (2, &["--existing"]),
    (2, &["--ignore-existing"]),
    (5, &["--exclude=a", "--exclude=/k", "--exclude=k/a", "--exclude=*/b", "--exclude=e/"]),
    (3, &["--include=a", "--include=k/", "--include=b", "--include=*/"]),
    (2, &["--filter=-_/m/**", "--filter=P_x", "--filter=H_c", "--filter=S_a", "--filter=R_b"]),
    (3, &["-m"]),
    (3, &["-b"]),
    (2, &["--backup-dir=../bk", "--backup-dir={}/bk"]),
    (1, &["--suffix=.b"]),
    (2, &["--link-dest=../l", "--copy-dest=../l", "--compare-dest=../l"]),
    (2, &["-L"]),
    (2, &["-k"]),
    (2, &["--safe-links"]),
    (2, &["--copy-unsafe-links"]),
    (1, &["-x"]),
    (2, &["--max-size=0", "--max-size=4", "--max-size=1K"]),
    (2, &["--min-size=1", "--min-size=4", "--min-size=1K"]),
    (2, &["-n"]),
    (2, &["--remove-source-files"]),
    (2, &["-X"]),
    (1, &["--sparse", "--preallocate"]),
    (1, &["--checksum-choice=md5", "--checksum-choice=xxh64"]),
    (1, &["--numeric-ids"]),
    (1, &["--ignore-errors"]),
    (
        4,
        &[
            "--no-p",
            "--no-t",
            "--no-g",
            "--no-o",
            "--no-D",
            "--no-l",
            "--no-r",
            "--no-devices",
            "--no-specials",
            "--no-i",
            "--no-v",
            "--no-d",
            "--no-H",
            "--no-U",
            "--no-O",
            "--no-J",
            "--no-c",
            "--no-m",
            "--no-x",
            "--no-backup",
            "--no-force",
        ],
    ),
];

/// Options that are not in one command line, each with the reason. A name stands for all its values.
const APART: &[(&str, &str, &str)] = &[
    ("--copy-dest", "--stats", "read-from-source: rsync counts no data for what it copies there"),
    ("--link-dest", "--stats", "read-from-source"),
    ("--link-dest", "-b", "link-dest-backup: rsync makes no backup of what it replaces by a link"),
    ("--link-dest", "--backup-dir", "link-dest-backup"),
    ("--safe-links", "-b", "twosync does not say `not backing up unsafe symlink`"),
    ("--safe-links", "--backup-dir", "the same"),
    ("--compare-dest", "-U", "left-out-access-time"),
    ("-U", "--no-U", "without -U phase two's reading changes the access times that are compared"),
    (
        "--link-dest",
        "-O",
        "rsync tells the time of a new directory as that of the other one, and sets none",
    ),
    ("--copy-dest", "-O", "the same"),
    ("--compare-dest", "-O", "the same"),
    (
        "--backup-dir",
        "--chown",
        "backup-dir-owner: rsync changes a directory before its backup's is made like it",
    ),
    ("--backup-dir", "--usermap", "backup-dir-owner"),
    ("--backup-dir", "--groupmap", "backup-dir-owner"),
    (
        "--link-dest",
        "-U",
        "source-access-time: rsync reads files, and takes the access times of that for theirs",
    ),
    ("--copy-dest", "-U", "source-access-time"),
    ("-c", "-U", "source-access-time"),
    ("-L", "-U", "source-access-time"),
    ("-k", "-U", "source-access-time"),
    ("--copy-unsafe-links", "-U", "source-access-time"),
    ("-L", "-X", "followed-attributes: rsync copies the symlink's own"),
    ("-k", "-X", "followed-attributes"),
    ("--copy-unsafe-links", "-X", "followed-attributes"),
    (
        "--remove-source-files",
        "--copy-unsafe-links",
        "rsync compares the symlink with what it sent, and refuses to remove it",
    ),
    (
        "--remove-source-files",
        "--link-dest",
        "rsync keeps a symlink that is elsewhere; twosync removes it",
    ),
    ("--remove-source-files", "--copy-dest", "the same"),
    ("--remove-source-files", "--compare-dest", "the same"),
    ("--remove-source-files", "--size-only", "twosync keeps a source whose copy it has not read"),
    ("-m", "--filter", "protected-and-pruned: rsync empties a protected directory"),
];

/// Whether an option is there with any value.
pub(super) fn has(words: &[String], name: &str) -> bool {
    words.iter().any(|word| is_named(word, name))
}

/// Whether any of these options is there.
pub(super) fn has_any(words: &[String], names: &[&str]) -> bool {
    names.iter().any(|name| has(words, name))
}

/// Whether what `letter` preserves is preserved: `-a` has it, `--no-` takes it back, the last one wins.
pub(super) fn preserves(words: &[String], letter: char) -> bool {
    let (on, off) = (format!("-{letter}"), format!("--no-{letter}"));
    let mut is_on = false;
    for word in words {
        if *word == on || (word == "-a" && "rlptgoD".contains(letter)) {
            is_on = true;
        } else if *word == off {
            is_on = false;
        }
    }
    is_on
}

/// Random options, one a word; those that stay apart from an earlier one are left out.
pub(super) fn options() -> impl Strategy<Value = Vec<String>> {
    let row = |&(weight, words): &(u32, &'static [&'static str])| (weight, select(words));
    let others = vec(Union::new_weighted(TABLE.iter().map(row).collect()), 0..7);
    (one_of(BASES), others, one_of(OUTPUTS)).prop_map(|(base, others, output)| {
        let typed = base.split(' ').chain(others).chain(output.split(' '));
        let mut words: Vec<String> = Vec::new();
        for word in typed.filter(|word| !word.is_empty()) {
            let is_apart = APART.iter().any(|(one, other, _)| {
                (is_named(word, one) && has(&words, other))
                    || (is_named(word, other) && has(&words, one))
            });
            if !is_apart {
                words.push(word.to_owned());
            }
        }
        words
    })
}

fn one_of(rows: &[(u32, &'static str)]) -> impl Strategy<Value = &'static str> {
    Union::new_weighted(rows.iter().map(|&(weight, text)| (weight, Just(text))).collect())
}

/// Whether a word is this option, with any value.
pub(super) fn is_named(word: &str, name: &str) -> bool {
    word == name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
}
