//! The ledger: what it knows, and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Horizon, Kept, Strength, Unfit};
use crate::model::digest::Digest;
use crate::model::meta::{FileId, Kind, Meta, Stamp};
use crate::model::path::{Name, RelPath};

const DEST: &str = "/some/dest";

fn at(secs: i64) -> Stamp {
    Stamp { secs, nanos: 5 }
}

fn meta(ino: u64, ctime: i64) -> Meta {
    Meta {
        kind: Kind::File,
        mode: 0o644,
        own_mode: 0o644,
        uid: 0,
        gid: 0,
        size: 5,
        atime: at(1),
        mtime: at(1),
        ctime: at(ctime),
        id: FileId { dev: 1, ino },
        nlink: 1,
        rdev: 0,
    }
}

fn path(text: &str) -> RelPath {
    RelPath::root().join(&Name::new(text.as_bytes()).unwrap())
}

const HORIZON: Horizon =
    Horizon { source: Stamp { secs: 100, nanos: 0 }, dest: Stamp { secs: 200, nanos: 0 } };

fn open(path: &Path) -> Kept {
    Kept::open(path, Path::new(DEST)).unwrap().shared_by(1)
}

/// A ledger of so many files, file `n` being verified from the cache.
fn ledger(dir: &Path, files: u64) -> PathBuf {
    let file = dir.join("ledger");
    let kept = open(&file);
    for ino in 1..=files {
        let (source, dest) = (meta(ino, 50), meta(ino + 1_000_000, 150));
        let digest = Digest::of(&ino.to_le_bytes());
        kept.remember(&path(&ino.to_string()), (&source, &dest), digest, Strength::Cache, &HORIZON);
    }
    kept.close().unwrap();
    file
}

fn knows(kept: &Kept, ino: u64) -> bool {
    let (source, dest) = (meta(ino, 50), meta(ino + 1_000_000, 150));
    let found = kept.verified(&path(&ino.to_string()), (&source, &dest), Strength::Cache);
    assert!(found.is_none_or(|digest| digest == Digest::of(&ino.to_le_bytes())));
    found.is_some()
}

#[test]
fn what_was_verified_is_known_until_either_side_changes() {
    let dir = tempfile::tempdir().unwrap();
    let file = ledger(dir.path(), 1000);
    let kept = open(&file);
    assert!((1..=1000).all(|ino| knows(&kept, ino)) && !knows(&kept, 1001));
    let (source, dest) = (meta(7, 50), meta(1_000_007, 150));
    let known = |path: &RelPath, source: &Meta, dest: &Meta| {
        kept.verified(path, (source, dest), Strength::Cache).is_some()
    };
    assert!(known(&path("7"), &source, &dest));
    assert!(!known(&path("8"), &source, &dest));
    for change in [
        |meta: &mut Meta| meta.id.ino += 1,
        |meta: &mut Meta| meta.size += 1,
        |meta: &mut Meta| meta.mtime.nanos += 1,
        |meta: &mut Meta| meta.mtime.secs += 1,
        |meta: &mut Meta| meta.ctime.nanos += 1,
        |meta: &mut Meta| meta.ctime.secs += 1,
    ] {
        let (mut other_source, mut other_dest) = (source, dest);
        change(&mut other_source);
        change(&mut other_dest);
        assert!(!known(&path("7"), &other_source, &dest));
        assert!(!known(&path("7"), &source, &other_dest));
    }
    assert_eq!(kept.source_digest(&path("7"), &source), Some(Digest::of(&7_u64.to_le_bytes())));
    assert_eq!(kept.source_digest(&path("7"), &meta(7, 51)), None);
}

#[test]
fn what_was_read_from_the_cache_is_not_known_to_be_in_storage() {
    let dir = tempfile::tempdir().unwrap();
    let file = ledger(dir.path(), 1);
    let kept = open(&file);
    let (source, dest) = (meta(1, 50), meta(1_000_001, 150));
    let verified = |kept: &Kept, strength| kept.verified(&path("1"), (&source, &dest), strength);
    assert_eq!(verified(&kept, Strength::Storage), None);
    let digest = Digest::of(&1_u64.to_le_bytes());
    kept.remember(&path("1"), (&source, &dest), digest, Strength::Storage, &HORIZON);
    kept.close().unwrap();
    let kept = open(&file);
    assert_eq!(verified(&kept, Strength::Storage), Some(digest));
    assert_eq!(verified(&kept, Strength::Cache), Some(digest));
}

