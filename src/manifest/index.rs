//! Check files, indexed: who asks for a path gets what they list of it, and in the end what nobody
//! asked for.
//!
//! The index is of fixed-size records in temporary files ([`crate::sys::scratch`]), 16 bytes and a bit for
//! each line: memory stays flat however many there are. Paths and digests stay in the check file, where
//! they are read at their place. That is a file of the user: it is never mapped.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use bytemuck::{Pod, Zeroable};

use crate::error::{Class, Fault, Place};
use crate::manifest::bag::Oxum;
use crate::manifest::form::{Listed, Part, Stated};
use crate::manifest::lines::{MOST_LINE_BYTES, without_end};
use crate::manifest::open::{Bag, VERB};
use crate::manifest::read::Settled;
use crate::model::checksum::Algorithm;
use crate::model::meta::{FileId, Meta};
use crate::model::path::RelPath;
use crate::sys::scratch::Table;
use crate::sys::stat;

/// Where a path is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    key: u64,
    spot: Spot,
}

/// A line: which file, in the upper eight bits, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(transparent)]
pub struct Spot(u64);

const OFFSET_BITS: u32 = 56;

impl Spot {
    pub(crate) fn new(file: usize, offset: u64) -> Self {
        Self((file as u64) << OFFSET_BITS | offset)
    }

    pub(crate) fn file(self) -> usize {
        usize::try_from(self.0 >> OFFSET_BITS).unwrap_or(usize::MAX)
    }

    pub(crate) fn offset(self) -> u64 {
        self.0 & ((1 << OFFSET_BITS) - 1)
    }
}

impl Record {
    pub(crate) fn new(path: &RelPath, spot: Spot) -> Self {
        Self { key: path.key(), spot }
    }

    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    pub(crate) fn spot(&self) -> Spot {
        self.spot
    }
}

/// One file of an index.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: File,
    pub(crate) place: Place,
    pub(crate) before: Option<Meta>,
    pub(crate) settled: Settled,
}

/// All that was asked for, indexed. Shared by all workers.
#[derive(Debug)]
pub struct Manifest {
    pub(crate) files: Vec<Source>,
    /// Sorted.
    pub(crate) records: Table<Record>,
    /// A bit for each record: whether somebody asked for its path.
    pub(crate) seen: Mutex<Table<u64>>,
    pub(crate) algorithms: Vec<Algorithm>,
    /// True if it does not say by which of two algorithms some digest was made.
    pub(crate) is_open: bool,
    pub(crate) bag: Option<Bag>,
}

/// What is listed of a path, in all lines that are about it.
#[derive(Clone, Debug)]
pub struct Found {
    records: Vec<usize>,
    /// The length in bytes, where a line says it.
    pub size: Option<u64>,
    /// At least one.
    pub digests: Vec<Stated>,
}

/// Whether somebody asked for a path before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody.
    First,
    /// Somebody.
    Again,
}

impl Manifest {
    /// What is listed of a path.
    ///
    /// # Errors
    /// The check file can not be read any more, or has changed.
    pub fn find(&self, path: &RelPath) -> Result<Option<Found>, Fault> {
        let mut found: Option<Found> = None;
        for index in self.group(path.key()) {
            let listed = self.listed(self.records.records()[index].spot)?;
            if listed.path != *path {
                continue;
            }
            let found = found.get_or_insert_with(|| Found {
                records: Vec::with_capacity(1),
                size: None,
                digests: Vec::with_capacity(listed.digests.len()),
            });
            found.records.push(index);
            found.size = found.size.or(listed.size);
            for stated in listed.digests {
                if !found.digests.contains(&stated) {
                    found.digests.push(stated);
                }
            }
        }
        Ok(found)
    }

    /// Says that somebody has the path.
    pub fn claim(&self, found: &Found) -> Claim {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let words = seen.records_mut();
        let mut claim = Claim::First;
        for index in &found.records {
            let (word, bit) = (index / 64, 1 << (index % 64));
            if words[word] & bit != 0 {
                claim = Claim::Again;
            }
            words[word] |= bit;
        }
        claim
    }

    /// True if a file of this path that no line lists is one too many: a check file need not list itself.
    pub fn is_extra(&self, path: &RelPath, id: FileId) -> bool {
        let is_itself = |source: &Source| source.before.is_some_and(|meta| meta.id == id);
        self.lists(path) && !self.files.iter().any(is_itself)
    }

    /// True if a file of this path has to be listed: of a bag, only what is below `data/` has to be.
    pub fn lists(&self, path: &RelPath) -> bool {
        self.bag.is_none() || Part::of(path) == Part::Payload
    }

    /// What a bag says of how much there is in it.
    pub fn oxum(&self) -> Option<Oxum> {
        self.bag.and_then(|bag| bag.oxum)
    }

    /// By which algorithms its digests may have been made.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// True if it does not say by which of two algorithms some digest was made.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// How many lines list something.
    pub fn len(&self) -> usize {
        self.records.records().len()
    }

    /// True if nothing is listed: of an empty bag.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it is called.
    pub fn place(&self) -> Option<&Place> {
        self.files.first().map(|source| &source.place)
    }

    /// Checks that the files are those that were read in the beginning.
    ///
    /// # Errors
    /// One of them has changed: nothing that was found holds.
    pub fn check_unchanged(&self) -> Result<(), Fault> {
        for source in &self.files {
            let Some(before) = &source.before else { continue };
            let now = stat::real(&source.file).map_err(|error| source.fault(error))?;
            if !now.is_untouched_since(before) {
                return Err(source.changed());
            }
        }
        Ok(())
    }

    /// The records of this key.
    pub(crate) fn group(&self, key: u64) -> Range<usize> {
        let records = self.records.records();
        let first = records.partition_point(|record| record.key < key);
        let len = records[first..].partition_point(|record| record.key == key);
        first..first + len
    }

    /// What the line at `spot` lists.
    pub(crate) fn listed(&self, spot: Spot) -> Result<Listed, Fault> {
        let source = &self.files[spot.file()];
        let line = line_at(&source.file, spot.offset()).map_err(|error| source.fault(error))?;
        let Settled { form, names } = &source.settled;
        let listed = form.parse(without_end(&line), names).ok().flatten();
        listed.ok_or_else(|| source.changed())
    }
}

impl Source {
    pub(crate) fn fault(&self, error: io::Error) -> Fault {
        Fault::io(Class::Usage, VERB, self.place.clone(), error)
    }

    pub(crate) fn flaw(&self, line: u64, why: &str) -> Fault {
        Fault::rule(Class::Usage, VERB, self.place.clone(), format!("line {line}: {why}"))
    }

    pub(crate) fn changed(&self) -> Fault {
        let why = "it changed while it was in use: nothing that was said counts";
        Fault::rule(Class::Usage, VERB, self.place.clone(), why)
    }
}

/// The line that begins at `offset`, with its end. Most of them fit the first read.
fn line_at(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    const FIRST_BYTES: usize = 512;
    let mut line = vec![0; FIRST_BYTES];
    let mut filled = 0;
    loop {
        let count = match file.read_at(&mut line[filled..], offset + filled as u64) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        let end = line[filled..filled + count].iter().position(|byte| *byte == b'\n');
        if let Some(end) = end {
            line.truncate(filled + end + 1);
            return Ok(line);
        }
        filled += count;
        if count == 0 || filled > MOST_LINE_BYTES {
            line.truncate(filled);
            return Ok(line);
        }
        if filled == line.len() {
            line.resize(4 * line.len(), 0);
        }
    }
}
