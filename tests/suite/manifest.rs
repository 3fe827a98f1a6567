//! Audits against check files: both sides count by their paths, and nothing that is half checked is called good.
//!
//! What other programs write and read is the matter of `peers`, which malformed files are refused that of `malformed`.

mod bags;
mod lists;
mod malformed;
mod peers;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use twosync::error::Class;
use twosync::manifest::open::Asked;
use twosync::manifest::write;
use twosync::model::digest::{Digest, RANGE_BYTES};
use twosync::model::path::RelPath;
use twosync::settings::{Effect, Settings};

use crate::engine::{archive, engine};
use crate::support::arena::Arena;
use crate::support::run::Output;
use crate::support::tree::build_tree;

/// Writes `sums` with what sha256sum says of all files below `d`.
const SUMS: &str = "cd d && find . -type f -print0 | sort -z | xargs -0 sha256sum > ../sums";

/// An arena with a tree in `d`, and its check file `sums`.
fn listed(tree: &str) -> Arena {
    let arena = Arena::with(tree);
    arena.shell(SUMS).expect_code(0);
    arena
}

fn audit(arena: &Arena, options: &[&str]) -> Output {
    arena.twosync(&[&["--verify-only", "--against=sums"], options, &["d"]].concat())
}

/// The settings of `--verify-only --against=file dest`.
fn against(file: &Path, dest: &Path) -> Settings {
    let mut settings = archive(dest, dest);
    settings.effect = Effect::VerifyOnly;
    settings.against = Some(Asked { file: file.to_path_buf(), algorithm: None });
    settings
}

#[test]
fn what_is_missing_extra_or_different_is_told_by_its_path() {
    let arena =
        listed("d/a file \"text\"\nd/b file \"more\"\nd/sub/c file \"deep\"\nd/empty dir\n");
    let before = arena.change_times("d");
    let clean = audit(&arena, &[]);
    assert_eq!((clean.expect_code(0).told(), clean.errors()), (String::new(), String::new()));
    let told = audit(&arena, &["-v"]).told();
    let expected = "verified 3 files against sums (sha256): 12 bytes read through the page cache, 0 differences\n";
    assert_eq!(told, expected);
    assert_eq!(before, arena.change_times("d"), "an audit changes nothing");
    build_tree(
        arena.top(),
        "d/a file \"uext\"\nd/b remove\nd/sub/d file \"new\"\nd/sub/c file \"longer\"\n",
    );
    let output = audit(&arena, &[]);
    let expected = [">fc........ a", "*extra      sub/d", ">fc........ sub/c", "*missing    b"];
    let mut lines = output.expect_code(40).lines();
    lines[1..3].sort();
    assert_eq!(lines, expected);
    let found = "4 differences found (content: 2, missing: 1, extra: 1)\n";
    assert!(output.told().ends_with(found), "{}", output.told());
    assert_eq!(audit(&arena, &["-q"]).expect_code(40).told(), "");
}

#[test]
fn files_are_known_by_their_paths_whatever_they_hold() {
    let arena = listed("d/a file \"same\"\nd/b file \"same\"\nd/c file \"else\"\n");
    let contents = [Some("same"), Some("else"), None];
    for (number, now) in
        (0..81).map(|number: usize| (number, [1, 3, 9, 27].map(|d| contents[number / d % 3])))
    {
        for (name, content) in ["a", "b", "c", "d"].iter().zip(now) {
            let path = arena.path(format!("d/{name}"));
            match content {
                Some(content) => fs::write(path, content).expect("our own file"),
                None => drop(fs::remove_file(path)),
            }
        }
        let told = engine(&against(&arena.path("sums"), &arena.path("d")));
        let expected = [Some("same"), Some("same"), Some("else"), None];
        let wrong = now.iter().zip(&expected).filter(|(now, expected)| now != expected).count();
        let class = (wrong > 0).then_some(Class::Unverified);
        assert_eq!(told.report.worst, class, "{number}: {now:?}: {:?}", told.faults);
        assert_eq!(told.report.findings.differences(), wrong as u64, "{now:?}");
        assert_eq!(told.report.findings.remaining, wrong as u64, "{now:?}");
    }
}

