//! A `BagIt` bag (RFC 8493): which manifests it has, and what it says of its payload.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::{Class, Fault, Place};
use crate::manifest::form::{Form, Part, number};
use crate::manifest::kinds::by_name;
use crate::manifest::lines::{Cut, Lines};
use crate::manifest::names::{Names, Percent, shown};
use crate::manifest::open::{Bag, Opened, Opening, VERB};
use crate::manifest::read::Reader;
use crate::model::meta::Kind;
use crate::model::path::{Name, RelPath};
use crate::sys::dir::Dir;
use crate::sys::stat;
use crate::sys::trust::{Trust, open_file_at};

/// `Payload-Oxum`: how much there is in the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oxum {
    /// The lengths of all files, in bytes.
    pub bytes: u64,
    /// How many files there are.
    pub files: u64,
}

/// The file that makes a directory a bag.
const DECLARATION: &[u8] = b"bagit.txt";
/// The file that says more of it.
const INFORMATION: &[u8] = b"bag-info.txt";
/// The first version that encodes `%`.
const ENCODES_PERCENT: (u64, u64) = (1, 0);
/// As many manifests as can be told apart in an index.
const MOST_MANIFESTS: usize = 200;

/// Opens the manifests of the bag at `path`.
///
/// # Errors
/// It is no bag, has no manifest, or says something that makes no sense.
pub fn open(path: &Path, names: &Names, trust: &Trust) -> Result<Opening, Fault> {
    let failed = |error| Fault::io(Class::Usage, VERB, Place::operand(path), error);
    let rule = |why: &str| Fault::rule(Class::Usage, VERB, Place::operand(path), why);
    let dir = Dir::open_trusted(path, trust).map_err(failed)?;
    let bag = Opener { dir, path, names, trust };
    let listed = bag.dir.list().map_err(failed)?;
    if !listed.iter().any(|entry| entry.name.as_bytes() == DECLARATION) {
        return Err(rule("it is a directory, and no bag: there is no bagit.txt in it"));
    }
    let percent = bag.declared()?;
    let mut files: Vec<(Part, Opened)> = Vec::new();
    let mut entries: Vec<Name> = listed.into_iter().map(|entry| entry.name).collect();
    entries.sort_unstable();
    for name in &entries {
        files.extend(bag.manifest(name, percent)?);
    }
    // Those of the payload come first.
    files.sort_by_key(|(part, _)| *part != Part::Payload);
    let payload_manifests = files.iter().filter(|(part, _)| *part == Part::Payload).count();
    if payload_manifests == 0 {
        return Err(rule("the bag has no manifest of its payload (manifest-ALGORITHM.txt)"));
    }
    if files.len() > MOST_MANIFESTS {
        return Err(rule("the bag has too many manifests"));
    }
    let has_information = entries.iter().any(|name| name.as_bytes() == INFORMATION);
    let oxum = if has_information { bag.oxum()? } else { None };
    let files = files.into_iter().map(|(_, opened)| opened).collect();
    Ok(Opening { files, bag: Some(Bag { payload_manifests, oxum }) })
}

/// A bag that is being opened.
struct Opener<'a> {
    dir: Dir,
    path: &'a Path,
    names: &'a Names,
    trust: &'a Trust,
}

