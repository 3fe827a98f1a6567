//! An entry made another name of something that is there; a copy, where that can not be.

use crate::act::backup::Kept;
use crate::act::perform::{Job, Other, Performed, Refusal, Wrote, make, make_way};
use crate::error::{During, Side, Trouble};
use crate::model::change::{Action, Attrs};
use crate::model::meta::Kind;
use crate::sys::attrs::{Target, set_times};
use crate::sys::node;
use crate::sys::permit::Permit;

/// What is told where a name became a file of its own.
pub const UNLINKED: &str = "link to its other name (it was copied)";

/// Makes the entry another name of `other`, which is equal to the source.
pub(super) fn link(permit: &Permit, job: &Job<'_>, other: Other<'_>) -> Result<Performed, Trouble> {
    let (dir, name) = (job.sides.dest, job.sides.dest_name);
    let replaces = job.action == Action::Replace;
    if replaces && job.source.kind == Kind::File {
        // If it can not be linked it is copied, and what can not be read does not replace anything.
        job.open_source()?;
    }
    let old = if replaces { make_way(permit, job)? } else { Kept::default() };
    let mut performed = match node::link(permit, (other.dir, other.name), (dir, name)) {
        Ok(()) => Performed {
            wrote: Wrote::Entry,
            entry_changed: true,
            refused: set_atime(permit, job).err().into_iter().collect(),
            ..Performed::default()
        },
        // Too many links, links to the files of others (protected_hardlinks), none at all on VFAT.
        Err(error) => {
            // Way was made, and what stood there is kept.
            let keeping = job.keeping.clone().filter(|_| !replaces);
            let copy = Job { action: Action::Create, keeping, ..job.clone() };
            let mut made = Performed { unlinked: true, ..make(permit, &copy)? };
            if other.refusal == Refusal::Told {
                let trouble = Err::<(), _>(error).during(Side::Dest, UNLINKED);
                made.refused.extend(trouble.err());
            }
            made
        }
    };
    if replaces {
        performed.old = old.fate;
    }
    performed.refused.extend(old.refused);
    Ok(performed)
}

/// Gives a link the access time of the source, where its own is another one.
fn set_atime(permit: &Permit, job: &Job<'_>) -> Result<(), Trouble> {
    if !job.diff.attrs.contains(Attrs::ATIME) {
        return Ok(());
    }
    let target = Target::Entry(job.sides.dest, job.sides.dest_name);
    set_times(permit, target, job.source.atime, None).during(Side::Dest, "set the time of")
}
