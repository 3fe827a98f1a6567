//! Lines of check files in each of their forms, and any others.

use std::path::Path;

use proptest::prelude::{ProptestConfig, Strategy, any, proptest};

use super::{Column, Form, Gap, Listed, Part, columns};
use crate::manifest::kinds::Candidates;
use crate::manifest::names::{Names, Percent, escaped};
use crate::model::checksum::{Algorithm, Checksum};
use crate::model::digest::Digest;
use crate::model::path::RelPath;

const MD5: &str = "5d41402abc4b2a76b9719d911017c592";
const SHA1: &str = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";

fn names() -> Names {
    Names::below(&[Path::new("/top")])
}

/// The form of the line, and what it lists.
fn read(line: &str) -> Result<(Form, Listed), String> {
    let form = Form::of_line(line.as_bytes()).ok_or("no form")?;
    let listed = form.parse(line.as_bytes(), &names())?.ok_or("nothing")?;
    Ok((form, listed))
}

fn path_of(line: &str) -> Result<String, String> {
    let (_, listed) = read(line)?;
    Ok(String::from_utf8(listed.path.as_bytes().to_vec()).unwrap())
}

/// Each was seen to be read so by `md5sum --check` or `b3sum --check`.
#[test]
fn lines_of_the_coreutils_and_of_b3sum_are_read() {
    for (line, expected) in [
        (format!("{MD5}  a b"), "a b"),
        (format!("{MD5} *a"), "a"),
        (format!("{MD5}   a"), " a"),
        (format!("{MD5}  *a"), "*a"),
        (format!("{MD5}  ./a\\b"), "a\\b"),
        (format!("\\{MD5}  a\\nb\\\\c\\rd"), "a\nb\\c\rd"),
        (format!("\\{MD5}  a"), "a"),
        (format!("{}  a", MD5.to_uppercase()), "a"),
        (format!("{MD5} a"), "a"),
        (format!("MD5 (a) = {MD5}"), "a"),
        (format!("MD5(a)= {MD5}"), "a"),
        (format!("MD5 (a (b) = c) = {MD5}"), "a (b) = c"),
        (format!("\\MD5 (a\\nb) = {MD5}"), "a\nb"),
        (format!("SHA1 (/top/a) = {SHA1}"), "a"),
        (format!("{SHA1}  /top/sub/a"), "sub/a"),
    ] {
        assert_eq!(path_of(&line).as_deref(), Ok(expected), "{line}");
    }
    let (form, listed) = read(&format!("{MD5}  a")).unwrap();
    assert_eq!(form.algorithms(), [Algorithm::Md5, Algorithm::Xxh128]);
    assert_eq!(listed.digests[0].digest.to_string(), MD5);
    let (form, _) = read(&format!("{MD5} a")).unwrap();
    assert!(matches!(form, Form::Plain { gap: Gap::One, .. }));
}

#[test]
fn what_is_no_line_of_a_check_file_has_no_form() {
    for line in ["", "x", "hello world", MD5, "abc  a", "() = ", "MD5 a = 00", ") = (", " \\"] {
        assert_eq!(Form::of_line(line.as_bytes()), None, "{line}");
    }
    let odd = format!("{MD5}0  a");
    assert_eq!(Form::of_line(odd.as_bytes()), None);
}

