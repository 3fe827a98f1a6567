//! A file system in user space that hands every call on to a directory, unless a plan says that it goes wrong.
//!
//! Nothing is cached on the way: names and attributes are valid for no time, and bytes go past the page cache, so that
//! the server sees every call that a client makes. Files are opened anew for each call; no name is known for a file
//! that is removed while it is open, and hard links and renames are not offered.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenAccMode, OpenFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{
    AtFlags, CWD, FileType as NodeType, Mode, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, mknodat,
    utimensat,
};

use crate::support::faulty::{Call, Fault, Plan, SERVER_TIME};

/// How long the client may believe an answer.
const NO_TIME: Duration = Duration::ZERO;

/// The handle of a file that was opened to be read.
const READER: FileHandle = FileHandle(0);

/// The handle of a file that was opened to be written.
const WRITER: FileHandle = FileHandle(1);

/// What the client keeps of the bytes that go to and fro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    Nothing,
    /// What is written goes to the server later.
    WriteBack,
}

/// How names are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    Exact,
    /// Upper and lower case are one, as on SMB and vfat; the first spelling is kept.
    Folded,
}

/// The server.
pub(crate) struct Passthrough {
    disk: PathBuf,
    plan: Arc<Plan>,
    caching: Caching,
    spelling: Spelling,
    /// The path below the disk of every inode that a client has seen.
    paths: Mutex<HashMap<INodeNo, PathBuf>>,
}

impl Passthrough {
    /// One that keeps everything in `disk`.
    pub(crate) fn new(
        disk: PathBuf,
        plan: Arc<Plan>,
        caching: Caching,
        spelling: Spelling,
    ) -> Self {
        let paths = HashMap::from([(INodeNo::ROOT, PathBuf::new())]);
        Self { disk, plan, caching, spelling, paths: Mutex::new(paths) }
    }

    /// The path below the disk of `name` in a directory, by the name that it has there.
    fn place(&self, parent: INodeNo, name: &OsStr) -> Result<PathBuf, Errno> {
        let parent = self.path(parent)?;
        if self.spelling == Spelling::Folded {
            for entry in fs::read_dir(self.disk.join(&parent))? {
                let there = entry?.file_name();
                if there.eq_ignore_ascii_case(name) {
                    return Ok(parent.join(there));
                }
            }
        }
        Ok(parent.join(name))
    }

    fn open_flags(&self) -> FopenFlags {
        match self.caching {
            Caching::Nothing => FopenFlags::FOPEN_DIRECT_IO,
            Caching::WriteBack => FopenFlags::empty(),
        }
    }

    /// The path below the disk of an inode.
    fn path(&self, ino: INodeNo) -> Result<PathBuf, Errno> {
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.get(&ino).cloned().ok_or(Errno::ESTALE)
    }

