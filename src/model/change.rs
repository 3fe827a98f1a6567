//! What is to be done to one entry, and rsync's eleven-column line that says so.

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

use crate::model::checksum::Checksum;
use crate::model::digest::Digest;
use crate::model::meta::{Kind, Meta};
use crate::model::path::RelPath;

bitflags! {
    /// Attributes of an entry that can differ, or that a run preserves.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Attrs: u16 {
        /// The bytes of a file, the target of a symlink, the number of a device.
        const CONTENT = 1;
        /// The length of a regular file.
        const SIZE = 1 << 1;
        /// The time of last modification.
        const MTIME = 1 << 2;
        /// The time will be the time of transfer: it is not preserved (itemized `T`).
        const MTIME_NOW = 1 << 3;
        /// Permission and special mode bits.
        const MODE = 1 << 4;
        /// Owner.
        const OWNER = 1 << 5;
        /// Group.
        const GROUP = 1 << 6;
        /// The time differs by less than what counts; `--checksum` sets it all the same, and nothing
        /// is told of it.
        const MTIME_EXACT = 1 << 7;
        /// The mode of what stands for another is not what it is to be (`--fake-super`): it is set, and
        /// nothing is told of it.
        const OWN_MODE = 1 << 10;
        /// The time of last access.
        const ATIME = 1 << 12;
        /// Access control lists.
        const ACLS = 1 << 8;
        /// Extended attributes.
        const XATTRS = 1 << 9;
    }
}

impl Attrs {
    /// Of which nothing is told.
    pub const UNTOLD: Self = Self::MTIME_EXACT.union(Self::OWN_MODE);
}

/// How much is known of the equality of two contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Knowledge {
    /// Size and time agree (the quick check); nobody looked at the bytes.
    Presumed,
    /// The bytes were read and compared by digest.
    Known,
}

/// How one entry differs between the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// The attributes that differ and that the run preserves.
    pub attrs: Attrs,
    /// True if the file has to be sent again although nothing seen differs (`--ignore-times`).
    pub send_anyway: bool,
    /// The kinds differ: the entry has to be made anew.
    pub other_kind: bool,
    /// How the content was compared.
    pub knowledge: Knowledge,
    /// With what, if not with the destination's own entry.
    pub basis: Basis,
}

/// Whether an entry that the destination has not was found elsewhere (`--link-dest` and its kin).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// No.
    None,
    /// Only one of another content.
    Unlike,
    /// Yes; it is made all the same (itemized `c`).
    Alike,
    /// Yes, and it becomes a link to that (itemized `h`).
    Linked,
    /// It is another name of an entry of this very run (`--hard-links`; itemized `h`).
    Joined,
}

impl Diff {
    /// No difference.
    pub const NONE: Self = Self {
        attrs: Attrs::empty(),
        send_anyway: false,
        other_kind: false,
        knowledge: Knowledge::Presumed,
        basis: Basis::None,
    };

    /// True if content has to be written.
    pub fn needs_content(&self) -> bool {
        self.other_kind
            || self.send_anyway
            || self.attrs.intersects(Attrs::CONTENT.union(Attrs::SIZE))
    }

    /// True if nothing differs but the time of access: whoever reads any name of a file changes it.
    pub fn is_access_alone(&self) -> bool {
        self.attrs == Attrs::ATIME && !self.needs_content()
    }

    /// True if no bytes of the source have to be sent for it, in rsync's words.
    pub fn is_local(&self) -> bool {
        matches!(self.basis, Basis::Alike | Basis::Linked | Basis::Joined)
    }

    /// True if the sides agree in all that the run preserves.
    pub fn is_none(&self) -> bool {
        self.attrs.is_empty() && !self.send_anyway && !self.other_kind
    }
}

/// Why an entry is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Nothing differs.
    UpToDate,
    /// `--update`: the destination is newer.
    Newer,
    /// `--ignore-existing`.
    Exists,
    /// `--existing`: the destination has no such entry.
    NotThere,
    /// `--existing`: the destination has not even its directory. Counted, never told.
    NotEvenAbove,
    /// `--append`: it differs, and is not shorter than its source. Never told.
    NotShorter,
    /// `--max-size`.
    OverMaxSize,
    /// `--min-size`.
    UnderMinSize,
    /// The run does not copy this kind of entry (no `--links`, `--devices` or `--specials`).
    NonRegular,
    /// The destination holds something that nobody asked to delete.
    Extraneous,
    /// It is the destination itself, met inside the source.
    OwnDestination,
    /// `-xx`: a mount point.
    MountPoint,
    /// `--safe-links`: a symlink that leads out of the transfer.
    UnsafeLink,
    /// `--copy-unsafe-links`: a symlink that leads out of the transfer, and so stands for what it
    /// points to. This is only told.
    UnsafeFollowed,
    /// A directory, and neither `--recursive` nor `--dirs` was given.
    NotRecursive,
    /// A directory on the way to what was asked for, of which nothing is carried over
    /// (`--no-implied-dirs`). Never told.
    OnTheWay,
    /// A directory in the way is not empty and nobody allowed to delete it.
    DirNotEmpty,
    /// The source was removed once its copy was verified. This is only told.
    SourceRemoved,
    /// `--against`: it is no regular file, and check files list nothing else. Never told.
    Unlistable,
    /// `--list-only`: it was listed, which is all that was asked for.
    Listed,
    /// A filter rule hides it from the transfer.
    Hidden,
    /// A filter rule says that it takes part. It does; this is only told.
    Shown,
    /// A filter rule protects it from deletion.
    Protected,
    /// A filter rule says that it may be deleted. This is only told.
    AtRisk,
    /// It could not be looked at, so that nobody knows what it is.
    Unseen,
    /// A directory that could not be listed, or not be given its attributes when all in it was done. This is
    /// only told.
    Unfinished,
    /// It was kept as a backup. This is only told; the target says where.
    BackedUp,
    /// `--safe-links`: there is no backup of a symlink that leads out. This is only told.
    NotBackedUp,
}

