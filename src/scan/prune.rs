//! `--prune-empty-dirs`: directories that hold nothing that takes part are left out.
//!
//! What a directory holds is found out by looking below it, up to the first thing that takes part:
//! nothing that the walk does later may hang on a directory that was made and then was not wanted.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::error::Side;
use crate::filter::pattern::What;
use crate::filter::within::{Reasons, Said};
use crate::model::meta::{FileId, Kind};
use crate::model::path::{Name, RelPath};
use crate::report::ledger::{Deciding, Sheet};
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

/// A directory that holds nothing but such directories.
#[derive(Debug, Default)]
struct Hollow {
    /// How many directories it is and holds.
    dirs: u64,
    /// What the filter rules say of what is in it: nobody comes there again to tell.
    ruled: Vec<(RelPath, What, Said)>,
    /// Directories that were looked into.
    met: HashSet<FileId>,
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
            let is_dir = entry.found.is_dir;
            let reasons = sheet.ledger().reasons();
            let Some(hollow) = is_dir.then(|| self.hollow(node, entry, reasons)).flatten() else {
                return true;
            };
            // They count as listed, as in rsync.
            sheet.tally.listed.dirs += hollow.dirs;
            for (path, what, said) in hollow.ruled {
                let kind = if what == What::Dir { Kind::Dir } else { Kind::File };
                sheet.ruled(|| path, kind, Deciding::Transfer, said);
            }
            false
        });
    }

    /// What `entry` is if it holds nothing that takes part but directories.
    /// A file does so whatever its size, and whether its kind is copied or not (as in rsync 3.5.0).
    /// What can not be looked at is kept: the walk tells of it.
    fn hollow(&self, node: &NodeOf<V>, entry: &Joined, reasons: Reasons) -> Option<Hollow> {
        let path = node.path().join(&entry.found.name);
        if self.filled.forget(&path) {
            return None;
        }
        let mut hollow = Hollow::default();
        let layers = child_layers(node, entry).into_iter();
        let below = layers.map(|layer| (layer, path.clone())).collect();
        let mut way = vec![Level { path: RelPath::root(), below }];
        while let Some(level) = way.last_mut() {
            let Some((layer, path)) = level.below.pop() else {
                way.pop();
                continue;
            };
            hollow.dirs += 1;
            let found = self.peek(&layer, &path, reasons, &mut hollow);
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
        Some(hollow)
    }

    /// What takes part in one directory; `None`: that can not be told.
    fn peek(
        &self,
        layer: &Layer,
        path: &RelPath,
        reasons: Reasons,
        hollow: &mut Hollow,
    ) -> Option<Vec<Found>> {
        if matches!(layer.reach, Reach::Itself) {
            return Some(Vec::new());
        }
        let dir = layer.chain.get().ok()?;
        let id = stat::handle(&*dir).ok()?.id;
        let stays_out = self.select.mounts != Mounts::Cross && !layer.is_on(id.dev);
        // Symlinks that are followed may lead back to where we have been.
        let was_met = self.links != SourceLinks::AsLinks && !hollow.met.insert(id);
        if stays_out || was_met || self.own.contains(id) {
            return Some(Vec::new());
        }
        layer.rules.enter(&dir, path, Side::Source).ok()?;
        let listed = list(layer, &dir, self.links, self.select.mounts, path.depth());
        let mut contents = listed.ok()?;
        let mut is_out = |name: &Name, what| {
            let said = layer.rules.say(path, name, what, reasons);
            let is_out = matches!(said, Said::Out(_));
            if reasons == Reasons::Named && said != Said::Nothing {
                hollow.ruled.push((path.join(name), what, said));
            }
            is_out
        };
        if contents.unseen.iter().any(|(name, _)| !is_out(name, What::Other)) {
            return None;
        }
        contents.found.retain(|found| !is_out(&found.name, What::of(found.is_dir)));
        Some(contents.found)
    }
}
