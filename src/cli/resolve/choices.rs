//! What the words say, each by itself: the last one wins.

use std::ffi::{OsStr, OsString};
use std::num::{NonZeroU64, NonZeroUsize};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Instant;

use crate::cli::args::Given;
use crate::cli::checks::{self, Checksums};
use crate::cli::display::Sink;
use crate::cli::info::{self, Answer, Asked};
use crate::cli::modes::modes;
use crate::cli::moments;
use crate::cli::options::{Counter, Meaning, Sense, Setting, Switches};
use crate::cli::owners;
use crate::cli::problem::Problem;
use crate::cli::reports::ReportChoices;
use crate::cli::resolve::{Request, proof};
use crate::cli::rules;
use crate::cli::sizes::{number, rate, size};
use crate::settings::modes::ModeChange;
use crate::settings::proof::Proof;
use crate::settings::{Found, Verify};
use crate::sys::names::Account;

/// All that was typed, added up.
#[derive(Debug, Default)]
pub(super) struct Choices {
    pub(super) switches: Switches,
    pub(super) verbose: u8,
    pub(super) itemize: u8,
    pub(super) human: u8,
    pub(super) one_file_system: u8,
    pub(super) version: u8,
    pub(super) window: i32,
    pub(super) max_delete: Option<i32>,
    pub(super) max_size: Option<u64>,
    pub(super) min_size: Option<u64>,
    pub(super) asked: Asked,
    pub(super) temp_dir: Option<PathBuf>,
    pub(super) backup_dir: Option<PathBuf>,
    pub(super) suffix: Option<Box<[u8]>>,
    pub(super) bases: Vec<(Found, PathBuf)>,
    pub(super) jobs: Option<NonZeroUsize>,
    pub(super) verify: Option<Verify>,
    pub(super) proof: Proof,
    pub(super) reports: ReportChoices,
    pub(super) out_format: Option<Box<[u8]>>,
    pub(super) log_file: Option<PathBuf>,
    pub(super) log_format: Option<Box<[u8]>>,
    pub(super) text: Option<Request>,
    pub(super) rules: Vec<rules::Word>,
    pub(super) files_from: Option<OsString>,
    pub(super) atimes: u8,
    pub(super) modes: Vec<ModeChange>,
    pub(super) owners: owners::Typed,
    pub(super) account: Option<Account>,
    pub(super) remotes: Vec<OsString>,
    pub(super) xattrs: u8,
    /// Whether the reading half has `--fake-super`; the switch says it of the writing half.
    pub(super) reads_fake: bool,
    pub(super) checksums: Checksums,
    pub(super) rate: Option<NonZeroU64>,
    pub(super) deadline: Option<Instant>,
    pub(super) confine_root: Option<PathBuf>,
    pub(super) against: Option<OsString>,
}

/// What takes back one another, and none of it is the default.
const OPPOSITES: [Switches; 6] = [
    Switches::DIRS.union(Switches::OLD_DIRS).union(Switches::NO_DIRS),
    Switches::RELATIVE.union(Switches::NO_RELATIVE),
    Switches::SUPER.union(Switches::NO_SUPER).union(Switches::FAKE_SUPER),
    Switches::APPEND.union(Switches::APPEND_VERIFY),
    Switches::WHOLE_FILE.union(Switches::NO_WHOLE_FILE),
    // The other two times of deletion go with none.
    Switches::DELETE_DURING.union(Switches::DELETE_DELAY),
];

impl Choices {
    pub(super) fn take(&mut self, given: &Given) -> Result<(), Problem> {
        let name = given.row.name;
        match given.row.meaning {
            Meaning::Switch(Switches::HELP, _) => self.text = Some(Request::Help),
            Meaning::Switch(switches, sense) => self.switch(switches, sense),
            Meaning::Count(counter, sense) => self.count(counter, sense),
            Meaning::Set(setting) => self.set(setting, name, &given.value)?,
            Meaning::Rule(option) => self.rules.push((option, given.value.clone())),
            Meaning::Accepted(check) => checks::ignored(check, name, &given.value)?,
            Meaning::Refused(class, why) => {
                let text = format!("{} is not possible: {why}", given.row.spelling());
                return Err(Problem { class, text });
            }
            Meaning::Later(meanwhile) => {
                let dash = if meanwhile.is_empty() { "" } else { ": " };
                let spelling = given.row.spelling();
                let text = format!("{spelling} is not supported yet{dash}{meanwhile}");
                return Err(Problem::unsupported(text));
            }
        }
        Ok(())
    }

    pub(super) fn switch(&mut self, switches: Switches, sense: Sense) {
        for opposites in OPPOSITES {
            if opposites.intersects(switches) {
                self.switches.remove(opposites);
            }
        }
        self.switches.set(switches, sense == Sense::On);
    }

