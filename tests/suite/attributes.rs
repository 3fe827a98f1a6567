//! Extended attributes, access control lists and `--fake-super` beyond single cases: random ones
//! against rsync, rsync reading what we wrote and we what rsync wrote, full inodes, audits.

mod reach;

use std::ffi::CString;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use rustix::fs::{XattrFlags, lsetxattr};
use twosync::model::path::Name;
use twosync::sys::dir::{Dir, Follow};
use twosync::sys::permit::Permit;
use twosync::sys::xattr::Grip;

use crate::support::arena::{Arena, is_root, is_root_or_skipped};
use crate::support::extras::xattrs_of;
use crate::support::run::{Conditions, as_bytes, run};
use crate::support::skipped::{rsync_or_skipped, rsync_or_skipped_once};
use crate::support::spec::parse_tree;
use crate::support::tree::{Mounts, Owner, build, build_tree};

/// Runs rsync in the arena, which has to succeed; what it itemized.
fn rsync_in(arena: &Arena, rsync: &Path, args: &[&str]) -> String {
    let output = run(rsync, &as_bytes(args), arena.top(), &Conditions::default());
    output.expect_code(0);
    output.told()
}

fn set(arena: &Arena, path: &str, name: &str, value: &[u8]) {
    let name = CString::new(name).expect("no NUL");
    lsetxattr(arena.path(path), &*name, value, XattrFlags::empty()).expect("room for it");
}

#[test]
fn names_and_values_of_any_length_come_back_and_a_symlink_is_not_its_target() {
    let arena = Arena::with("f file \"x\"\nl link -> f\n");
    let dir = Dir::open_operand(arena.top()).expect("our own");
    let grip = |name: &[u8]| {
        let name = Name::new(name).expect("a name");
        Grip::of_entry(&dir, &name, Follow::Never).expect("it is there")
    };
    let permit = Permit::grant();
    // More than the first buffer holds, and less than one block of ext4.
    let value = vec![b'v'; 2000];
    let long = [&b"user."[..], &[b'n'; 200]].concat();
    for (name, value) in [(&b"user.a"[..], &value[..]), (b"user.empty", b""), (&long, b"")] {
        grip(b"f").set(&permit, name, value).expect("room for it");
    }
    let is_user = |name: &&[u8]| name.starts_with(b"user.");
    let names = |name: &[u8]| {
        let names = grip(name).names().expect("they can be listed");
        names.iter().map(|name| &**name).filter(is_user).count()
    };
    let value_of = |name: &[u8]| grip(b"f").value(name).expect("it can be read");
    assert_eq!((names(b"f"), names(b"l")), (3, 0));
    assert_eq!(value_of(b"user.a"), Some(value));
    assert_eq!((value_of(b"user.empty"), value_of(b"user.none")), (Some(Vec::new()), None));
    for _ in 0..2 {
        grip(b"f").remove(&permit, b"user.a").expect("once or twice");
    }
    assert_eq!(value_of(b"user.a"), None);
}

#[test]
fn an_audit_tells_lists_and_attributes_and_phase_two_repairs_them_without_copying() {
    let arena = Arena::with("s/f file \"a\" x:user.a=1 acl=u:5:r\ns/d dir x:user.d=1\n");
    arena.twosync(&["-aAX", "s/", "d"]).expect_code(0);
    set(&arena, "d/f", "user.a", b"2");
    set(&arena, "d/d", "user.k", b"2");
    let audit = arena.twosync(&["-aAXi", "--verify-only", "s/", "d"]);
    assert_eq!(audit.expect_code(40).lines(), [".f........x f", ".d........x d/"]);
    let told = arena.twosync(&["-aAX", "--stats", "s/", "d"]);
    let wrote = told.expect_code(0).lines().into_iter().find(|line| line.starts_with("Literal"));
    assert_eq!(wrote.as_deref(), Some("Literal data: 0 bytes"));
    assert_eq!(arena.differences("s", "d"), [""; 0]);
    arena.twosync(&["-aAXi", "--verify-only", "s/", "d"]).expect_code(0);
}

