//! Spreading one large file over the workers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::Scope;

use crate::report::ledger::Sheet;
use crate::scan::node::Node;
use crate::scan::walk::{NodeOf, Visit, Walk};

/// A large file whose ranges are worked on by several workers.
pub trait Ranged: Send + Sync {
    /// Opens it; the number of ranges, or 0 if there is nothing to do any more.
    fn start(&self) -> u64;
    /// Works on one range; ranges come in any order, at once.
    fn run(&self, range: u64);
    /// Ends it, after all ranges.
    fn finish(&self, sheet: &mut Sheet<'_>);
    /// Ends it before it was begun: the run was asked to stop.
    fn give_up(&self, sheet: &mut Sheet<'_>) {
        sheet.tally.abandoned += 1;
    }
}

/// A large file and what it belongs to.
struct InRanges<'s, M> {
    file: Box<dyn Ranged + 's>,
    node: Arc<Node<M>>,
    open: AtomicU64,
    sheet: Mutex<Option<Sheet<'s>>>,
}

impl<'s, V: Visit> Walk<'s, V> {
    /// Does what the visitor has put off until all entries are known, a few things at a time: what nobody
    /// works on yet is to take no more memory than it did.
    pub(crate) fn put_off(&'s self, scope: &Scope<'s>, top: &NodeOf<V>, mut sheet: Sheet<'s>) {
        let works = self.visitor.rest();
        if works.is_empty() {
            return sheet.close();
        }
        let (mut own, next) = (sheet.fork(), sheet.fork());
        sheet.close();
        let above = Arc::clone(top);
        scope.spawn(move |scope| self.put_off(scope, &above, next));
        for work in works {
            // It keeps its own directories from being left, and the top is above them.
            top.expect_one_more();
            self.ranged(scope, Arc::clone(top), work, own.fork());
        }
        own.close();
    }

    /// Spreads a large file over the workers; the last range ends it.
    pub(crate) fn ranged(
        &'s self,
        scope: &Scope<'s>,
        node: NodeOf<V>,
        file: Box<dyn Ranged + 's>,
        mut sheet: Sheet<'s>,
    ) {
        if self.stop.is_requested() {
            // Not even opened: what stands there is whole.
            file.give_up(&mut sheet);
            return self.skip(node, sheet);
        }
        let ranges = file.start();
        if ranges == 0 {
            file.finish(&mut sheet);
            return self.skip(node, sheet);
        }
        let shared = Arc::new(InRanges {
            file,
            node,
            open: AtomicU64::new(ranges),
            sheet: Mutex::new(Some(sheet)),
        });
        for range in (0..ranges).rev() {
            let shared = Arc::clone(&shared);
            scope.spawn(move |_| {
                shared.file.run(range);
                if shared.open.fetch_sub(1, Ordering::AcqRel) == 1 {
                    let sheet = shared.sheet.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(mut sheet) = sheet {
                        shared.file.finish(&mut sheet);
                        sheet.close();
                    }
                    self.one_is_done(Arc::clone(&shared.node));
                }
            });
        }
    }
}
