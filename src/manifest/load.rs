//! Reads check files once from end to end, and refuses them as a whole if any line makes no sense.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::{Mutex, PoisonError};

use crate::error::{Class, Fault, Place};
use crate::manifest::form::{Listed, Part, Stated};
use crate::manifest::index::{Manifest, Record, Source, Spot};
use crate::manifest::lines::{Cut, Line, Lines};
use crate::manifest::names::{Names, shown};
use crate::manifest::open::{Asked, Opened, Opening, VERB, open};
use crate::manifest::read::Settled;
use crate::model::checksum::Algorithm;
use crate::model::path::RelPath;
use crate::sys::scratch::{Scratch, Table};
use crate::sys::trust::Trust;

/// How many records are gathered before they are written.
const BATCH_RECORDS: usize = 4096;

/// How check files are read.
#[derive(Clone, Copy)]
pub struct How<'a> {
    /// Which symlinks in their paths are followed.
    pub trust: &'a Trust,
    /// Asked now and then: true if the reading is to stop.
    pub stops: &'a dyn Fn() -> bool,
}

/// Reads all that was asked for; `None`: the reading was to stop.
///
/// # Errors
/// A file that can not be read, or a line that makes no sense: its number is told.
pub fn load(asked: &Asked, names: Names, how: How<'_>) -> Result<Option<Manifest>, Fault> {
    let Opening { files: opened, bag } = open(asked, names, how.trust)?;
    let mut loading = Loading {
        records: Scratch::new().map_err(index_failed)?,
        batch: Vec::with_capacity(BATCH_RECORDS),
        algorithms: Vec::new(),
        is_open: false,
    };
    let mut files = Vec::with_capacity(opened.len());
    for (number, opened) in opened.into_iter().enumerate() {
        match loading.read(number, opened, how.stops)? {
            Some(source) => files.push(source),
            None => return Ok(None),
        }
    }
    loading.flush();
    let mut records = loading.records.into_table().map_err(index_failed)?;
    // Lines of one path come in the order of the file.
    records.records_mut().sort_unstable();
    let seen = Mutex::new(zeros(records.records().len()).map_err(index_failed)?);
    let Loading { algorithms, is_open, .. } = loading;
    let manifest = Manifest { files, records, seen, algorithms, is_open, bag };
    manifest.check_repeated()?;
    Ok(Some(manifest))
}

fn index_failed(error: io::Error) -> Fault {
    let place = Place::operand(&std::env::temp_dir());
    Fault::io(Class::FileIo, "keep an index of the check file in", place, error)
}

/// A bit for each record.
fn zeros(records: usize) -> io::Result<Table<u64>> {
    const CHUNK_WORDS: usize = 1024;
    let scratch = Scratch::new()?;
    let mut left = records.div_ceil(64);
    while left > 0 {
        let words = left.min(CHUNK_WORDS);
        scratch.append(&[0; CHUNK_WORDS][..words]);
        left -= words;
    }
    scratch.into_table()
}

/// An index that is being filled.
struct Loading {
    records: Scratch<Record>,
    batch: Vec<Record>,
    algorithms: Vec<Algorithm>,
    is_open: bool,
}

impl Loading {
    fn flush(&mut self) {
        self.records.append(&self.batch);
        self.batch.clear();
    }

    /// Reads one file; `None`: the reading was to stop.
    fn read(
        &mut self,
        number: usize,
        opened: Opened,
        stops: &dyn Fn() -> bool,
    ) -> Result<Option<Source>, Fault> {
        let Opened { file, place, before, mut reader } = opened;
        let flaw = |line: u64, why: &str| {
            Fault::rule(Class::Usage, VERB, place.clone(), format!("line {line}: {why}"))
        };
        let mut lines = Lines::new(&file);
        let mut last = 0;
        loop {
            let line = match lines.advance() {
                Ok(None) => break,
                Ok(Some(line)) => line,
                Err(Cut::Io(error)) => return Err(Fault::io(Class::Usage, VERB, place, error)),
                Err(Cut::TooLong(line)) => {
                    return Err(flaw(line, "it is longer than any line of a check file"));
                }
            };
            let Line { bytes, offset, number: line } = line;
            last = line;
            if let Some(listed) = reader.take(bytes).map_err(|why| flaw(line, &why))? {
                self.add(&listed, Spot::new(number, offset));
                if self.batch.len() >= BATCH_RECORDS {
                    self.flush();
                    if stops() {
                        return Ok(None);
                    }
                }
            }
        }
        let settled = reader.settled().map_err(|why| flaw(last, &why))?;
        Ok(Some(Source { file, place, before, settled }))
    }

    fn add(&mut self, listed: &Listed, spot: Spot) {
        self.batch.push(Record::new(&listed.path, spot));
        for Stated { by, .. } in &listed.digests {
            self.is_open |= by.iter().count() > 1;
            for algorithm in by.iter() {
                if !self.algorithms.contains(&algorithm) {
                    self.algorithms.push(algorithm);
                }
            }
        }
    }
}

impl Manifest {
    /// Refuses a file that lists a path twice and differently, and a bag that does not list all of its
    /// payload in each of its manifests.
    fn check_repeated(&self) -> Result<(), Fault> {
        let manifests = self.bag.map_or(1, |bag| bag.payload_manifests);
        let records = self.records.records();
        let mut start = 0;
        while start < records.len() {
            let key = records[start].key();
            let group = records[start..].iter().take_while(|record| record.key() == key);
            let end = start + group.count();
            if end - start > 1 || manifests > 1 {
                self.check_group(&records[start..end], manifests)?;
            }
            start = end;
        }
        Ok(())
    }

