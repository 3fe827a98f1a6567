//! The one door to writing: an action on one entry, carried out.

use std::fmt::Display;
use std::fs::File;
use std::io;

use crate::act::backup::{Fate, Keeping, Kept, Old};
use crate::act::content::{Moved, Pipe, Plan, Writing, pour};
use crate::act::extras::Due;
use crate::act::finish::{Rules, Time, Wanted, apply};
use crate::act::link::link;
use crate::act::patch::patch;
use crate::act::place::{Opened, create_file, hold, make_node, open_file, target};
use crate::effort::Stop;
use crate::error::{Cause, During, Side, Trouble};
use crate::model::change::{Action, Attrs, Diff};
use crate::model::digest::{Digest, RangeDigest, RangeHasher};
use crate::model::meta::{Kind, Meta, Stamp};
use crate::model::path::Name;
use crate::settings::Durability;
use crate::settings::content::{Content, Room, Updating, Zeros};
use crate::sys::attrs::{Target, set_mode, set_times};
use crate::sys::dir::Dir;
use crate::sys::permit::Permit;
use crate::sys::sides::Sides;
use crate::sys::{node, process, read, stat, write};

/// What is to be done to one entry.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// What.
    pub action: Action,
    /// Where.
    pub sides: Sides<'a>,
    /// Why.
    pub diff: Diff,
    /// What the source has.
    pub source: &'a Meta,
    /// What the destination has.
    pub dest: Option<&'a Meta>,
    /// What entries are to look like.
    pub rules: &'a Rules,
    /// Which bytes of a file that is there are written.
    pub writing: Writing,
    /// The ranges of a large file that alone are written anew, if it stands there; empty: all.
    pub ranges: &'a [u64],
    /// How bytes are written.
    pub content: Content,
    /// Whether a written file is flushed.
    pub durability: Durability,
    /// Where what stands there is kept; `None`: it is not, or this run has kept it before.
    pub keeping: Option<Keeping<'a>>,
    /// What it is to become another name of (`--link-dest`, `--hard-links`).
    pub link: Option<Other<'a>>,
    /// How many names of the destination's file are its own, as [`decide`](mod@crate::decide) was told.
    pub names: u32,
    /// Asked before every write call.
    pub stop: &'a Stop,
}

/// An entry of the destination's file system that gets another name.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// The directory that it is in.
    pub dir: &'a Dir,
    /// Its name.
    pub name: &'a Name,
    /// Whether it matters if it can not be linked and has to be copied.
    pub refusal: Refusal,
}

/// What it means that a link can not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A copy is as good (`--link-dest`).
    Fine,
    /// The copy is not what was asked for (`--hard-links`).
    Told,
}

impl Job<'_> {
    /// What stands there and will be lost, if it is no directory.
    pub(super) fn old(&self) -> Option<&Meta> {
        let loses = matches!(self.action, Action::Rewrite | Action::Replace);
        self.dest.filter(|dest| loses && dest.kind != Kind::Dir)
    }

    /// Opens the source file.
    pub fn open_source(&self) -> Result<File, Trouble> {
        let Sides { source, source_name, follow, .. } = self.sides;
        let reading = self.rules.preserve.reading;
        read::open(source, source_name, follow, reading).during(Side::Source, "open")
    }

    /// The source's lists and extended attributes, where they are carried over.
    fn due(&self) -> Result<Option<Box<Due>>, Trouble> {
        Due::of_source(&self.rules.extras, &self.sides, self.source)
    }

    /// What stands there, if it is of the source's kind and so hands its mode on where modes are not
    /// carried over. To rsync fifos and sockets are one kind.
    fn same_kind(&self) -> Option<&Meta> {
        let source = self.source.kind;
        self.dest
            .filter(|dest| dest.kind == source || (dest.kind.is_special() && source.is_special()))
    }
}

