//! What `--ledger` remembers is not read again, and nothing else is taken on trust.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use twosync::model::change::Attrs;
use twosync::model::digest::RANGE_BYTES;
use twosync::report::tally::Findings;
use twosync::settings::proof::ReadBack;
use twosync::settings::{Effect, Settings};

use crate::engine::{Told, archive, engine};
use crate::support::arena::Arena;
use crate::support::tree::build_tree;

/// The settings of `-a --ledger=ledger s/ d`.
fn remembering(arena: &Arena) -> Settings {
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    settings.proof.ledger = Some(arena.path("ledger"));
    settings
}

fn auditing(arena: &Arena) -> Settings {
    let mut settings = remembering(arena);
    settings.effect = Effect::VerifyOnly;
    settings
}

/// Bytes that phase two read of the source and of the destination, and what it found.
fn read(told: &Told) -> (u64, u64, Findings) {
    assert_eq!(told.faults, [""; 0]);
    let tally = told.report.verify.expect("there was a phase two");
    (tally.source_read_bytes, tally.dest_read_bytes, told.report.findings)
}

const SMALL: u64 = 5000;
const LARGE: u64 = 2 * RANGE_BYTES + 7;

fn pair() -> Arena {
    Arena::with(&format!(
        "s/small file size={SMALL} seed=1\ns/large file size={LARGE} seed=2\ns/empty file \"\"\n"
    ))
}

#[test]
fn what_a_run_verified_the_next_ones_do_not_read_again() {
    let arena = pair();
    let first = engine(&remembering(&arena));
    assert_eq!(read(&first).1, SMALL + LARGE);
    for settings in [remembering(&arena), auditing(&arena)] {
        let (of_source, of_dest, findings) = read(&engine(&settings));
        assert_eq!((of_source, of_dest), (0, 0));
        assert_eq!((findings.verified_before, findings.differences()), (3, 0));
        assert_eq!(findings.compared, 4, "attributes are compared all the same");
    }
    let size = fs::metadata(arena.path("ledger")).expect("it is there").len();
    engine(&auditing(&arena));
    assert_eq!(fs::metadata(arena.path("ledger")).expect("it is there").len(), size);
    let output = arena.twosync(&["-av", "--verify-only", "--ledger=ledger", "s/", "d"]);
    let verdict = "verified 4 entries: 0 bytes read back (3 files verified before and unchanged since), 0 differences";
    assert!(output.told().contains(verdict), "{}", output.told());
}

#[test]
fn a_change_that_keeps_size_and_time_is_read_on_whichever_side_it_is() {
    for harm in ["s/small", "d/small"] {
        let arena = pair();
        engine(&remembering(&arena));
        let script = format!(
            "touch -r {harm} stamp; printf x | dd of={harm} bs=1 seek=99 conv=notrunc status=none; touch -r stamp {harm}"
        );
        arena.shell(&script).expect_code(0);
        let told = engine(&auditing(&arena));
        let findings = told.report.findings;
        assert_eq!((findings.verified_before, findings.content_differences), (2, 1), "{harm}");
        let told = engine(&remembering(&arena));
        assert_eq!(told.report.findings.repaired, 1, "{harm}");
        assert_eq!(arena.differences("s", "d"), [""; 0]);
    }
}

#[test]
fn a_source_that_is_known_is_not_read_for_a_destination_that_changed() {
    let arena = pair();
    engine(&remembering(&arena));
    arena
        .shell("chmod 600 d/small && chmod 644 d/small && touch -r s/large d/large")
        .expect_code(0);
    let (of_source, of_dest, findings) = read(&engine(&auditing(&arena)));
    assert_eq!((of_source, of_dest), (0, SMALL + LARGE));
    assert_eq!((findings.verified_before, findings.differences()), (1, 0));
}

#[test]
fn other_attributes_are_found_without_reading_a_byte() {
    let arena = Arena::with("s/a file 0644 size=5000 seed=1\ns/b file 0600 size=5000 seed=2\n");
    let mut settings = remembering(&arena);
    settings.preserve.attrs.remove(Attrs::MODE);
    engine(&settings);
    // Without --perms both have got what the umask leaves; now the modes count.
    arena.shell("chmod 755 d/a d/b").expect_code(0);
    settings.effect = Effect::VerifyOnly;
    engine(&settings);
    let (of_source, of_dest, findings) = read(&engine(&auditing(&arena)));
    assert_eq!((of_source, of_dest), (0, 0));
    assert_eq!((findings.verified_before, findings.modes_differed), (2, 2));
}

