//! What is told, flag by flag (rsync.1, `--info`): `-v`, `--stats` and `--progress` are bundles of these.

use std::ffi::OsStr;

use crate::cli::problem::Problem;

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Backups.
    Backup,
    /// Local copies.
    Copy,
    /// Deletions.
    Del,
    /// The listing's header.
    Flist,
    /// Miscellanea.
    Misc,
    /// Mount points.
    Mount,
    /// 1: names of what changes; 2: also of what does not.
    Name,
    /// Entries of a kind that is not copied.
    Nonreg,
    /// 1: by file; 2: of the whole.
    Progress,
    /// Removed sources.
    Remove,
    /// Entries that options leave out.
    Skip,
    /// 1: the trailer; 2: also the counts.
    Stats,
    /// Unsafe symlinks.
    Symsafe,
}

/// Name, least verbosity at which it is on, what it does; in the order of [`Flag`].
const FLAGS: [(&str, Option<u8>, &str); 13] = [
    ("BACKUP", Some(2), "backups made"),
    ("COPY", Some(1), "files copied within the destination"),
    ("DEL", Some(1), "entries removed from the destination"),
    ("FLIST", Some(1), "that the source is being listed"),
    ("MISC", Some(1), "miscellanea"),
    ("MOUNT", Some(2), "mount points left out"),
    ("NAME", Some(1), "1: names of what changes; 2: also of what does not"),
    ("NONREG", Some(0), "entries of a kind that is not copied (on by default)"),
    ("PROGRESS", None, "1: progress of each file; 2: of the whole"),
    ("REMOVE", Some(2), "files removed from the source"),
    ("SKIP", Some(2), "entries that options leave out"),
    ("STATS", Some(1), "1: the totals at the end; 2: also the counts"),
    ("SYMSAFE", Some(1), "symlinks that are not safe"),
];

const DEBUG_FLAGS: [&str; 24] = [
    "ACL", "BACKUP", "BIND", "CHDIR", "CONNECT", "CMD", "DEL", "DELTASUM", "DUP", "EXIT", "FILTER",
    "FLIST", "FUZZY", "GENR", "HASH", "HLINK", "ICONV", "IO", "NSTR", "OWN", "PROTO", "RECV",
    "SEND", "TIME",
];

/// What was asked for by `--info`; it wins over every bundle, wherever it stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked([Option<u8>; FLAGS.len()]);

/// How much of each is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels([u8; FLAGS.len()]);

/// What a list of flags asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The flags were noted.
    Noted,
    /// A list of the flags is wanted.
    Help,
}

impl Asked {
    /// Reads `name1,progress2`.
    ///
    /// # Errors
    /// A name that is no flag.
    pub fn read(&mut self, flags: &OsStr) -> Result<Answer, Problem> {
        for item in flags.to_string_lossy().split(',').filter(|item| !item.is_empty()) {
            let (name, level) = item_of(item);
            match name.as_str() {
                "HELP" => return Ok(Answer::Help),
                "ALL" => self.0 = [Some(level); FLAGS.len()],
                "NONE" => self.0 = [Some(0); FLAGS.len()],
                _ => {
                    let at = FLAGS.iter().position(|(known, ..)| *known == name);
                    self.0[at.ok_or_else(|| unknown("info", item))?] = Some(level);
                }
            }
        }
        Ok(Answer::Noted)
    }
}

impl Levels {
    /// What `-v`, so often given, tells.
    pub fn of_verbosity(verbosity: u8) -> Self {
        let mut levels = Self::default();
        for (level, (_, least, _)) in levels.0.iter_mut().zip(FLAGS) {
            *level = u8::from(least.is_some_and(|least| verbosity >= least));
        }
        if verbosity >= 2 {
            levels.raise(Flag::Misc, 2);
            levels.raise(Flag::Name, 2);
        }
        levels
    }

    /// At least this much.
    pub fn raise(&mut self, flag: Flag, level: u8) {
        let known = &mut self.0[flag as usize];
        *known = (*known).max(level);
    }

