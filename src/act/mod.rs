//! Changing the destination. `perform` is the only door; it does nothing without a permit.

pub mod backup;
pub mod clear;
pub mod content;
pub mod extras;
pub mod finish;
pub mod link;
pub mod patch;
pub mod perform;
pub mod pieces;
pub mod place;
pub mod ranged;
pub mod stand_in;
pub mod vault;
