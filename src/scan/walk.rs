//! Walks source and destination together, in parallel, and hands each pair to a visitor.
//!
//! A directory is a task; its files are batches, so that a huge directory is never one task; large
//! files are ranges. The last part of a directory to end closes it. No task waits for another, so
//! no stack grows with the tree. It must not decide or act: that is the visitor's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::Scope;

use crate::effort::Stop;
use crate::error::{During, Side, Trouble};
use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::report::gauge::Gauge;
use crate::report::ledger::{Record, Sheet};
use crate::scan::join::{Joined, in_batches};
use crate::scan::layer::Layer;
use crate::scan::node::{At, DestSide, Node, Spot};
use crate::scan::own::OwnDirs;
use crate::scan::prune::Filled;
use crate::scan::ranges::Ranged;
use crate::scan::reach::{Reach, Stand};
use crate::settings::deletion::Extraneous;
use crate::settings::links::SourceLinks;
use crate::settings::recast::{Recast, recast};
use crate::settings::{Mounts, Select};
use crate::sys::dir::{Dir, Follow, Listed};
use crate::sys::stat;

/// How many files make a batch: enough to pay for the task, few enough to spread a directory.
const BATCH_ENTRIES: usize = 32;

/// What the visitor found where a directory goes.
pub enum Entered<M> {
    /// Nothing below it takes part.
    Skip,
    /// Its entries are walked; `M` comes back when it is left.
    Walk(DestSide, M),
}

/// What is done with what the walk finds.
pub trait Visit: Sync {
    /// What a directory's visit is remembered by until it is left.
    type Memo: Send + Sync;

    /// A directory comes. `parent`: where it is an entry, unless it is the top.
    fn enter(
        &self,
        node: &Arc<Node<Self::Memo>>,
        parent: Option<&At<'_, Self::Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Self::Memo>;

    /// An entry that the source has as something else than a directory.
    fn entry<'s>(
        &'s self,
        at: &At<'_, Self::Memo>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Option<Box<dyn Ranged + 's>>;

    /// Whether names that only the destination has are wanted at all.
    fn wants_extras(&self) -> bool;

    /// Names that only the destination has.
    fn extras(
        &self,
        node: &Arc<Node<Self::Memo>>,
        dest: &Arc<Dir>,
        extras: Vec<Listed>,
        sheet: &mut Sheet<'_>,
    );

    /// What was put off until all entries are known.
    fn rest<'s>(&'s self) -> Vec<Box<dyn Ranged + 's>> {
        Vec::new()
    }

    /// A directory and all below it are done.
    fn leave(&self, node: &Arc<Node<Self::Memo>>, memo: &Self::Memo);

    /// Something could not be looked at or listed.
    fn trouble(&self, spot: &Spot<'_, Self::Memo>, trouble: Trouble, sheet: &mut Sheet<'_>);
}

/// What a walk needs to know.
pub struct Walk<'a, V: Visit> {
    /// Who decides and acts.
    pub visitor: &'a V,
    /// Which entries take part.
    pub select: Select,
    /// Which symlinks of the source are followed.
    pub links: SourceLinks,
    /// What the source's entries are taken for.
    pub recast: Option<&'a Recast>,
    /// Whether the rules that protect from deletion are asked.
    pub extraneous: Extraneous,
    /// Directories of the destination that are never walked as a part of the source.
    pub own: &'a OwnDirs,
    /// Asked between entries.
    pub stop: &'a Stop,
    /// Told when the last directory has been listed.
    pub gauge: &'a Gauge,
    /// Directories that are known and not listed yet, the top among them.
    pub unlisted: AtomicU64,
    /// With `--prune-empty-dirs`: directories that are known to hold something.
    pub filled: Filled,
}

pub(crate) type NodeOf<V> = Arc<Node<<V as Visit>::Memo>>;

/// A batch of one directory's entries that are no directories.
struct Batch<'s, M> {
    node: Arc<Node<M>>,
    entries: Vec<Joined>,
    sheet: Sheet<'s>,
}

impl<'s, V: Visit> Walk<'s, V> {
    /// Walks everything below `top`; returns when all is done. `sheet` is the ledger's first.
    ///
    /// `standing`: what the top is on either side, if it takes part itself and not only what is
    /// in it.
    pub fn run(&'s self, top: &NodeOf<V>, standing: Option<Pair>, sheet: Sheet<'s>) {
        let mut whole = sheet;
        let (mut sheet, last) = (whole.fork(), whole.fork());
        whole.close();
        sheet.tally.planned += u64::from(standing.is_some());
        if let Some(source) = standing.as_ref().and_then(Pair::source) {
            top.source_id.get_or_init(|| source.id);
        }
        rayon::scope(|scope| {
            let top = Arc::clone(top);
            match standing {
                Some(pair) => self.enter(scope, top, None, &pair, sheet),
                None => self.contents(scope, top, sheet),
            }
        });
        rayon::scope(|scope| self.put_off(scope, top, last));
    }

