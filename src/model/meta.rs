//! What one `statx` says about an entry.

/// The kind of a directory entry (inode(7), "The file type and mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device that holds the file system (`makedev` form).
    pub dev: u64,
    /// The inode number.
    pub ino: u64,
}

/// A point in time: seconds since 1970 and nanoseconds (0 to 999,999,999) after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp {
    /// Whole seconds since the epoch; negative before it.
    pub secs: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

impl Stamp {
    /// 1970-01-01 00:00:00 UTC: the mark of a file that is not whole.
    pub const TORN: Self = Self { secs: 0, nanos: 0 };

    /// The mark of a file that is not whole, where its source is of time `source`: 1970-01-01, or,
    /// for a source of about that time (reproducible archives), a year later.
    pub fn torn_beside(source: Self) -> Self {
        const DAY_SECS: i64 = 86_400;
        if source.secs.abs() < DAY_SECS {
            Self { secs: 365 * DAY_SECS, nanos: 0 }
        } else {
            Self::TORN
        }
    }
}

/// What one statx(2) says. Costly extras (link target, digest) are asked for apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Permission, set-id and sticky bits (`mode & 0o7777`).
    pub mode: u32,
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
    /// True if nothing says that the file's bytes changed between two looks: same inode, size,
    /// mtime and ctime.
    pub fn is_untouched_since(&self, before: &Meta) -> bool {
        self.id == before.id
            && self.size == before.size
            && self.mtime == before.mtime
            && self.ctime == before.ctime
    }
}
