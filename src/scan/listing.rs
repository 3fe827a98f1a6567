//! Listing one directory of the run: all its layers, joined with the destination.

use std::collections::HashSet;
use std::io;

use crate::error::{During, Side, Trouble};
use crate::filter::pattern::What;
use crate::filter::within::Said;
use crate::model::change::{Action, Diff, Why};
use crate::model::meta::Kind;
use crate::model::path::Name;
use crate::report::ledger::{Deciding, Record, Sheet};
use crate::scan::join::{Joined, match_dest, merge};
use crate::scan::layer::{Contents, Found, Layer, list};
use crate::scan::node::{Node, Spot};
use crate::scan::reach::Reach;
use crate::scan::walk::{NodeOf, Visit, Walk};
use crate::settings::deletion::Extraneous;
use crate::settings::{Mounts, Recursion};
use crate::sys::dir::{Dir, Follow, Listed};
use crate::sys::stat;

impl<V: Visit> Walk<'_, V> {
    /// What all layers have, joined with the destination; what only the destination has goes to
    /// the visitor.
    pub(crate) fn listing(&self, node: &NodeOf<V>, sheet: &mut Sheet<'_>) -> Vec<Joined> {
        let mut whole = true;
        let mut layers = Vec::with_capacity(node.layers.len());
        let is_merged = node.layers.len() > 1;
        let stays_in = self.select.mounts != Mounts::Cross && is_merged;
        for (at, layer) in node.layers.iter().enumerate() {
            // Of a directory with one layer this was found out when it was visited.
            let is_own = is_merged && layer.id().is_some_and(|id| self.own.contains(id));
            if is_own || (stays_in && layer.is_mount_point()) {
                layers.push(Vec::new());
                continue;
            }
            let listed = layer.chain.get().during(Side::Source, "open the directory");
            let listed = listed.and_then(|dir| {
                if layer.rules.inside().is_some() && self.reads_rules(node, layer) {
                    layer.rules.enter(&dir, &node.path(), Side::Source)?;
                }
                list(layer, &dir, self.links, self.select.mounts, node.depth())
                    .during(Side::Source, "list the directory")
            });
            match listed {
                Ok(contents) => layers.push(self.found_in(node, at, contents, sheet)),
                Err(trouble) => {
                    whole = false;
                    let spot = Spot { node, layer: at, name: None };
                    self.visitor.trouble(&spot, trouble, sheet);
                    layers.push(Vec::new());
                }
            }
        }
        let mut joined = merge(layers);
        self.prune(node, &mut joined, sheet);
        // Names of single operands say nothing of what else is in the source.
        let is_partial = node.layers.iter().all(|layer| layer.reach.is_partial());
        // Asked also where the listing is not whole: it is told that nothing is deleted any more.
        let may_delete = !is_partial && node.dest().is_some() && self.visitor.wants_extras();
        let deletes = may_delete && whole;
        let ready = if is_partial { self.protect_below(node) } else { Ok(()) };
        let joined_dest = ready.and_then(|()| self.join_dest(node, &mut joined, deletes, sheet));
        if let Err(trouble) = joined_dest {
            take_all_for_there(&mut joined);
            self.visitor.trouble(&Spot { node, layer: 0, name: None }, trouble, sheet);
        }
        joined
    }

    /// Whether the rule files of a directory count. On the way to what was asked for they do if what
    /// is asked for is walked as deep as it goes, but not those of the root (rsync 3.5.0).
    fn reads_rules(&self, node: &NodeOf<V>, layer: &Layer) -> bool {
        let is_below = node.parent().is_some();
        !matches!(layer.reach, Reach::Names(_))
            || (is_below && self.select.recursion == Recursion::Full)
    }

    /// The names of a layer that count; of the others it is told why they do not.
    fn found_in(
        &self,
        node: &NodeOf<V>,
        layer: usize,
        contents: Contents,
        sheet: &mut Sheet<'_>,
    ) -> Vec<Found> {
        let Contents { found, mut unseen, mount_points, led_out } = contents;
        unseen.retain(|(name, _)| !is_hidden(node, layer, name, sheet));
        for (name, target) in led_out {
            let why = Record::leaving(Kind::Symlink, Why::UnsafeFollowed);
            sheet.record(Record { target: Some(target), ..why }, || node.path().join(&name));
        }
        sheet.tally.planned += (unseen.len() + mount_points.len()) as u64;
        for (name, trouble) in unseen {
            let spot = Spot { node, layer, name: Some(&name) };
            self.visitor.trouble(&spot, trouble, sheet);
        }
        for (name, meta) in mount_points {
            let record = Record::of(&meta, Action::Keep(Why::MountPoint), Diff::NONE);
            sheet.record(record, || node.path().join(&name));
        }
        selected(node, layer, found, sheet)
    }

    /// The destination's rule files on the way to what was asked for protect what is below; those of
    /// the root only if it takes part itself (rsync 3.5.0).
    fn protect_below(&self, node: &NodeOf<V>) -> Result<(), Trouble> {
        let takes_part = node.parent().is_some() || node.memo().is_some();
        let is_asked = self.extraneous == Extraneous::Remove && takes_part;
        let Some(chain) = node.dest().filter(|_| is_asked && !node.is_fresh()) else {
            return Ok(());
        };
        if node.protection().are_uniform() {
            return Ok(());
        }
        let dest = chain.get().during(Side::Dest, "open the directory")?;
        node.protection().enter(&dest, &node.path(), Side::Dest)
    }

    /// The destination is listed, not asked for each name: where it takes two names of the source for
    /// one (no difference of case, or of Unicode's forms), the second one is not there by its own
    /// name, and making it fails.
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
        if !deletes && joined.len() <= 1 {
            take_all_for_there(joined);
            return Ok(());
        }
        let dest = chain.get().during(Side::Dest, "open the directory")?;
        let deletes = deletes
            && (self.select.mounts == Mounts::Cross
                || is_on_file_system_of_top(node, &dest).during(Side::Dest, "look at")?);
        let listed = dest.list().during(Side::Dest, "list the directory")?;
        let listed =
            if deletes { unprotected(node, &dest, joined, listed, sheet)? } else { listed };
        let extras = match_dest(joined, listed);
        if deletes && !extras.is_empty() {
            self.visitor.extras(node, &dest, extras, sheet);
        }
        Ok(())
    }
}

