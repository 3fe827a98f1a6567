//! What only the destination has: removed, in both passes, where the user asked for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::act::clear::{Home, Removal, Removed, Rest, is_silly_rename};
use crate::error::{During, Place, Side};
use crate::filter::within::Rules;
use crate::model::meta::Kind;
use crate::model::path::{Name, RelPath};
use crate::phase::pass::{Memo, Pass};
use crate::report::ledger::{Ledger, Sheet};
use crate::scan::node::{Node, Spot};
use crate::settings::deletion::{Extraneous, FullDirs, ReadErrors};
use crate::sys::dir::{Dir, Follow, Listed};
use crate::sys::stat;

impl Pass<'_> {
    /// True if the run removes, or would remove, what the source has not got, and nothing has
    /// happened that makes it unsafe to tell what that is.
    pub fn removes_extras(&self, ledger: &Ledger<'_>) -> bool {
        if self.settings.delete.extraneous == Extraneous::Keep {
            return false;
        }
        let is_unsafe = self.settings.delete.errors == ReadErrors::Stop
            && self.source_failed.load(Ordering::Relaxed);
        if is_unsafe {
            self.announce_deletion_stopped(ledger);
        }
        !is_unsafe
    }

    /// Removes `extras` of the destination directory `dest`, with all below them.
    pub fn remove_extras(
        &self,
        node: &Arc<Node<Memo>>,
        dest: &Arc<Dir>,
        extras: Vec<Listed>,
        sheet: &mut Sheet<'_>,
    ) -> Removals {
        let clearing = self.clearing(sheet.ledger());
        let path = node.path();
        let home = Home { dir: dest, path: &path, rules: node.protection() };
        let mut removals = Removals::default();
        for extra in extras {
            if self.stop.is_requested() || !self.removes_extras(sheet.ledger()) {
                break;
            }
            if is_silly_rename(&extra.name)
                || clearing.is_own(|| path.join(&extra.name), extra.kind)
            {
                continue;
            }
            let kind = match extra.kind {
                Some(kind) => kind,
                None => match stat::entry(dest, &extra.name, Follow::Never) {
                    Ok(meta) => meta.kind,
                    Err(error) => {
                        let trouble = Err::<Kind, _>(error).during(Side::Dest, "look at");
                        let spot = Spot { node, layer: 0, name: Some(&extra.name) };
                        if let Err(trouble) = trouble {
                            self.tell(sheet.ledger(), &spot, trouble);
                        }
                        continue;
                    }
                },
            };
            clearing.remove(&home, &extra.name, kind, &mut |removed| {
                match removed.removal {
                    Removal::Removed => removals.removed += 1,
                    Removal::MountPoint
                    | Removal::Ruled(_)
                    | Removal::BackedUp(_)
                    | Removal::NotEmpty(Rest::Spared) => {}
                    _ => removals.left += 1,
                }
                self.told_removal(node, removed, sheet);
            });
            if self.permit.is_some() {
                node.entry_changed();
            }
        }
        removals
    }
}

impl Pass<'_> {
    /// Removes the entry `name` of the destination's directory `path`, if it is there: its source
    /// operand is not.
    pub fn remove_missing_arg(
        &self,
        dest: &Arc<Dir>,
        path: &RelPath,
        name: &Name,
        sheet: &mut Sheet<'_>,
    ) {
        let top = Node::root(Vec::new(), None, None, Rules::default());
        let home = Home { dir: dest, path, rules: top.protection() };
        let looked = stat::entry_if_any(dest, name, Follow::Never).during(Side::Dest, "look at");
        let meta = match looked {
            Ok(Some(meta)) => meta,
            Ok(None) => return,
            Err(trouble) => {
                let place = Place::below(&self.dest_root, &path.join(name));
                self.tell_fault(sheet.ledger(), &trouble.at(place));
                return;
            }
        };
        let clearing = self.clearing(sheet.ledger());
        let is_full = || dest.open_child(name, Follow::Never).and_then(|dir| dir.list());
        let keeps = meta.kind == Kind::Dir
            && self.settings.delete.full_dirs == FullDirs::Keep
            && is_full().is_ok_and(|listed| !listed.is_empty());
        let tell = &mut |removed: Removed| {
            let path = removed.path.below(path);
            self.told_removal(&top, Removed { path, ..removed }, sheet);
        };
        if keeps {
            let removal = Removal::NotEmpty(Rest::Spared);
            tell(Removed { path: RelPath::from_names([name]), kind: Kind::Dir, removal });
        } else {
            clearing.remove(&home, name, meta.kind, tell);
        }
    }
}

/// What became of entries that the source has not got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Removed, or would be.
    pub removed: u64,
    /// Still there.
    pub left: u64,
}
