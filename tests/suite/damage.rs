//! The damage matrix: every kind of harm to every kind of entry is named by an audit, exactly, and repaired by a
//! sync, exactly.
//!
//! Each harm is done three times to a clean copy: for `--verify-only`, for the program and for the library, which
//! counts the bytes.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

use crate::engine::{archive, deleting, engine};
use crate::support::arena::{Arena, is_root_or_skipped};

/// One way to harm one entry of a copy.
struct Harm {
    /// The entry, below the destination.
    path: &'static str,
    /// What is done to it.
    way: Way,
    /// What an audit says.
    lines: &'static [&'static str],
    /// Bytes of content that bring it in line again.
    written_bytes: u64,
}

/// Ways to harm an entry; the times of its directory stay, and its own unless they are the harm.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Flip the lowest bit of the byte at this offset.
    FlipBit(u64),
    /// Set the length: shorter, or longer.
    Resize(u64),
    /// Overwrite so many bytes from this offset with zeros.
    Zero(u64, usize),
    Chmod(u32),
    Chown,
    Touch,
    Retarget,
    BecomeFile,
    BecomeDir,
    BecomeFullDir,
    BecomeLink,
    BecomeFifo,
    Remove,
    AddFile,
    AddFullDir,
    AddLink,
}

/// The size of the large file: three ranges of 8 MiB, the last one short and no whole page.
const BIG_BYTES: u64 = (20 << 20) + 123;
const RANGE: u64 = 8 << 20;

const fn harm(
    path: &'static str,
    way: Way,
    lines: &'static [&'static str],
    written_bytes: u64,
) -> Harm {
    Harm { path, way, lines, written_bytes }
}

/// Harm to the bytes of files.
const CONTENT: &[Harm] = &[
    harm("small", Way::FlipBit(0), &[">fc........ small"], 5),
    harm("page", Way::FlipBit(0), &[">fc........ page"], 4096),
    harm("page", Way::FlipBit(4095), &[">fc........ page"], 4096),
    harm("page", Way::FlipBit(4096), &[">fc........ page"], 4096),
    harm("page", Way::FlipBit(9999), &[">fc........ page"], 10_000 - 8192),
    harm("full/inner", Way::FlipBit(5), &[">fc........ full/inner"], 6),
    harm("a/b/c/leaf", Way::FlipBit(7), &[">fc........ a/b/c/leaf"], 20),
    harm("page", Way::Zero(4096, 4096), &[">fc........ page"], 4096),
    harm("page", Way::Zero(4000, 200), &[">fc........ page"], 8192),
    harm("small", Way::Resize(0), &[">fcs....... small"], 5),
    harm("small", Way::Resize(4), &[">fcs....... small"], 5),
    harm("page", Way::Resize(4096), &[">fcs....... page"], 10_000),
    harm("a/b/c/leaf", Way::Resize(19), &[">fcs....... a/b/c/leaf"], 20),
    harm("small", Way::Resize(6), &[">fcs....... small"], 5),
    harm("page", Way::Resize(1 << 20), &[">fcs....... page"], 10_000),
    harm("empty", Way::Resize(1), &[">fcs....... empty"], 0),
];

/// Harm to attributes.
const ATTRIBUTES: &[Harm] = &[
    harm("", Way::Chmod(0o700), &[".d...p..... ./"], 0),
    harm("small", Way::Chmod(0o600), &[".f...p..... small"], 0),
    harm("small", Way::Chmod(0o4755), &[".f...p..... small"], 0),
    harm("empty", Way::Chmod(0o666), &[".f...p..... empty"], 0),
    harm("pipe", Way::Chmod(0o600), &[".S...p..... pipe"], 0),
    harm("void", Way::Chmod(0o1777), &[".d...p..... void/"], 0),
    harm("full", Way::Chmod(0o755), &[".d...p..... full/"], 0),
    harm("a/b/c/leaf", Way::Chmod(0o640), &[".f...p..... a/b/c/leaf"], 0),
    harm("", Way::Touch, &[".d..t...... ./"], 0),
    // The quick check takes another time for another content: phase one writes the file.
    harm("small", Way::Touch, &[".f..t...... small"], 5),
    harm("page", Way::Touch, &[".f..t...... page"], 10_000),
    harm("empty", Way::Touch, &[".f..t...... empty"], 0),
    harm("pipe", Way::Touch, &[".S..t...... pipe"], 0),
    harm("link", Way::Touch, &[".L..t...... link -> small"], 0),
    harm("void", Way::Touch, &[".d..t...... void/"], 0),
    harm("a/b/c", Way::Touch, &[".d..t...... a/b/c/"], 0),
    harm("link", Way::Retarget, &["cLc........ link -> small"], 0),
];

