//! What this process is and may: who runs it, its umask, how many files it may hold open.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::meta::Stamp;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::{getegid, geteuid, getgroups};

/// Who runs the program.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    groups: Vec<u32>,
    rights: Rights,
}

/// What is tried of what only root may do (`--super`, `--no-super`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// All, by root; nothing, by others.
    OfUser,
    /// All, and the kernel says what is possible.
    Super,
    /// Nothing.
    Plain,
}

impl Rights {
    /// True if a user `uid` tries it.
    pub fn reach(self, uid: u32) -> bool {
        match self {
            Self::OfUser => uid == 0,
            Self::Super => true,
            Self::Plain => false,
        }
    }
}

impl Identity {
    /// Asks the kernel.
    pub fn current(rights: Rights) -> Self {
        let groups = getgroups().unwrap_or_default();
        Self {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
            rights,
        }
    }

    /// True for root.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// True if a file of ours may be given to `gid` (chown(2): a group that the caller is in).
    pub fn may_give_to(&self, gid: u32) -> bool {
        self.rights.reach(self.uid) || gid == self.gid || self.groups.contains(&gid)
    }
}

/// Sets the umask to 0, so that a mode given at creation is the mode of the file, and returns
/// the umask that the user had.
pub fn clear_umask() -> u32 {
    rustix::process::umask(rustix::fs::Mode::empty()).as_raw_mode()
}

/// The umask, which is left as it is. It has to be asked before there are threads.
pub fn umask() -> u32 {
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(umask);
    umask.as_raw_mode()
}

/// Raises the soft limit of open files to the hard limit and returns what may be open at once.
pub fn raise_open_file_limit() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return 256;
    };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// The time of day.
pub fn now() -> Stamp {
    // Not by rustix: it looks for the vDSO in a way that valgrind does not survive.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp { secs: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanos: since.subsec_nanos() }
}
