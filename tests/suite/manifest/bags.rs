//! `BagIt` bags: their payload is listed as a whole, and their `Payload-Oxum` counts.

use std::fs;

use crate::support::arena::Arena;
use crate::support::run::Output;

/// A bag in `bag`.
const MAKE: &str = "mkdir -p bag/data/sub && cd bag && printf text > data/a && printf more > 'data/sub/b c' && \
    printf x > 'data/100%' && \
    printf 'BagIt-Version: 1.0\\nTag-File-Character-Encoding: UTF-8\\n' > bagit.txt && \
    printf 'Payload-Oxum: 9.3\\nContact-Name: nobody\\n' > bag-info.txt && \
    (find data -type f -exec md5sum {} + | sed 's/%/%25/' > manifest-md5.txt) && \
    (find data -type f -exec sha256sum {} + | sed 's/%/%25/' > manifest-sha256.txt) && \
    sha256sum bagit.txt bag-info.txt manifest-*.txt > tagmanifest-sha256.txt";

fn bag() -> Arena {
    let arena = Arena::new();
    arena.shell(MAKE).expect_code(0);
    arena
}

fn audit(arena: &Arena, options: &[&str]) -> Output {
    arena.twosync(&[&["--verify-only", "--against=bag"], options, &["bag"]].concat())
}

#[test]
fn a_bag_is_audited_with_its_tag_files_by_all_of_its_digests() {
    let arena = bag();
    let told = audit(&arena, &["-v"]).expect_code(0).told();
    assert!(told.starts_with("verified 7 files against bag (md5, sha256): "), "{told}");
    fs::write(arena.path("bag/notes.txt"), "mine").expect("room for a file");
    audit(&arena, &[]).expect_code(0);
    fs::write(arena.path("bag/data/new"), "").expect("room for a file");
    fs::write(arena.path("bag/data/a"), "uext").expect("our own file");
    fs::write(
        arena.path("bag/bagit.txt"),
        "BagIt-Version: 1.0\nTag-File-Character-Encoding: utf-8\n",
    )
    .expect("ours");
    fs::rename(arena.path("bag/data/100%"), arena.path("bag/data/100%25")).expect("our own file");
    let output = audit(&arena, &[]);
    let mut lines = output.expect_code(40).lines();
    lines.sort();
    let expected = [
        "*extra      data/100%25",
        "*extra      data/new",
        "*missing    data/100%",
        ">fc........ bagit.txt",
        ">fc........ data/a",
    ];
    assert_eq!(lines, expected);
    assert!(
        output
            .errors()
            .contains("Payload-Oxum of the bag says 9 bytes in 3 files, and there are 9 in 4")
    );
}

#[test]
fn a_copy_of_a_bag_is_audited_against_the_original() {
    let arena = bag();
    arena.twosync(&["-a", "bag/", "copy"]).expect_code(0);
    let audit = || arena.twosync(&["--verify-only", "--against=bag", "copy"]);
    audit().expect_code(0);
    fs::remove_file(arena.path("copy/data/sub/b c")).expect("our own file");
    let output = audit();
    assert_eq!(output.expect_code(40).lines(), ["*missing    data/sub/b c"]);
    assert!(
        output.errors().contains("says 9 bytes in 3 files, and there are 5 in 2"),
        "{}",
        output.errors()
    );
}

#[test]
fn what_rules_leave_out_is_not_counted_against_the_payload() {
    let arena = bag();
    fs::remove_file(arena.path("bag/data/a")).expect("our own file");
    audit(&arena, &["--exclude=/data/a"]).expect_code(0);
    audit(&arena, &[]).expect_code(40);
}

#[test]
fn a_wrong_count_of_the_payload_is_a_difference() {
    let arena = bag();
    let script = "cd bag && sed -i s/9.3/9.4/ bag-info.txt && rm tagmanifest-sha256.txt";
    arena.shell(script).expect_code(0);
    let output = audit(&arena, &["-v"]);
    assert!(
        output.expect_code(40).told().ends_with("1 difference found (content: 1)\n"),
        "{}",
        output.told()
    );
}

#[test]
fn a_bag_that_makes_no_sense_is_refused_as_a_whole() {
    for (script, why) in [
        ("rm bag/bagit.txt", "no bag"),
        ("rm bag/manifest-*.txt", "no manifest of its payload"),
        ("sed -i 1d bag/manifest-md5.txt", "manifest-md5.txt\": it does not list \"data/"),
        (
            "sed -i 1s/.// bag/manifest-md5.txt",
            "manifest-md5.txt\": line 1: there is something in the digest",
        ),
        (
            "mv bag/manifest-md5.txt bag/manifest-sha3_256.txt",
            "digests of sha3_256 are not supported",
        ),
        (
            "echo \"$(md5sum bag/data/a | cut -c-32)  a\" >> bag/manifest-md5.txt",
            "line 4: \"a\" is not below data/",
        ),
        ("sed -i s/9.3/nine/ bag/bag-info.txt", "bag-info.txt\": line 1: Payload-Oxum"),
        ("sed -i 1s/1.0/one/ bag/bagit.txt", "bagit.txt\": line 1: \"one\" is no version"),
        ("sed -i 2s/UTF-8/UTF-16/ bag/bagit.txt", "UTF-16 is not supported"),
    ] {
        let arena = bag();
        arena.shell(script).expect_code(0);
        let output = audit(&arena, &["-v"]);
        output.expect_code(1);
        assert_eq!(output.told(), "", "{script}");
        assert!(output.errors().contains(why), "{script}: {}", output.errors());
    }
    let arena = bag();
    let said = arena.twosync(&["--verify-only", "--against=md5:bag", "bag"]);
    assert!(said.expect_code(1).errors().contains("say their algorithms themselves"));
}
