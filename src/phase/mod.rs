//! The two passes: scan, decide, act; and scan, compare, repair.

pub mod against;
pub mod attributes;
pub mod basis;
pub mod copy;
pub mod dirs;
pub mod extras;
pub mod finished;
pub mod groups;
pub mod hidden;
pub mod joins;
pub mod judge;
pub mod large;
pub mod list;
pub mod pass;
pub mod past;
pub mod prune;
pub mod repair;
pub mod summing;
pub mod sums;
pub mod telling;
pub mod together;
pub mod two_lists;
pub mod verify;
pub mod way;
pub mod weigh;
