//! The names that `--cvs-exclude` leaves out (rsync.1, `--cvs-exclude`).

/// What CVS and its like make, and what compilers leave behind.
pub(super) const NAMES: [&str; 36] = [
    "RCS",
    "SCCS",
    "CVS",
    "CVS.adm",
    "RCSLOG",
    "cvslog.*",
    "tags",
    "TAGS",
    ".make.state",
    ".nse_depinfo",
    "*~",
    "#*",
    ".#*",
    ",*",
    "_$*",
    "*$",
    "*.old",
    "*.bak",
    "*.BAK",
    "*.orig",
    "*.rej",
    ".del-*",
    "*.a",
    "*.olb",
    "*.o",
    "*.obj",
    "*.so",
    "*.exe",
    "*.Z",
    "*.elc",
    "*.ln",
    "core",
    ".svn/",
    ".git/",
    ".hg/",
    ".bzr/",
];

/// What the user adds to the list; the caller looks it up, for nothing is read here.
#[derive(Clone, Debug, Default)]
pub struct CvsExtras {
    /// The contents of `$HOME/.cvsignore`, if there is one.
    pub home_file: Option<Vec<u8>>,
    /// The value of the environment variable `CVSIGNORE`, if it is set.
    pub variable: Option<Vec<u8>>,
}