/// What of an entry is new: phase two asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrote {
    /// Attributes at most.
    #[default]
    Nothing,
    /// The entry, without any bytes having been read: a link, or what has none.
    Entry,
    /// Its bytes: their digest, and what the source looked like while they were read.
    Bytes(Digest, Meta),
    /// Some ranges of it, whose digests are apart ([`Performed::ranges`]).
    Ranges(Meta),
}

/// What became of a link that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linking {
    /// It was made, or none was asked for.
    #[default]
    Done,
    /// It could not be made, and a copy was.
    Copied,
    /// It could not be made, and the file that stands there is as it was.
    Refused,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Performed {
    /// Bytes that went by.
    pub moved: Moved,
    /// What of the entry is new.
    pub wrote: Wrote,
    /// The digests of the ranges that were written, if it was written in ranges.
    pub ranges: Box<[RangeDigest]>,
    /// Attributes that could not be set; all else was done.
    pub refused: Vec<Trouble>,
    /// True if the destination directory has a new or another entry.
    pub entry_changed: bool,
    /// What became of the link that was asked for.
    pub linking: Linking,
    /// Whether what stood there was kept, or would be.
    pub old: Fate,
}

/// Carries `job` out. Without a permit nothing is done, and that is success.
///
/// What stood in the way of a [`Action::Replace`] is removed here if it is no directory; a
/// directory has been removed before.
pub fn perform(permit: Option<&Permit>, job: &Job<'_>) -> Result<Performed, Trouble> {
    let Some(permit) = permit else {
        return Ok(Performed { old: fate_of_old(job)?, ..Performed::default() });
    };
    match job.action {
        Action::Keep(_) | Action::Delete => Ok(Performed::default()),
        Action::Adjust => adjust(permit, job),
        Action::Create | Action::Replace => match job.link {
            Some(other) => link(permit, job, other),
            None => make(permit, job),
        },
        Action::Rewrite => copy_file(permit, job),
    }
}

pub(super) const BOTH_FILES: (Kind, Kind) = (Kind::File, Kind::File);

/// What would become of what stands there. rsync's dry run does not tell of the backups that go with
/// sending a file.
fn fate_of_old(job: &Job<'_>) -> Result<Fate, Trouble> {
    let (Some(Keeping { backups, home }), Some(old)) = (&job.keeping, job.old()) else {
        return Ok(Fate::Nothing);
    };
    if (old.kind, job.source.kind) == BOTH_FILES {
        return Ok(Fate::Nothing);
    }
    backups.fate_of(job.sides.dest, home, job.sides.dest_name, old.kind)
}

/// Keeps what will be overwritten, and removes what an [`Action::Replace`] replaces, once the source
/// is known to be readable.
pub(super) fn make_way(permit: &Permit, job: &Job<'_>) -> Result<Kept, Trouble> {
    let kept = keep(permit, job)?;
    if job.action == Action::Replace && job.old().is_some() && !kept.is_away {
        node::remove(permit, job.sides.dest, job.sides.dest_name).during(Side::Dest, "unlink")?;
    }
    Ok(kept)
}

/// Keeps what will be overwritten or replaced.
pub(super) fn keep(permit: &Permit, job: &Job<'_>) -> Result<Kept, Trouble> {
    let (dir, name) = (job.sides.dest, job.sides.dest_name);
    let mut kept = Kept::default();
    if let Some(Keeping { backups, home }) = &job.keeping {
        if let Some(meta) = job.old() {
            kept = backups.keep(permit, &Old { dir, home, name, meta }, job.stop)?;
        }
        // A directory is whole as soon as it is made.
        if job.source.kind != Kind::Dir {
            backups.begin(home.join(name));
        }
    }
    Ok(kept)
}