    /// A directory below the top: looks at it on both sides and enters it.
    fn visit(&'s self, scope: &Scope<'s>, node: NodeOf<V>, mut sheet: Sheet<'s>) {
        let (Some(parent), Some(name)) = (node.parent().cloned(), node.name().cloned()) else {
            return self.pass_over(node, sheet);
        };
        if self.stop.is_requested() {
            self.one_is_listed();
            return self.abandon(node, sheet, 1);
        }
        let chain = &node.layers[0].chain;
        let looked = chain.above_handle().and_then(|source| {
            let meta = stat::entry(&source, &name, chain.follow())?;
            Ok((source, recast(self.recast, meta)))
        });
        match looked.during(Side::Source, "look at") {
            Ok((source, meta)) => {
                let follow = chain.follow();
                let at = At {
                    node: &parent,
                    layer: 0,
                    source: &source,
                    dest: None,
                    name: &name,
                    follow,
                };
                self.visit_seen(scope, node, &at, meta, sheet);
                parent.give_back_if_tight();
            }
            Err(trouble) => {
                let spot = Spot { node: &parent, layer: 0, name: Some(&name) };
                self.visitor.trouble(&spot, trouble, &mut sheet);
                self.pass_over(node, sheet);
            }
        }
    }

    fn visit_seen(
        &'s self,
        scope: &Scope<'s>,
        node: NodeOf<V>,
        at: &At<'_, V::Memo>,
        meta: Meta,
        mut sheet: Sheet<'s>,
    ) {
        if self.own.contains(meta.id) {
            let action = Action::Keep(Why::OwnDestination);
            sheet.record(Record::of(&meta, action, Diff::NONE), || at.path());
            return self.pass_over(node, sheet);
        }
        if meta.kind != Kind::Dir {
            let why = "it was a directory a moment ago";
            let trouble = Trouble::rule(Side::Source, "list", why);
            return self.fail(node, at, trouble, sheet);
        }
        let is_met = node.layers[0].stand == Stand::Found;
        if is_met && at.follow != Follow::Never && at.node.is_loop_at(meta.id) {
            let why = "the symlink leads back to a directory above it";
            let trouble = Trouble::rule(Side::Source, "follow the symlink", why);
            return self.fail(node, at, trouble, sheet);
        }
        // Ignoring the result is right: this is the only place that sets it.
        node.source_id.get_or_init(|| meta.id);
        sheet.list(&meta);
        match dest_of(at, node.in_dest) {
            Ok((dest, dest_meta)) => {
                let at = At { dest: dest.as_ref(), ..*at };
                let pair = dest_meta.map_or(Pair::SourceOnly(meta), |dest| Pair::Both(meta, dest));
                self.enter(scope, node, Some(&at), &pair, sheet);
            }
            Err(trouble) => self.fail(node, at, trouble, sheet),
        }
    }

    /// False if nothing below the directory takes part: nobody asked for it, or it is on other file
    /// systems and has to stay out.
    fn goes_on_in(&self, node: &Node<V::Memo>, meta: &Meta) -> bool {
        if node.layers.iter().all(|layer| matches!(layer.reach, Reach::Itself)) {
            return false;
        }
        let [first, others @ ..] = node.layers.as_slice() else { return true };
        self.select.mounts == Mounts::Cross
            || first.is_on(meta.id.dev)
            || others.iter().any(|layer| !layer.is_mount_point())
    }

    fn enter(
        &'s self,
        scope: &Scope<'s>,
        node: NodeOf<V>,
        at: Option<&At<'_, V::Memo>>,
        pair: &Pair,
        mut sheet: Sheet<'s>,
    ) {
        let Entered::Walk(side, memo) = self.visitor.enter(&node, at, pair, &mut sheet) else {
            return self.pass_over(node, sheet);
        };
        let walks = pair.source().is_none_or(|meta| self.goes_on_in(&node, meta));
        let is_new = matches!(side, DestSide::Fresh);
        node.settle(side, memo);
        if let Some(chain) = node.dest().filter(|_| is_new)
            && let Err(trouble) = self.own.remember(chain).during(Side::Dest, "open the directory")
        {
            let spot = Spot { node: &node, layer: 0, name: None };
            self.visitor.trouble(&spot, trouble, &mut sheet);
        }
        if walks {
            self.contents(scope, node, sheet);
        } else {
            self.pass_over(node, sheet);
        }
    }