#[test]
fn names_of_all_sorts_are_found() {
    let arena = Arena::with_fixture("names");
    fs::rename(arena.path("s"), arena.path("d")).expect("our own directory");
    for list in ["sha256sum", "sha256sum --tag", "md5sum --binary", "b2sum", "sha512sum"] {
        let script = SUMS.replace("sha256sum", list);
        arena.shell(&script).expect_code(0);
        let output = audit(&arena, &["-v"]);
        assert!(output.expect_code(0).told().contains(", 0 differences"), "{list}");
    }
}

#[test]
fn what_can_not_be_read_is_no_difference_and_hides_none() {
    let arena = listed(
        "d/a file \"text\"\nd/shut/b file \"more\"\nd/shut/sub/c file \"x\"\nd/z file \"last\"\n",
    );
    build_tree(arena.top(), "d/a set 0000\nd/shut set 0000\n");
    let output = arena.twosync_as_nobody(&["--verify-only", "--against=sums", "-v", "d"]);
    output.expect_code(23);
    assert_eq!(output.lines(), [""; 0], "nobody knows whether what is in there is missing");
    assert!(output.told().starts_with("verified 1 file against sums"), "{}", output.told());
    for name in ["d/a", "d/shut"] {
        assert!(output.errors().contains(&format!("\"{name}\": Permission denied")), "{name}");
    }
    build_tree(arena.top(), "d/z remove\n");
    let output = arena.twosync_as_nobody(&["--verify-only", "--against=sums", "d"]);
    assert_eq!(output.expect_code(40).lines(), ["*missing    z"]);
    build_tree(arena.top(), "d/a set 0644\nd/shut set 0755\n");
}

#[test]
fn filter_rules_leave_out_on_both_sides() {
    let tree = "d/a file \"x\"\nd/b.tmp file \"x\"\nd/sub/c.tmp file \"x\"\nd/out/e file \"x\"\nd/out/sub/f file \"x\"\n\
                d/in/out/g file \"x\"\nd/own/.rules file \"- h\\n\"\nd/own/h file \"x\"\nd/own/deep/h file \"x\"\nd/h file \"x\"\n";
    let rules = ["--exclude=*.tmp", "--exclude=/out/", "--filter=: .rules"];
    let arena = listed(tree);
    // What is listed and gone, and what is there and not listed, is as if it were not.
    build_tree(
        arena.top(),
        "d/b.tmp remove\nd/sub/c.tmp file \"other\"\nd/out/e remove\nd/out/sub remove\nd/out/new file \"y\"\n\
         d/own/h remove\nd/own/deep/h file \"other\"\nd/new.tmp file \"y\"\n",
    );
    assert_eq!(audit(&arena, &rules).expect_code(0).lines(), [""; 0]);
    build_tree(arena.top(), "d/in/out/g remove\nd/h remove\n");
    let lines = audit(&arena, &rules).expect_code(40).lines();
    assert_eq!(lines, ["*missing    h", "*missing    in/out/g"]);
    let all = audit(&arena, &[]).expect_code(40).lines();
    assert_eq!(all.len(), 10, "{all:?}");
    let included = audit(&arena, &["--include=/sub/***", "--exclude=*"]);
    assert_eq!(included.expect_code(40).lines(), [">fc........ sub/c.tmp"]);
}

