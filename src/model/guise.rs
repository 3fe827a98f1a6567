//! Entries that stand for others (`--fake-super`): a regular file or directory whose attribute
//! `user.rsync.%stat` says what it is really meant to be.

use crate::model::meta::{Kind, Meta};

/// How the entries of a directory are seen and made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guise {
    /// As what they are.
    #[default]
    Real,
    /// As what rsync's `--fake-super` says that they are.
    Fake,
}

/// The attribute that says what an entry stands for.
pub const STAT: &[u8] = b"user.rsync.%stat";
/// The attribute that holds an access list.
pub const ACCESS: &[u8] = b"user.rsync.%aacl";
/// The attribute that holds a default list.
pub const DEFAULT: &[u8] = b"user.rsync.%dacl";
/// What rsync's own attributes begin with: without `-XX` they are not copied.
pub const OWN: &[u8] = b"user.rsync.%";
/// What the names of attributes begin with that stand for those of another namespace.
pub const STORED: &[u8] = b"user.rsync.";

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub kind: Kind,
    /// Permission, set-id and sticky bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Major and minor number of a device.
    pub device: (u32, u32),
}

/// inode(7), "The file type and mode".
const KINDS: [(u32, Kind); 7] = [
    (0o14, Kind::Socket),
    (0o12, Kind::Symlink),
    (0o10, Kind::File),
    (0o06, Kind::BlockDevice),
    (0o04, Kind::Dir),
    (0o02, Kind::CharDevice),
    (0o01, Kind::Fifo),
];

impl Seen {
    /// Reads `MODE MAJOR,MINOR UID:GID`, the mode in octal with the kind, the rest in decimal.
    /// `None` if that is not what it is; what follows is left alone, as in rsync.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(text).ok()?.split(|c: char| !c.is_ascii_digit());
        let mode = u32::from_str_radix(numbers.next()?, 8).ok()?;
        let mut next = || numbers.next()?.parse::<u32>().ok();
        let (major, minor, uid, gid) = (next()?, next()?, next()?, next()?);
        let kind = KINDS.iter().find(|(bits, _)| *bits == mode >> 12)?.1;
        Some(Self { kind, mode: mode & 0o7777, uid, gid, device: (major, minor) })
    }

    /// The same as text.
    pub fn text(&self) -> String {
        let bits = KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or(0, |(bits, _)| *bits);
        let (major, minor) = self.device;
        format!("{:o} {major},{minor} {}:{}", bits << 12 | self.mode, self.uid, self.gid)
    }

    /// The mode of the entry that stands for it.
    pub fn stand_in_mode(&self) -> u32 {
        stand_in_mode(self.kind, self.mode)
    }

    /// True if the entry that stands for it, `real` but for its mode, says all that there is to say.
    pub fn is_plain(&self, real: &Meta) -> bool {
        self.kind == real.kind
            && self.mode == self.stand_in_mode()
            && (self.uid, self.gid) == (real.uid, real.gid)
    }
}

/// The mode of an entry that stands for one of this kind and mode: its owner can always get at it, and
/// it has no bits that lend rights.
pub fn stand_in_mode(kind: Kind, mode: u32) -> u32 {
    mode & 0o777 | if kind == Kind::Dir { 0o700 } else { 0o600 }
}

#[cfg(test)]
mod tests {
    use super::Seen;
    use crate::model::meta::Kind;

    #[test]
    fn what_rsync_wrote_is_read_and_written_again() {
        for (text, kind, mode, uid, device) in [
            ("60640 7,9 0:0", Kind::BlockDevice, 0o640, 0, (7, 9)),
            ("20644 1,3 5:6", Kind::CharDevice, 0o644, 5, (1, 3)),
            ("104755 0,0 0:0", Kind::File, 0o4755, 0, (0, 0)),
            ("120777 0,0 7:7", Kind::Symlink, 0o777, 7, (0, 0)),
            ("10644 0,0 8:9", Kind::Fifo, 0o644, 8, (0, 0)),
            ("140600 0,0 8:9", Kind::Socket, 0o600, 8, (0, 0)),
            ("40555 0,0 10:10", Kind::Dir, 0o555, 10, (0, 0)),
        ] {
            let seen = Seen::parse(text.as_bytes()).unwrap();
            assert_eq!((seen.kind, seen.mode, seen.uid, seen.device), (kind, mode, uid, device));
            assert_eq!(seen.text(), text);
        }
        assert!(Seen::parse(b"100644 0,0 5:6:7").is_some());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["garbage", "100644", "100644 0,0 5", "", "777 0,0 1:1", "100644 0,0 -1:5"] {
            assert_eq!(Seen::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_stand_in_is_open_to_its_owner_and_lends_no_rights() {
        for (text, mode) in [
            ("104711 0,0 0:0", 0o711),
            ("100000 0,0 0:0", 0o600),
            ("42555 0,0 0:0", 0o755),
            ("20644 1,3 0:0", 0o644),
        ] {
            assert_eq!(Seen::parse(text.as_bytes()).unwrap().stand_in_mode(), mode, "{text}");
        }
    }
}