fn adjust(permit: &Permit, job: &Job<'_>) -> Result<Performed, Trouble> {
    let Some(dest) = job.dest else { return Ok(Performed::default()) };
    let mut wanted = Wanted::of(job.source, Some(dest), job.rules);
    // chown(2) takes file capabilities away, and they are attributes; what a mode kept from being read was
    // not compared.
    let lists = Attrs::ACLS | Attrs::XATTRS | Attrs::OWNER | Attrs::GROUP | Attrs::OWN_MODE;
    if job.diff.attrs.intersects(lists) {
        wanted.due = job.due()?;
    }
    if !job.diff.attrs.intersects(Attrs::MTIME | Attrs::MTIME_EXACT) {
        wanted.mtime = None;
    }
    if !job.diff.attrs.contains(Attrs::ATIME) {
        wanted.atime = None;
    }
    let held = hold(job, dest)?;
    let refused = apply(permit, target(job, held.as_ref()), dest, &wanted, Time::AsSeen);
    Ok(Performed { refused, ..Performed::default() })
}

pub(super) fn make(permit: &Permit, job: &Job<'_>) -> Result<Performed, Trouble> {
    if job.source.kind == Kind::File {
        return copy_file(permit, job);
    }
    let target = match job.source.kind {
        Kind::Symlink => {
            let target = read::link_target(job.sides.source, job.sides.source_name);
            job.rules.preserve.target(target.during(Side::Source, "read the link")?)
        }
        _ => Box::default(),
    };
    // A directory is finished when all below it is done.
    let due = if job.source.kind == Kind::Dir { None } else { job.due()? };
    let old = make_way(permit, job)?;
    let rules = &*job.rules.under(job.sides.dest);
    let wanted = Wanted::of(job.source, job.same_kind(), rules).with(due);
    let now = make_node(permit, &job.sides, job.source, &target, &wanted, rules)?;
    let mut performed = Performed {
        wrote: Wrote::Entry,
        entry_changed: true,
        old: old.fate,
        refused: old.refused,
        ..Performed::default()
    };
    if job.source.kind != Kind::Dir {
        let target = Target::Entry(job.sides.dest, job.sides.dest_name);
        performed.refused.extend(apply(permit, target, &now, &wanted, Time::Touched));
    }
    Ok(performed)
}

/// Opens the destination file as the action says: the one that stands there, or a new one. `source`: the
/// source's open file.
pub fn open_dest(
    permit: &Permit,
    job: &Job<'_>,
    source: &File,
) -> Result<(Opened, Wanted), Trouble> {
    let rules = &*job.rules.under(job.sides.dest);
    let due = Due::of_file(&rules.extras, source, &job.sides, job.source)?;
    let wanted = Wanted::of(job.source, job.same_kind(), rules).with(due);
    let old = make_way(permit, job)?;
    let there = job.dest.filter(|_| job.action == Action::Rewrite && !old.is_away);
    let opened = match there {
        Some(there) => open_file(permit, job, there, &wanted)?,
        None => create_file(permit, &job.sides, job.source, &wanted, rules)?,
    };
    Ok((Opened { old, ..opened }, wanted))
}

fn copy_file(permit: &Permit, job: &Job<'_>) -> Result<Performed, Trouble> {
    let sides = &job.sides;
    let source = job.open_source()?;
    let (opened, wanted) = open_dest(permit, job, &source)?;
    let plan = plan_of(permit, job, &opened)?;
    let pipe = Pipe { source: &source, dest: &opened.file, plan, stop: job.stop };
    let ranges = if opened.is_new { &[] } else { job.ranges };
    let patched = patch(permit, &pipe, job.source, ranges);
    let copied = patched.and_then(|patched| match patched {
        Some(copied) => Ok(copied),
        None => copy_stable(permit, &pipe, job.source, plan.block_bytes),
    });
    match copied {
        Ok(copied) => {
            let mtime = wanted.mtime.map(|_| copied.source.mtime);
            // A file that is sent again is touched, also where there was nothing to write.
            let is_sent =
                job.writing != Writing::Differing || job.content.update != Updating::Whole;
            let is_touched = copied.moved.written_bytes == 0 && is_sent;
            let mtime = mtime.or_else(|| is_touched.then(process::now));
            let wanted = Wanted { mtime, ..wanted };
            finish_file(permit, sides, opened, &wanted, job.durability, copied)
        }
        Err(trouble) => Err(leave_torn(permit, &opened, job.source, trouble)),
    }
}

