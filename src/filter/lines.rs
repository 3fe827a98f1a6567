//! Cuts the contents of a rule file into the texts of rules.
//!
//! rsync.1, `--exclude-from`, `--from0` and "MERGE-FILE FILTER RULES" (the `w` modifier).

use super::rule::{Split, is_space};

/// What ends a line of a rule file (rsync.1, `--from0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LineEnds {
    /// NL, CR, or both.
    #[default]
    Newline,
    /// NUL.
    Nul,
}

/// The lines of a list of names (`--files-from`), without those that are empty or comments.
pub fn entries(content: &[u8], ends: LineEnds) -> impl Iterator<Item = &[u8]> {
    texts(content, Split::Lines, ends).map(|(_, text)| text)
}

/// The rules of a file, each with its line unless the file is split into words.
pub(super) fn texts(
    content: &[u8],
    split: Split,
    ends: LineEnds,
) -> impl Iterator<Item = (Option<usize>, &[u8])> {
    let is_end = move |byte: &u8| match (split, ends) {
        (Split::Words, LineEnds::Newline) => is_space(*byte),
        (Split::Words, LineEnds::Nul) => is_space(*byte) || *byte == 0,
        (Split::Lines, LineEnds::Newline) => matches!(byte, b'\n' | b'\r'),
        (Split::Lines, LineEnds::Nul) => *byte == 0,
    };
    let mut line = 1;
    let mut after_cr = false;
    content
        .split(is_end)
        .scan(0, move |place, text| {
            let number = line;
            *place += text.len();
            // CR and LF together end one line.
            let end = content.get(*place);
            if !(end == Some(&b'\n') && after_cr && text.is_empty()) {
                line += 1;
            }
            after_cr = end == Some(&b'\r');
            *place += 1;
            Some((number, text))
        })
        .map(move |(number, text)| {
            // rsync's rules are C strings: a NUL that ends no line ends the rule all the same.
            let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
            ((split == Split::Lines).then_some(number), &text[..end])
        })
        .filter(move |(_, text)| {
            let is_comment = split == Split::Lines && matches!(text.first(), Some(b'#' | b';'));
            !text.is_empty() && !is_comment
        })
}

#[cfg(test)]
mod tests {
    use super::{LineEnds, texts};
    use crate::filter::rule::Split;

    fn lines(content: &str, split: Split, ends: LineEnds) -> Vec<(Option<usize>, String)> {
        let found = texts(content.as_bytes(), split, ends);
        found.map(|(line, text)| (line, String::from_utf8(text.to_vec()).unwrap())).collect()
    }

    #[test]
    fn lines_are_numbered_whatever_ends_them() {
        for content in ["#x\r\n\r\na", "#x\n;y\na", "\r\ra", "\n\ra", "\n\na\0b"] {
            let found = lines(content, Split::Lines, LineEnds::Newline);
            assert_eq!(found, [(Some(3), "a".to_owned())], "{content:?}");
        }
        let found = lines("a\nb\0\0c", Split::Lines, LineEnds::Nul);
        assert_eq!(found, [(Some(1), "a\nb".to_owned()), (Some(3), "c".to_owned())]);
    }

    #[test]
    fn words_know_no_comments_and_no_lines() {
        let found = lines("a  #b\tc\n", Split::Words, LineEnds::Newline);
        assert_eq!(found, ["a", "#b", "c"].map(|word| (None, word.to_owned())));
    }
}
