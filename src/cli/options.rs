//! What the parser knows of an option: its spellings, its argument, and what it means to us.
//!
//! The options themselves are listed in `table`; what they add up to is decided in `resolve`.

use bitflags::bitflags;

use crate::error::Class;

bitflags! {
    /// Switches: on or off, the last word wins.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Switches: u128 {
        /// `--recursive`.
        const RECURSIVE = 1;
        /// `--dirs`.
        const DIRS = 1 << 1;
        /// `--links`.
        const LINKS = 1 << 2;
        /// `--perms`.
        const PERMS = 1 << 3;
        /// `--times`.
        const TIMES = 1 << 4;
        /// `--group`.
        const GROUP = 1 << 5;
        /// `--owner`.
        const OWNER = 1 << 6;
        /// `--devices`.
        const DEVICES = 1 << 7;
        /// `--specials`.
        const SPECIALS = 1 << 8;
        /// `-D`.
        const NODES = Self::DEVICES.bits() | Self::SPECIALS.bits();
        /// `--archive`.
        const ARCHIVE = Self::DEEP.bits() | Self::LINKS.bits() | Self::PERMS.bits()
            | Self::TIMES.bits() | Self::GROUP.bits() | Self::OWNER.bits() | Self::NODES.bits();
        /// `--quiet`.
        const QUIET = 1 << 9;
        /// `--dry-run`.
        const DRY_RUN = 1 << 10;
        /// `--stats`.
        const STATS = 1 << 11;
        /// `--checksum`.
        const CHECKSUM = 1 << 12;
        /// `--ignore-times`.
        const IGNORE_TIMES = 1 << 13;
        /// `--size-only`.
        const SIZE_ONLY = 1 << 14;
        /// `--update`.
        const UPDATE = 1 << 15;
        /// `--existing`.
        const EXISTING = 1 << 16;
        /// `--ignore-existing`.
        const IGNORE_EXISTING = 1 << 17;
        /// `--copy-links`.
        const COPY_LINKS = 1 << 18;
        /// `--copy-dirlinks`.
        const COPY_DIRLINKS = 1 << 19;
        /// `--keep-dirlinks`.
        const KEEP_DIRLINKS = 1 << 20;
        /// `--omit-dir-times`.
        const OMIT_DIR_TIMES = 1 << 21;
        /// `--omit-link-times`.
        const OMIT_LINK_TIMES = 1 << 22;
        /// `--executability`.
        const EXECUTABILITY = 1 << 23;
        /// `--mkpath`.
        const MKPATH = 1 << 24;
        /// `--numeric-ids`: no names, also in maps.
        const NUMERIC_IDS = 1 << 25;
        /// `--progress`.
        const PROGRESS = 1 << 26;
        /// `--delete`, `--del`, `--delete-during`.
        const DELETE = 1 << 27;
        /// `--force`.
        const FORCE = 1 << 28;
        /// `--fsync`.
        const FSYNC = 1 << 29;
        /// `--verify-only`.
        const VERIFY_ONLY = 1 << 30;
        /// `--8-bit-output`.
        const RAW_NAMES = 1 << 31;
        /// `--stderr=all`.
        const ALL_TO_STDERR = 1 << 32;
        /// `--no-inc-recursive`: the header of the listing is another one.
        const FULL_LISTING = 1 << 33;
        /// `--help`.
        const HELP = 1 << 34;
        /// `--safe-links`.
        const SAFE_LINKS = 1 << 48;
        /// `--copy-unsafe-links`.
        const COPY_UNSAFE_LINKS = 1 << 49;
        /// `--prune-empty-dirs`.
        const PRUNE_EMPTY_DIRS = 1 << 50;
        /// `--munge-links`.
        const MUNGE_LINKS = 1 << 53;
        /// `--list-only`.
        const LIST_ONLY = 1 << 51;
        /// `--no-dirs` was the last word about `--dirs`: listing does not imply it.
        const NO_DIRS = 1 << 52;
        /// `--old-dirs`: one level, as rsync had it before `--dirs`: all of it, but for what lies deeper.
        const OLD_DIRS = 1 << 57;
        /// `--delete-excluded`.
        const DELETE_EXCLUDED = 1 << 35;
        /// `--delete-before`.
        const DELETE_BEFORE = 1 << 36;
        /// `--del`, `--delete-during`.
        const DELETE_DURING = 1 << 37;
        /// `--delete-delay`.
        const DELETE_DELAY = 1 << 38;
        /// `--delete-after`.
        const DELETE_AFTER = 1 << 39;
        /// `--ignore-errors`.
        const IGNORE_ERRORS = 1 << 40;
        /// `--ignore-missing-args`.
        const IGNORE_MISSING_ARGS = 1 << 41;
        /// `--delete-missing-args`.
        const DELETE_MISSING_ARGS = 1 << 42;
        /// `--remove-source-files`.
        const REMOVE_SOURCE_FILES = 1 << 43;
        /// `--remove-sent-files`.
        const REMOVE_SENT_FILES = 1 << 44;
        /// `--backup`.
        const BACKUP = 1 << 45;
        /// What `--archive` says of recursion: `--files-from` takes it back, but not `--recursive`.
        const DEEP = 1 << 46;
        /// `--relative`.
        const RELATIVE = 1 << 54;
        /// `--no-relative`: not even with `--files-from`.
        const NO_RELATIVE = 1 << 55;
        /// `--no-implied-dirs`.
        const BARE_PARENTS = 1 << 56;
        /// `--hard-links`.
        const HARD_LINKS = 1 << 58;
        /// `--open-noatime`.
        const OPEN_NOATIME = 1 << 64;
        /// `--super`.
        const SUPER = 1 << 65;
        /// `--no-super`.
        const NO_SUPER = 1 << 66;
        /// `--drop-D`.
        const DROP_NODES = 1 << 67;
        /// `--acls`.
        const ACLS = 1 << 90;
        /// `--fake-super`.
        const FAKE_SUPER = 1 << 91;
        /// `--copy-devices`.
        const COPY_DEVICES = 1 << 106;
        /// `--sparse`.
        const SPARSE = 1 << 100;
        /// `--preallocate`.
        const PREALLOCATE = 1 << 101;
        /// `--append`.
        const APPEND = 1 << 102;
        /// `--append-verify`.
        const APPEND_VERIFY = 1 << 103;
        /// `--whole-file`: between local paths it is the default, but not with `--append`.
        const WHOLE_FILE = 1 << 104;
        /// `--no-whole-file`.
        const NO_WHOLE_FILE = 1 << 105;
    }
}