#[test]
fn what_an_inode_has_no_room_for_is_told_and_the_run_goes_on() {
    if !is_root_or_skipped("attributes that do not fit") {
        return;
    }
    let arena = Arena::new();
    let lines = parse_tree("s mount\nd dir\n").expect("a tree");
    let _mounts = Mounts::of(arena.top(), &lines);
    build(arena.top(), &lines, Owner::runner()).expect("root may mount");
    // tmpfs takes values that no block of ext4 holds; where the arena is on tmpfs nothing is refused.
    std::fs::write(arena.path("s/f"), "a").expect("room");
    std::fs::write(arena.path("s/g"), "b").expect("room");
    set(&arena, "s/f", "user.big", &vec![b'v'; 60_000]);
    set(&arena, "s/f", "user.small", b"1");
    let told = arena.twosync(&["-aX", "s/", "d"]);
    let there = xattrs_of(&arena.path("d/f"));
    if told.code == 0 {
        assert!(there.contains_key(&b"user.big"[..]), "this file system has room for it");
    } else {
        told.expect_code(23);
        assert!(told.errors().contains("no room for so many or so long ones"), "{}", told.errors());
    }
    assert_eq!(there.get(&b"user.small"[..]).map(Vec::as_slice), Some(&b"1"[..]));
    assert_eq!(std::fs::read(arena.path("d/f")).expect("whole"), b"a");
    assert_eq!(std::fs::read(arena.path("d/g")).expect("copied"), b"b");
}

#[test]
fn a_file_system_without_attributes_is_told_once() {
    if !is_root_or_skipped("a file system without attributes") {
        return;
    }
    let arena = Arena::with(
        "s/f file \"a\" x:user.a=1 acl=u:5:r\ns/g file \"b\" x:user.a=1 x:user.b=2\ns/d dir x:user.d=1\nd dir\n",
    );
    let script = "mount -t ramfs none d && { $TWOSYNC -aX s/ d; echo $?; \
        $TWOSYNC -aA s/ d; echo $?; cat d/f d/g; mkdir back; $TWOSYNC -aAX d/ back; echo $?; }";
    let told = arena.in_own_mounts(script);
    assert_eq!(told.lines(), ["23", "23", "ab0"]);
    let count = |text: &str| told.errors().matches(text).count();
    assert_eq!(count("set the extended attributes of"), 1, "{}", told.errors());
    assert_eq!(count("set the access control list of"), 1, "{}", told.errors());
}

#[test]
fn a_directory_whose_attributes_can_not_be_read_is_told_as_a_fault_of_the_source() {
    // Who may not read a directory may not read its attributes of the namespace `user` either.
    let arena = Arena::with("s/d dir 0300 x:user.a=1\ns/e dir 0300 x:user.a=1\n");
    let told = arena.twosync_as_nobody(&["-aX", "s/", "d"]);
    let errors = told.expect_code(23).errors();
    for dir in ["s/d", "s/e"] {
        assert!(errors.contains(&format!("read the extended attributes of \"{dir}\"")), "{errors}");
    }
    assert!(!errors.contains("refused by the destination"), "{errors}");
}

