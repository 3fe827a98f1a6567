//! Copying a directory into itself: what of the destination must not be taken for source.

use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use crate::model::meta::FileId;
use crate::sys::chain::Chain;
use crate::sys::stat;

/// Directories that belong to the destination although they stand in the source: the destination
/// itself, and what a run that copies a directory into itself makes there.
#[derive(Debug, Default)]
pub struct OwnDirs {
    /// The destination, unless it is a source by its own name. It may be met wherever a bind mount
    /// puts it.
    pub dest: Option<FileId>,
    /// True if source and destination overlap; otherwise what is made can not be met.
    pub overlap: bool,
    /// What the run made.
    pub made: Mutex<HashSet<FileId>>,
}

impl OwnDirs {
    pub(crate) fn contains(&self, id: FileId) -> bool {
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        self.dest == Some(id) || self.overlap && made().contains(&id)
    }

    /// Remembers a directory that the run just made.
    pub(crate) fn remember(&self, chain: &Chain) -> io::Result<()> {
        if self.overlap {
            let id = stat::handle(&*chain.get()?)?.id;
            self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        }
        Ok(())
    }
}
