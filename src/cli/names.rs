//! Names on their way to a person: bytes that could steer a terminal are written `\#ooo`.

use std::ffi::OsString;

use crate::model::path::looks_escaped;

/// Which bytes of a name are written as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escape {
    /// What becomes of bytes above 127.
    pub high: High,
    /// Who reads.
    pub reader: Reader,
}

/// What becomes of bytes above 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum High {
    /// All stay (`--8-bit-output`).
    Raw,
    /// Those stay that are UTF-8, which the locale can print.
    Utf8,
    /// None stays: the locale knows ASCII only.
    Escaped,
}

/// Who reads the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A program or a file: the bytes are rsync's.
    Program,
    /// A terminal: DEL and the C1 control characters, which rsync lets pass, are escaped too.
    Terminal,
}

impl High {
    /// What the environment's locale can print (locale(7)).
    pub fn of_locale(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|value| !value.is_empty())
            .unwrap_or_default();
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Utf8 } else { Self::Escaped }
    }
}

impl Escape {
    /// Appends `name` to `line`.
    pub fn append(self, line: &mut Vec<u8>, name: &[u8]) {
        let mut at = 0;
        for chunk in name.utf8_chunks() {
            for (offset, c) in chunk.valid().char_indices() {
                let start = at + offset;
                let bytes = &name[start..start + c.len_utf8()];
                if self.is_escaped(c) || (c == '\\' && looks_escaped(&name[start..])) {
                    octal(line, bytes);
                } else {
                    line.extend_from_slice(bytes);
                }
            }
            at += chunk.valid().len();
            if self.high == High::Raw {
                line.extend_from_slice(chunk.invalid());
            } else {
                octal(line, chunk.invalid());
            }
            at += chunk.invalid().len();
        }
    }

    fn is_escaped(self, c: char) -> bool {
        match c {
            '\t' => false,
            '\0'..='\x1f' => true,
            '\x7f'..='\u{9f}' if self.reader == Reader::Terminal => true,
            _ if c.is_ascii() => false,
            _ => self.high == High::Escaped,
        }
    }
}

fn octal(line: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        line.extend_from_slice(format!("\\#{byte:03o}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{Escape, High, Reader};

    fn escaped(name: &[u8], high: High, reader: Reader) -> Vec<u8> {
        let mut line = Vec::new();
        Escape { high, reader }.append(&mut line, name);
        line
    }

    /// Seen from rsync 3.5.0 in `C.UTF-8`, in `C`, and with `-8`.
    #[test]
    fn programs_get_rsyncs_bytes() {
        let cases: [[&[u8]; 4]; 9] = [
            [b"a\nb", b"a\\#012b", b"a\\#012b", b"a\\#012b"],
            [b"t\tb", b"t\tb", b"t\tb", b"t\tb"],
            [b"\x7fdel", b"\x7fdel", b"\x7fdel", b"\x7fdel"],
            [b"\xff\xfe", b"\\#377\\#376", b"\\#377\\#376", b"\xff\xfe"],
            [b"h\xc3\xa9", b"h\xc3\xa9", b"h\\#303\\#251", b"h\xc3\xa9"],
            [b"c\xc2\x85x", b"c\xc2\x85x", b"c\\#302\\#205x", b"c\xc2\x85x"],
            [b"b\\#012", b"b\\#134#012", b"b\\#134#012", b"b\\#134#012"],
            [b"e\\#999", b"e\\#134#999", b"e\\#134#999", b"e\\#134#999"],
            [b"b\\#12\\x", b"b\\#12\\x", b"b\\#12\\x", b"b\\#12\\x"],
        ];
        for [name, utf8, ascii, raw] in cases {
            assert_eq!(escaped(name, High::Utf8, Reader::Program), utf8);
            assert_eq!(escaped(name, High::Escaped, Reader::Program), ascii);
            assert_eq!(escaped(name, High::Raw, Reader::Program), raw);
        }
    }

    #[test]
    fn terminals_get_no_control_character_at_all() {
        let seen = escaped(b"\x7f\xc2\x9b2J\x1b[2J", High::Utf8, Reader::Terminal);
        assert_eq!(seen, b"\\#177\\#302\\#2332J\\#033[2J");
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_locale() {
        let with = |pairs: &'static [(&str, &str)]| {
            High::of_locale(|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        assert_eq!(with(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]), High::Escaped);
        assert_eq!(with(&[("LC_ALL", ""), ("LANG", "C.UTF-8")]), High::Utf8);
        assert_eq!(with(&[("LC_CTYPE", "de_DE.utf8")]), High::Utf8);
        assert_eq!(with(&[]), High::Escaped);
    }
}
