//! Which attributes are carried over, and as what.

use bitflags::bitflags;

use crate::extras::names::OwnNames;
use crate::model::change::Attrs;
use crate::model::guise::Guise;
use crate::model::meta::Kind;
use crate::model::target::unmunged;
use crate::sys::read::AccessTime;

/// Which attributes are carried over.
#[derive(Clone, Copy, Debug)]
pub struct Preserve {
    /// Of `MTIME`, `ATIME`, `MODE`, `OWNER`, `GROUP`, `ACLS`, `XATTRS`.
    pub attrs: Attrs,
    /// `--executability`: x bits only (where `MODE` is not preserved).
    pub executability: Executability,
    /// Whose times are left out although `MTIME` is preserved.
    pub omit_times: OmitTimes,
    /// What becomes of the targets of munged symlinks.
    pub munged: MungedLinks,
    /// What reading a file does to its access time.
    pub reading: AccessTime,
    /// `-XX`.
    pub own_xattrs: OwnNames,
    /// `--fake-super`.
    pub guises: Guises,
}

/// `--munge-links`, which on the sending side takes the mark off (rsync 3.5.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MungedLinks {
    /// They are copied as they are.
    Keep,
    /// They lose the mark.
    Restore,
}

impl Preserve {
    /// The target that a symlink shall have whose source's is `target`.
    pub fn target(&self, target: Box<[u8]>) -> Box<[u8]> {
        match self.munged {
            MungedLinks::Keep => target,
            MungedLinks::Restore => unmunged(target),
        }
    }

    /// True if a run sets the time of entries of this kind.
    pub fn sets_time(&self, kind: Kind) -> bool {
        let omitted = match kind {
            Kind::Dir => OmitTimes::DIRS,
            Kind::Symlink => OmitTimes::LINKS,
            _ => OmitTimes::empty(),
        };
        self.attrs.contains(Attrs::MTIME) && !self.omit_times.intersects(omitted)
    }

    /// True if a run sets the access time of entries of this kind: listing a directory changes it.
    pub fn sets_atime(&self, kind: Kind) -> bool {
        let omitted = kind == Kind::Symlink && self.omit_times.contains(OmitTimes::LINKS);
        self.attrs.contains(Attrs::ATIME) && kind != Kind::Dir && !omitted
    }
}

/// The mode of a file that stands there as `there`, after `--executability`: x for whoever may read,
/// if anybody may execute the source (rsync.1).
pub fn executable_as(source: u32, there: u32) -> u32 {
    if source & 0o111 == 0 {
        there & !0o111
    } else if there & 0o111 == 0 {
        there | ((there & 0o444) >> 2)
    } else {
        there
    }
}

/// `--fake-super`: how either side's entries are seen and made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guises {
    /// The source's.
    pub source: Guise,
    /// The destination's, and those of `--link-dest` and its kin, and of the backups.
    pub dest: Guise,
}

/// `--executability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executability {
    /// The destination keeps its x bits.
    Ignore,
    /// x follows the source.
    Follow,
}

bitflags! {
    /// `--omit-dir-times`, `--omit-link-times`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OmitTimes: u8 {
        /// Times of directories are not set.
        const DIRS = 1;
        /// Times of symlinks are not set.
        const LINKS = 1 << 1;
    }
}
