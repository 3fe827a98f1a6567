//! Stopping a run in the middle of a file: what is torn looks torn, and the next run goes on.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::arena::Arena;
use crate::support::run::twosync;

/// Long enough that a signal sent when the destination appears comes before the end.
const BYTES: u64 = 512 << 20;

/// A copy that has just begun to write `d/large`.
fn begun(arena: &Arena, args: &[&str]) -> Child {
    fs::create_dir(arena.path("s")).expect("an empty place");
    let source = File::create(arena.path("s/large")).expect("a file");
    source.set_len(BYTES).expect("holes cost nothing");
    let mut command = Command::new(twosync());
    command.args(args).current_dir(arena.top()).stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("our own program");
    while !arena.path("d/large").exists() {
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
