//! Opens check files: files, pipes, standard input, bags.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Class, Fault, Place};
use crate::manifest::bag::{self, Oxum};
use crate::manifest::kinds::by_file_name;
use crate::manifest::names::Names;
use crate::manifest::read::{Reader, Told};
use crate::model::checksum::Algorithm;
use crate::model::meta::{Kind, Meta};
use crate::sys::stat;
use crate::sys::trust::{Trust, open_file};

/// The check file that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where it is; `-` is standard input.
    pub file: PathBuf,
    /// Of which algorithm its digests are, if the user said so.
    pub algorithm: Option<Algorithm>,
}

/// Check files that count together: one, or the manifests of a bag.
#[derive(Debug)]
pub struct Opening {
    /// The manifests of a bag's payload come first.
    pub files: Vec<Opened>,
    /// Of a bag.
    pub bag: Option<Bag>,
}

/// What is known of a bag beside its manifests.
#[derive(Clone, Copy, Debug)]
pub struct Bag {
    /// How many of the files are manifests of the payload.
    pub payload_manifests: usize,
    /// How much there is in the payload, if the bag says so.
    pub oxum: Option<Oxum>,
}

/// A check file that can be read from its beginning and at any place.
#[derive(Debug)]
pub struct Opened {
    /// The file, or a copy of what came through a pipe.
    pub file: File,
    /// What it is called.
    pub place: Place,
    /// What it looked like when it was opened; `None`: it is a copy, which nobody else can change.
    pub before: Option<Meta>,
    /// How it is read.
    pub reader: Reader,
}

/// What is being done when it fails.
pub(crate) const VERB: &str = "read the check file";

/// Opens what was asked for; symlinks in its path are followed as far as they are trusted.
///
/// # Errors
/// It can not be read, or is a directory and no bag.
pub fn open(asked: &Asked, names: Names, trust: &Trust) -> Result<Opening, Fault> {
    let path = asked.file.as_path();
    let place = Place::operand(path);
    let failed = |error| Fault::io(Class::Usage, VERB, Place::operand(path), error);
    let told = told(asked);
    if path == Path::new("-") {
        let place = Place::operand(Path::new("standard input"));
        let file = copied(io::stdin().lock()).map_err(failed)?;
        let reader = Reader::new(told, names);
        let opened = Opened { file, place, before: None, reader };
        return Ok(Opening { files: vec![opened], bag: None });
    }
    let file = open_file(path, trust).map_err(failed)?;
    let meta = stat::real(&file).map_err(failed)?;
    match meta.kind {
        Kind::Dir if matches!(told, Told::Said(_)) => {
            let why = "the manifests of a bag say their algorithms themselves";
            Err(Fault::rule(Class::Usage, VERB, place, why))
        }
        Kind::Dir => bag::open(path, &names, trust),
        Kind::File => {
            let reader = Reader::new(told, names);
            let opened = Opened { file, place, before: Some(meta), reader };
            Ok(Opening { files: vec![opened], bag: None })
        }
        _ => {
            let (file, reader) = (copied(file).map_err(failed)?, Reader::new(told, names));
            let opened = Opened { file, place, before: None, reader };
            Ok(Opening { files: vec![opened], bag: None })
        }
    }
}

/// What option and file name say of the algorithm.
fn told(asked: &Asked) -> Told {
    if let Some(algorithm) = asked.algorithm {
        return Told::Said(algorithm);
    }
    let name = asked.file.file_name().map_or(&[][..], OsStr::as_bytes);
    by_file_name(name).map_or(Told::Nothing, Told::Hinted)
}

/// What comes through a pipe, in a temporary file: it is read more than once.
fn copied(mut from: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut from, &mut file)?;
    file.flush()?;
    file.rewind()?;
    Ok(file)
}
