//! Walking two trees at once: list, join, and hand out pairs in parallel.

pub mod join;
pub mod layer;
pub mod node;
pub mod survey;
pub mod walk;
