//! Check files that make no sense: the file and the line are told, and nothing is called good.

use std::fs;

use crate::manifest::{audit, listed};
use crate::support::arena::Arena;

const MD5: &str = "1cb251ec0d568de6a929b520c4aed8d1";

#[test]
fn a_line_that_makes_no_sense_is_told_and_nothing_is_compared() {
    let arena = Arena::with("d/a file \"text\"\n");
    let good = format!("{MD5}  a\n");
    let sha1 = format!("{MD5}00000000");
    let hashdeep = format!("%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n4,{MD5},a\n");
    for (text, line, why) in [
        (String::new(), 0, "it lists nothing"),
        ("\n\n".to_owned(), 2, "it lists nothing"),
        ("# nothing\n".to_owned(), 1, "it lists nothing"),
        ("hello\n".to_owned(), 1, "no line of a check file"),
        ("\u{0}\u{1}\u{2}\n".to_owned(), 1, "no line of a check file"),
        (MD5.to_owned(), 1, "no line of a check file"),
        (format!("{good}{}  b\n", &MD5[..31]), 2, "31 digits"),
        (format!("{good}{}g  b\n", &MD5[..31]), 2, "no hexadecimal digit"),
        (format!("{good}{sha1}  b\n"), 2, "40 digits"),
        (format!("{good}{MD5}\n"), 2, "no name"),
        (format!("{good}{MD5}  \n"), 2, "the name is empty"),
        (format!("{good}{MD5}  ../b\n"), 2, "\"..\" in it"),
        (format!("{good}{MD5}  b/../../c\n"), 2, "\"..\" in it"),
        (format!("{good}{MD5}  /etc/passwd\n"), 2, "not below what is compared"),
        (format!("{good}{MD5}  b/\n"), 2, "name of a directory"),
        (format!("{good}{MD5}  b\u{0}c\n"), 2, "NUL"),
        (format!("{good}\\{MD5}  b\\x\n"), 2, "escape that is not known"),
        (format!("{good}MD5 (b) = {MD5}\n"), 2, "another form"),
        (
            format!("{good}\n#\n{}  ./a\n", MD5.replace('1', "2")),
            4,
            "a second time, and differently",
        ),
        (format!("MD5 (a) = {MD5}\nSIZE (a) = 4\n"), 2, "SIZE is not known here"),
        (format!("MD5 (a) = {MD5}\nSHA1 (b) = {MD5}\n"), 2, "one of sha1 has 40"),
        (format!("{hashdeep}4,{MD5}\n"), 4, "fewer columns"),
        (format!("{hashdeep}x,{MD5},b\n"), 4, "no number of bytes"),
        (format!("{hashdeep}5,{MD5},./a\n"), 4, "a second time, and differently"),
        (format!("{hashdeep}%%%% size,sha1,filename\n"), 4, "columns change"),
        (format!("%%%% HASHDEEP-1.0\n4,{MD5},a\n"), 2, "columns is missing"),
        (format!("{good}{}\n", "x".repeat(1 << 20)), 2, "longer than any line"),
    ] {
        fs::write(arena.path("sums"), &text).expect("room for a file");
        let output = audit(&arena, &["-vv"]);
        output.expect_code(1);
        assert_eq!(output.told(), "", "{text}");
        let errors = output.errors();
        let place = format!("twosync: read the check file \"sums\": line {line}: ");
        assert!(errors.starts_with(&place) && errors.contains(why), "{text}: {errors}");
    }
}

#[test]
fn a_check_file_that_was_cut_is_never_called_good() {
    let arena = listed("d/a file \"text\"\nd/b file \"more\"\nd/sub/c file \"deep\"\n");
    let whole = fs::read(arena.path("sums")).expect("our own file");
    // Without its last newline it still lists all.
    for end in (0..whole.len() - 1).step_by(7).chain([whole.len() - 2]) {
        fs::write(arena.path("sums"), &whole[..end]).expect("our own file");
        let code = audit(&arena, &[]).code;
        assert!([1, 40].contains(&code), "cut to {end} bytes: {code}");
    }
    fs::write(arena.path("sums"), &whole[..whole.len() - 1]).expect("our own file");
    audit(&arena, &[]).expect_code(0);
}

#[test]
fn a_check_file_of_which_a_bit_is_another_is_never_called_good() {
    let arena = listed("d/a file \"text\"\nd/b file \"more\"\n");
    let whole = fs::read(arena.path("sums")).expect("our own file");
    let same = |byte: u8| byte.is_ascii_hexdigit().then(|| byte.to_ascii_lowercase());
    for at in (0..whole.len()).step_by(3) {
        for bit in [0, 5] {
            let mut text = whole.clone();
            text[at] ^= 1 << bit;
            if same(text[at]) == same(whole[at]) && same(whole[at]).is_some() {
                continue;
            }
            fs::write(arena.path("sums"), &text).expect("our own file");
            let code = audit(&arena, &[]).code;
            let shown = String::from_utf8_lossy(&text).into_owned();
            assert!([1, 40].contains(&code), "bit {bit} of byte {at}: {code}: {shown}");
        }
    }
}
