//! `--chmod`, read: items between commas, each octal or symbolic.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::cli::problem::Problem;
use crate::settings::modes::{Bits, ModeChange, On, Op, set_ids_of};

/// Reads a list of items.
///
/// # Errors
/// The text is none.
pub fn modes(text: &OsStr) -> Result<Vec<ModeChange>, Problem> {
    let items: Option<Vec<ModeChange>> =
        text.as_bytes().split(|byte| *byte == b',').map(item).collect();
    let shown = text.to_string_lossy();
    items.ok_or_else(|| Problem::usage(format!("--chmod={shown}: invalid list of modes")))
}

fn item(text: &[u8]) -> Option<ModeChange> {
    let head = text.iter().position(|byte| !b"DFugoa".contains(byte))?;
    let (head, rest) = text.split_at(head);
    let on = match (head.contains(&b'D'), head.contains(&b'F')) {
        (false, false) => On::All,
        (true, false) => On::Dirs,
        (false, true) => On::Files,
        (true, true) => return None,
    };
    let classes = head.iter().fold(0, |classes, byte| classes | class(*byte));
    let (first, rest) = rest.split_first()?;
    let op = match first {
        b'+' => Op::Add,
        b'-' => Op::Remove,
        b'=' => Op::Assign,
        b'0'..=b'7' if classes == 0 => return Some(ModeChange::Octal(on, octal(*first, rest)?)),
        _ => return None,
    };
    let bits = match rest {
        b"u" => Bits::OfClass(6),
        b"g" => Bits::OfClass(3),
        b"o" => Bits::OfClass(0),
        letters => named(letters, classes)?,
    };
    Some(ModeChange::Symbolic { on, classes, op, bits })
}

fn class(letter: u8) -> u32 {
    match letter {
        b'u' => 0o100,
        b'g' => 0o010,
        b'o' => 0o001,
        b'a' => 0o111,
        _ => 0,
    }
}

fn octal(first: u8, rest: &[u8]) -> Option<u32> {
    let digits = [first].into_iter().chain(rest.iter().copied());
    digits.into_iter().try_fold(0, |octal, digit| {
        let digit = char::from(digit).to_digit(8)?;
        Some(octal * 8 + digit).filter(|octal| *octal <= 0o7777)
    })
}

/// Letters in their order: where no user and no group is named, `s` is set-user-ID, and takes a `t`
/// before it back (rsync 3.5.0).
fn named(letters: &[u8], classes: u32) -> Option<Bits> {
    let (mut rwx, mut x_if_any, mut special) = (0, false, 0);
    for letter in letters {
        match letter {
            b'r' => rwx |= 4,
            b'w' => rwx |= 2,
            b'x' => rwx |= 1,
            b'X' => x_if_any = true,
            b's' if set_ids_of(classes) == 0 => special = 0o4000,
            b's' => special |= set_ids_of(classes),
            b't' => special |= 0o1000,
            _ => return None,
        }
    }
    Some(Bits::Named { rwx, x_if_any, special })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::modes;
    use crate::model::meta::Kind;
    use crate::settings::modes::changed;

    fn after(text: &str, mode: u32, kind: Kind) -> u32 {
        changed(&modes(OsStr::new(text)).unwrap(), mode, kind, 0o022)
    }

    #[test]
    fn items_change_modes_as_rsync_changes_them() {
        for (text, mode, expected) in [
            ("u+w,Fo-w,g=u", 0o446, 0o664),
            ("644", 0o7777, 0o644),
            ("+w", 0o444, 0o644),
            ("=u", 0o7750, 0o755),
            ("a+s", 0o644, 0o6644),
            ("+s", 0o644, 0o4644),
            ("o+s", 0o644, 0o4644),
            ("a=t", 0o7777, 0o1000),
            ("o=t", 0o6125, 0o7120),
            ("g=u", 0o6125, 0o4115),
            ("u+x,g+X", 0o644, 0o744),
            ("a-x,u+X", 0o755, 0o744),
            ("D700", 0o644, 0o644),
            ("u+xX", 0o644, 0o644),
            ("a+x,-X", 0o644, 0o644),
            ("+ts", 0o644, 0o4644),
            ("+st,a+ts", 0o644, 0o7644),
        ] {
            assert_eq!(after(text, mode, Kind::File), expected, "{text}");
        }
        assert_eq!(after("D+X,F-r", 0o640, Kind::Dir), 0o751);
        assert_eq!(after("000", 0o777, Kind::Symlink), 0o777);
    }

    #[test]
    fn what_is_no_list_of_modes_is_refused() {
        for text in
            ["", "u", "D", "8", "17777", "DF644", "u+w,", ",u+w", "u+w+r", "u=a", "u+gr", "u644"]
        {
            let problem = modes(OsStr::new(text)).unwrap_err();
            assert!(problem.text.starts_with("--chmod="), "{text}: {problem:?}");
        }
    }
}
