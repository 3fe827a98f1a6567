//! Checksums of rsync's choice (`--checksum-choice`), for comparing files and for showing.
//!
//! Nothing is proven by them: phase two goes by BLAKE3, whatever is chosen here.

use std::fmt;

use md4::Md4;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Digest as _;
use sha1::Sha1;
use xxhash_rust::xxh3::Xxh3Default;
use xxhash_rust::xxh64::Xxh64;

use crate::model::digest::Digest;

/// A kind of checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// BLAKE3, 32 bytes: ours.
    #[default]
    Blake3,
    /// `XXH3_128bits`, 16 bytes.
    Xxh128,
    /// `XXH3_64bits`, 8 bytes.
    Xxh3,
    /// `XXH64`, 8 bytes.
    Xxh64,
    /// MD5 (RFC 1321), 16 bytes.
    Md5,
    /// MD4 (RFC 1320), 16 bytes.
    Md4,
    /// SHA-1 (RFC 3174), 20 bytes.
    Sha1,
}

impl Algorithm {
    /// How many bytes its checksums have.
    pub fn bytes(self) -> usize {
        match self {
            Self::Blake3 => 32,
            Self::Xxh128 | Self::Md5 | Self::Md4 => 16,
            Self::Xxh3 | Self::Xxh64 => 8,
            Self::Sha1 => 20,
        }
    }
}

/// A checksum that grows with the bytes it is fed.
pub struct Hasher(State);

enum State {
    Blake3(Box<blake3::Hasher>),
    Xxh128(Box<Xxh3Default>),
    Xxh3(Box<Xxh3Default>),
    Xxh64(Xxh64),
    Md5(Md5),
    Md4(Md4),
    Sha1(Sha1),
}

/// The most bytes that a checksum has.
const LONGEST: usize = 32;

/// A checksum. Written out, it is in lower-case hexadecimal digits as rsync's `%C` has them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Hasher {
    /// One that has been fed nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Blake3 => State::Blake3(Box::default()),
            Algorithm::Xxh128 => State::Xxh128(Box::default()),
            Algorithm::Xxh3 => State::Xxh3(Box::default()),
            Algorithm::Xxh64 => State::Xxh64(Xxh64::new(0)),
            Algorithm::Md5 => State::Md5(Md5::new()),
            Algorithm::Md4 => State::Md4(Md4::new()),
            Algorithm::Sha1 => State::Sha1(Sha1::new()),
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Blake3(hasher) => drop(hasher.update(bytes)),
            State::Xxh128(hasher) | State::Xxh3(hasher) => hasher.update(bytes),
            State::Xxh64(hasher) => hasher.update(bytes),
            State::Md5(hasher) => hasher.update(bytes),
            State::Md4(hasher) => hasher.update(bytes),
            State::Sha1(hasher) => hasher.update(bytes),
        }
    }

    /// The checksum of all bytes.
    pub fn finish(self) -> Checksum {
        match self.0 {
            State::Blake3(hasher) => Checksum::new(hasher.finalize().as_bytes()),
            // rsync shows the xxh family as numbers, the highest digit first.
            State::Xxh128(hasher) => Checksum::new(&hasher.digest128().to_be_bytes()),
            State::Xxh3(hasher) => Checksum::new(&hasher.digest().to_be_bytes()),
            State::Xxh64(hasher) => Checksum::new(&hasher.digest().to_be_bytes()),
            State::Md5(hasher) => Checksum::new(&hasher.finalize()),
            State::Md4(hasher) => Checksum::new(&hasher.finalize()),
            State::Sha1(hasher) => Checksum::new(&hasher.finalize()),
        }
    }
}

impl Checksum {
    fn new(from: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[..from.len()].copy_from_slice(from);
        Self { bytes, len: from.len() }
    }

    /// Its bytes, as many as the algorithm makes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl From<Digest> for Checksum {
    fn from(digest: Digest) -> Self {
        Self::new(&digest.0)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, Hasher};
    use crate::model::digest::Digest;

    /// Seen from `rsync --checksum-choice=NAME --out-format=%C` of 3.5.0.
    #[test]
    fn checksums_read_as_rsync_shows_them() {
        for (algorithm, shown) in [
            (Algorithm::Xxh128, "6bba86c7e069f56d5a10b435f1c8e49c"),
            (Algorithm::Xxh3, "99fc819aaba2462a"),
            (Algorithm::Xxh64, "e4c191d091bd8853"),
            (Algorithm::Md5, "b1946ac92492d2347c6235b4d2611184"),
            (Algorithm::Md4, "63481c78ae04c201fa01ea9d2b1db56d"),
            (Algorithm::Sha1, "f572d396fae9206628714fb2ce00f72e94f2258f"),
        ] {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"hel");
            hasher.update(b"lo\n");
            assert_eq!(hasher.finish().to_string(), shown, "{algorithm:?}");
        }
    }

    #[test]
    fn our_own_is_the_digest_of_phase_two() {
        let mut hasher = Hasher::new(Algorithm::default());
        hasher.update(b"hello");
        assert_eq!(hasher.finish().as_bytes(), Digest::of(b"hello").0);
    }
}
