//! Stopping a run in the middle of a file: what is torn looks torn, and the next run goes on.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use rustix::process::{Pid, Signal, kill_process};

use twosync::act::backup::Kept;
use twosync::act::perform::leave_torn;
use twosync::act::place::Opened;
use twosync::error::{Cause, Side, Trouble};
use twosync::model::meta::{Meta, Stamp};
use twosync::sys::permit::Permit;
use twosync::sys::stat;

use crate::support::arena::Arena;
use crate::support::run::twosync;
use crate::support::tree::build_tree;

/// Long enough that a signal sent when the destination appears comes before the end.
const BYTES: u64 = 512 << 20;

/// Makes a file of [`BYTES`] that are all zero but for the last one.
fn make_large(path: &Path, last: u8) {
    fs::create_dir(path.parent().expect("a directory")).expect("an empty place");
    let file = File::create(path).expect("a file");
    file.write_all_at(&[last], BYTES - 1).expect("holes cost nothing");
}

/// A copy that has just begun to write `d/large`.
fn begun(arena: &Arena, args: &[&str]) -> Child {
    make_large(&arena.path("s/large"), b's');
    let there = arena.path("d/large").symlink_metadata().map(|meta| meta.len()).ok();
    begun_beyond(arena, args, there)
}

/// A copy that runs once `d/large` has another length than `there`.
fn begun_beyond(arena: &Arena, args: &[&str], there: Option<u64>) -> Child {
    let mut command = Command::new(twosync());
    command.args(args).current_dir(arena.top()).stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("our own program");
    while arena.path("d/large").symlink_metadata().map(|meta| meta.len()).ok() == there {
        assert!(child.try_wait().expect("our child").is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    child
}

fn is_torn(path: &Path) -> bool {
    let meta = path.symlink_metadata().expect("it stays");
    (meta.mtime(), meta.mtime_nsec()) == (0, 0) && meta.len() != BYTES
}

#[test]
fn a_file_that_a_signal_leaves_torn_looks_torn_to_size_and_time() {
    for signal in [Signal::INT, Signal::TERM] {
        let arena = Arena::new();
        let child = begun(&arena, &["-a", "s/", "d"]);
        kill_process(Pid::from_child(&child), signal).expect("our own child");
        let output = child.wait_with_output().expect("our own child");
        assert_eq!(output.status.code(), Some(20));
        assert!(is_torn(&arena.path("d/large")), "{:?}", fs::metadata(arena.path("d/large")));
    }
}

#[test]
fn the_next_run_finishes_what_a_signal_stopped_even_with_update() {
    let arena = Arena::new();
    let child = begun(&arena, &["-a", "s/", "d"]);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("our own child");
    assert_eq!(child.wait_with_output().expect("our own child").status.code(), Some(20));
    arena.twosync(&["-au", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_rewrite_that_a_signal_stops_is_finished_by_the_next_run_whatever_it_goes_by() {
    for option in ["--size-only", "--update", "--times"] {
        let arena = Arena::new();
        make_large(&arena.path("d/large"), b'd');
        let file = File::options().write(true).open(arena.path("d/large")).expect("our own file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("our own file");
        let child = begun(&arena, &["-a", "s/", "d"]);
        kill_process(Pid::from_child(&child), Signal::TERM).expect("our own child");
        assert_eq!(child.wait_with_output().expect("our own child").status.code(), Some(20));
        arena.twosync(&["-a", option, "s/", "d"]).expect_code(0);
        assert_eq!(arena.differences("s/large", "d/large"), [""; 0], "{option}");
    }
}

#[test]
fn files_that_wait_for_their_turn_when_a_signal_comes_stay_as_they_are() {
    let arena = Arena::new();
    make_large(&arena.path("s/large"), b's');
    build_tree(arena.top(), "s/next{1..5} file size=17000000 seed=1\n");
    build_tree(
        arena.top(),
        "d/next{1..5} file size=17000000 seed=2 mtime=@5\nd/large file \"d\" mtime=@5\n",
    );
    let before = arena.snapshot("d").entries;
    let there = fs::metadata(arena.path("d/large")).expect("our own file").len();
    let child = begun_beyond(&arena, &["-a", "-j1", "s/", "d"], Some(there));
    kill_process(Pid::from_child(&child), Signal::TERM).expect("our own child");
    assert_eq!(child.wait_with_output().expect("our own child").status.code(), Some(20));
    let after = arena.snapshot("d").entries;
    let changed: Vec<String> = before
        .iter()
        .filter(|(name, entry)| name.starts_with(b"next") && after.get(*name) != Some(entry))
        .map(|(name, _)| name.escape_ascii().to_string())
        .collect();
    assert_eq!(changed, [""; 0]);
}

#[test]
fn a_file_that_sigkill_leaves_torn_is_copied_again() {
    let arena = Arena::new();
    let mut child = begun(&arena, &["-a", "s/", "d"]);
    child.kill().expect("our own child");
    child.wait().expect("our own child");
    let meta = fs::metadata(arena.path("d/large")).expect("it stays");
    assert_ne!(meta.len(), BYTES, "no check of sizes takes it for whole");
    arena.twosync(&["-a", "--size-only", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s/large", "d/large"), [""; 0]);
}

#[test]
fn a_torn_file_has_neither_the_time_nor_the_length_of_its_source() {
    let arena = Arena::new();
    let path = arena.path("a");
    for (there, source_time) in [("1234567", 1_700_000_000), ("123", 0), ("1234567", 0)] {
        fs::write(&path, there).expect("our own file");
        let file = File::options().write(true).open(&path).expect("our own file");
        let now = stat::handle(&file).expect("it is open");
        let opened = Opened { file, now, is_new: false, old: Kept::default() };
        let source = Meta { size: 7, mtime: Stamp { secs: source_time, nanos: 0 }, ..now };
        let trouble = Trouble { side: Side::Dest, verb: "write", cause: Cause::Stopped };
        let told = leave_torn(&Permit::grant(), &opened, &source, trouble);
        assert!(matches!(told.cause, Cause::Stopped));
        let left = stat::handle(&opened.file).expect("it is open");
        assert!(left.mtime < source.mtime && left.size != source.size, "{left:?}");
    }
}
