//! An open directory: the only thing below which entries are reached, one name at a time.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, SeekFrom};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::model::acl::{Acl, KERNEL_DEFAULT};
use crate::model::guise::Guise;
use crate::model::meta::{FileId, Kind};
use crate::model::path::{Name, RelPath};
use crate::sys::stat;
use crate::sys::trust::{Place, Trust, look_at, resolve};
use crate::sys::xattr::Grip;

/// Whether a last component that is a symlink is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// A symlink is what it is; opening one fails with ELOOP.
    Never,
    /// A symlink stands for what it points to (`-L`, `-k`, operands).
    Links,
    /// A symlink of root or of whoever runs it stands for the directory that it leads to, by others of
    /// them; one of somebody else is an error (`--files-from`). What is no directory is what it is.
    Trusted,
}

/// An open directory handle.
#[derive(Debug)]
pub struct Dir {
    file: File,
    guise: Guise,
    /// What its default list lets new entries have at most, once somebody asked.
    ceiling: OnceLock<Option<u32>>,
    /// Which it is, once somebody asked.
    id: OnceLock<Option<FileId>>,
}

/// A name found in a directory, and its kind if the directory itself says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: Name,
    /// `d_type` of getdents64(2); `None` where the file system does not fill it in, or it may stand
    /// for something else.
    pub kind: Option<Kind>,
}

const OPEN_DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Room for a few thousand names: one getdents64(2) for most directories.
const LISTING_BYTES: usize = 64 << 10;

impl Dir {
    fn new(file: File) -> Self {
        Self { file, guise: Guise::Real, ceiling: OnceLock::new(), id: OnceLock::new() }
    }

    /// Opens a path that the user typed; symlinks in it are followed.
    pub fn open_operand(path: &Path) -> io::Result<Self> {
        open(CWD, path, OPEN_DIR)
    }

    /// Opens a path that the user typed; symlinks in it are followed as far as they are trusted.
    pub fn open_trusted(path: &Path, trust: &Trust) -> io::Result<Self> {
        if *trust == Trust::All {
            return Self::open_operand(path);
        }
        match resolve(path, trust)? {
            Place::Dir(dir) => open(dir.as_fd(), c".", OPEN_DIR),
            Place::Entry(dir, name) => open(dir.as_fd(), &*name, OPEN_DIR | OFlags::NOFOLLOW),
            Place::Open(dir, name) => open(dir.as_fd(), &*name, OPEN_DIR),
        }
    }

    /// The same, of which the entries and those below them are seen and made in this guise.
    #[must_use]
    pub fn in_guise(self, guise: Guise) -> Self {
        Self { guise, ..self }
    }

    /// The mode that its default list lets new entries have at most, where it has one: that takes the
    /// place of the umask (acl(5), "OBJECT CREATION AND DEFAULT ACLs").
    ///
    /// It costs a call for each directory that was there before the run and gets new entries. To leave the
    /// umask to the kernel would not do instead: it is the process's, and a file that is made for nobody but
    /// its owner, or opened up later, has to be told apart from one whose mode the list has cut.
    pub fn ceiling(&self) -> Option<u32> {
        let read = || Grip::of_handle(self).value(KERNEL_DEFAULT).ok().flatten();
        let parse = |bytes: Vec<u8>| Some(Acl::from_kernel(&bytes)?.ceiling());
        *self.ceiling.get_or_init(|| read().and_then(parse))
    }

    /// Says that this run made it in `above`, so that it has the same default list.
    pub fn inherit(&self, above: &Self) {
        if let Some(ceiling) = above.ceiling.get() {
            self.ceiling.get_or_init(|| *ceiling);
        }
    }

    /// Which directory it is, by whichever way it was met; `None`: it can not be looked at.
    pub fn id(&self) -> Option<FileId> {
        *self.id.get_or_init(|| stat::real(self).ok().map(|meta| meta.id))
    }

    /// How its entries are seen and made.
    pub fn guise(&self) -> Guise {
        self.guise
    }

    /// Opens a directory that is an entry of this one.
    pub fn open_child(&self, name: &Name, follow: Follow) -> io::Result<Self> {
        let flags = match follow {
            Follow::Never => OPEN_DIR | OFlags::NOFOLLOW,
            Follow::Links => OPEN_DIR,
            Follow::Trusted => {
                let found = look_at(self, name, &Trust::Owned)?;
                return Ok(open(found.as_fd(), c".", OPEN_DIR)?.in_guise(self.guise));
            }
        };
        Ok(open(self.as_fd(), name.as_c_str(), flags)?.in_guise(self.guise))
    }

    /// Opens `rel` below this directory, following symlinks as long as they stay below it
    /// (openat2(2), `RESOLVE_BENEATH`): for `--keep-dirlinks`.
    pub fn open_beneath(&self, rel: &RelPath) -> io::Result<Self> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let fd = rustix::fs::openat2(self, rel.as_bytes(), OPEN_DIR, Mode::empty(), resolve)?;
        Ok(Self::new(fd.into()).in_guise(self.guise))
    }

    /// Opens the directory that this one is in: only to tell where a root stands.
    pub fn open_parent(&self) -> io::Result<Self> {
        Ok(open(self.as_fd(), "..", OPEN_DIR)?.in_guise(self.guise))
    }

    /// Another handle of the same directory.
    pub fn duplicate(&self) -> io::Result<Self> {
        Ok(Self::new(self.file.try_clone()?).in_guise(self.guise))
    }

    /// All names, without `.` and `..`, in the order of the file system.
    pub fn list(&self) -> io::Result<Vec<Listed>> {
        match rustix::fs::seek(self, SeekFrom::Start(0)) {
            Err(Errno::BADF) => return Err(Errno::ACCESS.into()),
            result => result?,
        };
        let mut buffer = Vec::with_capacity(LISTING_BYTES);
        let mut entries = RawDir::new(self, buffer.spare_capacity_mut());
        let mut listed = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            // `.` and `..` are no names; nothing else that a kernel returns fails to be one.
            if let Some(name) = Name::new(entry.file_name().to_bytes()) {
                let kind = kind_of(entry.file_type()).filter(|kind| self.is_certain(*kind));
                listed.push(Listed { name, kind });
            }
        }
        Ok(listed)
    }

    /// A file may stand for something else: a look tells.
    fn is_certain(&self, kind: Kind) -> bool {
        self.guise == Guise::Real || kind != Kind::File
    }

    /// The handle as a file, for calls that want one.
    pub fn as_file(&self) -> &File {
        &self.file
    }
}

/// Opens a directory. One that we may pass through but not read (`/home` is often of that sort) can
/// still be reached through: its handle is a path-only one, and listing it fails with EACCES.
fn open(at: BorrowedFd<'_>, path: impl Arg + Copy, flags: OFlags) -> io::Result<Dir> {
    let fd = match rustix::fs::openat(at, path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => rustix::fs::openat(at, path, flags | OFlags::PATH, Mode::empty())?,
        result => result?,
    };
    Ok(Dir::new(fd.into()))
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn kind_of(file_type: FileType) -> Option<Kind> {
    match file_type {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Dir),
        FileType::Symlink => Some(Kind::Symlink),
        FileType::Fifo => Some(Kind::Fifo),
        FileType::Socket => Some(Kind::Socket),
        FileType::CharacterDevice => Some(Kind::CharDevice),
        FileType::BlockDevice => Some(Kind::BlockDevice),
        FileType::Unknown => None,
    }
}

/// True if there is nothing, or a symlink, or something else that is no directory.
pub fn is_missing_dir(error: &io::Error) -> bool {
    let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    is_link || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
