//! The right to change the disk. Every call that does so asks for one.

/// Zero-sized proof that the run may act. A run without one (a dry run, an audit) can not call
/// anything that writes.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// Made once, in `sync.rs`, if the settings allow the run to act.
    pub fn grant() -> Self {
        Self(())
    }
}
