//! The safety rules: what must never happen to a destination, nor to anything outside of it.
//!
//! One test or more for each rule that a test can reach without a network: handles, torn files, modes, foreign hard
//! links, read-only and busy files, changing sources, errors of single entries, full disks, deletion, names.
//! Torn files after a signal are the matter of `signals`, servers that misbehave that of `mounts`.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{Mode, OFlags, RenameFlags, mkdirat, openat, renameat_with};
use rustix::io::Errno;

use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::run::twosync;
use crate::support::tree::build_tree;

/// What a file holds.
pub(crate) fn text(arena: &Arena, name: &str) -> String {
    fs::read_to_string(arena.path(name)).expect("a file of text")
}

/// Says whether two files are the same inode.
fn is_one_inode(left: &Path, right: &Path) -> bool {
    let [left, right] = [left, right].map(|path| path.symlink_metadata().expect("it is there"));
    (left.dev(), left.ino()) == (right.dev(), right.ino())
}

/// Runs `busy` over and over in another thread while `work` runs.
pub(crate) fn while_busy<T>(busy: impl FnMut() + Send, work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    let mut busy = busy;
    thread::scope(|scope| {
        let looping = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                busy();
            }
        });
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        looping.join().expect("the busy thread did not panic");
        result
    })
}

/// Exchanges two names in `dir` over and over while `work` runs; also says how often that came to pass.
///
/// While `work` replaces one of them it is missing, and nothing is exchanged; any other error panics.
pub(crate) fn while_swapped<T>(
    dir: &Path,
    names: [&str; 2],
    work: impl FnOnce() -> T,
) -> (T, usize) {
    let dir = File::open(dir).expect("our own directory");
    let mut count = 0;
    let swap = || match renameat_with(&dir, names[0], &dir, names[1], RenameFlags::EXCHANGE) {
        Ok(()) => count += 1,
        Err(Errno::NOENT) => {}
        Err(why) => panic!("exchange {names:?}: {why}"),
    };
    let result = while_busy(swap, work);
    (result, count)
}

// Rule 1: handles, not paths.

#[test]
fn a_symlink_in_the_place_of_a_directory_leads_nobody_out() {
    let arena = Arena::with(
        "s/sub/file file \"new\"\ns/sub/deep/file file \"new\"\n\
         outside/file file \"old\"\noutside/deep/file file \"old\"\noutside/extra file \"old\"\n",
    );
    for options in [&["-a"][..], &["-a", "--delete"]] {
        build_tree(arena.top(), "d dir\nd/sub link -> ../outside\n");
        let before = arena.snapshot("outside");
        arena.twosync(&[options, &["s/", "d"]].concat()).expect_code(0);
        assert_eq!(before.differences(&arena.snapshot("outside")), [""; 0]);
        assert_eq!(arena.differences("s", "d"), [""; 0]);
        fs::remove_dir_all(arena.path("d")).expect("our own tree");
    }
}

#[test]
fn a_directory_swapped_for_a_symlink_in_mid_run_leads_nobody_out() {
    let arena = Arena::with("s/sub/{1..600} file \"new\"\noutside/old file \"old\"\n");
    let before = arena.snapshot("outside");
    let mut swaps = 0;
    for _ in 0..5 {
        build_tree(arena.top(), "d/sub dir\nd/swap link -> ../outside\n");
        // `d/sub` is a directory and a symlink to the outside in turn.
        let (output, count) = while_swapped(&arena.path("d"), ["sub", "swap"], || {
            arena.twosync(&["-a", "--verify=none", "s/", "d"])
        });
        swaps += count;
        assert!([0, 23, 24].contains(&output.code), "{}: {}", output.code, output.errors());
        assert_eq!(before.differences(&arena.snapshot("outside")), [""; 0]);
        fs::remove_dir_all(arena.path("d")).expect("our own tree");
    }
    assert!(swaps > 0, "nothing was ever swapped");
}

