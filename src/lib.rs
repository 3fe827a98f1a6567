//! twosync copies a tree in two phases, with rsync's command line.
//!
//! **Phase one** writes every file in parallel, in place, straight to its final path: no temporary
//! file, no rename. **Phase two** walks again, compares attributes and BLAKE3 digests in parallel,
//! and writes again only what differs. *Copy* and *verify* are the same walk, the same decision and
//! the same door to writing, with different evidence:
//!
//! |                                   | may act (owns a `Permit`)      | may not act     |
//! |-----------------------------------|--------------------------------|-----------------|
//! | **quick** evidence (size, time)   | phase one: [`phase::copy`]     | `--dry-run`     |
//! | **thorough** evidence (digests)   | phase two: [`phase::verify`]   | `--verify-only` |
//!
//! # The way of one file
//!
//! 1. [`cli`] turns the command line into [`settings::Settings`]; [`sync::run`] opens both
//!    [`roots`], grants itself a [`sys::permit::Permit`] if the run may act, and starts phase one.
//! 2. [`scan::walk`] takes a directory as a task, lists both sides, joins the listings
//!    ([`scan::join`]) and hands the files out in batches, the large ones in ranges.
//! 3. [`compare::quick`] says how the two sides differ, [`decide`](mod@decide) what is done about it.
//! 4. [`act::perform`](mod@act::perform) does it, in place below the open directory handles, hashing
//!    what it reads; the digest goes to the [`journal`].
//! 5. [`report::ledger`] records the outcome once; lines, counts and the exit code derive from it.
//! 6. The last part of a directory to end closes it: its attributes are set.
//! 7. Phase two walks again with fresh looks; [`compare::thorough`] reads the destination back
//!    against the journal's digest, or both files side by side; large files in ranges
//!    ([`phase::weigh`]). What differs is compared once more, judged ([`phase::judge`]), repaired
//!    through the same door (only the ranges, and in them the pages, that differ; [`phase::repair`]),
//!    and compared again.
//!
//! # The layers
//!
//! A module imports only from lower rows, or from within itself; a test reads the `use` lines.
//!
//! | row | modules |
//! |-----|---------|
//! | 10 | `main` |
//! | 9 | [`cli`]: the only place that prints, parses arguments, exits |
//! | 8 | [`sync`]: two phases in order |
//! | 7 | [`roots`]: operands as rsync reads them |
//! | 6 | [`phase`]: copy; verify and repair; list; compare with check files; what all share |
//! | 5 | [`scan`], [`compare`], [`decide`](mod@decide), [`act`]: the four verbs; none imports another |
//! | 4 | [`settings`]: all choices, resolved, in groups |
//! | 3 | [`journal`], [`manifest`] (check files), [`report`], [`effort`], [`extras`] (ACLs and extended attributes): tools |
//! | 2 | [`filter`]: rsync's rule language |
//! | 1 | [`error`](mod@error): what went wrong; [`sys`]: what the kernel offers |
//! | 0 | [`model`]: nouns; no I/O |
//!
//! # Rules that are easy to break
//!
//! - Below the two roots everything is reached by single names from open directory handles, without
//!   following symlinks ([`sys::dir`]); handles are given back when they are many ([`sys::chain`]).
//! - Nothing that changes the disk can be called without a `&Permit`; no code asks "is this a dry
//!   run?". Entries change only in [`act`]; directories are opened up and finished in
//!   [`phase::dirs`].
//! - A destination directory is listed, not asked for each name: where it takes two names for one (no
//!   difference of case), the second is missing by its own name, and making it fails.
//! - No task waits for another, so no stack grows with the tree.
//! - Of a group of hard links (`-H`) nothing is done before all its names are known: a name that is met
//!   is put down in [`phase::groups`] with its place in the output, keeps its directory from being
//!   left, and is done by whoever brings the last one, or at the end of the walk.
//! - A destination file is written in place only if all its names are names of its source.
//! - Every write moves a file's time to *now*, so a mark set before writing does not last: a file
//!   whose copy fails or is stopped is marked *afterwards* ([`act::perform::leave_torn`]), by a time
//!   before its source's and a shorter length; and a large file is one byte too long until it is whole
//!   ([`act::ranged`]), but with `--append`, where a file grows and is right up to its end. After
//!   SIGKILL or a power failure a torn file has a size or a time that no quick check takes for
//!   finished; `--update`, which only asks for the newer one, can not know it.
//! - What this run wrote is known by its path, never by the source's inode: somebody may replace the
//!   source between the phases.
//! - What `--ledger` remembers is looked up by path and by what both sides look like; what changed within
//!   the last tick of the clock is not remembered ([`journal::kept`]).
//! - User data is never memory-mapped; the only map, and the only `unsafe`, is of temporary files of
//!   our own ([`sys::scratch`]).

pub mod act;
pub mod cli;
pub mod compare;
pub mod decide;
pub mod effort;
pub mod error;
pub mod extras;
pub mod filter;
pub mod journal;
pub mod manifest;
pub mod model;
pub mod phase;
pub mod report;
pub mod roots;
pub mod scan;
pub mod settings;
pub mod sync;
pub mod sys;
