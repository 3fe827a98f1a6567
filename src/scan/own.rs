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
    /// True if source and destination overlap; otherwise nothing is kept.
    pub overlap: bool,
    /// Their inodes.
    pub ids: Mutex<HashSet<FileId>>,
}

impl OwnDirs {
    pub(crate) fn contains(&self, id: FileId) -> bool {
        self.overlap && self.ids.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Remembers a directory that the run just made.
    pub(crate) fn made(&self, chain: &Chain) -> io::Result<()> {
        if self.overlap {
            let id = stat::handle(&*chain.get()?)?.id;
            self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        }
        Ok(())
    }
}