    /// Looks at an entry and remembers where it is.
    fn look(&self, path: PathBuf) -> Result<FileAttr, Errno> {
        let mut attr = attr_of(&self.disk.join(&path).symlink_metadata()?)?;
        if path.as_os_str().is_empty() {
            attr.ino = INodeNo::ROOT;
        }
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).insert(attr.ino, path);
        Ok(attr)
    }

    /// Makes an entry with `work`, which is given its path on the disk.
    fn make(
        &self,
        call: Call,
        (parent, name): (INodeNo, &OsStr),
        work: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<FileAttr, Errno> {
        let path = self.place(parent, name)?;
        self.around(call, &path, work)?;
        self.look(path)
    }

    /// Removes an entry with `work`, which is given its path on the disk.
    fn remove(
        &self,
        call: Call,
        (parent, name): (INodeNo, &OsStr),
        work: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Errno> {
        self.around(call, &self.place(parent, name)?, work)
    }

    /// Does `work` on an entry as is planned; it is given the entry's path on the disk.
    fn around(
        &self,
        call: Call,
        path: &Path,
        work: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Errno> {
        self.plan.around(call, path, &self.disk.join(path), work)
    }

    fn create(&self, parent: INodeNo, name: &OsStr, mode: u32) -> Result<FileAttr, Errno> {
        let path = self.place(parent, name)?;
        let file = File::options().write(true).create_new(true).open(self.disk.join(&path))?;
        file.set_permissions(fs::Permissions::from_mode(mode & 0o7777))?;
        self.look(path)
    }

    fn read(&self, ino: INodeNo, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let path = self.path(ino)?;
        let mut bytes = vec![0; usize::try_from(size).expect("a buffer's length")];
        let count = File::open(self.disk.join(&path))?.read_at(&mut bytes, offset)?;
        bytes.truncate(count);
        if bytes.is_empty() {
            return Ok(bytes);
        }
        match self.plan.strike(Call::Read, &path) {
            Some(Fault::Fails(errno)) => return Err(errno),
            Some(Fault::FlipsBit) => bytes[0] ^= 1,
            Some(Fault::GivesHalf) => bytes.truncate(count / 2),
            Some(fault) => unreachable!("no read knows {fault:?}"),
            None => {}
        }
        Ok(bytes)
    }

    fn write(&self, ino: INodeNo, offset: u64, data: &[u8]) -> Result<u32, Errno> {
        let path = self.path(ino)?;
        let mut bytes = data.to_vec();
        match self.plan.strike(Call::Write, &path) {
            Some(Fault::Fails(errno)) => return Err(errno),
            Some(Fault::FlipsBit) => bytes[0] ^= 1,
            Some(fault) => unreachable!("no write knows {fault:?}"),
            None => {}
        }
        File::options().write(true).open(self.disk.join(&path))?.write_all_at(&bytes, offset)?;
        self.plan.count_written(&path, bytes.len());
        Ok(u32::try_from(bytes.len()).expect("one write's length"))
    }

    /// Every close(2) flushes; only what was written can go wrong then.
    fn flush(&self, ino: INodeNo, fh: FileHandle) -> Result<(), Errno> {
        if fh != WRITER {
            return Ok(());
        }
        let path = self.path(ino)?;
        match self.plan.strike(Call::Flush, &path) {
            Some(Fault::Fails(errno)) => Err(errno),
            Some(Fault::OverwritesTime) => {
                let time = Timespec { tv_sec: SERVER_TIME, tv_nsec: 0 };
                Ok(set_times(&self.disk.join(path), omitted(), time)?)
            }
            Some(fault) => unreachable!("no flush knows {fault:?}"),
            None => Ok(()),
        }
    }

    /// Every entry of a directory with its number and kind, in the order of names.
    fn list(&self, ino: INodeNo) -> Result<Vec<(INodeNo, FileType, Vec<u8>)>, Errno> {
        let mut listed = vec![
            (ino, FileType::Directory, b".".to_vec()),
            (INodeNo::ROOT, FileType::Directory, b"..".to_vec()),
        ];
        for entry in fs::read_dir(self.disk.join(self.path(ino)?))? {
            let entry = entry?;
            let attr = attr_of(&entry.metadata()?)?;
            listed.push((attr.ino, attr.kind, entry.file_name().as_bytes().to_vec()));
        }
        listed.sort_by(|left, right| left.2.cmp(&right.2));
        Ok(listed)
    }
}

/// What a client is told of an entry.
fn attr_of(meta: &Metadata) -> Result<FileAttr, Errno> {
    let narrow = |number: u64| u32::try_from(number).map_err(|_| Errno::EOVERFLOW);
    let seconds = u64::try_from(meta.ctime()).map_err(|_| Errno::EOVERFLOW)?;
    let nanoseconds = u32::try_from(meta.ctime_nsec()).map_err(|_| Errno::EOVERFLOW)?;
    let ctime = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    Ok(FileAttr {
        ino: INodeNo(meta.ino()),
        size: meta.size(),
        blocks: meta.blocks(),
        atime: meta.accessed()?,
        mtime: meta.modified()?,
        ctime,
        crtime: ctime,
        kind: FileType::from_std(meta.file_type()).ok_or(Errno::EIO)?,
        perm: u16::try_from(meta.mode() & 0o7777).expect("twelve bits"),
        nlink: narrow(meta.nlink())?,
        uid: meta.uid(),
        gid: meta.gid(),
        rdev: narrow(meta.rdev())?,
        blksize: 4096,
        flags: 0,
    })
}

/// A time that is left as it is.
fn omitted() -> Timespec {
    Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }
}

/// What a client asks for as a time.
fn time_of(asked: Option<TimeOrNow>) -> Result<Timespec, Errno> {
    match asked {
        None => Ok(omitted()),
        Some(TimeOrNow::Now) => Ok(Timespec { tv_sec: 0, tv_nsec: UTIME_NOW }),
        Some(TimeOrNow::SpecificTime(time)) => {
            let since_1970 = time.duration_since(UNIX_EPOCH).map_err(|_| Errno::EINVAL)?;
            let tv_sec = i64::try_from(since_1970.as_secs()).map_err(|_| Errno::EINVAL)?;
            Ok(Timespec { tv_sec, tv_nsec: since_1970.subsec_nanos().into() })
        }
    }
}

fn set_times(path: &Path, last_access: Timespec, last_modification: Timespec) -> io::Result<()> {
    let times = Timestamps { last_access, last_modification };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777))
}

