//! The integration tests: one binary, one feature a file.

mod attributes;
mod backup;
mod basis;
mod cli;
mod damage;
mod deletion;
mod engine;
mod filter;
mod hard;
mod layers;
mod ledger;
mod log;
mod manifest;
mod mounts;
mod overlaps;
mod owners;
mod parity;
mod proof;
mod properties;
mod reports;
mod safety;
mod signals;
mod support;
mod verify;
mod writing;
