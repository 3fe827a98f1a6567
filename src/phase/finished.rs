//! Source files that have arrived: removed where the user asked for it, once phase two is content.

use std::io;
use std::sync::{Arc, PoisonError};

use crate::error::{During, Side, Trouble};
use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::model::path::Name;
use crate::phase::groups::Leader;
use crate::phase::pass::Memo;
use crate::phase::verify::Verify;
use crate::report::ledger::{Record, Sheet};
use crate::scan::node::{At, Node, Spot};
use crate::settings;
use crate::settings::deletion::{Extraneous, FinishedSources};
use crate::sys::dir::Follow;
use crate::sys::permit::Permit;
use crate::sys::{node, stat};

/// A source that has arrived. It holds no handle.
#[derive(Debug)]
pub struct Arrived {
    node: Arc<Node<Memo>>,
    layer: usize,
    name: Name,
    follow: Follow,
    source: Meta,
}

impl Verify<'_> {
    /// Removes the source of an entry that was compared and is right (`--remove-source-files`), if it
    /// is still what was compared.
    pub fn source_is_finished(&self, at: &At<'_, Memo>, pair: &Pair, sheet: &mut Sheet<'_>) {
        self.is_finished(at, pair, None, sheet);
    }

    /// The same for a name that is one of the file that leads, whose bytes are its own.
    pub fn joined_source_is_finished(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        leader: &Leader,
        sheet: &mut Sheet<'_>,
    ) {
        self.is_finished(at, pair, Some(leader), sheet);
    }

    fn is_finished(
        &self,
        at: &At<'_, Memo>,
        pair: &Pair,
        leader: Option<&Leader>,
        sheet: &mut Sheet<'_>,
    ) {
        let (Some(permit), Pair::Both(source, dest)) = (self.pass.permit, pair) else { return };
        let prior = || self.prior(at, source);
        let leads = |leader: &Leader| self.prior_of(|| leader.path.clone(), source);
        let is_asked = match self.pass.settings.finished_sources {
            FinishedSources::Keep => false,
            // Only what was read back, this time or by a whole verification. All that other kinds hold is compared anyway.
            FinishedSources::Remove => {
                source.kind != Kind::File
                    || self.pass.settings.verify == settings::Verify::All
                    || prior().is_written(source.kind)
                    || leader.is_some_and(|leader| leads(leader).is_written(source.kind))
            }
            FinishedSources::RemoveSent => {
                !source.kind.is_special() && prior().is_written(source.kind)
            }
        };
        if !is_asked || source.kind == Kind::Dir || source.is_same_file(dest) {
            return;
        }
        if self.waits_for_the_others() {
            let (node, name) = (Arc::clone(at.node), at.name.clone());
            let (layer, follow) = (at.layer, at.follow);
            let mut arrived = self.pass.arrived.lock().unwrap_or_else(PoisonError::into_inner);
            arrived.push(Arrived { node, layer, name, follow, source: *source });
        } else {
            self.remove_source(permit, at, source, sheet);
        }
    }

    /// True if what is removed now might be missed by who comes by later: on another way to the same
    /// source, or who deletes what the source has not got.
    fn waits_for_the_others(&self) -> bool {
        self.pass.may_meet_twice || self.pass.settings.delete.extraneous == Extraneous::Remove
    }

    /// Removes the sources that had to wait, in the order of their paths. They wait in memory.
    pub fn remove_arrived(&self, sheet: &mut Sheet<'_>) {
        let mut arrived = self.pass.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let mut arrived = std::mem::take(&mut *arrived);
        arrived.sort_by_cached_key(|entry| entry.node.path().join(&entry.name));
        for Arrived { node, layer, name, follow, source } in &arrived {
            let Some(permit) = self.pass.permit.filter(|_| !self.pass.stop.is_requested()) else {
                return;
            };
            let chain = &node.layers[*layer].chain;
            match chain.get().during(Side::Source, "open the directory of") {
                Ok(dir) => {
                    let (layer, follow) = (*layer, *follow);
                    let at = At { node, layer, source: &dir, dest: None, name, follow };
                    self.remove_source(permit, &at, source, sheet);
                }
                Err(trouble) => {
                    let spot = Spot { node, layer: *layer, name: Some(name) };
                    self.pass.tell(sheet.ledger(), &spot, trouble);
                }
            }
            chain.give_back_if_tight();
        }
    }

    fn remove_source(
        &self,
        permit: &Permit,
        at: &At<'_, Memo>,
        source: &Meta,
        sheet: &mut Sheet<'_>,
    ) {
        let devices = self.pass.settings.select.devices;
        let looked = match stat::source(at.source, at.name, at.follow, devices) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            looked => looked.map(Some),
        };
        let removed = looked.during(Side::Source, "look at").and_then(|now| match now {
            // It was met on two ways, or somebody else was faster.
            None => Ok(false),
            Some(now) if is_what_was_compared(&now, source) => {
                node::remove(permit, at.source, at.name).during(Side::Source, "remove")?;
                Ok(true)
            }
            Some(_) => {
                let why = "it changed after it was copied (run again)";
                Err(Trouble::rule(Side::Source, "remove", why))
            }
        });
        match removed {
            Ok(true) => {
                let action = Action::Keep(Why::SourceRemoved);
                sheet.record(Record::of(source, action, Diff::NONE), || at.path());
            }
            Ok(false) => {}
            Err(trouble) => drop(self.pass.tell(sheet.ledger(), &at.spot(), trouble)),
        }
    }
}

/// True if nothing says that a source changed since it was compared; that it lost another name (each
/// removal changes the time of all its names' inode) says nothing.
fn is_what_was_compared(now: &Meta, before: &Meta) -> bool {
    let lost_names = now.nlink < before.nlink;
    let ctime = if lost_names { now.ctime } else { before.ctime };
    now.is_untouched_since(&Meta { ctime, ..*before })
}
