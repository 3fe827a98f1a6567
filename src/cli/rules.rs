//! The options of the filter language, in typed order, become the list of rules.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::cli::options::RuleOption;
use crate::cli::problem::Problem;
use crate::filter::cvs::CvsExtras;
use crate::filter::error::FilterError;
use crate::filter::lines::LineEnds;
use crate::filter::list::{Unsided, Wanted};
use crate::filter::rule::Action;
use crate::filter::rules::{Builder, RuleSet};
use crate::filter::within::read_path;
use crate::sys::trust::Trust;

/// One option and its argument.
pub type Word = (RuleOption, OsString);

/// The rules that the options make, in typed order; `--cvs-exclude` comes last wherever it stands,
/// and behind it the protection of names that end in `suffix` (`--backup`). `in_dirs`: how files in
/// directories are opened.
///
/// # Errors
/// A rule that makes no sense (1), or a file that can not be read (11).
pub fn rules(
    words: &[Word],
    unsided: Unsided,
    suffix: Option<&[u8]>,
    in_dirs: &Trust,
) -> Result<Arc<RuleSet>, Problem> {
    if words.is_empty() && suffix.is_none() {
        return Ok(Arc::default());
    }
    let wants_cvs = words.iter().any(|(option, _)| *option == RuleOption::Cvs);
    let extras = if wants_cvs { cvs_extras() } else { CvsExtras::default() };
    let mut builder = Builder::new(unsided, extras);
    builder.trust(in_dirs.clone());
    let mut trust = Trust::default();
    for (option, argument) in words {
        match option {
            RuleOption::InsecureLinks => trust = Trust::All,
            RuleOption::NoInsecureLinks => trust = Trust::Owned,
            _ => {}
        }
        add(&mut builder, *option, argument, &trust).map_err(|error| problem(&error))?;
    }
    if wants_cvs {
        builder.cvs_exclude().map_err(|error| problem(&error))?;
    }
    if let Some(suffix) = suffix {
        builder.protect_suffix(suffix).map_err(|error| problem(&error))?;
    }
    Ok(builder.finish())
}

/// `trust`: what `--insecure-links` says up to here; what is said behind it does not count, and neither
/// does `--confine-root` (rsync 3.5.0).
fn add(
    builder: &mut Builder,
    option: RuleOption,
    argument: &OsStr,
    trust: &Trust,
) -> Result<(), FilterError> {
    let text = argument.as_bytes();
    let mut read = |wanted: Wanted<'_>| read(wanted, trust);
    match option {
        RuleOption::Filter => builder.filter(text, &mut read),
        RuleOption::Exclude => builder.pattern(Action::Exclude, text),
        RuleOption::Include => builder.pattern(Action::Include, text),
        RuleOption::ExcludeFrom => builder.patterns_from(Action::Exclude, text, &mut read),
        RuleOption::IncludeFrom => builder.patterns_from(Action::Include, text, &mut read),
        RuleOption::PerDir => builder.per_dir_shorthand(),
        RuleOption::From0 => {
            builder.line_ends(LineEnds::Nul);
            Ok(())
        }
        RuleOption::NoFrom0 => {
            builder.line_ends(LineEnds::Newline);
            Ok(())
        }
        RuleOption::Cvs | RuleOption::InsecureLinks | RuleOption::NoInsecureLinks => Ok(()),
    }
}

/// What `--insecure-links` and `--confine-root` say in the end.
///
/// # Errors
/// Both were given, or the directory is not absolute.
pub fn trust(words: &[Word], confine_root: Option<&Path>) -> Result<Trust, Problem> {
    let said = words.iter().rev().find_map(|(option, _)| match option {
        RuleOption::InsecureLinks => Some(Trust::All),
        RuleOption::NoInsecureLinks => Some(Trust::Owned),
        _ => None,
    });
    let said = said.unwrap_or_default();
    match confine_root {
        None => Ok(said),
        Some(_) if said == Trust::All => {
            Err(Problem::usage("--insecure-links and --confine-root do not go together"))
        }
        Some(dir) if !dir.is_absolute() => {
            Err(Problem::usage("--confine-root: the directory has to be an absolute path"))
        }
        Some(dir) => Ok(Trust::within(dir)),
    }
}

fn problem(error: &FilterError) -> Problem {
    Problem { class: error.class(), text: error.to_string() }
}

/// Reads a rule file; `-` is standard input.
fn read(wanted: Wanted<'_>, trust: &Trust) -> io::Result<Option<Vec<u8>>> {
    match wanted {
        Wanted::Path(b"-") => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Wanted::Path(path) => read_path(path, trust),
        // Per-directory files are asked for when a directory is entered.
        Wanted::Here(_) | Wanted::Above(_) => Ok(None),
    }
}

/// What the user adds to the list of `--cvs-exclude`.
fn cvs_extras() -> CvsExtras {
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cvsignore"));
    CvsExtras {
        // rsync takes one that can not be read for none.
        home_file: home.and_then(|path| fs::read(path).ok()),
        variable: env::var_os("CVSIGNORE").map(|value| value.as_bytes().to_vec()),
    }
}