#[test]
fn a_reading_from_the_cache_does_not_do_for_one_from_storage() {
    let arena = pair();
    engine(&remembering(&arena));
    let mut settings = auditing(&arena);
    settings.proof.read_back = ReadBack::Storage;
    let first = read(&engine(&settings)).1;
    // A directory for temporary files may be in memory: there is no storage then, and nothing stronger.
    let storage = arena.shell("stat -f -c %T .").told() != "tmpfs\n";
    assert_eq!(first, if storage { SMALL + LARGE } else { 0 });
    assert_eq!(read(&engine(&settings)).1, 0);
    assert_eq!(read(&engine(&auditing(&arena))).1, 0, "it does the other way round");
}

#[test]
fn with_a_source_to_be_read_again_the_past_does_not_count() {
    let arena = pair();
    arena.twosync(&["-a", "--ledger=ledger", "s/", "d"]).expect_code(0);
    let args =
        ["-av", "--no-h", "--verify-only", "--ledger=ledger", "--source-digest=reread", "s/", "d"];
    let told = arena.twosync(&args).expect_code(0).told();
    assert!(told.contains(&format!(": {} bytes read back", SMALL + LARGE)), "{told}");
}

#[test]
fn what_can_not_be_used_is_refused_before_anything_is_copied() {
    let arena = pair();
    arena.twosync(&["-a", "--ledger=ledger", "s/", "d"]).expect_code(0);
    let whole = fs::read(arena.path("ledger")).expect("it is there");
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    fs::write(arena.path("damaged"), &damaged).expect("our own");
    fs::write(arena.path("text"), "a file of the user\n").expect("our own");
    for (file, dest, why) in [
        (
            "damaged",
            "d",
            "it is damaged at byte 88, and what it says can not be trusted (remove it: all is read again)",
        ),
        ("text", "d", "it is no ledger of twosync (give another file)"),
        ("ledger", "e", "it is the ledger of another destination (give another file)"),
        ("d/ledger", "d/", "it lies in the destination, and would be taken for a part of it"),
    ] {
        let before = fs::read(arena.path(file)).ok();
        let output = arena.twosync(&["-a", "--delete", &format!("--ledger={file}"), "s/", dest]);
        let told = format!("twosync: use the ledger \"{file}\": {why}\n");
        assert_eq!(output.expect_code(1).errors().lines().next(), told.lines().next());
        assert_eq!(fs::read(arena.path(file)).ok(), before);
        assert!(!arena.path("e").exists());
    }
    let output = arena.twosync(&["-a", "--ledger=no/ledger", "s/", "d"]);
    assert!(output.expect_code(1).errors().contains("No such file or directory"));
    for verify in ["--verify=none", "--verify=metadata"] {
        let output = arena.twosync(&["-a", "--ledger=ledger", verify, "s/", "d"]);
        assert!(
            output.expect_code(1).errors().starts_with("twosync: --ledger remembers which bytes")
        );
    }
    assert_eq!(fs::read(arena.path("ledger")).expect("it is there"), whole);
}

/// Starts a run and kills it when it has told so many lines.
fn killed_after(arena: &Arena, lines: usize, args: &[&str]) {
    let mut child = Command::new(Path::new(env!("CARGO_BIN_EXE_twosync")))
        .args(args)
        .current_dir(arena.top())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    output.lines().take(lines).for_each(|line| drop(line.expect("text")));
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
}

#[test]
fn after_a_kill_at_any_moment_the_next_run_with_the_ledger_ends_in_the_right_tree() {
    let tree = "s/{1..9}/{1..60} file size=3000 seed=1\ns/large file size=9000000 seed=2\n";
    for lines in [1, 3, 60, 200, 400, 549, 551, 800, 1000] {
        let arena = Arena::with(tree);
        let args = ["-aii", "--ledger=ledger", "s/", "d"];
        if lines > 550 {
            // In an audit, all lines are of phase two.
            arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
            let audit = ["-aii", "--verify-only", "--ledger=ledger", "s/", "d"];
            killed_after(&arena, lines - 550, &audit);
        } else {
            killed_after(&arena, lines, &args);
        }
        // What was killed left a file that is not as its source, or one that somebody harms now.
        if arena.path("d/1/1").exists() {
            build_tree(arena.top(), "d/1/1 file size=3000 seed=7\n");
        }
        arena.twosync(&args).expect_code(0);
        assert_eq!(arena.differences("s", "d"), [""; 0], "killed after {lines} lines");
        // What it has repaired was too new to be remembered.
        arena.twosync(&args).expect_code(0);
        let again = arena.twosync(&["-av", "--ledger=ledger", "s/", "d"]);
        let told = again.expect_code(0).told();
        assert!(told.contains("0 bytes read back (541 files verified before"), "{told}");
    }
}
