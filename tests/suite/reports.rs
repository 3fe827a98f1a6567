//! The files that a run writes about itself, for programs and for the next run.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use twosync::model::digest::{Digest, RANGE_BYTES};

use crate::support::arena::Arena;
use crate::support::tree::build_tree;

const TREE: &str = "s dir 0755\n\
    s/equal file 0644 \"same\"\ns/longer file 0644 \"longer\"\ns/new file 0644 \"new\"\n\
    s/sub dir 0755\ns/sub/time file 0644 \"time\"\ns/link link -> equal\n";

/// A copy of [`TREE`] in which each entry is amiss in another way.
fn damaged() -> Arena {
    let arena = Arena::with(TREE);
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    let harm =
        "d/longer file 0644 \"short\"\nd/new remove\nd/sub/time set mtime=@5\nd/extra file \"x\"\n";
    build_tree(arena.top(), harm);
    arena
}

fn text(arena: &Arena, name: &str) -> String {
    String::from_utf8(fs::read(arena.path(name)).expect("it was written")).expect("text")
}

/// The lines of a report.
fn lines(arena: &Arena, name: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).expect("each line is JSON");
    text(arena, name).lines().map(parse).collect()
}

/// Names that end with NUL.
fn names(arena: &Arena, name: &str) -> Vec<String> {
    text(arena, name).split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn an_audit_says_of_each_entry_how_it_stands_as_rclone_check_does() {
    let arena = damaged();
    let output = arena.twosync(&["-a", "--delete", "--verify-only", "--combined=c", "s/", "d"]);
    output.expect_code(40);
    let mut states: Vec<String> = text(&arena, "c").lines().map(str::to_owned).collect();
    states.sort_unstable();
    let expected = ["* longer", "* sub/time", "+ new", "- extra", "= equal", "= link"];
    assert_eq!(states, expected);
}

#[test]
fn after_a_sync_all_stands_well_and_nothing_is_left_in_the_list_of_failures() {
    let arena = damaged();
    let args = ["-a", "--delete", "--combined=c", "--failed-list=f", "s/", "d"];
    arena.twosync(&args).expect_code(0);
    assert_eq!(text(&arena, "c").lines().filter(|line| !line.starts_with("= ")).count(), 0);
    assert_eq!(text(&arena, "c").lines().count(), 5, "directories have no line");
    assert_eq!(text(&arena, "f"), "");
}

#[test]
fn what_an_audit_lists_as_amiss_a_sync_of_that_list_brings_in_line() {
    let arena = damaged();
    arena.twosync(&["-a", "--verify-only", "--failed-list=f", "s/", "d"]).expect_code(40);
    let mut amiss = names(&arena, "f");
    amiss.sort_unstable();
    assert_eq!(amiss, ["longer", "new", "sub/time"]);
    arena.twosync(&["-a", "--from0", "--files-from=f", "s/", "d"]).expect_code(0);
    arena.twosync(&["-aO", "--verify-only", "s/", "d"]).expect_code(0);
}

#[test]
fn what_can_not_be_read_is_listed_as_failed_where_it_was_met() {
    let arena = Arena::with(
        "s dir 0755\ns/good file 0644 \"text\"\ns/closed dir 0000\ns/secret file 0000 \"y\"\n\
         out dir 0755\n",
    );
    let args = ["-rt", "--combined=out/c", "--failed-list=out/f", "--report=out/r", "s/", "out/d"];
    arena.twosync_as_nobody(&args).expect_code(23);
    fs::set_permissions(arena.path("s/closed"), fs::Permissions::from_mode(0o755))
        .expect("our own");
    let mut failed = names(&arena, "out/f");
    failed.sort_unstable();
    assert_eq!(failed, ["closed", "secret"]);
    assert_eq!(text(&arena, "out/c"), "= good\n! secret\n");
    let report = lines(&arena, "out/r");
    let faults: Vec<_> = report.iter().filter(|line| line["type"] == "fault").collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(report.last().expect("the end")["exit_code"], 23);
}

#[test]
fn a_manifest_has_the_digest_of_each_file_whichever_way_it_was_read() {
    let size = 2 * RANGE_BYTES + 5;
    let arena = Arena::with(&format!(
        "s/empty file \"\"\ns/small file \"text\"\ns/large file size={size} seed=3\n\
         s/other hardlink s/small\ns/link link -> small\n"
    ));
    let of = |name: &str| Digest::of(&fs::read(arena.path(name)).expect("our own file"));
    let expected: Vec<String> = ["empty", "large", "other", "small"]
        .map(|name| format!("{}  {name}", of(&format!("s/{name}"))))
        .into();
    for args in [
        &["-aH", "--manifest=m", "s/", "d"][..],
        &["-aH", "--manifest=m", "s/", "d"],
        &["-aH", "--verify-only", "--manifest=m", "s/", "d"],
        &["-a", "--verify-only", "--manifest=m", "s/", "d"],
    ] {
        arena.twosync(args).expect_code(0);
        let mut listed: Vec<String> = text(&arena, "m").lines().map(str::to_owned).collect();
        listed.sort_unstable_by_key(|line| line[66..].to_owned());
        assert_eq!(listed, expected, "{args:?}");
    }
    // What is repaired is listed as it is now.
    fs::write(arena.path("d/small"), "tent").expect("our own file");
    let harm = "dd if=s/small of=d/large bs=1 seek=9000000 conv=notrunc status=none; touch -r s/small d/small d/large";
    arena.shell(harm).expect_code(0);
    arena.twosync(&["-aH", "--manifest=m", "s/", "d"]).expect_code(0);
    assert!(expected.iter().all(|line| text(&arena, "m").contains(line)));
    assert!(!arena.path("m.unlisted").exists());
}

#[test]
fn names_that_a_check_file_can_not_express_go_to_a_list_of_their_own() {
    let arena =
        Arena::with("s/good file \"a\"\n\"s/new\\nline\" file \"b\"\ns/byte\\xff file \"c\"\n");
    let output = arena.twosync(&["-a", "--manifest=m", "s/", "d"]);
    let told = "twosync: not in b3sum's format, and so listed in \"m.unlisted\": 1 name\n";
    assert_eq!(output.expect_code(0).errors(), told);
    let manifest = text(&arena, "m");
    assert!(manifest.contains(&format!("\\{}  new\\nline\n", Digest::of(b"b"))), "{manifest}");
    assert_eq!(manifest.lines().count(), 2);
    assert_eq!(fs::read(arena.path("m.unlisted")).expect("it was written"), b"byte\xff\0");
}

#[test]
fn only_what_is_right_is_in_the_manifest_of_an_audit() {
    let arena = damaged();
    arena.twosync(&["-a", "--verify-only", "--manifest=m", "s/", "d"]).expect_code(40);
    assert_eq!(text(&arena, "m"), format!("{}  equal\n", Digest::of(b"same")));
}

#[test]
fn a_report_has_a_line_for_each_entry_and_phase_that_says_something_of_it() {
    let arena = damaged();
    arena.twosync(&["-a", "--delete", "--report=r", "s/", "d"]).expect_code(0);
    let golden = text(&arena, "r");
    let (lines, end) = golden.trim_end().rsplit_once('\n').expect("several lines");
    let same = Digest::of(b"same");
    let expected = format!(
        r#"{{"type":"start","schema":1,"program":"twosync","version":"{version}","effect":"sync","verify":"all","sources":["s/"],"dest":"d"}}
{{"type":"entry","phase":"copy","path":"extra","kind":"file","action":"delete","result":"done"}}
{{"type":"entry","phase":"copy","path":"longer","kind":"file","action":"rewrite","differs":["size"],"result":"done","size":6,"written_bytes":6}}
{{"type":"entry","phase":"copy","path":"new","kind":"file","action":"create","result":"done","size":3,"written_bytes":3}}
{{"type":"entry","phase":"copy","path":"sub/time","kind":"file","action":"rewrite","differs":["mtime"],"result":"done","size":4,"written_bytes":4}}
{{"type":"entry","phase":"verify","path":".","kind":"dir","action":"keep","why":"up-to-date","result":"done"}}
{{"type":"entry","phase":"verify","path":"equal","kind":"file","action":"keep","why":"up-to-date","result":"done","size":4,"blake3":"{same}"}}
{{"type":"entry","phase":"verify","path":"link","kind":"symlink","action":"keep","why":"up-to-date","result":"done"}}
{{"type":"entry","phase":"verify","path":"longer","kind":"file","action":"keep","why":"up-to-date","result":"done","size":6,"blake3":"{longer}"}}
{{"type":"entry","phase":"verify","path":"new","kind":"file","action":"keep","why":"up-to-date","result":"done","size":3,"blake3":"{new}"}}
{{"type":"entry","phase":"verify","path":"sub","kind":"dir","action":"keep","why":"up-to-date","result":"done"}}
{{"type":"entry","phase":"verify","path":"sub/time","kind":"file","action":"keep","why":"up-to-date","result":"done","size":4,"blake3":"{time}"}}"#,
        version = env!("CARGO_PKG_VERSION"),
        longer = Digest::of(b"longer"),
        new = Digest::of(b"new"),
        time = Digest::of(b"time"),
    );
    assert_eq!(lines, expected);
    let end: Value = serde_json::from_str(end).expect("JSON");
    assert_eq!((&end["type"], &end["exit_code"]), (&"end".into(), &0.into()));
    assert_eq!(end["copy"]["transferred_files"], 3);
    assert_eq!(end["findings"]["compared_files"], 4);
    assert_eq!(end["read_back"], "cache");
    let sentence = end["sentence"].as_str().expect("text");
    assert!(sentence.starts_with("verified 7 entries: 17 bytes read back"), "{sentence}");
}

#[test]
fn a_name_that_is_no_text_is_in_the_report_byte_by_byte() {
    let arena = Arena::with("s/byte\\xff file \"c\"\n");
    arena.twosync(&["-a", "--report=r", "s/", "d"]).expect_code(0);
    let report = lines(&arena, "r");
    let hexes = report.iter().filter(|line| line["path"]["hex"] == "62797465ff").count();
    assert_eq!(hexes, 2, "{report:?}");
}

#[test]
fn without_phase_two_phase_one_has_the_last_word() {
    let arena = damaged();
    for args in [&["-a", "--dry-run"][..], &["-a", "--verify=none"]] {
        let files = ["--combined=c", "--failed-list=f", "--report=r", "s/", "d"];
        arena.twosync(&[args, &files].concat()).expect_code(0);
        let acts = args[1] != "--dry-run";
        let states = if acts {
            ["= equal", "= link", "= longer", "= new", "= sub/time"]
        } else {
            ["= equal", "= link", "* longer", "+ new", "* sub/time"]
        };
        assert_eq!(text(&arena, "c").lines().collect::<Vec<_>>(), states);
        assert_eq!(names(&arena, "f").len(), if acts { 0 } else { 3 });
        let kept = lines(&arena, "r").into_iter().filter(|line| line["why"] == "up-to-date");
        assert!(kept.count() >= 2, "phase one tells what it keeps");
    }
}

#[test]
fn a_run_that_does_not_get_far_leaves_the_old_files_and_a_report_with_its_code() {
    let arena = Arena::with("s/a file \"text\"\nm file \"old\"\n");
    let args = ["-a", "--manifest=m", "--combined=c", "--report=r", "s/", "no/such/d"];
    let output = arena.twosync(&args);
    let errors = output.expect_code(11).errors();
    assert!(errors.contains("the run broke off: \"m\" was not written\n"), "{errors}");
    assert_eq!(text(&arena, "m"), "old");
    assert!(!arena.path("c").exists());
    let report = lines(&arena, "r");
    assert_eq!(report.last().expect("the end")["exit_code"], 11);
    assert_eq!(fs::read_dir(arena.top()).expect("it is there").count(), 3, "nothing else is left");
}

#[test]
fn a_file_that_can_not_be_made_is_told_before_anything_is_copied() {
    let arena = Arena::with("s/a file \"text\"\nx dir\n");
    for (option, path) in [
        ("report", "no/r"),
        ("manifest", "no/m"),
        ("combined", "no/c"),
        ("failed-list", "no/f"),
        ("manifest", "x"),
        ("report", "x"),
    ] {
        let output = arena.twosync(&["-a", &format!("--{option}={path}"), "s/", "d"]);
        let errors = output.expect_code(11).errors();
        assert!(errors.starts_with(&format!("twosync: write \"{path}\": ")), "{errors}");
        assert!(!arena.path("d").exists());
    }
}

#[test]
fn a_file_in_the_destination_is_refused_where_it_would_be_deleted() {
    let arena = Arena::with("s/a file \"text\"\n");
    let output = arena.twosync(&["-a", "--delete", "--manifest=d/sums", "s/", "d/"]);
    let why = "twosync: write \"d/sums\": it lies in the destination, where --delete removes it\n";
    assert!(output.expect_code(1).errors().starts_with(why), "{}", output.errors());
    assert!(!arena.path("d").exists());
    arena.twosync(&["-a", "s/", "d/"]).expect_code(0);
    arena.twosync(&["-a", "--manifest=d/sums", "s/", "d/"]).expect_code(0);
    assert_eq!(text(&arena, "d/sums").lines().count(), 1);
}

#[test]
fn a_listing_and_a_run_that_reads_nothing_have_no_manifest() {
    let arena = Arena::with("s/a file \"text\"\n");
    for args in [
        &["-a", "--manifest=m", "--verify=metadata", "s/", "d"][..],
        &["-a", "--manifest=m", "--verify=transferred", "s/", "d"],
        &["-an", "--manifest=m", "s/", "d"],
        &["-a", "--report=r", "--list-only", "s/"],
        &["-a", "--combined=c", "s/"],
    ] {
        let output = arena.twosync(args);
        assert!(output.expect_code(1).errors().starts_with("twosync: --"), "{args:?}");
    }
    assert_eq!(fs::read_dir(arena.top()).expect("it is there").count(), 1);
}