#[test]
fn a_source_directory_swapped_for_a_symlink_gives_no_secrets_away() {
    let arena = Arena::with(
        "s/sub/{1..600} file \"open\"\ns/swap link -> ../outside\noutside/secret file \"secret\"\n",
    );
    let mut swaps = 0;
    for round in 0..5 {
        let dest = format!("d{round}");
        let (output, count) = while_swapped(&arena.path("s"), ["sub", "swap"], || {
            arena.twosync(&["-a", "--verify=none", "s/", &dest])
        });
        swaps += count;
        assert!([0, 23, 24].contains(&output.code), "{}: {}", output.code, output.errors());
        for inner in ["sub/secret", "swap/secret"] {
            let is_link = |name: &str| {
                arena.path(&dest).join(name).symlink_metadata().is_ok_and(|meta| meta.is_symlink())
            };
            let dir = inner.split('/').next().expect("a name");
            assert!(is_link(dir) || !arena.path(&dest).join(inner).exists(), "{inner} was copied");
        }
    }
    assert!(swaps > 0, "nothing was ever swapped");
}

/// Makes a tree of `depth` directories named `d`, one below the other, with a file at the bottom.
fn make_deep(top: &Path, depth: usize) {
    fs::create_dir_all(top).expect("our own directory");
    let mut dir: OwnedFd = File::open(top).expect("our own directory").into();
    for _ in 0..depth {
        mkdirat(&dir, "d", Mode::RWXU).expect("room for a directory");
        dir = openat(&dir, "d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
            .expect("just made");
    }
    let file = openat(&dir, "bottom", OFlags::WRONLY | OFlags::CREATE, Mode::RUSR | Mode::WUSR);
    rustix::io::write(file.expect("room for a file"), b"deep").expect("room for four bytes");
}

/// How deep the tree of directories named `d` is, and what the file at its bottom holds.
fn look_deep(top: &Path) -> (usize, String) {
    let mut dir: OwnedFd = File::open(top).expect("the tree is there").into();
    let mut depth = 0;
    while let Ok(below) = openat(&dir, "d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
        (dir, depth) = (below, depth + 1);
    }
    let bottom = openat(&dir, "bottom", OFlags::RDONLY, Mode::empty()).map(File::from);
    let text = bottom.map(|file| std::io::read_to_string(file).expect("text"));
    (depth, text.unwrap_or_default())
}

#[test]
fn a_tree_5000_levels_deep_is_copied_verified_and_deleted_with_256_handles() {
    const DEPTH: usize = 5000;
    let arena = Arena::new();
    make_deep(&arena.path("s"), DEPTH);
    fs::create_dir(arena.path("none")).expect("our own directory");
    let run = |args: &str| {
        let small_stack = "RUST_MIN_STACK=131072";
        let script = format!("ulimit -n 256; exec env {small_stack} timeout 100 \"$0\" {args}");
        let output = Command::new("sh")
            .arg("-c")
            .arg(script)
            .arg(twosync())
            .current_dir(arena.top())
            .output();
        let output = output.expect("a shell");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).chars().take(1000).collect::<String>(),
        )
    };
    let fine = (Some(0), String::new());
    assert_eq!(run("-a s/ d"), fine);
    assert_eq!(look_deep(&arena.path("d")), (DEPTH, "deep".into()));
    assert_eq!(run("-a --verify-only s/ d"), fine);
    assert_eq!(run("-a --delete none/ d"), fine);
    assert_eq!(look_deep(&arena.path("d")).0, 0, "all is deleted");
    // Several chains share the handles, and no stack grows with the depth.
    for name in ["three", "two"] {
        make_deep(&arena.path(format!("m/{name}")), 1500);
    }
    assert_eq!(run("-a -j4 m/ md"), fine);
    assert_eq!(look_deep(&arena.path("md/two")), (1500, "deep".into()));
    assert_eq!(run("-a -j4 --delete none/ md"), fine);
    assert_eq!(run("-an s/ d"), fine);
    // Recursion, as std has it, would need a handle a level.
    Command::new("rm").arg("-rf").arg(arena.path("s")).status().expect("rm");
}

