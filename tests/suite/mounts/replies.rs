//! Safety rule 11: replies that got lost, so that what worked looks as if it had failed, and replies that are plainly wrong.

use fuser::Errno;

use crate::mounts::{INCOMPLETE, complaints, mounted};
use crate::support::faulty::{Call, Fault, can_mount_or_skipped};
use crate::support::tree::build_tree;

#[test]
fn an_entry_that_was_made_although_the_server_says_that_it_exists_is_no_fault() {
    if !can_mount_or_skipped() {
        return;
    }
    let tree = "s/sub/deep dir\ns/link link -> sub\ns/pipe fifo\ns/socket socket\ns/null char 1:3\ns/disk block 7:9\n";
    for dest in ["d", "d/new"] {
        let (arena, mount) = mounted(tree);
        for call in [Call::Mkdir, Call::Symlink, Call::Mknod] {
            mount.plan_for_all(call, Fault::LosesReply(Errno::EEXIST));
        }
        let output = arena.twosync(&["-a", "s/", dest]);
        assert_eq!(complaints(output.expect_code(0)), [""; 0]);
        assert_eq!(arena.differences("s", &dest.replacen('d', "disk", 1)), [""; 0]);
        assert_eq!(mount.struck(), 7 + usize::from(dest == "d/new"));
    }
}

#[test]
fn an_entry_that_exists_and_is_another_one_is_a_fault() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted("s/sub dir\ns/link link -> a\ns/null char 1:3\ns/pipe fifo\n");
    for call in [Call::Mkdir, Call::Symlink, Call::Mknod] {
        mount.plan_for_all(call, Fault::ComesSecond);
    }
    let output = arena.twosync(&["-a", "s/", "d"]);
    let mut said = complaints(output.expect_code(23));
    said.sort();
    let told = [
        ("directory", "sub"),
        ("special file", "null"),
        ("special file", "pipe"),
        ("symlink", "link"),
    ];
    let told = told.map(|(what, name)| {
        format!("twosync: make the {what} \"d/{name}\": File exists (os error 17)")
    });
    assert_eq!(said[..4], told);
    assert_eq!(said[4..], [INCOMPLETE]);
}

#[test]
fn an_entry_that_was_removed_although_the_server_says_that_it_is_gone_is_no_fault() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) =
        mounted("s/file file \"new\"\ns/link link -> new\ns/sub/kept file \"text\"\n");
    build_tree(
        arena.top(),
        "disk/file/inner file \"old\"\ndisk/link link -> old\ndisk/extra file \"x\"\ndisk/full/inner file \"x\"\n\
         disk/sub link -> full\n",
    );
    for call in [Call::Unlink, Call::Rmdir] {
        mount.plan_for_all(call, Fault::LosesReply(Errno::ENOENT));
    }
    let output = arena.twosync(&["-a", "--delete", "s/", "d"]);
    assert_eq!(complaints(output.expect_code(0)), [""; 0]);
    assert_eq!(arena.differences("s", "disk"), [""; 0]);
    assert_eq!(mount.struck(), 7);
}

#[test]
fn an_entry_that_stays_although_the_server_says_that_it_is_gone_is_a_fault() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted("s dir\n");
    build_tree(arena.top(), "disk/extra file \"x\"\ndisk/sub dir\n");
    for call in [Call::Unlink, Call::Rmdir] {
        mount.plan_for_all(call, Fault::Fails(Errno::ENOENT));
    }
    let output = arena.twosync(&["-a", "--delete", "s/", "d"]);
    let mut said = complaints(output.expect_code(23));
    said.sort();
    let told = ["extra", "sub"].map(|name| {
        format!("twosync: delete \"d/{name}\": No such file or directory (os error 2)")
    });
    assert_eq!(said[..2], told);
    assert_eq!(said[2..], [INCOMPLETE]);
}
