//! What kind of file system a directory is on.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::sys::dir::Dir;

/// Where the bytes of a file system are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locality {
    /// On a device of this machine.
    Local,
    /// In this machine's memory, and nowhere else.
    Memory,
    /// Behind a network or a user-space server: calls take long, errors come late.
    Network,
}

/// `f_type` of file systems that a server stands behind (statfs(2); linux/magic.h).
const NETWORK_MAGICS: [u32; 15] = [
    0x6969,      // NFS
    0x517B,      // SMB
    0xFF53_4D42, // CIFS
    0xFE53_4D42, // SMB2
    0x6573_5546, // FUSE
    0x0BD0_0BD0, // Lustre
    0x00C3_6400, // Ceph
    0x4750_4653, // GPFS
    0x0102_1997, // 9P
    0x1983_0326, // BeeGFS
    0x2003_0528, // OrangeFS
    0x5346_414F, // OpenAFS
    0x7375_7245, // Coda
    0x564C,      // NCP
    0x786F_4256, // vboxsf
];

/// `f_type` of file systems that are nothing but page cache: tmpfs, ramfs.
const MEMORY_MAGICS: [u32; 2] = [0x0102_1994, 0x8584_58F6];

/// Asks fstatfs(2).
pub fn locality(dir: &Dir) -> io::Result<Locality> {
    let magic = rustix::fs::fstatfs(dir)?.f_type;
    // `f_type` is a signed word on some machines; its low 32 bits are the magic.
    let is_any_of =
        |magics: &[u32]| magics.iter().any(|known| i64::from(*known) == (magic & 0xFFFF_FFFF));
    Ok(if is_any_of(&NETWORK_MAGICS) {
        Locality::Network
    } else if is_any_of(&MEMORY_MAGICS) {
        Locality::Memory
    } else {
        Locality::Local
    })
}

/// Flushes the file system that `dir` is on (syncfs(2)). It changes nothing that anybody can read.
pub fn flush(dir: &Dir) -> io::Result<()> {
    match rustix::fs::syncfs(dir) {
        // A directory that we may not read has a path-only handle: all file systems are flushed.
        Err(Errno::BADF) => rustix::fs::sync(),
        result => result?,
    }
    Ok(())
}

/// True if the file system that `path` is on counts inodes and has none left (statvfs(3)):
/// ENOSPC says no more than that something ran out.
pub fn has_no_inodes(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|room| room.f_files > 0 && room.f_ffree == 0)
}
