//! What one `statx` says about an entry.

use serde::{Deserialize, Serialize};

/// The kind of a directory entry (inode(7), "The file type and mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A Unix domain socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

impl Kind {
    /// True for character and block devices.
    pub fn is_device(self) -> bool {
        matches!(self, Self::CharDevice | Self::BlockDevice)
    }

    /// True for fifos and sockets, rsync's "special files".
    pub fn is_special(self) -> bool {
        matches!(self, Self::Fifo | Self::Socket)
    }
}

/// What identifies an inode on this machine while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId {
    /// The device that holds the file system (`makedev` form).
    pub dev: u64,
    /// The inode number.
    pub ino: u64,
}

/// A point in time: seconds since 1970 and nanoseconds (0 to 999,999,999) after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Whole seconds since the epoch; negative before it.
    pub secs: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

impl Stamp {
    /// The mark of a file that is not whole, where its source is of time `source`: 1970-01-01
    /// 00:00:00 UTC, or a year before the source where that is no later (reproducible archives).
    /// It is always older than the source, so that `--update` does not keep what bears it.
    pub fn torn_before(source: Self) -> Self {
        const DAY_SECS: i64 = 86_400;
        let secs = if source.secs > DAY_SECS { 0 } else { source.secs - 365 * DAY_SECS };
        Self { secs, nanos: 0 }
    }
}

/// What one statx(2) says. Costly extras (link target, digest) are asked for apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Permission, set-id and sticky bits (`mode & 0o7777`).
    pub mode: u32,
    /// The same of the entry itself, where it stands for something else (`--fake-super`).
    pub own_mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Length in bytes (of a symlink: of its target).
    pub size: u64,
    /// Last reading of the data.
    pub atime: Stamp,
    /// Last change of the data.
    pub mtime: Stamp,
    /// Last change of data or attributes.
    pub ctime: Stamp,
    /// The inode.
    pub id: FileId,
    /// Number of names of the inode.
    pub nlink: u32,
    /// Device number, for device nodes.
    pub rdev: u64,
}

impl Meta {
    /// True if two looks were at one file by two names. An inode number alone does not say so: some
    /// FUSE servers make them up, and give one to several files.
    pub fn is_same_file(&self, other: &Meta) -> bool {
        self.is_untouched_since(other)
    }

    /// True if nothing says that the file's bytes changed between two looks: same inode, size,
    /// mtime and ctime.
    pub fn is_untouched_since(&self, before: &Meta) -> bool {
        self.id == before.id
            && self.size == before.size
            && self.mtime == before.mtime
            && self.ctime == before.ctime
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;

    #[test]
    fn the_mark_of_a_torn_file_is_older_than_any_source() {
        let at = |secs| Stamp { secs, nanos: 0 };
        assert_eq!(Stamp::torn_before(at(1_700_000_000)), at(0));
        for secs in [86_401, 86_400, 1, 0, -1, -86_400, -5_000_000_000] {
            assert!(Stamp::torn_before(at(secs)) < at(secs), "{secs}");
        }
    }
}