#[test]
fn a_symlink_that_is_listed_stands_for_the_file_that_it_leads_to() {
    let arena = Arena::with("d/file file \"text\"\nd/sub/x file \"deep\"\n");
    symlink("file", arena.path("d/link")).expect("room for a link");
    symlink("sub", arena.path("d/dir")).expect("room for a link");
    arena.shell("cd d && sha256sum file link sub/x > ../sums").expect_code(0);
    assert_eq!(
        audit(&arena, &[]).expect_code(0).lines(),
        [""; 0],
        "d/dir is no file, and not listed"
    );
    fs::write(arena.path("d/file"), "uext").expect("our own file");
    let lines = audit(&arena, &[]).expect_code(40).lines();
    assert_eq!(lines, [">fc........ file", ">fc........ link"]);
    for target in ["nowhere", "sub", "/dev/null"] {
        fs::remove_file(arena.path("d/link")).expect("our own link");
        symlink(target, arena.path("d/link")).expect("room for a link");
        let lines = audit(&arena, &[]).expect_code(40).lines();
        assert_eq!(lines, [">fc........ file", "*missing    link"], "{target}");
    }
    arena.shell("cd d && rm link && sha256sum file dir/x sub/x > ../sums").expect_code(0);
    assert_eq!(audit(&arena, &["-L"]).expect_code(0).lines(), [""; 0]);
    assert_eq!(audit(&arena, &[]).expect_code(40).lines(), ["*missing    dir/x"]);
}

#[test]
fn what_is_listed_as_a_file_and_is_none_is_missing() {
    let arena = listed("d/a file \"text\"\nd/b file \"more\"\n");
    build_tree(arena.top(), "d/a remove\nd/b remove\nd/a/x dir\nd/b fifo\n");
    let lines = audit(&arena, &[]).expect_code(40).lines();
    assert_eq!(lines, ["*missing    a", "*missing    b"]);
}

#[test]
fn a_check_file_in_the_tree_need_not_list_itself() {
    let arena = listed("d/a file \"text\"\n");
    fs::rename(arena.path("sums"), arena.path("d/SHA256SUMS")).expect("our own file");
    let audit = |file: &str| arena.twosync(&["--verify-only", &format!("--against={file}"), "d"]);
    audit("d/SHA256SUMS").expect_code(0);
    fs::copy(arena.path("d/SHA256SUMS"), arena.path("d/copy")).expect("our own file");
    assert_eq!(audit("d/SHA256SUMS").expect_code(40).lines(), ["*extra      copy"]);
    fs::write(arena.path("d/copy"), "").expect("our own file");
    arena
        .shell("cd d && sha256sum a copy > list && cat list > copy && rm list SHA256SUMS")
        .expect_code(0);
    let lines = audit("d/copy").expect_code(40).lines();
    assert_eq!(lines, [">fc........ copy"], "one that lists itself as it was is compared");
}

#[test]
fn check_files_come_through_pipes_too() {
    let arena = listed("d/a file \"text\"\n");
    let run = |script: &str| arena.shell(script);
    run("$TWOSYNC --verify-only --against=- -v d < sums").expect_code(0);
    let told = run("cat sums | $TWOSYNC --verify-only --against=- -v d");
    assert!(told.expect_code(0).told().contains("against standard input ("), "{}", told.told());
    run("mkfifo pipe && (cat sums > pipe & $TWOSYNC --verify-only --against=pipe d)")
        .expect_code(0);
    run("echo | $TWOSYNC --verify-only --against=- d").expect_code(1);
}

