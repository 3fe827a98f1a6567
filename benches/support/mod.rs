//! What the benches share: a tree to work on, and a run that tells nobody.

#![allow(dead_code, reason = "each bench uses its part")]

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use twosync::effort::Stop;
use twosync::error::Fault;
use twosync::model::change::Attrs;
use twosync::report::ledger::Ledger;
use twosync::report::observer::{Detail, Event, Observer, Phase};
use twosync::settings::{Effect, Evidence, Kinds, Recursion, Settings, Verify};
use twosync::sync::{Report, run};

/// A place in memory if there is one: what is measured is the program, not a disk.
pub(crate) fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory for the bench")
}

/// Makes `files` files below `top`, 32 in a directory, of lengths like those of a kernel source
/// tree (median 4 KiB, mean 16 KiB). Always the same tree.
pub(crate) fn make_tree(top: &Path, files: u64) -> u64 {
    let mut bytes = 0;
    for number in 0..files {
        let dir = top.join(format!("d{:02}/e{:04}", number / 1024, number / 32));
        fs::create_dir_all(&dir).expect("a directory");
        let length = length_of(number);
        bytes += length as u64;
        fs::write(dir.join(format!("f{number:06}")), content(number, length)).expect("a file");
    }
    bytes
}

fn length_of(number: u64) -> usize {
    match number % 16 {
        0 => 0,
        1..=4 => 700,
        5..=9 => 4_000,
        10..=13 => 12_000,
        14 => 40_000,
        _ => 120_000,
    }
}

/// Bytes that depend on `seed` and do not repeat soon.
pub(crate) fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// `-a SRC/ DEST` with the given evidence and verification.
pub(crate) fn archive(source: &Path, dest: &Path, effect: Effect, verify: Verify) -> Settings {
    let mut settings = Settings::default();
    settings.roots.sources = vec![PathBuf::from(format!("{}/", source.display()))];
    settings.roots.dest = dest.to_path_buf();
    settings.select.recursion = Recursion::Full;
    settings.select.kinds = Kinds::all();
    settings.preserve.attrs = Attrs::MTIME | Attrs::MODE | Attrs::OWNER | Attrs::GROUP;
    settings.evidence = Evidence::SizeAndTime;
    settings.effect = effect;
    settings.verify = verify;
    settings
}

/// Runs and insists that nothing went wrong.
pub(crate) fn run_quietly(settings: &Settings) -> Report {
    let report = run(settings, &Nobody, &Stop::default()).expect("operands that fit");
    assert_eq!(report.worst, None, "a bench measures runs that succeed");
    report
}

struct Nobody;

impl Observer for Nobody {
    fn detail(&self) -> Detail {
        Detail::Notices
    }

    fn event(&self, _: &Event<'_>) {}

    fn fault(&self, fault: &Fault) {
        panic!("{fault}");
    }

    fn phase_starts(&self, _: Phase, _: &Ledger<'_>) {}

    fn phase_ends(&self, _: Phase, _: &Ledger<'_>) {}
}
