//! The operands of `--compare-dest`, `--copy-dest` and `--link-dest`, opened before the run starts.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::error::{Class, Fault, Place};
use crate::roots::dest::Dest;
use crate::roots::operand::openable;
use crate::settings::Settings;
use crate::sys::chain::{Budget, Chain};
use crate::sys::confined::is_outside;
use crate::sys::dir::Dir;

/// The directories that can be opened, and their paths for faults. One that can not be is told, and does not count: rsync goes on
/// without it, and so does twosync. `tell` gets the class that the run then ends with at least, if it
/// can not end well: nobody looked into what lies outside of `--confine-root`.
pub fn open_bases(
    settings: &Settings,
    dest: &Dest,
    budget: &Arc<Budget>,
    mut tell: impl FnMut(&Fault, Option<Class>),
) -> Vec<(PathBuf, Arc<Chain>)> {
    let dirs = settings.basis.as_ref().map_or(&[][..], |basis| &basis.dirs);
    let opened = dirs.iter().filter_map(|typed| {
        let mut path = openable(&dest.root).join(typed);
        if dest.chain.is_none() {
            // A dry run that would make the destination: `DEST/..` is not there yet.
            path = without_parents(&path);
        }
        match Dir::open_trusted(&path, &settings.roots.trust) {
            Ok(dir) => {
                let dir = dir.in_guise(settings.preserve.guises.dest);
                Some((path, Chain::root(dir, budget)))
            }
            Err(error) => {
                let class = is_outside(&error).then_some(Class::Entry);
                let verb = "compare with the directory";
                tell(&Fault::io(Class::Entry, verb, Place::operand(&path), error), class);
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
