//! Two files read side by side and compared byte by byte: proof as strong as any, and cheaper than
//! two digests.

use std::fs::File;
use std::ops::Range;

use crate::effort::{Stop, with_buffers};
use crate::error::{Cause, During, Side, Trouble};
use crate::model::digest::RangeHasher;
use crate::sys::read;

/// What a comparison of bytes found, and what it read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// True if all bytes are there on both sides and are the same.
    pub is_equal: bool,
    /// Bytes read from the source.
    pub source_read_bytes: u64,
    /// Bytes read from the destination.
    pub dest_read_bytes: u64,
}

/// Compares `bytes` (offsets in both files). It ends at the first part that differs: what `hasher` has
/// taken of the source is complete only if all is equal.
pub fn match_bytes(
    source: &File,
    dest: &File,
    bytes: Range<u64>,
    mut hasher: Option<&mut RangeHasher>,
    stop: &Stop,
) -> Result<Matched, Trouble> {
    let most = stop.step();
    with_buffers(|ours, theirs| {
        let mut matched = Matched::default();
        let mut at = bytes.start;
        while at < bytes.end {
            let left = bytes.end - at;
            let wanted = usize::try_from(left).map_or(most, |left| left.min(most));
            let of_source =
                read::fill_at(source, &mut ours[..wanted], at).during(Side::Source, "read")?;
            let of_dest =
                read::fill_at(dest, &mut theirs[..wanted], at).during(Side::Dest, "read")?;
            if !stop.admits(of_source + of_dest) {
                return Err(Trouble { side: Side::Dest, verb: "read", cause: Cause::Stopped });
            }
            matched.source_read_bytes += of_source as u64;
            matched.dest_read_bytes += of_dest as u64;
            if of_source < wanted || ours[..of_source] != theirs[..of_dest] {
                return Ok(matched);
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&ours[..of_source]);
            }
            at += wanted as u64;
        }
        Ok(Matched { is_equal: true, ..matched })
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::{Matched, match_bytes};
    use crate::effort::{BUFFER_BYTES, Stop};
    use crate::error::Class;
    use crate::model::digest::{Digest, RangeHasher};

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn matched(ours: &[u8], theirs: &[u8], len: usize) -> Matched {
        let (ours, theirs) = (file(ours), file(theirs));
        match_bytes(&ours, &theirs, 0..len as u64, None, &Stop::default()).unwrap()
    }

    #[test]
    fn one_other_byte_anywhere_is_found() {
        let len = 2 * BUFFER_BYTES + 5;
        let ours: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        assert!(matched(&ours, &ours, len).is_equal);
        for at in [0, BUFFER_BYTES - 1, BUFFER_BYTES, 2 * BUFFER_BYTES, len - 1] {
            let mut theirs = ours.clone();
            theirs[at] ^= 1;
            assert!(!matched(&ours, &theirs, len).is_equal, "byte {at}");
        }
    }

    #[test]
    fn a_file_that_ends_too_early_is_not_equal_to_anything() {
        assert!(!matched(b"abc", b"ab", 3).is_equal);
        assert!(!matched(b"ab", b"abc", 3).is_equal);
        assert!(!matched(b"ab", b"ab", 3).is_equal);
        assert!(matched(b"abc", b"abd", 2).is_equal, "what is beyond was not asked for");
    }

    #[test]
    fn a_run_that_is_to_stop_is_told_from_files_that_differ() {
        let (ours, stop) = (file(b"abc"), Stop::default());
        stop.request();
        let stopped = match_bytes(&ours, &ours, 0..3, None, &stop);
        assert_eq!(stopped.unwrap_err().class(), Class::Interrupted);
    }

    #[test]
    fn the_hasher_takes_what_the_source_has() {
        let (ours, theirs) = (file(b"some bytes"), file(b"some bytes"));
        let mut hasher = RangeHasher::new(0);
        let stop = Stop::default();
        match_bytes(&ours, &theirs, 0..10, Some(&mut hasher), &stop).unwrap();
        assert_eq!(hasher.finish_file(), Digest::of(b"some bytes"));
    }
}
