//! Brings what workers tell out of order back into rsync's order.
//!
//! A slot is a place in the output: a directory, or a batch of its files. It holds, in order, items
//! and further slots; it is told once it is closed and everything before it was told. What waits is
//! what was finished ahead of its turn. Nothing here knows what an item is.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::vec::IntoIter;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::report::shelf::Shelf;

/// The name of a slot; the later it was made, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(u64);

/// What a slot holds.
#[derive(Debug, Serialize, Deserialize)]
pub enum Item<T> {
    /// Something to tell.
    Tell(T),
    /// Another slot stands here.
    Open(Slot),
}

/// The slots of one phase.
#[derive(Debug)]
pub struct Sequencer<T> {
    next: AtomicU64,
    waiting: Mutex<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    /// Closed slots whose turn has not come.
    closed: Shelf<Slot, Item<T>>,
    /// The way from the first slot to the one whose turn it is.
    turn: Vec<Turn<T>>,
}

#[derive(Debug)]
enum Turn<T> {
    Open(Slot),
    Telling(IntoIter<Item<T>>),
}

impl<T: Serialize + DeserializeOwned> Sequencer<T> {
    /// An output with one open slot, and that slot.
    pub fn new() -> (Self, Slot) {
        let first = Slot(0);
        let waiting = Waiting { closed: Shelf::default(), turn: vec![Turn::Open(first)] };
        (Self { next: AtomicU64::new(1), waiting: Mutex::new(waiting) }, first)
    }

    /// A new slot; the caller puts it into another one as [`Item::Open`].
    pub fn slot(&self) -> Slot {
        Slot(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells something at once, between two items.
    pub fn interject(&self, tell: impl FnOnce()) {
        let _turn = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        tell();
    }

    /// Closes a slot with all that it holds, and tells whatever's turn has come, one at a time.
    ///
    /// # Errors
    /// Something that waited in a file can not be read back; the rest is told.
    pub fn close(
        &self,
        slot: Slot,
        items: Vec<Item<T>>,
        mut tell: impl FnMut(T),
    ) -> io::Result<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = &mut *waiting;
        let mut lost = Ok(());
        let is_next = matches!(waiting.turn.last(), Some(Turn::Open(next)) if *next == slot);
        match waiting.turn.last_mut() {
            // It need not wait at all.
            Some(turn) if is_next => *turn = Turn::Telling(items.into_iter()),
            _ => waiting.closed.put(slot, items),
        }
        while let Some(turn) = waiting.turn.last_mut() {
            match turn {
                Turn::Open(slot) => match waiting.closed.take(slot) {
                    Ok(Some(items)) => *turn = Turn::Telling(items.into_iter()),
                    Ok(None) => return lost,
                    Err(error) => {
                        lost = Err(error);
                        waiting.turn.pop();
                    }
                },
                Turn::Telling(items) => match items.next() {
                    Some(Item::Tell(item)) => tell(item),
                    Some(Item::Open(slot)) => waiting.turn.push(Turn::Open(slot)),
                    None => drop(waiting.turn.pop()),
                },
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::{Item, Sequencer};

    #[test]
    fn items_are_told_in_the_order_of_their_slots_whoever_closes_first() {
        let (sequencer, root) = Sequencer::<u32>::new();
        let (a, b) = (sequencer.slot(), sequencer.slot());
        let mut told = Vec::new();
        sequencer.close(b, vec![Item::Tell(2)], |item| told.push(item)).unwrap();
        assert!(told.is_empty());
        let items = vec![Item::Tell(0), Item::Open(a), Item::Open(b), Item::Tell(3)];
        sequencer.close(root, items, |item| told.push(item)).unwrap();
        assert_eq!(told, [0]);
        sequencer.close(a, vec![Item::Tell(1)], |item| told.push(item)).unwrap();
        assert_eq!(told, [0, 1, 2, 3]);
    }
}
