//! The integration tests: one binary, one feature a file.

mod parity;
mod support;
