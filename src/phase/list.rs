//! `--list-only`: the walk without a destination. It looks, and must not decide or act.

use std::sync::Arc;

use crate::error::{During, Side, Trouble};
use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::{Kind, Meta};
use crate::phase::pass::{Memo, Pass};
use crate::report::ledger::{Ledger, Record, Sheet};
use crate::scan::node::{At, DestSide, Node, Spot};
use crate::scan::ranges::Ranged;
use crate::scan::walk::{Entered, Visit};
use crate::settings::Kinds;
use crate::sys::dir::{Dir, Follow, Listed};
use crate::sys::read;

/// A listing of the sources.
pub struct List<'a> {
    /// What all visitors share.
    pub pass: &'a Pass<'a>,
    /// Where all is recorded.
    pub ledger: &'a Ledger<'a>,
}

fn record(meta: &Meta) -> Record {
    Record::of(meta, Action::Keep(Why::Listed), Diff::NONE)
}

impl Visit for List<'_> {
    type Memo = Memo;

    fn enter(
        &self,
        node: &Arc<Node<Memo>>,
        _: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        let Some(source) = pair.source().copied() else { return Entered::Skip };
        sheet.record(record(&source), || node.path());
        Entered::Walk(DestSide::Absent, Memo::keeping(source, Why::Listed))
    }

    fn entry<'s>(
        &'s self,
        at: &At<'_, Memo>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Option<Box<dyn Ranged + 's>> {
        let source = pair.source()?;
        let mut record = record(source);
        let shows_target = self.pass.settings.select.kinds.contains(Kinds::SYMLINKS);
        if source.kind == Kind::Symlink && at.follow == Follow::Never && shows_target {
            match read::link_target(at.source, at.name).during(Side::Source, "read the link") {
                Ok(target) => record.target = Some(self.pass.settings.preserve.target(target)),
                Err(trouble) => {
                    self.pass.fail(at, record, trouble, sheet);
                    return None;
                }
            }
        }
        sheet.record(record, || at.path());
        None
    }

    fn wants_extras(&self) -> bool {
        false
    }

    fn extras(&self, _: &Arc<Node<Memo>>, _: &Arc<Dir>, _: Vec<Listed>, _: &mut Sheet<'_>) {}

    fn leave(&self, _: &Arc<Node<Memo>>, _: &Memo) {}

    fn trouble(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        self.pass.unseen(spot, trouble, sheet);
    }
}
