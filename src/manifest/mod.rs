//! Check files of other programs (b3sum, sha256sum and its kin, hashdeep, rclone, `BagIt` bags): read,
//! searched and written.
//!
//! They are text of strangers: bytes, of which nothing is taken for granted.

pub mod bag;
pub mod form;
pub mod index;
pub mod kinds;
pub mod lines;
pub mod load;
pub mod names;
pub mod open;
pub mod read;
pub mod write;
