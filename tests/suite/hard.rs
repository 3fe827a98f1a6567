//! `--hard-links`: names of one file in the source are names of one file in the destination, whoever comes first, and
//! phase two looks whether they are.
//!
//! What is told and where, compared with rsync, is the matter of `fixtures/parity/hard.case`.

mod races;
mod random;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use twosync::error::Class;
use twosync::report::observer::Phase;
use twosync::settings::Settings;
use twosync::settings::links::HardLinks;

use crate::engine::{archive, engine, engine_with};
use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::faulty::{Call, Fault, FaultyMount, Often, can_mount_or_skipped};
use crate::support::run::twosync;
use crate::support::tree::build_tree;

/// The settings of `-aH s/ d`.
fn linking(arena: &Arena) -> Settings {
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    settings.links.hard = HardLinks::Together;
    settings
}

fn inode(arena: &Arena, name: &str) -> u64 {
    arena.path(name).symlink_metadata().expect("it is there").ino()
}

#[test]
fn a_group_that_differs_is_written_once_and_in_place() {
    let arena = Arena::with(
        "s/a file \"newer text\"\ns/in/b hardlink s/a\nd/a file \"old\" mtime=@5\nd/in/b hardlink d/a\n",
    );
    let before = inode(&arena, "d/a");
    let told = engine(&linking(&arena));
    assert_eq!(told.written_bytes(), 10);
    assert_eq!((inode(&arena, "d/a"), inode(&arena, "d/in/b")), (before, before));
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_file_with_a_name_that_is_not_of_the_group_is_not_written_through() {
    // That name is elsewhere, hidden by a filter, or left alone because it is there.
    let tree = "s/a file \"newer text\"\ns/b hardlink s/a\ns/c hardlink s/a\n\
                d/a file \"old\" mtime=@5\nd/b hardlink d/a\n";
    for (other, option) in [("k", "-a"), ("d/c", "--exclude=c"), ("d/x", "-a")] {
        let arena = Arena::with(&format!("{tree}{other} hardlink d/a\n"));
        arena.twosync(&["-aH", option, "s/", "d"]).expect_code(0);
        assert_eq!(fs::read(arena.path(other)).expect("it stays"), b"old", "{other}");
        assert_eq!(fs::read(arena.path("d/b")).expect("it is there"), b"newer text");
        assert_eq!(inode(&arena, "d/a"), inode(&arena, "d/b"));
    }
}

#[test]
fn many_workers_make_and_tell_what_one_makes_and_tells() {
    let mut tree = String::new();
    for number in 0..300 {
        let dir = number % 7;
        let line = match number % 3 {
            0 => format!("s/{dir}/{number} file \"text of {number}\"\n"),
            _ => format!(
                "s/{dir}/{number} hardlink s/{}/{}\n",
                (number - number % 3) % 7,
                number - number % 3
            ),
        };
        tree.push_str(&line);
    }
    // Some are there, joined in other ways.
    tree.push_str(
        "d/1/1 file \"other\" mtime=@5\nd/3/3 hardlink d/1/1\nd/5/5 file \"text of 3\"\n",
    );
    let told: Vec<_> = ["-j1", "-j8", "-j8", "-j3"]
        .into_iter()
        .map(|jobs| {
            let arena = Arena::with(&tree);
            let lines = arena.twosync(&["-aHii", jobs, "s/", "d"]).expect_code(0).lines();
            assert_eq!(arena.differences("s", "d"), [""; 0], "{jobs}");
            lines
        })
        .collect();
    assert!(told.iter().all(|lines| *lines == told[0]), "{told:?}");
    assert!(told[0].iter().filter(|line| line.contains(" => ")).count() > 150);
}

#[test]
fn an_audit_reports_names_that_are_not_linked() {
    let arena = Arena::with(
        "s/a file \"text\"\ns/in/b hardlink s/a\ns/l link -> x\ns/m hardlink s/l\ns/c file \"c\"\n\
         d/a file \"text\"\nd/in/b file \"text\"\nd/l link -> x\nd/m link -> x\nd/c file \"c\"\n",
    );
    let output = arena.twosync(&["-aH", "-i", "--verify-only", "s/", "d"]);
    let lines = output.expect_code(40).lines();
    assert!(lines.contains(&"hL          m => l".to_owned()), "{lines:?}");
    assert!(lines.contains(&"hf          in/b => a".to_owned()), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains(" => ")).count(), 2, "{lines:?}");
    assert_ne!(inode(&arena, "d/a"), inode(&arena, "d/in/b"), "an audit changes nothing");
    // Without -H they are as good as any.
    arena.twosync(&["-a", "--verify-only", "s/", "d"]).expect_code(0);
    arena.twosync(&["-aH", "s/", "d"]).expect_code(0);
    arena.twosync(&["-aH", "--verify-only", "s/", "d"]).expect_code(0);
}

