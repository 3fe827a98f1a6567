//! The rules in force in an open directory: its rule files are read below its handle.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::error::{Cause, Side, Trouble};
use crate::filter::error::FilterError;
use crate::filter::item::Ask;
use crate::filter::list::Wanted;
use crate::filter::pattern::What;
use crate::filter::rules::RuleSet;
use crate::filter::scope::{self, Parents, Scope, Verdict};
use crate::model::path::{Name, RelPath};
use crate::sys::confined::is_outside;
use crate::sys::dir::Dir;
use crate::sys::trust::{Trust, open_file, open_file_at};

/// The rules in force around a directory and, once it was entered, those inside it.
///
/// Without any rule there is nothing to ask.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    around: Option<Arc<Scope>>,
    inside: OnceLock<Arc<Scope>>,
}

/// What the rules say of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing: it is in.
    Nothing,
    /// It is in; the text names the rule.
    In(String),
    /// It is out; the text names the rule.
    Out(String),
}

impl Rules {
    /// The rules around the root of a transfer; `None`: there are none.
    fn around(scope: Option<Arc<Scope>>) -> Self {
        Self { around: scope, inside: OnceLock::new() }
    }

    /// The rules around the root `top` of a transfer, as typed.
    ///
    /// `parents`: whether rule files above it count too.
    pub fn at(set: &Arc<RuleSet>, side: scope::Side, top: &Path, parents: Parents) -> Self {
        if set.is_empty() {
            return Self::default();
        }
        // A path that can not be made absolute is empty, and that is the working directory.
        let absolute = std::path::absolute(top).or_else(|_| std::env::current_dir());
        let top = absolute.unwrap_or_else(|_| top.to_path_buf());
        Self::around(Some(Scope::open(set, side, top.as_os_str().as_bytes(), parents)))
    }

    /// The rules around a directory in this one.
    #[must_use]
    pub fn below(&self) -> Self {
        Self::around(self.inside().cloned())
    }

    /// The rules inside, as far as they are known.
    pub fn inside(&self) -> Option<&Arc<Scope>> {
        self.inside.get().or(self.around.as_ref())
    }

    /// True if every directory has the same rules.
    pub fn are_uniform(&self) -> bool {
        self.around.as_ref().is_none_or(|scope| scope.is_uniform())
    }

    /// Reads the rule files of the directory, which is `path` below the root of the transfer.
    ///
    /// # Errors
    /// A rule that makes no sense, or a file that can not be read: nobody knows any more what takes
    /// part, and the run ends.
    pub fn enter(&self, dir: &Dir, path: &RelPath, side: Side) -> Result<(), Trouble> {
        let Some(scope) = &self.around else { return Ok(()) };
        let inside = enter(scope, dir, path, side)?;
        self.inside.get_or_init(|| inside);
        Ok(())
    }

    /// What the rules say of `name` in the directory `path`.
    pub fn say(&self, path: &RelPath, name: &Name, what: What, reasons: Reasons) -> Said {
        match self.inside() {
            Some(scope) => said(scope.verdict(path.join(name).as_bytes(), what, Ask::All), reasons),
            None => Said::Nothing,
        }
    }

    /// True if the rules leave out `name` in the directory `path`.
    pub fn hide(&self, path: &RelPath, name: &Name, what: What) -> bool {
        matches!(self.say(path, name, what, Reasons::Unnamed), Said::Out(_))
    }

    /// What the rules say of `name`, whose directory `path` is to be removed as a whole.
    pub fn say_of_doomed(&self, path: &RelPath, name: &Name, what: What, why: Reasons) -> Said {
        match self.inside() {
            Some(scope) => said(scope.verdict(path.join(name).as_bytes(), what, Ask::Doomed), why),
            None => Said::Nothing,
        }
    }
}

/// Whether anybody wants to know which rule it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasons {
    /// Somebody does.
    Named,
    /// Nobody does.
    Unnamed,
}

fn said(verdict: Verdict<'_>, reasons: Reasons) -> Said {
    let name = |rule: &dyn Display| match reasons {
        Reasons::Named => rule.to_string(),
        Reasons::Unnamed => String::new(),
    };
    match verdict {
        Verdict::Unmatched => Said::Nothing,
        Verdict::Included(rule) => Said::In(name(&rule.shown())),
        Verdict::Excluded(rule) => Said::Out(name(&rule.shown())),
    }
}

fn enter(scope: &Arc<Scope>, dir: &Dir, path: &RelPath, side: Side) -> Result<Arc<Scope>, Trouble> {
    let mut read = |wanted: Wanted<'_>| match wanted {
        Wanted::Here(name) => read_here(dir, name, scope.trust()),
        Wanted::Above(path) => read_above(path, scope.trust()),
        Wanted::Path(path) => read_path(path, scope.trust()),
    };
    scope.enter(path, &mut read).map_err(|error| trouble(side, &error))
}

fn trouble(side: Side, error: &FilterError) -> Trouble {
    let cause = Cause::Ends { class: error.class(), why: error.to_string() };
    Trouble { side, verb: "read the filter rules of", cause }
}

fn read_here(dir: &Dir, name: &Name, trust: &Trust) -> io::Result<Option<Vec<u8>>> {
    let file = match open_file_at(dir, name, trust) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    let mut bytes = Vec::new();
    match { file }.read_to_end(&mut bytes) {
        // rsync takes a directory of that name for an empty file.
        Err(error) if error.kind() != io::ErrorKind::IsADirectory => Err(error),
        _ => Ok(Some(bytes)),
    }
}

/// A rule file of a directory above the first one. `--confine-root` ends the search: there is no
/// file in a directory outside of it.
fn read_above(path: &[u8], trust: &Trust) -> io::Result<Option<Vec<u8>>> {
    let path = Path::new(OsStr::from_bytes(path));
    if let (Trust::Within(_), Some(dir)) = (trust, path.parent())
        && Dir::open_trusted(dir, trust).is_err_and(|error| is_outside(&error))
    {
        return Ok(None);
    }
    read_path(path.as_os_str().as_bytes(), trust)
}

/// A rule file that a rule names by its path.
///
/// # Errors
/// It is there and can not be read.
pub fn read_path(path: &[u8], trust: &Trust) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let opened = open_file(Path::new(OsStr::from_bytes(path)), trust);
    match opened.and_then(|mut file| file.read_to_end(&mut bytes)).map(|_| bytes) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
