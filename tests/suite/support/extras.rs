//! Extended attributes and access control lists of test trees: their text, setting them, seeing them.
//!
//! ```text
//! x:user.a=text      an attribute (`x:user.big=@3000` is one of 3000 bytes, `x:user.a` takes it away)
//! acl=u:5:rw,g::r,m::rw    a list; owner, group, mask and others that it leaves out are the mode's
//! dacl=u::rwx,u:5:rx,g::rx,m::rx,o::-    a default list, whole
//! acl=none, dacl=none      takes it away
//! ```
//!
//! Written by hand after acl(5) and the kernel's `posix_acl_xattr.h`, without the code under test.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lremovexattr, lsetxattr};
use rustix::io::Errno;

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// One thing that an entry has besides what `stat` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extra {
    /// An attribute; `None` takes it away.
    Xattr(Vec<u8>, Option<Vec<u8>>),
    /// An access list; `None` takes it away.
    Access(Option<Vec<AclEntry>>),
    /// A default list; `None` takes it away.
    Default(Option<Vec<AclEntry>>),
}

/// Tag, id and permissions.
pub(crate) type AclEntry = (u16, u32, u16);

impl Extra {
    /// Reads a word of a tree's line; `None` if it is another word.
    pub(crate) fn parse(word: &[u8]) -> Option<Result<Self, String>> {
        if let Some(rest) = word.strip_prefix(b"x:") {
            let at = rest.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
            return Some(Ok(Self::Xattr(name.to_vec(), value.map(value_of))));
        }
        if let Some(text) = word.strip_prefix(b"acl=") {
            return Some(list_of(text).map(Self::Access));
        }
        word.strip_prefix(b"dacl=").map(|text| list_of(text).map(Self::Default))
    }

    /// Says whether only the super-user can set it.
    pub(crate) fn needs_root(&self) -> bool {
        matches!(self, Self::Xattr(name, _) if !name.starts_with(b"user."))
    }

    /// Gives it to an entry, never through a symlink.
    pub(crate) fn apply(&self, path: &Path) -> io::Result<()> {
        let (name, value) = match self {
            Self::Xattr(name, value) => (name.clone(), value.clone()),
            Self::Access(list) => {
                let mode = path.symlink_metadata()?.mode();
                (ACCESS.into(), list.as_ref().map(|list| encoded(list, Some(mode))))
            }
            Self::Default(list) => (DEFAULT.into(), list.as_ref().map(|list| encoded(list, None))),
        };
        let name = CString::new(name)?;
        match value {
            Some(value) => lsetxattr(path, &*name, &value, XattrFlags::empty())?,
            None => lremovexattr(path, &*name)?,
        }
        Ok(())
    }
}

/// `@N` stands for N bytes.
fn value_of(text: &[u8]) -> Vec<u8> {
    let count = text.strip_prefix(b"@").and_then(|digits| std::str::from_utf8(digits).ok());
    match count.and_then(|digits| digits.parse().ok()) {
        Some(count) => vec![b'v'; count],
        None => text.to_vec(),
    }
}

fn list_of(text: &[u8]) -> Result<Option<Vec<AclEntry>>, String> {
    let text = String::from_utf8_lossy(text).into_owned();
    if text == "none" {
        return Ok(None);
    }
    text.split(',').map(entry_of).collect::<Result<_, _>>().map(Some)
}

fn entry_of(text: &str) -> Result<AclEntry, String> {
    let wrong = || format!("`{text}` is no entry of a list");
    let [who, id, perms] = text.split(':').collect::<Vec<_>>()[..] else { return Err(wrong()) };
    let tag = match (who, id.is_empty()) {
        ("u", true) => 1,
        ("u", false) => 2,
        ("g", true) => 4,
        ("g", false) => 8,
        ("m", true) => 16,
        ("o", true) => 32,
        _ => return Err(wrong()),
    };
    let id = if id.is_empty() { u32::MAX } else { id.parse().map_err(|_| wrong())? };
    let bit = |c| match c {
        'r' => Ok(4),
        'w' => Ok(2),
        'x' => Ok(1),
        '-' => Ok(0),
        _ => Err(wrong()),
    };
    let perms = perms.chars().map(bit).sum::<Result<u16, _>>()?;
    Ok((tag, id, perms))
}

/// The kernel's form, sorted as it wants it; what `mode` says is filled in.
fn encoded(list: &[AclEntry], mode: Option<u32>) -> Vec<u8> {
    let mut list = list.to_vec();
    let has_names = list.iter().any(|entry| matches!(entry.0, 2 | 8));
    for (tag, shift) in [(1, 6), (4, 3), (16, 3), (32, 0)] {
        let needed = tag != 16 || has_names;
        if let Some(mode) = mode.filter(|_| needed && !list.iter().any(|entry| entry.0 == tag)) {
            list.push((tag, u32::MAX, u16::try_from(mode >> shift & 7).expect("a digit")));
        }
    }
    list.sort_unstable();
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, id, perms) in list {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(perms.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

/// All extended attributes of an entry, lists included, that the caller may see.
pub(crate) fn xattrs_of(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 64 << 10];
    let count = match llistxattr(path, &mut names[..]) {
        Err(Errno::OPNOTSUPP | Errno::ACCESS) => 0,
        result => result.expect("attributes can be listed"),
    };
    let names = names[..count].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 64 << 10];
        let count = lgetxattr(path, &*CString::new(name).ok()?, &mut value[..]).ok()?;
        value.truncate(count);
        Some((name.to_vec(), value))
    };
    names.filter_map(value).collect()
}
