//! Bytes that are stored or read wrong, once or always: found, named, repaired where that helps, and never called verified.

use crate::engine::{archive, engine};
use crate::mounts::{
    EIO, INCOMPLETE, SIZES, UNVERIFIED, complaints, mounted, mounted_pair, verdict,
};
use crate::support::arena::Arena;
use crate::support::faulty::{Call, Fault, FaultyMount, Often, can_mount_or_skipped};
use crate::support::snapshot::Content;

#[test]
fn what_is_stored_wrong_once_is_found_and_only_that_is_written_again() {
    if !can_mount_or_skipped() {
        return;
    }
    for (bytes, repair_bytes) in SIZES.into_iter().zip([4096, 4096]) {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Once);
        let output = arena.twosync(&["-ai", "s/", "d"]);
        assert_eq!(complaints(output.expect_code(0)), [""; 0]);
        let lines = output.lines();
        let copied = [".d..t...... ./", ">f+++++++++ bad", ">f+++++++++ good"];
        assert_eq!(
            (&lines[..3], lines[3..].concat().as_str()),
            (&copied.map(str::to_owned)[..], ">fc........ bad")
        );
        assert!(
            verdict(&output).ends_with("1 difference found (content: 1), 1 repaired, 0 remaining")
        );
        assert_eq!(arena.differences("s", "disk"), [""; 0]);
        assert_eq!(mount.written_bytes("bad"), bytes + repair_bytes);
        assert_eq!(mount.written_bytes("good"), 10_000);
    }
}

#[test]
fn what_a_second_round_of_repair_brings_in_line_is_no_fault() {
    if !can_mount_or_skipped() {
        return;
    }
    for (rounds, code, end) in
        [("1", 40, "0 repaired, 1 remaining"), ("2", 0, "1 repaired, 0 remaining")]
    {
        let (arena, mount) = mounted_pair(SIZES[0]);
        // The copy, and the first repair.
        mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Once);
        mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Once);
        let output = arena.twosync(&["-ai", &format!("--repair={rounds}"), "s/", "d"]);
        let said = complaints(output.expect_code(code));
        assert_eq!(said.len(), if code == 0 { 0 } else { 2 }, "{said:?}");
        assert!(verdict(&output).ends_with(end), "{}", verdict(&output));
        assert_eq!(mount.struck(), 2);
    }
}

#[test]
fn what_is_always_stored_wrong_ends_with_40_and_is_named() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Always);
        let output = arena.twosync(&["-ai", "s/", "d"]);
        let said = complaints(output.expect_code(40));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("twosync: repair \"d/bad\": it still differs from its source"));
        assert_eq!(said[1], UNVERIFIED);
        assert!(
            verdict(&output).ends_with("1 difference found (content: 1), 0 repaired, 1 remaining")
        );
        let differences = arena.differences("s", "disk");
        assert!(differences.iter().all(|line| line.starts_with("bad: ")), "{differences:?}");
        // Nothing has changed for an audit.
        let audit = arena.twosync(&["-a", "--verify-only", "s/", "d"]);
        assert_eq!(audit.expect_code(40).lines(), [">fc........ bad"]);
    }
}

#[test]
fn a_read_that_gives_other_bytes_the_second_time_is_told_and_nothing_is_written() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        for options in [&["-ai"][..], &["-ai", "--verify-only"]] {
            let (arena, mount) = mounted_pair(bytes);
            arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
            mount.plan(Call::Read, "bad", Fault::FlipsBit, Often::Once);
            let output = arena.twosync(&[options, &["s/", "d"]].concat());
            let told = "twosync: compare \"d/bad\": reading it twice gave different bytes \
                        (check memory, disk and network)";
            assert_eq!(complaints(output.expect_code(23)), [told, INCOMPLETE]);
            assert_eq!(output.lines(), [""; 0]);
            assert!(verdict(&output).contains("0 differences, 1 unstable read"), "{output:?}");
            assert_eq!(mount.struck(), 1);
            assert_eq!(mount.written_bytes("bad"), bytes, "it is not repaired");
            assert_eq!(arena.differences("s", "disk"), [""; 0]);
        }
    }
}

#[test]
fn a_short_read_is_read_on_and_a_file_that_ends_early_differs() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Read, "bad", Fault::GivesHalf, Often::Once);
        let output = arena.twosync(&["-a", "s/", "d"]);
        assert_eq!((complaints(output.expect_code(0)).len(), mount.struck()), (0, 1));
        mount.plan(Call::Read, "bad", Fault::GivesHalf, Often::Always);
        let audit = arena.twosync(&["-a", "--verify-only", "s/", "d"]);
        assert_eq!(audit.expect_code(40).lines(), [">fc........ bad"]);
        let output = arena.twosync(&["-a", "s/", "d"]);
        assert!(
            output
                .expect_code(40)
                .errors()
                .starts_with("twosync: repair \"d/bad\": it still differs")
        );
    }
}