#[test]
fn the_algorithm_is_told_by_the_user_by_the_name_of_the_file_or_by_what_matches() {
    let arena = Arena::with("d/a file \"text\"\nd/b file \"more\"\n");
    let b3 = |name: &str| {
        let text = fs::read(arena.path(format!("d/{name}"))).expect("our own file");
        let path = RelPath::parse(name.as_bytes()).expect("a path");
        write::line(&path, &Digest::of(&text)).expect("a plain name")
    };
    fs::write(arena.path("open"), [b3("a"), b3("b")].concat()).expect("room for a file");
    let audit =
        |file: &str| arena.twosync(&["--verify-only", "-v", &format!("--against={file}"), "d"]);
    let told = audit("open").expect_code(0).told();
    // Of two algorithms one is tried first; the second file is read once.
    assert!(told.contains("(blake3): 12 bytes read"), "{told}");
    assert!(audit("blake3:open").expect_code(0).told().contains("(blake3): 8 bytes read"));
    fs::copy(arena.path("open"), arena.path("tree.b3")).expect("our own file");
    assert!(audit("tree.b3").expect_code(0).told().contains("(blake3): 8 bytes read"));
    audit("sha256:open").expect_code(40);
    let wrong = audit("md5:open");
    assert!(wrong.expect_code(1).errors().contains("\"open\": line 1: the digest has 64 digits"));
    fs::write(arena.path("d/a"), "uext").expect("our own file");
    fs::write(arena.path("d/b"), "nore").expect("our own file");
    let told = audit("open").expect_code(40).told();
    assert!(told.contains("(sha256 or blake3)"), "{told}");
}

#[test]
fn absolute_names_are_those_of_what_is_compared() {
    let arena = Arena::with("d/a file \"text\"\nd/sub/b file \"more\"\nelse/a file \"text\"\n");
    arena.shell("find $PWD/d -type f -exec sha256sum {} + > sums").expect_code(0);
    audit(&arena, &[]).expect_code(0);
    symlink("d", arena.path("link")).expect("room for a link");
    arena.twosync(&["--verify-only", "--against=sums", "link"]).expect_code(0);
    let other = arena.twosync(&["--verify-only", "--against=sums", "else"]);
    assert!(
        other.expect_code(1).errors().contains("is not below what is compared"),
        "{}",
        other.errors()
    );
}

#[test]
fn a_large_file_is_hashed_once_by_several_workers() {
    let arena = Arena::with("d dir\n");
    let size = usize::try_from(5 * RANGE_BYTES + 77).expect("a size");
    let mut bytes: Vec<u8> =
        (0..size).map(|at| u8::try_from(at / 3 % 251).expect("a byte")).collect();
    fs::write(arena.path("d/big"), &bytes).expect("room for a file");
    let path = RelPath::parse(b"big").expect("a path");
    let line = write::line(&path, &Digest::of(&bytes)).expect("a plain name");
    fs::write(arena.path("sums.b3"), line).expect("room for a file");
    let settings = against(&arena.path("sums.b3"), &arena.path("d"));
    let report = engine(&settings).report;
    assert_eq!(report.worst, None);
    assert_eq!(report.verify.expect("it was read").dest_read_bytes, size as u64);
    bytes[4 * size / 5] ^= 1;
    fs::write(arena.path("d/big"), &bytes).expect("our own file");
    let report = engine(&settings).report;
    assert_eq!(report.worst, Some(Class::Unverified));
    assert_eq!(report.findings.unstable_reads, 0);
    assert_eq!(
        report.verify.expect("it was read").dest_read_bytes,
        2 * size as u64,
        "compared once more"
    );
    arena.shell(SUMS).expect_code(0);
    let report = engine(&against(&arena.path("sums"), &arena.path("d"))).report;
    assert_eq!((report.worst, report.findings.compared_files), (None, 1));
}

#[test]
fn what_hashdeep_says_of_a_length_saves_the_reading() {
    let arena = Arena::with("d/a file \"text\"\n");
    let md5 = "1cb251ec0d568de6a929b520c4aed8d1";
    let text = format!("%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n4,{md5},./a\n");
    fs::write(arena.path("sums"), text).expect("room for a file");
    audit(&arena, &[]).expect_code(0);
    fs::write(arena.path("d/a"), "longer").expect("our own file");
    let output = audit(&arena, &[]);
    assert_eq!(output.expect_code(40).lines(), [">fcs....... a"]);
    assert!(
        output.told().contains(": 0 bytes read, 1 difference found (content: 1)"),
        "{}",
        output.told()
    );
}

