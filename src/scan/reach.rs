//! How much of a source directory takes part: all, one level, some names, nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::path::Name;

/// What of a directory takes part.
#[derive(Clone, Debug)]
pub enum Reach {
    /// All that is below it.
    All,
    /// What is in it, and nothing below that.
    OneLevel,
    /// These names.
    Names(Arc<Names>),
    /// Nothing but itself: it is not even listed.
    Itself,
}

impl Reach {
    /// The reach of the directory `name` in a directory of this reach.
    pub(crate) fn below(&self, name: &Name) -> Self {
        match self {
            Self::All => Self::All,
            Self::OneLevel | Self::Itself => Self::Itself,
            Self::Names(names) => {
                names.0.get(name).map_or(Self::Itself, |named| named.reach.clone())
            }
        }
    }

    /// True if nobody can say from this directory what else the source has in it.
    pub(crate) fn is_partial(&self) -> bool {
        matches!(self, Self::Names(_) | Self::Itself)
    }
}

/// Names of one directory that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<Name, Named>);

#[derive(Clone, Debug)]
struct Named {
    /// What of it takes part, if it is a directory.
    reach: Reach,
    /// How often it was asked for.
    times: usize,
}

impl Names {
    /// Asks for `name`, once more if it was asked for before.
    pub fn add(&mut self, name: Name, reach: Reach) {
        self.0.entry(name).or_insert(Named { reach, times: 0 }).times += 1;
    }

    /// All names, each as often as it was asked for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().flat_map(|(name, named)| std::iter::repeat_n(name, named.times))
    }

    /// Each name once.
    pub fn distinct(&self) -> impl ExactSizeIterator<Item = &Name> {
        self.0.keys()
    }
}