/// True if the filter rules hide a name of which nobody knows what it is.
fn is_hidden<M>(node: &Node<M>, layer: usize, name: &Name, sheet: &mut Sheet<'_>) -> bool {
    let (path, reasons) = (node.path(), sheet.ledger().reasons());
    let said = node.layers[layer].rules.say(&path, name, What::Other, reasons);
    let is_out = matches!(said, Said::Out(_));
    sheet.ruled(|| path.join(name), Kind::File, Deciding::Transfer, said);
    is_out
}

/// Drops what the filter rules hide.
fn selected<M>(
    node: &Node<M>,
    layer: usize,
    mut found: Vec<Found>,
    sheet: &mut Sheet<'_>,
) -> Vec<Found> {
    let Layer { rules, reach, .. } = &node.layers[layer];
    if rules.inside().is_none() {
        return found;
    }
    let (path, reasons) = (node.path(), sheet.ledger().reasons());
    found.retain(|found| {
        if reach.stand_of(&found.name).is_on_the_way() {
            return true;
        }
        let (what, kind) = what_of(found.is_dir);
        let said = rules.say(&path, &found.name, what, reasons);
        let is_in = !matches!(said, Said::Out(_));
        sheet.ruled(|| path.join(&found.name), kind, Deciding::Transfer, said);
        is_in
    });
    found
}

/// Drops what the filter rules protect from deletion, unless the source has it.
fn unprotected<M>(
    node: &Node<M>,
    dest: &Dir,
    joined: &[Joined],
    mut listed: Vec<Listed>,
    sheet: &mut Sheet<'_>,
) -> Result<Vec<Listed>, Trouble> {
    let rules = node.protection();
    let path = node.path();
    rules.enter(dest, &path, Side::Dest)?;
    if rules.inside().is_none() {
        return Ok(listed);
    }
    let ours: HashSet<&Name> = joined.iter().map(|entry| &entry.found.name).collect();
    let reasons = sheet.ledger().reasons();
    listed.retain(|listed| {
        let (what, kind) = what_of(is_dir(dest, listed));
        let said = rules.say(&path, &listed.name, what, reasons);
        let stays = matches!(said, Said::Out(_)) && !ours.contains(&listed.name);
        sheet.ruled(|| path.join(&listed.name), kind, Deciding::Deletion, said);
        !stays
    });
    Ok(listed)
}

fn what_of(is_dir: bool) -> (What, Kind) {
    (What::of(is_dir), if is_dir { Kind::Dir } else { Kind::File })
}

/// Where the listing does not say it, a look does; what can not be looked at is no directory.
fn is_dir(dir: &Dir, listed: &Listed) -> bool {
    let look = || stat::entry(dir, &listed.name, Follow::Never).ok().map(|meta| meta.kind);
    listed.kind.or_else(look) == Some(Kind::Dir)
}

/// True if the destination directory is on the file system on which the operand's begins: with `-x`
/// nothing is deleted on another one (rsync 3.5.0).
fn is_on_file_system_of_top<M>(node: &Node<M>, dest: &Dir) -> io::Result<bool> {
    let mut top = node;
    while let Some(parent) = top.parent()
        && (parent.parent().is_some() || parent.memo().is_some())
    {
        top = parent;
    }
    let Some(chain) = top.dest() else { return Ok(true) };
    Ok(stat::handle(&*chain.get()?)?.id.dev == stat::handle(dest)?.id.dev)
}

/// Every name is looked for in the destination, one by one.
fn take_all_for_there(joined: &mut [Joined]) {
    for entry in joined {
        entry.in_dest = true;
    }
}
