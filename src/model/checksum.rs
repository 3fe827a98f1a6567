//! Checksums of other programs' choice: of rsync's (`--checksum-choice`), for comparing files and for
//! showing; and of check files (`--against`).
//!
//! Nothing is proven by them in a copy: phase two goes by BLAKE3, whatever is chosen here.

use std::fmt;

use blake2::Blake2b512;
use md4::Md4;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Digest as _;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
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
    /// SHA-224 (FIPS 180-4), 28 bytes.
    Sha224,
    /// SHA-256 (FIPS 180-4), 32 bytes.
    Sha256,
    /// SHA-384 (FIPS 180-4), 48 bytes.
    Sha384,
    /// SHA-512 (FIPS 180-4), 64 bytes.
    Sha512,
    /// `BLAKE2b` (RFC 7693), 64 bytes: b2sum's.
    Blake2b,
    /// CRC-32 (IEEE 802.3), 4 bytes: rclone's.
    Crc32,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Blake3,
        Self::Xxh128,
        Self::Xxh3,
        Self::Xxh64,
        Self::Md5,
        Self::Md4,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Blake2b,
        Self::Crc32,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Xxh128 => "xxh128",
            Self::Xxh3 => "xxh3",
            Self::Xxh64 => "xxh64",
            Self::Md5 => "md5",
            Self::Md4 => "md4",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Blake2b => "blake2b",
            Self::Crc32 => "crc32",
        }
    }

    /// How many bytes its checksums have.
    pub fn bytes(self) -> usize {
        match self {
            Self::Blake3 | Self::Sha256 => 32,
            Self::Xxh128 | Self::Md5 | Self::Md4 => 16,
            Self::Xxh3 | Self::Xxh64 => 8,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha384 => 48,
            Self::Sha512 | Self::Blake2b => 64,
            Self::Crc32 => 4,
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
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    Blake2b(Box<Blake2b512>),
    Crc32(crc32fast::Hasher),
}

/// A checksum. Written out, it is in lower-case hexadecimal digits as rsync's `%C` has them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// 64 at the most: those of SHA-512.
    bytes: [[u8; 32]; 2],
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
            Algorithm::Sha224 => State::Sha224(Sha224::new()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha384 => State::Sha384(Sha384::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
            Algorithm::Blake2b => State::Blake2b(Box::default()),
            Algorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
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
            State::Sha224(hasher) => hasher.update(bytes),
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha384(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
            State::Blake2b(hasher) => hasher.update(bytes),
            State::Crc32(hasher) => hasher.update(bytes),
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
            State::Sha224(hasher) => Checksum::new(&hasher.finalize()),
            State::Sha256(hasher) => Checksum::new(&hasher.finalize()),
            State::Sha384(hasher) => Checksum::new(&hasher.finalize()),
            State::Sha512(hasher) => Checksum::new(&hasher.finalize()),
            State::Blake2b(hasher) => Checksum::new(&hasher.finalize()),
            State::Crc32(hasher) => Checksum::new(&hasher.finalize().to_be_bytes()),
        }
    }
}

impl Checksum {
    fn new(from: &[u8]) -> Self {
        let mut bytes = [[0; 32]; 2];
        bytes.as_flattened_mut()[..from.len()].copy_from_slice(from);
        Self { bytes, len: from.len() }
    }

    /// Reads hexadecimal digits, of either case; `None` if they are none, or none of a checksum.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        let mut checksum = Self { bytes: [[0; 32]; 2], len: digits.len() / 2 };
        let bytes = checksum.bytes.as_flattened_mut().get_mut(..digits.len() / 2)?;
        if bytes.is_empty() || !digits.len().is_multiple_of(2) {
            return None;
        }
        let value =
            |digit: u8| char::from(digit).to_digit(16).and_then(|value| value.try_into().ok());
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low): (u8, u8) = (value(pair[0])?, value(pair[1])?);
            *byte = high << 4 | low;
        }
        Some(checksum)
    }

    /// Its bytes, as many as the algorithm makes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes.as_flattened()[..self.len]
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
    use super::{Algorithm, Checksum, Hasher};
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

    /// Seen from the coreutils (sha224sum, .., b2sum) and `rclone hashsum crc32`.
    #[test]
    fn checksums_read_as_in_check_files() {
        for (algorithm, shown) in [
            (Algorithm::Sha224, "2d6d67d91d0badcdd06cbbba1fe11538a68a37ec9c2e26457ceff12b"),
            (Algorithm::Sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"),
            (Algorithm::Crc32, "363a3020"),
        ] {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"hello\n");
            assert_eq!(hasher.finish().to_string(), shown, "{algorithm:?}");
        }
        for algorithm in Algorithm::ALL {
            let sum = Hasher::new(algorithm).finish();
            assert_eq!(sum.as_bytes().len(), algorithm.bytes(), "{algorithm:?}");
            let digits = sum.to_string().to_uppercase();
            assert_eq!(Checksum::from_hex(digits.as_bytes()), Some(sum));
        }
    }

    #[test]
    fn what_is_no_checksum_is_not_read_as_one() {
        let long = "0".repeat(130);
        for digits in ["", "0", "0g", "+1", "é0", "00 ", &long] {
            assert_eq!(Checksum::from_hex(digits.as_bytes()), None, "{digits}");
        }
    }

    #[test]
    fn our_own_is_the_digest_of_phase_two() {
        let mut hasher = Hasher::new(Algorithm::default());
        hasher.update(b"hello");
        assert_eq!(hasher.finish().as_bytes(), Digest::of(b"hello").0);
    }
}
