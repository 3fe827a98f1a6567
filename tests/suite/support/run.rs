//! Runs one program in a directory under fixed conditions and keeps what it said.
//!
//! The conditions: `LC_ALL=C`, `TZ=UTC`, no `RSYNC_*` variables, a chosen umask, optionally another user.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a program said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// The exit code; -1 when a signal ended the program.
    pub(crate) code: i32,
}

/// How a program is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    pub(crate) umask: u32,
    /// The user and group to run as; `None` is the runner.
    pub(crate) user: Option<u32>,
    /// That user's supplementary groups.
    pub(crate) groups: Vec<u32>,
    pub(crate) env: Vec<(OsString, OsString)>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { umask: 0o022, user: None, groups: Vec::new(), env: Vec::new() }
    }
}

/// The binary under test.
pub(crate) fn twosync() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_twosync"))
}

/// Runs `program` with `args` in `dir`.
///
/// The umask is set by a shell in between: a test process has one umask for all its threads. A program that hangs is
/// ended after a minute (exit code 124).
pub(crate) fn run(program: &Path, args: &[Vec<u8>], dir: &Path, conditions: &Conditions) -> Output {
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            "umask \"$0\" && exec timeout 60 \"$@\"",
            &format!("{:04o}", conditions.umask),
        ])
        .args(with_groups(conditions))
        .arg(program)
        .args(args.iter().map(|arg| OsStr::from_bytes(arg)))
        .current_dir(dir)
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"RSYNC_") || name == "POSIXLY_CORRECT" {
            command.env_remove(name);
        }
    }
    command.envs([("LC_ALL", "C"), ("TZ", "UTC")]);
    command.envs(conditions.env.iter().map(|(name, value)| (name, value)));
    if let Some(user) = conditions.user.filter(|_| conditions.groups.is_empty()) {
        // std drops the supplementary groups with them.
        command.uid(user).gid(user);
    }
    let output = command.output().expect("the program starts");
    Output {
        stdout: output.stdout,
        stderr: output.stderr,
        code: output.status.code().unwrap_or(-1),
    }
}

/// The words in front of a program that is run with supplementary groups: std does not set them.
fn with_groups(conditions: &Conditions) -> Vec<String> {
    let (Some(user), [_, ..]) = (conditions.user, conditions.groups.as_slice()) else {
        return Vec::new();
    };
    let groups: Vec<String> = conditions.groups.iter().map(ToString::to_string).collect();
    let user = user.to_string();
    ["setpriv", "--reuid", &user, "--regid", &user, "--groups", &groups.join(",")]
        .map(String::from)
        .into()
}
