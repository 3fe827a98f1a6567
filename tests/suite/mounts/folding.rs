//! A destination that takes two names of the source for one: neither may be called copied.

use crate::mounts::complaints;
use crate::support::arena::Arena;
use crate::support::faulty::{FaultyMount, can_mount_or_skipped};

#[test]
fn two_names_that_the_destination_takes_for_one_are_never_both_right() {
    if !can_mount_or_skipped() {
        return;
    }
    let trees = [
        "s/A file \"upper\"\ns/a file \"lower\"\n",
        "s/Dir/f file \"upper\"\ns/dir/f file \"lower\"\n",
        "s/Dir/one file \"upper\"\ns/dir/two file \"lower\"\n",
        "s/L link -> x\ns/l link -> x\n",
    ];
    for tree in trees {
        for args in [&["-a", "-j1"][..], &["-a"], &["-a", "--delete"]] {
            let arena = Arena::with(tree);
            let _mount = FaultyMount::folding_case(&arena, "disk", "d");
            let output = arena.twosync(&[args, &["s/", "d"]].concat());
            assert!([23, 40].contains(&output.code), "{tree} {args:?}: {}", output.code);
            assert!(!complaints(&output).is_empty(), "{tree} {args:?}");
            let audit = arena.twosync(&["-a", "--verify-only", "s/", "d"]);
            audit.expect_code(40);
        }
    }
}

#[test]
fn a_case_that_only_one_name_has_is_kept() {
    if !can_mount_or_skipped() {
        return;
    }
    let arena = Arena::with("s/Read.Me file \"text\"\ns/Dir/File file \"more\"\n");
    let _mount = FaultyMount::folding_case(&arena, "disk", "d");
    arena.twosync(&["-a", "s/", "d"]).expect_code(0);
    assert_eq!(arena.differences("s", "disk"), [""; 0]);
}
