//! POSIX access control lists, in the form of the kernel (`system.posix_acl_access`,
//! `linux/posix_acl_xattr.h`) and in that of rsync's `--fake-super` (`user.rsync.%aacl`).
//!
//! What a mode says as well is left out of what is compared: owner, mask and others. So an access
//! list and a mode can differ one without the other.

use serde::{Deserialize, Serialize};

/// The kernel's attribute for an access list.
pub const KERNEL_ACCESS: &[u8] = b"system.posix_acl_access";
/// The kernel's attribute for a default list.
pub const KERNEL_DEFAULT: &[u8] = b"system.posix_acl_default";

/// Whom a named entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Whom {
    /// A user, by number.
    User(u32),
    /// A group, by number.
    Group(u32),
}

/// A list; permissions are `rwx` as in one octal digit. Named entries are sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// The owner; `None`: as the mode says.
    pub user: Option<u8>,
    /// The owning group; `None`: as the mode's group digit says.
    pub group: Option<u8>,
    /// What named entries and the group may have at most.
    pub mask: Option<u8>,
    /// All others; `None`: as the mode says.
    pub other: Option<u8>,
    /// Entries with a name.
    pub named: Vec<(Whom, u8)>,
}

const VERSION: u32 = 2;
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;
const NOBODY: u32 = u32::MAX;

/// rsync's "there is no such entry".
const NONE: u32 = 0x80;
/// rsync's mark of a named entry that is about a user.
const IS_USER: u32 = 0x8000_0000;

impl Acl {
    /// The list that says no more than a mode does: setting it takes every other one away.
    pub const PLAIN: Self =
        Self { user: None, group: None, mask: None, other: None, named: Vec::new() };

    /// Reads the kernel's form; `None` if that is not what it is.
    pub fn from_kernel(bytes: &[u8]) -> Option<Self> {
        let (version, entries) = bytes.split_at_checked(4)?;
        if number(version)? != VERSION || !entries.len().is_multiple_of(8) {
            return None;
        }
        let mut acl = Self::PLAIN;
        for entry in entries.chunks_exact(8) {
            let tag = u16::from_le_bytes(entry[..2].try_into().ok()?);
            let perm = u8::try_from(u16::from_le_bytes(entry[2..4].try_into().ok()?)).ok()? & 7;
            let id = number(&entry[4..])?;
            match tag {
                USER_OBJ => acl.user = Some(perm),
                GROUP_OBJ => acl.group = Some(perm),
                MASK => acl.mask = Some(perm),
                OTHER => acl.other = Some(perm),
                USER => acl.named.push((Whom::User(id), perm)),
                GROUP => acl.named.push((Whom::Group(id), perm)),
                _ => return None,
            }
        }
        acl.named.sort_unstable();
        Some(acl)
    }

