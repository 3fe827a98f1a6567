//! Check files as a whole: what they are taken for, and where they make no sense.

use std::path::Path;

use proptest::prelude::{ProptestConfig, any, proptest};

use super::{Reader, Told};
use crate::manifest::form::Listed;
use crate::manifest::lines::{Cut, Lines};
use crate::manifest::names::Names;
use crate::manifest::write;
use crate::model::checksum::{Algorithm, Checksum};
use crate::model::digest::Digest;
use crate::model::path::RelPath;

const MD5: &str = "5d41402abc4b2a76b9719d911017c592";
const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// What a file lists, or the number of the line that makes no sense, and why.
fn read(text: &[u8], told: Told) -> Result<Vec<Listed>, (u64, String)> {
    let mut reader = Reader::new(told, Names::below(&[Path::new("/top/dest")]));
    let mut lines = Lines::new(text);
    let mut found = Vec::new();
    let mut last = 0;
    loop {
        match lines.advance() {
            Ok(None) => break,
            Ok(Some(line)) => {
                last = line.number;
                found.extend(reader.take(line.bytes).map_err(|why| (last, why))?);
            }
            Err(Cut::TooLong(line)) => return Err((line, "too long".to_owned())),
            Err(Cut::Io(error)) => panic!("{error}"),
        }
    }
    reader.settled().map_err(|why| (last, why)).map(|_| found)
}

fn paths(text: &str) -> Result<Vec<String>, (u64, String)> {
    let listed = read(text.as_bytes(), Told::Nothing)?;
    Ok(listed.iter().map(|listed| String::from_utf8_lossy(listed.path.as_bytes()).into()).collect())
}