#[test]
fn a_destination_that_can_not_be_read_back_is_not_called_verified() {
    if !can_mount_or_skipped() {
        return;
    }
    for (bytes, often) in
        SIZES.into_iter().flat_map(|bytes| [(bytes, Often::Once), (bytes, Often::Always)])
    {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Read, "bad", EIO, often);
        let output = arena.twosync(&["-av", "s/", "d"]);
        assert!(verdict(&output).starts_with("verified 2 entries: "), "{}", verdict(&output));
        let told = "twosync: read \"d/bad\": Input/output error (os error 5)";
        assert_eq!(complaints(output.expect_code(23)), [told, INCOMPLETE]);
        assert!(mount.struck() > 0);
        assert_eq!(mount.written_bytes("bad"), bytes, "what can not be read is not written anew");
        assert_eq!(arena.differences("s", "disk"), [""; 0]);
    }
}

#[test]
fn a_source_that_can_not_be_read_to_its_end_leaves_a_torn_file() {
    if !can_mount_or_skipped() {
        return;
    }
    for (bytes, fault) in [(SIZES[0], EIO), (SIZES[1], EIO), (SIZES[0], Fault::GivesHalf)] {
        let arena =
            Arena::with(&format!("disk/bad file size={bytes} seed=5\ndisk/good file \"text\"\n"));
        let mount = FaultyMount::of(&arena, "disk", "s");
        mount.plan(Call::Read, "bad", fault, Often::Always);
        let output = arena.twosync(&["-a", "s/", "d"]);
        let said = complaints(output.expect_code(23));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("twosync: read \"s/bad\": "), "{said:?}");
        assert_eq!(arena.snapshot("d").entries[b"bad".as_slice()].mtime, Some(0));
        mount.behave();
        arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
        assert_eq!(arena.differences("disk", "d"), [""; 0]);
    }
}

#[test]
fn the_library_counts_what_a_bad_mount_does() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted("s/{1..4} file size=5000 seed=3\n");
    mount.plan(Call::Write, "1", Fault::FlipsBit, Often::Once);
    mount.plan(Call::Write, "2", Fault::FlipsBit, Often::Always);
    mount.plan(Call::Read, "3", Fault::FlipsBit, Often::Once);
    mount.plan(Call::Flush, "4", Fault::OverwritesTime, Often::Once);
    let told = engine(&archive(&arena.path("s"), &arena.path("d")));
    let found = told.report.findings;
    assert_eq!((found.content_differences, found.metadata_differences), (2, 1));
    assert_eq!((found.repaired, found.remaining, found.unstable_reads), (2, 1, 1));
    assert_eq!(told.report.worst.map(twosync::error::Class::exit_code), Some(40));
    assert_eq!(told.faults.len(), 2, "{:?}", told.faults);
}

#[test]
fn a_source_whose_copy_is_never_right_is_not_removed() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted_pair(10_000);
    mount.plan(Call::Write, "bad", Fault::FlipsBit, Often::Always);
    let output = arena.twosync(&["-a", "--remove-source-files", "s/", "d"]);
    output.expect_code(40);
    assert!(arena.path("s/bad").exists(), "it is the only one that is right");
    assert!(!arena.path("s/good").exists());
}

#[test]
fn a_server_that_can_not_make_holes_gets_zeros() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let half = bytes / 2;
        let (arena, mount) = mounted(&format!(
            "s/a file size={bytes} seed=5 hole=4096+{half}\ndisk/a file size={bytes} seed=6 mtime=@5\n"
        ));
        let output = arena.twosync(&["-aS", "--preallocate", "s/", "d"]);
        output.expect_code(0);
        assert_eq!(complaints(&output), [""; 0]);
        assert_eq!(arena.differences("s/a", "disk/a"), [""; 0]);
        assert_eq!(mount.written_bytes("a"), bytes);
    }
}

#[test]
fn the_eye_of_the_tests_takes_no_unreadable_file_for_an_empty_one() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted("e/bad file \"\"\ndisk/bad file \"text\"\n");
    mount.plan(Call::Read, "bad", EIO, Often::Always);
    let seen = arena.snapshot("d").entries[b"bad".as_slice()].content.clone();
    assert_eq!(seen, Some(Content::Unreadable(rustix::io::Errno::IO.raw_os_error())));
    assert_ne!(seen, arena.snapshot("e").entries[b"bad".as_slice()].content);
}