/// Options that grow with each repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// `-v`.
    Verbose,
    /// `-i`.
    Itemize,
    /// `-h`.
    Human,
    /// `-x`.
    OneFileSystem,
    /// `-U`.
    Atimes,
    /// `-V`.
    Version,
    /// `-X`.
    Xattrs,
}

/// Options whose argument we act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `--modify-window`.
    ModifyWindow,
    /// `--max-delete`.
    MaxDelete,
    /// `--max-size`.
    MaxSize,
    /// `--min-size`.
    MinSize,
    /// `--info`.
    Info,
    /// `--debug`.
    Debug,
    /// `--stderr`.
    Stderr,
    /// `--temp-dir`: unused, but it has to exist.
    TempDir,
    /// `--backup-dir`.
    BackupDir,
    /// `--suffix`.
    Suffix,
    /// `--compare-dest`.
    CompareDest,
    /// `--copy-dest`.
    CopyDest,
    /// `--link-dest`.
    LinkDest,
    /// `--jobs`.
    Jobs,
    /// `--verify`.
    Verify,
    /// `--read-back`.
    ReadBack,
    /// `--source-digest`.
    SourceDigest,
    /// `--repair`.
    Repair,
    /// `--ledger`.
    Ledger,
    /// `--report`.
    Report,
    /// `--manifest`.
    Manifest,
    /// `--combined`.
    Combined,
    /// `--failed-list`.
    FailedList,
    /// `--out-format`.
    OutFormat,
    /// `--log-file`.
    LogFile,
    /// `--log-file-format`.
    LogFileFormat,
    /// `--generate`.
    Generate,
    /// `--files-from`.
    FilesFrom,
    /// `--chmod`.
    Chmod,
    /// `--chown`.
    Chown,
    /// `--usermap`.
    UserMap,
    /// `--groupmap`.
    GroupMap,
    /// `--copy-as`.
    CopyAs,
    /// `--remote-option`.
    RemoteOption,
    /// `--checksum-choice`.
    ChecksumChoice,
    /// `--bwlimit`.
    Bwlimit,
    /// `--stop-after`.
    StopAfter,
    /// `--stop-at`.
    StopAt,
    /// `--no-bwlimit`.
    NoBwlimit,
    /// `--confine-root`.
    ConfineRoot,
    /// `--against`.
    Against,
}

