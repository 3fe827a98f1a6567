//! What the suites share: trees built from text, an independent eye on trees, and runs of programs.
//!
//! Nothing in here may use the crate under test.

pub(crate) mod arena;
pub(crate) mod case;
pub(crate) mod extras;
pub(crate) mod faulty;
pub(crate) mod holes;
pub(crate) mod normal;
pub(crate) mod passthrough;
pub(crate) mod peers;
pub(crate) mod run;
pub(crate) mod skipped;
pub(crate) mod snapshot;
pub(crate) mod spec;
pub(crate) mod tree;
pub(crate) mod words;