#[test]
fn rsync_restores_what_we_stored_and_we_restore_what_rsync_stored() {
    if !is_root_or_skipped("owners and devices that are restored") {
        return;
    }
    let Some(rsync) = rsync_or_skipped("all") else { return };
    let text = "s/own file 0640 \"a\" uid=5 gid=6 x:user.a=1 x:trusted.t=2 acl=u:7:rw,g::r,m::rw\n\
        s/suid file 4711 \"b\" uid=9\ns/zero file 0000 \"c\"\ns/l link -> own uid=3\n\
        s/p fifo 0600 uid=4\ns/sock socket 0644\ns/c char 1:3 0640 gid=5\ns/b block 259:70000 0600\n\
        s/d dir 0555 uid=8 dacl=u::rwx,u:5:rx,g::rx,m::rx,o::-\ns/d/in file \"d\" gid=7\n";
    let arena = Arena::with(text);
    let store = ["-aAX", "-M--fake-super", "s/"];
    let restore = ["-aAX", "--fake-super", "-M--super"];
    let with = |args: &[&'static str], more: &[&'static str]| [args, more].concat();
    arena.twosync(&with(&store, &["ours"])).expect_code(0);
    rsync_in(&arena, &rsync, &with(&store, &["theirs"]));
    assert_eq!(arena.differences("theirs", "ours"), [""; 0]);
    rsync_in(&arena, &rsync, &with(&restore, &["ours/", "by-rsync"]));
    arena.twosync(&with(&restore, &["theirs/", "by-us"])).expect_code(0);
    assert_eq!(arena.differences("s", "by-rsync"), [""; 0]);
    assert_eq!(arena.differences("s", "by-us"), [""; 0]);
}

#[test]
fn an_audit_tells_what_stands_for_another_and_lends_rights() {
    let arena = Arena::with("s/f file 4755 \"a\"\ns/d dir 1755\n");
    arena.twosync(&["-a", "-M--fake-super", "s/", "d"]).expect_code(0);
    for (name, mode) in [("d/f", 0o4755), ("d/d", 0o1755)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(arena.path(name), mode).expect("our own");
    }
    let args = ["-ai", "-M--fake-super", "s/", "d"];
    let audit = arena.twosync(&[&args[..], &["--verify-only"]].concat());
    assert_eq!(audit.expect_code(40).lines(), [".f...p..... f", ".d...p..... d/"]);
    // Like rsync, it says nothing of what only stands for what was asked for.
    assert_eq!(arena.twosync(&args).expect_code(0).lines(), [""; 0]);
    for (name, mode) in [("d/f", 0o755), ("d/d", 0o755)] {
        let meta = arena.path(name).symlink_metadata().expect("it is there");
        assert_eq!(meta.mode() & 0o7777, mode, "{name}");
    }
}

#[test]
fn the_longest_target_is_restored_and_a_longer_one_is_a_fault() {
    let arena = Arena::with("f dir\n");
    for length in [4095, 4096] {
        let name = format!("f/{length}");
        std::fs::write(arena.path(&name), "x".repeat(length)).expect("room");
        set(&arena, &name, "user.rsync.%stat", b"120777 0,0 0:0");
    }
    let told = arena.twosync(&["-rl", "--fake-super", "-M--super", "f/", "d"]);
    let errors = told.expect_code(23).errors();
    assert!(errors.contains("read the link \"f/4096\": no symlink can have"), "{errors}");
    let target = std::fs::read_link(arena.path("d/4095")).expect("a symlink");
    assert_eq!(target.as_os_str().len(), 4095);
    arena.twosync(&["-rl", "--fake-super", "f/", "e"]).expect_code(23);
    assert!(!arena.path("e/4096").exists(), "half of it is nobody's target");
}