/// Options of the filter language: their typed order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOption {
    /// `--filter`.
    Filter,
    /// `--exclude`.
    Exclude,
    /// `--include`.
    Include,
    /// `--exclude-from`.
    ExcludeFrom,
    /// `--include-from`.
    IncludeFrom,
    /// `-F`.
    PerDir,
    /// `--cvs-exclude`.
    Cvs,
    /// `--from0`: files that are read from here on are separated by NUL.
    From0,
    /// `--no-from0`.
    NoFrom0,
    /// `--insecure-links`: symlinks on the way to files that are read from here on are followed,
    /// whoever they belong to.
    InsecureLinks,
    /// `--no-insecure-links`.
    NoInsecureLinks,
}

/// Whether an option switches something on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// `--thing`.
    On,
    /// `--no-thing`.
    Off,
}

/// How the argument of an ignored option is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Anything goes.
    Anything,
    /// A whole number.
    Number,
    /// A size of at most 128K.
    BlockSize,
    /// A size of 0 or at least 1M.
    Allocation,
    /// The name of a compression algorithm.
    Compressor,
    /// N, L or B.
    Buffering,
    /// A protocol version of rsync.
    Protocol,
}

/// What an option means to us.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// Sets or clears switches.
    Switch(Switches, Sense),
    /// Raises a counter or puts it back to zero.
    Count(Counter, Sense),
    /// Has an argument that we act on.
    Set(Setting),
    /// Adds to the filter rules.
    Rule(RuleOption),
    /// Makes no difference to a local in-place copy, or asks for what is the case anyway.
    Accepted(Check),
    /// Can not be: why not.
    Refused(Class, &'static str),
    /// Is meaningful and not there yet: what helps meanwhile (may be empty).
    Later(&'static str),
}

/// Where `--help` lists an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What takes part.
    Selection,
    /// What is carried over.
    Preservation,
    /// What counts as up to date.
    Decision,
    /// What may be removed.
    Deletion,
    /// How bytes are written.
    Writing,
    /// Phase two.
    Verification,
    /// What is told.
    Output,
    /// How hard to work.
    Effort,
    /// Not listed one by one.
    Unlisted,
}

impl Group {
    /// The groups that `--help` lists, in order.
    pub const LISTED: [Self; 8] = [
        Self::Selection,
        Self::Preservation,
        Self::Decision,
        Self::Deletion,
        Self::Writing,
        Self::Verification,
        Self::Output,
        Self::Effort,
    ];

    /// The heading in `--help`.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Selection => "What to copy",
            Self::Preservation => "What to preserve",
            Self::Decision => "Deciding what is up to date",
            Self::Deletion => "Deleting",
            Self::Writing => "Writing",
            Self::Verification => "Verifying (phase two)",
            Self::Output => "Output",
            Self::Effort => "Effort",
            Self::Unlisted => "Others",
        }
    }
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its long spelling, or its letter if there is none.
    pub name: &'static str,
    /// Other long spellings.
    pub aliases: &'static [&'static str],
    /// Its letter.
    pub letter: Option<char>,
    /// What its argument is called, if it takes one.
    pub argument: Option<&'static str>,
    /// What it means.
    pub meaning: Meaning,
    /// Where `--help` lists it.
    pub group: Group,
    /// What `--help` says.
    pub help: &'static str,
}

impl Row {
    /// An option of this long name and meaning, with nothing else.
    pub(super) const fn new(name: &'static str, meaning: Meaning) -> Self {
        Self {
            name,
            aliases: &[],
            letter: None,
            argument: None,
            meaning,
            group: Group::Unlisted,
            help: "",
        }
    }

    pub(super) const fn letter(mut self, letter: char) -> Self {
        self.letter = Some(letter);
        self
    }

    pub(super) const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn takes(mut self, argument: &'static str) -> Self {
        self.argument = Some(argument);
        self
    }

    pub(super) const fn help(mut self, group: Group, help: &'static str) -> Self {
        self.group = group;
        self.help = help;
        self
    }

    /// True if there is a long spelling: else the name is the letter.
    pub fn has_long(&self) -> bool {
        self.name.len() > 1
    }

    /// The option as a message names it.
    pub fn spelling(&self) -> String {
        if self.has_long() { format!("--{}", self.name) } else { format!("-{}", self.name) }
    }
}

#[cfg(test)]
mod tests {
    use bitflags::Flags;

    use super::Switches;

    #[test]
    fn no_two_switches_share_a_bit() {
        let single: Vec<u128> = Switches::FLAGS
            .iter()
            .map(|flag| flag.value().bits())
            .filter(|bits| bits.is_power_of_two())
            .collect();
        let all = single.iter().fold(0, |sum, bits| sum | bits);
        assert_eq!(single.len(), usize::try_from(all.count_ones()).unwrap());
    }
}