/// How the bytes of the opened file are written; makes room for them if that was asked for.
///
/// # Errors
/// There is no room. An old file is as it was.
pub fn plan_of(permit: &Permit, job: &Job<'_>, opened: &Opened) -> Result<Plan, Trouble> {
    make_plan(permit, job, opened).map_err(|trouble| {
        let is_whole = !opened.is_new && !job.content.update.appends();
        if is_whole { trouble } else { leave_torn(permit, opened, job.source, trouble) }
    })
}

fn make_plan(permit: &Permit, job: &Job<'_>, opened: &Opened) -> Result<Plan, Trouble> {
    let (file, wanted_bytes) = (&opened.file, job.source.size);
    let Content { update, zeros, room } = job.content;
    let mut old_bytes = opened.now.size;
    if update.appends() && old_bytes >= wanted_bytes && wanted_bytes > 0 {
        // Until all is right it stays shorter: what is not, the next `--append` leaves alone.
        old_bytes = wanted_bytes - 1;
        write::set_len(permit, file, old_bytes).during(Side::Dest, "cut to length")?;
    }
    let mut block_bytes = old_bytes;
    // Ext4 makes no hole beyond the end of a file, and one that grows can not be made longer.
    let can_be_filled = zeros == Zeros::Written || !update.appends();
    if room == Room::Ahead && wanted_bytes > 0 && can_be_filled {
        let has_room = write::reserve(permit, file, wanted_bytes);
        if has_room.during(Side::Dest, "make room in")? {
            block_bytes = block_bytes.max(wanted_bytes);
        }
        if zeros == Zeros::Holes {
            block_bytes = block_bytes.max(wanted_bytes + 1);
            write::set_len(permit, file, block_bytes).during(Side::Dest, "make room in")?;
        }
    }
    let writing = if opened.is_new { Writing::All } else { job.writing };
    Ok(Plan { writing, zeros, old_bytes, block_bytes })
}

/// A file's bytes, copied while the source stood still.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The digest of all bytes; `None`: only of the ranges that were asked for.
    pub digest: Option<Digest>,
    /// The digests of its ranges, if it was copied in ranges.
    pub ranges: Box<[RangeDigest]>,
    /// Bytes that went by.
    pub moved: Moved,
    /// The source as it was while it was read.
    pub source: Meta,
}

/// How often a source that changes while it is read is read again.
const ATTEMPTS: u32 = 3;

/// Copies a whole file, again if the source changed meanwhile. `there_bytes`: the length that the
/// destination has.
pub fn copy_stable(
    permit: &Permit,
    pipe: &Pipe<'_>,
    source: &Meta,
    there_bytes: u64,
) -> Result<Copied, Trouble> {
    let mut before = *source;
    let mut moved = Moved::default();
    let mut there_bytes = there_bytes;
    for _ in 0..ATTEMPTS {
        let mut hasher = RangeHasher::new(0);
        // What an attempt has written is no hole for the next one.
        let block_bytes = pipe.plan.block_bytes.max(there_bytes);
        let pipe = &Pipe { plan: Plan { block_bytes, ..pipe.plan }, ..*pipe };
        let now_moved = pour(permit, pipe, 0..before.size, &mut hasher)?;
        moved += now_moved;
        let length = now_moved.source_read_bytes;
        // It may end in a hole.
        if there_bytes > length || pipe.plan.zeros == Zeros::Holes {
            write::set_len(permit, pipe.dest, length).during(Side::Dest, "cut to length")?;
        }
        there_bytes = length;
        let after =
            stat::source_again(pipe.source, &before).during(Side::Source, "look again at")?;
        if after.kind != Kind::File {
            return Err(Trouble::rule(Side::Source, "read", "it is no regular file any more"));
        }
        if after.is_untouched_since(&before) && length == after.size {
            let (digest, ranges) = (Some(hasher.finish_file()), Box::default());
            return Ok(Copied { digest, ranges, moved, source: after });
        }
        before = after;
    }
    Err(Trouble::rule(
        Side::Source,
        "read",
        "it changes faster than it can be read (run again when nobody writes to it)",
    ))
}

