//! Check files of other programs (b3sum and its kin).

pub mod write;
