//! What phase two's proof rests on: which bytes it reads, from where, how often; and how little it writes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use twosync::model::digest::RANGE_BYTES;
use twosync::report::observer::Phase;
use twosync::report::tally::{Findings, Tally};
use twosync::settings::Effect;
use twosync::settings::proof::SourceDigest;

use crate::engine::{Told, archive, engine, engine_with};
use crate::support::arena::{Arena, is_root_or_skipped};

/// Four ranges, the last one short and no whole page.
const BIG_BYTES: u64 = 3 * RANGE_BYTES + 12_345;

/// Flips the lowest bit of these bytes; size and time stay.
fn flip(path: &Path, offsets: &[u64]) {
    let time = path.metadata().expect("it is there").modified().expect("it has a time");
    let file = File::options().read(true).write(true).open(path).expect("our own file");
    for offset in offsets {
        let mut byte = [0];
        file.read_exact_at(&mut byte, *offset).expect("it is long enough");
        file.write_all_at(&[byte[0] ^ 1], *offset).expect("our own file");
    }
    file.set_modified(time).expect("our own file");
}

fn big() -> Arena {
    Arena::with(&format!("s/big file size={BIG_BYTES} seed=9\n"))
}

fn verified(told: &Told) -> (Tally, Findings) {
    assert_eq!(told.faults, [""; 0]);
    assert_eq!(told.report.worst, None);
    (told.report.verify.expect("there was a phase two"), told.report.findings)
}

/// Copies a large file and flips bits of the copy between the phases.
fn copied_with_flips(offsets: &[u64]) -> (Arena, Tally, Findings) {
    let arena = big();
    let told = engine_with(&archive(&arena.path("s"), &arena.path("d")), |phase| {
        if phase == Phase::Copy {
            flip(&arena.path("d/big"), offsets);
        }
    });
    let (tally, findings) = verified(&told);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
    (arena, tally, findings)
}

#[test]
fn what_was_copied_undamaged_is_read_once_and_its_source_not_at_all() {
    let (_arena, tally, findings) = copied_with_flips(&[]);
    assert_eq!((tally.source_read_bytes, tally.dest_read_bytes), (0, BIG_BYTES));
    assert_eq!((findings.digests_reused, findings.differences()), (1, 0));
}

#[test]
fn a_bit_flipped_at_any_edge_of_a_range_costs_that_range() {
    let last = 3 * RANGE_BYTES;
    let edges = [
        (0, RANGE_BYTES),
        (RANGE_BYTES - 1, RANGE_BYTES),
        (RANGE_BYTES, RANGE_BYTES),
        (2 * RANGE_BYTES - 1, RANGE_BYTES),
        (2 * RANGE_BYTES, RANGE_BYTES),
        (last - 1, RANGE_BYTES),
        (last, BIG_BYTES - last),
        (BIG_BYTES - 1, BIG_BYTES - last),
    ];
    for (offset, range_bytes) in edges {
        let (_arena, tally, findings) = copied_with_flips(&[offset]);
        assert_eq!((findings.content_differences, findings.repaired), (1, 1), "byte {offset}");
        assert_eq!(findings.repaired_ranges, 1, "byte {offset}");
        assert!(tally.written_bytes <= 4096, "byte {offset}: {tally:?}");
        // Compared once more, at most, and read to be written.
        assert!(tally.source_read_bytes <= 2 * range_bytes, "byte {offset}: {tally:?}");
        // All of it once; the range once more to be sure, once to be written, once to be checked.
        assert!(tally.dest_read_bytes <= BIG_BYTES + 3 * range_bytes, "byte {offset}: {tally:?}");
    }
}

#[test]
fn all_ranges_that_differ_are_written_and_no_other() {
    let flips = [5, RANGE_BYTES + 7, RANGE_BYTES + 900_000, BIG_BYTES - 2];
    let (_arena, tally, findings) = copied_with_flips(&flips);
    assert_eq!((findings.content_differences, findings.repaired_ranges), (1, 3));
    assert!(tally.written_bytes <= 4 * 4096, "{tally:?}");
}

