//! What phase two goes by: attributes, and the bytes of both files, side by side or by digest.

use crate::compare::bytes::match_bytes;
use crate::compare::content::{Located, hash_file};
use crate::compare::meta::Rules;
use crate::compare::quick::{read_back, shape};
use crate::effort::Stop;
use crate::error::Trouble;
use crate::model::change::{Attrs, Diff, Knowledge};
use crate::model::digest::{Digest, RangeHasher};
use crate::model::meta::{Kind, Meta};
use crate::sys::sides::Sides;

/// What is known of the bytes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceBytes {
    /// Their digest: they need not be read again.
    Known(Digest),
    /// Nothing: both files are read.
    Unknown,
    /// Nothing, and their digest is to be told.
    Asked,
}

/// What a thorough comparison found and what it read.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// How the entries differ.
    pub diff: Diff,
    /// Bytes read from the source.
    pub source_read_bytes: u64,
    /// Bytes read from the destination.
    pub dest_read_bytes: u64,
    /// The digest of the source, if it is known now.
    pub digest: Option<Digest>,
}

/// Compares two entries.
pub fn thorough(
    sides: &Sides<'_>,
    source: &Meta,
    dest: &Meta,
    bytes: SourceBytes,
    rules: &Rules,
    stop: &Stop,
) -> Result<Compared, Trouble> {
    let diff = shape(sides, source, dest, rules)?;
    let mut compared = Compared { diff, source_read_bytes: 0, dest_read_bytes: 0, digest: None };
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
    let (at_source, at_dest) = read_back(sides, rules);
    compared.diff.knowledge = Knowledge::Known;
    let is_equal = match bytes {
        SourceBytes::Known(digest) => {
            let hashed = hash_file(&at_dest, dest.size, stop)?;
            compared.dest_read_bytes = hashed.read_bytes;
            compared.digest = Some(digest);
            hashed.digest == digest
        }
        SourceBytes::Unknown => {
            side_by_side(&at_source, &at_dest, source.size, None, &mut compared, stop)?
        }
        SourceBytes::Asked => {
            let mut hasher = RangeHasher::new(0);
            let (len, takes) = (source.size, Some(&mut hasher));
            let is_equal = side_by_side(&at_source, &at_dest, len, takes, &mut compared, stop)?;
            compared.digest = is_equal.then(|| hasher.finish_file());
            is_equal
        }
    };
    if !is_equal {
        compared.diff.attrs |= Attrs::CONTENT;
    }
    Ok(compared)
}

fn side_by_side(
    source: &Located<'_>,
    dest: &Located<'_>,
    len: u64,
    hasher: Option<&mut RangeHasher>,
    compared: &mut Compared,
    stop: &Stop,
) -> Result<bool, Trouble> {
    let matched = match_bytes(&source.open()?, &dest.open()?, 0..len, hasher, stop)?;
    compared.source_read_bytes = matched.source_read_bytes;
    compared.dest_read_bytes = matched.dest_read_bytes;
    Ok(matched.is_equal)
}
