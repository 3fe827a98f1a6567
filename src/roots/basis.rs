//! The operands of `--compare-dest`, `--copy-dest` and `--link-dest`, opened before the run starts.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::error::{Class, Fault, Place};
use crate::roots::dest::Dest;
use crate::roots::operand::openable;
use crate::settings::Basis;
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::Dir;

/// The directories that can be opened. One that can not be is told, and does not count: rsync goes on
/// without it, and so does twosync.
pub fn open_bases(
    basis: Option<&Basis>,
    dest: &Dest,
    budget: &Arc<Budget>,
    uid: u32,
    mut tell: impl FnMut(&Fault),
) -> Box<[Arc<Chain>]> {
    let dirs = basis.map_or(&[][..], |basis| &basis.dirs);
    let opened = dirs.iter().filter_map(|typed| {
        let mut path = openable(&dest.root).join(typed);
        if dest.chain.is_none() {
            // A dry run that would make the destination: `DEST/..` is not there yet.
            path = without_parents(&path);
        }
        if has_foreign_links(typed, &path, uid) {
            return None;
        }
        match Dir::open_operand(&path) {
            Ok(dir) => Some(Chain::root(dir, budget)),
            Err(error) => {
                let verb = "compare with the directory";
                tell(&Fault::io(Class::Entry, verb, Place::operand(&path), error));
                None
            }
        }
    });
    opened.collect()
}

/// `a/../b` is `b`.
fn without_parents(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::ParentDir, Some(Component::Normal(_))) => drop(parts.pop()),
            (Component::CurDir, _) => {}
            _ => parts.push(part),
        }
    }
    let path: PathBuf = parts.into_iter().collect();
    openable(&path).to_path_buf()
}

/// True if a symlink of the typed path belongs to neither root nor us: rsync 3.5.0 says nothing of it,
/// and leaves the directory out.
pub(super) fn has_foreign_links(typed: &Path, path: &Path, uid: u32) -> bool {
    let typed_parts = path.ancestors().take(typed.components().count());
    let is_foreign = |meta: fs::Metadata| meta.is_symlink() && ![0, uid].contains(&meta.uid());
    { typed_parts }.any(|above| fs::symlink_metadata(above).is_ok_and(is_foreign))
}

/// What rsync 3.5.0 says of such a symlink.
pub(super) fn refuse_foreign_links(typed: &Path, path: &Path, uid: u32) -> io::Result<()> {
    if has_foreign_links(typed, path, uid) { Err(rustix::io::Errno::LOOP.into()) } else { Ok(()) }
}
