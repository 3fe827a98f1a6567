//! Extended attributes of anything: of files, directories, symlinks, fifos and devices, whether we
//! may open them or not.
//!
//! They are reached by a path-only handle (open(2), `O_PATH`) and its name in proc(5), which leads to
//! the very inode and nowhere else: no path can be swapped, nothing need be readable. The `*xattrat`
//! calls of Linux 6.13 would do without proc(5), and no crate that we use has them yet.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags, XattrFlags, getxattr, listxattr, removexattr, setxattr};
use rustix::io::Errno;

use crate::model::path::Name;
use crate::sys::attrs::Target;
use crate::sys::dir::{Dir, Follow};
use crate::sys::permit::Permit;
use crate::sys::trust::{Trust, look_at};

/// Something whose attributes can be got at.
#[derive(Debug)]
pub struct Grip {
    path: String,
    /// Keeps the number in the path ours; `None`: whoever lent the handle does.
    _held: Option<OwnedFd>,
}

/// Enough for the names or the value of most entries.
const USUAL_BYTES: usize = 1024;

impl Grip {
    /// An entry of a directory.
    pub fn of_entry(dir: &Dir, name: &Name, follow: Follow) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat(dir, name.as_c_str(), flags, Mode::empty());
        let fd = match follow {
            Follow::Never => open(flags | OFlags::NOFOLLOW)?,
            Follow::Links => open(flags)?,
            Follow::Trusted => look_at(dir, name, &Trust::Owned)?,
        };
        Ok(Self { path: by_number(&fd), _held: Some(fd) })
    }

    /// Something open; it has to stay so.
    pub fn of_handle(fd: &impl AsFd) -> Self {
        Self { path: by_number(&fd.as_fd()), _held: None }
    }

    /// What attributes are set on.
    pub fn of_target(target: Target<'_>) -> io::Result<Self> {
        match target {
            Target::Handle(file) => Ok(Self::of_handle(file)),
            Target::Entry(dir, name) => Self::of_entry(dir, name, Follow::Never),
        }
    }

    /// The names of all attributes that the caller may see; none where there can be none.
    pub fn names(&self) -> io::Result<Vec<Box<[u8]>>> {
        let list = filled(|buffer| match listxattr(&*self.path, buffer) {
            Err(Errno::OPNOTSUPP) => Ok(0),
            result => result,
        })?;
        let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(Box::from).collect())
    }

    /// The value of one attribute; `None` if there is none of that name.
    pub fn value(&self, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let name = CString::new(name)?;
        match filled(|buffer| getxattr(&*self.path, &*name, buffer)) {
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
            result => Ok(Some(result?)),
        }
    }

    /// Gives an attribute a value, whether it is there or not.
    pub fn set(&self, _: &Permit, name: &[u8], value: &[u8]) -> io::Result<()> {
        let name = CString::new(name)?;
        Ok(setxattr(&*self.path, &*name, value, XattrFlags::empty())?)
    }

    /// Takes an attribute away; one that is not there is as good.
    pub fn remove(&self, _: &Permit, name: &[u8]) -> io::Result<()> {
        let name = CString::new(name)?;
        match removexattr(&*self.path, &*name) {
            Err(Errno::NODATA) => Ok(()),
            result => Ok(result?),
        }
    }
}

fn by_number(fd: &impl AsRawFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// What `read` puts into a buffer, which doubles until it is large enough: with the kernel's 64 KiB
/// at the most (xattr(7)) that is soon, and one call fewer than asking for the length.
fn filled(mut read: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; USUAL_BYTES];
    loop {
        match read(&mut buffer) {
            Ok(bytes) => {
                buffer.truncate(bytes);
                return Ok(buffer);
            }
            Err(Errno::RANGE) => buffer.resize(buffer.len() * 2, 0),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::filled;

    #[test]
    fn the_longest_value_takes_few_calls() {
        let value = vec![7; 65536];
        let mut calls = 0;
        let read = |buffer: &mut [u8]| {
            calls += 1;
            let room = buffer.get_mut(..value.len()).ok_or(Errno::RANGE)?;
            room.copy_from_slice(&value);
            Ok(value.len())
        };
        assert_eq!(filled(read), Ok(value.clone()));
        assert!(calls <= 10, "{calls} calls");
    }
}
