//! Safety rules of deletion, and of names that a terminal must not see.

use crate::engine::{archive, engine};
use crate::safety::text;
use crate::support::arena::Arena;
use crate::support::tree::build_tree;
use rustix::fs::inotify;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

// Rule 9: deletion.

#[test]
fn every_timing_stops_exactly_at_the_limit_and_all_end_in_the_same_tree() {
    let tree = "s/a file \"a\"\ns/x/b file \"b\"\nd/x/gone{1..20} file \"x\"\nd/y/gone{1..20} file \"x\"\n";
    let options = ["--delete-before", "--delete-during", "--delete-delay", "--delete-after"];
    for option in options {
        let arena = Arena::with(tree);
        let left = || {
            let entries = arena.snapshot("d").entries;
            entries.keys().filter(|name| name.windows(4).any(|part| part == b"gone")).count()
        };
        arena.twosync(&["-a", "-j4", option, "--max-delete=7", "s/", "d"]).expect_code(25);
        assert_eq!(left(), 40 - 7, "{option}");
        arena.twosync(&["-a", "-j4", option, "s/", "d"]).expect_code(0);
        assert_eq!(arena.differences("s", "d"), [""; 0], "{option}");
    }
}

#[test]
fn what_the_limit_spares_does_not_depend_on_the_workers() {
    let tree =
        "s/a/{1..20}/f file \"f\"\nd/a/{1..20}/gone/{1..5} file \"x\"\nd/b/{1..9}/x file \"x\"\n";
    for option in ["--delete-before", "--delete-delay", "--delete-after"] {
        let left = |jobs: &str| {
            let arena = Arena::with(tree);
            let args = ["-a", jobs, option, "--max-delete=50", "s/", "d"];
            let output = arena.twosync(&args);
            output.expect_code(25);
            let entries = arena.snapshot("d").entries;
            entries.into_keys().collect::<BTreeSet<_>>()
        };
        let alone = left("-j1");
        for _ in 0..4 {
            assert_eq!(left("-j8"), alone, "{option}");
        }
    }
}

#[test]
fn a_source_file_goes_only_if_its_copy_was_read_back() {
    let arena =
        Arena::with("s/a file \"text\" mtime=@5\nd/a file \"TEXT\" mtime=@5\ns/b file \"b\"\n");
    for mode in ["--verify=none", "--verify=metadata"] {
        arena.twosync(&["-a", "--remove-source-files", mode, "s/", "d"]).expect_code(1);
    }
    // Size and time agree: nothing is written, and with `transferred` nothing is read.
    let args = ["-a", "--remove-source-files", "--verify=transferred", "s/", "d"];
    arena.twosync(&args).expect_code(0);
    assert!(arena.path("s/a").exists() && !arena.path("s/b").exists());
    arena.twosync(&["-a", "--remove-source-files", "s/", "d"]).expect_code(0);
    assert!(!arena.path("s/a").exists());
    assert_eq!(fs::read(arena.path("d/a")).expect("it is there"), b"text");
}

#[test]
fn all_names_of_a_source_go_if_the_bytes_of_one_were_read_back() {
    let text = "s/a file \"text\"\ns/b hardlink s/a\ns/c hardlink s/a\ns/x file \"x\"\ns/y hardlink s/x\n\
        d/x file \"X\"\nd/y hardlink d/x\ns/z hardlink s/x\n";
    let arena = Arena::with(text);
    let args = ["-aH", "--remove-source-files", "--verify=transferred", "s/", "d"];
    arena.twosync(&args).expect_code(0);
    let is_there = |name: &&str| arena.path("s").join(name).exists();
    // `x` seemed equal, so nobody read it, and `z` is another name of it.
    assert_eq!(["a", "b", "c", "x", "y", "z"].iter().filter(|name| is_there(name)).count(), 3);
    assert!(["x", "y", "z"].iter().all(is_there));
    assert_eq!(arena.path("d/a").metadata().expect("it is there").nlink(), 3);
    arena.twosync(&["-aH", "--remove-source-files", "s/", "d"]).expect_code(0);
    assert!(!["x", "y", "z"].iter().any(is_there));
    assert_eq!(fs::read(arena.path("d/z")).expect("it is there"), b"x");
}

