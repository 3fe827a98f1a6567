//! Random groups of names on both sides: twosync makes and tells what rsync makes and tells.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use proptest::sample::select;

use crate::support::arena::Arena;
use crate::support::normal::{Order, normal};
use crate::support::run::{Conditions, run, twosync};
use crate::support::skipped::rsync_or_skipped_once;
use crate::support::snapshot::Snapshot;

/// Names within and across directories, in no order of rsync's.
const NAMES: [&str; 8] = ["a", "b", "c", "d1/e", "d1/f", "d2/g", "d2.x/h", "d1/z/i"];

/// Contents of different lengths: what rsync's quick check does not see is the matter of other tests.
const CONTENTS: [&str; 3] = ["hello", "others", "longer text"];

/// What a name is on one side.
#[derive(Clone, Debug)]
struct Made {
    is_missing: bool,
    /// One of the names before it that it is linked to, if there is one and this says so.
    link: Option<usize>,
    kind: usize,
    content: usize,
    mode: usize,
    secs: i64,
}

fn made(missing: u32, kinds: usize) -> impl Strategy<Value = Made> {
    (0..100_u32, any::<bool>(), 0..NAMES.len(), 0..kinds, 0..CONTENTS.len(), 0..3_usize, 1..3_i64)
        .prop_map(move |(chance, is_linked, link, kind, content, mode, secs)| Made {
            is_missing: chance < missing,
            link: is_linked.then_some(link),
            kind,
            content,
            mode,
            secs,
        })
}

/// Lines of the tree language for one side. `may_join`: whether two names may be names of one file.
fn lines(side: &str, made: &[Made], may_join: impl Fn(usize, usize) -> bool) -> String {
    let mut text = format!("{side} dir\n");
    let mut there: Vec<usize> = Vec::new();
    for (index, one) in made.iter().enumerate() {
        if one.is_missing {
            continue;
        }
        let joined: Vec<usize> =
            there.iter().copied().filter(|other| may_join(*other, index)).collect();
        let name = NAMES[index];
        let line = match one.link.filter(|_| !joined.is_empty()) {
            Some(link) => format!("hardlink {side}/{}", NAMES[joined[link % joined.len()]]),
            None => match one.kind {
                0 => format!("link -> {} mtime=@{}000", ["x", "y", "y"][one.content], one.secs),
                1 => format!("fifo {} mtime=@{}000", ["0644", "0644", "0600"][one.mode], one.secs),
                _ => format!(
                    "file {} \"{}\" mtime=@{}000",
                    ["0644", "0644", "0600"][one.mode],
                    CONTENTS[one.content],
                    one.secs
                ),
            },
        };
        writeln!(text, "{side}/{name} {line}").expect("writing to a string");
        there.push(index);
    }
    text
}

/// The names of one file, by the kind and the group that the source gives each name.
fn groups(top: &Path) -> Vec<Option<(u64, u32)>> {
    use std::os::unix::fs::MetadataExt;
    let look = |name: &&str| top.join(name).symlink_metadata().ok();
    let found =
        NAMES.iter().map(|name| look(name).map(|meta| (meta.ino(), meta.mode() & 0o170_000)));
    found.collect()
}

const OPTIONS: [&str; 10] = [
    "-aHii",
    "-aHi",
    "-aHiiu",
    "-aHiic",
    "-aHii --existing",
    "-aHii --ignore-existing",
    "-aHiiI",
    "-aHii --size-only",
    "-aHi --delete",
    "-aHi --exclude=f",
];

struct Seen {
    code: i32,
    stdout: Vec<u8>,
}

