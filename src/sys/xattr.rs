//! Extended attributes of anything: of files, directories, symlinks, fifos and devices, whether we
//! may open them or not.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::fs::{getxattr, listxattr, removexattr, setxattr};
use rustix::io::Errno;

use crate::model::path::Name;
use crate::sys::attrs::Target;
use crate::sys::dir::{Dir, Follow};
use crate::sys::held::Held;
use crate::sys::permit::Permit;

/// Something whose attributes can be got at.
#[derive(Debug)]
pub struct Grip<'a>(Held<'a>);

/// Enough for the names or the value of most entries.
const USUAL_BYTES: usize = 1024;

impl<'a> Grip<'a> {
    /// An entry of a directory.
    pub fn of_entry(dir: &Dir, name: &Name, follow: Follow) -> io::Result<Self> {
        Ok(Self(Held::of_entry(dir, name, follow)?))
    }

    /// An entry of a directory, of which `fd` is a path-only handle.
    pub(crate) fn of_path_only(fd: OwnedFd, entry: (&Dir, &Name), follow: Follow) -> Self {
        Self(Held::of_path_only(fd, entry, follow))
    }

    /// Something open.
    pub fn of_handle(fd: &'a impl AsFd) -> Self {
        Self(Held::lent(fd))
    }

    /// What attributes are set on.
    pub fn of_target(target: Target<'a>) -> io::Result<Self> {
        match target {
            Target::Handle(file) => Ok(Self::of_handle(file)),
            Target::Entry(dir, name) => Self::of_entry(dir, name, Follow::Never),
        }
    }

    /// The names of all attributes that the caller may see; none where there can be none.
    pub fn names(&self) -> io::Result<Vec<Box<[u8]>>> {
        let list = self.0.reach(
            |fd| none_if_unsupported(filled(|buffer| flistxattr(fd, buffer))),
            |path| none_if_unsupported(filled(|buffer| listxattr(path, buffer))),
        )?;
        let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(Box::from).collect())
    }

    /// The value of one attribute; `None` if there is none of that name.
    pub fn value(&self, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let name = &*CString::new(name)?;
        self.0.reach(
            |fd| if_any(filled(|buffer| fgetxattr(fd, name, buffer))),
            |path| if_any(filled(|buffer| getxattr(path, name, buffer))),
        )
    }

    /// Gives an attribute a value, whether it is there or not.
    pub fn set(&self, _: &Permit, name: &[u8], value: &[u8]) -> io::Result<()> {
        let (name, flags) = (&*CString::new(name)?, XattrFlags::empty());
        self.0.reach(
            |fd| fsetxattr(fd, name, value, flags),
            |path| setxattr(path, name, value, flags),
        )
    }

    /// Takes an attribute away; one that is not there is as good.
    pub fn remove(&self, _: &Permit, name: &[u8]) -> io::Result<()> {
        let name = &*CString::new(name)?;
        let gone = |result| if result == Err(Errno::NODATA) { Ok(()) } else { result };
        self.0.reach(|fd| gone(fremovexattr(fd, name)), |path| gone(removexattr(path, name)))
    }
}

fn none_if_unsupported(list: Result<Vec<u8>, Errno>) -> Result<Vec<u8>, Errno> {
    if list == Err(Errno::OPNOTSUPP) { Ok(Vec::new()) } else { list }
}

fn if_any(value: Result<Vec<u8>, Errno>) -> Result<Option<Vec<u8>>, Errno> {
    match value {
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        value => value.map(Some),
    }
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
