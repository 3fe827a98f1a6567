//! A command line that can not be run, in words.

use crate::error::Class;

/// Why nothing was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Decides the exit code.
    pub class: Class,
    /// For the person who typed it.
    pub text: String,
}

impl Problem {
    /// The command line does not make sense.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { class: Class::Usage, text: text.into() }
    }

    /// It makes sense, but not to us.
    pub fn unsupported(text: impl Into<String>) -> Self {
        Self { class: Class::Unsupported, text: text.into() }
    }
}
