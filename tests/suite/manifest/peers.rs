//! What other programs write we read, and what we write they read.

use std::fs;
use std::path::Path;

use twosync::manifest::write;
use twosync::model::digest::Digest;
use twosync::model::path::RelPath;
use walkdir::WalkDir;

use crate::manifest::audit;
use crate::support::arena::Arena;
use crate::support::peers::Peer;

/// Names that all of them can express.
const TREE: &str = "d/a file \"text\"\nd/same file \"text\"\n\"d/b c\" file \"more\"\nd/sub/deep/d file \"deep\"\n\
                    d/empty file\nd/caf\\xc3\\xa9 file \"x\"\nd/page file size=5000\nd/comma,name file \"y\"\n\
                    d/*star file \"z\"\n\"d/ lead\" file \"l\"\nd/100% file \"p\"\n";

/// Writes `sums` by `script`, has twosync read it, and does harm that it has to find.
fn is_read(arena: &Arena, script: &str, by: &str) {
    arena.shell(script).expect_code(0);
    let clean = audit(arena, &["-v"]);
    let told = clean.expect_code(0).told();
    assert!(
        told.contains(&format!("({by})")) && told.ends_with(", 0 differences\n"),
        "{script}: {told}"
    );
    arena.shell("cp -a d kept && printf uext > d/a && rm d/same && touch d/new").expect_code(0);
    let lines = audit(arena, &[]).expect_code(40).lines();
    assert_eq!(lines.len(), 3, "{script}: {lines:?}");
    for line in [" a", "*missing    same", "*extra      new"] {
        assert!(lines.iter().any(|told| told.ends_with(line)), "{script}: {lines:?}");
    }
    // Contents that changed places are two differences.
    arena
        .shell("rm -r d && cp -a kept d && mv d/a x && mv 'd/b c' d/a && mv x 'd/b c'")
        .expect_code(0);
    let lines = audit(arena, &[]).expect_code(40).lines();
    assert_eq!(lines.len(), 2, "{script}: {lines:?}");
    arena.shell("rm -r d && mv kept d").expect_code(0);
}

const FIND: &str = "cd d && find . -type f -print0 | sort -z | xargs -0";

#[test]
fn check_files_of_the_coreutils_are_read() {
    for (program, by) in [
        ("md5sum", "md5"),
        ("sha1sum", "sha1"),
        ("sha224sum", "sha224"),
        ("sha256sum", "sha256"),
        ("sha384sum", "sha384"),
        ("sha512sum", "sha512"),
        ("b2sum", "blake2b"),
        ("sha256sum --tag", "sha256"),
        ("b2sum --tag", "blake2b"),
        ("sha512sum --binary", "sha512"),
    ] {
        let arena = Arena::with(&format!(
            "{TREE}d/new\\nline file \"n\"\nd/back\\\\slash file \"s\"\nd/no\\xffutf file \"u\"\n"
        ));
        is_read(&arena, &format!("{FIND} {program} > ../sums"), by);
    }
}

#[test]
fn check_files_of_b3sum_are_read() {
    let Some(_) = Peer::B3sum.or_skipped("b3sum") else { return };
    let arena =
        Arena::with(&format!("{TREE}d/new\\nline file \"n\"\nd/back\\\\slash file \"s\"\n"));
    is_read(&arena, &format!("{FIND} b3sum > ../sums"), "blake3");
    // Of an old b3sum the option is an error.
    if arena.shell("b3sum --tag d/a").code == 0 {
        is_read(&arena, &format!("{FIND} b3sum --tag > ../sums"), "blake3");
    }
}

#[test]
fn what_we_write_b3sum_reads() {
    let Some(_) = Peer::B3sum.or_skipped("b3sum --check") else { return };
    let arena = Arena::with(&format!(
        "{TREE}d/new\\nline file \"n\"\nd/back\\\\slash file \"s\"\nd/no\\xffutf file \"u\"\n"
    ));
    let mut lines = Vec::new();
    let mut untold = 0;
    for entry in WalkDir::new(arena.path("d")).sort_by_file_name() {
        let entry = entry.expect("the tree can be walked");
        if !entry.file_type().is_file() {
            continue;
        }
        let name = entry.path().strip_prefix(arena.path("d")).expect("it is below");
        let path = RelPath::parse(name.as_os_str().as_encoded_bytes()).expect("a path");
        let bytes = fs::read(entry.path()).expect("our own file");
        match write::line(&path, &Digest::of(&bytes)) {
            Some(line) => lines.extend(line),
            None => untold += 1,
        }
    }
    assert_eq!(untold, 1, "b3sum can not read a name that is no UTF-8");
    fs::write(arena.path("sums"), &lines).expect("room for a file");
    let output = arena.shell("cd d && b3sum --check ../sums");
    let count = lines.split(|byte| *byte == b'\n').count() - 1;
    let told = output.expect_code(0).told();
    assert_eq!(told.lines().filter(|line| line.ends_with(": OK")).count(), count, "{told}");
    let lines = audit(&arena, &[]).expect_code(40).lines();
    assert_eq!(lines.len(), 1, "only the name that could not be written: {lines:?}");
}

