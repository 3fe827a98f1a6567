//! How a run is told: resolved once from the command line, then read only.

use std::path::PathBuf;

use crate::cli::format::Format;
use crate::cli::info::{Flag, Levels};
use crate::cli::names::{Escape, Reader};
use crate::cli::numbers::Numbers;
use crate::report::observer::{Detail, Extras};
use crate::settings::content::Updating;
use crate::settings::{Effect, Verify};

/// All choices of output.
#[derive(Clone, Debug)]
pub struct Display {
    /// What an update's line looks like, if not as rsync has it by default.
    pub format: Option<Format>,
    /// How much of what; all zero with `--quiet`.
    pub levels: Levels,
    /// How often `-v` was given; 0 with `--quiet`.
    pub verbosity: u8,
    /// How often `-i` was given; 0 with `--quiet`.
    pub itemize: u8,
    /// Errors only, or more.
    pub volume: Volume,
    /// How numbers look.
    pub numbers: Numbers,
    /// How names look.
    pub escape: Escape,
    /// Where all that is no error goes.
    pub sink: Sink,
    /// What announces the listing.
    pub header: Header,
    /// How the paths of the source begin.
    pub paths: Begin,
    /// What kind of run is told.
    pub effect: Effect,
    /// What its phase two compares.
    pub verify: Verify,
    /// The check file that an audit compares with, as typed.
    pub against: Option<PathBuf>,
    /// How files that are there are written.
    pub update: Updating,
    /// Which times a listing has.
    pub times: Times,
}

/// Which times a listing has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Of modification.
    Modification,
    /// Of modification and of access (`--atimes`).
    WithAccess,
}

/// `--quiet`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// All that was asked for.
    Normal,
    /// Errors only.
    Quiet,
}

/// `--stderr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// Standard error, with the errors.
    Stderr,
}

/// What announces the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Nothing: no directory is entered.
    None,
    /// rsync's words for a listing that goes on during the copy.
    Incremental,
    /// rsync's words for one that comes first.
    Full,
}

/// How the paths of the source begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Below the destination.
    Below,
    /// With a slash, as `--relative` has them from absolute operands: only deletions have none.
    WithSlash,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at all.
    None,
    /// Bars on a terminal.
    Bars,
    /// A line for each file.
    Files,
    /// A line that grows.
    Whole,
}

impl Display {
    /// How progress is shown to whoever reads.
    pub fn progress(&self) -> Progress {
        match (self.levels.of(Flag::Progress), self.escape.reader) {
            (0, _) => Progress::None,
            _ if self.effect == Effect::List => Progress::None,
            (_, Reader::Terminal) => Progress::Bars,
            _ if self.effect == Effect::VerifyOnly => Progress::None,
            (1, _) => Progress::Files,
            _ => Progress::Whole,
        }
    }

    /// How much of the entries has to be heard.
    pub fn detail(&self) -> Detail {
        if self.volume == Volume::Quiet {
            return Detail::Notices;
        }
        let level = |flag| self.levels.of(flag);
        // A file's progress line says how many entries are left: all have to be counted.
        let counts_all = matches!(self.progress(), Progress::Files | Progress::Whole);
        if self.verbosity >= 2 {
            Detail::Reasons
        } else if self.itemize >= 2
            || level(Flag::Name) >= 2
            || level(Flag::Skip) >= 1
            || level(Flag::Backup) >= 1
            || level(Flag::Remove) >= 1
            || level(Flag::Mount) >= 1
            || counts_all
        {
            Detail::All
        } else if self.itemize == 1
            || level(Flag::Name) == 1
            || self.format.is_some()
            || level(Flag::Del) >= 1
            || level(Flag::Symsafe) >= 1
            || self.effect == Effect::VerifyOnly
        {
            Detail::Changes
        } else {
            Detail::Notices
        }
    }

    /// What has to be heard of an entry beside what is done to it.
    pub fn extras(&self) -> Extras {
        self.format.as_ref().map_or(Extras::empty(), Format::extras)
    }

    /// True if entries that are left as they are get an itemized line too: `-ii`, or `-i` at `-vv`.
    pub fn itemizes_all(&self) -> bool {
        self.itemize >= 2 || (self.itemize == 1 && self.levels.of(Flag::Name) >= 2)
    }

    /// True if there is a line for what is updated.
    pub fn tells_updates(&self) -> bool {
        self.format.is_some() || self.names_changes()
    }

    /// True if changed entries are named at all.
    pub fn names_changes(&self) -> bool {
        self.itemize >= 1 || self.levels.of(Flag::Name) >= 1
    }
}
