//! Finding out how two entries differ. Nothing here decides what to do about it.

pub mod bytes;
pub mod content;
pub mod meta;
pub mod quick;
pub mod thorough;