    /// Lists a directory and spreads what is in it over the workers.
    fn contents(&'s self, scope: &Scope<'s>, node: NodeOf<V>, mut sheet: Sheet<'s>) {
        let joined = self.listing(&node, &mut sheet);
        sheet.tally.planned += joined.len() as u64;
        count_repeated(&node, &joined, &mut sheet);
        let dirs_at = joined.partition_point(|entry| !entry.found.is_dir);
        self.unlisted.fetch_add((joined.len() - dirs_at) as u64, Ordering::Relaxed);
        self.one_is_listed();
        let mut files = joined;
        let dirs = files.split_off(dirs_at);
        let mut batches = Vec::with_capacity(files.len().div_ceil(BATCH_ENTRIES));
        for entries in in_batches(files, BATCH_ENTRIES) {
            node.expect_one_more();
            batches.push(Batch { node: Arc::clone(&node), entries, sheet: sheet.fork() });
        }
        let children: Vec<_> =
            dirs.into_iter().map(|entry| (child(&node, &entry), sheet.fork())).collect();
        sheet.close();
        // A worker takes what it spawned last: in reverse, so that it goes on in rsync's order.
        for (child, sheet) in children.into_iter().rev() {
            scope.spawn(move |scope| self.visit(scope, child, sheet));
        }
        let mut batches = batches.into_iter();
        let first = batches.next();
        for batch in batches.rev() {
            scope.spawn(move |scope| self.batch(scope, batch));
        }
        if let Some(first) = first {
            self.batch(scope, first);
        }
        node.give_back_if_tight();
        self.one_is_done(node);
    }

    fn batch(&'s self, scope: &Scope<'s>, batch: Batch<'s, V::Memo>) {
        let Batch { node, entries, mut sheet } = batch;
        let opened = node.dest().map(|chain| chain.get()).transpose();
        let dest = match opened.during(Side::Dest, "open the directory") {
            Ok(dest) => dest,
            Err(trouble) => {
                let spot = Spot { node: &node, layer: 0, name: None };
                self.visitor.trouble(&spot, trouble, &mut sheet);
                return self.abandon(node, sheet, entries.len() as u64);
            }
        };
        let mut large = Vec::new();
        let mut opened: Option<(usize, Arc<Dir>)> = None;
        let mut left = entries.len() as u64;
        for entry in &entries {
            if self.stop.is_requested() {
                break;
            }
            left -= 1;
            let source = match &opened {
                Some((layer, dir)) if *layer == entry.layer => Ok(Arc::clone(dir)),
                _ => node.layers[entry.layer].chain.get(),
            };
            match source.during(Side::Source, "open the directory of") {
                Ok(source) => {
                    let at = At {
                        node: &node,
                        layer: entry.layer,
                        source: &source,
                        dest: dest.as_ref(),
                        name: &entry.found.name,
                        follow: entry.found.follow,
                    };
                    if let Some(file) = self.entry(&at, entry.in_dest, &mut sheet) {
                        large.push((file, sheet.fork()));
                    }
                    opened = Some((entry.layer, source));
                }
                Err(trouble) => {
                    let name = Some(&entry.found.name);
                    let spot = Spot { node: &node, layer: entry.layer, name };
                    self.visitor.trouble(&spot, trouble, &mut sheet);
                }
            }
        }
        for (file, sheet) in large.into_iter().rev() {
            node.expect_one_more();
            let node = Arc::clone(&node);
            scope.spawn(move |scope| self.ranged(scope, node, file, sheet));
        }
        self.abandon(node, sheet, left);
    }

