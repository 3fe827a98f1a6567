//! Safety rule 10: owners that a server refuses, times that it overwrites; neither hides nor becomes a fault of the data.

use fuser::Errno;

use crate::mounts::{
    EIO, INCOMPLETE, SIZES, UNVERIFIED, complaints, mounted, mounted_pair, mtime, verdict,
};
use crate::support::arena::Arena;
use crate::support::faulty::{Call, Fault, Often, SERVER_TIME, can_mount_or_skipped};
use crate::support::tree::build_tree;

/// Entries of every kind that belong to somebody else.
const FOREIGN: &str = "s/a file 0640 \"text\" uid=1234 gid=2345\ns/b file \"more\" uid=1234\n\
    s/link link -> a uid=1234\ns/pipe fifo uid=1234\ns/sub dir 0750 uid=1234\ns/sub/c file \"deep\" uid=1234\n";

/// What differs between the source and the disk, the names of owners and groups apart.
fn differences_but_owners(arena: &Arena) -> Vec<String> {
    let differences = arena.differences("s", "disk").into_iter();
    let is_owner = |line: &String| line.contains(": uid ") || line.contains(": gid ");
    differences.filter(|line| !is_owner(line)).collect()
}

#[test]
fn owners_that_a_server_refuses_are_told_in_one_line_and_counted() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) = mounted(FOREIGN);
    mount.plan_for_all(Call::Chown, Fault::Fails(Errno::EPERM));
    for round in 0..2 {
        let output = arena.twosync(&["-a", "s/", "d"]);
        let said = complaints(output.expect_code(23));
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("twosync: set the owner of \"d/"), "{said:?}");
        assert!(said[0].ends_with("Operation not permitted (os error 1)"), "{said:?}");
        let rest = ["twosync: 5 more attributes were refused by the destination", INCOMPLETE];
        assert_eq!(said[1..], rest, "round {round}");
        assert_eq!(differences_but_owners(&arena), [""; 0]);
        assert_eq!(arena.snapshot("disk").entries[b"a".as_slice()].uid, 0);
        assert_eq!(mount.written_bytes("a"), 4, "an owner is no reason to write content");
    }
}

#[test]
fn refused_owners_hide_no_fault_of_the_data() {
    if !can_mount_or_skipped() {
        return;
    }
    let cases = [
        (Call::Flush, EIO, 23, "close \"d/sub/c\": Input/output error (os error 5)", INCOMPLETE),
        (Call::Write, Fault::FlipsBit, 40, "repair \"d/sub/c\": it still differs", UNVERIFIED),
    ];
    for (call, fault, code, told, closing) in cases {
        let (arena, mount) = mounted(FOREIGN);
        mount.plan_for_all(Call::Chown, Fault::Fails(Errno::EPERM));
        mount.plan(call, "sub/c", fault, Often::Always);
        let output = arena.twosync(&["-a", "s/", "d"]);
        let said = complaints(output.expect_code(code));
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said.iter().any(|line| line.contains(told)), "{said:?}");
        assert_eq!(said.last().map(String::as_str), Some(closing));
    }
}

#[test]
fn a_file_whose_owner_is_refused_runs_as_nobody_else() {
    if !can_mount_or_skipped() {
        return;
    }
    let (arena, mount) =
        mounted("s/tool file 6755 \"run\" uid=1234 gid=2345\ns/own file 6755 \"run\"\n");
    mount.plan_for_all(Call::Chown, Fault::Fails(Errno::EPERM));
    arena.twosync(&["-a", "s/", "d"]).expect_code(23);
    let entries = arena.snapshot("disk").entries;
    let [tool, own] =
        [b"tool".as_slice(), b"own"].map(|name| (entries[name].uid, entries[name].mode));
    assert_eq!(tool, (0, 0o755), "it would give root's rights to what somebody else wrote");
    assert_eq!(own, (0, 0o6755));
}

#[test]
fn times_that_a_server_overwrites_are_set_again_and_no_content_is_written_again() {
    if !can_mount_or_skipped() {
        return;
    }
    for bytes in SIZES {
        let (arena, mount) = mounted_pair(bytes);
        mount.plan(Call::Flush, "bad", Fault::OverwritesTime, Often::Always);
        arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0);
        assert_eq!(mtime(&arena, "bad"), Some(i128::from(SERVER_TIME) * 1_000_000_000));
        build_tree(arena.top(), "s/bad set mtime=@1000\n");
        let output = arena.twosync(&["-ai", "s/", "d"]);
        assert_eq!(complaints(output.expect_code(0)), [""; 0]);
        assert_eq!(output.lines(), [">f..t...... bad", ".f..t...... bad"]);
        assert!(
            verdict(&output).ends_with("1 difference found (times: 1), 1 repaired, 0 remaining")
        );
        assert_eq!(arena.differences("s", "disk"), [""; 0]);
        assert_eq!((mount.struck(), mount.written_bytes("bad")), (2, 2 * bytes), "once a run");
        arena.twosync(&["-a", "s/", "d"]).expect_code(0);
        assert_eq!(mount.written_bytes("bad"), 2 * bytes, "its time is right now");
    }
}