fn tell(program: &Path, words: &[&str], dir: &Path) -> Seen {
    let args: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let output = run(program, &args, dir, &Conditions::default());
    let order = Order::under(&args);
    Seen { code: output.code, stdout: normal(&output.stdout, dir.as_os_str().as_bytes(), order) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_groups_are_made_and_told_as_rsync_does(
        source in vec(made(10, 8), NAMES.len()),
        dest in vec(made(35, 8), NAMES.len()),
        options in select(OPTIONS.to_vec()),
    ) {
        let Some(rsync) = rsync_or_skipped_once() else { return Ok(()) };
        let arena = Arena::with(&lines("plan", &source, |_, _| true));
        let plan = groups(&arena.path("plan"));
        // A destination's file has names of one group only, and is of the source's kind: elsewhere twosync does what
        // `parity::allowed` says.
        let dest: Vec<Made> = dest
            .into_iter()
            .enumerate()
            .map(|(index, one)| Made { kind: kind_of(plan[index].map(|(_, mode)| mode)), ..one })
            .collect();
        let is_hidden = |at: usize| options.contains("--exclude=f") && NAMES[at].ends_with('f');
        let joins = |a: usize, b: usize| {
            plan[a].is_some() && plan[a] == plan[b] && is_hidden(a) == is_hidden(b)
        };
        let text = [lines("s", &source, |_, _| true), lines("d", &dest, joins)].concat();
        let sides: [(Arena, PathBuf); 2] =
            [(Arena::with(&text), rsync), (Arena::with(&text), twosync())];
        for extra in ["-n", "-v", "-v"] {
            let mut words: Vec<&str> = options.split(' ').collect();
            if extra == "-n" {
                words.push(extra);
            }
            words.extend(["s/", "d"]);
            let [theirs, ours] = sides.each_ref().map(|(arena, program)| tell(program, &words, arena.top()));
            let [left, right] = [&theirs, &ours].map(|seen| String::from_utf8_lossy(&seen.stdout).into_owned());
            assert_eq!(left, right, "{words:?} of\n{text}");
            assert_eq!(theirs.code, ours.code, "{words:?} of\n{text}");
            let trees = sides.each_ref().map(|(arena, _)| Snapshot::of(&arena.path("d")));
            let differences = trees[0].differences(&trees[1]);
            assert_eq!(differences, [""; 0], "{words:?} of\n{text}");
        }
    }

    #[test]
    fn names_of_one_file_are_names_of_one_file_whatever_was_there(
        source in vec(made(10, 8), NAMES.len()),
        dest in vec(made(30, 8), NAMES.len()),
        jobs in select(vec!["-j1", "-j8"]),
    ) {
        let text = [lines("s", &source, |_, _| true), lines("d", &dest, |_, _| true)].concat();
        let arena = Arena::with(&text);
        arena.twosync(&["-aH", jobs, "--delete", "s/", "d"]).expect_code(0);
        arena.twosync(&["-aH", "--delete", "--verify-only", "s/", "d"]).expect_code(0);
        let [ours, theirs] = ["s", "d"].map(|side| groups(&arena.path(side)));
        for (a, b) in (0..NAMES.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let joined = ours[a].is_some() && ours[a] == ours[b];
            assert!(!joined || theirs[a] == theirs[b], "{} and {}\n{text}", NAMES[a], NAMES[b]);
        }
        for (name, entry) in arena.snapshot("s").entries {
            let copy = &arena.snapshot("d").entries[&name];
            let facts = |entry: &crate::support::snapshot::Entry| (entry.kind, entry.mode, entry.content.clone(), entry.mtime);
            if entry.kind != "dir" {
                assert_eq!(facts(&entry), facts(copy), "{}\n{text}", name.escape_ascii());
            }
        }
        let told = arena.twosync(&["-aHi", "--delete", "s/", "d"]).expect_code(0).lines();
        assert_eq!(told, [""; 0], "{text}");
        fs::remove_dir_all(arena.path("d")).expect("our own");
    }
}

/// The kind of a [`Made`] for a file type of stat(2).
fn kind_of(mode: Option<u32>) -> usize {
    match mode {
        Some(0o120_000) => 0,
        Some(0o010_000) => 1,
        _ => 2,
    }
}