/// What a random entry is to have: the words of its line.
fn extras() -> impl Strategy<Value = String> {
    // Ext4 has room for one block of them: of the old and the new ones together.
    let value = prop_oneof![Just(""), Just("1"), Just("two"), Just("@200")];
    let names = if is_root() {
        &["user.a", "user.b", "user.c", "trusted.t", "security.s"][..]
    } else {
        &["user.a", "user.b", "user.c"]
    };
    let xattr = (0..names.len(), value).prop_map(|(at, value)| format!(" x:{}={value}", names[at]));
    let perms = prop_oneof![Just("-"), Just("r"), Just("rw"), Just("rx"), Just("rwx")];
    let whom = prop_oneof![Just("u:5"), Just("u:70000"), Just("g:5"), Just("g:6"), Just("u:0")];
    let entries = vec((whom, perms.clone()), 0..3);
    let list = (entries, perms.clone(), perms).prop_map(|(mut entries, group, mask)| {
        entries.sort_unstable();
        entries.dedup_by_key(|(whom, _)| *whom);
        let mut words: Vec<String> =
            entries.into_iter().map(|(whom, perms)| format!("{whom}:{perms}")).collect();
        words.push(format!("g::{group},m::{mask}"));
        words.join(",")
    });
    let acls = (any::<bool>(), any::<bool>(), list.clone(), list).prop_map(
        |(has_access, has_default, access, default)| {
            let access = if has_access { format!(" acl={access}") } else { String::new() };
            let default = format!(" dacl=u::rwx,{default},o::-");
            access + if has_default { &default } else { "" }
        },
    );
    (vec(xattr, 0..4), acls).prop_map(|(xattrs, acls)| xattrs.concat() + &acls)
}

/// The lines of one side below `top`.
fn side(top: &'static str) -> impl Strategy<Value = String> {
    let mode = prop_oneof![Just("0644"), Just("0600"), Just("0640"), Just("0664"), Just("0755")];
    let entry = (any::<bool>(), mode, extras());
    vec(entry, 6).prop_map(move |entries| {
        let kinds = ["dir", "file a", "file b", "dir", "file c", "fifo"];
        let paths = ["", "/f", "/g", "/d", "/d/f", "/p"];
        let lines = kinds.iter().zip(paths).zip(entries).filter(|((_, path), (is_there, ..))| {
            *is_there || top == "s" || path.is_empty() || *path == "/d"
        });
        let lines = lines.map(|((kind, path), (_, mode, extras))| {
            let is_dir = *kind == "dir";
            let words = extras.split_inclusive(' ').collect::<String>();
            // Only directories have default lists, only files and directories `user` attributes.
            let fits = |word: &&str| {
                (is_dir || !word.starts_with("dacl="))
                    && (*kind != "fifo" || !word.starts_with("x:user"))
            };
            let words: Vec<&str> = words.split_whitespace().filter(fits).collect();
            let mode = if is_dir { "0755" } else { mode };
            format!("{top}{path} {kind} {mode} {}\n", words.join(" "))
        });
        lines.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_lists_and_attributes_arrive_as_with_rsync(
        source in side("s"),
        dest in side("d"),
        options in prop_oneof![
            Just("-aAX"), Just("-aX"), Just("-aA"), Just("-a"), Just("-rltDAX"), Just("-aX -M--fake-super"),
        ],
    ) {
        let Some(rsync) = rsync_or_skipped_once() else { return Ok(()) };
        // A real fifo can have no attributes that say what it stands for.
        let fits = |line: &&str| !options.contains("fake") || !line.starts_with("d/p");
        let text = source + &dest.split_inclusive('\n').filter(fits).collect::<String>();
        let sides = [Arena::new(), Arena::new()];
        for arena in &sides {
            build_tree(arena.top(), &text);
        }
        let with = |more: &[&'static str]| -> Vec<&str> {
            options.split(' ').chain(more.iter().copied()).collect()
        };
        let args = with(&["--inplace", "s/", "d"]);
        rsync_in(&sides[0], &rsync, &args);
        sides[1].twosync(&args).expect_code(0);
        let differences = sides[0].snapshot("d").differences(&sides[1].snapshot("d"));
        assert_eq!(differences, [""; 0], "{options}\n{text}");
        // Nothing is left to do, to our eyes and to rsync's.
        assert_eq!(sides[1].twosync(&with(&["-i", "s/", "d"])).lines(), [""; 0], "{options}\n{text}");
        // rsync tells again and again of real attributes of a fake destination that it can not remove.
        if !options.contains("fake") {
            let left = rsync_in(&sides[1], &rsync, &with(&["-ni", "s/", "d"]));
            assert_eq!(left, "", "{options}\n{text}");
        }
    }
}