#[test]
fn a_source_that_is_met_twice_goes_after_it_has_arrived_twice() {
    let tree = "s/d/f file \"f\"\ns/l link -> d\ns/sub/g file \"g\"\n";
    let runs = [
        (&["-aL", "--delete", "s/", "d"][..], &["d/d/f", "d/l/f", "d/sub/g"][..]),
        (&["-aL", "s/", "d"], &["d/d/f", "d/l/f", "d/sub/g"]),
        (&["-a", "s/", "s/sub/", "d"], &["d/d/f", "d/sub/g", "d/g"]),
    ];
    for (args, arrived) in runs {
        let arena = Arena::with(tree);
        arena.twosync(&[&["--remove-source-files", "-j4"], args].concat()).expect_code(0);
        for name in arrived {
            assert!(arena.path(name).exists(), "{args:?}: {name} is missing");
        }
        for name in ["s/d/f", "s/sub/g"] {
            assert!(!arena.path(name).exists(), "{args:?}: {name} is still there");
        }
    }
}

#[test]
fn a_source_is_never_deleted_from_the_destination_that_holds_it() {
    let arena = Arena::with("d/sub/deep/file file \"text\"\nd/gone file \"x\"\n");
    let output = arena.twosync(&["-a", "--delete", "d/sub/deep/", "d/"]);
    output.expect_code(23);
    assert!(output.errors().contains("is a source of this run"), "{}", output.errors());
    assert_eq!(fs::read(arena.path("d/sub/deep/file")).expect("it stays"), b"text");
    assert!(arena.path("d/file").exists() && !arena.path("d/gone").exists());
}

#[test]
fn what_an_nfs_client_holds_open_stays_wherever_it_is() {
    let arena =
        Arena::with("s dir\nd/x/.nfs0000000000000001000000ab file \"open\"\nd/x/gone file \"x\"\n");
    arena.twosync(&["-a", "--delete", "s/", "d"]).expect_code(0);
    assert!(arena.path("d/x/.nfs0000000000000001000000ab").exists());
    assert!(!arena.path("d/x/gone").exists());
}

#[test]
fn nothing_is_deleted_below_a_directory_that_can_not_be_listed() {
    let arena = Arena::with(
        "s/a file \"a\"\ns/locked dir 0000\nd/locked/kept file \"k\"\nd/locked/sub/kept file \"k\"\n",
    );
    let output = arena.twosync_as_nobody(&["-a", "--delete", "s/", "d"]);
    for dir in ["s/locked", "d/locked"] {
        fs::set_permissions(arena.path(dir), fs::Permissions::from_mode(0o755))
            .expect("our own directory");
    }
    output.expect_code(23);
    assert_eq!(
        (text(&arena, "d/locked/kept"), text(&arena, "d/locked/sub/kept")),
        ("k".into(), "k".into())
    );
}

#[test]
fn nothing_is_deleted_for_a_source_that_is_not_there() {
    let arena = Arena::with("d/kept file \"k\"\nd/sub/kept file \"k\"\n");
    let before = arena.snapshot("d");
    arena.twosync(&["-a", "--delete", "s/", "d"]).expect_code(23);
    assert_eq!(before.differences(&arena.snapshot("d")), [""; 0]);
}

// Rule 13, and names in general.

