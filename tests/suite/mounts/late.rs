//! Safety rule 3: errors of writes that arrive as late as fsync, close or the write-back, and what the file looks like then.

use fuser::Errno;

use crate::mounts::{EIO, INCOMPLETE, IO_FAILED, SIZES, complaints, mounted_pair, mtime, verdict};
use crate::support::arena::Arena;
use crate::support::faulty::{Call, Fault, FaultyMount, Often, can_mount_or_skipped};
use crate::support::tree::build_tree;

/// What is said when syncfs(2) reports what was lost.
const FLUSH_FAILED: &str =
    "twosync: flush the file system of \"d\": Input/output error (os error 5)";

#[test]
fn an_error_that_comes_when_a_file_is_closed_is_a_fault_of_that_file() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Flush, "bad", EIO, Often::Once);
        let output = arena.twosync(&["-a", "s/", "d"]);
        let told = "twosync: close \"d/bad\": Input/output error (os error 5)";
        assert_eq!(complaints(output.expect_code(23)), [told, INCOMPLETE]);
        assert_eq!(mount.struck(), 1);
        // Phase two looks at it as at anything else, and finds only that it is marked as torn.
        assert_eq!(arena.differences("s", "disk"), [""; 0]);
        // The mark takes a byte away, and with it goes the last page.
        assert_eq!(mount.written_bytes("bad"), bytes + (bytes - 1) % 4096 + 1);
        let again = arena.twosync(&["-a", "s/", "d"]);
        assert_eq!(complaints(again.expect_code(0)), [""; 0]);
    }
}

#[test]
fn an_error_that_comes_with_fsync_is_a_fault_of_that_file() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Fsync, "bad", EIO, Often::Always);
        arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
        assert_eq!(mount.struck(), 0, "nobody asked for it");
        build_tree(arena.top(), "s/bad set mtime=@1000000000\n");
        let output = arena.twosync(&["-a", "--fsync", "--verify=none", "s/", "d"]);
        let told = "twosync: fsync \"d/bad\": Input/output error (os error 5)";
        assert_eq!(complaints(output.expect_code(23)), [told, INCOMPLETE]);
        assert_eq!(mtime(&arena, "bad"), Some(0), "it looks torn");
    }
}

#[test]
fn a_file_whose_close_failed_looks_torn_and_is_copied_again() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Once);
        mount.plan(Call::Flush, "bad", EIO, Often::Once);
        arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(23);
        assert_eq!(mtime(&arena, "bad"), Some(0));
        // The next run goes by size and time alone.
        arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
        assert_eq!(arena.differences("s", "disk"), [""; 0]);
        assert_eq!((mount.struck(), mount.written_bytes("bad")), (2, 2 * bytes));
        assert_eq!(mount.written_bytes("good"), 10_000);
    }
}

#[test]
fn a_repair_in_the_same_run_does_not_take_back_that_the_close_failed() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted_pair(10_000);
    mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Once);
    mount.plan(Call::Flush, "bad", EIO, Often::Once);
    let output = arena.twosync(&["-ai", "s/", "d"]);
    let told = "twosync: close \"d/bad\": Input/output error (os error 5)";
    assert_eq!(complaints(output.expect_code(23)), [told, INCOMPLETE]);
    assert_eq!(output.lines(), [".d..t...... ./", ">f+++++++++ good", ">fcst...... bad"]);
    assert!(verdict(&output).ends_with("1 difference found (content: 1), 1 repaired, 0 remaining"));
    assert_eq!(arena.differences("s", "disk"), [""; 0]);
}

#[test]
fn a_repair_whose_close_fails_is_no_repair() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted_pair(10_000);
    mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Once);
    arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
    mount.plan(Call::Flush, "bad", EIO, Often::Always);
    let output = arena.twosync(&["-ai", "s/", "d"]);
    output.expect_code(40);
    assert_eq!(complaints(&output).len(), 2, "{}", output.errors());
    assert!(output.errors().starts_with("twosync: close \"d/bad\": Input/output error"));
    assert!(verdict(&output).ends_with("1 difference found (content: 1), 0 repaired, 1 remaining"));
    assert_eq!(mtime(&arena, "bad"), Some(0), "it looks torn");
}