    /// The same for records of one key.
    fn check_group(&self, group: &[Record], manifests: usize) -> Result<(), Fault> {
        let mut listed: Vec<(Spot, Listed)> = Vec::with_capacity(group.len());
        for record in group {
            listed.push((record.spot(), self.listed(record.spot())?));
        }
        for (at, (spot, again)) in listed.iter().enumerate() {
            let before = listed[..at].iter();
            let mut same = before
                .filter(|(other, before)| other.file() == spot.file() && before.path == again.path);
            if same.any(|(_, before)| contradicts(before, again)) {
                let source = &self.files[spot.file()];
                let line = line_number(&source.file, spot.offset());
                let name = shown(again.path.as_bytes());
                let why = format!("it lists \"{name}\" a second time, and differently");
                return Err(source.flaw(line.map_err(|error| source.fault(error))?, &why));
            }
        }
        for (_, first) in &listed {
            if manifests > 1 && Part::of(&first.path) == Part::Payload {
                self.check_manifests(&listed, &first.path, manifests)?;
            }
        }
        Ok(())
    }

    fn check_manifests(
        &self,
        listed: &[(Spot, Listed)],
        path: &RelPath,
        manifests: usize,
    ) -> Result<(), Fault> {
        let has = |file: usize| {
            listed.iter().any(|(spot, listed)| spot.file() == file && listed.path == *path)
        };
        match (0..manifests).find(|file| !has(*file)) {
            None => Ok(()),
            Some(file) => {
                let name = shown(path.as_bytes());
                let why =
                    format!("it does not list \"{name}\", and another manifest of the bag does");
                Err(Fault::rule(Class::Usage, VERB, self.files[file].place.clone(), why))
            }
        }
    }

    /// Calls `take` with what each line lists, in order; stops at once if it says so.
    ///
    /// # Errors
    /// A file can not be read any more, or has changed; or what `take` says.
    pub fn each(&self, mut take: impl FnMut(Listed) -> Result<Going, Fault>) -> Result<(), Fault> {
        for source in &self.files {
            let mut file = &source.file;
            file.rewind().map_err(|error| source.fault(error))?;
            let mut lines = Lines::new(file);
            loop {
                let line = match lines.advance() {
                    Ok(None) => break,
                    Ok(Some(line)) => line,
                    Err(Cut::Io(error)) => return Err(source.fault(error)),
                    Err(Cut::TooLong(_)) => return Err(source.changed()),
                };
                let Settled { form, names } = &source.settled;
                let listed = form.parse(line.bytes, names).map_err(|_| source.changed())?;
                if let Some(listed) = listed
                    && take(listed)? == Going::Stops
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Calls `take` with each path that nobody has claimed, once, in the order of the files.
    ///
    /// # Errors
    /// A file can not be read any more, or has changed; no room for the list; or what `take` says.
    pub fn each_unseen(
        &self,
        mut take: impl FnMut(Listed) -> Result<Going, Fault>,
    ) -> Result<(), Fault> {
        let spots = Scratch::<Spot>::new().map_err(index_failed)?;
        let mut batch = Vec::new();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (record, is_seen) in self.records.records().iter().zip(bits(seen.records())) {
            if !is_seen {
                batch.push(record.spot());
            }
            if batch.len() >= BATCH_RECORDS {
                spots.append(&batch);
                batch.clear();
            }
        }
        spots.append(&batch);
        drop(seen);
        let mut spots = spots.into_table().map_err(index_failed)?;
        spots.records_mut().sort_unstable();
        for spot in spots.records() {
            let listed = self.listed(*spot)?;
            if self.is_first(*spot, &listed)? && take(listed)? == Going::Stops {
                return Ok(());
            }
        }
        Ok(())
    }

    /// True if no line before this one lists the same path.
    fn is_first(&self, spot: Spot, listed: &Listed) -> Result<bool, Fault> {
        for index in self.group(listed.path.key()) {
            let other = self.records.records()[index].spot();
            if other < spot && self.listed(other)?.path == listed.path {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The bits of words, those of a word from the lowest on.
fn bits(words: &[u64]) -> impl Iterator<Item = bool> {
    words.iter().flat_map(|word| (0..64).map(move |bit| word & (1 << bit) != 0))
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// It goes on.
    On,
    /// It stops.
    Stops,
}

/// True if both can not be right.
fn contradicts(before: &Listed, again: &Listed) -> bool {
    let sizes = before.size.zip(again.size);
    let differs = |stated: &Stated| {
        let mut same = before.digests.iter().filter(|before| before.by == stated.by);
        same.any(|before| before.digest != stated.digest)
    };
    sizes.is_some_and(|(before, again)| before != again) || again.digests.iter().any(differs)
}

/// The number of the line at `offset`: counted only to tell what is wrong with it.
fn line_number(mut file: &File, offset: u64) -> io::Result<u64> {
    file.rewind()?;
    let mut lines = Lines::new(file);
    loop {
        match lines.advance() {
            Ok(Some(line)) if line.offset < offset => {}
            Ok(Some(line)) => return Ok(line.number),
            Ok(None) | Err(Cut::TooLong(_)) => return Ok(0),
            Err(Cut::Io(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
