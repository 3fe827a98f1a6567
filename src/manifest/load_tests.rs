//! Indexes of check files and of bags.

use std::fs;
use std::path::Path;

use super::{Going, How, load};
use crate::error::Fault;
use crate::manifest::index::{Claim, Manifest};
use crate::manifest::names::Names;
use crate::manifest::open::Asked;
use crate::model::path::RelPath;
use crate::sys::trust::Trust;

fn loaded(file: &Path) -> Result<Manifest, Fault> {
    let asked = Asked { file: file.to_path_buf(), algorithm: None };
    let how = How { trust: &Trust::Owned, stops: &|| false };
    Ok(load(&asked, Names::default(), how)?.expect("nobody stops it"))
}

fn with_text(text: &str) -> Result<Manifest, Fault> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sums");
    fs::write(&file, text).unwrap();
    loaded(&file)
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text.as_bytes()).unwrap()
}

fn hex(digit: char) -> String {
    digit.to_string().repeat(32)
}

fn unseen(manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let take = |listed: crate::manifest::form::Listed| {
        found.push(String::from_utf8_lossy(listed.path.as_bytes()).into_owned());
        Ok(Going::On)
    };
    manifest.each_unseen(take).unwrap();
    found
}

#[test]
fn what_nobody_asked_for_is_left_in_the_order_of_the_file() {
    let lines = (0..1000).rev().map(|number| format!("{}  dir/{number}\n", hex('a')));
    let manifest = with_text(&lines.collect::<String>()).unwrap();
    for number in (0..1000).filter(|number| number % 100 != 7) {
        let found = manifest.find(&path(&format!("dir/{number}"))).unwrap().unwrap();
        assert_eq!(manifest.claim(&found), Claim::First);
    }
    let expected: Vec<_> =
        (0..10).rev().map(|hundred| format!("dir/{}", hundred * 100 + 7)).collect();
    assert_eq!(unseen(&manifest), expected);
    assert!(manifest.find(&path("dir/1000")).unwrap().is_none());
    assert_eq!(manifest.len(), 1000);
}

#[test]
fn a_path_that_is_listed_again_is_one_path_and_has_to_be_listed_alike() {
    let (a, b) = (hex('a'), hex('b'));
    let text =
        format!("MD5 (x) = {a}\nMD5 (./x) = {a}\nSHA1 (x) = {a}{}\nMD5 (y) = {b}\n", &a[..8]);
    let manifest = with_text(&text).unwrap();
    assert_eq!(unseen(&manifest), ["x", "y"]);
    let found = manifest.find(&path("x")).unwrap().unwrap();
    assert_eq!(found.digests.len(), 2);
    assert_eq!((manifest.claim(&found), manifest.claim(&found)), (Claim::First, Claim::Again));
    assert_eq!(unseen(&manifest), ["y"]);
    let fault = with_text(&format!("#\n{a}  x\n{b}  y\n{b}  ./x\n")).unwrap_err();
    assert!(fault.to_string().ends_with("line 4: it lists \"x\" a second time, and differently"));
    assert_eq!(fault.class.exit_code(), 1);
}

#[test]
fn a_long_line_is_read_at_its_place() {
    let long = "n/".repeat(3000) + "n";
    let manifest = with_text(&format!("{}  a\n{}  {long}", hex('a'), hex('b'))).unwrap();
    let found = manifest.find(&path(&long)).unwrap().unwrap();
    assert_eq!(found.digests[0].digest.to_string(), hex('b'));
}

#[test]
fn a_check_file_that_changes_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sums");
    fs::write(&file, format!("{}  a\n", hex('a'))).unwrap();
    let manifest = loaded(&file).unwrap();
    manifest.check_unchanged().unwrap();
    fs::write(&file, format!("{}  b\n", hex('a'))).unwrap();
    assert!(manifest.find(&path("a")).unwrap().is_none());
    fs::write(&file, "x\n").unwrap();
    let fault = manifest.find(&path("a")).unwrap_err();
    assert!(fault.to_string().contains("it changed while it was in use"), "{fault}");
    assert_eq!(manifest.check_unchanged().unwrap_err().class.exit_code(), 1);
}

fn bag(files: &[(&str, String)]) -> Result<Manifest, Fault> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    loaded(dir.path())
}

fn declaration(version: &str) -> (&'static str, String) {
    let text = format!("BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n");
    ("bagit.txt", text)
}

#[test]
fn a_bag_is_read_with_all_its_manifests() {
    let (a, sha1) = (hex('a'), hex('a') + "aaaaaaaa");
    let manifest = bag(&[
        declaration("1.0"),
        ("manifest-md5.txt", format!("{a}  data/x%25\n")),
        ("manifest-sha1.txt", format!("{sha1}  data/x%25\n")),
        ("tagmanifest-md5.txt", format!("{a}  bagit.txt\n")),
        ("bag-info.txt", "Source: x\nPayload-Oxum: 5.1\n".to_owned()),
        ("notes-md5.txt", "no manifest".to_owned()),
    ]);
    let manifest = manifest.unwrap();
    assert_eq!(manifest.find(&path("data/x%")).unwrap().unwrap().digests.len(), 2);
    assert_eq!(unseen(&manifest), ["data/x%", "bagit.txt"]);
    assert_eq!(manifest.oxum().map(|oxum| (oxum.bytes, oxum.files)), Some((5, 1)));
    let old = bag(&[declaration("0.97"), ("manifest-md5.txt", format!("{a}  data/x%25\n"))]);
    assert_eq!(unseen(&old.unwrap()), ["data/x%25"]);
    let empty = bag(&[declaration("1.0"), ("manifest-md5.txt", String::new())]).unwrap();
    assert!(empty.is_empty());
}

#[test]
fn a_bag_that_is_none_or_not_whole_is_refused() {
    let a = hex('a');
    let manifest = ("manifest-md5.txt", format!("{a}  data/x\n"));
    let with = |name, text: &str| [declaration("1.0"), manifest.clone(), (name, text.to_owned())];
    for (files, why) in [
        (vec![manifest.clone()], "no bag"),
        (vec![declaration("1.0")], "no manifest of its payload"),
        (vec![declaration("x"), manifest.clone()], "line 1: \"x\" is no version"),
        (vec![("bagit.txt", String::new()), manifest.clone()], "BagIt-Version"),
        (
            with("manifest-sha1.txt", "").to_vec(),
            "manifest-sha1.txt\": it does not list \"data/x\"",
        ),
        (with("manifest-sha3.txt", "").to_vec(), "digests of sha3 are not supported"),
        (with("manifest-sha1.txt", "x\n").to_vec(), "manifest-sha1.txt\": line 1: "),
        (with("tagmanifest-md5.txt", &format!("{a}  data/x\n")).to_vec(), "is below data/"),
        (with("bag-info.txt", "payload-oxum: 5\n").to_vec(), "line 1: Payload-Oxum"),
        (with("bag-info.txt", "Payload-Oxum: 5.1\nPayload-Oxum: 5.2\n").to_vec(), "line 2: "),
        (with("bagit.txt", "Tag-File-Character-Encoding: UTF-16\n").to_vec(), "UTF-16"),
    ] {
        let fault = bag(&files).unwrap_err();
        assert!(fault.to_string().contains(why), "{why}: {fault}");
        assert_eq!(fault.class.exit_code(), 1);
    }
}
