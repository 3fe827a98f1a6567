//! One name on both sides, reached through held directory handles.

use crate::model::path::Name;
use crate::sys::dir::{Dir, Follow};

/// Where an entry is on either side.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The source directory.
    pub source: &'a Dir,
    /// The name in it.
    pub source_name: &'a Name,
    /// Whether the source entry is followed if it is a symlink.
    pub follow: Follow,
    /// The destination directory.
    pub dest: &'a Dir,
    /// The name in it.
    pub dest_name: &'a Name,
}
