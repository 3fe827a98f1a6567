//! What the words add up to: contradictions are settled here (the last word wins) and nowhere else.

mod against;
mod choices;
mod content;
mod deletion;
mod display;
mod ownership;
mod proof;

use std::ffi::OsString;

use crate::cli::args::Args;
use crate::cli::checks;
use crate::cli::display::Display;
use crate::cli::lists;
use crate::cli::log::LogChoices;
use crate::cli::names::{High, Reader};
use crate::cli::operands::{self, Purpose};
use crate::cli::options::{RuleOption, Switches};
use crate::cli::problem::Problem;
use crate::cli::reports::ReportChoices;
use crate::cli::resolve::choices::Choices;
use crate::cli::rules;
use crate::cli::version;
use crate::extras::names::OwnNames;
use crate::filter::lines::LineEnds;
use crate::model::change::Attrs;
use crate::settings::deletion::Backup;
use crate::settings::links::{DestDirLinks, HardLinks, LeavingLinks, Links, SourceLinks};
use crate::settings::preserve::{Executability, Guises, MungedLinks, OmitTimes, Preserve};
use crate::settings::{
    Durability, Effect, Effort, EmptyDirs, Evidence, Existing, Jobs, Kinds, Missing, Mounts,
    Parents, Paths, Recursion, Roots, Select, Settings, Update, Window,
};
use crate::sys::stat::Devices;

/// What a command line asks for.
#[derive(Debug)]
pub enum Request {
    /// A run.
    Run(Box<Run>),
    /// Help, on stdout.
    Help,
    /// Help, on stderr: nothing to do was given.
    Usage,
    /// The version.
    Version,
    /// A text that an option asked for.
    Text(String),
    /// The manual page.
    ManualPage,
}

/// A run, and how it is told.
#[derive(Debug)]
pub struct Run {
    /// What is done.
    pub settings: Settings,
    /// What is printed.
    pub display: Display,
    /// What else is told to a file.
    pub log: Option<LogChoices>,
    /// Which files are written about it.
    pub reports: ReportChoices,
}

/// What the same words mean differently by.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Who runs it.
    pub user: User,
    /// Who reads the output.
    pub reader: Reader,
    /// What the locale can print.
    pub high: High,
}

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Root may give files away and make devices.
    Root,
    /// Nobody else may: `--owner` and `--devices` are dropped, as in rsync.
    Other,
}

/// Makes sense of what was typed.
///
/// # Errors
/// What can not be run: the first thing that does not fit.
pub fn resolve(args: &Args, around: Surroundings) -> Result<Request, Problem> {
    let mut choices = Choices { human: 1, ..Choices::default() };
    for given in &args.given {
        choices.take(given)?;
        if let Some(request) = choices.text.take() {
            return Ok(request);
        }
    }
    match choices.version {
        0 => {}
        1 => return Ok(Request::Version),
        _ => return Ok(Request::Text(version::json())),
    }
    // rsync takes -h for help only if it is the only word.
    if args.words == 1 && choices.human > 1 {
        return Ok(Request::Help);
    }
    if args.operands.is_empty() {
        return Ok(Request::Usage);
    }
    if args.operands.len() == 1 && choices.against.is_none() {
        choices.switches.insert(Switches::LIST_ONLY);
    }
    if choices.has(Switches::OLD_DIRS) {
        choices.rules.push((RuleOption::Exclude, "/*/*".into()));
    }
    choices.take_remotes()?;
    choices.check()?;
    choices.check_against(&args.operands)?;
    let user = choices.user(around.user);
    let is_alone = choices.has(Switches::LIST_ONLY) || choices.against.is_some();
    let purpose = if is_alone { Purpose::List } else { Purpose::Copy };
    let roots = choices.roots(&args.operands, purpose)?;
    let backup = choices.backup()?;
    let protects = choices.protected_suffix(backup.as_ref());
    let rules = rules::rules(&choices.rules, choices.unsided(), protects.as_deref(), &roots.trust)?;
    let settings = Settings {
        roots,
        select: choices.select(user),
        rules,
        preserve: choices.preserve(user, backup.as_ref()),
        recast: choices.recast(user)?,
        rights: choices.rights(),
        account: choices.account.clone(),
        links: choices.links(),
        evidence: choices.evidence(),
        told_sum: choices.told_sum(),
        update: choices.update(),
        content: choices.content(),
        delete: choices.delete(),
        finished_sources: choices.finished_sources(),
        backup,
        basis: checks::basis(&choices.bases)?,
        verify: choices.verify(),
        proof: choices.proof.clone(),
        effect: choices.effect(),
        against: choices.against(),
        effort: choices.effort(),
    };
    let display = choices.display(around, &settings);
    let log = choices.log(&display, &settings);
    let reports = choices.reports;
    Ok(Request::Run(Box::new(Run { settings, display, log, reports })))
}

