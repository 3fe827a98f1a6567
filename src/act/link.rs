//! Making an entry another name of one that is there.

use crate::act::backup::Kept;
use crate::act::perform::{BOTH_FILES, Job, Linking, Other, Performed, Refusal, Wrote};
use crate::act::perform::{keep, make, make_way};
use crate::error::{During, Side, Trouble};
use crate::model::change::{Action, Attrs};
use crate::model::meta::Kind;
use crate::sys::attrs::{Target, set_times};
use crate::sys::dir::Follow;
use crate::sys::permit::Permit;
use crate::sys::{node, stat};

/// What is told where a name became, or stays, a file of its own.
pub const UNLINKED: &str = "link to its other name (it was copied)";

/// Makes the entry another name of `other`, which is equal to the source.
pub(super) fn link(permit: &Permit, job: &Job<'_>, other: Other<'_>) -> Result<Performed, Trouble> {
    if job.old().is_some_and(|old| (old.kind, job.source.kind) == BOTH_FILES) {
        return link_over(permit, job, other);
    }
    let (dir, name) = (job.sides.dest, job.sides.dest_name);
    let replaces = job.action == Action::Replace;
    if replaces && job.source.kind == Kind::File {
        // If it can not be linked it is copied, and what can not be read does not replace anything.
        job.open_source()?;
    }
    let old = if replaces { make_way(permit, job)? } else { Kept::default() };
    let mut performed = match node::link(permit, (other.dir, other.name), (dir, name)) {
        Ok(()) => linked(permit, job),
        // Too many links, links to the files of others (protected_hardlinks), none at all on VFAT.
        Err(error) => {
            // Way was made, and what stood there is kept.
            let keeping = job.keeping.clone().filter(|_| !replaces);
            let copy = Job { action: Action::Create, keeping, ..job.clone() };
            let mut made = Performed { linking: Linking::Copied, ..make(permit, &copy)? };
            made.refused.extend(refused(error, other));
            made
        }
    };
    if replaces {
        performed.old = old.fate;
    }
    performed.refused.extend(old.refused);
    Ok(performed)
}

/// The same where a file stands. The link is made beside it and then takes its place: whether it can be
/// made shows in no other way, and a copy that is there and right would be made anew in each run.
fn link_over(permit: &Permit, job: &Job<'_>, other: Other<'_>) -> Result<Performed, Trouble> {
    let (dir, name) = (job.sides.dest, job.sides.dest_name);
    let beside = match node::link_beside(permit, (other.dir, other.name), dir) {
        Ok(beside) => beside,
        Err(error) => {
            let refused = refused(error, other).into_iter().collect();
            return Ok(Performed { linking: Linking::Refused, refused, ..Performed::default() });
        }
    };
    let moved = stat::entry(dir, &beside, Follow::Never).during(Side::Dest, "look at");
    let moved = moved.and_then(|made| {
        let old = keep(permit, job)?;
        let moved = node::rename(permit, (dir, &beside), (dir, name), made.id);
        moved.during(Side::Dest, "replace by its other name").map(|()| old)
    });
    match moved {
        Ok(old) => {
            let mut performed = Performed { old: old.fate, ..linked(permit, job) };
            performed.refused.extend(old.refused);
            Ok(performed)
        }
        Err(trouble) => {
            // What is told is why it failed.
            node::remove(permit, dir, &beside).unwrap_or_default();
            Err(trouble)
        }
    }
}

fn linked(permit: &Permit, job: &Job<'_>) -> Performed {
    Performed {
        wrote: Wrote::Entry,
        entry_changed: true,
        refused: set_atime(permit, job).err().into_iter().collect(),
        ..Performed::default()
    }
}

/// What is told of a link that could not be made.
fn refused(error: std::io::Error, other: Other<'_>) -> Option<Trouble> {
    let told = Err::<(), _>(error).during(Side::Dest, UNLINKED).err();
    told.filter(|_| other.refusal == Refusal::Told)
}

/// Gives a link the access time of the source, where its own is another one.
fn set_atime(permit: &Permit, job: &Job<'_>) -> Result<(), Trouble> {
    if !job.diff.attrs.contains(Attrs::ATIME) {
        return Ok(());
    }
    let target = Target::Entry(job.sides.dest, job.sides.dest_name);
    set_times(permit, target, job.source.atime, None).during(Side::Dest, "set the time of")
}