#[test]
fn check_files_of_hashdeep_are_read() {
    let Some(_) = Peer::Hashdeep.or_skipped("hashdeep") else { return };
    let arena =
        Arena::with(&format!("{TREE}d/back\\\\slash file \"s\"\nd/no\\xffutf file \"u\"\n"));
    is_read(&arena, "cd d && hashdeep -rl . > ../sums", "md5, sha256");
    is_read(&arena, "hashdeep -rl d > sums", "md5, sha256");
    is_read(&arena, "hashdeep -r d > sums", "md5, sha256");
    is_read(&arena, "hashdeep -c sha1,tiger,whirlpool -r $PWD/d > sums", "sha1");
    is_read(&arena, "cd d && hashdeep -c sha256 -rl . | sed 's/$/\\r/' > ../sums", "sha256");
    arena.shell("cp -a d copy").expect_code(0);
    arena.twosync(&["--verify-only", "--against=sums", "copy"]).expect_code(0);
    let line = fs::write(arena.path("d/new\nline"), "n");
    line.expect("room for a file");
    arena.shell("cd d && hashdeep -rl . > ../sums").expect_code(0);
    assert!(audit(&arena, &[]).expect_code(1).errors().contains("does not escape names"));
}

#[test]
fn check_files_of_rclone_are_read() {
    let Some(_) = Peer::Rclone.or_skipped("rclone hashsum") else { return };
    let odd = "d/new\\nline file \"n\"\nd/back\\\\slash file \"s\"\nd/del\\x7f file \"e\"\nd/pic\\xe2\\x90\\x8a file \"i\"\n";
    let arena = Arena::with(&format!("{TREE}{odd}"));
    for algorithm in ["md5", "sha1", "sha256", "crc32"] {
        let script = format!("rclone --config= hashsum {algorithm} d > sums 2>/dev/null");
        is_read(&arena, &script, algorithm);
    }
    // An algorithm that is not known here matches nothing, and nothing is called good.
    arena.shell("rclone --config= hashsum whirlpool d > sums 2>/dev/null").expect_code(0);
    audit(&arena, &[]).expect_code(40);
}

#[test]
fn a_file_that_took_the_name_of_rclones_picture_is_one_too_many() {
    let Some(_) = Peer::Rclone.or_skipped("rclone hashsum") else { return };
    let arena = Arena::with("d/a\\nb file \"text\"\n");
    arena.shell("rclone --config= hashsum sha256 d > sums 2>/dev/null").expect_code(0);
    audit(&arena, &[]).expect_code(0);
    fs::write(arena.path("d/a\u{240a}b"), "text").expect("room for a file");
    assert_eq!(audit(&arena, &[]).expect_code(40).lines().len(), 1);
}

#[test]
fn bags_of_bagit_are_read() {
    let Some(bagit) = Peer::Bagit.or_skipped("bagit.py") else { return };
    let arena =
        Arena::with(&format!("{TREE}d/new\\nline file \"n\"\nd/back\\\\slash file \"s\"\n"));
    let bagit = bagit.display();
    arena.shell(&format!("{bagit} --quiet d")).expect_code(0);
    let audit = || arena.twosync(&["--verify-only", "-v", "--against=d", "d"]);
    let told = audit().expect_code(0).told();
    assert!(told.contains("(sha256, sha512)"), "{told}");
    arena.twosync(&["-a", "d/", "copy"]).expect_code(0);
    arena.shell(&format!("{bagit} --quiet --validate copy")).expect_code(0);
    arena.shell("mv d/data/a x && mv 'd/data/b c' d/data/a && mv x 'd/data/b c'").expect_code(0);
    assert_eq!(audit().expect_code(40).lines().len(), 2);
    assert_ne!(arena.shell(&format!("{bagit} --quiet --validate d")).code, 0);
}

#[test]
fn a_bag_that_we_find_whole_bagit_finds_whole() {
    let Some(bagit) = Peer::Bagit.or_skipped("bagit.py --validate") else { return };
    let arena = Arena::with("d/data/a file \"text\"\nd/data/sub/b file \"more\"\n");
    arena
        .shell(
            "cd d && printf 'BagIt-Version: 0.97\\nTag-File-Character-Encoding: UTF-8\\n' > bagit.txt && \
             printf 'Payload-Oxum: 8.2\\n' > bag-info.txt && \
             find data -type f -exec sha256sum {} + > manifest-sha256.txt",
        )
        .expect_code(0);
    arena.twosync(&["--verify-only", "--against=d", "d"]).expect_code(0);
    arena.shell(&format!("{} --quiet --validate d", bagit.display())).expect_code(0);
}

/// After a copy, each of them finds in the destination what it wrote down of the source.
#[test]
fn what_we_copy_passes_the_audit_of_all_others() {
    let peers = [Peer::B3sum, Peer::Hashdeep, Peer::Rclone];
    if peers.iter().any(|peer| peer.or_skipped("audits of a copy").is_none()) {
        return;
    }
    let arena = Arena::with(TREE);
    arena.shell("mv d s").expect_code(0);
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    let audits = [
        "cd s && find . -type f -print0 | xargs -0 sha256sum > ../sums && cd ../d && sha256sum --strict --quiet -c ../sums",
        "cd s && find . -type f -print0 | xargs -0 b3sum > ../sums && cd ../d && b3sum --quiet --check ../sums",
        "cd s && hashdeep -rl . > ../sums && cd ../d && hashdeep -rl -a -k ../sums .",
        "rclone --config= check s d",
        "rclone --config= hashsum sha256 s > sums && rclone --config= checksum sha256 sums d",
    ];
    for script in audits {
        arena.shell(script).expect_code(0);
    }
    assert!(Path::new(&arena.path("d/a")).exists());
}
