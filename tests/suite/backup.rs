//! Backups: what phase two makes of them, what a failed copy leaves, and that no symlink leads them astray.
//!
//! What is kept where, as rsync does it, is the matter of `parity`.

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::Path;

use twosync::report::observer::Phase;
use twosync::settings::deletion::Backup;
use twosync::settings::{Settings, Verify};

use crate::engine::{archive, deleting, engine, engine_with};
use crate::safety::{text, while_swapped};
use crate::support::arena::{Arena, NOBODY, is_root_or_skipped};
use crate::support::tree::build_tree;

/// The settings of `-ab s/ d`.
fn keeping(arena: &Arena) -> Settings {
    let backup = Some(Backup { dir: None, suffix: b"~".as_slice().into() });
    Settings { backup, ..archive(&arena.path("s"), &arena.path("d")) }
}

/// The names in a directory of the arena.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_phase_two_overwrites_is_kept_if_it_was_there_before_the_run() {
    let arena = Arena::with("s/f file \"right\"\nd/f file \"wrong\"\n");
    let told = engine(&keeping(&arena));
    assert_eq!(told.report.findings.repaired, 1);
    assert_eq!((text(&arena, "d/f"), text(&arena, "d/f~")), ("right".into(), "wrong".into()));
}

#[test]
fn what_phase_one_wrote_is_repaired_without_a_second_backup() {
    let arena = Arena::with(
        "s/f file \"right\"\ns/l link -> right\nd/f file \"the old one\"\nd/l link -> old\n",
    );
    for verify in [Verify::All, Verify::Transferred, Verify::Metadata] {
        let settings = Settings { verify, ..keeping(&arena) };
        let told = engine_with(&settings, |phase| {
            if phase == Phase::Copy {
                fs::write(arena.path("d/f"), "damaged meanwhile").expect("our own file");
                fs::remove_file(arena.path("d/l")).expect("our own link");
                symlink("damaged", arena.path("d/l")).expect("our own directory");
            }
        });
        assert!(told.faults.is_empty(), "{:?}", told.faults);
        assert_eq!(text(&arena, "d/f"), "right");
        assert_eq!(text(&arena, "d/f~"), "the old one");
        assert_eq!(fs::read_link(arena.path("d/l")).expect("a link"), Path::new("right"));
        assert_eq!(fs::read_link(arena.path("d/l~")).expect("a link"), Path::new("old"));
        fs::remove_dir_all(arena.path("d")).expect("our own tree");
        build_tree(arena.top(), "d/f file \"the old one\"\nd/l link -> old\n");
    }
}

#[test]
fn a_backup_outlives_that_phase_two_replaces_a_link_of_phase_one() {
    let tree = "s/f file \"right\"\nb/f file \"wrong\"\nd/f file \"the old one\"\n";
    let arena = Arena::with(tree);
    arena.twosync(&["-ab", "--link-dest=../b", "s/", "d"]).expect_code(0);
    let texts = ["d/f", "d/f~", "b/f"].map(|name| text(&arena, name));
    assert_eq!(texts, ["right", "the old one", "wrong"]);
}

#[test]
fn a_large_file_is_kept_before_its_ranges_are_written() {
    let tree = "s/big file size=20000000 seed=7\nd/big file size=20000001 seed=8\nold/big hardlink d/big\n";
    let arena = Arena::with(tree);
    arena.twosync(&["-a", "--backup-dir=bk", "s/", "d"]).expect_code(0);
    assert_eq!(fs::read(arena.path("s/big")).ok(), fs::read(arena.path("d/big")).ok());
    assert_eq!(fs::read(arena.path("old/big")).ok(), fs::read(arena.path("d/bk/big")).ok());
}

#[test]
fn phase_two_deletes_no_backup_of_phase_one() {
    let tree = "s/f file \"new\"\nd/f file \"older\"\nd/x file \"x\"\nd/sub/y file \"y\"\n";
    let arena = Arena::with(tree);
    let told = engine(&deleting(keeping(&arena)));
    assert_eq!(told.report.findings.extra, 0);
    assert_eq!(names(&arena.path("d")), ["f", "f~", "sub", "x~"]);
    let arena = Arena::with(tree);
    let backup = Some(Backup { dir: Some("bk/in".into()), suffix: Box::default() });
    let told = engine(&Settings { backup, ..deleting(keeping(&arena)) });
    assert_eq!(told.report.findings.extra, 0);
    assert_eq!(names(&arena.path("d")), ["bk", "f"]);
    assert_eq!(text(&arena, "d/bk/in/sub/y"), "y");
}

