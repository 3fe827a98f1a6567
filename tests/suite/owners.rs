//! Modes, owners and access times on their way: random `--chmod` lists as rsync reads them, and what phase two makes of
//! sources that are taken for something else.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::run::{Conditions, run, twosync};
use crate::support::skipped::rsync_or_skipped;
use crate::support::snapshot::Snapshot;

/// How many random lists are compared.
const LISTS: usize = 100;

/// Numbers that depend on the seed alone (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn some_of(&mut self, letters: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.one_of(letters)).collect()
    }

    /// An item of `--chmod`; mostly one that makes sense.
    fn item(&mut self) -> String {
        let on = self.one_of(&["", "", "", "D", "F"]);
        if self.below(6) == 0 {
            let special = self.one_of(&["", "0", "1", "2", "4", "6", "7"]);
            return format!("{on}{special}{:03o}", self.below(0o1000));
        }
        let classes = self.some_of(&["u", "g", "o", "a"], 3);
        let op = self.one_of(&["+", "-", "="]);
        let bits = if self.below(4) == 0 {
            self.one_of(&["u", "g", "o"]).to_owned()
        } else {
            self.some_of(&["r", "w", "x", "X", "s", "t"], 4)
        };
        format!("{on}{classes}{op}{bits}")
    }

    /// A list of items, sometimes with a letter too many.
    fn list(&mut self) -> String {
        let items: Vec<String> = (0..=self.below(3)).map(|_| self.item()).collect();
        let mut list = items.join(",");
        if self.below(6) == 0 {
            let at = self.below(list.len() + 1);
            list.insert_str(
                at,
                self.one_of(&["D", "F", "u", "a", "+", "=", "r", "8", "7", ",", "X", "q"]),
            );
        }
        list
    }
}

/// The mode of each name of a tree.
fn modes(tree: &Snapshot) -> Vec<(String, u32)> {
    let names = tree.entries.iter();
    names.map(|(path, entry)| (String::from_utf8_lossy(path).into_owned(), entry.mode)).collect()
}

#[test]
fn random_lists_of_modes_do_what_they_do_in_rsync() {
    let Some(rsync) = rsync_or_skipped("all lists") else { return };
    let arena = Arena::with(
        "s/a file 0644\ns/b file 0000\ns/c file 7751\ns/d file 2610\ns/e dir 0750\ns/f dir 3705\ns/g dir 0000\ns/p fifo 4604\n",
    );
    let mut random = Random(0x5EED_0F0D_E5CA_FE01);
    let (mut refused_count, mut wrong) = (0, Vec::new());
    for number in 0..LISTS {
        let list = random.list();
        let umask = [0o022, 0o077, 0o002][random.below(3)];
        let [theirs, ours] = [(rsync.as_path(), "a"), (&twosync(), "b")].map(|(program, side)| {
            let dest = format!("{side}{number}");
            let args = ["-rpD", &format!("--chmod={list}"), "s/", &dest]
                .map(|arg| arg.as_bytes().to_vec());
            let output =
                run(program, &args, arena.top(), &Conditions { umask, ..Conditions::default() });
            let tree = arena.path(&dest).exists().then(|| modes(&arena.snapshot(&dest)));
            (output.code, tree)
        });
        refused_count += usize::from(theirs.0 == 1);
        if theirs != ours {
            wrong.push(format!("--chmod={list} umask {umask:03o}: {theirs:?} | {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {LISTS}:\n{}", wrong.len(), wrong.join("\n"));
    assert!((5..LISTS / 2).contains(&refused_count), "{refused_count} of {LISTS} were refused");
}

const MAPPED: [&str; 4] = ["-ai", "--chown=1:2", "--chmod=F640,Dg+s", "s/"];

#[test]
fn phase_two_sees_the_source_as_phase_one_did() {
    if !is_root_or_skipped("owners that are given away") {
        return;
    }
    let arena = Arena::with("s/f file 0644 \"x\"\ns/sub/g file 0600 \"y\"\ns/sub/l link -> g\n");
    arena.twosync(&[&MAPPED[..], &["d"]].concat()).expect_code(0);
    let meta = fs::symlink_metadata(arena.path("d/sub/g")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (1, 2, 0o640));
    let audit = arena.twosync(&[&["--verify-only"], &MAPPED[..], &["d"]].concat());
    assert_eq!(audit.expect_code(0).lines(), [""; 0]);
    let plain = arena.twosync(&["--verify-only", "-ai", "s/", "d"]);
    let expected = [
        ".d...pog... ./",
        ".f...pog... f",
        ".d...pog... sub/",
        ".f...pog... sub/g",
        ".L....og... sub/l -> g",
    ];
    assert_eq!(plain.expect_code(40).lines(), expected);
    let before = arena.snapshot("d");
    lchown(arena.path("d/f"), Some(9), Some(9)).unwrap();
    fs::set_permissions(arena.path("d/sub/g"), fs::Permissions::from_mode(0o604)).unwrap();
    let again = arena.twosync(&[&MAPPED[..], &["d"]].concat());
    assert_eq!(again.expect_code(0).lines(), [".f....og... f", ".f...p..... sub/g"]);
    assert_eq!(before.differences(&arena.snapshot("d")), [""; 0]);
}

/// The access time of a file, in seconds.
fn atime(path: &Path) -> i64 {
    fs::symlink_metadata(path).expect("the file is there").atime()
}

#[test]
fn a_run_that_keeps_access_times_changes_none_and_is_at_rest() {
    let arena = Arena::with(
        "s/f file \"x\" atime=@1500000000\ns/big file size=9000000 seed=1 atime=@1500000001\n",
    );
    arena.twosync(&["-aU", "s/", "d"]).expect_code(0);
    for (name, expected) in [("f", 1_500_000_000), ("big", 1_500_000_001)] {
        assert_eq!(
            [atime(&arena.path("s").join(name)), atime(&arena.path("d").join(name))],
            [expected; 2],
            "{name}"
        );
    }
    let again = arena.twosync(&["-aUi", "s/", "d"]);
    assert_eq!(again.expect_code(0).lines(), [""; 0]);
    if let Some(rsync) = rsync_or_skipped("what rsync says to it") {
        let args = ["-aUni", "s/", "d"].map(|arg| OsStr::new(arg).as_bytes().to_vec());
        let theirs = run(&rsync, &args, arena.top(), &Conditions::default());
        assert_eq!(theirs.expect_code(0).lines(), [""; 0]);
    }
}
