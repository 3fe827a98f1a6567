//! Digests that phase one computed from the bytes it copied, kept for phase two.

pub mod kept;
pub mod record;
pub mod store;
