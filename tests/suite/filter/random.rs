//! Random rules over one tree of awkward names: `twosync::filter` must answer what rsync answers.

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;

use super::rows::{Answer, Question, Row};
use super::{ours, theirs};
use crate::support::skipped::rsync_or_skipped_once;

/// Few names, so that patterns meet them; some hold what is special in a pattern.
const NAMES: [&[u8]; 16] = [
    b"a",
    b"b",
    b"ab",
    b"ba",
    b"aab",
    b"a.b",
    b"a-b",
    b"[a]",
    b"a\\b",
    b"*",
    b"a*",
    b"\\",
    b"?",
    b"\xff",
    b"\xc3\xa9",
    b" a",
];

fn tree() -> Vec<Vec<u8>> {
    let mut paths: Vec<Vec<u8>> = NAMES.iter().map(|name| name.to_vec()).collect();
    for (dir, names) in [
        (&b"d/"[..], &NAMES[..]),
        (b"d/a/", &NAMES[..9]),
        (b"aa/", &NAMES[..]),
        (b"aa/b[/", &NAMES[..6]),
        (b"aa/bb/", &NAMES[..6]),
        (b"aa/bb/a/", &NAMES[..4]),
    ] {
        paths.extend(names.iter().map(|name| [dir, name].concat()));
    }
    // A directory must not have the name of a file.
    paths.retain(|path| path != b"d/a");
    paths.retain(|path| path != b"aa/bb/a");
    paths
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let set = vec(
        select(vec![
            &b"a"[..],
            b"b",
            b"-",
            b"]",
            b"[",
            b"!",
            b"^",
            b"\\",
            b"\\]",
            b"a-b",
            b"[:alpha:]",
            b"[:punct:]",
            b"[:bad:]",
            b"[:",
            b":]",
            b"\xff",
            b"\x80-\xff",
            b".",
            b"*",
            b"/",
        ]),
        0..4,
    );
    let set = (set, any::<bool>()).prop_map(|(parts, is_closed)| {
        let mut set = [b"[".to_vec(), parts.concat()].concat();
        set.extend((is_closed || parts.len() > 1).then_some(b']'));
        set
    });
    prop_oneof![
        8 => select(&NAMES[..7]).prop_map(<[u8]>::to_vec),
        2 => select(&NAMES[7..]).prop_map(<[u8]>::to_vec),
        3 => select(vec![&b"d"[..], b"aa", b"bb"]).prop_map(<[u8]>::to_vec),
        4 => Just(b"*".to_vec()),
        2 => Just(b"**".to_vec()),
        1 => Just(b"***".to_vec()),
        3 => Just(b"?".to_vec()),
        5 => Just(b"/".to_vec()),
        1 => Just(b"\\".to_vec()),
        1 => Just(b"\\*".to_vec()),
        3 => set,
    ]
}

fn pattern() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![3 => Just(&b""[..]), 2 => Just(&b"/"[..]), 1 => Just(&b"**/"[..])];
    let end = prop_oneof![5 => Just(&b""[..]), 1 => Just(&b"/"[..]), 1 => Just(&b"/***"[..])];
    (start, vec(piece(), 1..6), end)
        .prop_map(|(start, pieces, end)| [start, &pieces.concat(), end].concat())
}

fn rule() -> impl Strategy<Value = Vec<u8>> {
    let names = prop_oneof![
        6 => Just("-"), 3 => Just("+"), 1 => Just("H"), 1 => Just("S"), 2 => Just("P"),
        1 => Just("R"), 1 => Just("-!"), 1 => Just("-/"), 1 => Just("-s"), 1 => Just("+r"),
        1 => Just("-p"), 1 => Just("-sr"), 1 => Just("Pp"), 1 => Just("+x"),
    ];
    (names, pattern()).prop_map(|(name, pattern)| [name.as_bytes(), b" ", &pattern].concat())
}

/// The contents of a rule file.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        8 => rule(),
        1 => Just(b"!".to_vec()),
        1 => Just(b"# x".to_vec()),
        1 => Just(b": .g".to_vec()),
        1 => Just(b":n- .g".to_vec()),
    ];
    vec(line, 0..4).prop_map(|lines| lines.join(&b'\n'))
}

fn bare_content() -> impl Strategy<Value = Vec<u8>> {
    vec(pattern(), 0..3).prop_map(|lines| lines.join(&b'\n'))
}

