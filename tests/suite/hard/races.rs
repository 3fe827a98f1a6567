//! Somebody else is at work in the destination: a name of a group is another file's by the time that something is done
//! to it.
//!
//! `A` comes first in its directory: when it is told, all names have been looked at, and nothing was done to `a` and `b`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

use twosync::report::observer::Phase;
use twosync::settings::deletion::FinishedSources;
use twosync::settings::{Evidence, Settings, Verify};

use crate::engine::{Told, engine, engine_amid};
use crate::hard::{inode, linking};
use crate::support::arena::Arena;
use crate::support::tree::build_tree;

/// `d/a` becomes another name of `k`, which is not of the run.
const SWAP: &str = "d/a remove\nd/a hardlink k\n";

/// Runs the engine; when `A` is told in `phase`, `edit` happens.
fn engine_and(settings: &Settings, arena: &Arena, phase: Phase, edit: &str) -> Told {
    engine_amid(
        settings,
        |_| {},
        |told_in, path| {
            if told_in == phase && path == b"A" {
                build_tree(arena.top(), edit);
            }
        },
    )
}

/// Damages `A`, which phase two tells then, and `a`.
const DAMAGE: &str = "d/A remove\nd/A file \"?\"\nd/a file \"TEXT\"\n";

/// Runs the engine and damages what phase one has made; when phase two tells `A`, `edit` happens.
fn engine_and_damage(settings: &Settings, arena: &Arena, edit: &str) -> Told {
    let between = |phase| {
        if phase == Phase::Copy {
            build_tree(arena.top(), DAMAGE);
        }
    };
    engine_amid(settings, between, |told_in, path| {
        if told_in == Phase::Verify && path == b"A" {
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

#[test]
fn a_file_that_took_the_place_of_a_name_is_not_repaired() {
    let arena = Arena::with(
        "k file \"FORE\"\ns/A file \"x\"\ns/a file \"text\"\ns/b hardlink s/a\n\
         d/a file \"old\" mtime=@5\nd/b hardlink d/a\n",
    );
    let told = engine_and_damage(&linking(&arena), &arena, SWAP);
    assert_eq!(text(&arena, "k"), "FORE");
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_file_of_one_name_that_took_the_place_of_a_name_gets_the_others() {
    let arena = Arena::with(
        "s/A file \"x\"\ns/a file \"text\"\ns/b hardlink s/a\n\
         d/a file \"old\" mtime=@5\nd/b hardlink d/a\n",
    );
    let swap = "d/a remove\nd/a file \"FORE\"\n";
    let told = engine_and_damage(&linking(&arena), &arena, swap);
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_file_that_took_the_place_of_a_name_keeps_its_attributes() {
    let arena = Arena::with(
        "k file 0640 \"foreign\"\ns/A file \"x\"\ns/a file 0604 \"text\"\ns/b hardlink s/a\n\
         d/a file 0600 \"text\"\nd/b hardlink d/a\n",
    );
    let told = engine_and(&linking(&arena), &arena, Phase::Copy, SWAP);
    let mode = arena.path("k").symlink_metadata().expect("it stays").permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
    let fault = "set the attributes of";
    assert!(told.faults.len() == 1 && told.faults[0].contains(fault), "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0], "phase two has made it right");
}

#[test]
fn the_attributes_of_a_group_of_any_kind_are_set() {
    let tree = |top: &str, mode: &str, time: &str| {
        format!(
            "{top}/a file {mode} {time} \"text\"\n{top}/b hardlink {top}/a\n{top}/f fifo {mode} {time}\n\
             {top}/g hardlink {top}/f\n{top}/l link {time} -> x\n{top}/m hardlink {top}/l\n"
        )
    };
    let both = tree("s", "0604", "mtime=@1000000001") + &tree("d", "0600", "mtime=@1000000000");
    let arena = Arena::with(&both);
    let names = ["d/a", "d/b", "d/f", "d/g", "d/l", "d/m"];
    let before = names.map(|name| inode(&arena, name));
    let mut settings = linking(&arena);
    settings.evidence = Evidence::Size;
    let told = engine(&settings);
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(names.map(|name| inode(&arena, name)), before);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn a_name_that_came_apart_after_it_was_listed_is_made_right_before_its_source_goes() {
    let arena = Arena::with("s/A file \"x\"\ns/a file \"text\"\ns/b hardlink s/a\n");
    let mut settings = linking(&arena);
    settings.finished_sources = FinishedSources::Remove;
    let edits = AtomicU32::new(0);
    let apart = "d/a remove\nd/a file \"BAD!\"\n";
    let between = |phase| {
        if phase == Phase::Copy {
            build_tree(arena.top(), "d/A remove\n");
        }
    };
    let told = engine_amid(&settings, between, |phase, path| {
        if phase == Phase::Verify && path == b"A" && arena.path("s/b").exists() {
            build_tree(arena.top(), apart);
            edits.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(edits.into_inner() > 0);
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(inode(&arena, "d/a"), inode(&arena, "d/b"));
    assert!(!arena.path("s/a").exists() && !arena.path("s/b").exists());
}

#[test]
fn a_name_that_came_apart_after_it_was_listed_is_linked_to_what_is_kept() {
    let arena = Arena::with(
        "s/A file \"x\"\ns/a file \"text\"\ns/b hardlink s/a\nd/a file \"text\"\nd/b hardlink d/a\n",
    );
    let mut settings = linking(&arena);
    settings.verify = Verify::None;
    let apart = "d/b remove\nd/b file \"BAD!\"\n";
    let told = engine_and(&settings, &arena, Phase::Copy, apart);
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}