#[test]
fn what_changed_so_late_that_it_may_change_again_unseen_is_not_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger");
    let kept = open(&file);
    for (name, source, dest) in [("a", 100, 150), ("b", 50, 200)] {
        let pair = (&meta(1, source), &meta(2, dest));
        kept.remember(&path(name), pair, Digest::of(b""), Strength::Cache, &HORIZON);
    }
    // Whole seconds say less.
    let seconds = Meta { ctime: Stamp { secs: 99, nanos: 0 }, ..meta(1, 0) };
    let pair = (&seconds, &meta(2, 150));
    kept.remember(&path("c"), pair, Digest::of(b""), Strength::Cache, &HORIZON);
    kept.close().unwrap();
    let bytes = fs::read(&file).unwrap();
    assert_eq!(bytes.len(), size_of::<super::Header>());
}

#[test]
fn a_ledger_that_was_cut_off_anywhere_keeps_its_whole_blocks_and_can_be_added_to() {
    let dir = tempfile::tempdir().unwrap();
    let file = ledger(dir.path(), 600);
    let whole = fs::read(&file).unwrap();
    for len in [0, 5, 87, 88, 100, 130, 40_000, whole.len() - 1, whole.len()] {
        fs::write(&file, &whole[..len]).unwrap();
        let kept = open(&file);
        let known = (1..=600).filter(|ino| knows(&kept, *ino)).count();
        assert_eq!(known % super::BLOCK_RECORDS, if len == whole.len() { 600 % 256 } else { 0 });
        let pair = (&meta(9000, 50), &meta(1_009_000, 150));
        let digest = Digest::of(&9000_u64.to_le_bytes());
        kept.remember(&path("9000"), pair, digest, Strength::Cache, &HORIZON);
        kept.close().unwrap();
        let again = open(&file);
        assert!(knows(&again, 9000), "cut to {len}");
        assert_eq!((1..=600).filter(|ino| knows(&again, *ino)).count(), known, "cut to {len}");
    }
}

#[test]
fn any_flipped_bit_is_found_and_the_file_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = ledger(dir.path(), 300);
    let whole = fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&file, &damaged).unwrap();
        match Kept::open(&file, Path::new(DEST)) {
            Err(Unfit::Damaged(_) | Unfit::Foreign | Unfit::Version(_)) => {
                assert_eq!(fs::read(&file).unwrap(), damaged, "byte {at}");
            }
            Err(unfit) => panic!("byte {at}: {unfit}"),
            // A length that is said to be longer looks like a block that was cut off.
            Ok(kept) => {
                let last = whole.len() - (300 - 256) * size_of::<super::Verified>() - 40;
                assert!((last..last + 8).contains(&at), "byte {at}");
                assert!(knows(&kept, 256) && !knows(&kept, 257));
            }
        }
    }
}

#[test]
fn the_ledger_of_something_else_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = ledger(dir.path(), 3);
    let other = Kept::open(&file, Path::new("/other"));
    assert!(matches!(other, Err(Unfit::OtherDest)), "{other:?}");
    for foreign in [&b"some text of a user\n"[..], b"t", &[0; 500]] {
        fs::write(&file, foreign).unwrap();
        let opened = Kept::open(&file, Path::new(DEST));
        assert!(matches!(opened, Err(Unfit::Foreign)), "{opened:?}");
        assert_eq!(fs::read(&file).unwrap(), foreign);
    }
}

#[test]
fn two_runs_do_not_write_to_one_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let file = ledger(dir.path(), 3);
    let first = open(&file);
    let second = Kept::open(&file, Path::new(DEST));
    assert!(matches!(second, Err(Unfit::InUse)), "{second:?}");
    first.close().unwrap();
    assert!(knows(&open(&file), 3));
}