    pub(super) fn count(&mut self, counter: Counter, sense: Sense) {
        let count = match counter {
            Counter::Verbose => &mut self.verbose,
            Counter::Itemize => &mut self.itemize,
            Counter::Human => &mut self.human,
            Counter::OneFileSystem => &mut self.one_file_system,
            Counter::Atimes => &mut self.atimes,
            Counter::Version => &mut self.version,
            Counter::Xattrs => &mut self.xattrs,
        };
        *count = if sense == Sense::On { count.saturating_add(1) } else { 0 };
    }

    pub(super) fn set(
        &mut self,
        setting: Setting,
        name: &str,
        value: &OsStr,
    ) -> Result<(), Problem> {
        match setting {
            Setting::ModifyWindow => self.window = number(name, value)?,
            Setting::MaxDelete => self.max_delete = Some(number(name, value)?),
            Setting::MaxSize => self.max_size = Some(size(name, value)?),
            Setting::MinSize => self.min_size = Some(size(name, value)?),
            Setting::Info => {
                if self.asked.read(value)? == Answer::Help {
                    self.text = Some(Request::Text(info::info_help()));
                }
            }
            Setting::Debug => {
                if info::check_debug(value)? == Answer::Help {
                    self.text = Some(Request::Text(info::debug_help()));
                }
            }
            Setting::Stderr => {
                let sink = checks::stderr_mode(value)?;
                self.switches.set(Switches::ALL_TO_STDERR, sink == Sink::Stderr);
            }
            Setting::TempDir => self.temp_dir = Some(PathBuf::from(value)),
            Setting::BackupDir => self.backup_dir = Some(PathBuf::from(value)),
            Setting::CompareDest => self.bases.push((Found::LeftOut, PathBuf::from(value))),
            Setting::CopyDest => self.bases.push((Found::Copied, PathBuf::from(value))),
            Setting::LinkDest => self.bases.push((Found::Linked, PathBuf::from(value))),
            Setting::Suffix => self.suffix = Some(value.as_bytes().into()),
            Setting::Jobs => self.jobs = checks::jobs(value)?,
            Setting::Verify => self.verify = Some(checks::verify(value)?),
            Setting::ReadBack => self.proof.read_back = proof::read_back(value)?,
            Setting::SourceDigest => self.proof.source_digest = proof::source_digest(value)?,
            Setting::Repair => self.proof.repair_rounds = proof::rounds(value)?,
            Setting::Ledger => self.proof.ledger = Some(PathBuf::from(value)),
            Setting::Report => self.reports.report = Some(PathBuf::from(value)),
            Setting::Manifest => self.reports.manifest = Some(PathBuf::from(value)),
            Setting::Combined => self.reports.combined = Some(PathBuf::from(value)),
            Setting::FailedList => self.reports.failed_list = Some(PathBuf::from(value)),
            Setting::ChecksumChoice => self.checksums = checks::checksums(name, value)?,
            Setting::Bwlimit => self.rate = rate(name, value)?,
            Setting::NoBwlimit => self.rate = None,
            Setting::StopAfter => {
                self.deadline = Some(moments::after(name, value, Instant::now())?);
            }
            Setting::StopAt => self.deadline = Some(moments::at(value, Instant::now())?),
            Setting::FilesFrom => self.files_from = Some(value.to_owned()),
            Setting::ConfineRoot => self.confine_root = Some(PathBuf::from(value)),
            Setting::Against => self.against = Some(value.to_owned()),
            Setting::OutFormat => self.out_format = Some(value.as_bytes().into()),
            Setting::LogFile => {
                self.log_file = Some(PathBuf::from(value)).filter(|_| !value.is_empty());
            }
            Setting::LogFileFormat => self.log_format = Some(value.as_bytes().into()),
            Setting::Chmod => self.modes.extend(modes(value)?),
            Setting::Chown => self.speak_of(|owners| owners.chown(value))?,
            Setting::UserMap => self.speak_of(|owners| owners.usermap(value))?,
            Setting::GroupMap => self.speak_of(|owners| owners.groupmap(value))?,
            Setting::CopyAs => self.account = Some(owners::account(value)?),
            Setting::RemoteOption => self.remotes.push(value.to_owned()),
            Setting::Generate if value == "man" => self.text = Some(Request::ManualPage),
            Setting::Generate => return Err(Problem::usage("--generate can make: man")),
        }
        Ok(())
    }

    /// Owners and groups that are spoken of are carried over.
    fn speak_of(
        &mut self,
        say: impl FnOnce(&mut owners::Typed) -> Result<owners::Spoken, Problem>,
    ) -> Result<(), Problem> {
        let spoken = say(&mut self.owners)?;
        for (is_spoken_of, switch) in
            [(spoken.users, Switches::OWNER), (spoken.groups, Switches::GROUP)]
        {
            if is_spoken_of {
                self.switches.insert(switch);
            }
        }
        Ok(())
    }

    pub(super) fn has(&self, switches: Switches) -> bool {
        self.switches.contains(switches)
    }

    pub(super) fn pick<T>(&self, switches: Switches, with: T, without: T) -> T {
        if self.has(switches) { with } else { without }
    }
}
