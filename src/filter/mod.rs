//! rsync's filter language: which entries are transferred, and which may be deleted.
//!
//! rsync.1, "FILTER RULES". Says only what the rules say; what is done about it is decided
//! elsewhere. Files are read by the caller, through [`list::Reader`]; [`within`] reads them from
//! open directories.
//!
//! - [`rules::Builder`] takes the options in typed order and gives a [`rules::RuleSet`];
//! - [`scope::Scope::open`] begins at the root of a transfer, on one side of it;
//! - [`scope::Scope::enter`] gives the rules inside a directory, [`scope::Scope::verdict`] what they
//!   say of an entry there.

pub mod cvs;
pub mod error;
mod glob;
pub mod item;
pub mod lines;
pub mod list;
pub mod pattern;
pub mod rule;
pub mod rules;
pub mod scope;
mod text;
pub mod wild;
pub mod within;