/// Rule files in some directories.
fn files() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let dir = || select(vec![&b""[..], b"d/", b"aa/", b"aa/b[/", b"aa/bb/"]);
    let file = (dir(), content()).prop_map(|(dir, text)| ([dir, b".f"].concat(), text));
    let bare = (dir(), bare_content()).prop_map(|(dir, text)| ([dir, b".g"].concat(), text));
    (vec(file, 1..4), vec(bare, 0..2)).prop_map(|(files, bare)| [files, bare].concat())
}

fn per_dir() -> impl Strategy<Value = Vec<u8>> {
    let rules = [": .f", ":e .f", ":n .f", ":s .f", ":p .f", ":/ .f", ":r .f", ": /.f"];
    select(rules.to_vec()).prop_map(|rule| rule.as_bytes().to_vec())
}

fn row(question: Question, rules: &[Vec<u8>], files: &[(Vec<u8>, Vec<u8>)]) -> Row {
    let in_s = tree().into_iter().map(|path| [b"s/", &*path].concat());
    let in_d = tree().into_iter().map(|path| [b"d/", &*path].concat());
    let (tree, roots): (Vec<_>, &[&[u8]]) = match question {
        Question::Transfer => (in_s.collect(), &[b"s/"]),
        // Some directories are in both, so that not all is below a doomed one.
        Question::Delete => {
            (in_d.chain([b"s/d/".to_vec(), b"s/aa/bb/".to_vec()]).collect(), &[b"d/"])
        }
    };
    let files = roots.iter().flat_map(|root| {
        files.iter().map(move |(path, text)| ([root, &**path].concat(), text.clone()))
    });
    Row {
        line: String::new(),
        question,
        tree,
        files: files.collect(),
        cvsignore: None,
        options: rules.iter().map(|rule| [b"--filter=", &**rule].concat()).collect(),
        operands: vec![b"s/".to_vec()],
        expected: Answer::Refused(0),
    }
}

/// Asks both; the rules are shown as text if they disagree.
fn compare(row: &Row) {
    let Some(rsync) = rsync_or_skipped_once() else {
        return;
    };
    let arena = row.build();
    let ours = ours::answer(row, arena.path());
    let theirs = theirs::answer(&rsync, row, arena.path());
    // What the program makes of the rules on the command line and on the disk.
    let again = row.build();
    let programs = theirs::programs_answer(row, again.path());
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let options: Vec<String> = row.options.iter().map(|option| lossy(option)).collect();
    let files: Vec<(String, String)> =
        row.files.iter().map(|(path, text)| (lossy(path), lossy(text))).collect();
    assert_eq!(
        ours.to_string(),
        theirs.to_string(),
        "ours | rsync's: {:?} {options:#?} {files:#?}",
        row.question
    );
    assert_eq!(
        programs.to_string(),
        theirs.to_string(),
        "the program's | rsync's: {:?} {options:#?} {files:#?}",
        row.question
    );
}

fn config() -> ProptestConfig {
    let cases = std::env::var_os("TWOSYNC_FILTER_CASES").map(|value| {
        let count = value.to_str().and_then(|text| text.parse().ok()).filter(|count| *count > 0);
        count.unwrap_or_else(|| {
            panic!("TWOSYNC_FILTER_CASES={} is no number of cases", value.display())
        })
    });
    ProptestConfig {
        cases: cases.unwrap_or(64),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_patterns_hide_what_rsync_hides(rules in vec(pattern(), 1..3)) {
        let rules: Vec<_> = rules.iter().map(|rule| [b"- ", &**rule].concat()).collect();
        compare(&row(Question::Transfer, &rules, &[]));
    }

    #[test]
    fn random_rules_hide_what_rsync_hides(rules in vec(rule(), 1..5)) {
        compare(&row(Question::Transfer, &rules, &[]));
    }

    #[test]
    fn random_rules_protect_what_rsync_protects(rules in vec(rule(), 1..5)) {
        compare(&row(Question::Delete, &rules, &[]));
    }

    #[test]
    fn random_files_in_directories_hide_what_rsync_hides(
        before in vec(rule(), 0..2), merge in per_dir(), after in vec(rule(), 0..2), files in files(),
    ) {
        let rules = [before, vec![merge], after].concat();
        compare(&row(Question::Transfer, &rules, &files));
    }

    #[test]
    fn random_files_in_directories_protect_what_rsync_protects(
        before in vec(rule(), 0..2), merge in per_dir(), after in vec(rule(), 0..2), files in files(),
    ) {
        let rules = [before, vec![merge], after].concat();
        compare(&row(Question::Delete, &rules, &files));
    }
}
