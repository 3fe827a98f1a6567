//! The command line: reads it, runs it, prints what happens, and decides the exit code.
//!
//! The only place that prints, parses words and ends the process.

pub mod args;
pub mod checks;
pub mod display;
pub mod info;
pub mod names;
pub mod numbers;
pub mod operands;
pub mod options;
pub mod problem;
pub mod resolve;
pub mod sizes;
pub mod table;
