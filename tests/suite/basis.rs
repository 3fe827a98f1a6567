//! Entries found in other directories: what phase two makes of them, and that nothing is written through a link.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::safety::text;
use crate::support::arena::Arena;
use crate::support::faulty::{FaultyMount, can_mount_or_skipped};
use crate::support::tree::build_tree;

/// A source, and another directory in which `f` has the same size and time but another content.
fn arena() -> Arena {
    Arena::with("s/f file \"right\"\ns/g file \"same\"\nb/f file \"wrong\"\nb/g file \"same\"\n")
}

#[test]
fn a_link_to_bytes_that_only_seemed_equal_is_made_anew() {
    let arena = arena();
    let args = ["-a", "--link-dest=../b", "s/", "d"];
    arena.twosync(&[&["--verify=none"], &args[..]].concat()).expect_code(0);
    assert_eq!(text(&arena, "d/f"), "wrong");
    fs::remove_dir_all(arena.path("d")).expect("our own tree");
    arena.twosync(&args).expect_code(0);
    assert_eq!((text(&arena, "d/f"), text(&arena, "b/f")), ("right".into(), "wrong".into()));
    assert_eq!(arena.path("d/g").metadata().expect("it is there").nlink(), 2);
}

#[test]
fn a_link_of_this_run_is_verified_although_it_exists_by_then() {
    let arena = arena();
    arena.twosync(&["-a", "--ignore-existing", "--link-dest=../b", "s/", "d"]).expect_code(0);
    assert_eq!((text(&arena, "d/f"), text(&arena, "b/f")), ("right".into(), "wrong".into()));
}

#[test]
fn what_compare_dest_left_out_though_its_bytes_differ_is_made() {
    let arena = arena();
    let args = ["-a", "--compare-dest=../b", "s/", "d"];
    arena.twosync(&args).expect_code(0);
    assert_eq!(text(&arena, "d/f"), "right");
    assert!(!arena.path("d/g").exists());
    arena.twosync(&[&["--verify-only"], &args[..]].concat()).expect_code(0);
    fs::remove_file(arena.path("b/g")).expect("our own file");
    arena.twosync(&[&["--verify-only"], &args[..]].concat()).expect_code(40);
}

#[test]
fn large_files_are_linked_and_left_out_too() {
    let tree = "s/big file size=20000000 seed=7\nb/big file size=20000000 seed=7\n";
    let arena = Arena::with(tree);
    arena.twosync(&["-a", "--compare-dest=../b", "s/", "c"]).expect_code(0);
    assert!(!arena.path("c/big").exists());
    arena.twosync(&["-a", "--link-dest=../b", "s/", "d"]).expect_code(0);
    assert_eq!(arena.path("d/big").metadata().expect("it is there").nlink(), 2);
    arena.twosync(&["-a", "--copy-dest=../b", "s/", "e"]).expect_code(0);
    assert_eq!(arena.differences("s", "e"), [""; 0]);
}

#[test]
fn nothing_is_written_through_a_link_later() {
    let arena = Arena::with("s/f file \"old\"\nb/f file \"old\"\n");
    arena.twosync(&["-a", "--link-dest=../b", "s/", "d"]).expect_code(0);
    build_tree(arena.top(), "s/f file \"newer\"\n");
    arena.twosync(&["-a", "--link-dest=../b", "s/", "d"]).expect_code(0);
    assert_eq!((text(&arena, "d/f"), text(&arena, "b/f")), ("newer".into(), "old".into()));
    build_tree(arena.top(), "s/f set 0600\n");
    fs::hard_link(arena.path("d/f"), arena.path("b/g")).expect("our own file");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!(arena.path("b/g").metadata().expect("it is there").mode() & 0o777, 0o644);
}

#[test]
fn a_symlink_in_another_directory_is_not_followed() {
    let arena = Arena::with("s/sub/f file \"same\"\nout/f file \"same\"\nb/sub link -> ../out\n");
    arena.twosync(&["-a", "--link-dest=../b", "s/", "d"]).expect_code(0);
    assert_eq!(arena.path("d/sub/f").metadata().expect("it is there").nlink(), 1);
    arena.twosync(&["-a", "--compare-dest=../b", "s/", "e"]).expect_code(0);
    assert_eq!(text(&arena, "e/sub/f"), "same");
}

#[test]
fn a_directory_that_is_missing_is_told_and_is_no_error() {
    let arena = Arena::with("s/f file \"f\"\n");
    let output = arena.twosync(&["-a", "--link-dest=../no", "s/", "d"]);
    output.expect_code(0);
    assert!(output.errors().contains("../no"), "{}", output.errors());
}

#[test]
fn what_can_not_be_looked_at_elsewhere_is_told_once_and_made() {
    let arena = Arena::with(
        "s/a{1..3} file \"a\"\ns/sub/n{1..3} file \"n\"\nb/a{1..3} file \"a\"\n\
         b/sub dir 0000\nb/sub/n{1..3} file \"n\"\n",
    );
    let output = arena.twosync_as_nobody(&["-a", "--link-dest=../b", "s/", "d"]);
    output.expect_code(0);
    let line = "look for entries in \"d/../b/sub\": Permission denied";
    assert_eq!(output.errors().matches(line).count(), 1, "{}", output.errors());
    assert_eq!(arena.differences("s/sub", "d/sub"), [""; 0]);
}

#[test]
fn a_file_that_can_not_be_linked_is_copied_once_and_kept() {
    if !can_mount_or_skipped() {
        return;
    }
    let arena = Arena::with("s/f file \"same\"\ndisk/b/f file \"same\"\ndisk/d/f file \"same\"\n");
    let mount = FaultyMount::of(&arena, "disk", "m");
    // The mount knows no links. One file is there and right, one is missing.
    for (dest, written_bytes) in [("d", 0), ("e", 4)] {
        for _ in 0..2 {
            let args = ["-a", "--link-dest=../b", "s/", &format!("m/{dest}")];
            arena.twosync(&args).expect_code(0);
        }
        assert_eq!(mount.written_bytes(&format!("{dest}/f")), written_bytes, "{dest}");
    }
}

#[test]
fn an_entry_elsewhere_that_can_not_be_compared_is_told_once_and_made() {
    // No list is so short, and only it is in the way.
    let arena = Arena::with(
        "s/f file \"f\"\ns/g file \"g\"\ns/h file \"h\"\n\
         b/f file \"f\" x:user.rsync.%aacl=no\nb/g file \"g\" x:user.rsync.%aacl=no\nb/h file \"h\"\n",
    );
    let output = arena.twosync(&["-aA", "-M--fake-super", "--link-dest=../b", "s/", "d"]);
    output.expect_code(0);
    for name in ["f", "g"] {
        let line = format!("read the access control list of \"d/../b/{name}\": it is no access");
        assert_eq!(output.errors().matches(&line).count(), 1, "{}", output.errors());
        assert_eq!(arena.path("d").join(name).metadata().expect("it was made").nlink(), 1);
    }
    assert_eq!(output.errors().lines().count(), 2, "{}", output.errors());
    assert_eq!(arena.path("d/h").metadata().expect("it is there").nlink(), 2);
}
