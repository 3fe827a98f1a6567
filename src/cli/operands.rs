//! The operands: sources, then the destination; all of them local paths.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::cli::problem::Problem;
use crate::settings::{MissingArgs, Parents, Paths, Roots};
use crate::sys::trust::Trust;

/// What the operands are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All but the last are copied into that.
    Copy,
    /// All but the last are listed, or the only one.
    List,
}

/// Tells sources from the destination; there is at least one operand, and to copy there are two.
///
/// # Errors
/// One of them is remote or empty.
pub fn roots(operands: &[OsString], parents: Parents, purpose: Purpose) -> Result<Roots, Problem> {
    if let Some(remote) = operands.iter().find(|operand| is_remote(operand.as_bytes())) {
        return Err(Problem::unsupported(format!(
            "{}: remote operands are not supported: mount it, or use rsync for that leg \
             (a local path with a colon is written ./like:this)",
            remote.to_string_lossy()
        )));
    }
    let (sources, dest) = operands.split_at(operands.len().saturating_sub(1).max(1));
    let dest = dest.first().map(PathBuf::from).unwrap_or_default();
    if sources.iter().any(|source| source.is_empty()) {
        return Err(Problem::usage("a source operand is empty"));
    }
    if purpose == Purpose::Copy && dest.as_os_str().is_empty() {
        return Err(Problem::usage("the destination operand is empty (use \".\")"));
    }
    Ok(Roots {
        sources: sources.iter().map(PathBuf::from).collect(),
        dest,
        parents,
        missing_args: MissingArgs::default(),
        paths: Paths::Last,
        list: None,
        trust: Trust::default(),
    })
}

/// A colon before the first slash makes it remote, and so does rsync's URL.
pub(super) fn is_remote(operand: &[u8]) -> bool {
    operand.iter().find(|byte| matches!(byte, b':' | b'/')) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Purpose, is_remote, roots};
    use crate::error::Class;
    use crate::settings::Parents;

    #[test]
    fn a_colon_before_the_first_slash_makes_it_remote() {
        for remote in ["h:p", "h::m", "u@h:/p", "rsync://h/m", "RSYNC://h/m", "[::1]:p", ":p"] {
            assert!(is_remote(remote.as_bytes()), "{remote}");
        }
        for local in ["p", "./h:p", "/h:p", "a/b:c", ""] {
            assert!(!is_remote(local.as_bytes()), "{local}");
        }
    }

    #[test]
    fn the_last_operand_is_the_destination() {
        let split = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            roots(&words, Parents::Make, Purpose::Copy).map_err(|problem| problem.class)
        };
        let found = split(&["a", "b", "c"]).unwrap();
        assert_eq!(found.sources.len(), 2);
        assert_eq!(found.dest.as_os_str(), "c");
        assert_eq!(found.parents, Parents::Make);
        let single = roots(&["a".into()], Parents::Make, Purpose::List).unwrap();
        assert_eq!((single.sources.len(), single.dest.as_os_str().len()), (1, 0));
        assert_eq!(split(&["a", "h:b"]).unwrap_err(), Class::Unsupported);
        assert_eq!(split(&["", "b"]).unwrap_err(), Class::Usage);
        assert_eq!(split(&["a", ""]).unwrap_err(), Class::Usage);
    }
}
