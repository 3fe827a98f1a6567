//! Deletions that do not happen while the tree is copied: a walk of their own before it or after it,
//! or what the copy met, put off to its end.

use std::sync::{Arc, PoisonError};

use crate::error::{Cause, Side, Trouble};
use crate::model::change::Why;
use crate::model::entry::Pair;
use crate::model::meta::Kind;
use crate::phase::pass::{Memo, Pass};
use crate::report::ledger::{Ledger, Sheet};
use crate::scan::node::{At, DestSide, Node, Spot};
use crate::scan::ranges::Ranged;
use crate::scan::walk::{Entered, Visit};
use crate::settings::deletion::When;
use crate::sys::dir::{Dir, Listed};

/// A walk that only deletes.
pub struct Prune<'a> {
    /// What all passes share.
    pub pass: &'a Pass<'a>,
    /// Where all is recorded.
    pub ledger: &'a Ledger<'a>,
}

impl Visit for Prune<'_> {
    type Memo = Memo;

    /// Only what both sides have can hold something to delete.
    fn enter(
        &self,
        node: &Arc<Node<Memo>>,
        _: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        sheet.tally.kept += 1;
        let Ok(Pair::Both(source, dest)) = self.pass.through_dirlink(node, pair) else {
            return Entered::Skip;
        };
        if dest.kind != Kind::Dir {
            return Entered::Skip;
        }
        Entered::Walk(DestSide::Present, Memo::keeping(source, Why::UpToDate))
    }

    fn entry<'s>(
        &'s self,
        _: &At<'_, Memo>,
        _: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Option<Box<dyn Ranged + 's>> {
        sheet.tally.kept += 1;
        None
    }

    fn wants_extras(&self) -> bool {
        self.pass.removes_extras(self.ledger)
    }

    fn extras(
        &self,
        node: &Arc<Node<Memo>>,
        dest: &Arc<Dir>,
        extras: Vec<Listed>,
        sheet: &mut Sheet<'_>,
    ) {
        self.pass.remove_extras(node, dest, extras, sheet);
    }

    /// Before the copy its own walk finishes the directories.
    fn leave(&self, node: &Arc<Node<Memo>>, memo: &Memo) {
        if self.pass.settings.delete.when == When::After
            && let Some(left) = self.pass.leave_dir(node, memo)
        {
            self.pass.tell_left(self.ledger, node, left);
        }
    }

    fn trouble(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        self.pass.unseen(spot, trouble, sheet);
    }
}

impl Pass<'_> {
    /// Puts deletions off to the end of phase one (`--delete-delay`). They wait in memory.
    pub fn delay(&self, node: &Arc<Node<Memo>>, extras: Vec<Listed>) {
        let mut delayed = self.delayed.lock().unwrap_or_else(PoisonError::into_inner);
        delayed.push((Arc::clone(node), extras));
    }

    /// Deletes what was put off, in the order of the walk, and finishes the directories again.
    pub fn remove_delayed(&self, ledger: &Ledger<'_>, sheet: &mut Sheet<'_>) {
        let mut delayed = self.delayed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delayed = std::mem::take(&mut *delayed);
        // As rsync lists directories: by their bytes, as if each name ended in a slash.
        delayed.sort_by_cached_key(|(node, _)| [node.path().as_bytes(), b"/"].concat());
        for (node, extras) in delayed {
            let spot = Spot { node: &node, layer: 0, name: None };
            match node.dest().map(|chain| chain.get()).transpose() {
                Ok(Some(dest)) => {
                    self.remove_extras(&node, &dest, extras, sheet);
                }
                Ok(None) => {}
                Err(error) => {
                    let (side, verb) = (Side::Dest, "open the directory");
                    let cause = Cause::Io(error);
                    self.tell(ledger, &spot, Trouble { side, verb, cause });
                    continue;
                }
            }
            if let Some(memo) = node.memo()
                && let Some(left) = self.leave_dir(&node, memo)
            {
                self.tell_left(ledger, &node, left);
            }
        }
    }
}
