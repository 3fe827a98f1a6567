//! Where lines wait that were finished far ahead of their turn: a few in memory, the rest in an
//! unlinked temporary file, so that memory does not grow with the tree.

use std::collections::HashMap;
use std::fs::File;
use std::hash::Hash;
use std::io;
use std::os::unix::fs::FileExt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many items wait in memory at the most. With a path and a target each that is some ten MiB.
const MOST_IN_MEMORY: usize = 1 << 16;

/// Lists of items by key, of which each is put in once and taken out once.
#[derive(Debug)]
pub struct Shelf<K, T> {
    lists: HashMap<K, Kept<T>>,
    in_memory: usize,
    most_in_memory: usize,
    file: Option<File>,
    /// Where the file ends, and how many lists in it still wait.
    end: u64,
    in_file: usize,
}

#[derive(Debug)]
enum Kept<T> {
    InMemory(Vec<T>),
    InFile { offset: u64, bytes: usize },
}

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self::holding(MOST_IN_MEMORY)
    }
}

impl<K, T> Shelf<K, T> {
    fn holding(most_in_memory: usize) -> Self {
        let lists = HashMap::new();
        Self { lists, in_memory: 0, most_in_memory, file: None, end: 0, in_file: 0 }
    }
}

impl<K: Eq + Hash, T: Serialize + DeserializeOwned> Shelf<K, T> {
    /// Keeps `items` for later. What can not be put into a file stays in memory.
    pub fn put(&mut self, key: K, items: Vec<T>) {
        let kept = if self.in_memory + items.len() > self.most_in_memory {
            match self.write(&items) {
                Ok(kept) => kept,
                Err(_) => Kept::InMemory(items),
            }
        } else {
            Kept::InMemory(items)
        };
        match &kept {
            Kept::InMemory(items) => self.in_memory += items.len(),
            Kept::InFile { .. } => self.in_file += 1,
        }
        self.lists.insert(key, kept);
    }

    /// Takes what was put under `key`; `None` if nothing was yet.
    ///
    /// # Errors
    /// It was written to the file and can not be read back.
    pub fn take(&mut self, key: &K) -> io::Result<Option<Vec<T>>> {
        match self.lists.remove(key) {
            None => Ok(None),
            Some(Kept::InMemory(items)) => {
                self.in_memory -= items.len();
                Ok(Some(items))
            }
            Some(Kept::InFile { offset, bytes }) => {
                self.in_file -= 1;
                let items = self.read(offset, bytes)?;
                if self.in_file == 0 {
                    // Nothing waits there any more: it is filled from the start again.
                    self.end = 0;
                }
                Ok(Some(items))
            }
        }
    }

    fn write(&mut self, items: &[T]) -> io::Result<Kept<T>> {
        let text = postcard::to_stdvec(items).map_err(io::Error::other)?;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let offset = self.end;
        file.write_all_at(&text, offset)?;
        self.end += text.len() as u64;
        Ok(Kept::InFile { offset, bytes: text.len() })
    }

    fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<T>> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut text = vec![0; bytes];
        file.read_exact_at(&mut text, offset)?;
        postcard::from_bytes(&text).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Shelf};

    #[test]
    fn what_does_not_fit_into_memory_comes_back_from_a_file() {
        let mut shelf: Shelf<u32, String> = Shelf::holding(10);
        let list = |key: u32| (0..7).map(|item| format!("{key} {item}")).collect::<Vec<_>>();
        for round in 0..2 {
            for key in 0..50 {
                shelf.put(key, list(key));
            }
            let in_memory = |kept: &&Kept<String>| matches!(kept, Kept::InMemory(_));
            assert_eq!(shelf.lists.values().filter(in_memory).count(), 1, "round {round}");
            for key in (0..50).rev() {
                assert_eq!(shelf.take(&key).unwrap(), Some(list(key)));
                assert_eq!(shelf.take(&key).unwrap(), None);
            }
            assert_eq!((shelf.in_memory, shelf.in_file, shelf.end), (0, 0, 0));
        }
    }
}
