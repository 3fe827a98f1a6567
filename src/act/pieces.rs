//! What becomes of each part of some bytes of a file: kept, written, or made a hole. Pure.

use std::ops::Range;

use crate::settings::content::Zeros;

/// The unit in which bytes are compared and holes are made: most file systems have no smaller block.
pub const PAGE_BYTES: usize = 4096;

/// What becomes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The destination has the same bytes.
    Keep,
    /// They are written.
    Write,
    /// They are zeros, and the destination's bytes may be others: a hole is made.
    Hole,
    /// They are zeros on both sides: a hole is made in the place of the destination's.
    Dig,
}

/// Runs of pages of one fate, in order; they cover `ours`.
///
/// `theirs`: what the destination has there, as far as it goes; `None`: nobody looked. `at`: where
/// `ours` begins in the file; pages are counted from the file's beginning.
pub fn pieces(
    ours: &[u8],
    theirs: Option<&[u8]>,
    at: u64,
    zeros: Zeros,
) -> Vec<(Fate, Range<usize>)> {
    let mut pieces: Vec<(Fate, Range<usize>)> = Vec::new();
    let within_page = usize::try_from(at % PAGE_BYTES as u64).unwrap_or(0);
    let mut start = 0;
    let mut end = PAGE_BYTES - within_page;
    while start < ours.len() {
        end = end.min(ours.len());
        let page = &ours[start..end];
        let is_equal = theirs.is_some_and(|theirs| theirs.get(start..end) == Some(page));
        let is_hole = zeros == Zeros::Holes && is_zero(page);
        let fate = match (is_hole, is_equal) {
            (true, true) => Fate::Dig,
            (true, false) => Fate::Hole,
            (false, true) => Fate::Keep,
            (false, false) => Fate::Write,
        };
        match pieces.last_mut() {
            Some((last, run)) if *last == fate => run.end = end,
            _ => pieces.push((fate, start..end)),
        }
        (start, end) = (end, end + PAGE_BYTES);
    }
    pieces
}

/// True if at most a page of bytes are all zero.
fn is_zero(page: &[u8]) -> bool {
    static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];
    page == &ZEROS[..page.len()]
}

#[cfg(test)]
mod tests {
    use super::{Fate, PAGE_BYTES, pieces};
    use crate::settings::content::Zeros;

    /// A file of pages that are each filled with one byte, and some bytes more.
    fn pages(fills: &[u8], rest: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = fills.iter().flat_map(|fill| [*fill; PAGE_BYTES]).collect();
        bytes.resize(bytes.len() + rest, 7);
        bytes
    }

    #[test]
    fn all_is_written_where_nobody_looked() {
        let ours = pages(&[0, 1, 0], 5);
        assert_eq!(pieces(&ours, None, 0, Zeros::Written), [(Fate::Write, 0..ours.len())]);
    }

    #[test]
    fn pages_of_zeros_become_holes() {
        let page = PAGE_BYTES;
        let mut ours = pages(&[0, 1, 0, 0], 5);
        ours[4 * page..].fill(0);
        let all = pieces(&ours, None, 0, Zeros::Holes);
        let holes = [
            (Fate::Hole, 0..page),
            (Fate::Write, page..2 * page),
            (Fate::Hole, 2 * page..4 * page + 5),
        ];
        assert_eq!(all, holes);
    }

    #[test]
    fn pages_are_counted_from_the_beginning_of_the_file() {
        let ours = vec![0; 3 * PAGE_BYTES];
        let mut shifted = ours.clone();
        shifted[0] = 1;
        let found = pieces(&shifted, None, 100, Zeros::Holes);
        assert_eq!(found[0], (Fate::Write, 0..PAGE_BYTES - 100));
        assert_eq!(found[1], (Fate::Hole, PAGE_BYTES - 100..ours.len()));
    }

    #[test]
    fn only_pages_that_differ_are_written() {
        let page = PAGE_BYTES;
        let (ours, mut theirs) = (pages(&[1, 2, 3, 4], 5), pages(&[1, 2, 3, 4], 5));
        theirs[page] = 9;
        theirs[3 * page - 1] = 9;
        theirs.truncate(4 * page + 4);
        let found = pieces(&ours, Some(&theirs), 0, Zeros::Holes);
        let expected = [
            (Fate::Keep, 0..page),
            (Fate::Write, page..3 * page),
            (Fate::Keep, 3 * page..4 * page),
            (Fate::Write, 4 * page..4 * page + 5),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn equal_zeros_are_dug_and_differing_ones_are_new() {
        let page = PAGE_BYTES;
        let (ours, theirs) = (pages(&[0, 0], 0), pages(&[0, 1], 0));
        let found = pieces(&ours, Some(&theirs), 0, Zeros::Holes);
        assert_eq!(found, [(Fate::Dig, 0..page), (Fate::Hole, page..2 * page)]);
        let kept = pieces(&ours, Some(&theirs), 0, Zeros::Written);
        assert_eq!(kept, [(Fate::Keep, 0..page), (Fate::Write, page..2 * page)]);
    }
}