#[test]
fn the_output_is_chosen_as_in_other_audits() {
    let arena = listed("d/a file \"text\"\nd/b file \"more\"\nd/sub/c file \"deep\"\n");
    build_tree(arena.top(), "d/a file \"uext\"\nd/b remove\nd/new file \"x\"\n");
    let lines = audit(&arena, &["-ii"]).expect_code(40).lines();
    let expected = [">fc........ a", "*extra      new", ".f          sub/c", "*missing    b"];
    assert_eq!(lines, expected);
    let format = audit(&arena, &["--out-format=%i|%n|%l"]).expect_code(40).lines();
    assert_eq!(format, [">fc........|a|4", "*deleting  |new|1", ">f+++++++++|b|0"]);
    let stats = audit(&arena, &["--stats"]).expect_code(40).told();
    for line in [
        "verified against: sums (sha256)",
        "verified files: 2",
        "verified file contents: 2",
        "verified differences: 3 (content: 1, missing: 1, extra: 1)",
    ] {
        assert!(stats.lines().any(|said| said == line), "{line}:\n{stats}");
    }
    audit(&arena, &["--log-file=log"]).expect_code(40);
    let log = fs::read_to_string(arena.path("log")).expect("there is a log");
    assert!(
        log.contains(">fc........ a") && log.contains("verified 2 files against sums"),
        "{log}"
    );
}

#[test]
fn what_a_run_leaves_for_programs_is_left_by_such_an_audit_too() {
    let arena = listed("d/a file \"text\"\nd/b file \"more\"\nd/sub/c file \"deep\"\n");
    build_tree(arena.top(), "d/a file \"uext\"\nd/b remove\nd/new file \"x\"\nd/link link -> a\n");
    let files = ["--report=report", "--combined=combined", "--failed-list=failed", "--manifest=b3"];
    audit(&arena, &files).expect_code(40);
    let text = |name: &str| fs::read_to_string(arena.path(name)).expect("it was written");
    assert_eq!(text("combined"), "* a\n- new\n= sub/c\n+ b\n");
    assert_eq!(text("failed"), "a\0b\0");
    // What was found equal by SHA-256 can be looked for by BLAKE3 from now on.
    assert_eq!(text("b3"), format!("{}  sub/c\n", Digest::of(b"deep")));
    let report = text("report");
    let first = report.lines().next().expect("a first line");
    assert!(first.contains("\"sources\":[],\"dest\":\"d\",\"against\":\"sums\""), "{first}");
    let equal = report.lines().find(|line| line.contains("\"sub/c\"")).expect("its line");
    assert!(equal.contains(&format!("\"blake3\":\"{}\"", Digest::of(b"deep"))), "{equal}");
    assert!(report.contains("verified 2 files against sums (sha256)"), "{report}");
    fs::write(arena.path("sums"), "x\n").expect("our own file");
    for file in ["combined", "failed", "b3"] {
        fs::remove_file(arena.path(file)).expect("our own file");
    }
    audit(&arena, &files).expect_code(1);
    assert!(!arena.path("b3").exists() && !arena.path("combined").exists());
}

#[test]
fn what_a_copy_writes_down_its_audit_reads() {
    let arena = Arena::with_fixture("names");
    let output = arena.twosync(&["-a", "--manifest=sums", "s/", "d"]);
    assert!(output.expect_code(0).errors().contains("1 name"), "{}", output.errors());
    let lines = audit(&arena, &[]).expect_code(40).lines();
    assert_eq!(lines, ["*extra      bad\\#377\\#376utf"], "b3sum's format can not express it");
    audit(&arena, &["--exclude=bad*"]).expect_code(0);
    arena.twosync(&["--verify-only", "--against=sums", "--exclude=bad*", "s"]).expect_code(0);
}