/// Harm that only root can do.
const OWNERS: &[Harm] = &[
    harm("", Way::Chown, &[".d....og... ./"], 0),
    harm("small", Way::Chown, &[".f....og... small"], 0),
    harm("empty", Way::Chown, &[".f....og... empty"], 0),
    harm("link", Way::Chown, &[".L....og... link -> small"], 0),
    harm("pipe", Way::Chown, &[".S....og... pipe"], 0),
    harm("void", Way::Chown, &[".d....og... void/"], 0),
    harm("a/b/c/leaf", Way::Chown, &[".f....og... a/b/c/leaf"], 0),
];

/// An entry of another kind, or none.
const KINDS: &[Harm] = &[
    harm("small", Way::BecomeDir, &[">f+++++++++ small"], 5),
    harm("small", Way::BecomeLink, &[">f+++++++++ small"], 5),
    harm("small", Way::BecomeFifo, &[">f+++++++++ small"], 5),
    harm("empty", Way::BecomeDir, &[">f+++++++++ empty"], 0),
    harm("link", Way::BecomeFile, &["cL+++++++++ link -> small"], 0),
    harm("link", Way::BecomeDir, &["cL+++++++++ link -> small"], 0),
    harm("link", Way::BecomeFifo, &["cL+++++++++ link -> small"], 0),
    harm("pipe", Way::BecomeFile, &["cS+++++++++ pipe"], 0),
    harm("pipe", Way::BecomeDir, &["cS+++++++++ pipe"], 0),
    harm("pipe", Way::BecomeLink, &["cS+++++++++ pipe"], 0),
    harm("void", Way::BecomeFile, &["cd+++++++++ void/"], 0),
    harm("void", Way::BecomeLink, &["cd+++++++++ void/"], 0),
    harm("void", Way::BecomeFifo, &["cd+++++++++ void/"], 0),
    harm("full", Way::BecomeFile, &["cd+++++++++ full/", "*missing    full/inner"], 6),
    harm("full", Way::BecomeLink, &["cd+++++++++ full/", "*missing    full/inner"], 6),
    harm("a/b/c/leaf", Way::BecomeLink, &[">f+++++++++ a/b/c/leaf"], 20),
    harm("small", Way::Remove, &["*missing    small"], 5),
    harm("page", Way::Remove, &["*missing    page"], 10_000),
    harm("empty", Way::Remove, &["*missing    empty"], 0),
    harm("link", Way::Remove, &["*missing    link"], 0),
    harm("pipe", Way::Remove, &["*missing    pipe"], 0),
    harm("void", Way::Remove, &["*missing    void/"], 0),
    harm("full", Way::Remove, &["*missing    full/", "*missing    full/inner"], 6),
    harm("a/b/c/leaf", Way::Remove, &["*missing    a/b/c/leaf"], 20),
];

/// What only the destination has; seen with `--delete` alone.
const EXTRAS: &[Harm] = &[
    harm("new", Way::AddFile, &["*extra      new"], 0),
    harm("new\x1b", Way::AddLink, &["*extra      new\\#033"], 0),
    harm("void/new", Way::AddFile, &["*extra      void/new"], 0),
    harm("a/b/c/new", Way::AddLink, &["*extra      a/b/c/new"], 0),
    harm("new", Way::AddFullDir, &["*extra      new/inner", "*extra      new/"], 0),
    harm("small", Way::BecomeFullDir, &[">f+++++++++ small"], 5),
];

/// Harm to a file of several ranges.
const LARGE: &[Harm] = &[
    harm("big", Way::FlipBit(0), &[">fc........ big"], 4096),
    harm("big", Way::FlipBit(RANGE - 1), &[">fc........ big"], 4096),
    harm("big", Way::FlipBit(RANGE), &[">fc........ big"], 4096),
    harm("big", Way::FlipBit(2 * RANGE - 1), &[">fc........ big"], 4096),
    harm("big", Way::FlipBit(2 * RANGE), &[">fc........ big"], 4096),
    harm("big", Way::FlipBit(BIG_BYTES - 1), &[">fc........ big"], 123),
    harm("big", Way::Zero(RANGE - (32 << 10), 64 << 10), &[">fc........ big"], 64 << 10),
    harm("big", Way::Resize(RANGE), &[">fcs....... big"], BIG_BYTES),
    harm("big", Way::Resize(BIG_BYTES - 1), &[">fcs....... big"], BIG_BYTES),
    harm("big", Way::Resize(BIG_BYTES + 1), &[">fcs....... big"], BIG_BYTES),
    harm("big", Way::Chmod(0o600), &[".f...p..... big"], 0),
    harm("big", Way::Touch, &[".f..t...... big"], BIG_BYTES),
    harm("big", Way::Remove, &["*missing    big"], BIG_BYTES),
    harm("big", Way::BecomeLink, &[">f+++++++++ big"], BIG_BYTES),
];

