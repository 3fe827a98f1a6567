//! Making an entry: opening the file, or making the node, that `content` and `finish` then fill.

use std::fs::File;
use std::io;

use crate::act::backup::Kept;
use crate::act::finish::{Rules, Wanted};
use crate::act::perform::Job;
use crate::error::{Cause, During, Side, Trouble};
use crate::model::meta::{Kind, Meta};
use crate::sys::attrs::{Target, set_mode};
use crate::sys::dir::Follow;
use crate::sys::held::Held;
use crate::sys::permit::Permit;
use crate::sys::sides::Sides;
use crate::sys::{node, stat, write};

/// A destination file, open for writing at its final path.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub file: File,
    /// What it looked like when it was opened.
    pub now: Meta,
    /// True if its name is new in the directory.
    pub is_new: bool,
    /// What became of what it replaces.
    pub old: Kept,
}

/// Makes the regular file; nothing may stand there.
pub fn create_file(
    permit: &Permit,
    sides: &Sides<'_>,
    source: &Meta,
    wanted: &Wanted,
    rules: &Rules,
) -> Result<Opened, Trouble> {
    let mode = wanted.mode_at_creation(source, rules);
    let created = write::create(permit, sides.dest, sides.dest_name, mode);
    let file = created.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Trouble::rule(
            Side::Dest,
            "create",
            "it is there by another name (the destination makes no difference of case or spelling), \
             or somebody else made it meanwhile",
        ),
        _ => Trouble { side: Side::Dest, verb: "create", cause: Cause::Io(error) },
    })?;
    let now = stat::handle(&file).during(Side::Dest, "look at")?;
    Ok(Opened { file, now, is_new: true, old: Kept::default() })
}

/// Opens the regular file that stands there, without truncating it.
///
/// A file of our own without write permission gets it for the write; a busy executable (ETXTBSY)
/// is unlinked and made anew, so that who runs it keeps what they run.
pub fn open_file(
    permit: &Permit,
    job: &Job<'_>,
    there: &Meta,
    wanted: &Wanted,
) -> Result<Opened, Trouble> {
    let Job { sides, source, .. } = job;
    let access = job.writing.access();
    let open = || write::open_existing(permit, sides.dest, sides.dest_name, access);
    let result = match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let held = hold(job, there)?;
            let target = target(job, held.as_ref());
            set_mode(permit, target, there.own_mode | 0o600).during(Side::Dest, "make writable")?;
            open()
        }
        Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
            node::remove(permit, sides.dest, sides.dest_name)
                .during(Side::Dest, "unlink the busy file")?;
            return create_file(permit, sides, source, wanted, &job.rules.under(sides.dest));
        }
        result => result,
    };
    let file = result.during(Side::Dest, "open for writing")?;
    let now = stat::handle(&file).during(Side::Dest, "look at")?;
    if now.kind != Kind::File {
        return Err(Trouble::rule(Side::Dest, "write to", "it is no regular file any more"));
    }
    stands_still(job, (&now, there), job.names, "write to")?;
    let now = narrow(permit, &file, now, wanted);
    Ok(Opened { file, now, is_new: false, old: Kept::default() })
}

/// Holds what stands there, to set its attributes, if it still is what was decided about and may have
/// several names. `None`: it has one, and is reached by that.
pub fn hold(job: &Job<'_>, there: &Meta) -> Result<Option<File>, Trouble> {
    if job.names == 1 {
        return Ok(None);
    }
    let held = Held::of_entry(job.sides.dest, job.sides.dest_name, Follow::Never);
    let held = held.and_then(Held::into_file).during(Side::Dest, "look at")?;
    let now = stat::real(&held).during(Side::Dest, "look at")?;
    stands_still(job, (&now, there), job.names.max(there.nlink), "set the attributes of")?;
    Ok(Some(held))
}

/// What attributes are set on: what is held, or what stands there.
pub fn target<'a>(job: &Job<'a>, held: Option<&'a File>) -> Target<'a> {
    held.map_or(Target::Entry(job.sides.dest, job.sides.dest_name), Target::Handle)
}

/// Refuses, as what `verb` fails by, what is not what was decided about any more: a file with more than
/// `names` names. Where it may have several, their number does not tell it from another one that
/// somebody put in its place.
fn stands_still(
    job: &Job<'_>,
    (now, there): (&Meta, &Meta),
    names: u32,
    verb: &'static str,
) -> Result<(), Trouble> {
    let why = if job.names > 1 && now.id != there.id {
        "somebody has put another file in its place meanwhile (run again)"
    } else if now.nlink > names {
        "somebody has given it another name meanwhile (run again)"
    } else {
        return Ok(());
    };
    Err(Trouble::rule(Side::Dest, verb, why))
}

/// Before a file gets new bytes: nobody may see or run them under the old mode who may not under the
/// new one, or while the owner is not the final one. What it looks like then.
fn narrow(permit: &Permit, file: &File, now: Meta, wanted: &Wanted) -> Meta {
    let given = wanted.uid.is_some_and(|uid| uid != now.uid)
        || wanted.gid.is_some_and(|gid| gid != now.gid);
    let mut mode = now.mode & wanted.mode.unwrap_or(now.mode) & 0o777;
    // A list that is not the final one may name others.
    if given || wanted.due.as_ref().is_some_and(|due| due.has_acls()) {
        mode &= 0o700;
    }
    // Only the owner may; a file that others let us write to keeps its mode, as in rsync.
    if mode != now.mode && set_mode(permit, Target::Handle(file), mode).is_ok() {
        return Meta { mode, ..now };
    }
    now
}

/// Makes a directory, a symlink to `target` or a special file, and says what it looks like.
pub fn make_node(
    permit: &Permit,
    sides: &Sides<'_>,
    source: &Meta,
    target: &[u8],
    wanted: &Wanted,
    rules: &Rules,
) -> Result<Meta, Trouble> {
    let (dir, name) = (sides.dest, sides.dest_name);
    let mode = wanted.mode_at_creation(source, rules);
    let result = match source.kind {
        Kind::Dir => {
            node::make_dir(permit, dir, name, mode).during(Side::Dest, "make the directory")
        }
        Kind::Symlink => {
            node::make_link(permit, dir, name, target).during(Side::Dest, "make the symlink")
        }
        _ => node::make_special(permit, dir, name, source, mode)
            .during(Side::Dest, "make the special file"),
    };
    result?;
    let mut now = stat::entry(dir, name, Follow::Never).during(Side::Dest, "look at")?;
    if source.kind == Kind::Dir && now.mode & 0o700 != 0o700 {
        // A default list of the directory above keeps its owner from filling it.
        let mode = now.mode | 0o700;
        set_mode(permit, Target::Entry(dir, name), mode).during(Side::Dest, "make writable")?;
        now.mode = mode;
    }
    let mode = now.mode & !0o2000;
    let inherits = source.kind == Kind::Dir && mode != now.mode;
    if inherits && wanted.mode.is_some_and(|mode| mode & 0o2000 == 0) {
        // mkdir(2) hands set-group-ID down, and what is made below would get the group.
        set_mode(permit, Target::Entry(dir, name), mode).during(Side::Dest, "set the mode of")?;
        return Ok(Meta { mode, ..now });
    }
    Ok(now)
}
