//! twosync copies a tree in two phases.
pub mod effort;
pub mod error;
pub mod journal;
pub mod model;
pub mod report;
pub mod settings;
pub mod sys;
pub mod sync;
