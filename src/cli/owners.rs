//! `--chown`, `--usermap`, `--groupmap`, `--copy-as`, read: names are looked up here, once.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::cli::console::complain;
use crate::cli::problem::Problem;
use crate::filter::wild::{Wild, is_wild};
use crate::settings::ids::{From, IdMap, Names};
use crate::sys::names::{Account, Table, id_of};

/// What was typed of owners.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    users: Side,
    groups: Side,
}

/// One of the two, with the option that typed it.
#[derive(Clone, Debug, Default)]
struct Side(Option<(&'static str, OsString)>);

/// Which of owner and group an option speaks of: it implies `--owner`, `--group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Of owners.
    pub users: bool,
    /// Of groups.
    pub groups: bool,
}

const USERMAP: &str = "--usermap";
const GROUPMAP: &str = "--groupmap";
const CHOWN: &str = "--chown";

impl Typed {
    /// True if nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.users.0.is_none() && self.groups.0.is_none()
    }

    /// `--usermap`.
    ///
    /// # Errors
    /// Something was said of owners before.
    pub fn usermap(&mut self, map: &OsStr) -> Result<Spoken, Problem> {
        self.users.set(USERMAP, map.to_owned())?;
        Ok(Spoken { users: true, groups: false })
    }

    /// `--groupmap`.
    ///
    /// # Errors
    /// Something was said of groups before.
    pub fn groupmap(&mut self, map: &OsStr) -> Result<Spoken, Problem> {
        self.groups.set(GROUPMAP, map.to_owned())?;
        Ok(Spoken { users: false, groups: true })
    }

    /// `--chown`.
    ///
    /// # Errors
    /// Something was said of the same before.
    pub fn chown(&mut self, owners: &OsStr) -> Result<Spoken, Problem> {
        let text = owners.as_bytes();
        let colon = text.iter().position(|byte| *byte == b':');
        let (user, group) = text.split_at(colon.unwrap_or(text.len()));
        let group = group.get(1..).unwrap_or_default();
        let all = |name: &[u8]| OsStr::from_bytes(&[b"*:", name].concat()).to_owned();
        if !user.is_empty() {
            self.users.set(CHOWN, all(user))?;
        }
        if !group.is_empty() {
            self.groups.set(CHOWN, all(group))?;
        }
        Ok(Spoken { users: !user.is_empty(), groups: !group.is_empty() })
    }

    /// The maps, of users and of groups. A name that nobody has is told, and its entry left out.
    ///
    /// # Errors
    /// An entry makes no sense.
    pub fn maps(&self, names: Names) -> Result<(Option<IdMap>, Option<IdMap>), Problem> {
        let map = |side: &Side, option, table| match &side.0 {
            Some((_, text)) => {
                let entries = entries(option, text.as_bytes(), table)?;
                Ok(Some(IdMap::new(table, names, entries)))
            }
            None => Ok(None),
        };
        Ok((map(&self.users, USERMAP, Table::Users)?, map(&self.groups, GROUPMAP, Table::Groups)?))
    }
}

impl Side {
    fn set(&mut self, option: &'static str, map: OsString) -> Result<(), Problem> {
        match &self.0 {
            Some((before, _)) if *before == option => Err(Problem::usage(format!(
                "{option} can be given only once for each of its sides"
            ))),
            Some((before, _)) => Err(Problem::usage(format!("{option} conflicts with {before}"))),
            None => {
                self.0 = Some((option, map));
                Ok(())
            }
        }
    }
}

fn entries(option: &str, text: &[u8], table: Table) -> Result<Vec<(From, u32)>, Problem> {
    let mut entries = Vec::new();
    for entry in text.split(|byte| *byte == b',') {
        let shown = String::from_utf8_lossy(entry).into_owned();
        let usage = |why: &str| Problem::usage(format!("{option}: {shown}: {why}"));
        let Some(colon) = entry.iter().position(|byte| *byte == b':') else {
            return Err(usage("there is no colon in it"));
        };
        let (from, to) = (&entry[..colon], &entry[colon + 1..]);
        if to.is_empty() {
            return Err(usage("there is no name behind the colon"));
        }
        let from =
            from_of(from).ok_or_else(|| usage("that is no number, and no range of numbers"))?;
        let to = if to.iter().all(u8::is_ascii_digit) {
            Some(id(to).ok_or_else(|| usage("the number is too large"))?)
        } else {
            id_of(table, to)
        };
        match to {
            Some(to) => entries.push((from, to)),
            None => complain(&format!("{option}: {shown}: nobody has the name behind the colon")),
        }
    }
    Ok(entries)
}

