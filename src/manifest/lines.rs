//! A check file line by line, with the place of each.

use std::io::{self, BufRead, BufReader, Read};

/// No line of a check file is longer: a digest of each kind, and a path far beyond what a system call
/// takes. What has longer lines is no check file.
pub const MOST_LINE_BYTES: usize = 1 << 20;

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a file.
pub struct Lines<R> {
    reader: BufReader<R>,
    offset: u64,
    number: u64,
    line: Vec<u8>,
}

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What stands in it; its end may have been a newline, or a carriage return and a newline.
    pub bytes: &'a [u8],
    /// Where in the file it begins.
    pub offset: u64,
    /// Which it is; the first one is 1.
    pub number: u64,
}

/// Why there is no next line.
#[derive(Debug)]
pub enum Cut {
    /// It can not be read.
    Io(io::Error),
    /// It is longer than lines of check files are; this is its number.
    TooLong(u64),
}

impl<R: Read> Lines<R> {
    /// From the beginning of `file`.
    pub fn new(file: R) -> Self {
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        Self { reader, offset: 0, number: 0, line: Vec::new() }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// It can not be read, or is no line of a check file.
    pub fn advance(&mut self) -> Result<Option<Line<'_>>, Cut> {
        self.line.clear();
        let most = MOST_LINE_BYTES as u64 + 1;
        let count = (&mut self.reader).take(most).read_until(b'\n', &mut self.line);
        let count = count.map_err(Cut::Io)?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        if count > MOST_LINE_BYTES {
            return Err(Cut::TooLong(self.number));
        }
        let mut offset = self.offset;
        self.offset += count as u64;
        let mut bytes = without_end(&self.line);
        if self.number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes = &bytes[BYTE_ORDER_MARK.len()..];
            offset += BYTE_ORDER_MARK.len() as u64;
        }
        Ok(Some(Line { bytes, offset, number: self.number }))
    }
}

/// A line without its newline, and without a carriage return before that: the coreutils, hashdeep and
/// b3sum drop it, and names that end in one are escaped.
pub fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::{Cut, Lines, MOST_LINE_BYTES};

    fn all(text: &[u8]) -> Vec<(Vec<u8>, u64, u64)> {
        let mut lines = Lines::new(text);
        let mut found = Vec::new();
        while let Some(line) = lines.advance().unwrap() {
            found.push((line.bytes.to_vec(), line.offset, line.number));
        }
        found
    }

    #[test]
    fn lines_end_in_newlines_carriage_returns_or_with_the_file() {
        let expected = [(&b"a"[..], 0, 1), (b"", 3, 2), (b"\rb", 4, 3), (b"c", 7, 4)];
        let expected = expected.map(|(bytes, offset, number)| (bytes.to_vec(), offset, number));
        assert_eq!(all(b"a\r\n\n\rb\nc"), expected);
        assert!(all(b"").is_empty());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        assert_eq!(all(b"\xef\xbb\xbfa\nb")[0], (b"a".to_vec(), 3, 1));
    }

    #[test]
    fn what_has_no_lines_is_not_read_to_its_end() {
        let endless = std::io::Read::chain(&b"a\n"[..], std::io::repeat(0));
        let mut lines = Lines::new(endless);
        lines.advance().unwrap();
        assert!(matches!(lines.advance(), Err(Cut::TooLong(2))));
        let longest = vec![b'a'; MOST_LINE_BYTES];
        assert_eq!(all(&longest).len(), 1);
    }
}
