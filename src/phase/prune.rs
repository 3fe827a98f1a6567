//! Deletions that do not happen while the tree is copied: a walk of their own before it or after it,
//! or what the copy met, put off to its end.

use std::sync::{Arc, PoisonError};

use rayon::Scope;

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

    /// Only what both sides have can hold something to delete; before the copy, the rest of the source
    /// is listed all the same, to see whether it can be.
    fn enter(
        &self,
        node: &Arc<Node<Memo>>,
        _: Option<&At<'_, Memo>>,
        pair: &Pair,
        sheet: &mut Sheet<'_>,
    ) -> Entered<Memo> {
        sheet.tally.kept += 1;
        let Ok(pair) = self.pass.through_dirlink(node, pair) else { return Entered::Skip };
        let memo = |source| Memo::keeping(source, Why::UpToDate);
        match pair {
            Pair::Both(source, dest) if dest.kind == Kind::Dir => {
                Entered::Walk(DestSide::Present, memo(source))
            }
            Pair::SourceOnly(source) | Pair::Both(source, _) if self.is_before() => {
                Entered::Walk(DestSide::Absent, memo(source))
            }
            _ => Entered::Skip,
        }
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
        self.puts_off() || self.pass.removes_extras(self.ledger)
    }

    fn extras(
        &self,
        node: &Arc<Node<Memo>>,
        dest: &Arc<Dir>,
        extras: Vec<Listed>,
        sheet: &mut Sheet<'_>,
    ) {
        if self.puts_off() {
            self.pass.delay(node, extras);
        } else {
            self.pass.remove_extras(node, dest, extras, sheet);
        }
    }

    /// Before the copy its own walk finishes the directories.
    fn leave(&self, node: &Arc<Node<Memo>>, memo: &Memo) {
        if !self.is_before()
            && let Some(left) = self.pass.leave_dir(node, memo)
        {
            self.pass.tell_left(self.ledger, node, left);
        }
    }

    fn trouble(&self, spot: &Spot<'_, Memo>, trouble: Trouble, sheet: &mut Sheet<'_>) {
        self.pass.unseen(spot, trouble, sheet);
    }
}

impl Prune<'_> {
    fn is_before(&self) -> bool {
        self.pass.settings.delete.when == When::Before
    }

    /// True if nothing is deleted while the walk goes on: with `--delete-before` all of the source
    /// has to be listed first, and with `--max-delete` it has to be done in order.
    fn puts_off(&self) -> bool {
        self.is_before() || self.pass.settings.delete.limit.is_some()
    }
}

impl Pass<'_> {
    /// Puts deletions off, to the end of phase one or of the walk that looks for them. They wait in
    /// memory.
    pub fn delay(&self, node: &Arc<Node<Memo>>, extras: Vec<Listed>) {
        let mut delayed = self.delayed.lock().unwrap_or_else(PoisonError::into_inner);
        delayed.push((Arc::clone(node), extras));
    }

    /// Deletes what was put off, told in the order of the walk; with `--max-delete` it is done in this
    /// order, too.
    pub fn remove_delayed(&self, ledger: &Ledger<'_>, sheet: &mut Sheet<'_>) {
        let mut delayed = self.delayed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delayed = std::mem::take(&mut *delayed);
        if !self.removes_extras(ledger) {
            return;
        }
        // As rsync lists directories: by their bytes, as if each name ended in a slash.
        delayed.sort_by_cached_key(|(node, _)| [node.path().as_bytes(), b"/"].concat());
        let is_ordered = self.settings.delete.limit.is_some();
        rayon::scope(|scope: &Scope<'_>| {
            for (node, extras) in delayed {
                let mut sheet = sheet.fork();
                let remove = move || {
                    self.remove_put_off(&node, extras, &mut sheet);
                    sheet.close();
                };
                if is_ordered { remove() } else { scope.spawn(move |_| remove()) }
            }
        });
    }

    /// Deletes what was put off in one directory, and finishes that again if the copy has done so.
    fn remove_put_off(&self, node: &Arc<Node<Memo>>, extras: Vec<Listed>, sheet: &mut Sheet<'_>) {
        let ledger = sheet.ledger();
        match node.dest().map(|chain| chain.get()).transpose() {
            Ok(Some(dest)) => {
                self.remove_extras(node, &dest, extras, sheet);
            }
            Ok(None) => {}
            Err(error) => {
                let (side, verb) = (Side::Dest, "open the directory");
                let spot = Spot { node, layer: 0, name: None };
                self.tell(ledger, &spot, Trouble { side, verb, cause: Cause::Io(error) });
                return;
            }
        }
        if self.settings.delete.when != When::Before
            && let Some(memo) = node.memo()
            && let Some(left) = self.leave_dir(node, memo)
        {
            self.tell_left(ledger, node, left);
        }
    }
}
