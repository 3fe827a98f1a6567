//! Other directories that may have what the destination has not (`--compare-dest`, `--copy-dest`,
//! `--link-dest`): where an entry is in them, and how it differs there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compare::quick::quick;
use crate::error::{During, Place, Side, Trouble};
use crate::model::change::{Action, Attrs, Basis, Diff};
use crate::model::entry::Pair;
use crate::model::meta::{FileId, Kind, Meta};
use crate::model::path::RelPath;
use crate::phase::pass::{Memo, Pass};
use crate::report::ledger::Ledger;
use crate::scan::node::{At, Node};
use crate::settings::Found;
use crate::sys::chain::Chain;
use crate::sys::dir::{Dir, Follow, is_missing_dir};
use crate::sys::sides::Sides;
use crate::sys::stat;

/// An entry of another directory.
pub struct Elsewhere {
    /// How it differs from the source.
    pub diff: Diff,
    /// What becomes of the source's entry because of it; `None`: it is not equal.
    pub found: Option<Found>,
    /// The directory that it is in.
    pub dir: Arc<Dir>,
    /// Which file it is.
    pub id: FileId,
}

impl Pass<'_> {
    /// Where the directory `node` may be elsewhere. A symlink there leads nowhere: it was somebody's data, and
    /// belongs to whoever copied it.
    pub fn bases_of(&self, node: &Node<Memo>) -> Box<[Arc<Chain>]> {
        let (Some(parent), Some(name)) = (node.parent(), node.name()) else {
            return self.bases.clone();
        };
        let name = parent.dest_name(name);
        self.bases_in(parent).iter().map(|base| base.child(name, Follow::Never)).collect()
    }

    fn bases_in<'n>(&'n self, node: &'n Node<Memo>) -> &'n [Arc<Chain>] {
        node.memo().map_or(&self.bases, |memo| &memo.bases)
    }

    /// All directories elsewhere that have an entry of the name of `at`, by their number, and what it
    /// is there. What can not be looked at is told, and is not there: the entry is made.
    pub fn places_elsewhere<'n>(
        &'n self,
        at: &'n At<'_, Memo>,
        ledger: &'n Ledger<'_>,
    ) -> impl Iterator<Item = (usize, Arc<Dir>, Meta)> + 'n {
        self.bases_in(at.node).iter().enumerate().filter_map(move |(number, base)| {
            let looked = base.get().and_then(|dir| {
                let meta = stat::entry(&dir, at.dest_name(), Follow::Never)?;
                Ok((number, dir, meta))
            });
            base.give_back_if_tight();
            match looked {
                Ok(looked) => Some(looked),
                Err(error) if is_missing_dir(&error) => None,
                Err(error) => {
                    // One line says it of all that is in the directory.
                    let path = at.node.path();
                    let trouble = Err::<(), _>(error).during(Side::Dest, "look for entries in");
                    trouble.unwrap_or_else(|trouble| self.mention(number, &path, trouble, ledger));
                    None
                }
            }
        })
    }

    /// Tells, once, what is wrong in the directory of this number, at `path`: the run goes on without
    /// it, and that is no failure.
    pub fn mention(&self, number: usize, path: &RelPath, trouble: Trouble, ledger: &Ledger<'_>) {
        let root = self.base_roots.get(number).map_or(Path::new(""), PathBuf::as_path);
        let fault = trouble.at(Place::below(root, path));
        if self.is_news(&fault) {
            ledger.mention(&fault);
        }
    }

    /// The source's entry, and the one of `dir`.
    pub fn sides_elsewhere<'n>(&self, at: &'n At<'_, Memo>, dir: &'n Dir) -> Sides<'n> {
        Sides {
            source: at.source,
            source_name: at.name,
            follow: at.follow,
            dest: dir,
            dest_name: at.dest_name(),
        }
    }

    /// The best entry elsewhere: an equal one, else one of equal content, else the first.
    pub fn find_elsewhere(
        &self,
        at: &At<'_, Memo>,
        source: &Meta,
        ledger: &Ledger<'_>,
    ) -> Result<Option<Elsewhere>, Trouble> {
        let Some(basis) = &self.settings.basis else { return Ok(None) };
        let mut best: Option<(u8, Elsewhere)> = None;
        for (number, dir, there) in self.places_elsewhere(at, ledger) {
            let sides = self.sides_elsewhere(at, &dir);
            let evidence = self.settings.evidence;
            let mut diff = match quick(&sides, source, &there, evidence, &self.tolerance, self.stop)
            {
                Err(trouble) if trouble.side == Side::Source => return Err(trouble),
                Err(trouble) => {
                    self.mention(number, &at.node.path().join(at.dest_name()), trouble, ledger);
                    continue;
                }
                Ok(diff) if diff.other_kind => continue,
                Ok(diff) => diff,
            };
            // Whoever reads a file changes its access time: it does not count.
            let is_equal = diff.is_none() || diff.is_access_alone();
            if source.kind != Kind::File && !is_equal {
                diff.attrs |= Attrs::CONTENT;
            }
            let can_link = at.dest.is_none_or(|dest| is_on(dest, there.id.dev));
            let found = match basis.found {
                _ if !is_equal => None,
                Found::Linked if !can_link => Some(Found::Copied),
                found => Some(found),
            };
            diff.basis = match found {
                _ if diff.needs_content() => Basis::Unlike,
                Some(Found::Linked) => Basis::Linked,
                _ => Basis::Alike,
            };
            let rank = if is_equal { 2 } else { u8::from(!diff.needs_content()) };
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((rank, Elsewhere { diff, found, dir, id: there.id }));
            }
            if is_equal {
                break;
            }
        }
        Ok(best.map(|(_, elsewhere)| elsewhere))
    }

    /// The best entry elsewhere for what `action` is to be done to.
    ///
    /// A file that is kept becomes a name of an equal one elsewhere (`--link-dest`), as in rsync: there is none if it is a
    /// name of it already; or with `--backup`, as nothing is gained by a backup of what is equal.
    pub fn find_instead(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        action: Action,
        ledger: &Ledger<'_>,
    ) -> Result<Option<Elsewhere>, Trouble> {
        let Some(source) = pair.source() else { return Ok(None) };
        let Action::Keep(_) = action else { return self.find_elsewhere(at, source, ledger) };
        let links = self.settings.basis.as_ref().is_some_and(|basis| basis.found == Found::Linked);
        if !links || source.kind != Kind::File || self.backups.is_some() {
            return Ok(None);
        }
        let id = pair.dest().map(|dest| dest.id);
        let is_another =
            |found: &Elsewhere| found.found == Some(Found::Linked) && Some(found.id) != id;
        Ok(self.find_elsewhere(at, source, ledger)?.filter(is_another))
    }

    /// How a directory that the destination has not differs from the best one elsewhere.
    pub fn dir_elsewhere(&self, node: &Node<Memo>, bases: &[Arc<Chain>], source: &Meta) -> Diff {
        let looked = bases.iter().filter_map(|base| {
            let dir = base.get().ok()?;
            let meta = stat::handle(&*dir).ok()?;
            base.give_back_if_tight();
            // What can not be compared is not there.
            self.dir_differs(node, source, (&dir, &meta)).ok()
        });
        let found = { looked }.fold(None, |best: Option<Attrs>, attrs| {
            best.filter(|best| best.is_empty() || !attrs.is_empty()).or(Some(attrs))
        });
        let Some(mut attrs) = found else { return Diff::NONE };
        if !attrs.is_empty() {
            attrs |= self.time_of_making(Kind::Dir);
        }
        Diff { attrs, basis: Basis::Alike, ..Diff::NONE }
    }
}

fn is_on(dir: &Dir, dev: u64) -> bool {
    stat::handle(dir).is_ok_and(|meta| meta.id.dev == dev)
}
