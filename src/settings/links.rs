//! What symlinks mean on either side.

/// What symlinks mean on either side.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    /// `--copy-links`, `--copy-dirlinks`, `--copy-unsafe-links`.
    pub source: SourceLinks,
    /// `--keep-dirlinks`.
    pub dest_dirs: DestDirLinks,
    /// `--safe-links`.
    pub leaving: LeavingLinks,
    /// `--hard-links`.
    pub hard: HardLinks,
}

/// What several names of one file in the source become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardLinks {
    /// A file for each.
    Apart,
    /// Names of one file (`-H`).
    Together,
}

/// Which symlinks of the source stand for what they point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceLinks {
    /// None.
    AsLinks,
    /// Those to directories (`-k`).
    FollowToDirs,
    /// Those that lead out of the transfer (`--copy-unsafe-links`).
    FollowUnsafe,
    /// Those that lead out of the transfer, and those to directories.
    FollowUnsafeOrToDirs,
    /// All (`-L`).
    Follow,
}

impl SourceLinks {
    /// True if those to directories are followed, wherever they lead.
    pub fn follows_dirs(self) -> bool {
        matches!(self, Self::FollowToDirs | Self::FollowUnsafeOrToDirs | Self::Follow)
    }

    /// True if where a symlink leads decides about following it.
    pub fn asks_where(self) -> bool {
        matches!(self, Self::FollowUnsafe | Self::FollowUnsafeOrToDirs)
    }
}

/// What happens to symlinks that are copied as such and lead out of the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeavingLinks {
    /// They are copied.
    Copy,
    /// They are left out (`--safe-links`).
    Skip,
}

/// What a symlink to a directory is, where the source has a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestDirLinks {
    /// Something in the way.
    Replace,
    /// As good as a directory (`-K`).
    Keep,
}