impl Why {
    /// True if it says why an entry of the source does not take part, or does: whoever lists it says so.
    pub fn is_of_listing(self) -> bool {
        matches!(
            self,
            Self::Hidden
                | Self::Shown
                | Self::UnsafeFollowed
                | Self::MountPoint
                | Self::OwnDestination
        )
    }

    /// True if it says something of an entry beside what is done to it: that is told, and not counted.
    pub fn is_remark(self) -> bool {
        matches!(
            self,
            Self::UnsafeFollowed
                | Self::SourceRemoved
                | Self::Hidden
                | Self::Shown
                | Self::Protected
                | Self::AtRisk
                | Self::BackedUp
                | Self::NotBackedUp
                | Self::Unfinished
        )
    }
}

/// What is done to one entry of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Nothing.
    Keep(Why),
    /// Make it; nothing stands there.
    Create,
    /// Write the content of the regular file that stands there.
    Rewrite,
    /// Remove what stands there, then make it.
    Replace,
    /// Set attributes only.
    Adjust,
    /// Remove it.
    Delete,
}

/// All that a person wants to read about one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where, below the destination.
    pub path: RelPath,
    /// What the source has there (for [`Action::Delete`]: the destination).
    pub kind: Kind,
    /// What is done.
    pub action: Action,
    /// Why: what differs.
    pub diff: Diff,
    /// The target of a symlink; of an entry that becomes another name ([`Change::is_joined`]), the
    /// path of the first one.
    pub target: Option<Box<[u8]>>,
    /// The filter rule that decided, as it is called in messages.
    pub because: Option<Box<str>>,
    /// Length of a regular file in bytes, otherwise 0.
    pub size: u64,
    /// What else is known of it, if somebody wants to hear it.
    pub more: Option<Box<More>>,
}

/// What not every reader wants to know of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// All that a look at the source says.
    pub meta: Meta,
    /// Where the source has it, as typed, if that was asked for.
    pub source: Option<Box<[u8]>>,
    /// The checksum of its bytes, if it is known.
    pub sum: Option<Checksum>,
    /// The digest of the bytes that phase two found on both sides, if that was asked for.
    pub digest: Option<Digest>,
}

impl Change {
    /// rsync's eleven columns `YXcstpoguax` (rsync.1, `--itemize-changes`).
    pub fn itemized(&self) -> [u8; 11] {
        if self.action == Action::Delete {
            return *b"*deleting  ";
        }
        let is_new = matches!(self.action, Action::Create | Action::Replace)
            && self.is_made_anew()
            && matches!(self.diff.basis, Basis::None | Basis::Joined);
        let mut line = [b'.'; 11];
        line[0] = self.update_letter();
        line[1] = match self.kind {
            Kind::File => b'f',
            Kind::Dir => b'd',
            Kind::Symlink => b'L',
            Kind::CharDevice | Kind::BlockDevice => b'D',
            Kind::Fifo | Kind::Socket => b'S',
        };
        if is_new {
            line[2..].fill(b'+');
            return line;
        }
        let attrs = self.diff.attrs;
        for (column, bit, letter) in [
            (2, Attrs::CONTENT, b'c'),
            (3, Attrs::SIZE, b's'),
            (4, Attrs::MTIME, b't'),
            (4, Attrs::MTIME_NOW, b'T'),
            (5, Attrs::MODE, b'p'),
            (6, Attrs::OWNER, b'o'),
            (7, Attrs::GROUP, b'g'),
            (8, Attrs::ATIME, b'u'),
            (9, Attrs::ACLS, b'a'),
            (10, Attrs::XATTRS, b'x'),
        ] {
            if attrs.contains(bit) {
                line[column] = letter;
            }
        }
        if line[0] != b'>' && !self.is_told() {
            line[2..].fill(b' ');
        }
        line
    }

    /// True if something differs that rsync tells of.
    pub fn is_told(&self) -> bool {
        !self.diff.attrs.difference(Attrs::UNTOLD).is_empty()
    }

    /// True if it becomes another name of an entry of this run.
    pub fn is_joined(&self) -> bool {
        self.diff.basis == Basis::Joined && matches!(self.action, Action::Create | Action::Replace)
    }

    fn is_made_anew(&self) -> bool {
        self.action == Action::Create || self.diff.other_kind
    }

    fn update_letter(&self) -> u8 {
        match (self.action, self.kind) {
            _ if self.diff.basis == Basis::Joined => b'h',
            (Action::Create | Action::Replace, _) if self.diff.basis == Basis::Linked => b'h',
            (Action::Create | Action::Replace, _) if self.diff.basis == Basis::Alike => b'c',
            (Action::Create | Action::Rewrite | Action::Replace, Kind::File) => b'>',
            (Action::Create | Action::Rewrite | Action::Replace, _) => b'c',
            _ => b'.',
        }
    }
}
