//! Going along the paths of operands, with handles.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::guise::Guise;
use crate::model::path::Name;
use crate::roots::operand::openable;
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::{Dir, Follow};
use crate::sys::trust::Trust;

/// The directories that the last path went through: the next one often goes the same way.
#[derive(Default)]
pub(crate) struct Walked {
    root: Option<(PathBuf, Arc<Chain>)>,
    steps: Vec<(Name, Arc<Chain>)>,
}

impl Walked {
    /// The directory `root`, opened unless the path before started there too.
    pub(crate) fn start(
        &mut self,
        root: &Path,
        guise: Guise,
        budget: &Arc<Budget>,
    ) -> io::Result<Arc<Chain>> {
        if let Some((known, chain)) = &self.root
            && known == root
        {
            return Ok(Arc::clone(chain));
        }
        let chain = Chain::root(Dir::open_operand(openable(root))?.in_guise(guise), budget);
        let root = Some((root.to_path_buf(), Arc::clone(&chain)));
        *self = Self { root, steps: Vec::new() };
        Ok(chain)
    }

    /// Goes from `top` through `names` to the directory that they lead to; `trust` says how far.
    pub(crate) fn go(
        &mut self,
        top: &Arc<Chain>,
        names: &[Name],
        follow: Follow,
        trust: &Trust,
    ) -> io::Result<Arc<Chain>> {
        let common = self.steps.iter().zip(names).take_while(|((step, _), name)| step == *name);
        let shared = common.count();
        self.steps.truncate(shared);
        let mut at = self.steps.last().map_or(top, |(_, chain)| chain).clone();
        for name in &names[shared..] {
            at = at.child(name, follow);
            trust.check(&*at.get()?)?;
            self.steps.push((name.clone(), Arc::clone(&at)));
        }
        Ok(at)
    }
}
