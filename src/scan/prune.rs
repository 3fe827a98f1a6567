//! `--prune-empty-dirs`: directories that hold nothing that takes part are left out.
//!
//! What a directory holds is found out by looking below it, up to the first thing that takes part:
//! nothing that the walk does later may hang on a directory that was made and then was not wanted.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::error::Side;
use crate::filter::pattern::What;
use crate::model::meta::FileId;
use crate::model::path::{Name, RelPath};
use crate::report::ledger::Sheet;
use crate::scan::join::Joined;
use crate::scan::layer::{Found, Layer, list};
use crate::scan::reach::Reach;
use crate::scan::walk::{NodeOf, Visit, Walk, child_layers};
use crate::settings::links::SourceLinks;
use crate::settings::{EmptyDirs, Mounts};
use crate::sys::stat;

/// Directories of which a search from above has found that they hold something: without that, a
/// tree would be searched once for each of its levels. Each is asked for once.
#[derive(Debug, Default)]
pub struct Filled(Mutex<HashSet<RelPath>>);

impl Filled {
    fn remember(&self, paths: impl Iterator<Item = RelPath>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(paths);
    }

    /// True if `path` was among them.
    fn forget(&self, path: &RelPath) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path)
    }
}

/// A directory that is being searched, and what is still to be searched in it.
struct Level {
    path: RelPath,
    below: Vec<(Layer, RelPath)>,
}

impl<V: Visit> Walk<'_, V> {
    /// Drops the directories among `joined` that hold nothing but directories.
    pub(crate) fn prune(&self, node: &NodeOf<V>, joined: &mut Vec<Joined>, sheet: &mut Sheet<'_>) {
        if self.select.empty_dirs == EmptyDirs::Keep {
            return;
        }
        joined.retain(|entry| {
            let dirs = if entry.found.is_dir { self.hollow(node, entry) } else { None };
            // They count as listed, as in rsync.
            sheet.tally.listed.dirs += dirs.unwrap_or(0);
            dirs.is_none()
        });
    }

    /// The number of directories that `entry` is and holds, if it holds nothing else that takes part.
    /// A file does so whatever its size, and whether its kind is copied or not (as in rsync 3.5.0).
    /// What can not be looked at is kept: the walk tells of it.
    fn hollow(&self, node: &NodeOf<V>, entry: &Joined) -> Option<u64> {
        let path = node.path().join(&entry.found.name);
        if self.filled.forget(&path) {
            return None;
        }
        let mut met = HashSet::new();
        let layers = child_layers(node, entry).into_iter();
        let below = layers.map(|layer| (layer, path.clone())).collect();
        let mut way = vec![Level { path: RelPath::root(), below }];
        let mut dirs = 0;
        while let Some(level) = way.last_mut() {
            let Some((layer, path)) = level.below.pop() else {
                way.pop();
                continue;
            };
            dirs += 1;
            let found = self.peek(&layer, &path, &mut met);
            let is_filled =
                found.as_ref().is_none_or(|found| found.iter().any(|found| !found.is_dir));
            if is_filled || self.stop.is_requested() {
                // The level above `entry` has no path of its own, and `entry` need not be kept in mind.
                let known = way.into_iter().map(|level| level.path).chain([path]).skip(2);
                self.filled.remember(known);
                return None;
            }
            let below = found.unwrap_or_default();
            let below =
                below.iter().map(|found| (layer.child(found), path.join(&found.name))).collect();
            layer.chain.give_back_if_tight();
            way.push(Level { path, below });
        }
        Some(dirs)
    }

    /// What takes part in one directory; `None`: that can not be told.
    fn peek(&self, layer: &Layer, path: &RelPath, met: &mut HashSet<FileId>) -> Option<Vec<Found>> {
        if matches!(layer.reach, Reach::Itself) {
            return Some(Vec::new());
        }
        let dir = layer.chain.get().ok()?;
        let id = stat::handle(&*dir).ok()?.id;
        let stays_out = self.select.mounts != Mounts::Cross && !layer.is_on(id.dev);
        // Symlinks that are followed may lead back to where we have been.
        let was_met = self.links != SourceLinks::AsLinks && !met.insert(id);
        if stays_out || was_met || self.own.contains(id) {
            return Some(Vec::new());
        }
        layer.rules.enter(&dir, path, Side::Source).ok()?;
        let listed = list(layer, &dir, self.links, self.select.mounts, path.depth());
        let mut contents = listed.ok()?;
        let is_out = |name: &Name, what| layer.rules.hide(path, name, what);
        if contents.unseen.iter().any(|(name, _)| !is_out(name, What::Other)) {
            return None;
        }
        contents.found.retain(|found| !is_out(&found.name, What::of(found.is_dir)));
        Some(contents.found)
    }
}