#[test]
fn the_only_good_data_survive_a_copy_that_fails_in_both_phases() {
    let arena = Arena::with("s/f file size=300000 seed=7\nd/f file \"the only good data\"\n");
    // No file may grow beyond one block: writing fails with EFBIG.
    let output = arena.shell("trap '' XFSZ; ulimit -f 1; exec \"$TWOSYNC\" -ab s/ d");
    assert_ne!(output.code, 0);
    assert_eq!(text(&arena, "d/f~"), "the only good data");
}

#[test]
fn without_a_backup_nothing_is_overwritten_or_deleted() {
    let arena = Arena::with(
        "s/f file \"new\"\nd/f file \"older\"\nd/f~/in file \"in\"\nd/x file \"x\"\nd/x~ dir\n",
    );
    let before = arena.snapshot("d");
    let output = arena.twosync(&["-ab", "--delete", "s/", "d"]);
    output.expect_code(23);
    assert!(output.errors().contains("a directory stands where its backup goes"));
    assert_eq!((text(&arena, "d/f"), text(&arena, "d/x")), ("older".into(), "x".into()));
    assert_eq!(before.differences(&arena.snapshot("d")), [""; 0]);
}

#[test]
fn an_audit_takes_no_backup_for_too_much() {
    let arena = Arena::with("s/f file \"same\"\nd/f file \"same\"\nd/f~ file \"old\"\n");
    let before = arena.snapshot("d");
    arena.twosync(&["-ab", "--delete", "--verify-only", "s/", "d"]).expect_code(0);
    assert_eq!(before.differences(&arena.snapshot("d")), [""; 0]);
}

#[test]
fn a_component_of_the_backup_directory_swapped_in_mid_run_leads_nobody_out() {
    let arena = Arena::with("s/sub/{1..600} file \"new\"\noutside/sub/old file \"old\"\n");
    let before = arena.snapshot("outside");
    let mut swaps = 0;
    for deletes in ["--no-force", "--delete"] {
        for _ in 0..3 {
            let tree = "d/sub/{1..600} file \"older\"\nd/sub/x/{1..50} file \"x\"\nd/bk/sub dir\n";
            build_tree(arena.top(), tree);
            symlink("../../outside/sub", arena.path("d/bk/swap")).expect("our own directory");
            let args = ["-a", "--exclude=/bk", "--backup-dir=bk", deletes, "s/", "d"];
            let (output, count) =
                while_swapped(&arena.path("d/bk"), ["sub", "swap"], || arena.twosync(&args));
            swaps += count;
            assert!([0, 23, 24].contains(&output.code), "{}", output.errors());
            assert_eq!(before.differences(&arena.snapshot("outside")), [""; 0]);
            fs::remove_dir_all(arena.path("d")).expect("our own tree");
        }
    }
    assert!(swaps > 0, "nothing was ever swapped");
}

#[test]
fn a_symlink_of_somebody_else_is_no_backup_directory() {
    if !is_root_or_skipped("symlinks of another user") {
        return;
    }
    let arena = Arena::with("s/f file \"new\"\nd/f file \"older\"\nout dir\nd/bk link -> ../out\n");
    lchown(arena.path("d/bk"), Some(NOBODY), Some(NOBODY)).expect("root may give away");
    arena.twosync(&["-a", "--backup-dir=bk", "s/", "d"]).expect_code(11);
    arena.twosync(&["-a", "--backup-dir=bk/deep", "s/", "d"]).expect_code(11);
    symlink("bk", arena.path("d/mine")).expect("our own directory");
    arena.twosync(&["-a", "--backup-dir=mine", "s/", "d"]).expect_code(11);
    assert_eq!(text(&arena, "d/f"), "older");
    assert_eq!(names(&arena.path("out")), [""; 0]);
}

#[test]
fn no_backup_leaves_the_directory_that_paths_are_confined_to() {
    let arena = Arena::with(
        "in/s/f file \"new\"\nin/d/f file \"older\"\nout dir\nin/away link -> ../out\n",
    );
    let root = format!("--confine-root={}", arena.path("in").display());
    let outside = format!("--backup-dir={}", arena.path("out/kept").display());
    for dir in [&outside, "--backup-dir=../away", "--backup-dir=../../out"] {
        let output = arena.twosync(&["-a", &root, dir, "in/s/", "in/d"]);
        output.expect_code(11);
        assert!(output.errors().contains("leads out of the directory"), "{}", output.errors());
        assert_eq!(text(&arena, "in/d/f"), "older");
        assert_eq!(names(&arena.path("out")), [""; 0]);
    }
}
