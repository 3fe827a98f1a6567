//! The one place where outcomes are recorded.

use std::marker::PhantomData;

use crate::report::tally::Tally;

/// Live counts of a phase and all that was recorded in it.
pub struct Ledger<'a>(PhantomData<&'a ()>);

impl Ledger<'_> {
    /// The sums so far.
    pub fn tally(&self) -> Tally {
        Tally::default()
    }

    /// True once every directory of the source was listed, so that the sums of planned work are final.
    pub fn is_scan_done(&self) -> bool {
        false
    }
}
