//! Sources that meet: named twice, on other file systems, around the destination, or not there.

use crate::support::arena::{Arena, is_root_or_skipped};

#[test]
fn nothing_is_deleted_when_a_directory_whose_contents_were_asked_for_is_not_there() {
    let arena = Arena::with("s/a file \"a\"\nd/kept file \"k\"\n");
    let output = arena.twosync(&["-ai", "--delete", "s/", "missing/", "d"]);
    output.expect_code(23);
    assert!(arena.path("d/kept").exists());
    assert!(output.lines().contains(&"IO error encountered -- skipping file deletion".to_owned()));
}

#[test]
fn a_directory_that_is_named_twice_is_walked_once() {
    let arena = Arena::with("s/d/{1..300} file \"x\"\n");
    arena.twosync(&["-a", "s/d", "s/d", "dest"]).expect_code(0);
    assert_eq!(arena.differences("s/d", "dest/d"), [""; 0]);
}

#[test]
fn a_name_that_only_looks_like_a_leftover_of_nfs_is_deleted() {
    let arena = Arena::with("s/a file \"a\"\nd/.nfs-config file \"x\"\n");
    arena.twosync(&["-a", "--delete", "s/", "d"]).expect_code(0);
    assert!(!arena.path("d/.nfs-config").exists());
}

#[test]
fn a_destination_inside_a_followed_source_is_not_copied_into_itself_without_end() {
    for option in ["-aL", "-ak"] {
        let arena = Arena::with("s/f file \"f\"\nlnk link -> s\n");
        arena.twosync(&[option, "lnk", "s/d"]).expect_code(0);
        assert!(arena.path("s/d/lnk/f").exists(), "{option}");
        assert!(!arena.path("s/d/lnk/d/lnk").exists(), "{option}");
    }
}

#[test]
fn what_this_run_wrote_is_verified_wherever_the_journal_is_kept() {
    let arena = Arena::with("s/a file \"text\"\n");
    let args = ["-a", "--stats", "--verify=transferred", "s/", "d"];
    let output = arena.twosync_with_env(&args, &[("TMPDIR", "/nonexistent")]);
    output.expect_code(0);
    let told = output.told();
    assert!(told.contains("verified file contents: 1"), "{told}");
}

#[test]
fn with_one_file_system_mounts_of_the_destination_are_left_alone() {
    if !is_root_or_skipped("a mount in the destination") {
        return;
    }
    let arena = Arena::with("s/a file \"a\"\nd/extra/m dir\n");
    let script = "mount -t tmpfs none d/extra/m && echo k > d/extra/m/f && \
                  \"$TWOSYNC\" -ax --delete s/ d; cat d/extra/m/f";
    assert_eq!(arena.in_own_mounts(script).lines().last().map(String::as_str), Some("k"));
}

#[test]
fn with_one_file_system_each_source_starts_on_its_own() {
    if !is_root_or_skipped("two file systems") {
        return;
    }
    let arena = Arena::with("one/s/p/f file \"p\"\ntwo dir\n");
    let script = "mount -t tmpfs none two && mkdir -p two/s/q && echo q > two/s/q/f && \
                  \"$TWOSYNC\" -ax one/s two/s d && cat d/s/q/f";
    assert_eq!(arena.in_own_mounts(script).expect_code(0).lines(), ["q"]);
}

#[test]
fn with_one_file_system_a_mount_in_one_of_merged_sources_stays_out_and_the_others_do_not() {
    if !is_root_or_skipped("mounts in the sources") {
        return;
    }
    let tree = "one/m dir\none/n/f file \"one\"\ntwo/m/f file \"two\"\ntwo/n dir\n";
    for (option, sources) in [("-ax", "one/ two/"), ("-axx", "one/ two/"), ("-ax", "two/ one/")] {
        let arena = Arena::with(tree);
        let script = format!(
            "mount -t tmpfs none one/m && echo 1 > one/m/foreign && \
             mount -t tmpfs none two/n && echo 2 > two/n/foreign && \
             \"$TWOSYNC\" {option} {sources} d && cd d && find . -type f | sort"
        );
        let output = arena.in_own_mounts(&script);
        assert_eq!(output.expect_code(0).lines(), ["./m/f", "./n/f"], "{option} {sources}");
    }
}

#[test]
fn a_destination_that_a_bind_mount_puts_into_the_source_is_not_copied_into_itself() {
    if !is_root_or_skipped("a bind mount") {
        return;
    }
    let arena = Arena::with("s/f file \"f\"\ns/m dir\nd dir\n");
    let script = "mount --bind d s/m && \"$TWOSYNC\" -a s/ d && find d | sort";
    assert_eq!(arena.in_own_mounts(script).expect_code(0).lines(), ["d", "d/f"]);
}

#[test]
fn a_large_file_that_is_named_twice_is_copied_once() {
    let arena = Arena::with("s/big file size=20000000 seed=9\n");
    arena.twosync(&["-a", "s/big", "s/big", "d/"]).expect_code(0);
    assert_eq!(arena.differences("s/big", "d/big"), [""; 0]);
}
