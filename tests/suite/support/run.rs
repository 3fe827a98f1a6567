//! Runs one program in a directory under fixed conditions and keeps what it said.
//!
//! The conditions: `LC_ALL=C`, `TZ=UTC`, no variables that rsync reads, a chosen umask, optionally another user, a minute.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a program said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
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

/// Who gets the signals that are sent to the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signals {
    /// The program and all that it started: who ends it ends them all.
    Group,
    /// The program alone, each signal once.
    Program,
}

/// Runs `program` with `args` in `dir`; panics if it does not end by itself within a minute.
pub(crate) fn run(program: &Path, args: &[Vec<u8>], dir: &Path, conditions: &Conditions) -> Output {
    finish(&mut limited(Signals::Group, program, args, dir, conditions))
}

/// Runs the program under test with `stdout` for its output; panics as `run` does.
pub(crate) fn twosync_into(stdout: impl Into<Stdio>, args: &[&str], dir: &Path) -> Output {
    let args = as_bytes(args);
    let conditions = Conditions::default();
    finish(limited(Signals::Group, &twosync(), &args, dir, &conditions).stdout(stdout))
}

/// Starts the program under test with pipes for its output: signals to the child reach it. It is ended after a minute.
pub(crate) fn start_twosync(args: &[&str], dir: &Path) -> Child {
    let args = as_bytes(args);
    let mut command = limited(Signals::Program, &twosync(), &args, dir, &Conditions::default());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Words as arguments.
pub(crate) fn as_bytes(args: &[&str]) -> Vec<Vec<u8>> {
    args.iter().map(|arg| arg.as_bytes().to_vec()).collect()
}

/// A command that is ended after a minute.
///
/// The umask is set by a shell in between: a test process has one umask for all its threads.
fn limited(
    signals: Signals,
    program: &Path,
    args: &[Vec<u8>],
    dir: &Path,
    conditions: &Conditions,
) -> Command {
    let limit = match signals {
        Signals::Group => "timeout -k 10 60",
        Signals::Program => "timeout --foreground -k 10 60",
    };
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("umask {:04o} && exec {limit} \"$0\" \"$@\"", conditions.umask)])
        .args(with_groups(conditions))
        .arg(program)
        .args(args.iter().map(|arg| OsStr::from_bytes(arg)))
        .current_dir(dir)
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"RSYNC_")
            || name == "POSIXLY_CORRECT"
            || name == "CVSIGNORE"
        {
            command.env_remove(name);
        }
    }
    command.envs([("LC_ALL", "C"), ("TZ", "UTC")]);
    command.envs(conditions.env.iter().map(|(name, value)| (name, value)));
    if let Some(user) = conditions.user.filter(|_| conditions.groups.is_empty()) {
        // std drops the supplementary groups with them.
        command.uid(user).gid(user);
    }
    command
}

/// Runs a command to its end.
fn finish(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    // Two programs that both crash or both hang must not pass for programs that do the same.
    let Some(code) = output.status.code() else { panic!("{}: {command:?}", output.status) };
    assert!(![124, 137].contains(&code), "ended after a minute: {command:?}");
    Output { stdout: output.stdout, stderr: output.stderr, code }
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