#[test]
fn a_file_is_read_whatever_its_line_ends_and_comments() {
    let text = format!("\u{feff}# by hand\r\n\r\n{MD5}  a\r\n\n{MD5} *b");
    assert_eq!(paths(&text), Ok(vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn tagged_lines_may_be_of_several_algorithms() {
    let text = format!("MD5 (a) = {MD5}\nSHA256 (a) = {SHA256}\n");
    let listed = read(text.as_bytes(), Told::Nothing).unwrap();
    assert_eq!(listed.len(), 2);
    let only = read(text.as_bytes(), Told::Said(Algorithm::Md5)).unwrap_err();
    assert_eq!(only, (2, "its digest is of sha256, not of md5".to_owned()));
}

#[test]
fn what_makes_no_sense_is_told_with_its_line() {
    let hashdeep = format!("%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n## x\n5,{MD5},a\n");
    for (text, line, why) in [
        (String::new(), 0, "lists nothing"),
        ("\n# only a comment\n".to_owned(), 2, "lists nothing"),
        ("%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n".to_owned(), 2, "lists nothing"),
        ("%%%% HASHDEEP-1.0\n".to_owned(), 1, "lists nothing"),
        (format!("%%%% HASHDEEP-1.0\n5,{MD5},a\n"), 2, "columns is missing"),
        ("\u{7f}ELF\u{2}\n".to_owned(), 1, "no line of a check file"),
        ("just a text\n".to_owned(), 1, "no line of a check file"),
        (format!("UNSUPPORTED{}  a\n", " ".repeat(21)), 1, "no line of a check file"),
        (format!("{MD5}  a\nERROR  b\n"), 2, "no hexadecimal digit"),
        (format!("{MD5}  a\n{SHA256}  b\n"), 2, "64 digits, and those before it have 32"),
        (format!("{MD5}  a\n{}\n", &MD5[..20]), 2, "no name"),
        (format!("{MD5}  a\n\n{MD5}  ../b\n"), 3, ".."),
        (format!("{hashdeep}x\n"), 5, "fewer columns"),
        (format!("{hashdeep}{MD5}  a\n"), 5, "another form"),
    ] {
        let (found_line, found_why) = paths(&text).unwrap_err();
        assert!(found_line == line && found_why.contains(why), "{text}: {found_line}: {found_why}");
    }
}

#[test]
fn what_is_known_of_the_algorithm_decides_or_must_fit() {
    let text = format!("{SHA256}  a\n");
    let by = |told| read(text.as_bytes(), told).map(|listed| listed[0].digests[0].by);
    let algorithms = |told| by(told).unwrap().iter().collect::<Vec<_>>();
    assert_eq!(algorithms(Told::Nothing), [Algorithm::Sha256, Algorithm::Blake3]);
    assert_eq!(algorithms(Told::Hinted(Algorithm::Blake3)), [Algorithm::Blake3]);
    assert_eq!(algorithms(Told::Hinted(Algorithm::Md5)).len(), 2);
    assert_eq!(algorithms(Told::Said(Algorithm::Sha256)), [Algorithm::Sha256]);
    let wrong = by(Told::Said(Algorithm::Md5)).unwrap_err();
    assert_eq!(wrong, (1, "the digest has 64 digits, and one of md5 has 32".to_owned()));
    let hashdeep = format!("%%%% HASHDEEP-1.0\n%%%% md5,sha256,filename\n{MD5},{SHA256},a\n");
    let listed = read(hashdeep.as_bytes(), Told::Said(Algorithm::Sha256)).unwrap();
    assert_eq!(listed[0].digests.len(), 1);
    assert!(read(hashdeep.as_bytes(), Told::Said(Algorithm::Sha1)).is_err());
}

#[test]
fn hashdeep_tells_where_it_ran() {
    let text = |from: &str, name: &str| {
        format!(
            "%%%% HASHDEEP-1.0\n%%%% md5,filename\n## Invoked from: {from}\n## \n{MD5},{name}\n"
        )
    };
    assert_eq!(paths(&text("/top", "dest/a")), Ok(vec!["a".to_owned()]));
    assert_eq!(paths(&text("/top/dest", "./a")), Ok(vec!["a".to_owned()]));
    assert_eq!(paths(&text("/", "/top/dest/b/a")), Ok(vec!["b/a".to_owned()]));
    let outside = text("/top", "dest/a") + &format!("{MD5},else/a\n");
    assert_eq!(paths(&outside).unwrap_err().0, 6);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(text in any::<Vec<u8>>()) {
        drop(read(&text, Told::Nothing));
        let head = format!("{MD5}  a\n");
        drop(read(&[head.as_bytes(), &text].concat(), Told::Hinted(Algorithm::Md5)));
        let head = "%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n";
        drop(read(&[head.as_bytes(), &text].concat(), Told::Nothing));
    }

    #[test]
    fn lines_that_are_cut_or_changed_are_read_or_refused(
        at in 0..200_usize, byte in any::<u8>(), cut in 0..200_usize,
    ) {
        let text = format!(
            "{MD5}  a\n\\{MD5}  b\\nc\nMD5 (d) = {MD5}\n%%%% HASHDEEP-1.0\n%%%% md5,filename\n{MD5},e\n"
        );
        let mut text = text.into_bytes();
        if let Some(changed) = text.get_mut(at) {
            *changed = byte;
        }
        text.truncate(cut.max(1));
        drop(read(&text, Told::Nothing));
    }

    #[test]
    fn what_is_written_is_read(path in "\\PC{1,20}", control in "[\\n\\r\\\\ a]{0,4}", bytes in any::<[u8; 32]>()) {
        let name = format!("{control}{path}{control}");
        if let Some(path) = RelPath::parse(name.as_bytes()) {
            let digest = Digest(bytes);
            if let Some(line) = write::line(&path, &digest) {
                let listed = read(&line, Told::Nothing).unwrap();
                assert_eq!((&listed[0].path, listed.len()), (&path, 1));
                assert_eq!(listed[0].digests[0].digest, Checksum::from(digest));
            } else {
                assert!(name.contains(char::REPLACEMENT_CHARACTER));
            }
        }
    }
}
