//! Every choice of a run, resolved: built once from the command line, then read only.
//!
//! Groups of small values; a verb is handed its group and nothing else. Nothing here parses text.

pub mod content;
pub mod deletion;
pub mod ids;
pub mod links;
pub mod modes;
pub mod preserve;
pub mod proof;
pub mod recast;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bitflags::bitflags;

use crate::extras::names::OwnNames;
use crate::filter::rules::RuleSet;
use crate::manifest::open::Asked;
use crate::model::change::Attrs;
use crate::model::checksum::Algorithm;
use crate::settings::content::Content;
use crate::settings::deletion::{
    Backup, Delete, Extraneous, FinishedSources, FullDirs, ReadErrors, When,
};
use crate::settings::links::{DestDirLinks, HardLinks, LeavingLinks, Links, SourceLinks};
use crate::settings::preserve::{Executability, Guises, MungedLinks, OmitTimes, Preserve};
use crate::settings::proof::Proof;
use crate::settings::recast::Recast;
use crate::sys::names::Account;
use crate::sys::process::Rights;
use crate::sys::read::AccessTime;
use crate::sys::stat::Devices;
use crate::sys::trust::Trust;

/// All groups.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is copied where.
    pub roots: Roots,
    /// Which entries take part.
    pub select: Select,
    /// The filter rules: which names take part, and which are protected from deletion.
    pub rules: Arc<RuleSet>,
    /// Which attributes are carried over.
    pub preserve: Preserve,
    /// What a source is taken for; `None`: for what it is.
    pub recast: Option<Arc<Recast>>,
    /// `--super`: what we may do to the destination.
    pub rights: Rights,
    /// `--copy-as`: who does it; `None`: who runs it.
    pub account: Option<Account>,
    /// What symlinks mean.
    pub links: Links,
    /// What phase one takes for proof that a file is up to date.
    pub evidence: Evidence,
    /// What checksum the output names of each file, if any.
    pub told_sum: Option<Algorithm>,
    /// Which entries may be made or changed.
    pub update: Update,
    /// How the bytes of files are written.
    pub content: Content,
    /// What may be removed.
    pub delete: Delete,
    /// What becomes of source files that have arrived.
    pub finished_sources: FinishedSources,
    /// Where else entries of the source may be found (`--link-dest` and its kin).
    pub basis: Option<Basis>,
    /// Whether what is overwritten or deleted is kept, and where.
    pub backup: Option<Backup>,
    /// What phase two compares.
    pub verify: Verify,
    /// How much it asks for.
    pub proof: Proof,
    /// Whether the run changes anything.
    pub effect: Effect,
    /// What an audit compares the destination with, if not with a source (`--against`). The
    /// destination then is the only source, and what is in it takes part; or it is a check file too.
    pub against: Option<Asked>,
    /// How hard to work.
    pub effort: Effort,
}

/// Operands, as typed.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Source operands; at least one.
    pub sources: Vec<PathBuf>,
    /// The destination operand; not looked at if the sources are only listed.
    pub dest: PathBuf,
    /// What may be made above the destination.
    pub parents: Parents,
    /// Which symlinks in the destination's path are followed.
    pub trust: Trust,
    /// What a missing source means.
    pub missing_args: MissingArgs,
    /// How much of a source's path the destination gets.
    pub paths: Paths,
    /// `--files-from`: what of the only source takes part, as listed; `None`: there is no list.
    pub list: Option<Arc<[Box<[u8]>]>>,
}

/// `--relative`, `--no-implied-dirs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paths {
    /// The last name of a source.
    #[default]
    Last,
    /// All names of it; the directories on the way get their source's attributes.
    Whole,
    /// All names of it; the directories on the way are only made where they are missing.
    WholeBare,
}

/// `--mkpath`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parents {
    /// They have to exist.
    #[default]
    MustExist,
    /// Missing ones are made.
    Make,
}

/// Which entries of the source take part.
#[derive(Clone, Copy, Debug)]
pub struct Select {
    /// How deep.
    pub recursion: Recursion,
    /// What happens at mount points of the source.
    pub mounts: Mounts,
    /// `--max-size`, in bytes: larger regular files stay out.
    pub max_size: Option<u64>,
    /// `--min-size`, in bytes: smaller regular files stay out.
    pub min_size: Option<u64>,
    /// Which kinds besides regular files and directories are copied.
    pub kinds: Kinds,
    /// What devices count as.
    pub devices: Devices,
    /// What happens to directories that hold nothing.
    pub empty_dirs: EmptyDirs,
}

/// `--prune-empty-dirs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyDirs {
    /// They are copied.
    Keep,
    /// Those that hold nothing but such directories are left out.
    Prune,
}

/// `--recursive`, `--dirs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recursion {
    /// Directories are skipped.
    None,
    /// Directories are copied without what is in them; `DIR/` and `.` give one level.
    OneLevel,
    /// The whole tree.
    Full,
}

/// `--one-file-system`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounts {
    /// Cross them.
    Cross,
    /// Make an empty directory for each (`-x`).
    Empty,
    /// Leave them out (`-xx`).
    Skip,
}