fn answer_entry(reply: ReplyEntry, made: Result<FileAttr, Errno>) {
    match made {
        Ok(attr) => reply.entry(&NO_TIME, &attr, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

fn answer_attr(reply: ReplyAttr, seen: Result<FileAttr, Errno>) {
    match seen {
        Ok(attr) => reply.attr(&NO_TIME, &attr),
        Err(errno) => reply.error(errno),
    }
}

fn answer_empty(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

fn answer_data(reply: ReplyData, given: Result<Vec<u8>, Errno>) {
    match given {
        Ok(bytes) => reply.data(&bytes),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for Passthrough {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = match self.caching {
            Caching::Nothing => InitFlags::empty(),
            Caching::WriteBack => InitFlags::FUSE_WRITEBACK_CACHE,
        };
        config.add_capabilities(wanted).map_err(|_| io::ErrorKind::Unsupported.into())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer_entry(reply, self.place(parent, name).and_then(|path| self.look(path)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer_attr(reply, self.path(ino).and_then(|path| self.look(path)));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<std::time::SystemTime>,
        _: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            let path = self.path(ino)?;
            let there = self.disk.join(&path);
            if uid.is_some() || gid.is_some() {
                self.around(Call::Chown, &path, |there| lchown(there, uid, gid))?;
            }
            if let Some(mode) = mode {
                set_mode(&there, mode)?;
            }
            if let Some(size) = size {
                File::options().write(true).open(&there)?.set_len(size)?;
            }
            if atime.is_some() || mtime.is_some() {
                let (atime, mtime) = (time_of(atime)?, time_of(mtime)?);
                self.around(Call::SetTimes, &path, |there| set_times(there, atime, mtime))?;
            }
            self.look(path)
        };
        answer_attr(reply, set());
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let read = || Ok(fs::read_link(self.disk.join(self.path(ino)?))?);
        answer_data(reply, read().map(|target| target.as_os_str().as_bytes().to_vec()));
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let answer = self.make(Call::Mknod, (parent, name), |path| {
            let kind = NodeType::from_raw_mode(mode);
            mknodat(CWD, path, kind, Mode::empty(), rdev.into())?;
            set_mode(path, mode)
        });
        answer_entry(reply, answer);
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let answer = self.make(Call::Mkdir, (parent, name), |path| {
            fs::create_dir(path)?;
            set_mode(path, mode)
        });
        answer_entry(reply, answer);
    }

    fn symlink(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        answer_entry(reply, self.make(Call::Symlink, (parent, name), |path| symlink(target, path)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(
            reply,
            self.remove(Call::Unlink, (parent, name), |path| fs::remove_file(path)),
        );
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(reply, self.remove(Call::Rmdir, (parent, name), |path| fs::remove_dir(path)));
    }

    fn open(&self, _: &Request, _: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let is_reader = flags.acc_mode() == OpenAccMode::O_RDONLY;
        reply.opened(if is_reader { READER } else { WRITER }, self.open_flags());
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        match self.create(parent, name, mode) {
            Ok(attr) => {
                reply.created(&NO_TIME, &attr, Generation(0), WRITER, self.open_flags());
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        answer_data(reply, self.read(ino, offset, size));
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.write(ino, offset, data) {
            Ok(count) => reply.written(count),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, ino: INodeNo, fh: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        answer_empty(reply, self.flush(ino, fh));
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.path(ino).and_then(|path| self.around(Call::Fsync, &path, |_| Ok(())));
        answer_empty(reply, synced);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        match self.list(ino) {
            Ok(listed) => {
                let entries = (1..).zip(listed).skip_while(|(number, _)| *number <= offset);
                for (number, (ino, kind, name)) in entries {
                    if reply.add(ino, number, kind, OsStr::from_bytes(&name)) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(errno) => reply.error(errno),
        }
    }
}
