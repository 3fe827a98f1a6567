//! The nouns of twosync. Plain values; nothing here touches a disk.

pub mod acl;
pub mod change;
pub mod checksum;
pub mod digest;
pub mod entry;
pub mod guise;
pub mod meta;
pub mod path;
pub mod target;
