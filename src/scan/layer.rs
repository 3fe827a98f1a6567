//! One source directory of a merged directory, and what is listed of it.
//!
//! `twosync a/ b/ DEST` merges two trees: a directory of the run has as many layers as sources have
//! it. An operand without a closing slash is a layer of which a single name counts.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{During, Side, Trouble};
use crate::model::meta::Kind;
use crate::model::path::Name;
use crate::scan::reach::Reach;
use crate::settings::SourceLinks;
use crate::sys::chain::Chain;
use crate::sys::dir::{Dir, Follow};
use crate::sys::stat;

/// A source directory.
#[derive(Clone, Debug)]
pub struct Layer {
    /// How to reach it.
    pub chain: Arc<Chain>,
    /// Its root as the user typed it, for faults.
    pub root: Arc<Path>,
    /// What of it takes part.
    pub reach: Reach,
    /// The device that the walk of it started on, for `--one-file-system`; `None` for the
    /// directory of a single operand, which starts below.
    pub dev: Option<u64>,
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
        let chain = self.chain.child(&found.name, found.follow());
        let reach = self.reach.below(&found.name);
        Self { chain, root: Arc::clone(&self.root), reach, dev }
    }

    /// True if `dev` is the file system that the walk of it started on.
    pub(crate) fn is_on(&self, dev: u64) -> bool {
        self.dev.is_none_or(|own| own == dev)
    }

    /// True if the directory is on another file system than the one that the walk of it started on.
    /// One that can not be opened is none: listing it tells why.
    pub(crate) fn is_mount_point(&self) -> bool {
        let looked = self.chain.get().and_then(|dir| stat::handle(&*dir));
        looked.is_ok_and(|meta| !self.is_on(meta.id.dev))
    }
}

/// A name of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name.
    pub name: Name,
    /// True if it is walked as a directory.
    pub is_dir: bool,
    /// True if it is a symlink that stands for what it points to.
    pub follow: bool,
}

impl Found {
    /// How the entry is looked at and opened.
    pub fn follow(&self) -> Follow {
        if self.follow { Follow::Links } else { Follow::Never }
    }
}

/// A name that could not be looked at, and why.
pub type Unseen = (Name, Trouble);

/// All names of a layer that count, in no order.
///
/// The second list holds the names that could not be looked at, and why.
pub fn list(layer: &Layer, dir: &Dir, links: SourceLinks) -> io::Result<(Vec<Found>, Vec<Unseen>)> {
    let mut found = Vec::new();
    let mut unseen = Vec::new();
    let names: Vec<(Name, Option<Kind>)> = match &layer.reach {
        Reach::Itself => Vec::new(),
        Reach::Names(names) => names.iter().map(|name| (name.clone(), None)).collect(),
        Reach::All | Reach::OneLevel => {
            dir.list()?.into_iter().map(|listed| (listed.name, listed.kind)).collect()
        }
    };
    for (name, kind) in names {
        match classify(dir, &name, kind, links) {
            Ok((is_dir, follow)) => found.push(Found { name, is_dir, follow }),
            Err(trouble) => unseen.push((name, trouble)),
        }
    }
    Ok((found, unseen))
}

/// Whether `name` is walked as a directory and whether it is followed. Costs a look only where
/// the listing does not say the kind, or says symlink and symlinks may be followed.
fn classify(
    dir: &Dir,
    name: &Name,
    kind: Option<Kind>,
    links: SourceLinks,
) -> Result<(bool, bool), Trouble> {
    let kind = match kind {
        Some(kind) => kind,
        None => stat::entry(dir, name, Follow::Never).during(Side::Source, "look at")?.kind,
    };
    if kind != Kind::Symlink || links == SourceLinks::AsLinks {
        return Ok((kind == Kind::Dir, false));
    }
    match stat::entry(dir, name, Follow::Links) {
        Ok(meta) if meta.kind == Kind::Dir => Ok((true, true)),
        Ok(_) => Ok((false, links == SourceLinks::Follow)),
        Err(_) if links == SourceLinks::FollowToDirs => Ok((false, false)),
        Err(_) => Err(Trouble::rule(
            Side::Source,
            "follow the symlink",
            "it leads nowhere (leave out --copy-links, or repair it)",
        )),
    }
}
