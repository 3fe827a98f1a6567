//! One source directory of a merged directory, and what is listed of it.
//!
//! `twosync a/ b/ DEST` merges two trees: a directory of the run has as many layers as sources have
//! it. An operand without a closing slash is a layer of which a single name counts.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{During, Side, Trouble};
use crate::filter::within::Rules;
use crate::model::guise::Guise;
use crate::model::meta::{FileId, Kind, Meta};
use crate::model::path::Name;
use crate::model::target::is_unsafe;
use crate::scan::reach::{Reach, Stand};
use crate::settings::Mounts;
use crate::settings::links::SourceLinks;
use crate::sys::chain::Chain;
use crate::sys::dir::{Dir, Follow};
use crate::sys::{read, stat};

/// A source directory.
#[derive(Clone, Debug)]
pub struct Layer {
    /// How to reach it.
    pub chain: Arc<Chain>,
    /// Its root as the user typed it, for faults.
    pub root: Arc<Path>,
    /// What of it takes part.
    pub reach: Reach,
    /// Why it takes part itself.
    pub stand: Stand,
    /// The device that the walk of it started on, for `--one-file-system`; `None` for the
    /// directory of a single operand, which starts below.
    pub dev: Option<u64>,
    /// Which of its names are hidden.
    pub rules: Rules,
}

impl Layer {
    /// The layer of a directory in this one.
    pub(crate) fn child(&self, found: &Found) -> Self {
        let own_dev = || {
            let looked = self.chain.get().and_then(|dir| stat::handle(&*dir));
            looked.ok().map(|meta| meta.id.dev)
        };
        let dev = match self.reach {
            Reach::Names(_) => None,
            _ => self.dev.or_else(own_dev),
        };
        let chain = self.chain.child(&found.name, found.follow);
        let (reach, stand) = (self.reach.below(&found.name), self.reach.stand_of(&found.name));
        let (root, rules) = (Arc::clone(&self.root), self.rules.below());
        Self { chain, root, reach, stand, dev, rules }
    }

    /// The directory's inode; `None` if it can not be opened: listing it tells why.
    pub(crate) fn id(&self) -> Option<FileId> {
        Some(stat::handle(&*self.chain.get().ok()?).ok()?.id)
    }

    /// True if `dev` is the file system that the walk of it started on.
    pub(crate) fn is_on(&self, dev: u64) -> bool {
        self.dev.is_none_or(|own| own == dev)
    }

    /// True if the directory is on another file system than the one that the walk of it started on.
    pub(crate) fn is_mount_point(&self) -> bool {
        self.id().is_some_and(|id| !self.is_on(id.dev))
    }
}

/// A name of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name.
    pub name: Name,
    /// True if it is walked as a directory.
    pub is_dir: bool,
    /// How it is looked at and opened: whether it is a symlink that stands for what it points to.
    pub follow: Follow,
}

/// What a layer has, in no order.
#[derive(Debug, Default)]
pub struct Contents {
    /// The names that count.
    pub found: Vec<Found>,
    /// Names that could not be looked at, and why.
    pub unseen: Vec<(Name, Trouble)>,
    /// Mount points that are left out (`-xx`).
    pub mount_points: Vec<(Name, Meta)>,
    /// Symlinks that are followed because of where they lead, and their targets.
    pub led_out: Vec<(Name, Box<[u8]>)>,
}

/// Lists a layer, which is `depth` directories below the top of its transfer.
pub fn list(
    layer: &Layer,
    dir: &Dir,
    links: SourceLinks,
    mounts: Mounts,
    depth: usize,
) -> io::Result<Contents> {
    let mut contents = Contents::default();
    let leaves_out = mounts == Mounts::Skip && matches!(layer.reach, Reach::All);
    let dev = match (leaves_out, layer.dev) {
        (false, _) => None,
        (true, Some(dev)) => Some(dev),
        (true, None) => Some(stat::handle(dir)?.id.dev),
    };
    let names: Vec<(Name, Option<Kind>)> = match &layer.reach {
        Reach::Itself => Vec::new(),
        Reach::Names(names) => names.iter().map(|name| (name.clone(), None)).collect(),
        Reach::All | Reach::OneLevel => {
            dir.list()?.into_iter().map(|listed| (listed.name, listed.kind)).collect()
        }
    };
    for (name, kind) in names {
        let target = target_out(dir, &name, kind, links, depth);
        let class = match &layer.reach {
            Reach::Names(names) if names.follow(&name) != Follow::Never => {
                follow_asked(dir, &name, names.follow(&name))
            }
            _ => classify(dir, &name, kind, links, target.is_some()),
        };
        // rsync looks whether it is a directory before it asks where it leads.
        let is_told = !(links.follows_dirs() && class.as_ref().is_ok_and(|(is_dir, _)| *is_dir));
        contents.led_out.extend(target.filter(|_| is_told).map(|target| (name.clone(), target)));
        match class {
            Ok((is_dir, follow)) => {
                let found = Found { name, is_dir, follow };
                match other_file_system(dir, &found, dev) {
                    Some(meta) => contents.mount_points.push((found.name, meta)),
                    None => contents.found.push(found),
                }
            }
            Err(trouble) => contents.unseen.push((name, trouble)),
        }
    }
    Ok(contents)
}