#[test]
fn an_audit_reports_a_name_that_is_missing_and_a_group_that_differs() {
    let arena = Arena::with(
        "s/a file \"text\"\ns/b hardlink s/a\ns/c file \"c\"\ns/e hardlink s/c\n\
         d/a file \"text\"\nd/c file \"x\"\nd/e hardlink d/c\n",
    );
    let lines = arena.twosync(&["-aHi", "--verify-only", "s/", "d"]).expect_code(40).lines();
    let told: Vec<&String> = lines.iter().filter(|line| !line.starts_with("compared")).collect();
    assert_eq!(told[0], "*missing    b");
    assert!(told[1].ends_with(" c") && told[2].ends_with(" e"), "{lines:?}");
}

#[test]
fn phase_two_links_again_what_came_apart() {
    let arena = Arena::with(
        "s/a file \"text\"\ns/in/b hardlink s/a\ns/c hardlink s/a\ns/f fifo\ns/g hardlink s/f\n",
    );
    let told = engine_with(&linking(&arena), |phase| {
        if phase == Phase::Copy {
            build_tree(
                arena.top(),
                "d/in/b remove\nd/in/b file \"text\"\nd/c remove\nd/g remove\nd/g fifo\n",
            );
        }
    });
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    let findings = told.report.findings;
    assert_eq!((findings.missing, findings.metadata_differences), (1, 2));
    assert_eq!((findings.repaired, findings.remaining), (3, 0));
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn phase_two_repairs_the_bytes_of_a_group_once() {
    let arena = Arena::with("s/a file size=100000 seed=1\ns/b hardlink s/a\ns/c hardlink s/a\n");
    let told = engine_with(&linking(&arena), |phase| {
        if phase == Phase::Copy {
            let mut bytes = fs::read(arena.path("d/b")).expect("it is there");
            bytes[70_000] ^= 1;
            fs::write(arena.path("d/b"), bytes).expect("our own file");
        }
    });
    assert_eq!(told.report.findings.content_differences, 1);
    let repaired = told.report.verify.expect("there is a phase two").written_bytes;
    assert_eq!(repaired, 4096, "one page of one file");
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn the_bytes_of_a_group_are_read_once_on_either_side() {
    let arena = Arena::with("s/a file size=100000 seed=1\ns/b hardlink s/a\ns/in/c hardlink s/a\n");
    let told = engine(&linking(&arena));
    let verify = told.report.verify.expect("there is a phase two");
    assert_eq!((told.report.copy.source_read_bytes, verify.source_read_bytes), (100_000, 0));
    assert_eq!(verify.dest_read_bytes, 100_000);
    assert_eq!(told.report.findings.compared_files, 3);
}

#[test]
fn a_name_that_the_source_gets_between_the_phases_is_linked() {
    let arena = Arena::with("s/a file \"text\"\ns/b hardlink s/a\n");
    let told = engine_with(&linking(&arena), |phase| {
        if phase == Phase::Copy {
            build_tree(arena.top(), "s/c hardlink s/a\n");
        }
    });
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_full_directory_in_the_way_of_one_name_stops_no_other() {
    let tree = "s/a file \"text\"\ns/b hardlink s/a\ns/c hardlink s/a\n";
    for name in ["a", "b", "c"] {
        let arena = Arena::with(&format!("{tree}d/{name}/full file \"x\"\n"));
        let output = arena.twosync(&["-aH", "s/", "d"]);
        output.expect_code(23);
        assert!(output.errors().contains("a directory that is not empty is in the way"));
        let others: Vec<u64> = ["a", "b", "c"]
            .iter()
            .filter(|other| **other != name)
            .map(|other| inode(&arena, &format!("d/{other}")))
            .collect();
        assert_eq!(others[0], others[1], "{name}");
    }
}

#[test]
fn a_name_whose_copy_fails_leaves_its_place_to_the_next() {
    let arena = Arena::with(
        "s/x/a file \"text\"\ns/y/b hardlink s/x/a\ns/z/c hardlink s/x/a\nd/z dir 0555\n",
    );
    // The last name would lead, and its directory is not ours to write to.
    if !is_root_or_skipped("a directory of somebody else") {
        return;
    }
    let script = "chattr +i d/z 2>/dev/null || exit 77; $TWOSYNC -aH s/ d; code=$?; chattr -i d/z; exit $code";
    let output = arena.in_own_mounts(script);
    if output.code != 77 {
        output.expect_code(23);
        assert_eq!(inode(&arena, "d/x/a"), inode(&arena, "d/y/b"));
        assert!(!arena.path("d/z/c").exists());
    }
}

#[test]
fn a_file_system_without_links_gets_copies_and_that_is_told() {
    if !can_mount_or_skipped() {
        return;
    }
    let arena = Arena::with("s/a file \"text\"\ns/b hardlink s/a\ns/c hardlink s/a\n");
    let mount = FaultyMount::of(&arena, "disk", "d");
    let output = arena.twosync(&["-aHi", "s/", "d"]);
    output.expect_code(23);
    assert!(
        output.errors().contains("link to its other name (it was copied) \"d/"),
        "{}",
        output.errors()
    );
    for name in ["a", "b", "c"] {
        assert_eq!(fs::read(arena.path("disk").join(name)).expect("it is there"), b"text");
        assert_eq!(mount.written_bytes(name), 4, "{name} is written once");
    }
    assert!(!output.lines().iter().any(|line| line.contains(" => ")), "{:?}", output.lines());
}

#[test]
fn names_that_can_not_be_linked_keep_no_others_from_it_and_are_compared_by_themselves() {
    if !can_mount_or_skipped() {
        return;
    }
    let arena = Arena::with(
        "s/x file \"x\"\ns/y hardlink s/x\ns/m/a file \"text\"\ns/m/b hardlink s/m/a\n",
    );
    let mount = FaultyMount::of(&arena, "disk", "d/m");
    mount.plan(Call::Write, "a", Fault::FlipsBit, Often::Once);
    let told = engine_with(&linking(&arena), |phase| {
        if phase == Phase::Copy {
            build_tree(arena.top(), "d/x remove\nd/x file \"x\"\n");
        }
    });
    assert_eq!(mount.struck(), 1);
    assert_eq!(told.report.worst, Some(Class::Entry), "{:?}", told.faults);
    assert_eq!(inode(&arena, "d/x"), inode(&arena, "d/y"));
    assert_eq!(fs::read(arena.path("disk/a")).expect("it is there"), b"text");
    let findings = told.report.findings;
    assert_eq!((findings.repaired, findings.remaining, findings.compared_files), (2, 0, 3));
}

#[test]
fn a_copy_that_can_not_be_linked_is_kept_by_the_next_run() {
    if !can_mount_or_skipped() {
        return;
    }
    let arena = Arena::with(
        "s/a file \"text\"\ns/b hardlink s/a\ns/c hardlink s/a\ns/x file \"more\"\ns/y hardlink s/x\n",
    );
    let mount = FaultyMount::of(&arena, "disk", "d");
    arena.twosync(&["-aH", "s/", "d"]).expect_code(23);
    let before = arena.change_times("disk");
    for more in [&[][..], &["--backup"], &["-c"]] {
        let told = arena.twosync(&[&["-aHi"], more, &["s/", "d"]].concat());
        assert_eq!(told.expect_code(23).lines(), [""; 0], "{more:?}");
        assert!(told.errors().contains("link to its other name"), "{}", told.errors());
    }
    assert_eq!(["a", "b", "c", "x", "y"].map(|name| mount.written_bytes(name)), [4; 5]);
    assert_eq!(arena.change_times("disk"), before);
    // Only one that is not right is written again.
    fs::write(arena.path("disk/b"), "else").expect("our own");
    arena.twosync(&["-aH", "s/", "d"]).expect_code(23);
    assert_eq!(fs::read(arena.path("disk/b")).expect("it is there"), b"text");
    assert_eq!(["b", "c", "y"].map(|name| mount.written_bytes(name)), [8, 4, 4]);
}

#[test]
fn a_copy_is_replaced_by_a_link_in_one_step_that_leaves_nothing_beside_it() {
    let arena = Arena::with(
        "s/a file \"text\"\ns/b hardlink s/a\nd/a file \"text\"\nd/b file \"text\"\nd/b~ file \"old\"\n",
    );
    arena.twosync(&["-aHb", "s/", "d"]).expect_code(0);
    assert_eq!(inode(&arena, "d/a"), inode(&arena, "d/b"));
    let mut names: Vec<_> = fs::read_dir(arena.path("d"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "b~"]);
    assert_eq!(fs::read(arena.path("d/b~")).expect("it is there"), b"text");
}

#[test]
fn names_in_two_file_systems_are_two_groups() {
    if !is_root_or_skipped("a mount") {
        return;
    }
    let arena = Arena::with(
        "s/a file \"text\"\ns/e hardlink s/a\ns/m/b hardlink s/a\ns/m/c hardlink s/a\nd/m dir\n",
    );
    let script = "mount -t tmpfs none d/m && $TWOSYNC -aH s/ d && $TWOSYNC -aHi s/ d && \
                  $TWOSYNC -aH --verify-only s/ d && test d/a -ef d/e && test d/m/b -ef d/m/c";
    let output = arena.in_own_mounts(script);
    output.expect_code(0);
    assert!(!output.lines().iter().any(|line| line.contains('f')), "{:?}", output.lines());
}

#[test]
fn a_source_that_is_seen_twice_by_a_bind_mount_is_one_group() {
    if !is_root_or_skipped("a bind mount") {
        return;
    }
    let arena = Arena::with("s/a/x file \"text\"\ns/a/y hardlink s/a/x\ns/b dir\n");
    let script = "mount --bind s/a s/b && $TWOSYNC -aH s/ d && $TWOSYNC -aH --verify-only s/ d";
    arena.in_own_mounts(script).expect_code(0);
    let inodes = ["d/a/x", "d/a/y", "d/b/x", "d/b/y"].map(|name| inode(&arena, name));
    assert_eq!(inodes, [inodes[0]; 4]);
}

#[test]
fn a_leader_behind_a_kept_symlink_is_found_again() {
    if !is_root_or_skipped("a bind mount") {
        return;
    }
    let arena = Arena::with(
        "s/a/x file \"text\"\ns/a/y hardlink s/a/x\ns/b dir\nd/real dir\nd/a link -> real\n",
    );
    let script = "mount --bind s/a s/b && $TWOSYNC -aHK s/ d";
    arena.in_own_mounts(script).expect_code(0);
    let inodes = ["d/real/x", "d/real/y", "d/b/x", "d/b/y"].map(|name| inode(&arena, name));
    assert_eq!(inodes, [inodes[0]; 4]);
}

#[test]
fn a_destination_that_is_seen_twice_by_a_bind_mount_has_one_name_there() {
    if !is_root_or_skipped("a bind mount") {
        return;
    }
    let arena = Arena::with(
        "s/y/a file \"newer text\"\ns/z/a hardlink s/y/a\nd/y/a file \"old\" mtime=@5\nd/z dir\n\
         k hardlink d/y/a\n",
    );
    let output = arena.in_own_mounts("mount --bind d/y d/z && $TWOSYNC -aH s/ d");
    assert_eq!(fs::read(arena.path("k")).expect("it stays"), b"old");
    assert_eq!(fs::read(arena.path("d/y/a")).expect("it is there"), b"newer text");
    output.expect_code(0);
}

#[test]
fn names_in_more_directories_than_handles_are_linked() {
    let mut tree = "s/0/f file \"text\"\n".to_owned();
    for number in 1..120 {
        let lines = "s/N/f hardlink s/0/f\ns/N/deep/N/g hardlink s/0/f\n";
        tree.push_str(&lines.replace('N', &number.to_string()));
    }
    let arena = Arena::with(&tree);
    let script = "ulimit -n 72; exec \"$0\" -aH s/ d";
    let status =
        Command::new("sh").args(["-c", script]).arg(twosync()).current_dir(arena.top()).status();
    assert!(status.expect("a shell").success());
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn many_groups_keep_no_directory_open() {
    let mut tree = String::new();
    for number in 0..150 {
        let lines = "s/N/f file \"text N\"\ns/N/g hardlink s/N/f\ns/z/N hardlink s/N/f\n";
        tree.push_str(&lines.replace('N', &number.to_string()));
    }
    let arena = Arena::with(&tree);
    let script = "ulimit -n 72; exec \"$0\" -aH s/ d";
    let mut command = Command::new("sh");
    let status = command.args(["-c", script]).arg(twosync()).current_dir(arena.top()).status();
    assert!(status.expect("a shell").success());
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

/// Long enough that a signal sent when the destination appears comes before the end.
const BYTES: u64 = 512 << 20;

#[test]
fn a_signal_leaves_no_torn_file_linked() {
    for (leader, others) in [("d/z", ["d/a", "d/in/b"]), ("d/a", ["d/z", "d/in/b"])] {
        let arena = Arena::with("s/in dir\nd/in dir\n");
        let file = fs::File::create(arena.path("s/a")).expect("a file");
        file.set_len(BYTES).expect("holes cost nothing");
        build_tree(arena.top(), "s/in/b hardlink s/a\ns/z hardlink s/a\n");
        let first = arena.path(leader);
        // The last name in order leads; where one is there, that one.
        let leads = if leader == "d/a" { arena.path("d/a") } else { arena.path("d/in/b") };
        if leader == "d/a" {
            build_tree(arena.top(), "d/a file \"old\" mtime=@5\n");
        }
        let length = |path: &std::path::Path| path.symlink_metadata().map(|meta| meta.len()).ok();
        let before = length(&leads);
        let mut command = Command::new(twosync());
        command.args(["-aH", "s/", "d"]).current_dir(arena.top()).stderr(Stdio::null());
        let mut child = command.spawn().expect("our own program");
        while length(&leads) == before {
            assert!(child.try_wait().expect("our child").is_none(), "it ended before it began");
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::INT).expect("our own child");
        assert_eq!(child.wait().expect("our own child").code(), Some(20));
        let torn = leads.symlink_metadata().expect("it stays");
        assert_eq!((torn.mtime(), torn.nlink()), (0, 1), "{}", first.display());
        let is_there = |name: &&str| arena.path(name).symlink_metadata().is_ok();
        let left =
            others.iter().filter(|name| arena.path(name) != leads).filter(|name| is_there(name));
        assert_eq!(left.count(), 0);
        arena.twosync(&["-aH", "s/", "d"]).expect_code(0);
        assert_eq!(inode(&arena, "d/a"), inode(&arena, "d/in/b"));
    }
}

#[test]
fn an_unreadable_group_is_told_name_by_name() {
    let arena = Arena::with("s/a file 0000 \"text\"\ns/b hardlink s/a\ns/c file \"c\"\n");
    let output = arena.twosync_as_nobody(&["-aH", "s/", "d"]);
    output.expect_code(23);
    for name in ["a", "b"] {
        assert!(output.errors().contains(&format!("open \"s/{name}\"")), "{}", output.errors());
    }
    assert_eq!(fs::read(arena.path("d/c")).expect("it is there"), b"c");
}

#[test]
fn every_name_is_counted_once_however_the_run_ends() {
    // The ledger would say that it has lost count, as a fault of class `Entry`.
    let arena = Arena::with(
        "s/a file \"text\"\ns/b hardlink s/a\ns/c link -> x\ns/e hardlink s/c\nd/b file \"newer\"\n",
    );
    for existing in [twosync::settings::Existing::KeepAll, twosync::settings::Existing::KeepNewer] {
        let mut settings = linking(&arena);
        settings.update.existing = existing;
        let told = engine(&settings);
        assert_ne!(told.report.worst, Some(Class::Entry), "{:?}", told.faults);
        assert_eq!(told.report.copy.unaccounted(), 0);
    }
}