#[test]
fn harm_to_the_bytes_of_a_file_is_named_and_repaired() {
    check(&Arena::with_fixture("damage"), CONTENT, &[], whole_tree);
}

#[test]
fn harm_to_attributes_is_named_and_repaired() {
    check(&Arena::with_fixture("damage"), ATTRIBUTES, &[], whole_tree);
}

#[test]
fn harm_to_owners_is_named_and_repaired() {
    if is_root_or_skipped("owners") {
        check(&Arena::with_fixture("damage"), OWNERS, &[], whole_tree);
    }
}

#[test]
fn an_entry_that_is_missing_or_of_another_kind_is_named_and_repaired() {
    check(&Arena::with_fixture("damage"), KINDS, &[], whole_tree);
}

#[test]
fn what_only_the_destination_has_is_named_and_removed_with_delete() {
    check(&Arena::with_fixture("damage"), EXTRAS, &["--delete"], whole_tree);
}

#[test]
fn harm_to_a_file_of_several_ranges_is_named_and_repaired() {
    let arena = Arena::with(&format!("s/big file 0644 size={BIG_BYTES} seed=9\n"));
    check(&arena, LARGE, &[], large_file);
}

#[test]
fn what_only_the_destination_has_is_no_difference_without_delete() {
    let arena = Arena::with_fixture("damage");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    for harm in EXTRAS.iter().filter(|harm| !matches!(harm.way, Way::BecomeFullDir)) {
        harm.strike(&arena.path("d")).expect("the harm can be done");
        let audit = arena.twosync(&["-a", "--verify-only", "s/", "d"]);
        assert_eq!(audit.expect_code(0).lines(), [""; 0], "{:?} {:?}", harm.way, harm.path);
        arena.twosync(&["-a", "--delete", "s/", "d"]).expect_code(0);
    }
}

#[test]
fn a_full_directory_in_the_way_of_a_file_stays_without_delete() {
    let arena = Arena::with_fixture("damage");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    harm("small", Way::BecomeFullDir, &[], 0)
        .strike(&arena.path("d"))
        .expect("the harm can be done");
    let before = arena.snapshot("d");
    let sync = arena.twosync(&["-a", "s/", "d"]);
    // Phase two meets again what phase one has told: that is rsync's 23, and no discovery.
    assert!(sync.expect_code(23).errors().contains("small"), "{}", sync.errors());
    assert_eq!(before.differences(&arena.snapshot("d")), [""; 0]);
}

/// Goes through `harms` with `options` and reports all that are not dealt with as they should be.
fn check(arena: &Arena, harms: &[Harm], options: &[&str], compare: fn(&Arena) -> Vec<String>) {
    let failures: Vec<String> = harms
        .iter()
        .filter_map(|harm| {
            let found: Vec<String> = [audit, program, library]
                .iter()
                .flat_map(|road| {
                    start_clean(arena);
                    harm.strike(&arena.path("d")).expect("the harm can be done");
                    road(arena, harm, options, compare)
                })
                .collect();
            let what = format!("{:?} of {:?}", harm.way, harm.path);
            (!found.is_empty()).then(|| format!("{what}:\n    {}", found.join("\n    ")))
        })
        .collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), harms.len(), failures.join("\n"));
}

/// Makes the destination a clean copy, by other means than the program under test.
fn start_clean(arena: &Arena) {
    let dest = arena.path("d");
    if dest.exists() {
        fs::remove_dir_all(&dest).expect("our own tree");
    }
    let copied =
        std::process::Command::new("cp").arg("-a").arg(arena.path("s")).arg(&dest).status();
    assert!(copied.expect("cp starts").success());
}

/// An audit names the harm, and nothing else, and changes nothing.
fn audit(
    arena: &Arena,
    harm: &Harm,
    options: &[&str],
    _: fn(&Arena) -> Vec<String>,
) -> Vec<String> {
    let before = arena.change_times("d");
    let output = arena.twosync(&[&["-a", "--verify-only"], options, &["s/", "d"]].concat());
    let mut found = Vec::new();
    if output.code != 40 {
        found.push(format!("the audit ended with {}: {}", output.code, output.errors()));
    }
    if output.lines() != harm.lines {
        found.push(format!("the audit says {:?}, not {:?}", output.lines(), harm.lines));
    }
    if before != arena.change_times("d") {
        found.push("the audit changed something".into());
    }
    found
}

/// The program repairs the harm, and an audit then finds nothing.
fn program(
    arena: &Arena,
    _: &Harm,
    options: &[&str],
    compare: fn(&Arena) -> Vec<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    let output = arena.twosync(&[&["-a"], options, &["s/", "d"]].concat());
    if output.code != 0 {
        found.push(format!("the sync ended with {}: {}", output.code, output.errors()));
    }
    found.extend(compare(arena));
    let output = arena.twosync(&[&["-a", "--verify-only"], options, &["s/", "d"]].concat());
    if output.code != 0 || !output.stdout.is_empty() {
        found.push(format!(
            "the audit of the repair ended with {}: {:?}",
            output.code,
            output.lines()
        ));
    }
    found
}

