//! Whether the filter rules leave out a path that only a check file has.
//!
//! The walk asks the rules of what it meets; what it does not meet is asked for here, name by name from the
//! top down, with the rule files of the directories that are there.

use std::sync::Arc;

use crate::error::{Side, Trouble};
use crate::filter::pattern::What;
use crate::filter::within::Rules;
use crate::model::path::{Name, RelPath};
use crate::sys::dir::{Dir, Follow};

/// The rules, and the directories of the path that was asked for last: the next one often is near.
pub struct Hidden {
    top: Level,
    below: Vec<(Name, Level)>,
    follow: Follow,
}

/// A directory.
struct Level {
    path: RelPath,
    rules: Rules,
    /// `None`: it is not there, or nothing in it could matter.
    dir: Option<Arc<Dir>>,
    is_hidden: bool,
}

impl Hidden {
    /// The rules around `dir`; `None`: there is no directory that rule files could be in. `follow`:
    /// whether directories are entered through symlinks.
    ///
    /// # Errors
    /// Rule files that make no sense or can not be read.
    pub fn new(rules: Rules, dir: Option<Arc<Dir>>, follow: Follow) -> Result<Self, Trouble> {
        let dir = dir.filter(|_| !rules.are_uniform());
        if let Some(dir) = &dir {
            rules.enter(dir, &RelPath::root(), Side::Source)?;
        }
        let top = Level { path: RelPath::root(), rules, dir, is_hidden: false };
        Ok(Self { top, below: Vec::new(), follow })
    }

    /// True if the rules leave out the file at `path`, or a directory above it.
    ///
    /// # Errors
    /// Rule files that make no sense or can not be read.
    pub fn hides(&mut self, path: &RelPath) -> Result<bool, Trouble> {
        if self.top.rules.inside().is_none() {
            return Ok(false);
        }
        let mut names: Vec<Name> = path.names().collect();
        let Some(last) = names.pop() else { return Ok(false) };
        let known = self.below.iter().zip(&names).take_while(|((known, _), name)| known == *name);
        let known = known.count();
        self.below.truncate(known);
        for name in names.drain(..).skip(known) {
            let level = self.last().child(&name, self.follow)?;
            self.below.push((name, level));
        }
        let above = self.last();
        Ok(above.is_hidden || above.rules.hide(&above.path, &last, What::Other))
    }

    fn last(&self) -> &Level {
        self.below.last().map_or(&self.top, |(_, level)| level)
    }
}

impl Level {
    fn child(&self, name: &Name, follow: Follow) -> Result<Self, Trouble> {
        let path = self.path.join(name);
        let is_hidden = self.is_hidden || self.rules.hide(&self.path, name, What::Dir);
        let rules = self.rules.below();
        // Nobody looks into what is left out, and what is not there has no rule files.
        let dir = self.dir.as_ref().filter(|_| !is_hidden);
        let dir = dir.and_then(|dir| dir.open_child(name, follow).ok()).map(Arc::new);
        if let Some(dir) = &dir {
            rules.enter(dir, &path, Side::Source)?;
        }
        Ok(Self { path, rules, dir, is_hidden })
    }
}
