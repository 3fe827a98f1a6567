//! Bytes of a file, written in place and hashed on the way.

use std::fs::File;
use std::ops::Range;

use crate::effort::{BUFFER_BYTES, Stop, with_buffers};
use crate::error::{Cause, During, Side, Trouble};
use crate::model::digest::RangeHasher;
use crate::sys::permit::Permit;
use crate::sys::{read, write};

/// Which bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// All.
    All,
    /// Only those that differ from what is there, in whole pages: the file is read first.
    Differing,
}

impl Writing {
    /// What the destination has to be opened for.
    pub fn access(self) -> write::Access {
        match self {
            Self::All => write::Access::Write,
            Self::Differing => write::Access::ReadWrite,
        }
    }
}

/// The unit in which differing bytes are written.
const PAGE_BYTES: usize = 4096;

/// Bytes that went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Read from the source.
    pub source_read_bytes: u64,
    /// Read from the destination.
    pub dest_read_bytes: u64,
    /// Written to the destination.
    pub written_bytes: u64,
}

impl std::ops::AddAssign for Moved {
    fn add_assign(&mut self, other: Self) {
        self.source_read_bytes += other.source_read_bytes;
        self.dest_read_bytes += other.dest_read_bytes;
        self.written_bytes += other.written_bytes;
    }
}

/// Two open files and how bytes go from one to the other.
#[derive(Clone, Copy, Debug)]
pub struct Pipe<'a> {
    /// The source.
    pub source: &'a File,
    /// The destination.
    pub dest: &'a File,
    /// Which bytes are written.
    pub writing: Writing,
    /// Asked before every write call.
    pub stop: &'a Stop,
}

/// Moves `bytes` (offsets in both files), or what the source has of them, through the hasher.
pub fn pour(
    permit: &Permit,
    pipe: &Pipe<'_>,
    bytes: Range<u64>,
    hasher: &mut RangeHasher,
) -> Result<Moved, Trouble> {
    with_buffers(|buffer, there| {
        let mut moved = Moved::default();
        let mut at = bytes.start;
        while at < bytes.end {
            if pipe.stop.is_requested() {
                return Err(Trouble { side: Side::Dest, verb: "write", cause: Cause::Stopped });
            }
            let left = bytes.end - at;
            let wanted = usize::try_from(left).map_or(BUFFER_BYTES, |left| left.min(BUFFER_BYTES));
            let count = read::fill_at(pipe.source, &mut buffer[..wanted], at)
                .during(Side::Source, "read")?;
            let ours = &buffer[..count];
            hasher.update(ours);
            moved.source_read_bytes += count as u64;
            moved += match pipe.writing {
                Writing::All => write_all(permit, pipe.dest, ours, at)?,
                Writing::Differing => write_differing(permit, pipe.dest, ours, there, at)?,
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

/// Writes each run of pages in which the destination differs or which it lacks.
fn write_differing(
    permit: &Permit,
    dest: &File,
    ours: &[u8],
    there: &mut [u8],
    at: u64,
) -> Result<Moved, Trouble> {
    let count =
        read::fill_at(dest, &mut there[..ours.len()], at).during(Side::Dest, "read back")?;
    let theirs = &there[..count];
    let mut moved = Moved { dest_read_bytes: count as u64, ..Moved::default() };
    let mut run: Option<Range<usize>> = None;
    let mut start = 0;
    while start < ours.len() {
        let end = (start + PAGE_BYTES).min(ours.len());
        let differs = theirs.get(start..end) != Some(&ours[start..end]);
        match (&mut run, differs) {
            (Some(run), true) => run.end = end,
            (None, true) => run = Some(start..end),
            (Some(_), false) => {
                moved += flush(permit, dest, ours, run.take(), at)?;
            }
            (None, false) => {}
        }
        start = end;
    }
    moved += flush(permit, dest, ours, run, at)?;
    Ok(moved)
}

fn flush(
    permit: &Permit,
    dest: &File,
    ours: &[u8],
    run: Option<Range<usize>>,
    at: u64,
) -> Result<Moved, Trouble> {
    match run {
        Some(run) => write_all(permit, dest, &ours[run.clone()], at + run.start as u64),
        None => Ok(Moved::default()),
    }
}