impl Choices {
    /// Where it is copied from and to.
    fn roots(&self, operands: &[OsString], purpose: Purpose) -> Result<Roots, Problem> {
        let mut roots = operands::roots(operands, self.parents(), purpose)?;
        if self.against.is_some() {
            // What is in it is walked as sources are.
            roots.dest = roots.sources.first().cloned().unwrap_or_default();
            roots.sources = vec![roots.dest.join("")];
        }
        roots.trust = rules::trust(&self.rules, self.confine_root.as_deref())?;
        roots.missing_args = self.missing_args();
        roots.paths = self.paths();
        if let Some(file) = &self.files_from {
            roots.list = Some(lists::read(file, self.line_ends(), &roots)?);
        }
        if purpose == Purpose::Copy {
            checks::temp_dir(self.temp_dir.as_deref(), &roots.dest)?;
        }
        Ok(roots)
    }

    /// What goes together and what does not.
    fn check(&self) -> Result<(), Problem> {
        if self.has(Switches::DELETE) && self.recursion() == Recursion::None {
            return Err(Problem::usage(
                "--delete does not work without --recursive (-r) or --dirs (-d)",
            ));
        }
        // To rsync, --delete-delay is a manner of --delete-during.
        let during = Switches::DELETE_DURING | Switches::DELETE_DELAY;
        let timings = [Switches::DELETE_BEFORE, during, Switches::DELETE_AFTER];
        if timings.into_iter().filter(|timing| self.switches.intersects(*timing)).count() > 1 {
            return Err(Problem::usage(
                "--delete-before, --delete-during, --delete-after: only one of them",
            ));
        }
        if self.xattrs > 1 && self.guises() != Guises::default() {
            return Err(Problem::usage(
                "--fake-super needs rsync's own attributes for itself: not with -XX",
            ));
        }
        self.check_content()?;
        self.check_proof()
    }

    /// `--from0`, wherever it stands.
    fn line_ends(&self) -> LineEnds {
        let asked = self.rules.iter().rev().find_map(|(option, _)| match option {
            RuleOption::From0 => Some(LineEnds::Nul),
            RuleOption::NoFrom0 => Some(LineEnds::Newline),
            _ => None,
        });
        asked.unwrap_or_default()
    }

    fn parents(&self) -> Parents {
        self.pick(Switches::MKPATH, Parents::Make, Parents::MustExist)
    }

    fn recursion(&self) -> Recursion {
        let is_listed = self.files_from.is_some();
        if self.against.is_some() {
            return Recursion::Full;
        }
        if self.switches.intersects(Switches::RECURSIVE | Switches::OLD_DIRS)
            || (self.has(Switches::DEEP) && !is_listed)
        {
            Recursion::Full
        } else if self.has(Switches::DIRS) || (is_listed && !self.has(Switches::NO_DIRS)) {
            Recursion::OneLevel
        } else {
            let lists = self.has(Switches::LIST_ONLY) && !self.has(Switches::NO_DIRS);
            let is_level = lists || self.has(Switches::DIRS);
            if is_level { Recursion::OneLevel } else { Recursion::None }
        }
    }

    fn paths(&self) -> Paths {
        let is_listed = self.files_from.is_some();
        if self.has(Switches::RELATIVE) || (is_listed && !self.has(Switches::NO_RELATIVE)) {
            self.pick(Switches::BARE_PARENTS, Paths::WholeBare, Paths::Whole)
        } else {
            Paths::Last
        }
    }

    fn select(&self, user: User) -> Select {
        let mut kinds = Kinds::empty();
        kinds.set(Kinds::SYMLINKS, self.has(Switches::LINKS));
        kinds.set(Kinds::DEVICES, self.has(Switches::DEVICES) && user == User::Root);
        kinds.set(Kinds::SPECIALS, self.has(Switches::SPECIALS));
        if self.has(Switches::DROP_NODES) {
            kinds.remove(Kinds::DEVICES | Kinds::SPECIALS);
        }
        Select {
            recursion: self.recursion(),
            mounts: match self.one_file_system {
                0 => Mounts::Cross,
                1 => Mounts::Empty,
                _ => Mounts::Skip,
            },
            max_size: self.max_size,
            min_size: self.min_size,
            kinds,
            devices: self.pick(Switches::COPY_DEVICES, Devices::Files, Devices::Nodes),
            empty_dirs: self.pick(Switches::PRUNE_EMPTY_DIRS, EmptyDirs::Prune, EmptyDirs::Keep),
        }
    }

