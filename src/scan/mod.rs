//! Walking two trees at once: list, join, and hand out pairs in parallel.

pub mod join;
pub mod layer;
pub mod listing;
pub mod node;
pub mod own;
pub mod prune;
pub mod ranges;
pub mod reach;
pub mod survey;
pub mod walk;
