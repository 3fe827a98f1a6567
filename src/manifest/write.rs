//! Lines of a check file that `b3sum --check` reads.

use crate::model::digest::Digest;
use crate::model::path::RelPath;

/// The line of one file, with its newline; `None` if the format can not express its name: b3sum takes
/// UTF-8 only, and no U+FFFD, which stands for what is none.
pub fn line(path: &RelPath, digest: &Digest) -> Option<Vec<u8>> {
    let name = std::str::from_utf8(path.as_bytes()).ok()?;
    if name.is_empty() || name.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let mark = if escaped.len() == name.len() { "" } else { "\\" };
    Some(format!("{mark}{digest}  {escaped}\n").into_bytes())
}