/// Sets the attributes, flushes if asked to, and closes: errors of the writes come as late as that,
/// when the file already looks whole, and it is marked as torn after all.
pub fn finish_file(
    permit: &Permit,
    sides: &Sides<'_>,
    opened: Opened,
    wanted: &Wanted,
    durability: Durability,
    copied: Copied,
) -> Result<Performed, Trouble> {
    let Opened { file, now, is_new, old } = opened;
    let mut refused = apply(permit, Target::Handle(&file), &now, wanted, Time::Touched);
    // FUSE with a write-back cache writes back before it sets a time; then this call is told what
    // was lost, and close(2) is not.
    let closed = match refused.iter().position(|trouble| trouble.cause.is_loss()) {
        Some(index) => Err(refused.swap_remove(index)),
        None => close_file(permit, file, durability),
    };
    closed.map_err(|trouble| {
        // Its final mode may be read-only.
        let target = Target::Entry(sides.dest, sides.dest_name);
        let open =
            || write::open_existing(permit, sides.dest, sides.dest_name, write::Access::Write);
        let marked = open()
            .or_else(|_| set_mode(permit, target, now.mode | 0o600).and_then(|()| open()))
            .and_then(|file| mark_torn(permit, &file, &now, &copied.source));
        unless_marked(marked, trouble)
    })?;
    refused.extend(old.refused);
    Ok(Performed {
        moved: copied.moved,
        wrote: match copied.digest {
            Some(digest) => Wrote::Bytes(digest, copied.source),
            None => Wrote::Ranges(copied.source),
        },
        ranges: copied.ranges,
        refused,
        linking: Linking::Done,
        entry_changed: is_new,
        old: old.fate,
    })
}

fn close_file(permit: &Permit, file: File, durability: Durability) -> Result<(), Trouble> {
    if durability == Durability::FsyncFiles {
        write::sync_file(permit, &file).during(Side::Dest, "fsync")?;
    }
    write::close(file).during(Side::Dest, "close")
}

/// Marks a file that is not whole and still open.
pub fn leave_torn(permit: &Permit, opened: &Opened, source: &Meta, trouble: Trouble) -> Trouble {
    let marked = mark_torn(permit, &opened.file, &opened.now, source);
    unless_marked(marked, trouble)
}

/// Marks a file that is not whole by a time that no quick check and no `--update` takes for that of
/// a finished one, and, for `--size-only` and `--append`, by a length below that of its source.
fn mark_torn(permit: &Permit, file: &File, now: &Meta, source: &Meta) -> io::Result<()> {
    let size = stat::handle(file)?.size;
    // Nothing is shorter than no byte at all.
    let length = if source.size == 0 { 1 } else { source.size - 1 };
    let cut = if size >= source.size && size != length {
        write::set_len(permit, file, length)
    } else {
        Ok(())
    };
    let mark = Stamp::torn_before(source.mtime);
    set_times(permit, Target::Handle(file), now.atime, Some(mark)).and(cut)
}

/// Tells beside `trouble` that the file could not be marked.
fn unless_marked(marked: io::Result<()>, trouble: Trouble) -> Trouble {
    let Err(error) = marked else { return trouble };
    let unmarked =
        |cause: &dyn Display| format!("{cause}; and it could not be marked as torn: {error}");
    let cause = match trouble.cause {
        Cause::Stopped | Cause::Ends { .. } => trouble.cause,
        // What kind of failure it is stays the same: no room ends the run.
        Cause::Io(error) => Cause::Io(io::Error::new(error.kind(), unmarked(&error))),
        Cause::Rule(why) => Cause::Rule(unmarked(&why)),
    };
    Trouble { cause, ..trouble }
}
