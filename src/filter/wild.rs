//! Wildcards for names that are no paths: of users and of groups.

use super::glob::Glob;

/// A pattern that is matched against whole names.
#[derive(Clone, Debug)]
pub struct Wild(Option<Glob>);

impl Wild {
    /// Reads a pattern; one that makes no sense matches nothing.
    pub fn new(pattern: &[u8]) -> Self {
        Self(Glob::parse(pattern))
    }

    /// True if it matches all of `name`.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|glob| glob.matches(name, 0))
    }
}

/// True if `text` has a character in it that stands for others.
pub fn is_wild(text: &[u8]) -> bool {
    text.iter().any(|byte| b"*?[".contains(byte))
}
