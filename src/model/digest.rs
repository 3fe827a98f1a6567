//! BLAKE3 digests of files, whole or put together from ranges that several workers hashed.
//!
//! A range starts at a multiple of [`RANGE_BYTES`], a power of two, so that each is a subtree of
//! the BLAKE3 tree and the merged root is the digest that `b3sum` prints (BLAKE3 paper, section 2).

use std::fmt;

use blake3::Hasher;
use blake3::hazmat::{self, ChainingValue, HasherExt, Mode};
use serde::{Deserialize, Serialize};

/// The length of a range in bytes; only a file's last range is shorter.
pub const RANGE_BYTES: u64 = 8 << 20;

/// A BLAKE3 digest, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The number of ranges of a file of `size` bytes: at least one.
pub fn range_count(size: u64) -> u64 {
    size.div_ceil(RANGE_BYTES).max(1)
}

/// The offsets of a range in a file of `size` bytes.
pub fn bytes_of_range(range: u64, size: u64) -> std::ops::Range<u64> {
    let start = range * RANGE_BYTES;
    start..(start + RANGE_BYTES).min(size)
}

/// Hashes one range, fed in order.
pub struct RangeHasher(Hasher);

/// What a range contributes to the digest of its file (a BLAKE3 chaining value).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeDigest(pub ChainingValue);

impl RangeHasher {
    /// A hasher for the bytes from `range * RANGE_BYTES` on.
    pub fn new(range: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.set_input_offset(range * RANGE_BYTES);
        Self(hasher)
    }

    /// Takes the next bytes of the range.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Ends a range of a file that has several.
    pub fn finish_range(&self) -> RangeDigest {
        RangeDigest(self.0.finalize_non_root())
    }

    /// Ends the only range of a file: its digest.
    pub fn finish_file(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

/// Merges the ranges of one file, in order, into the digest of the file.
///
/// # Panics
/// If there are fewer than two ranges: a single range ends with [`RangeHasher::finish_file`].
pub fn merge(ranges: &[RangeDigest]) -> Digest {
    assert!(ranges.len() > 1, "one range is a file of its own");
    let (left, right) = ranges.split_at(left_len(ranges.len()));
    let root = hazmat::merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash);
    Digest(*root.as_bytes())
}

/// A left subtree holds the largest power of two of ranges that leaves something for the right.
fn left_len(ranges: usize) -> usize {
    ranges.next_power_of_two() / 2
}

/// Recursion is as deep as the binary logarithm of the number of ranges: 40 for an exabyte.
fn subtree(ranges: &[RangeDigest]) -> ChainingValue {
    if let [only] = ranges {
        return only.0;
    }
    let (left, right) = ranges.split_at(left_len(ranges.len()));
    hazmat::merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::{Digest, RANGE_BYTES, RangeHasher, merge, range_count};

    #[test]
    fn merged_ranges_give_the_digest_of_the_whole_file() {
        let range = usize::try_from(RANGE_BYTES).unwrap();
        for len in [range + 1, 2 * range, 2 * range + 1, 3 * range, 5 * range + 77] {
            let bytes: Vec<u8> = (0..len).map(|i| u8::try_from(i / 3 % 251).unwrap()).collect();
            let ranges: Vec<_> = bytes
                .chunks(range)
                .zip(0..)
                .map(|(chunk, at)| {
                    let mut hasher = RangeHasher::new(at);
                    hasher.update(chunk);
                    hasher.finish_range()
                })
                .collect();
            assert_eq!(ranges.len() as u64, range_count(len as u64));
            assert_eq!(merge(&ranges), Digest::of(&bytes), "{len} bytes");
        }
    }

    #[test]
    fn an_empty_file_has_one_range_and_the_digest_of_nothing() {
        assert_eq!(range_count(0), 1);
        assert_eq!(RangeHasher::new(0).finish_file(), Digest::of(b""));
        assert_eq!(range_count(RANGE_BYTES), 1);
        assert_eq!(range_count(RANGE_BYTES + 1), 2);
    }
}
