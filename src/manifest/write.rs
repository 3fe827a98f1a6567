//! Lines of a check file that `b3sum --check` reads.

use crate::manifest::names::escaped;
use crate::model::digest::Digest;
use crate::model::path::RelPath;

/// The line of one file, with its newline; `None` if the format can not express its name: b3sum takes
/// UTF-8 only, and no U+FFFD, which stands for what is none.
pub fn line(path: &RelPath, digest: &Digest) -> Option<Vec<u8>> {
    let name = std::str::from_utf8(path.as_bytes()).ok()?;
    if name.is_empty() || name.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let (name, is_escaped) = escaped(path.as_bytes());
    let mut line = if is_escaped { b"\\".to_vec() } else { Vec::new() };
    line.extend_from_slice(digest.to_string().as_bytes());
    line.extend_from_slice(b"  ");
    line.extend_from_slice(&name);
    line.push(b'\n');
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::model::digest::Digest;
    use crate::model::path::RelPath;

    fn written(name: &[u8]) -> Option<String> {
        let line = line(&RelPath::parse(name).unwrap(), &Digest([0xab; 32]))?;
        Some(String::from_utf8(line).unwrap().replace(&"ab".repeat(32), "HEX"))
    }

    #[test]
    fn names_are_written_as_b3sum_writes_them() {
        assert_eq!(written(b"a/b c").as_deref(), Some("HEX  a/b c\n"));
        assert_eq!(written(b"a\nb\\c\rd").as_deref(), Some("\\HEX  a\\nb\\\\c\\rd\n"));
        assert_eq!(written("\u{e9}".as_bytes()).as_deref(), Some("HEX  \u{e9}\n"));
    }

    #[test]
    fn what_b3sum_would_not_read_is_not_written() {
        assert_eq!(written(b"a\xff"), None);
        assert_eq!(written("a\u{fffd}".as_bytes()), None);
    }
}