/// The library repairs the harm and writes no other byte.
fn library(
    arena: &Arena,
    harm: &Harm,
    options: &[&str],
    compare: fn(&Arena) -> Vec<String>,
) -> Vec<String> {
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    if options.contains(&"--delete") {
        settings = deleting(settings);
    }
    let told = engine(&settings);
    let mut found = compare(arena);
    if told.written_bytes() != harm.written_bytes {
        found.push(format!("{} bytes written, not {}", told.written_bytes(), harm.written_bytes));
    }
    if !told.faults.is_empty() || told.report.worst.is_some() {
        found.push(format!("{:?}: {:?}", told.report.worst, told.faults));
    }
    let place = harm.path.as_bytes().escape_ascii().to_string();
    let elsewhere = |path: &String| !path.starts_with(&place);
    found.extend(
        told.changed_paths()
            .into_iter()
            .filter(elsewhere)
            .map(|path| format!("{path} was changed too")),
    );
    found
}

/// What differs between the trees.
fn whole_tree(arena: &Arena) -> Vec<String> {
    arena.differences("s", "d")
}

/// What differs between the large files: as `whole_tree`, and fast.
fn large_file(arena: &Arena) -> Vec<String> {
    let [(source, source_bytes), (dest, dest_bytes)] = ["s/big", "d/big"].map(|name| {
        let path = arena.path(name);
        let meta = path.symlink_metadata().expect("the file is there");
        let facts =
            (meta.mode(), meta.uid(), meta.gid(), meta.nlink(), meta.mtime(), meta.mtime_nsec());
        (facts, fs::read(&path).expect("a readable file"))
    });
    let mut found = Vec::new();
    if source_bytes != dest_bytes {
        found.push("the bytes differ".into());
    }
    if source != dest {
        found.push(format!("{source:?} | {dest:?}"));
    }
    found
}

impl Harm {
    /// Does it to the copy at `root`; the directory's own time stays.
    fn strike(&self, root: &Path) -> io::Result<()> {
        let path = if self.path.is_empty() { root.to_owned() } else { root.join(self.path) };
        let parent = path.parent().expect("a directory above").to_owned();
        let before = (times_of(&parent)?, times_of(&path));
        self.way.go(&path)?;
        if let (Ok(times), false) = (before.1, matches!(self.way, Way::Touch | Way::Remove)) {
            utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(utimensat(CWD, &parent, &before.0, AtFlags::empty())?)
    }
}

impl Way {
    fn go(self, path: &Path) -> io::Result<()> {
        match self {
            Self::FlipBit(offset) => {
                let file = File::options().read(true).write(true).open(path)?;
                let mut byte = [0];
                file.read_exact_at(&mut byte, offset)?;
                file.write_all_at(&[byte[0] ^ 1], offset)
            }
            Self::Resize(bytes) => File::options().write(true).open(path)?.set_len(bytes),
            Self::Zero(offset, bytes) => {
                File::options().write(true).open(path)?.write_all_at(&vec![0; bytes], offset)
            }
            Self::Chmod(mode) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
            Self::Chown => lchown(path, Some(1234), Some(2345)),
            Self::Touch => {
                let time = Timespec { tv_sec: 1_234_567_890, tv_nsec: 0 };
                let times = Timestamps { last_access: time, last_modification: time };
                Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
            }
            Self::Retarget => remove(path).and_then(|()| symlink("smelt", path)),
            Self::BecomeFile => remove(path).and_then(|()| fs::write(path, "small")),
            Self::BecomeDir => remove(path).and_then(|()| fs::create_dir(path)),
            Self::BecomeLink => remove(path).and_then(|()| symlink("..", path)),
            Self::BecomeFifo => remove(path).and_then(|()| {
                Ok(mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?)
            }),
            Self::BecomeFullDir => remove(path).and_then(|()| full_dir(path)),
            Self::Remove => remove(path),
            Self::AddFile => fs::write(path, "new\n"),
            Self::AddFullDir => full_dir(path),
            Self::AddLink => symlink("small", path),
        }
    }
}

/// Takes away whatever has this name.
fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Makes a directory with one file in it.
fn full_dir(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::write(path.join("inner"), "new\n")
}

/// The times of an entry, to be set again.
fn times_of(path: &Path) -> io::Result<Timestamps> {
    let meta = path.symlink_metadata()?;
    Ok(Timestamps {
        last_access: Timespec { tv_sec: meta.atime(), tv_nsec: meta.atime_nsec() },
        last_modification: Timespec { tv_sec: meta.mtime(), tv_nsec: meta.mtime_nsec() },
    })
}
