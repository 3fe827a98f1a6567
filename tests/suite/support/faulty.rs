//! A mount that misbehaves as servers do: late errors, lost replies, refused owners, forgotten times, bytes that change.
//!
//! Here faults are planned and calls are counted; what a call does to the disk behind the mount is the matter of
//! `passthrough`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::{BackgroundSession, Config, Errno, MountOption, spawn_mount};
use rustix::mount::{UnmountFlags, unmount};

use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::passthrough::{Caching, Passthrough, Spelling};
use crate::support::skipped::skipped;

/// What a client asks a server for, as far as it can go wrong here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Mkdir,
    Symlink,
    Mknod,
    Unlink,
    Rmdir,
    Chown,
    SetTimes,
    Read,
    Write,
    /// What close(2) asks for, of a handle that may write.
    Flush,
    Fsync,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Nothing is done, and the answer is this error.
    Fails(Errno),
    /// All is done, and the answer is this error: the reply was lost, and the call came a second time.
    LosesReply(Errno),
    /// Somebody else made a file of that name just before, and the answer is that it exists.
    ComesSecond,
    /// One bit is another, of the bytes that are given or of those that are stored.
    FlipsBit,
    /// Only half of the bytes are given.
    GivesHalf,
    /// All is done, and the file's time is the server's own from then on.
    OverwritesTime,
}

/// How often it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Often {
    Once,
    Always,
}

/// The time that [`Fault::OverwritesTime`] leaves, in seconds since 1970.
pub(crate) const SERVER_TIME: i64 = 1_234_567_890;

/// The faults to come, and what came.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<Planned>,
    struck: usize,
    written_bytes: HashMap<PathBuf, u64>,
}

#[derive(Debug)]
struct Planned {
    call: Call,
    /// `None`: every entry.
    path: Option<PathBuf>,
    fault: Fault,
    often: Often,
}

impl Plan {
    /// The fault that befalls this call, if any does.
    pub(crate) fn strike(&self, call: Call, path: &Path) -> Option<Fault> {
        let mut state = self.state();
        let is_meant = |planned: &Planned| {
            planned.call == call && planned.path.as_deref().is_none_or(|meant| meant == path)
        };
        let index = state.faults.iter().position(is_meant)?;
        state.struck += 1;
        let fault = state.faults[index].fault;
        if state.faults[index].often == Often::Once {
            state.faults.remove(index);
        }
        Some(fault)
    }

    /// Does `work` on `path`, which is `there` on the disk, unless it is to fail, and answers as is planned.
    pub(crate) fn around(
        &self,
        call: Call,
        path: &Path,
        there: &Path,
        work: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Errno> {
        match self.strike(call, path) {
            Some(Fault::Fails(errno)) => Err(errno),
            Some(Fault::LosesReply(errno)) => work(there).map_err(Errno::from).and(Err(errno)),
            Some(Fault::ComesSecond) => {
                Err(fs::write(there, "").err().map_or(Errno::EEXIST, Errno::from))
            }
            Some(fault) => unreachable!("{call:?} knows no {fault:?}"),
            None => Ok(work(there)?),
        }
    }

    /// Counts bytes that came to be stored.
    pub(crate) fn count_written(&self, path: &Path, bytes: usize) {
        let bytes = u64::try_from(bytes).expect("a number of bytes");
        *self.state().written_bytes.entry(path.to_owned()).or_default() += bytes;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A directory behind a mount point; it is unmounted when it goes out of scope.
#[derive(Debug)]
pub(crate) struct FaultyMount {
    point: PathBuf,
    plan: Arc<Plan>,
    session: Option<BackgroundSession>,
}

impl FaultyMount {
    /// Mounts `disk` of the arena on `point` of it; both are made if they are missing.
    ///
    /// The arena has to outlive the mount: what is mounted in it would be removed with it.
    pub(crate) fn of(arena: &Arena, disk: &str, point: &str) -> Self {
        Self::new(arena, disk, point, Caching::Nothing, Spelling::Exact)
    }

    /// The same, but names that differ only in case are one.
    pub(crate) fn folding_case(arena: &Arena, disk: &str, point: &str) -> Self {
        Self::new(arena, disk, point, Caching::Nothing, Spelling::Folded)
    }

    /// The same, but the client keeps what is written until the file is closed or the system likes to write it back.
    pub(crate) fn with_write_back(arena: &Arena, disk: &str, point: &str) -> Self {
        Self::new(arena, disk, point, Caching::WriteBack, Spelling::Exact)
    }

    fn new(arena: &Arena, disk: &str, point: &str, caching: Caching, spelling: Spelling) -> Self {
        let [disk, point] = [disk, point].map(|name| arena.path(name));
        for dir in [&disk, &point] {
            fs::create_dir_all(dir).expect("our own directory");
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("our own directory");
        }
        let plan = Arc::new(Plan::default());
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("faulty".into())];
        let server = Passthrough::new(disk, Arc::clone(&plan), caching, spelling);
        let session = spawn_mount(server, &point, &config).expect("root may mount");
        Self { point, plan, session: Some(session) }
    }

    /// Plans a fault for one entry, by its path below the mount.
    pub(crate) fn plan(&self, call: Call, path: &str, fault: Fault, often: Often) {
        let path = Some(PathBuf::from(path));
        self.plan.state().faults.push(Planned { call, path, fault, often });
    }

    /// Plans a fault for every entry.
    pub(crate) fn plan_for_all(&self, call: Call, fault: Fault) {
        let planned = Planned { call, path: None, fault, often: Often::Always };
        self.plan.state().faults.push(planned);
    }

    /// Takes back all that was planned.
    pub(crate) fn behave(&self) {
        self.plan.state().faults.clear();
    }

    /// How many calls went wrong so far.
    pub(crate) fn struck(&self) -> usize {
        self.plan.state().struck
    }

    /// How many bytes came to be stored in a file, by its path below the mount.
    pub(crate) fn written_bytes(&self, path: &str) -> u64 {
        self.plan.state().written_bytes.get(Path::new(path)).copied().unwrap_or_default()
    }
}

impl Drop for FaultyMount {
    fn drop(&mut self) {
        // Detached, because a process that another test starts may hold our handles between fork and exec.
        let unmounted = unmount(&self.point, UnmountFlags::DETACH);
        if let (Ok(()), Some(session)) = (unmounted, self.session.take()) {
            // A panic here would hide the test's own.
            session.join().ok();
        }
    }
}

/// True if a file system of our own can be mounted; otherwise says that the test is left out.
pub(crate) fn can_mount_or_skipped() -> bool {
    let what = "a mount that misbehaves";
    let device = Path::new("/dev/fuse");
    let has_device = device.exists();
    if !has_device {
        skipped(what, &format!("needs {}", device.display()));
    }
    has_device && is_root_or_skipped(what)
}
