//! Listing one directory of the run: all its layers, joined with the destination.

use crate::error::{During, Side, Trouble};
use crate::report::ledger::Sheet;
use crate::scan::join::{Joined, match_dest, merge};
use crate::scan::layer::list;
use crate::scan::node::Spot;
use crate::scan::walk::{NodeOf, Visit, Walk};
use crate::settings::Mounts;

/// Up to so many names are looked up one by one instead of listing the destination directory.
const FEW_NAMES: usize = 8;

impl<V: Visit> Walk<'_, V> {
    /// What all layers have, joined with the destination; what only the destination has goes to
    /// the visitor.
    pub(crate) fn listing(&self, node: &NodeOf<V>, sheet: &mut Sheet<'_>) -> Vec<Joined> {
        let mut whole = true;
        let mut layers = Vec::with_capacity(node.layers.len());
        let stays_in = self.select.mounts != Mounts::Cross && node.layers.len() > 1;
        for (at, layer) in node.layers.iter().enumerate() {
            if stays_in && layer.is_mount_point() {
                layers.push(Vec::new());
                continue;
            }
            let listed = layer.chain.get().during(Side::Source, "open the directory");
            let listed = listed.and_then(|dir| {
                list(layer, &dir, self.links).during(Side::Source, "list the directory")
            });
            match listed {
                Ok((found, unseen)) => {
                    sheet.tally.planned += unseen.len() as u64;
                    for (name, trouble) in unseen {
                        let spot = Spot { node, layer: at, name: Some(&name) };
                        self.visitor.trouble(&spot, trouble, sheet);
                    }
                    layers.push(found);
                }
                Err(trouble) => {
                    whole = false;
                    let spot = Spot { node, layer: at, name: None };
                    self.visitor.trouble(&spot, trouble, sheet);
                    layers.push(Vec::new());
                }
            }
        }
        let mut joined = merge(layers);
        // Names of single operands say nothing of what else is in the source.
        let is_partial = node.layers.iter().all(|layer| layer.reach.is_partial());
        let deletes = whole && !is_partial && self.visitor.wants_extras();
        if let Err(trouble) = self.join_dest(node, &mut joined, deletes, sheet) {
            take_all_for_there(&mut joined);
            self.visitor.trouble(&Spot { node, layer: 0, name: None }, trouble, sheet);
        }
        joined
    }

    fn join_dest(
        &self,
        node: &NodeOf<V>,
        joined: &mut [Joined],
        deletes: bool,
        sheet: &mut Sheet<'_>,
    ) -> Result<(), Trouble> {
        let Some(chain) = node.dest().filter(|_| !node.is_fresh()) else {
            return Ok(());
        };
        if !deletes && joined.len() <= FEW_NAMES {
            take_all_for_there(joined);
            return Ok(());
        }
        let dest = chain.get().during(Side::Dest, "open the directory")?;
        let listed = dest.list().during(Side::Dest, "list the directory")?;
        let extras = match_dest(joined, listed);
        if deletes && !extras.is_empty() {
            self.visitor.extras(node, &dest, extras, sheet);
        }
        Ok(())
    }
}

/// Every name is looked for in the destination, one by one.
fn take_all_for_there(joined: &mut [Joined]) {
    for entry in joined {
        entry.in_dest = true;
    }
}
