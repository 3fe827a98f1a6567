//! What is left out, and why: told so that whoever runs the tests sees it.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

/// Says that `what` is left out because of `why`.
///
/// It is written to stderr itself: of what `eprintln!` prints in a test that passes, the test runner shows nothing.
pub(crate) fn skipped(what: &str, why: &str) {
    let thread = thread::current();
    // The test runner names a test's thread after it.
    let test = thread.name().filter(|name| *name != "main").map(|name| format!("{name}: "));
    let line = format!("skipped: {}{what}: {why}\n", test.unwrap_or_default());
    io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}

thread_local! {
    static RSYNC: Option<PathBuf> = rsync_or_skipped("all cases");
}

/// As [`rsync_or_skipped`] for tests of many random cases: looked for and told once for each test, which has a thread of
/// its own.
pub(crate) fn rsync_or_skipped_once() -> Option<PathBuf> {
    RSYNC.with(Clone::clone)
}

/// The rsync to compare with; if `TWOSYNC_PARITY=skip` leaves it out, says that `what` is left out.
///
/// Panics if it is not an rsync 3.5: others do other things.
pub(crate) fn rsync_or_skipped(what: &str) -> Option<PathBuf> {
    if std::env::var("TWOSYNC_PARITY").is_ok_and(|value| value == "skip") {
        skipped(what, "TWOSYNC_PARITY=skip");
        return None;
    }
    let rsync =
        std::env::var_os("TWOSYNC_PARITY_RSYNC").map_or_else(|| "rsync".into(), PathBuf::from);
    let version = Command::new(&rsync).arg("--version").output();
    let is_known = version.is_ok_and(|output| output.stdout.starts_with(b"rsync  version 3.5."));
    assert!(
        is_known,
        "{what}: needs rsync 3.5 (TWOSYNC_PARITY_RSYNC names one, TWOSYNC_PARITY=skip leaves it out)"
    );
    Some(rsync)
}