/// The directory `found` if it is on another file system than `dev`. What can not be looked at is
/// told when it is entered.
fn other_file_system(dir: &Dir, found: &Found, dev: Option<u64>) -> Option<Meta> {
    let dev = dev.filter(|_| found.is_dir)?;
    let meta = stat::entry(dir, &found.name, found.follow).ok()?;
    (meta.id.dev != dev).then_some(meta)
}

/// The same as [`classify`] for a directory that a path goes through: a symlink on the way stands
/// for what it points to, as in rsync.
fn follow_asked(dir: &Dir, name: &Name, follow: Follow) -> Result<(bool, Follow), Trouble> {
    let meta = stat::entry(dir, name, Follow::Never).during(Side::Source, "look at")?;
    if meta.kind == Kind::Dir {
        return Ok((true, Follow::Never));
    }
    match stat::entry(dir, name, follow).during(Side::Source, "follow")?.kind {
        Kind::Dir => Ok((true, follow)),
        _ => Err(Trouble::rule(Side::Source, "go through", "it was a directory a moment ago")),
    }
}

/// The target of a symlink that is followed because of where it leads.
fn target_out(
    dir: &Dir,
    name: &Name,
    kind: Option<Kind>,
    links: SourceLinks,
    depth: usize,
) -> Option<Box<[u8]>> {
    if !links.asks_where() || kind.is_some_and(|kind| kind != Kind::Symlink) {
        return None;
    }
    // A file that stands for nothing else holds no target, whatever is in it.
    let may_be_one = dir.guise() == Guise::Real
        || stat::entry(dir, name, Follow::Never).is_ok_and(|meta| meta.kind == Kind::Symlink);
    // What is no symlink has no target.
    let target = may_be_one.then(|| read::link_target(dir, name).ok()).flatten();
    target.filter(|target| is_unsafe(target, depth))
}

/// True if `name` stands for what it points to, should it be a symlink, at least if that is a
/// directory.
pub fn may_follow(dir: &Dir, name: &Name, links: SourceLinks, depth: usize) -> bool {
    links.follows_dirs() || target_out(dir, name, None, links, depth).is_some()
}

/// Whether `name` is walked as a directory and how it is followed. Costs a look only where
/// the listing does not say the kind, or says symlink and symlinks may be followed.
fn classify(
    dir: &Dir,
    name: &Name,
    kind: Option<Kind>,
    links: SourceLinks,
    leads_out: bool,
) -> Result<(bool, Follow), Trouble> {
    let kind = match kind {
        Some(kind) => kind,
        None => stat::entry(dir, name, Follow::Never).during(Side::Source, "look at")?.kind,
    };
    let may_follow = leads_out || links.follows_dirs();
    if kind != Kind::Symlink || !may_follow {
        return Ok((kind == Kind::Dir, Follow::Never));
    }
    match stat::entry(dir, name, Follow::Links) {
        Ok(meta) if meta.kind == Kind::Dir => Ok((true, Follow::Links)),
        Ok(_) if leads_out || links == SourceLinks::Follow => Ok((false, Follow::Links)),
        Ok(_) => Ok((false, Follow::Never)),
        Err(_) if !leads_out && links != SourceLinks::Follow => Ok((false, Follow::Never)),
        Err(_) => Err(Trouble::rule(
            Side::Source,
            "follow the symlink",
            "it leads nowhere (repair it, or copy it as a link: without --copy-links, --copy-unsafe-links)",
        )),
    }
}
