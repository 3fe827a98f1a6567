//! twosync copies a tree in two phases.
pub mod act;
pub mod cli;
pub mod compare;
pub mod decide;
pub mod effort;
pub mod error;
pub mod journal;
pub mod model;
pub mod phase;
pub mod report;
pub mod roots;
pub mod scan;
pub mod settings;
pub mod sync;
pub mod sys;
