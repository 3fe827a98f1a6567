//! The integration tests: one binary, one feature a file.

mod cli;
mod parity;
mod support;
