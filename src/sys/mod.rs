//! What the kernel offers, below held directory handles. Speaks `io::Result`; callers add verb and path.

pub mod attrs;
pub mod chain;
pub mod confined;
pub mod dir;
pub mod held;
pub mod mount;
pub mod names;
pub mod node;
pub mod permit;
pub mod process;
pub mod read;
pub mod scratch;
pub mod sides;
pub mod stat;
pub mod trust;
pub mod write;
pub mod xattr;