    fn preserve(&self, user: User, backup: Option<&Backup>) -> Preserve {
        let mut attrs = Attrs::empty();
        attrs.set(Attrs::MTIME, self.has(Switches::TIMES));
        attrs.set(Attrs::ATIME, self.atimes > 0);
        attrs.set(Attrs::MODE, self.has(Switches::PERMS));
        attrs.set(Attrs::OWNER, self.has(Switches::OWNER) && user == User::Root);
        attrs.set(Attrs::ACLS, self.has(Switches::ACLS));
        attrs.set(Attrs::XATTRS, self.xattrs > 0);
        attrs.set(Attrs::GROUP, self.has(Switches::GROUP));
        let mut omit_times = OmitTimes::empty();
        // rsync.1, `--backup`: backups beside the files change the directories' times.
        let stays = backup.is_some_and(|backup| backup.dir.is_none());
        omit_times.set(OmitTimes::DIRS, self.has(Switches::OMIT_DIR_TIMES) || stays);
        omit_times.set(OmitTimes::LINKS, self.has(Switches::OMIT_LINK_TIMES));
        let follows = self.has(Switches::EXECUTABILITY) && !self.has(Switches::PERMS);
        let executability = if follows { Executability::Follow } else { Executability::Ignore };
        let munged = self.pick(Switches::MUNGE_LINKS, MungedLinks::Restore, MungedLinks::Keep);
        let reading = self.reading();
        let own_xattrs = if self.xattrs > 1 { OwnNames::Copy } else { OwnNames::LeaveOut };
        let guises = self.guises();
        Preserve { attrs, executability, omit_times, munged, reading, own_xattrs, guises }
    }

    fn links(&self) -> Links {
        let source =
            match (self.has(Switches::COPY_UNSAFE_LINKS), self.has(Switches::COPY_DIRLINKS)) {
                (false, false) => SourceLinks::AsLinks,
                (false, true) => SourceLinks::FollowToDirs,
                (true, false) => SourceLinks::FollowUnsafe,
                (true, true) => SourceLinks::FollowUnsafeOrToDirs,
            };
        Links {
            source: self.pick(Switches::COPY_LINKS, SourceLinks::Follow, source),
            dest_dirs: self.pick(
                Switches::KEEP_DIRLINKS,
                DestDirLinks::Keep,
                DestDirLinks::Replace,
            ),
            leaving: self.pick(Switches::SAFE_LINKS, LeavingLinks::Skip, LeavingLinks::Copy),
            hard: self.pick(Switches::HARD_LINKS, HardLinks::Together, HardLinks::Apart),
        }
    }

    /// `-c` goes before `--size-only`, which goes before `-I`.
    fn evidence(&self) -> Evidence {
        if self.has(Switches::CHECKSUM) {
            Evidence::Digest(self.checksums.compared.unwrap_or_default())
        } else if self.has(Switches::SIZE_ONLY) {
            Evidence::Size
        } else {
            self.pick(Switches::IGNORE_TIMES, Evidence::Never, Evidence::SizeAndTime)
        }
    }

    fn update(&self) -> Update {
        let newer = self.pick(Switches::UPDATE, Existing::KeepNewer, Existing::Update);
        Update {
            existing: self.pick(Switches::IGNORE_EXISTING, Existing::KeepAll, newer),
            missing: self.pick(Switches::EXISTING, Missing::Skip, Missing::Create),
            window: u32::try_from(self.window).map_or(Window::Nanoseconds, Window::Seconds),
        }
    }

    fn effect(&self) -> Effect {
        let copies = self.pick(Switches::DRY_RUN, Effect::DryRun, Effect::Sync);
        let copies = self.pick(Switches::VERIFY_ONLY, Effect::VerifyOnly, copies);
        self.pick(Switches::LIST_ONLY, Effect::List, copies)
    }

    fn effort(&self) -> Effort {
        Effort {
            jobs: self.jobs.map_or(Jobs::Auto, Jobs::Fixed),
            durability: self.pick(
                Switches::FSYNC,
                Durability::FsyncFiles,
                Durability::FlushNetwork,
            ),
            bytes_per_second: self.rate,
            deadline: self.deadline,
        }
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
