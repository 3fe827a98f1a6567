//! By which algorithm a digest was made, as far as a check file says so.

use crate::model::checksum::Algorithm;

/// By which algorithms a digest may have been made: one, or two that make digests of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates {
    first: Algorithm,
    second: Option<Algorithm>,
}

impl Candidates {
    /// This one and no other.
    pub fn only(algorithm: Algorithm) -> Self {
        Self { first: algorithm, second: None }
    }

    /// Those that make digests of so many hexadecimal digits; `None`: there are none.
    pub fn of_digits(digits: usize) -> Option<Self> {
        let (first, second) = match digits {
            8 => (Algorithm::Crc32, None),
            16 => (Algorithm::Xxh3, Some(Algorithm::Xxh64)),
            32 => (Algorithm::Md5, Some(Algorithm::Xxh128)),
            40 => (Algorithm::Sha1, None),
            56 => (Algorithm::Sha224, None),
            64 => (Algorithm::Sha256, Some(Algorithm::Blake3)),
            96 => (Algorithm::Sha384, None),
            128 => (Algorithm::Sha512, Some(Algorithm::Blake2b)),
            _ => return None,
        };
        Some(Self { first, second })
    }

    /// Of several the one that somebody named, if it is among them.
    #[must_use]
    pub fn narrowed(self, hint: Option<Algorithm>) -> Self {
        hint.filter(|hint| self.contains(*hint)).map_or(self, Self::only)
    }

    /// True if it may have been this one.
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.iter().any(|candidate| candidate == algorithm)
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        std::iter::once(self.first).chain(self.second)
    }

    /// True if both digests may have been made by one algorithm.
    pub fn meets(self, other: Self) -> bool {
        self.iter().any(|candidate| other.contains(candidate))
    }
}

/// The algorithm that a tag, a column or an option names. openssl calls SHA-256 `SHA2-256`.
pub fn by_name(word: &[u8]) -> Option<Algorithm> {
    let word = word.strip_prefix(b"SHA2-").map_or(word.to_vec(), |bits| [b"SHA", bits].concat());
    let plain: Vec<u8> = word
        .iter()
        .filter(|byte| !matches!(byte, b'-' | b'_'))
        .map(u8::to_ascii_lowercase)
        .collect();
    let known = |algorithm: &Algorithm| algorithm.name().as_bytes() == plain;
    Algorithm::ALL.into_iter().find(known)
}

/// The algorithm that the name of a check file speaks of: `SHA256SUMS`, `disk.md5`, `manifest-sha512.txt`,
/// `tree.b3`; `None` if it speaks of none or of several.
pub fn by_file_name(name: &[u8]) -> Option<Algorithm> {
    let name = name.to_ascii_lowercase();
    let words = name.split(|byte| !byte.is_ascii_alphanumeric());
    let mut found = words.filter_map(|word| {
        let word = word.strip_suffix(b"s").filter(|word| word.ends_with(b"sum")).unwrap_or(word);
        let word = word.strip_suffix(b"sum").unwrap_or(word);
        match word {
            b"b3" => Some(Algorithm::Blake3),
            b"b2" => Some(Algorithm::Blake2b),
            word => by_name(word),
        }
    });
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::{Candidates, by_file_name, by_name};
    use crate::model::checksum::Algorithm;

    #[test]
    fn the_name_of_a_check_file_tells_the_algorithm() {
        for (name, expected) in [
            ("SHA256SUMS", Some(Algorithm::Sha256)),
            ("sha256sum.txt", Some(Algorithm::Sha256)),
            ("tree.sha512", Some(Algorithm::Sha512)),
            ("manifest-md5.txt", Some(Algorithm::Md5)),
            ("tree.b3", Some(Algorithm::Blake3)),
            ("B3SUMS", Some(Algorithm::Blake3)),
            ("x.blake3", Some(Algorithm::Blake3)),
            ("b2sums", Some(Algorithm::Blake2b)),
            ("2024-sha1-list", Some(Algorithm::Sha1)),
            ("md5-and-sha1", None),
            ("checksums", None),
            ("sums", None),
            ("", None),
        ] {
            assert_eq!(by_file_name(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn a_hint_decides_only_between_what_the_length_leaves_open() {
        let either = Candidates::of_digits(64).unwrap();
        assert!(either.contains(Algorithm::Sha256) && either.contains(Algorithm::Blake3));
        let one = either.narrowed(Some(Algorithm::Blake3));
        assert_eq!(one, Candidates::only(Algorithm::Blake3));
        assert_eq!(either.narrowed(Some(Algorithm::Md5)), either);
        assert!(one.meets(either) && !one.meets(Candidates::only(Algorithm::Sha256)));
        for algorithm in Algorithm::ALL.into_iter().filter(|other| *other != Algorithm::Md4) {
            let candidates = Candidates::of_digits(2 * algorithm.bytes()).unwrap();
            assert!(candidates.contains(algorithm), "{algorithm:?}");
        }
    }

    #[test]
    fn names_are_read_with_and_without_hyphens() {
        assert_eq!(by_name(b"SHA-256"), Some(Algorithm::Sha256));
        assert_eq!(by_name(b"SHA2-256"), Some(Algorithm::Sha256));
        assert_eq!(by_name(b"BLAKE2b"), Some(Algorithm::Blake2b));
        assert_eq!(by_name(b"SIZE"), None);
    }
}