    /// With what was asked for explicitly.
    #[must_use]
    pub fn with(mut self, asked: &Asked) -> Self {
        for (level, asked) in self.0.iter_mut().zip(asked.0) {
            *level = asked.unwrap_or(*level);
        }
        self
    }

    /// How much of this.
    pub fn of(&self, flag: Flag) -> u8 {
        self.0[flag as usize]
    }
}

/// Checks the names that `--debug` gives; none of them makes us tell more yet.
///
/// # Errors
/// A name that is no flag.
pub fn check_debug(flags: &OsStr) -> Result<Answer, Problem> {
    for item in flags.to_string_lossy().split(',').filter(|item| !item.is_empty()) {
        let (name, _) = item_of(item);
        match name.as_str() {
            "HELP" => return Ok(Answer::Help),
            "ALL" | "NONE" => {}
            name if DEBUG_FLAGS.contains(&name) => {}
            _ => return Err(unknown("debug", item)),
        }
    }
    Ok(Answer::Noted)
}

/// What `--info=help` prints.
pub fn info_help() -> String {
    let head = "Flags of --info. NAME is NAME1, NAME0 is silent; ALL and NONE are all of them.\n\n";
    let flags = FLAGS.iter().map(|(name, least, what)| {
        let bundle = match least {
            Some(1) => " [-v]",
            Some(2) => " [-vv]",
            _ => "",
        };
        format!("{name:<10} {what}{bundle}\n")
    });
    std::iter::once(head.to_owned()).chain(flags).collect()
}

/// What `--debug=help` prints.
pub fn debug_help() -> String {
    format!("Flags of --debug; they are accepted and print nothing:\n\n{}\n", DEBUG_FLAGS.join(" "))
}

fn item_of(item: &str) -> (String, u8) {
    let name = item.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &item[name.len()..];
    let level = if digits.is_empty() { 1 } else { digits.parse().unwrap_or(u8::MAX) };
    (name.to_ascii_uppercase(), level)
}

fn unknown(option: &str, item: &str) -> Problem {
    Problem::usage(format!("--{option}: unknown item \"{item}\" (--{option}=help lists them)"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Answer, Asked, Flag, Levels, check_debug};

    #[test]
    fn verbosity_is_a_bundle_of_flags() {
        for (verbosity, flag, level) in [
            (0, Flag::Nonreg, 1),
            (0, Flag::Name, 0),
            (0, Flag::Stats, 0),
            (1, Flag::Name, 1),
            (1, Flag::Flist, 1),
            (1, Flag::Skip, 0),
            (1, Flag::Progress, 0),
            (2, Flag::Name, 2),
            (2, Flag::Skip, 1),
            (2, Flag::Stats, 1),
            (9, Flag::Progress, 0),
        ] {
            assert_eq!(Levels::of_verbosity(verbosity).of(flag), level, "{verbosity} {flag:?}");
        }
    }

    #[test]
    fn what_is_asked_for_wins_over_a_bundle() {
        let mut asked = Asked::default();
        assert_eq!(asked.read(OsStr::new("name0,Progress2,DEL9")), Ok(Answer::Noted));
        let levels = Levels::of_verbosity(2).with(&asked);
        assert_eq!(levels.of(Flag::Name), 0);
        assert_eq!(levels.of(Flag::Progress), 2);
        assert_eq!(levels.of(Flag::Del), 9);
        assert_eq!(levels.of(Flag::Stats), 1);
        assert_eq!(asked.read(OsStr::new("none,stats")), Ok(Answer::Noted));
        assert_eq!(Levels::of_verbosity(1).with(&asked).of(Flag::Nonreg), 0);
        assert_eq!(Levels::of_verbosity(1).with(&asked).of(Flag::Stats), 1);
    }

    #[test]
    fn unknown_flags_are_named() {
        let problem = Asked::default().read(OsStr::new("name,bogus2")).unwrap_err();
        assert!(problem.text.contains("\"bogus2\""), "{}", problem.text);
        assert_eq!(Asked::default().read(OsStr::new("help")), Ok(Answer::Help));
        assert!(check_debug(OsStr::new("foo")).is_err());
        assert_eq!(check_debug(OsStr::new("all4,flist2,Time")), Ok(Answer::Noted));
    }
}
