//! Operands as rsync reads them: what is copied, under which name, into which directory.

pub mod basis;
pub mod dest;
pub mod operand;
pub mod sources;
pub mod vault;
mod walked;
