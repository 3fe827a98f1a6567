//! The nouns of twosync. Plain values; nothing here touches a disk.

pub mod change;
pub mod digest;
pub mod entry;
pub mod meta;
pub mod path;
pub mod target;
