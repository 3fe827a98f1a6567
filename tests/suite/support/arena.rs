//! A temporary directory in which one test builds trees and runs the program under test.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use walkdir::WalkDir;

use crate::support::case::fixtures;
use crate::support::run::{Conditions, Output, as_bytes, run, twosync};
use crate::support::skipped::skipped;
use crate::support::snapshot::Snapshot;
use crate::support::tree::build_tree;

/// The user that tests which give up root run as.
pub(crate) const NOBODY: u32 = 65534;

/// The directory of one test; it is gone when it goes out of scope.
pub(crate) struct Arena {
    top: TempDir,
}

impl Arena {
    /// An empty one, which every user can pass through.
    pub(crate) fn new() -> Self {
        let top = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).expect("our own");
        Self { top }
    }

    /// One with the tree that `text` describes.
    pub(crate) fn with(text: &str) -> Self {
        let arena = Self::new();
        build_tree(arena.top.path(), text);
        arena
    }

    /// One with a tree of `fixtures/trees`.
    pub(crate) fn with_fixture(name: &str) -> Self {
        let file = fixtures().join("trees").join(format!("{name}.tree"));
        Self::with(&fs::read_to_string(&file).expect("the fixture is there"))
    }

    /// The directory itself.
    pub(crate) fn top(&self) -> &Path {
        self.top.path()
    }

    /// The path of `name` in it.
    pub(crate) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.top.path().join(Path::new(name.as_ref()))
    }

    /// Runs the program under test in it.
    pub(crate) fn twosync(&self, args: &[&str]) -> Output {
        self.run(&twosync(), args, &Conditions::default())
    }

    /// Runs the program under test in it with further variables.
    pub(crate) fn twosync_with_env(&self, args: &[&str], env: &[(&str, &str)]) -> Output {
        let env = env.iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.run(&twosync(), args, &Conditions { env, ..Conditions::default() })
    }

    /// Runs the program under test as nobody if the runner is root: who must not be let in must not be root.
    /// All that is in the directory is given to nobody first.
    pub(crate) fn twosync_as_nobody(&self, args: &[&str]) -> Output {
        if !is_root() {
            return self.twosync(args);
        }
        for entry in WalkDir::new(self.top()) {
            let path = entry.expect("the tree can be walked").into_path();
            lchown(path, Some(NOBODY), Some(NOBODY)).expect("root may give away");
        }
        let program = self.path("program");
        if !program.exists() {
            fs::copy(twosync(), &program).expect("a copy that anybody can reach");
        }
        let user = Some(NOBODY);
        self.run(&program, args, &Conditions { user, ..Conditions::default() })
    }

    /// Runs `script` in it; `$TWOSYNC` is the program under test.
    pub(crate) fn shell(&self, script: &str) -> Output {
        self.run(Path::new("sh"), &["-c", script], &Self::naming_twosync())
    }

    /// The same in a mount namespace of its own. For root only.
    pub(crate) fn in_own_mounts(&self, script: &str) -> Output {
        let args = ["-m", "--propagation", "private", "sh", "-c", script];
        self.run(Path::new("unshare"), &args, &Self::naming_twosync())
    }

    /// The same where there is no `/proc`.
    pub(crate) fn without_proc(&self, script: &str) -> Output {
        let gone = "umount -l /proc && [ ! -e /proc/self ] || { echo '/proc stays'; exit 99; }; ";
        self.in_own_mounts(&[gone, script].concat())
    }

    /// Looks at a tree in it.
    pub(crate) fn snapshot(&self, name: &str) -> Snapshot {
        Snapshot::of(&self.path(name))
    }

    /// What differs between two trees in it.
    pub(crate) fn differences(&self, left: &str, right: &str) -> Vec<String> {
        self.snapshot(left).differences(&self.snapshot(right))
    }

    /// When each entry of a tree last changed in any way (`st_ctime`).
    pub(crate) fn change_times(&self, name: &str) -> Vec<(PathBuf, i64, i64)> {
        let entries = WalkDir::new(self.path(name)).sort_by_file_name();
        let times = entries.into_iter().map(|entry| {
            let path = entry.expect("the tree can be walked").into_path();
            let meta = path.symlink_metadata().expect("the entry is still there");
            (path, meta.ctime(), meta.ctime_nsec())
        });
        times.collect()
    }

    fn naming_twosync() -> Conditions {
        let env = vec![("TWOSYNC".into(), twosync().into_os_string())];
        Conditions { env, ..Conditions::default() }
    }

    fn run(&self, program: &Path, args: &[&str], conditions: &Conditions) -> Output {
        run(program, &as_bytes(args), self.top(), conditions)
    }
}

impl Output {
    /// What was said on stdout.
    pub(crate) fn told(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What was said on stdout, line by line, without what phase two says at the end.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.told()
            .lines()
            .filter(|line| !line.starts_with("verified "))
            .map(str::to_owned)
            .collect()
    }

    /// What was said on stderr.
    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Fails the test unless the program ended with `code`.
    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.told(), self.errors());
        self
    }
}

/// True if the tests run as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True if the tests run as root; otherwise says that a test, or a part of one, is left out.
pub(crate) fn is_root_or_skipped(what: &str) -> bool {
    if !is_root() {
        skipped(what, "needs root");
    }
    is_root()
}