#[test]
fn it_is_told_where_the_files_were_read() {
    let arena = listed("d/a file \"text\"\n");
    let told = audit(&arena, &["-v", "--read-back=storage"]).expect_code(0).told();
    let wheres = ["from storage", "from memory, as there is no storage", "from the server"];
    assert!(wheres.iter().any(|place| told.contains(&format!("4 bytes read {place}"))), "{told}");
    let told = audit(&arena, &["-v", "--read-back=cache"]).expect_code(0).told();
    assert!(told.contains("4 bytes read through the page cache"), "{told}");
}

#[test]
fn options_that_would_not_do_what_they_say_are_refused() {
    let arena = listed("d/a file \"text\"\ns/a file \"text\"\n");
    for options in [
        &["--delete", "-r"][..],
        &["-H"],
        &["-A"],
        &["-X"],
        &["-U"],
        &["-E"],
        &["--chmod=644"],
        &["--chown=root"],
        &["--size-only"],
        &["-u"],
        &["--ignore-existing"],
        &["--existing"],
        &["-I"],
        &["-b"],
        &["--backup-dir=x"],
        &["--link-dest=x"],
        &["--max-delete=1"],
        &["--max-size=1"],
        &["--min-size=1"],
        &["-x"],
        &["-R"],
        &["-d"],
        &["--files-from=sums"],
        &["--append"],
        &["-S"],
        &["--fsync"],
        &["--modify-window=1"],
        &["--checksum-choice=md5"],
        &["--remove-source-files"],
        &["--ledger=x"],
        &["--source-digest=reread"],
        &["--repair=2"],
        &["--verify=metadata"],
        &["--list-only"],
        &["s"],
    ] {
        let output = audit(&arena, options);
        output.expect_code(1);
        assert_eq!(output.told(), "", "{options:?}");
        let first = output.errors();
        let says = first.contains("--against") || first.contains("a listing has none");
        assert!(says, "{options:?}: {first}");
    }
    let alone = arena.twosync(&["--against=sums", "d"]);
    assert!(alone.expect_code(1).errors().contains("goes with --verify-only"));
    for options in
        [&["-a"][..], &["-az", "--inplace"], &["-rc"], &["-n"], &["-j1"], &["--open-noatime"]]
    {
        audit(&arena, options).expect_code(0);
    }
}

#[test]
fn what_is_to_be_compared_has_to_be_there() {
    let arena = listed("d/a file \"text\"\n");
    let missing = arena.twosync(&["--verify-only", "--against=sums", "nowhere"]);
    assert!(
        missing.expect_code(3).errors().contains("\"nowhere\": No such file"),
        "{}",
        missing.errors()
    );
    let missing = arena.twosync(&["--verify-only", "--against=nowhere", "d"]);
    assert!(
        missing.expect_code(1).errors().contains("\"nowhere\": No such file"),
        "{}",
        missing.errors()
    );
    let dir = arena.twosync(&["--verify-only", "--against=d", "d"]);
    assert!(dir.expect_code(1).errors().contains("no bag"), "{}", dir.errors());
    let file = arena.twosync(&["--verify-only", "--against=sums", "d/a"]);
    assert!(file.expect_code(1).errors().contains("as it is no directory"), "{}", file.errors());
}

#[test]
fn a_long_check_file_is_told_in_its_order() {
    let arena = Arena::with("d/f/77 file \"text\"\nd/extra file \"x\"\n");
    let sum = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1";
    let count = 100_000;
    let lines: Vec<String> =
        (0..count).rev().map(|number| format!("{sum}  f/{number}\n")).collect();
    fs::write(arena.path("sums"), lines.concat()).expect("room for a file");
    let lines = audit(&arena, &[]).expect_code(40).lines();
    let missing = (0..count).rev().filter(|number| *number != 77);
    let mut expected = vec!["*extra      extra".to_owned()];
    expected.extend(missing.map(|number| format!("*missing    f/{number}")));
    assert_eq!(lines.len(), expected.len());
    assert!(lines == expected);
}