#[test]
fn a_server_that_runs_full_when_a_file_is_closed_ends_the_run_and_leaves_the_file_torn() {
    if !can_mount_or_skipped() {
        return;
    }
    let causes =
        [(Errno::ENOSPC, "No space left on device"), (Errno::EDQUOT, "Disk quota exceeded")];
    for (bytes, (errno, cause)) in SIZES.into_iter().zip(causes) {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Once);
        mount.plan(Call::Flush, "bad", Fault::Fails(errno), Often::Once);
        let output = arena.twosync(&["-a", "s/", "d"]);
        let said = complaints(output.expect_code(11));
        assert_eq!(said.len(), 2, "{said:?}");
        let told = format!("twosync: close \"d/bad\": {cause} (os error {})", errno.code());
        assert_eq!(said, [told.as_str(), IO_FAILED]);
        assert_eq!(mtime(&arena, "bad"), Some(0), "it looks torn");
        arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
        assert_eq!(arena.differences("s", "disk"), [""; 0], "it could be resumed");
    }
}

#[test]
fn a_full_server_that_lets_nobody_mark_the_torn_file_ends_the_run_all_the_same() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted_pair(10_000);
    mount.plan(Call::Write, "bad", Fault::Fails(Errno::ENOSPC), Often::Always);
    mount.plan(Call::SetTimes, "bad", Fault::Fails(Errno::ENOSPC), Often::Always);
    let output = arena.twosync(&["-a", "s/", "d"]);
    let said = complaints(output.expect_code(11));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("twosync: write \"d/bad\": No space left"), "{said:?}");
    assert!(said[0].contains("; and it could not be marked as torn: No space left"), "{said:?}");
}

#[test]
fn what_a_client_could_not_write_back_is_a_fault_and_looks_torn() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let arena = Arena::with(&format!("s/bad file size={bytes} seed=5\ns/good file \"text\"\n"));
        let mount = FaultyMount::with_write_back(&arena, "disk", "d");
        mount.plan(Call::Write, "bad", EIO, Often::Always);
        let output = arena.twosync(&["-a", "--verify=none", "s/", "d"]);
        let said = complaints(output.expect_code(11));
        // Linux tells it to the first call that waits for the bytes: to close(2), or to what sets the time.
        assert!(said[0].ends_with("\"d/bad\": Input/output error (os error 5)"), "{said:?}");
        assert_eq!(said[1..], [FLUSH_FAILED, IO_FAILED]);
        assert!(mount.struck() > 0);
        assert_eq!(mtime(&arena, "bad"), Some(0), "--update would keep it otherwise");
        mount.behave();
        arena.twosync(&["-au", "--verify=none", "s/", "d"]).expect_code(0);
        assert_eq!(arena.differences("s", "disk"), [""; 0]);
    }
}

#[test]
fn what_was_lost_behind_our_back_is_told_before_phase_two_which_repairs_it() {
    if !can_mount_or_skipped() {
        return;
    }
    let arena = Arena::with("s/bad file size=10000 seed=5\ns/good file \"text\"\n");
    let mount = FaultyMount::with_write_back(&arena, "disk", "d");
    mount.plan(Call::Write, "bad", EIO, Often::Once);
    let output = arena.twosync(&["-a", "s/", "d"]);
    let said = complaints(output.expect_code(11));
    assert!(said[0].ends_with("\"d/bad\": Input/output error (os error 5)"), "{said:?}");
    assert_eq!(said[1..], [FLUSH_FAILED, IO_FAILED]);
    assert!(verdict(&output).ends_with("1 difference found (content: 1), 1 repaired, 0 remaining"));
    assert_eq!(arena.differences("s", "disk"), [""; 0]);
}