    fn entry(
        &'s self,
        at: &At<'_, V::Memo>,
        in_dest: bool,
        sheet: &mut Sheet<'s>,
    ) -> Option<Box<dyn Ranged + 's>> {
        let seen = stat::source(at.source, at.name, at.follow, self.select.devices);
        let seen = seen.during(Side::Source, "look at").and_then(|source| {
            let dest = match at.dest {
                Some(dest) if in_dest && !at.node.is_fresh() => {
                    stat::dest_if_any(dest, at.dest_name()).during(Side::Dest, "look at")?
                }
                _ => None,
            };
            Ok((recast(self.recast, source), dest))
        });
        match seen {
            Ok((source, _)) if source.kind == Kind::Dir => {
                let trouble =
                    Trouble::rule(Side::Source, "read", "it became a directory meanwhile");
                self.visitor.trouble(&at.spot(), trouble, sheet);
                None
            }
            Ok((source, dest)) => {
                sheet.list(&source);
                let pair = dest.map_or(Pair::SourceOnly(source), |dest| Pair::Both(source, dest));
                self.visitor.entry(at, &pair, sheet)
            }
            Err(trouble) => {
                self.visitor.trouble(&at.spot(), trouble, sheet);
                None
            }
        }
    }

    /// Reports a trouble at `at` and gives `node` up.
    fn fail(&self, node: NodeOf<V>, at: &At<'_, V::Memo>, trouble: Trouble, mut sheet: Sheet<'s>) {
        self.visitor.trouble(&at.spot(), trouble, &mut sheet);
        self.pass_over(node, sheet);
    }

    /// One directory less to list; with the last, the planned work is known.
    fn one_is_listed(&self) {
        if self.unlisted.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.gauge.scan_is_done();
        }
    }

    /// Ends a directory that is not listed.
    fn pass_over(&self, node: NodeOf<V>, sheet: Sheet<'s>) {
        self.one_is_listed();
        self.skip(node, sheet);
    }

    /// Ends a part of which `entries` entries were not looked at.
    pub(crate) fn abandon(&self, node: NodeOf<V>, mut sheet: Sheet<'s>, entries: u64) {
        sheet.tally.abandoned += entries;
        self.skip(node, sheet);
    }

    pub(crate) fn skip(&self, node: NodeOf<V>, sheet: Sheet<'s>) {
        sheet.close();
        self.one_is_done(node);
    }

    pub(crate) fn one_is_done(&self, node: NodeOf<V>) {
        one_is_done(self.visitor, node);
    }
}

/// The last part of a directory to end leaves it, and then is a part of the one above.
pub fn one_is_done<V: Visit>(visitor: &V, node: NodeOf<V>) {
    let mut at = Some(node);
    while let Some(node) = at {
        if !node.one_is_done() {
            return;
        }
        if let Some(memo) = node.memo.get() {
            visitor.leave(&node, memo);
        }
        node.give_back_if_tight();
        at = node.parent().cloned();
    }
}

/// The destination directory of `at`, and what it has under that name.
fn dest_of<M>(at: &At<'_, M>, in_dest: bool) -> Result<(Option<Arc<Dir>>, Option<Meta>), Trouble> {
    let Some(chain) = at.node.dest() else {
        return Ok((None, None));
    };
    let dest = chain.get().during(Side::Dest, "open the directory of")?;
    let meta = if in_dest && !at.node.is_fresh() {
        stat::dest_if_any(&dest, at.dest_name()).during(Side::Dest, "look at")?
    } else {
        None
    };
    Ok((Some(dest), meta))
}

/// Entries that give way to another one of their name are counted, as rsync does.
fn count_repeated<M>(node: &Node<M>, joined: &[Joined], sheet: &mut Sheet<'_>) {
    for entry in joined {
        let merged = entry.merged.iter().map(|(layer, _)| layer);
        for layer in merged.chain(&entry.shadowed) {
            let reach = &node.layers[*layer].reach;
            if reach.is_counted_elsewhere(&entry.found.name) {
                continue;
            }
            let looked = node.layers[*layer]
                .chain
                .get()
                .and_then(|dir| stat::entry(&dir, &entry.found.name, entry.found.follow));
            // One that can not be looked at is no part of the run: nothing is lost with its count.
            if let Ok(meta) = looked {
                sheet.list(&meta);
            }
        }
    }
}

/// The directory of the run that `entry` is, with all layers that have it.
fn child<M>(node: &Arc<Node<M>>, entry: &Joined) -> Arc<Node<M>> {
    node.child(&entry.found.name, child_layers(node, entry), entry.in_dest)
}

/// The source directories that are merged into `entry`.
pub(crate) fn child_layers<M>(node: &Node<M>, entry: &Joined) -> Vec<Layer> {
    let own = &node.layers[entry.layer];
    let mut layers = vec![own.child(&entry.found)];
    for (at, found) in &entry.merged {
        let other = &node.layers[*at];
        if *at == entry.layer {
            continue;
        }
        let child = other.child(found);
        // What was repeated has nothing to add, unless it is seen through other rules: those hide
        // nothing that leads to a name that was asked for.
        let sees_the_same = match (other.reach.is_partial(), &child.reach) {
            (false, _) => true,
            (true, Reach::Names(_)) => other.rules.inside().is_none(),
            (true, _) => other.rules.are_uniform(),
        };
        // With `-x` an operand that is a mount point is walked, and as a part of another one it is not.
        let is_repeated = layers.iter().any(|known| {
            known.root == child.root
                && known.reach.covers(&child.reach)
                && known.is_mount_point() == child.is_mount_point()
        });
        if !(is_repeated && sees_the_same) {
            layers.push(child);
        }
    }
    layers
}
