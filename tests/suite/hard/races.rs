//! Somebody else is at work in the destination: a name of a group is another file's by the time that something is done
//! to it.
//!
//! `A` comes first in its directory: when it is told, all names have been looked at, and nothing was done to `a` and `b`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use twosync::report::observer::Phase;
use twosync::settings::Settings;

use crate::engine::{Told, engine_amid};
use crate::hard::{inode, linking};
use crate::support::arena::Arena;
use crate::support::tree::build_tree;

/// `d/a` becomes another name of `k`, which is not of the run.
const SWAP: &str = "d/a remove\nd/a hardlink k\n";

/// Runs the engine; when `A` is told in `phase`, `edit` happens.
fn engine_and(settings: &Settings, arena: &Arena, phase: Phase, edit: &str) -> Told {
    engine_amid(settings, |told_in, path| {
        if told_in == phase && path == b"A" {
            build_tree(arena.top(), edit);
        }
    })
}

fn text(arena: &Arena, name: &str) -> String {
    fs::read_to_string(arena.path(name)).expect("it is there")
}

#[test]
fn a_file_that_took_the_place_of_a_name_is_not_written_to() {
    let arena = Arena::with(
        "k file \"foreign\"\ns/A file \"x\"\ns/a file \"newer text\"\ns/b hardlink s/a\n\
         d/a file \"old\" mtime=@5\nd/b hardlink d/a\n",
    );
    let told = engine_and(&linking(&arena), &arena, Phase::Copy, SWAP);
    assert_eq!(text(&arena, "k"), "foreign");
    let fault = "somebody has put another file in its place meanwhile";
    assert!(told.faults.len() == 1 && told.faults[0].contains(fault), "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0], "phase two has made it right");
}