#[test]
fn control_bytes_of_names_reach_no_reader() {
    let arena = Arena::with_fixture("names");
    build_tree(
        arena.top(),
        "s/fault\\x1b[31m\\n file \"x\"\nd/fault\\x1b[31m\\n/inner file \"in the way\"\n",
    );
    build_tree(arena.top(), "d/extra\\x07\\n file \"x\"\n");
    for options in
        [&["-avi"][..], &["-avn"], &["-avv", "--stats"], &["-a", "--verify-only", "--delete"]]
    {
        let output = arena.twosync(&[options, &["s/", "d"]].concat());
        let is_plain = |byte: &u8| {
            *byte == b'\n' || *byte == b'\t' || *byte == 0x7f || (0x20..0x7f).contains(byte)
        };
        for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            assert!(
                bytes.iter().all(is_plain),
                "{stream} of {options:?}: {}",
                bytes.escape_ascii()
            );
        }
        let said = output.told() + &output.errors();
        assert!(said.contains("fault\\#033[31m\\#012"), "{options:?}: {said}");
    }
    // rsync lets DEL pass to a program; errors are for people.
    let errors = arena.twosync(&["-a", "s/", "d"]).stderr;
    assert!(!errors.contains(&0x7f) && !errors.contains(&0x1b));
}

#[test]
fn only_final_names_ever_appear_in_the_destination() {
    let arena = Arena::with(
        "s/new file \"new\"\ns/small file size=300000\ns/big file size=20000000 seed=2\ns/link link -> new\n\
         s/sub/old file \"newer\" mtime=@1000\ns/sub/more/new file \"new\"\ns/sub/flipped file \"text\"\n\
         d/sub/old file \"older\"\nd/sub/more dir\nd/sub/flipped file \"uext\"\nd/small file \"other\"\n",
    );
    let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
    let watcher = inotify::init(flags).expect("the kernel can watch");
    let events =
        inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVE | inotify::WatchFlags::DELETE;
    for dir in ["d", "d/sub", "d/sub/more"] {
        inotify::add_watch(&watcher, arena.path(dir), events)
            .expect("a directory that can be watched");
    }
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(&watcher, &mut buffer);
    let mut seen = BTreeSet::new();
    while let Ok(event) = reader.next() {
        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()).to_owned());
        assert!(
            event.events().contains(inotify::ReadFlags::CREATE),
            "{name:?}: {:?}",
            event.events()
        );
        seen.insert(name.expect("an event of an entry").into_string().expect("text"));
    }
    let expected = ["big", "link", "new"].map(str::to_owned);
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn files_are_written_in_place() {
    let arena = Arena::with(
        "s/a file \"newer\" mtime=@1000\ns/big file size=20000000\nd/a file \"old\"\nd/big file size=10\n",
    );
    let inodes =
        || ["d/a", "d/big"].map(|name| arena.path(name).metadata().expect("it is there").ino());
    let before = inodes();
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!(before, inodes());
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_fifo_in_the_source_is_copied_and_never_opened() {
    let arena = Arena::with("s/pipe fifo 0600\nd/pipe file \"in the way\"\n");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
    // Where the source has a file, a fifo of the destination is not written into.
    let arena = Arena::with("s/file file \"text\"\nd/file fifo 0600\n");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_file_onto_itself_is_not_touched() {
    let arena = Arena::with("s/a file \"text\"\ns/sub/b file size=17000000\n");
    let before = arena.change_times("s");
    let told = engine(&archive(&arena.path("s"), &arena.path("s")));
    assert_eq!((told.report.worst, told.written_bytes()), (None, 0));
    assert_eq!(before, arena.change_times("s"));
    symlink("s", arena.path("alias")).expect("our own directory");
    arena.twosync(&["-a", "--delete", "s/", "alias/"]).expect_code(0);
    assert_eq!(before, arena.change_times("s"));
    // Whatever becomes of the order to send all anew: nothing is lost.
    arena.twosync(&["-aI", "s/", "s"]);
    assert_eq!(
        (
            text(&arena, "s/a").as_str(),
            arena.path("s/sub/b").metadata().expect("it is there").len()
        ),
        ("text", 17_000_000)
    );
}