#[test]
fn of_a_known_form_a_wrong_line_is_refused_and_told_why() {
    let plain = Form::of_line(format!("{MD5}  a").as_bytes()).unwrap();
    let tagged = Form::Tagged { only: None };
    let only = Form::Tagged { only: Some(Algorithm::Md5) };
    for (form, line, why) in [
        (&plain, "zz  a".to_owned(), "does not begin with a digest"),
        (&plain, format!("{}z  a", &MD5[..31]), "no hexadecimal digit"),
        (&plain, MD5.to_owned(), "no name"),
        (&plain, format!("{MD5}  "), "name is empty"),
        (&plain, format!("{}  a", &MD5[..30]), "30 digits"),
        (&plain, format!("{SHA1}  a"), "40 digits, and those before it have 32"),
        (&plain, format!("MD5 (a) = {MD5}"), "another form"),
        (&plain, format!("\\{MD5}  a\\t"), "escape"),
        (&plain, format!("{MD5}  a/../b"), ".."),
        (&plain, format!("{MD5}  /other/a"), "not below"),
        (&plain, format!("{MD5}  a\0b"), "NUL"),
        (&tagged, format!("SIZE (a) = {MD5}"), "SIZE is not known"),
        (&tagged, format!("SHA1 (a) = {MD5}"), "32 digits, and one of sha1 has 40"),
        (&tagged, "MD5 (a) = 5d4".to_owned(), "no hexadecimal digit, or it is cut"),
        (&tagged, format!("{MD5}  a"), "another form"),
        (&tagged, "MD5 (a)".to_owned(), "not of the form"),
        (&tagged, format!("MD5 () = {MD5}"), "name is empty"),
        (&only, format!("SHA1 (a) = {SHA1}"), "of sha1, not of md5"),
    ] {
        let error = form.parse(line.as_bytes(), &names()).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
}

#[test]
fn empty_lines_and_comments_list_nothing() {
    let plain = Form::of_line(format!("{MD5}  a").as_bytes()).unwrap();
    for line in ["", "#", "# a  b"] {
        assert_eq!(plain.parse(line.as_bytes(), &names()), Ok(None));
    }
}

#[test]
fn hashdeep_has_columns_and_names_with_commas() {
    let head = b"%%%% size,md5,whirlpool,filename";
    let known = columns(head).unwrap();
    assert_eq!(known, [Column::Size, Column::Digest(Algorithm::Md5), Column::Other]);
    let form = Form::Hashdeep { columns: known };
    let listed = form.parse(format!("5,{MD5},zz,./a,b").as_bytes(), &names()).unwrap().unwrap();
    assert_eq!((listed.path.as_bytes(), listed.size), (&b"a,b"[..], Some(5)));
    assert_eq!(listed.digests[0].by, Candidates::only(Algorithm::Md5));
    assert_eq!(form.parse(head, &names()), Ok(None), "the head of another file behind it");
    for (line, why) in [
        (format!("5,{MD5}"), "fewer columns"),
        (format!("x,{MD5},z,a"), "no number of bytes"),
        (format!("-1,{MD5},z,a"), "no number of bytes"),
        (format!("5,{SHA1},z,a"), "40 digits"),
        (format!("5,{MD5},z,"), "name is empty"),
        ("%%%% size,sha1,filename".to_owned(), "columns change"),
        (format!("{MD5}  a"), "another form"),
    ] {
        let error = form.parse(line.as_bytes(), &names()).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
    for head in ["%%%% size,md5", "%%%% size,tiger,filename", "%%%% size,size,md5,filename", "x"] {
        assert!(columns(head.as_bytes()).is_err(), "{head}");
    }
}

#[test]
fn the_manifests_of_a_bag_keep_to_their_part() {
    let of = |part| Form::Bag { algorithm: Algorithm::Md5, part, percent: Percent::Encoded };
    let (payload, tags) = (of(Part::Payload), of(Part::Tags));
    for (line, expected) in [
        (format!("{MD5}  data/a b"), "data/a b"),
        (format!("{MD5}\t*data/a"), "data/a"),
        (format!("{MD5} data/a%0Ab%25"), "data/a\nb%"),
    ] {
        let listed = payload.parse(line.as_bytes(), &names()).unwrap().unwrap();
        assert_eq!(listed.path.as_bytes(), expected.as_bytes(), "{line}");
    }
    for (form, line, why) in [
        (&payload, format!("{MD5}  bagit.txt"), "not below data/"),
        (&payload, format!("{MD5}  data/../a"), ".."),
        (&payload, format!("{MD5}  /top/data/a"), "no name in the bag"),
        (&payload, format!("{SHA1}  data/a"), "40 digits"),
        (&payload, MD5.to_owned(), "no name"),
        (&payload, format!("{MD5}  "), "name is empty"),
        (&tags, format!("{MD5}  data/a"), "is below data/"),
    ] {
        let error = form.parse(line.as_bytes(), &names()).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
    assert!(tags.parse(format!("{MD5} database").as_bytes(), &names()).is_ok());
}

/// Any name that a file can have, as a path of up to three of them.
fn path() -> impl Strategy<Value = RelPath> {
    let name = proptest::collection::vec(any::<u8>(), 1..12);
    proptest::collection::vec(name, 1..4)
        .prop_filter_map("no path", |names| RelPath::parse(&names.join(&b'/')))
}

fn digest_and(name: &[u8], digest: &Digest, is_escaped: bool) -> Vec<u8> {
    let mut line = if is_escaped { b"\\".to_vec() } else { Vec::new() };
    line.extend_from_slice(format!("{digest}  ").as_bytes());
    line.extend_from_slice(name);
    line
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_line_is_read_or_refused(line in any::<Vec<u8>>(), digits in "[0-9a-fA-F]{0,129}") {
        let names = names();
        let with_digest = [digits.as_bytes(), b"  ", &line].concat();
        let with_tag = [b"\\MD5 (", &line[..], b") = ", digits.as_bytes()].concat();
        let with_size = [b"5,", digits.as_bytes(), b",", &line[..]].concat();
        let columns = vec![Column::Size, Column::Digest(Algorithm::Md5)];
        let forms = [
            Form::Hashdeep { columns },
            Form::Tagged { only: None },
            Form::Bag { algorithm: Algorithm::Md5, part: Part::Payload, percent: Percent::Encoded },
        ];
        for line in [&line, &with_digest, &with_tag, &with_size] {
            let own = Form::of_line(line);
            for form in own.iter().chain(&forms) {
                if let Ok(Some(listed)) = form.parse(line, &names) {
                    assert!(!listed.path.is_root() && !listed.digests.is_empty());
                }
            }
            drop(super::columns(line));
        }
    }

    #[test]
    fn any_path_can_be_listed_in_any_form(path in path(), bytes in any::<[u8; 32]>(), size in any::<u64>()) {
        let digest = Digest(bytes);
        let (name, is_escaped) = escaped(path.as_bytes());
        let plain = digest_and(&name, &digest, is_escaped);
        let mut tagged = if is_escaped { b"\\".to_vec() } else { Vec::new() };
        tagged.extend([b"BLAKE3 (", &name[..], b") = ", digest.to_string().as_bytes()].concat());
        let mut lines = vec![(Form::of_line(&plain), plain), (Form::of_line(&tagged), tagged)];
        if !path.as_bytes().contains(&b'\n') {
            let columns = vec![Column::Size, Column::Digest(Algorithm::Blake3)];
            let line = [format!("{size},{digest},").as_bytes(), path.as_bytes()].concat();
            lines.push((Some(Form::Hashdeep { columns }), line));
        }
        for (form, line) in lines {
            let form = form.unwrap();
            let listed = form.parse(&line, &Names::default()).unwrap().unwrap();
            assert_eq!(listed.path, path);
            assert_eq!(listed.digests[0].digest, Checksum::from(digest));
            assert!(listed.size.is_none_or(|found| found == size));
        }
    }
}
