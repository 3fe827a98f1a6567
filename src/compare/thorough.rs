//! What phase two goes by: attributes, and the bytes of both files by digest.

use crate::compare::content::hash_file;
use crate::compare::meta::Rules;
use crate::compare::quick::{located, shape};
use crate::effort::Stop;
use crate::error::Trouble;
use crate::model::change::{Attrs, Diff, Knowledge};
use crate::model::digest::Digest;
use crate::model::meta::{Kind, Meta};
use crate::sys::sides::Sides;

/// What a thorough comparison found and what it read.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// How the entries differ.
    pub diff: Diff,
    /// Bytes read from the source.
    pub source_read_bytes: u64,
    /// Bytes read from the destination.
    pub dest_read_bytes: u64,
    /// The digest of the source, if it was needed.
    pub digest: Option<Digest>,
}

/// Compares two entries. `known`: the digest of the source file, if its bytes need not be read
/// again.
pub fn thorough(
    sides: &Sides<'_>,
    source: &Meta,
    dest: &Meta,
    known: Option<Digest>,
    rules: &Rules,
    stop: &Stop,
) -> Result<Compared, Trouble> {
    let diff = shape(sides, source, dest, rules)?;
    let mut compared = Compared { diff, source_read_bytes: 0, dest_read_bytes: 0, digest: known };
    let has_bytes = source.kind == Kind::File && !diff.other_kind;
    if has_bytes && diff.attrs.contains(Attrs::SIZE) {
        compared.diff.attrs |= Attrs::CONTENT;
        return Ok(compared);
    }
    if has_bytes && source.size == 0 {
        // Nothing is there to read.
        compared.digest = Some(Digest::of(b""));
        compared.diff.knowledge = Knowledge::Known;
        return Ok(compared);
    }
    if !has_bytes || source.is_same_file(dest) {
        return Ok(compared);
    }
    let (at_source, at_dest) = located(sides, rules.preserve.reading);
    let expected = match known {
        Some(digest) => digest,
        None => {
            let hashed = hash_file(&at_source, stop)?;
            compared.source_read_bytes = hashed.read_bytes;
            hashed.digest
        }
    };
    let hashed = hash_file(&at_dest, stop)?;
    compared.dest_read_bytes = hashed.read_bytes;
    compared.digest = Some(expected);
    compared.diff.knowledge = Knowledge::Known;
    if hashed.digest != expected {
        compared.diff.attrs |= Attrs::CONTENT;
    }
    Ok(compared)
}
