//! Phase two: what it compares and reads, what it trusts, what it leaves alone, and what it says.
//!
//! Which harm it finds and how it repairs it is the matter of `damage`.

use std::fs;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use twosync::error::Class;
use twosync::report::observer::Phase;
use twosync::settings::{Effect, Evidence, Verify};

use crate::engine::{archive, deleting, engine, engine_with};
use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::tree::build_tree;

/// Flips one bit of a file whose size and time stay.
fn flip_bit(path: &Path, offset: u64) {
    let time = path.metadata().expect("the file is there").modified().expect("it has a time");
    let file = File::options().read(true).write(true).open(path).expect("our own file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("it is long enough");
    file.write_all_at(&[byte[0] ^ 1], offset).expect("our own file");
    file.set_modified(time).expect("our own file");
}

/// An arena with a tree and a clean copy of it.
fn copied(tree: &str) -> Arena {
    let arena = Arena::with(tree);
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    arena
}

/// What a file holds.
fn text(arena: &Arena, name: &str) -> String {
    fs::read_to_string(arena.path(name)).expect("a file of text")
}

#[test]
fn a_kept_time_hides_a_flipped_bit_from_all_but_a_look_at_the_bytes() {
    for (mode, code) in [("none", 0), ("metadata", 0), ("transferred", 0), ("all", 40)] {
        let arena = copied("s/a file \"text\"\ns/b file \"more\"\n");
        flip_bit(&arena.path("d/a"), 0);
        let verify = format!("--verify={mode}");
        if mode == "all" || mode == "metadata" {
            arena.twosync(&["-a", "--verify-only", &verify, "s/", "d"]).expect_code(code);
        }
        arena.twosync(&["-a", &verify, "s/", "d"]).expect_code(0);
        let expected = if mode == "all" { "text" } else { "uext" };
        assert_eq!(text(&arena, "d/a"), expected, "--verify={mode}");
    }
}

#[test]
fn what_happens_to_the_copy_between_the_phases_is_found_as_far_as_was_asked() {
    let expectations = [
        (Verify::All, "text"),
        (Verify::Transferred, "text"),
        (Verify::Metadata, "uext"),
        (Verify::None, "uext"),
    ];
    for (verify, expected) in expectations {
        let arena = Arena::with("s/a file \"text\"\n");
        let mut settings = archive(&arena.path("s"), &arena.path("d"));
        settings.verify = verify;
        let strike = |phase| {
            if phase == Phase::Copy {
                flip_bit(&arena.path("d/a"), 0);
            }
        };
        let told = engine_with(&settings, strike);
        assert_eq!(text(&arena, "d/a"), expected, "{verify:?}");
        assert_eq!(told.report.worst, None, "{verify:?}: {:?}", told.faults);
        let was_found = u64::from(expected == "text");
        assert_eq!(told.report.findings.content_differences, was_found, "{verify:?}");
        assert_eq!(told.report.findings.repaired, was_found, "{verify:?}");
    }
}

#[test]
fn metadata_is_compared_in_every_mode_but_none() {
    for (verify, is_found) in [
        (Verify::All, true),
        (Verify::Transferred, true),
        (Verify::Metadata, true),
        (Verify::None, false),
    ] {
        let arena = Arena::with("s/a file 0644 \"text\"\ns/sub dir 0755\n");
        let mut settings = archive(&arena.path("s"), &arena.path("d"));
        settings.verify = verify;
        let told = engine_with(&settings, |phase| {
            if phase == Phase::Copy {
                build_tree(arena.top(), "d/a set 0600\nd/sub set 0700\n");
            }
        });
        assert_eq!(arena.differences("s", "d").is_empty(), is_found, "{verify:?}");
        let count = if is_found { 2 } else { 0 };
        assert_eq!(told.report.findings.metadata_differences, count, "{verify:?}");
        assert_eq!(told.report.findings.repaired, count, "{verify:?}");
    }
}

#[test]
fn what_can_not_be_repaired_remains_a_difference_and_ends_with_40() {
    let arena = Arena::with("s/a file \"text\"\ns/b file \"more\"\n");
    let told = engine_with(&archive(&arena.path("s"), &arena.path("d")), |phase| {
        if phase == Phase::Copy {
            build_tree(arena.top(), "d/a remove\nd/a/inner file \"in the way\"\nd/b remove\n");
        }
    });
    assert_eq!(told.report.findings.remaining, 1);
    assert_eq!(told.report.findings.repaired, 1);
    assert_eq!(told.report.worst, Some(Class::Unverified));
    assert_eq!(text(&arena, "d/b"), "more");
    assert_eq!(text(&arena, "d/a/inner"), "in the way");
    assert!(told.faults.iter().any(|fault| fault.contains("d/a")), "{:?}", told.faults);
}

#[test]
fn a_source_that_changes_between_the_phases_is_read_again() {
    let arena = Arena::with("s/a file \"text\"\ns/b file \"more\"\n");
    let told = engine_with(&archive(&arena.path("s"), &arena.path("d")), |phase| {
        if phase == Phase::Copy {
            // Same size and time: only the time of change tells.
            flip_bit(&arena.path("s/a"), 0);
        }
    });
    assert_eq!(text(&arena, "d/a"), "uext");
    assert_eq!(told.report.worst, None);
    assert_eq!(told.report.findings.digests_reused, 1, "that of s/b");
    assert_eq!(told.report.findings.compared_files, 2, "each file counts once");
}

#[test]
fn after_a_fresh_copy_the_source_is_not_read_again() {
    let tree = "s/a file \"text\"\ns/empty file\ns/sub/page file size=5000\ns/big file size=17000000 seed=4\n\
                s/link link -> a\n";
    let arena = Arena::with(tree);
    let settings = archive(&arena.path("s"), &arena.path("d"));
    let total_bytes = 4 + 5000 + 17_000_000;
    let first = engine(&settings).report;
    assert_eq!(first.copy.source_read_bytes, total_bytes);
    assert_eq!(first.copy.written_bytes, total_bytes);
    assert_eq!(first.copy.dest_read_bytes, 0);
    let verify = first.verify.expect("there is a phase two");
    assert_eq!(verify.source_read_bytes, 0);
    assert_eq!(verify.dest_read_bytes, total_bytes);
    assert_eq!(verify.written_bytes, 0);
    assert_eq!((first.findings.compared_files, first.findings.digests_reused), (4, 4));
    let second = engine(&settings).report;
    assert_eq!((second.copy.source_read_bytes, second.copy.written_bytes), (0, 0));
    let verify = second.verify.expect("there is a phase two");
    assert_eq!((verify.source_read_bytes, verify.dest_read_bytes), (total_bytes, total_bytes));
    assert_eq!((second.findings.compared_files, second.findings.digests_reused), (4, 0));
}

#[test]
fn of_several_files_only_those_that_this_run_wrote_are_read_with_transferred() {
    let arena = copied("s/a file \"text\"\ns/b file \"more\"\n");
    build_tree(arena.top(), "s/c file \"newer\"\n");
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    settings.verify = Verify::Transferred;
    let report = engine(&settings).report;
    let verify = report.verify.expect("there is a phase two");
    assert_eq!((verify.source_read_bytes, verify.dest_read_bytes), (0, 5));
    assert_eq!((report.findings.compared, report.findings.compared_files), (4, 1));
}

#[test]
fn what_this_run_wrote_is_compared_with_a_source_that_changed_since_also_with_transferred() {
    let changes: [fn(&Path); 2] = [
        |source| flip_bit(source, 0),
        |source| {
            let time = source.metadata().and_then(|meta| meta.modified()).expect("it has a time");
            fs::remove_file(source).expect("our own file");
            fs::write(source, "uext").expect("our own file");
            File::open(source).and_then(|file| file.set_modified(time)).expect("our own file");
        },
    ];
    for change in changes {
        let arena = Arena::with("s/a file \"text\"\ns/b file \"more\"\n");
        let mut settings = archive(&arena.path("s"), &arena.path("d"));
        settings.verify = Verify::Transferred;
        let told = engine_with(&settings, |phase| {
            if phase == Phase::Copy {
                change(&arena.path("s/a"));
            }
        });
        assert_eq!(text(&arena, "d/a"), "uext");
        let findings = told.report.findings;
        assert_eq!((findings.content_differences, findings.remaining), (1, 0));
        assert_eq!(findings.digests_reused, 1, "that of s/b");
    }
}

#[test]
fn every_byte_of_a_file_with_holes_is_read_back() {
    let arena = Arena::with("s/holes file size=20000000 hole=4096+19990000\ns/hole file\n");
    File::options()
        .write(true)
        .open(arena.path("s/hole"))
        .and_then(|file| file.set_len(3_000_000))
        .expect("ours");
    let report = engine(&archive(&arena.path("s"), &arena.path("d"))).report;
    assert_eq!(report.verify.expect("there is a phase two").dest_read_bytes, 23_000_000);
    flip_bit(&arena.path("d/hole"), 2_000_000);
    arena.twosync(&["-a", "--verify-only", "s/", "d"]).expect_code(40);
}

#[test]
fn size_only_verifies_what_was_transferred_unless_more_is_asked_for() {
    let tree = "s/a file \"text\" mtime=@5\ns/b file \"more\"\nd/a file \"TEXT\"\n";
    let arena = Arena::with(tree);
    arena.twosync(&["-a", "--size-only", "s/", "d"]).expect_code(0);
    assert_eq!(text(&arena, "d/a"), "TEXT", "the user said that its size is enough");
    assert_eq!(arena.path("d/a").metadata().expect("it is there").mtime(), 5);
    arena.twosync(&["-a", "--size-only", "--verify=all", "s/", "d"]).expect_code(0);
    assert_eq!(text(&arena, "d/a"), "text");
}

#[test]
fn size_only_reads_back_what_it_wrote() {
    let arena = Arena::with("s/a file \"text\"\n");
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    (settings.evidence, settings.verify) = (Evidence::Size, Verify::Transferred);
    let told = engine_with(&settings, |phase| {
        if phase == Phase::Copy {
            flip_bit(&arena.path("d/a"), 3);
        }
    });
    assert_eq!(told.report.findings.repaired, 1);
    assert_eq!(text(&arena, "d/a"), "text");
}

#[test]
fn a_clean_second_phase_says_nothing_unless_asked() {
    let arena = Arena::with("s/a file \"text\"\n");
    let first = arena.twosync(&["-a", "s/", "d"]);
    assert_eq!(
        (first.code, first.stdout.as_slice(), first.stderr.as_slice()),
        (0, &b""[..], &b""[..])
    );
    let audit = arena.twosync(&["-a", "--verify-only", "s/", "d"]);
    assert_eq!(
        (audit.code, audit.stdout.as_slice(), audit.stderr.as_slice()),
        (0, &b""[..], &b""[..])
    );
    assert_eq!(arena.twosync(&["-ai", "s/", "d"]).stdout, b"");
    let told = String::from_utf8(arena.twosync(&["-av", "s/", "d"]).stdout).expect("text");
    let last = told.lines().last().expect("some lines");
    assert!(last.starts_with("verified 2 entries: 4 bytes read back"), "{told}");
    assert!(last.ends_with("0 differences"), "{told}");
    let told =
        String::from_utf8(arena.twosync(&["-a", "--stats", "s/", "d"]).stdout).expect("text");
    for line in
        ["verified entries: 2", "verified bytes read back: 4 bytes (", "verified differences: 0"]
    {
        assert!(told.lines().any(|said| said.starts_with(line)), "{line}:\n{told}");
    }
}

#[test]
fn a_quick_comparison_is_never_called_verified() {
    let arena = copied("s/a file \"text\"\n");
    let told = String::from_utf8(
        arena.twosync(&["-av", "--stats", "--verify=metadata", "s/", "d"]).stdout,
    );
    let told = told.expect("text").to_lowercase();
    assert!(!told.contains("verified"), "{told}");
    assert!(told.contains("compared entries: 2 (by size, time and attributes)"), "{told}");
    let told =
        String::from_utf8(arena.twosync(&["-av", "--stats", "--verify=none", "s/", "d"]).stdout);
    assert!(!told.expect("text").to_lowercase().contains("verified"));
}

#[test]
fn a_repair_is_itemized_like_any_change() {
    let arena = copied("s/a file \"text\"\ns/b file \"more\"\n");
    flip_bit(&arena.path("d/a"), 0);
    let output = arena.twosync(&["-ai", "s/", "d"]);
    assert_eq!(output.expect_code(0).lines(), [">fc........ a"]);
    let last = output.told().lines().last().map(str::to_owned);
    assert_eq!(
        last.as_deref()
            .map(|line| line.ends_with("1 difference found (content: 1), 1 repaired, 0 remaining")),
        Some(true)
    );
}

#[test]
fn an_audit_of_a_destination_that_is_not_there_makes_nothing() {
    let arena = Arena::with("s/a file \"text\"\ns/sub/b file \"more\"\n");
    let audit = arena.twosync(&["-a", "--verify-only", "s/", "d"]);
    let lines = audit.expect_code(40).lines();
    assert_eq!(lines, ["*missing    ./", "*missing    a", "*missing    sub/", "*missing    sub/b"]);
    assert!(!arena.path("d").exists());
}

#[test]
fn an_audit_of_a_single_file_looks_at_that_file_alone() {
    let arena = copied("s/a file \"text\"\ns/b file \"more\"\n");
    flip_bit(&arena.path("d/a"), 0);
    flip_bit(&arena.path("d/b"), 0);
    let audit = arena.twosync(&["-a", "--verify-only", "s/a", "d/a"]);
    assert_eq!(audit.expect_code(40).lines(), [">fc........ a"]);
}

#[test]
fn phase_two_does_not_overrule_what_the_user_asked_to_leave_alone() {
    let tree = "s/new file \"source\" mtime=@1000\nd/new file \"destin\" mtime=@2000\n";
    for option in ["--update", "--ignore-existing"] {
        let arena = Arena::with(tree);
        for extra in [&["-a"][..], &["-a", "--verify-only"]] {
            let args = [extra, &[option, "--omit-dir-times", "s/", "d"]].concat();
            let output = arena.twosync(&args);
            assert_eq!(output.expect_code(0).lines(), [""; 0], "{args:?}");
            assert_eq!(text(&arena, "d/new"), "destin", "{args:?}");
        }
    }
    let arena = Arena::with("s/only file \"source\"\nd dir\n");
    let output = arena.twosync(&["-a", "--verify-only", "--existing", "s/", "d"]);
    assert_eq!(output.expect_code(0).lines(), [""; 0]);
}

#[test]
fn a_file_that_this_run_wrote_is_not_protected_from_its_repair() {
    for ignores in [true, false] {
        let arena = Arena::with("s/a file \"text\" mtime=@1000\n");
        let mut settings = archive(&arena.path("s"), &arena.path("d"));
        settings.update.existing = if ignores {
            twosync::settings::Existing::KeepAll
        } else {
            twosync::settings::Existing::KeepNewer
        };
        engine_with(&settings, |phase| {
            if phase == Phase::Copy {
                fs::write(arena.path("d/a"), "torn").expect("our own file");
            }
        });
        assert_eq!(text(&arena, "d/a"), "text");
    }
}

#[test]
fn leftovers_of_files_that_an_nfs_client_holds_open_are_no_difference() {
    let arena = copied("s/a file \"text\"\n");
    build_tree(arena.top(), "d/.nfs0000000012345678 file \"still open\"\n");
    let audit = arena.twosync(&["-a", "--delete", "--verify-only", "s/", "d"]);
    assert_eq!(audit.expect_code(0).lines(), [""; 0]);
    arena.twosync(&["-a", "--delete", "s/", "d"]).expect_code(0);
    assert!(arena.path("d/.nfs0000000012345678").exists());
}

#[test]
fn what_max_delete_spares_is_not_counted_as_repaired() {
    let arena = copied("s/a file \"text\"\n");
    build_tree(arena.top(), "d/extra file \"x\"\n");
    let mut settings = deleting(archive(&arena.path("s"), &arena.path("d")));
    settings.delete.limit = Some(0);
    let report = engine(&settings).report;
    assert!(arena.path("d/extra").exists());
    assert_eq!(report.findings.repaired, 0);
    assert_eq!(report.worst.map(Class::exit_code), Some(25));
}

#[test]
fn an_audit_told_by_the_library_needs_no_destination_that_can_be_written() {
    let arena = copied("s/a file \"text\"\n");
    flip_bit(&arena.path("d/a"), 1);
    let before = arena.change_times("d");
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    settings.effect = Effect::VerifyOnly;
    let told = engine(&settings);
    assert_eq!(told.report.worst, Some(Class::Unverified));
    assert_eq!((told.report.findings.content_differences, told.report.findings.remaining), (1, 1));
    assert_eq!(told.report.copy.planned, 0, "there is no phase one");
    assert_eq!(before, arena.change_times("d"));
}

#[test]
fn an_audit_works_on_a_read_only_mount() {
    if !is_root_or_skipped("a read-only bind mount") {
        return;
    }
    let arena = Arena::with_fixture("damage");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    let script = |args: &str| {
        format!(
            "mount --bind d d && mount -o remount,ro,bind d && ! touch d/proof 2>/dev/null && \
             exec \"$TWOSYNC\" {args} s/ d"
        )
    };
    let clean = arena.in_own_mounts(&script("-a --delete --verify-only"));
    assert_eq!(clean.expect_code(0).stdout, b"");
    flip_bit(&arena.path("d/page"), 5000);
    build_tree(arena.top(), "d/void set 0700\nd/a/b/c/leaf remove\nd/extra file \"x\"\n");
    let before = arena.change_times("d");
    let audit = arena.in_own_mounts(&script("-a --delete --verify-only"));
    let expected =
        ["*extra      extra", ">fc........ page", "*missing    a/b/c/leaf", ".d...p..... void/"];
    assert_eq!(audit.expect_code(40).lines(), expected);
    assert_eq!(before, arena.change_times("d"));
    let sync = arena.in_own_mounts(&script("-a"));
    assert!(sync.code != 0 && sync.errors().contains("Read-only file system"), "{}", sync.errors());
}