#[test]
fn too_few_handles_are_told_before_anything_is_done() {
    let arena = Arena::with("s/{1..40}/a file \"a\"\n");
    let run = |limit: u32| {
        let output = arena.shell(&format!("ulimit -n {limit}; exec \"$TWOSYNC\" -a -j 32 s/ d"));
        (output.code, output.errors())
    };
    let (code, errors) = run(16);
    assert_eq!(code, 11);
    assert!(errors.contains("ulimit -n"), "{errors}");
    assert!(!arena.path("d").exists());
    assert_eq!(run(64), (0, String::new()));
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

// Rules 4, 5 and 6: modes, foreign hard links, read-only and busy files.

#[test]
fn the_other_names_of_a_hard_linked_file_keep_what_they_hold() {
    let big = "size=17000000 seed=2";
    let arena = Arena::with(&format!("s/small file \"new\"\ns/big file {big}\n"));
    build_tree(
        arena.top(),
        "outside/small file \"old\"\noutside/big file \"old\"\n\
         d/small hardlink outside/small\nd/big hardlink outside/big\n",
    );
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
    assert_eq!(
        (text(&arena, "outside/small"), text(&arena, "outside/big")),
        ("old".into(), "old".into())
    );
}

#[test]
fn a_repair_leaves_the_other_names_of_a_hard_linked_file_alone() {
    let arena = Arena::with("s/a file \"text\"\noutside/a file \"uext\"\nd/a hardlink outside/a\n");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!((text(&arena, "d/a"), text(&arena, "outside/a")), ("text".into(), "uext".into()));
}

#[test]
fn a_hard_linked_file_that_is_equal_stays_linked() {
    let arena = Arena::with("s/a file \"text\"\noutside/a file \"text\"\nd/a hardlink outside/a\n");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert!(is_one_inode(&arena.path("d/a"), &arena.path("outside/a")));
}

#[test]
fn nothing_is_removed_for_a_source_that_can_not_be_read() {
    let arena = Arena::with(
        "s/linked file 0000 \"newer\"\ns/link file 0000 \"new\"\ns/dir file 0000 \"new\"\ns/same file 0000 \"new\"\n\
         outside/file file \"old\"\nd/linked hardlink outside/file\nd/link link -> kept\nd/dir/inner file \"old\"\n\
         d/same file \"older\"\n",
    );
    let before = arena.snapshot("d").entries;
    arena.twosync_as_nobody(&["-a", "--force", "s/", "d"]);
    let after = arena.snapshot("d").entries;
    let lost: Vec<String> = before
        .keys()
        .filter(|name| after.get(*name).is_none_or(|entry| entry.kind != before[*name].kind))
        .map(|name| name.escape_ascii().to_string())
        .collect();
    assert_eq!(lost, [""; 0]);
    assert_eq!(text(&arena, "d/same"), "older");
}

#[test]
fn a_read_only_file_and_a_read_only_directory_of_ours_are_updated() {
    let tree = "s/file file 0444 \"new\" mtime=@1000\ns/sub dir 0555\ns/sub/file file 0400 \"new\" mtime=@1000\n\
                s/sub/added file 0444 \"new\"\nd/file file 0444 \"older\"\nd/sub dir 0555\nd/sub/file file 0000 \"older\"\n\
                d/sub/extra file \"x\"\n";
    let arena = Arena::with(tree);
    arena.twosync_as_nobody(&["-a", "--delete", "s/", "d"]).expect_code(0);
    let (source, dest) = (arena.snapshot("s"), arena.snapshot("d"));
    // Directories can be removed again only when they can be written.
    for dir in ["s/sub", "d/sub"] {
        fs::set_permissions(arena.path(dir), fs::Permissions::from_mode(0o755))
            .expect("our own directory");
    }
    assert_eq!(source.differences(&dest), [""; 0]);
}

#[test]
fn a_program_that_is_running_is_replaced_and_runs_on() {
    let arena = Arena::with("s/prog file 0755 \"new\"\nd dir\n");
    // By another process: a handle of ours, inherited by what some other test starts, would keep it busy.
    let copied = Command::new("cp").arg("/bin/sleep").arg(arena.path("d/prog")).status();
    assert!(copied.expect("cp").success());
    let spawned = Command::new(arena.path("d/prog")).arg("1000").stdin(Stdio::null()).spawn();
    let mut running = spawned.expect("a program that can be run");
    let before = arena.path("d/prog").metadata().expect("it is there").ino();
    let output = arena.twosync(&["-a", "s/", "d"]);
    let is_running = running.try_wait().expect("our own child").is_none();
    running.kill().expect("our own child");
    running.wait().expect("our own child");
    output.expect_code(0);
    assert!(is_running, "it was written to while it ran");
    assert_eq!(text(&arena, "d/prog"), "new");
    assert_ne!(before, arena.path("d/prog").metadata().expect("it is there").ino());
}

#[test]
fn a_file_is_never_more_open_than_it_will_be() {
    if !is_root_or_skipped("a file of somebody else") {
        return;
    }
    let arena = Arena::with("s/file file 4755 size=60000000 uid=1234 gid=2345\nd dir\n");
    let path = arena.path("d/file");
    let mut seen = BTreeSet::new();
    // On a busy machine it may be written before anybody looked.
    for _ in 0..50 {
        let look = || {
            if let Ok(meta) = path.symlink_metadata() {
                seen.insert((meta.uid(), meta.gid(), meta.mode() & 0o7777));
            }
        };
        while_busy(look, || arena.twosync(&["-a", "--verify=none", "s/", "d"]).expect_code(0).code);
        if seen.len() > 1 {
            break;
        }
        fs::remove_file(&path).expect("our own file");
    }
    let is_final = |seen: &&(u32, u32, u32)| **seen == (1234, 2345, 0o4755);
    let is_closed = |(_, _, mode): &(u32, u32, u32)| mode & 0o7077 == 0;
    let open: Vec<_> =
        seen.iter().filter(|seen| !is_final(seen)).filter(|seen| !is_closed(seen)).collect();
    // Between chown and chmod the new owner has no more than the old one had.
    assert!(open.is_empty(), "{open:?} of {seen:?}");
    assert!(seen.len() > 1, "the file was never seen while it was written");
}

// Rule 7: files that change while they are read.

#[test]
fn a_source_that_is_cut_and_grows_meanwhile_kills_nobody() {
    for bytes in [300_000, 20_000_000] {
        let arena =
            Arena::with(&format!("s/file file size={bytes} seed=3\ns/other file \"other\"\n"));
        let file = File::options().write(true).open(arena.path("s/file")).expect("our own file");
        let change = || {
            file.set_len(0).expect("our own file");
            file.set_len(bytes).expect("our own file");
        };
        let codes: BTreeSet<i32> =
            (0..5).map(|_| while_busy(change, || arena.twosync(&["-a", "s/", "d"]).code)).collect();
        assert!(codes.iter().all(|code| [0, 23, 24, 40].contains(code)), "{codes:?}");
        assert_eq!(text(&arena, "d/other"), "other");
        arena.twosync(&["-a", "s/", "d"]).expect_code(0);
        assert_eq!(
            fs::read(arena.path("s/file")).expect("it is there"),
            fs::read(arena.path("d/file")).expect("it is there")
        );
    }
}

#[test]
fn a_destination_that_is_cut_while_it_is_read_back_kills_nobody() {
    let arena = Arena::with("s/file file size=20000000 seed=3\n");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    let file = File::options().write(true).open(arena.path("d/file")).expect("our own file");
    let change = || {
        file.set_len(0).expect("our own file");
        file.set_len(20_000_000).expect("our own file");
    };
    for _ in 0..5 {
        let code = while_busy(change, || arena.twosync(&["-a", "--verify-only", "s/", "d"]).code);
        assert!([23, 40].contains(&code), "{code}");
    }
}

// Rule 8: one entry's error never stops the others; a full disk stops all at once.

#[test]
fn one_unreadable_entry_does_not_stop_the_others() {
    let arena = Arena::with(
        "s/a file \"a\"\ns/locked file 0000 \"secret\"\ns/sub dir 0000\ns/z file \"z\"\ns/zz/z file \"z\"\n",
    );
    let output = arena.twosync_as_nobody(&["-a", "s/", "d"]);
    let names: Vec<bool> = ["locked", "sub"]
        .iter()
        .map(|name| output.errors().contains(&format!("s/{name}\"")))
        .collect();
    fs::set_permissions(arena.path("s/sub"), fs::Permissions::from_mode(0o755))
        .expect("our own directory");
    if let Ok(meta) = arena.path("d/sub").metadata() {
        assert_eq!(meta.mode() & 0o7777, 0);
        fs::set_permissions(arena.path("d/sub"), fs::Permissions::from_mode(0o755))
            .expect("our own directory");
    }
    output.expect_code(23);
    assert_eq!(names, [true, true], "{}", output.errors());
    assert_eq!(
        (text(&arena, "d/a"), text(&arena, "d/z"), text(&arena, "d/zz/z")),
        ("a".into(), "z".into(), "z".into())
    );
    assert!(!arena.path("d/locked").exists());
}

/// Mounts a tmpfs with `options` on `d`, syncs onto it, and copies what arrived to `seen`.
fn sync_to_small_disk(arena: &Arena, options: &str) -> crate::support::run::Output {
    let script = format!(
        "mount -t tmpfs -o {options} none d && \"$TWOSYNC\" -a s/ d; code=$?; cp -a d/. seen; \
         mount -o remount,size=64m,nr_inodes=1000 d; \"$TWOSYNC\" -a s/ d || exit 99; cp -a d/. whole; exit $code"
    );
    arena.in_own_mounts(&script)
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_it_resumable() {
    if !is_root_or_skipped("a small tmpfs") {
        return;
    }
    for tree in ["s/{1..40} file size=65536 seed=7\n", "s/big file size=20000000 seed=7\n"] {
        let arena = Arena::with(tree);
        build_tree(arena.top(), "d dir\nseen dir\nwhole dir\n");
        let output = sync_to_small_disk(&arena, "size=1m");
        output.expect_code(11);
        assert!(output.errors().to_lowercase().contains("no space left"), "{}", output.errors());
        assert!(
            output.errors().lines().count() < 10,
            "one fault says it all:\n{}",
            output.errors()
        );
        let (source, seen) = (arena.snapshot("s").entries, arena.snapshot("seen").entries);
        let torn_looks_torn = seen.iter().all(|(name, there)| {
            let whole = &source[name];
            there.kind == "dir"
                || there.content == whole.content
                || there.mtime == Some(0)
                || there.size != whole.size
        });
        assert!(torn_looks_torn, "{seen:?}");
        assert_eq!(arena.differences("s", "whole"), [""; 0]);
    }
}

#[test]
fn a_disk_without_inodes_says_so() {
    if !is_root_or_skipped("a small tmpfs") {
        return;
    }
    let arena = Arena::with("s/{1..40} file \"x\"\nd dir\nseen dir\nwhole dir\n");
    let output = sync_to_small_disk(&arena, "size=1m,nr_inodes=10");
    output.expect_code(11);
    assert!(output.errors().contains("inodes"), "{}", output.errors());
    assert_eq!(arena.differences("s", "whole"), [""; 0]);
}

#[test]
fn paths_are_confined_without_proc_too() {
    if !is_root_or_skipped("mounts without /proc") {
        return;
    }
    let arena = Arena::with_fixture("confined");
    let script = "root=$(pwd -P)/in; \
        $TWOSYNC -a --confine-root=$root --files-from=in/list in/s in/d; echo $?; \
        $TWOSYNC -a --confine-root=$root in/s/ in/e; echo $?; \
        $TWOSYNC -a --confine-root=$root --link-dest=../../out in/s/ in/g; echo $?; \
        $TWOSYNC -ab --confine-root=$root --backup-dir=../kept in/s/sub/b in/d; echo $?";
    let told = arena.without_proc(script);
    assert_eq!(told.lines(), ["23", "0", "23", "0"], "{}", told.errors());
    let outside = "the path leads out of the directory of --confine-root";
    assert!(told.errors().matches(outside).count() >= 2, "{}", told.errors());
}
