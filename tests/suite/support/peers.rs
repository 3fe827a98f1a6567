//! Other programs that write and read check files: b3sum, hashdeep, rclone, bagit.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::skipped::skipped;

/// A program of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    B3sum,
    Hashdeep,
    Rclone,
    Bagit,
}

impl Peer {
    /// Its path; if `TWOSYNC_PEERS=skip` leaves it out, says that `what` is left out.
    ///
    /// Panics if it is not there: a test that silently did nothing would prove nothing.
    pub(crate) fn or_skipped(self, what: &str) -> Option<PathBuf> {
        if std::env::var("TWOSYNC_PEERS").is_ok_and(|value| value == "skip") {
            skipped(what, "TWOSYNC_PEERS=skip");
            return None;
        }
        let (program, version) = match self {
            Self::B3sum => ("b3sum".into(), "--version"),
            Self::Hashdeep => ("hashdeep".into(), "-V"),
            Self::Rclone => ("rclone".into(), "version"),
            Self::Bagit => (bagit(), "--version"),
        };
        let answers = Command::new(&program).arg(version).output();
        assert!(
            answers.is_ok_and(|output| output.status.success()),
            "{what}: needs {} (tests/run installs it, TWOSYNC_PEERS=skip leaves it out)",
            program.display()
        );
        Some(program)
    }
}

/// Where `tests/run` puts bagit, which Debian has not got; `TWOSYNC_BAGIT` names another one.
fn bagit() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin/bagit.py");
    std::env::var_os("TWOSYNC_BAGIT").map_or(own, PathBuf::from)
}
