//! Bytes of a file, written in place and hashed on the way.

use std::fs::File;
use std::ops::Range;

use crate::act::pieces::{Fate, PAGE_BYTES, pieces};
use crate::effort::{Stop, with_buffers};
use crate::error::{Cause, During, Side, Trouble};
use crate::model::digest::RangeHasher;
use crate::settings::content::{Updating, Zeros};
use crate::sys::permit::Permit;
use crate::sys::write::Punched;
use crate::sys::{read, write};

/// Which bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// All.
    All,
    /// Only those that differ from what is there, in whole pages: the file is read first.
    Differing,
    /// Only those that the file has not got yet.
    Tail,
}

impl Writing {
    /// Which bytes phase one writes of a file that is there.
    pub fn first(update: Updating) -> Self {
        match update {
            Updating::Whole => Self::All,
            Updating::Differing | Updating::AppendChecked => Self::Differing,
            Updating::Append => Self::Tail,
        }
    }

    /// What the destination has to be opened for.
    pub fn access(self) -> write::Access {
        match self {
            Self::All | Self::Tail => write::Access::Write,
            Self::Differing => write::Access::ReadWrite,
        }
    }
}

/// Bytes that went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Read from the source.
    pub source_read_bytes: u64,
    /// Read from the destination.
    pub dest_read_bytes: u64,
    /// Given to the destination, as bytes or as holes.
    pub written_bytes: u64,
}

impl std::ops::AddAssign for Moved {
    fn add_assign(&mut self, other: Self) {
        self.source_read_bytes += other.source_read_bytes;
        self.dest_read_bytes += other.dest_read_bytes;
        self.written_bytes += other.written_bytes;
    }
}

/// How bytes are written to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which.
    pub writing: Writing,
    /// What becomes of zeros.
    pub zeros: Zeros,
    /// How long the file was.
    pub old_bytes: u64,
    /// How far it may have blocks: what is beyond is a hole until it is written.
    pub block_bytes: u64,
}

impl Plan {
    /// All bytes of a new file.
    pub const NEW: Self =
        Self { writing: Writing::All, zeros: Zeros::Written, old_bytes: 0, block_bytes: 0 };
}

/// Two open files and how bytes go from one to the other.
#[derive(Clone, Copy, Debug)]
pub struct Pipe<'a> {
    /// The source.
    pub source: &'a File,
    /// The destination.
    pub dest: &'a File,
    /// Which bytes are written, and how.
    pub plan: Plan,
    /// Asked before every write call.
    pub stop: &'a Stop,
}

/// Moves `bytes` (offsets in both files), or what the source has of them, through the hasher.
///
/// Every byte of the source is read, also where its file system speaks of holes: that has been wrong
/// before, and zeros out of a hole cost little. With [`Zeros::Holes`] the destination may be shorter
/// afterwards than what was moved.
pub fn pour(
    permit: &Permit,
    pipe: &Pipe<'_>,
    bytes: Range<u64>,
    hasher: &mut RangeHasher,
) -> Result<Moved, Trouble> {
    let most = pipe.stop.step();
    with_buffers(|buffer, there| {
        let mut moved = Moved::default();
        let mut at = bytes.start;
        while at < bytes.end {
            let left = bytes.end - at;
            let wanted = usize::try_from(left).map_or(most, |left| left.min(most));
            let count = read::fill_at(pipe.source, &mut buffer[..wanted], at)
                .during(Side::Source, "read")?;
            if !pipe.stop.admits(count) {
                return Err(Trouble { side: Side::Dest, verb: "write", cause: Cause::Stopped });
            }
            let ours = &buffer[..count];
            hasher.update(ours);
            moved.source_read_bytes += count as u64;
            moved += match pipe.plan.writing {
                Writing::All => write_unseen(permit, pipe, ours, at)?,
                Writing::Differing => write_differing(permit, pipe, ours, there, at)?,
                Writing::Tail => {
                    let old = pipe.plan.old_bytes.saturating_sub(at);
                    let old = usize::try_from(old).map_or(count, |old| old.min(count));
                    write_unseen(permit, pipe, &ours[old..], at + old as u64)?
                }
            };
            at += count as u64;
            if count < wanted {
                break;
            }
        }
        Ok(moved)
    })
}

fn write_all(permit: &Permit, dest: &File, ours: &[u8], at: u64) -> Result<Moved, Trouble> {
    write::write_at(permit, dest, ours, at).during(Side::Dest, "write")?;
    Ok(Moved { written_bytes: ours.len() as u64, ..Moved::default() })
}

/// Writes all, but for holes.
fn write_unseen(permit: &Permit, pipe: &Pipe<'_>, ours: &[u8], at: u64) -> Result<Moved, Trouble> {
    match pipe.plan.zeros {
        Zeros::Written => write_all(permit, pipe.dest, ours, at),
        Zeros::Holes => write_pieces(permit, pipe, ours, None, at),
    }
}

/// Writes each run of pages in which the destination differs or which it lacks.
fn write_differing(
    permit: &Permit,
    pipe: &Pipe<'_>,
    ours: &[u8],
    there: &mut [u8],
    at: u64,
) -> Result<Moved, Trouble> {
    // What is beyond is no data of the file: a large file is made longer before it is filled.
    let old = pipe.plan.old_bytes.saturating_sub(at);
    let old = usize::try_from(old).map_or(ours.len(), |old| old.min(ours.len()));
    let count = read::fill_at(pipe.dest, &mut there[..old], at).during(Side::Dest, "read back")?;
    let moved = write_pieces(permit, pipe, ours, Some(&there[..count]), at)?;
    Ok(Moved { dest_read_bytes: count as u64, ..moved })
}

fn write_pieces(
    permit: &Permit,
    pipe: &Pipe<'_>,
    ours: &[u8],
    theirs: Option<&[u8]>,
    at: u64,
) -> Result<Moved, Trouble> {
    let mut moved = Moved::default();
    for (fate, run) in pieces(ours, theirs, at, pipe.plan.zeros) {
        let start = at + run.start as u64;
        match fate {
            Fate::Keep => {}
            Fate::Write => moved += write_all(permit, pipe.dest, &ours[run], start)?,
            Fate::Hole => {
                moved.written_bytes += run.len() as u64;
                make_hole(permit, pipe, &ours[run], start)?;
            }
            Fate::Dig => make_hole(permit, pipe, &ours[run], start)?,
        }
    }
    Ok(moved)
}

/// Makes a hole of `zeros` at `start`. Only the end of a file is no whole page.
fn make_hole(permit: &Permit, pipe: &Pipe<'_>, zeros: &[u8], start: u64) -> Result<(), Trouble> {
    if start >= pipe.plan.block_bytes {
        return Ok(());
    }
    let end = (start + zeros.len() as u64).next_multiple_of(PAGE_BYTES as u64);
    match write::punch(permit, pipe.dest, start..end).during(Side::Dest, "make a hole in")? {
        Punched::Hole => Ok(()),
        Punched::Unsupported => write_all(permit, pipe.dest, zeros, start).map(drop),
    }
}