#[test]
fn a_file_that_this_run_did_not_write_is_repaired_by_ranges_too() {
    let arena = big();
    let settings = archive(&arena.path("s"), &arena.path("d"));
    engine(&settings);
    flip(&arena.path("d/big"), &[RANGE_BYTES + 1]);
    let told = engine(&settings);
    let (tally, findings) = verified(&told);
    assert_eq!((findings.repaired_ranges, findings.digests_reused), (1, 0));
    assert_eq!(told.report.copy.written_bytes, 0);
    assert!(tally.written_bytes <= 4096, "{tally:?}");
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn files_of_every_size_around_a_block_and_a_range_are_verified_and_a_flipped_last_bit_is_found() {
    let range = RANGE_BYTES;
    let sizes = [1, 1023, 1024, 1025, range - 1, range, range + 1, 2 * range, 2 * range + 1];
    let line = |size: &u64| format!("s/{size} file size={size} seed=4\n");
    let tree: Vec<String> = sizes.iter().map(line).collect();
    let arena = Arena::with(&format!("s/0 file \"\"\n{}", tree.concat()));
    let settings = archive(&arena.path("s"), &arena.path("d"));
    let told = engine(&settings);
    let (tally, findings) = verified(&told);
    assert_eq!(tally.dest_read_bytes, sizes.iter().sum::<u64>());
    assert_eq!((tally.source_read_bytes, findings.compared_files), (0, 10));
    for size in sizes {
        let mut audit = settings.clone();
        audit.effect = Effect::VerifyOnly;
        flip(&arena.path(format!("d/{size}")), &[size - 1]);
        assert_eq!(engine(&audit).report.findings.content_differences, 1, "{size} bytes");
        assert_eq!(engine(&settings).report.findings.repaired, 1, "{size} bytes");
    }
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn three_gibibytes_of_holes_are_verified_to_the_last_byte() {
    let arena = Arena::with("s dir\n");
    let size: u64 = 3 << 30;
    let file = File::create(arena.path("s/holes")).expect("our own directory");
    file.set_len(size).expect("a sparse file");
    file.write_all_at(b"end", size - 3).expect("our own file");
    let output = arena.twosync(&["-aS", "--stats", "--no-h", "s/", "d"]);
    let told = output.expect_code(0).told();
    assert!(told.contains(&format!("verified bytes read back: {size} bytes")), "{told}");
    flip(&arena.path("d/holes"), &[size - 1]);
    let audit = arena.twosync(&["-ai", "--verify-only", "s/", "d"]);
    assert_eq!(audit.expect_code(40).lines(), [">fc........ holes"]);
}

#[test]
fn a_source_that_is_to_be_read_again_is() {
    let arena = Arena::with("s/small file size=5000 seed=1\n");
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    settings.proof.source_digest = SourceDigest::Reread;
    let (tally, findings) = verified(&engine(&settings));
    assert_eq!((tally.source_read_bytes, tally.dest_read_bytes), (5000, 5000));
    assert_eq!(findings.digests_reused, 0);
    let arena = big();
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    settings.proof.source_digest = SourceDigest::Reread;
    let (tally, _) = verified(&engine(&settings));
    assert_eq!((tally.source_read_bytes, tally.dest_read_bytes), (BIG_BYTES, BIG_BYTES));
}

#[test]
fn without_rounds_of_repair_a_difference_is_told_and_stays() {
    let arena = Arena::with("s/a file \"text\"\ns/b file \"more\"\ns/c file \"less\"\n");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    flip(&arena.path("d/a"), &[0]);
    let before = arena.change_times("d");
    let output = arena.twosync(&["-ai", "--repair=0", "s/", "d"]);
    assert_eq!(output.expect_code(40).lines()[0], ">fc........ a");
    assert!(output.told().ends_with("1 difference found (content: 1), 0 repaired, 1 remaining\n"));
    assert_eq!(before, arena.change_times("d"));
    arena.twosync(&["-a", "--repair=3", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn sources_are_not_to_be_removed_by_a_phase_that_changes_nothing() {
    let arena = Arena::with("s/a file \"text\"\n");
    let output = arena.twosync(&["-a", "--repair=0", "--remove-source-files", "s/", "d"]);
    assert!(output.expect_code(1).errors().starts_with("twosync: --repair=0 leaves all as it is"));
    assert!(!arena.path("d").exists());
}

#[test]
fn attributes_that_differ_are_counted_apart_from_content() {
    let arena = Arena::with("s/{1..5} file size=100 seed=1\ns/x file \"text\"\n");
    let settings = archive(&arena.path("s"), &arena.path("d"));
    let told = engine_with(&settings, |phase| {
        if phase == Phase::Copy {
            let script = "touch -d @5 d/1 d/2 d/3; chmod 700 d/3 d/4";
            arena.shell(script).expect_code(0);
        }
    });
    let (tally, findings) = verified(&told);
    assert_eq!((findings.content_differences, findings.metadata_differences), (0, 4));
    assert_eq!((findings.times_differed, findings.modes_differed), (3, 2));
    assert_eq!((findings.owners_differed, findings.lists_differed), (0, 0));
    assert_eq!((findings.repaired, tally.written_bytes), (4, 0));
    arena.shell("touch -d @5 d/1; chmod 700 d/2").expect_code(0);
    let audit = arena.twosync(&["-av", "--verify-only", "s/", "d"]);
    let told = audit.expect_code(40).told();
    assert!(told.ends_with("2 differences found (times: 1, modes: 1)\n"), "{told}");
}

/// A file system image is damaged behind the file system's back: the page cache still has the right bytes.
#[test]
fn damage_that_the_page_cache_hides_is_found_in_storage_and_repaired_there() {
    if !is_root_or_skipped("a file system image") {
        return;
    }
    let arena = Arena::with("s/file file \"a needle in an image\"\ns/other file \"hay\"\n");
    let script = r#"mkdir d && truncate -s 8M image && mkfs.ext4 -q image && mount -o loop image d || exit 99
        "$TWOSYNC" -a --delete --exclude=/lost+found s/ d && sync || exit 98
        at=$(grep -abo "a needle" image | tail -n 1 | cut -d: -f1) && test -n "$at" || exit 97
        printf A | dd of=image bs=1 seek="$at" conv=notrunc status=none
        audit() { "$TWOSYNC" -aiv --exclude=/lost+found --verify-only "$@" s/ d; echo "code $?"; }
        audit --read-back=cache; audit; audit --read-back=storage
        "$TWOSYNC" -a --exclude=/lost+found --read-back=storage s/ d; echo "code $?"
        sync; grep -abc "a needle" image; umount d"#;
    let output = arena.in_own_mounts(script);
    // A container may have no loop devices.
    if output.code == 99 {
        return crate::support::skipped::skipped("a file system image", "no loop device");
    }
    let told = output.expect_code(0).told();
    let lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    let read = "verified 3 entries: 23 bytes read back";
    let expected = [
        &format!("{read} through the page cache, 0 differences"),
        "code 0",
        &format!("{read} through the page cache, 0 differences"),
        "code 0",
        ">fc........ file",
        "code 40",
    ];
    for line in expected {
        assert!(lines.contains(&line), "{line}:\n{told}");
    }
    assert!(told.contains(" bytes read back from storage"), "{told}");
    assert!(told.contains(", 1 difference found (content: 1)\n"), "{told}");
    assert!(told.contains("1 repaired, 0 remaining\ncode 0\n"), "{told}");
}

#[test]
fn a_file_that_stays_in_the_page_cache_is_not_said_to_be_read_from_storage() {
    if !is_root_or_skipped("a file system image") {
        return;
    }
    let arena = Arena::with("s dir\n");
    // The pages of a program that runs are mapped, and the kernel keeps them.
    let script = r#"cp "$(command -v sleep)" s/program
        mkdir d && truncate -s 8M image && mkfs.ext4 -q image && mount -o loop image d || exit 99
        "$TWOSYNC" -a s/ d && sync || exit 98
        d/program 1000 &
        until readlink /proc/$!/exe | grep -q d/program; do :; done
        "$TWOSYNC" -av --verify-only --read-back=storage s/ d; code=$?
        kill $!; wait $!; umount d; exit $code"#;
    let output = arena.in_own_mounts(script);
    if output.code == 99 {
        return crate::support::skipped::skipped("a file system image", "no loop device");
    }
    let told = output.expect_code(0).told();
    assert!(told.contains("read back from storage (1 file stayed in the page cache)"), "{told}");
}

#[test]
fn where_there_is_no_storage_it_is_not_said_that_it_was_read() {
    if !is_root_or_skipped("a tmpfs") {
        return;
    }
    let arena = Arena::with("s/file file \"text\"\n");
    let script = "mkdir d && mount -t tmpfs none d && \"$TWOSYNC\" -av --read-back=storage s/ d";
    let told = arena.in_own_mounts(script).expect_code(0).told();
    let how = "4 bytes read back from memory, as there is no storage behind this file system";
    assert!(told.contains(how), "{told}");
}

#[test]
fn options_about_reading_do_not_go_with_reading_nothing() {
    let arena = Arena::with("s/file file \"text\"\n");
    for (option, name) in
        [("--read-back=storage", "--read-back"), ("--source-digest=reread", "--source-digest")]
    {
        for verify in ["--verify=metadata", "--verify=none"] {
            let output = arena.twosync(&["-a", option, verify, "s/", "d"]);
            let why = format!("twosync: {name} is about bytes that phase two reads: not with ");
            assert!(output.expect_code(1).errors().starts_with(&why), "{}", output.errors());
        }
    }
    assert!(!arena.path("d").exists());
}
