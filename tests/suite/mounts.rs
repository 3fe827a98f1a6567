//! What a server behind a mount can do to a copy: errors that come late, owners it refuses, replies that get lost, bytes
//! that are not what was given to it.
//!
//! The destination `d` is a mount of our own that misbehaves as planned; `disk` is the directory behind it, and the one
//! that is looked at in the end. The safety rules that need no such mount are the matter of `safety`.

mod attributes;
mod bytes;
mod folding;
mod late;
mod replies;

use fuser::Errno;

use crate::support::arena::Arena;
use crate::support::faulty::{Fault, FaultyMount};
use crate::support::run::Output;

const EIO: Fault = Fault::Fails(Errno::EIO);

/// A file that is copied as a whole, and one whose ranges are copied side by side.
const SIZES: [u64; 2] = [10_000, 17_000_000];

/// What closes every run that ends with a code.
const INCOMPLETE: &str =
    "twosync: some files or attributes were not transferred (see the errors above) (code 23)";
const IO_FAILED: &str = "twosync: error in file input or output (code 11)";
const UNVERIFIED: &str = "twosync: source and destination differ (code 40)";

/// An arena with `tree` and a mount on `d`. What is bound last goes away first: that has to be the mount.
fn mounted(tree: &str) -> (Arena, FaultyMount) {
    let arena = Arena::with(tree);
    let mount = FaultyMount::of(&arena, "disk", "d");
    (arena, mount)
}

/// The same with two files, one of so many bytes named `bad` and one named `good`.
fn mounted_pair(bytes: u64) -> (Arena, FaultyMount) {
    mounted(&format!("s/bad file size={bytes} seed=5\ns/good file size=10000 seed=6\n"))
}

/// What was said on stderr, line by line.
fn complaints(output: &Output) -> Vec<String> {
    output.errors().lines().map(str::to_owned).collect()
}

/// The last line on stdout: what phase two has to say.
fn verdict(output: &Output) -> String {
    output.told().lines().last().unwrap_or_default().to_owned()
}

/// The time of an entry behind the mount, in nanoseconds since 1970.
fn mtime(arena: &Arena, name: &str) -> Option<i128> {
    arena.snapshot("disk").entries[name.as_bytes()].mtime
}