bitflags! {
    /// Kinds of entries that are copied only on request.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Kinds: u8 {
        /// Symbolic links, as links.
        const SYMLINKS = 1;
        /// Device nodes.
        const DEVICES = 1 << 1;
        /// Fifos and sockets.
        const SPECIALS = 1 << 2;
    }
}

/// What phase one takes for proof that a regular file is up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Same size and time (the quick check).
    SizeAndTime,
    /// Same size (`--size-only`).
    Size,
    /// Same size and digest (`--checksum`), of this kind (`--checksum-choice`).
    Digest(Algorithm),
    /// Nothing: every file is sent (`--ignore-times`).
    Never,
}

/// When two times count as equal (`--modify-window`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Whole seconds that differ by at most so many.
    Seconds(u32),
    /// To the nanosecond (`--modify-window=-1`).
    Nanoseconds,
}

/// Which entries may be made or changed.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// What happens to files that are there.
    pub existing: Existing,
    /// What happens to entries that are not.
    pub missing: Missing,
    /// How times are compared, here and everywhere.
    pub window: Window,
}

/// `--update`, `--ignore-existing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They are brought up to date.
    Update,
    /// Newer ones are left alone (`-u`).
    KeepNewer,
    /// All are left alone.
    KeepAll,
}

/// `--existing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// They are made.
    Create,
    /// They stay missing.
    Skip,
}

/// What a missing source operand means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingArgs {
    /// A fault.
    #[default]
    Fault,
    /// Nothing (`--ignore-missing-args`).
    Ignore,
    /// That the destination must not have it either (`--delete-missing-args`).
    Delete,
}

/// `--compare-dest`, `--copy-dest`, `--link-dest`: directories that may have what the destination
/// has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// What becomes of an entry that is found there.
    pub found: Found,
    /// The directories, as typed; relative ones are below the destination.
    pub dirs: Vec<PathBuf>,
}

/// What becomes of an entry that is found in another directory than the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is left out (`--compare-dest`).
    LeftOut,
    /// It is made (`--copy-dest`).
    Copied,
    /// It becomes another name of what was found (`--link-dest`).
    Linked,
}

/// `--verify`: what phase two compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Metadata of everything, content of every selected regular file.
    All,
    /// Metadata of everything, content of what this run wrote.
    Transferred,
    /// What a second rsync pass looks at.
    Metadata,
    /// There is no phase two.
    None,
}

/// Whether the run changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It copies, verifies and repairs.
    Sync,
    /// It says what it would copy (`--dry-run`).
    DryRun,
    /// It compares and says what differs (`--verify-only`).
    VerifyOnly,
    /// It lists the sources; there is no destination (`--list-only`).
    List,
}

/// How hard to work.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// `--jobs`.
    pub jobs: Jobs,
    /// `--fsync`.
    pub durability: Durability,
    /// `--bwlimit`: bytes of content a second, read by all workers together; `None`: no limit.
    pub bytes_per_second: Option<NonZeroU64>,
    /// `--stop-after`, `--stop-at`: when the run stops.
    pub deadline: Option<Instant>,
}

/// `--jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// As many as keep the processors or the mount busy.
    Auto,
    /// So many.
    Fixed(NonZeroUsize),
}

/// `--fsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Network mounts are flushed once, before phase two.
    FlushNetwork,
    /// Every written file is flushed, and the file system before phase two.
    FsyncFiles,
}

impl Default for Settings {
    /// What no option at all means.
    fn default() -> Self {
        Self {
            roots: Roots::default(),
            select: Select {
                recursion: Recursion::None,
                mounts: Mounts::Cross,
                max_size: None,
                min_size: None,
                kinds: Kinds::empty(),
                devices: Devices::Nodes,
                empty_dirs: EmptyDirs::Keep,
            },
            rules: Arc::default(),
            preserve: Preserve {
                attrs: Attrs::empty(),
                executability: Executability::Ignore,
                omit_times: OmitTimes::empty(),
                munged: MungedLinks::Keep,
                reading: AccessTime::Changes,
                own_xattrs: OwnNames::LeaveOut,
                guises: Guises::default(),
            },
            recast: None,
            rights: Rights::OfUser,
            account: None,
            links: Links {
                source: SourceLinks::AsLinks,
                dest_dirs: DestDirLinks::Replace,
                leaving: LeavingLinks::Copy,
                hard: HardLinks::Apart,
            },
            evidence: Evidence::SizeAndTime,
            told_sum: None,
            update: Update {
                existing: Existing::Update,
                missing: Missing::Create,
                window: Window::Seconds(0),
            },
            content: Content::default(),
            delete: Delete {
                extraneous: Extraneous::Keep,
                limit: None,
                full_dirs: FullDirs::Keep,
                when: When::During,
                errors: ReadErrors::Stop,
            },
            finished_sources: FinishedSources::Keep,
            basis: None,
            backup: None,
            verify: Verify::All,
            proof: Proof::default(),
            effect: Effect::Sync,
            against: None,
            effort: Effort {
                jobs: Jobs::Auto,
                durability: Durability::FlushNetwork,
                bytes_per_second: None,
                deadline: None,
            },
        }
    }
}
