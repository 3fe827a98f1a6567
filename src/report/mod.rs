//! What happened: recorded once, from which lines, counts, progress and the exit code derive.

pub mod gauge;
pub mod ledger;
pub mod observer;
pub mod order;
pub mod shelf;
pub mod tally;