    /// The kernel's form; what the list leaves open is taken from `mode`.
    pub fn to_kernel(&self, mode: u32) -> Vec<u8> {
        let digit = |shift: u32| (mode >> shift & 7) as u8;
        let mut bytes = VERSION.to_le_bytes().to_vec();
        let mut add = |tag: u16, perm: u8, id: u32| {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(u16::from(perm).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        };
        add(USER_OBJ, self.user.unwrap_or(digit(6)), NOBODY);
        for (whom, perm) in &self.named {
            if let Whom::User(id) = whom {
                add(USER, *perm, *id);
            }
        }
        add(GROUP_OBJ, self.group.unwrap_or(digit(3)), NOBODY);
        for (whom, perm) in &self.named {
            if let Whom::Group(id) = whom {
                add(GROUP, *perm, *id);
            }
        }
        // Named entries can not be without a mask (acl(5), "VALID ACLs").
        let needed = (!self.named.is_empty()).then_some(digit(3));
        if let Some(mask) = self.mask.or(needed) {
            add(MASK, mask, NOBODY);
        }
        add(OTHER, self.other.unwrap_or(digit(0)), NOBODY);
        bytes
    }

    /// An access list without what the file's `mode` says; `None` if nothing else is left. The mask of
    /// a file is its mode's group digit.
    pub fn lean(self, mode: u32) -> Option<Self> {
        if self.mask.is_none() && self.named.is_empty() {
            return None;
        }
        let digit = (mode >> 3 & 7) as u8;
        let group = self.group.unwrap_or(digit);
        Some(Self { user: None, group: Some(group), mask: Some(digit), other: None, ..self })
    }

    /// The mode bits that a default list lets a new entry have at most.
    pub fn ceiling(&self) -> u32 {
        let digit = |perm: Option<u8>| u32::from(perm.unwrap_or(7));
        digit(self.user) << 6 | digit(self.mask.or(self.group)) << 3 | digit(self.other)
    }

    /// True if two lean lists differ at most by what the modes of their files say.
    pub fn is_same_access(a: Option<&Self>, b: Option<&Self>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a.group, &a.named) == (b.group, &b.named),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    /// A lean list for a file of this `mode`.
    #[must_use]
    pub fn masked_by(self, mode: u32) -> Self {
        Self { mask: Some((mode >> 3 & 7) as u8), ..self }
    }

    /// Reads rsync's form: four numbers (owner, group, mask, others), then pairs of an id and
    /// permissions, all of 32 bits, little-endian. `None` if that is not what it is.
    pub fn from_rsync(bytes: &[u8]) -> Option<Self> {
        let numbers: Vec<u32> = bytes.chunks(4).map(number).collect::<Option<_>>()?;
        let (base, named) = numbers.split_at_checked(4)?;
        if !named.len().is_multiple_of(2) {
            return None;
        }
        let perm = |value: u32| (value != NONE).then_some((value & 7) as u8);
        let entry = |pair: &[u32]| {
            let whom =
                if pair[1] & IS_USER == 0 { Whom::Group(pair[0]) } else { Whom::User(pair[0]) };
            (whom, (pair[1] & 7) as u8)
        };
        let mut named: Vec<(Whom, u8)> = named.chunks_exact(2).map(entry).collect();
        named.sort_unstable();
        let [user, group, mask, other] = [0, 1, 2, 3].map(|at| perm(base[at]));
        Some(Self { user, group, mask, other, named })
    }

    /// rsync's form. A lean list leaves the group out where the mask says the same.
    pub fn to_rsync(&self) -> Vec<u8> {
        let is_lean = self.user.is_none();
        let group = self.group.filter(|_| !is_lean || self.group != self.mask);
        let base = [self.user, group, self.mask, self.other];
        let base = base.into_iter().map(|perm| perm.map_or(NONE, u32::from));
        let named = self.named.iter().flat_map(|(whom, perm)| match whom {
            Whom::User(id) => [*id, u32::from(*perm) | IS_USER],
            Whom::Group(id) => [*id, u32::from(*perm)],
        });
        base.chain(named).flat_map(u32::to_le_bytes).collect()
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Acl, Whom};

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Both columns as rsync 3.5.0 and setfacl wrote them: mode, `system.posix_acl_access`,
    /// `user.rsync.%aacl`.
    const PAIRS: [(u32, &str, &str); 5] = [
        (
            0o670,
            "0200000001000600ffffffff020007000500000004000400ffffffff10000700ffffffff20000000ffffffff",
            "800000000400000007000000800000000500000007000080",
        ),
        (
            0o640,
            "0200000001000600ffffffff020004000500000004000400ffffffff10000400ffffffff20000000ffffffff",
            "800000008000000004000000800000000500000004000080",
        ),
        (
            0o660,
            "0200000001000600ffffffff04000400ffffffff080006000700000010000600ffffffff20000000ffffffff",
            "800000000400000006000000800000000700000006000000",
        ),
        (
            0o600,
            "0200000001000600ffffffff020007000500000004000400ffffffff10000000ffffffff20000000ffffffff",
            "800000000400000000000000800000000500000007000080",
        ),
        (
            0o640,
            "0200000001000600ffffffff04000400ffffffff10000400ffffffff20000000ffffffff",
            "80000000800000000400000080000000",
        ),
    ];

    #[test]
    fn both_forms_say_the_same() {
        for (mode, kernel, rsync) in PAIRS {
            let lean = Acl::from_kernel(&bytes(kernel)).unwrap().lean(mode).unwrap();
            assert_eq!(lean.to_rsync(), bytes(rsync), "{mode:o} {kernel}");
            assert_eq!(Acl::from_rsync(&bytes(rsync)).unwrap().lean(mode).as_ref(), Some(&lean));
            assert_eq!(lean.to_kernel(mode), bytes(kernel));
        }
    }

    #[test]
    fn what_only_says_the_mode_again_is_no_list() {
        let plain = "0200000001000600ffffffff04000400ffffffff20000000ffffffff";
        assert_eq!(Acl::from_kernel(&bytes(plain)).unwrap().lean(0o640), None);
        assert_eq!(Acl::PLAIN.to_kernel(0o640), bytes(plain));
        let masked = Acl { mask: Some(4), ..Acl::PLAIN }.lean(0o640);
        assert!(!Acl::is_same_access(masked.as_ref(), None));
    }

    #[test]
    fn a_mode_alters_the_mask_and_not_the_group() {
        let named = vec![(Whom::User(5), 6)];
        let acl = Acl { group: Some(4), mask: Some(6), named, ..Acl::PLAIN };
        let masked = acl.clone().masked_by(0o604);
        assert!(Acl::is_same_access(Some(&acl), Some(&masked)));
        let written = Acl::from_kernel(&masked.to_kernel(0o604)).unwrap();
        assert_eq!((written.group, written.mask, written.other), (Some(4), Some(0), Some(4)));
    }

    #[test]
    fn bytes_that_are_no_list_are_refused() {
        assert_eq!(Acl::from_kernel(b"\x02\0\0"), None);
        assert_eq!(Acl::from_kernel(b"\x01\0\0\0"), None);
        assert_eq!(Acl::from_kernel(b"\x02\0\0\0\x40\0\0\0\0\0\0\0"), None);
        assert_eq!(Acl::from_rsync(b"\x80\0\0\0\x80\0\0\0\x80\0\0\0"), None);
        assert_eq!(Acl::from_rsync(&[0; 20]), None);
    }
}
