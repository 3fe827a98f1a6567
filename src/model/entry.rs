//! Entries and the pairs that they form: what one name stands for on either side.

use crate::model::meta::Meta;

/// One name on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Only the source has it.
    SourceOnly(Meta),
    /// Both sides have it, perhaps as different kinds.
    Both(Meta, Meta),
    /// Only the destination has it.
    DestOnly(Meta),
}

impl Pair {
    /// Puts two looks together; `None` if neither side has the name.
    pub fn from_sides(source: Option<Meta>, dest: Option<Meta>) -> Option<Self> {
        match (source, dest) {
            (Some(source), Some(dest)) => Some(Self::Both(source, dest)),
            (Some(source), None) => Some(Self::SourceOnly(source)),
            (None, Some(dest)) => Some(Self::DestOnly(dest)),
            (None, None) => None,
        }
    }

    /// What the source has.
    pub fn source(&self) -> Option<&Meta> {
        match self {
            Self::SourceOnly(source) | Self::Both(source, _) => Some(source),
            Self::DestOnly(_) => None,
        }
    }

    /// What the destination has.
    pub fn dest(&self) -> Option<&Meta> {
        match self {
            Self::DestOnly(dest) | Self::Both(_, dest) => Some(dest),
            Self::SourceOnly(_) => None,
        }
    }
}