impl Opener<'_> {
    fn place(&self, name: &[u8]) -> Place {
        Place::below(self.path, &RelPath::parse(name).unwrap_or_default())
    }

    fn fault(&self, name: &[u8], error: io::Error) -> Fault {
        Fault::io(Class::Usage, VERB, self.place(name), error)
    }

    fn flaw(&self, name: &[u8], line: u64, why: &str) -> Fault {
        Fault::rule(Class::Usage, VERB, self.place(name), format!("line {line}: {why}"))
    }

    fn open(&self, name: &[u8]) -> Result<File, Fault> {
        let found = Name::new(name).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput));
        let opened = found.and_then(|name| open_file_at(&self.dir, &name, self.trust));
        opened.map_err(|error| self.fault(name, error))
    }

    /// Calls `take` with label and value of each line `Label: value` of a tag file.
    fn tags(
        &self,
        name: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), String>,
    ) -> Result<(), Fault> {
        let mut lines = Lines::new(self.open(name)?);
        loop {
            match lines.advance() {
                Ok(None) => return Ok(()),
                Ok(Some(line)) => {
                    let Some(colon) = line.bytes.iter().position(|byte| *byte == b':') else {
                        continue;
                    };
                    let (label, value) = line.bytes.split_at(colon);
                    take(&label.to_ascii_lowercase(), value[1..].trim_ascii())
                        .map_err(|why| self.flaw(name, line.number, &why))?;
                }
                Err(Cut::Io(error)) => return Err(self.fault(name, error)),
                Err(Cut::TooLong(line)) => return Err(self.flaw(name, line, "it is too long")),
            }
        }
    }

    /// What `bagit.txt` says: the version, and with it how names are written.
    fn declared(&self) -> Result<Percent, Fault> {
        let (mut version, mut is_utf8) = (None, false);
        self.tags(DECLARATION, |label, value| {
            match label {
                b"bagit-version" => version = Some(version_of(value)?),
                b"tag-file-character-encoding" if value.eq_ignore_ascii_case(b"utf-8") => {
                    is_utf8 = true;
                }
                b"tag-file-character-encoding" => {
                    return Err(format!("the encoding {} is not supported", shown(value)));
                }
                _ => {}
            }
            Ok(())
        })?;
        let version = version.filter(|_| is_utf8).ok_or_else(|| {
            let why = "it has to say BagIt-Version and Tag-File-Character-Encoding";
            Fault::rule(Class::Usage, VERB, self.place(DECLARATION), why)
        })?;
        Ok(if version >= ENCODES_PERCENT { Percent::Encoded } else { Percent::Plain })
    }

    /// What `bag-info.txt` says of the payload.
    fn oxum(&self) -> Result<Option<Oxum>, Fault> {
        let mut found = None;
        self.tags(INFORMATION, |label, value| {
            if label == b"payload-oxum" {
                let oxum = oxum_of(value)?;
                if found.replace(oxum).is_some_and(|before| before != oxum) {
                    return Err("it says Payload-Oxum a second time, and differently".to_owned());
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The manifest of this name, if it is the name of one.
    fn manifest(&self, name: &Name, percent: Percent) -> Result<Option<(Part, Opened)>, Fault> {
        let bytes = name.as_bytes();
        let of_tags = bytes.strip_prefix(b"tagmanifest-").map(|rest| (Part::Tags, rest));
        let of_payload = bytes.strip_prefix(b"manifest-").map(|rest| (Part::Payload, rest));
        let Some((part, rest)) = of_tags.or(of_payload) else { return Ok(None) };
        let Some(word) = rest.strip_suffix(b".txt") else { return Ok(None) };
        let place = self.place(bytes);
        let Some(algorithm) = by_name(word) else {
            let why = format!("digests of {} are not supported", shown(word));
            return Err(Fault::rule(Class::Usage, VERB, place, why));
        };
        let file = self.open(bytes)?;
        let meta = stat::real(&file).map_err(|error| self.fault(bytes, error))?;
        if meta.kind != Kind::File {
            return Err(Fault::rule(Class::Usage, VERB, place, "it is no regular file"));
        }
        let form = Form::Bag { algorithm, part, percent };
        let reader = Reader::of(form, self.names.clone());
        Ok(Some((part, Opened { file, place, before: Some(meta), reader })))
    }
}

fn version_of(value: &[u8]) -> Result<(u64, u64), String> {
    let split = value.iter().position(|byte| *byte == b'.');
    let parts = split.map(|at| (number(&value[..at]), number(&value[at + 1..])));
    match parts {
        Some((Ok(major), Ok(minor))) => Ok((major, minor)),
        _ => Err(format!("\"{}\" is no version of BagIt", shown(value))),
    }
}

/// `BYTES.FILES`.
fn oxum_of(value: &[u8]) -> Result<Oxum, String> {
    let split = value.iter().position(|byte| *byte == b'.');
    let parts = split.map(|at| (number(&value[..at]), number(&value[at + 1..])));
    match parts {
        Some((Ok(bytes), Ok(files))) => Ok(Oxum { bytes, files }),
        _ => Err(format!("Payload-Oxum is not of the form BYTES.FILES: \"{}\"", shown(value))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{Oxum, oxum_of, version_of};

    #[test]
    fn what_a_bag_says_of_itself_is_read_or_refused() {
        assert_eq!(version_of(b"0.97"), Ok((0, 97)));
        assert_eq!(oxum_of(b"279164409832.1198"), Ok(Oxum { bytes: 279_164_409_832, files: 1198 }));
        for text in ["", ".", "1", "1.", ".1", "1.2.3", "-1.2", "1 .2", "99999999999999999999.1"] {
            assert!(oxum_of(text.as_bytes()).is_err() && version_of(text.as_bytes()).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_or_refused(text in any::<Vec<u8>>()) {
            drop((version_of(&text), oxum_of(&text)));
        }
    }
}
