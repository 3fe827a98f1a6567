//! Owners or groups that become others (`--usermap`, `--groupmap`, `--chown`).

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{PoisonError, RwLock};

use crate::filter::wild::Wild;
use crate::sys::names::{Table, name_of};

/// Which numbers a map is about, by number or by name.
#[derive(Clone, Debug)]
pub enum From {
    /// All.
    All,
    /// These.
    Ids(RangeInclusive<u32>),
    /// Those that have no name.
    Nameless,
    /// The one of this name.
    Named(Box<[u8]>),
    /// Those whose name is matched; no name is an empty one.
    Like(Wild),
}

/// Whether names are known (`--numeric-ids`: none is).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of this machine.
    Known,
    /// To nobody.
    Unknown,
}

/// A map of users or of groups: the first entry that matches counts.
#[derive(Debug)]
pub struct IdMap {
    table: Table,
    names: Names,
    entries: Box<[(From, u32)]>,
    /// A lookup of a name may go to a server: each number is asked for once.
    mapped: RwLock<HashMap<u32, u32>>,
}

impl IdMap {
    /// A map of what is in `table`.
    pub fn new(table: Table, names: Names, entries: Vec<(From, u32)>) -> Self {
        Self { table, names, entries: entries.into(), mapped: RwLock::default() }
    }

    /// What `id` becomes.
    pub fn of(&self, id: u32) -> u32 {
        if let Some(mapped) = self.mapped.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return *mapped;
        }
        let mapped = self.look_up(id);
        self.mapped.write().unwrap_or_else(PoisonError::into_inner).insert(id, mapped);
        mapped
    }

    fn look_up(&self, id: u32) -> u32 {
        let looked = OnceCell::new();
        let name = || {
            looked
                .get_or_init(|| match self.names {
                    Names::Known => name_of(self.table, id).unwrap_or_default(),
                    Names::Unknown => Box::default(),
                })
                .as_ref()
        };
        let is_meant = |from: &From| match from {
            From::All => true,
            From::Ids(ids) => ids.contains(&id),
            From::Nameless => name().is_empty(),
            From::Named(wanted) => *name() == **wanted,
            From::Like(wild) => wild.matches(name()),
        };
        let found = self.entries.iter().find(|(from, _)| is_meant(from));
        found.map_or(id, |(_, to)| *to)
    }
}