/// `None`: it begins like a number and is none.
fn from_of(text: &[u8]) -> Option<From> {
    if text.is_empty() {
        return Some(From::Nameless);
    }
    if text[0].is_ascii_digit() {
        let mut ends = text.splitn(2, |byte| *byte == b'-');
        let low = id(ends.next()?)?;
        let high = ends.next().map_or(Some(low), id)?;
        return Some(From::Ids(low..=high));
    }
    Some(if text.iter().all(|byte| *byte == b'*') {
        From::All
    } else if is_wild(text) {
        From::Like(Wild::new(text))
    } else {
        From::Named(text.into())
    })
}

/// Digits alone, of which there is at least one.
fn id(text: &[u8]) -> Option<u32> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

/// `--copy-as`: a user, and a group behind a colon.
///
/// # Errors
/// There is no such user or group.
pub fn account(text: &OsStr) -> Result<Account, Problem> {
    let bytes = text.as_bytes();
    let unknown = |what| {
        let shown = text.to_string_lossy();
        Problem::usage(format!("--copy-as={shown}: there is no such {what}"))
    };
    let (user, group) = match bytes.iter().position(|byte| *byte == b':') {
        Some(colon) => (&bytes[..colon], Some(&bytes[colon + 1..])),
        None => (bytes, None),
    };
    let known = |table, name: &[u8]| id(name).or_else(|| id_of(table, name));
    let uid = known(Table::Users, user).ok_or_else(|| unknown("user"))?;
    let gid = match group {
        Some(group) => Some(known(Table::Groups, group).ok_or_else(|| unknown("group"))?),
        None => None,
    };
    Account::of(uid, gid).ok_or_else(|| unknown("user"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::Typed;
    use crate::settings::ids::Names;

    fn mapped(map: &str, names: Names, id: u32) -> u32 {
        let mut typed = Typed::default();
        typed.usermap(OsStr::new(map)).unwrap();
        typed.maps(names).unwrap().0.unwrap().of(id)
    }

    #[test]
    fn the_first_entry_that_matches_counts() {
        for (map, id, expected) in [
            ("1:2,1:3", 1, 2),
            ("1:2", 2, 2),
            ("0-9:33,10:34", 9, 33),
            ("0-9:33,10:34", 10, 34),
            ("10-1:33", 5, 5),
            ("*:7", 4_000_000_000, 7),
            ("root:5,*:6", 0, 5),
            ("r?ot:5,*:6", 0, 5),
            (":5,*:6", 0, 6),
            (":5,*:6", 4_000_000_000, 5),
            ("?*:5", 4_000_000_000, 4_000_000_000),
            ("no-such-name:5", 0, 0),
        ] {
            assert_eq!(mapped(map, Names::Known, id), expected, "{map} {id}");
        }
        assert_eq!(mapped("root:5,:6", Names::Unknown, 0), 6);
    }

    #[test]
    fn entries_that_make_no_sense_are_refused() {
        for map in [
            "",
            "1",
            "1:",
            ":",
            "1:2,",
            ",1:2",
            "1x:2",
            "1-:2",
            "1-a:2",
            "4294967296:2",
            "1:4294967296",
        ] {
            let mut typed = Typed::default();
            typed.groupmap(OsStr::new(map)).unwrap();
            assert!(typed.maps(Names::Known).is_err(), "{map}");
        }
    }

    #[test]
    fn each_side_is_spoken_of_once() {
        let mut typed = Typed::default();
        typed.chown(OsStr::new("1")).unwrap();
        typed.chown(OsStr::new(":1")).unwrap();
        assert!(typed.usermap(OsStr::new("*:1")).is_err());
        assert!(typed.chown(OsStr::new(":")).is_ok());
        assert!(typed.chown(OsStr::new("1:")).is_err());
    }
}
