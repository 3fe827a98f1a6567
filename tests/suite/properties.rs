//! Random trees and random edits on either side: after a run the trees are equal for an independent
//! eye, and one more run writes no byte and changes nothing.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use filetime::{FileTime, set_file_mtime, set_symlink_file_times};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use walkdir::WalkDir;

use crate::engine::{archive, deleting, engine};
use crate::support::arena::{Arena, is_root};

/// What somebody does to a tree.
#[derive(Clone, Debug)]
enum Edit {
    File { path: Vec<usize>, size: usize, seed: u8, mode: u32, secs: i64 },
    Dir { path: Vec<usize>, mode: u32 },
    Link { path: Vec<usize>, target: usize, secs: i64 },
    Fifo { path: Vec<usize> },
    Remove { path: Vec<usize> },
}

/// Few names, so that edits meet; some that are no text, no UTF-8, or look like options.
const NAMES: [&[u8]; 8] =
    [b"a", b"b", b"a.b", b"-rf", b"new\nline", b"\xff\xfe", "\u{e9}\u{4e2d}".as_bytes(), b" "];

fn path_of(top: &Path, path: &[usize]) -> PathBuf {
    let names = path.iter().map(|name| std::ffi::OsStr::from_bytes(NAMES[*name % NAMES.len()]));
    names.fold(top.to_path_buf(), |path, name| path.join(name))
}

fn edit() -> impl Strategy<Value = Edit> {
    let path = || vec(0..NAMES.len(), 1..4);
    // Around the sizes at which something changes: pages, buffers.
    let size = prop_oneof![
        Just(0_usize),
        1..200_usize,
        4095..4098_usize,
        (256 << 10) - 1..(256 << 10) + 2_usize,
    ];
    let secs = || 1_000_000_000..1_000_000_004_i64;
    let modes = prop_oneof![Just(0o644), Just(0o600), Just(0o755), Just(0o444), Just(0o4711)];
    prop_oneof![
        6 => (path(), size, any::<u8>(), modes, secs()).prop_map(
            |(path, size, seed, mode, secs)| Edit::File { path, size, seed: seed % 3, mode, secs }
        ),
        2 => (path(), prop_oneof![Just(0o755), Just(0o700), Just(0o2775)])
            .prop_map(|(path, mode)| Edit::Dir { path, mode }),
        2 => (path(), 0..NAMES.len(), secs())
            .prop_map(|(path, target, secs)| Edit::Link { path, target, secs }),
        1 => path().prop_map(|path| Edit::Fifo { path }),
        2 => path().prop_map(|path| Edit::Remove { path }),
    ]
}

/// Removes whatever stands at `path`; nothing there is fine.
fn clear(path: &Path) {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).expect("our own directory"),
        Ok(_) => fs::remove_file(path).expect("our own file"),
        Err(_) => {}
    }
}

/// Makes the directories above `path` that are missing, in the place of whatever is in the way.
fn make_room(top: &Path, path: &Path) {
    let mut above: Vec<_> = path.ancestors().skip(1).take_while(|at| *at != top).collect();
    above.reverse();
    for dir in above {
        if !dir.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            clear(dir);
            fs::create_dir(dir).expect("room for a directory");
        }
    }
}

fn apply(top: &Path, edit: &Edit) {
    let (Edit::File { path, .. }
    | Edit::Dir { path, .. }
    | Edit::Link { path, .. }
    | Edit::Fifo { path }
    | Edit::Remove { path }) = edit;
    let path = path_of(top, path);
    make_room(top, &path);
    let is_dir = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    if !(is_dir && matches!(edit, Edit::Dir { .. })) {
        clear(&path);
    }
    match edit {
        Edit::File { size, seed, mode, secs, .. } => {
            fs::write(&path, vec![*seed; *size]).expect("room for a file");
            fs::set_permissions(&path, Permissions::from_mode(*mode)).expect("our own");
            set_file_mtime(&path, FileTime::from_unix_time(*secs, 0)).expect("our own");
        }
        Edit::Dir { mode, .. } => {
            if !is_dir {
                fs::create_dir(&path).expect("room for a directory");
            }
            fs::set_permissions(&path, Permissions::from_mode(*mode)).expect("our own");
        }
        Edit::Link { target, secs, .. } => {
            symlink(std::ffi::OsStr::from_bytes(NAMES[*target]), &path).expect("room for a link");
            let time = FileTime::from_unix_time(*secs, 0);
            set_symlink_file_times(&path, time, time).expect("our own");
        }
        Edit::Fifo { .. } => {
            let mode = rustix::fs::Mode::from_raw_mode(0o644);
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).expect("room for a fifo");
            // Not by opening it: nobody writes at the other end.
            let time = FileTime::from_unix_time(1_000_000_000, 0);
            set_symlink_file_times(&path, time, time).expect("our own");
        }
        Edit::Remove { .. } => {}
    }
}

/// Applies all edits and then gives every directory a time of whole seconds: rsync's quick check
/// does not see less.
fn edit_tree(top: &Path, edits: &[Edit], secs: i64) {
    for edit in edits {
        apply(top, edit);
    }
    for entry in WalkDir::new(top).contents_first(true) {
        let entry = entry.expect("a tree that can be walked");
        if entry.file_type().is_dir() {
            let time =
                FileTime::from_unix_time(secs + i64::try_from(entry.depth()).unwrap_or(0), 0);
            set_file_mtime(entry.path(), time).expect("our own");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_a_run_the_trees_are_equal_and_another_run_does_nothing(
        first in vec(edit(), 0..24),
        later in vec(edit(), 0..12),
        elsewhere in vec(edit(), 0..12),
    ) {
        let arena = Arena::with("s dir\nd dir\n");
        let (source, dest) = (arena.path("s"), arena.path("d"));
        let settings = deleting(archive(&source, &dest));
        edit_tree(&source, &first, 1_000_000_100);
        for (edits, other) in [(&Vec::new(), &Vec::new()), (&later, &elsewhere)] {
            if !edits.is_empty() || !other.is_empty() {
                edit_tree(&source, edits, 1_000_000_200);
                edit_tree(&dest, other, 1_000_000_300);
            }
            let told = engine(&settings);
            assert_eq!(told.report.worst, None, "{:?}", told.faults);
            assert_eq!(arena.differences("s", "d"), [""; 0]);
            let again = engine(&settings);
            assert_eq!(again.written_bytes(), 0);
            assert_eq!(again.changed_paths(), [""; 0], "as root: {}", is_root());
            assert_eq!(again.report.findings.differences(), 0);
        }
    }
}
