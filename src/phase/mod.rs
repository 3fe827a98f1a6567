//! The two passes: scan, decide, act; and scan, compare, repair.

pub mod copy;
pub mod dirs;
pub mod extras;
pub mod large;
pub mod list;
pub mod pass;
pub mod verify;
