//! Files that a run writes about itself: `--report`, `--manifest`, `--combined`, `--failed-list`.
//!
//! All come from the outcomes that the ledger records, as phase two judges them; where there is no phase
//! two, as phase one does.

use std::io;
use std::path::{self, Path, PathBuf};

use crate::cli::reports::json::Json;
use crate::cli::reports::whole::Whole;
use crate::error::{Class, Fault, Place};
use crate::manifest;
use crate::model::change::{Action, Why};
use crate::model::meta::Kind;
use crate::model::path::RelPath;
use crate::report::observer::{Ending, Event, Outcome, Phase};
use crate::settings::deletion::Extraneous;
use crate::settings::{Effect, Settings, Verify};
use crate::sync::Report;

pub mod json;
pub mod whole;

/// Which files are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportChoices {
    /// `--report`: JSON Lines.
    pub report: Option<PathBuf>,
    /// `--manifest`: a check file for b3sum.
    pub manifest: Option<PathBuf>,
    /// `--combined`: `= - + * !`, as `rclone check` writes them.
    pub combined: Option<PathBuf>,
    /// `--failed-list`: names that end with NUL.
    pub failed_list: Option<PathBuf>,
}

impl ReportChoices {
    /// True if nothing is written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is written into the destination while its extra entries are deleted would be one of them.
    fn stay_outside(&self, settings: &Settings) -> Result<(), Fault> {
        if settings.delete.extraneous == Extraneous::Keep {
            return Ok(());
        }
        let Ok(dest) = path::absolute(&settings.roots.dest) else { return Ok(()) };
        let files = [&self.report, &self.manifest, &self.combined, &self.failed_list];
        for file in files.into_iter().flatten() {
            if path::absolute(file).is_ok_and(|file| file.starts_with(&dest)) {
                let why = "it lies in the destination, where --delete removes it";
                return Err(Fault::rule(Class::Usage, "write", Place::operand(file), why));
            }
        }
        Ok(())
    }
}

/// The files of a run.
pub struct Reports {
    json: Option<Json>,
    manifest: Option<Whole>,
    /// Names that the manifest can not express.
    unlisted: Option<Whole>,
    combined: Option<Whole>,
    failed_list: Option<Whole>,
    /// The phase that judges.
    judging: Phase,
    effect: Effect,
    repairs: bool,
}

/// What became of an entry, as far as anybody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is as the source has it.
    Equal,
    /// It is not.
    Differs,
    /// The destination has not got it.
    Missing,
    /// The source has not got it.
    Extra,
    /// It could not be dealt with.
    Failed,
    /// Nobody compared it, or it is gone.
    None,
}

impl Reports {
    /// Opens the files.
    ///
    /// # Errors
    /// One can not be made.
    pub fn open(choices: &ReportChoices, settings: &Settings) -> Result<Self, Fault> {
        choices.stay_outside(settings)?;
        let whole = |path: &Option<PathBuf>| path.as_deref().map(Whole::open).transpose();
        let unlisted = choices.manifest.as_deref().map(beside);
        let verifies = settings.effect == Effect::VerifyOnly
            || (settings.effect == Effect::Sync && settings.verify != Verify::None);
        let judging = if verifies { Phase::Verify } else { Phase::Copy };
        let start = |path: &Path| Json::start(path, settings, judging);
        Ok(Self {
            json: choices.report.as_deref().map(start).transpose()?,
            manifest: whole(&choices.manifest)?,
            unlisted: whole(&unlisted)?,
            combined: whole(&choices.combined)?,
            failed_list: whole(&choices.failed_list)?,
            judging,
            effect: settings.effect,
            repairs: settings.proof.repair_rounds > 0,
        })
    }

    /// Takes what happened to an entry.
    pub fn event(&mut self, event: &Event<'_>) {
        let Event::Entry(outcome) = event else { return };
        if let Some(json) = &mut self.json {
            json.entry(outcome);
        }
        if outcome.phase != self.judging {
            return;
        }
        let (state, change) = (self.state(outcome), &outcome.change);
        let digest = change.more.as_ref().and_then(|more| more.digest);
        if let (State::Equal, Some(digest), Kind::File) = (state, digest, change.kind) {
            self.list(&change.path, manifest::write::line(&change.path, &digest));
        }
        if let Some(combined) = self.combined.as_mut().filter(|_| change.kind != Kind::Dir) {
            combined.line(state, &change.path);
        }
        let is_wrong = matches!(state, State::Differs | State::Missing | State::Failed);
        if let Some(failed) = self.failed_list.as_mut().filter(|_| is_wrong) {
            failed.name(&change.path);
        }
    }

    fn list(&mut self, path: &RelPath, line: Option<Vec<u8>>) {
        let Some(manifest) = &mut self.manifest else { return };
        match (line, &mut self.unlisted) {
            (Some(line), _) => manifest.write(&line),
            (None, Some(unlisted)) => unlisted.name(path),
            (None, None) => {}
        }
    }

    /// Takes a fault.
    pub fn fault(&mut self, fault: &Fault) {
        if let Some(json) = &mut self.json {
            json.fault(fault);
        }
    }

    /// Ends the files. A run that did not look at everything leaves only the report behind: a part of a
    /// manifest looks like a whole one. Returns what is to be said about them.
    ///
    /// # Errors
    /// Something could not be written, now or before.
    pub fn close(
        self,
        report: Option<&Report>,
        sentence: &str,
        worst: Option<Class>,
    ) -> Result<Vec<String>, Fault> {
        if let Some(json) = self.json {
            json.end(report, sentence, worst)?;
        }
        // A rule file or a check file that makes no sense ends a run, too.
        let broke_off = [Class::Interrupted, Class::TimeUp, Class::FileIo, Class::Usage];
        let is_partial = report.is_none() || worst.is_some_and(|worst| broke_off.contains(&worst));
        let mut said = Vec::new();
        for whole in [self.manifest, self.combined, self.failed_list].into_iter().flatten() {
            if is_partial {
                let path = whole.path.display();
                said.push(format!("the run broke off: \"{path}\" was not written"));
            } else {
                whole.keep()?;
            }
        }
        if let Some(unlisted) = self.unlisted.filter(|names| names.names > 0 && !is_partial) {
            let (count, path) = (unlisted.names, unlisted.path.display());
            let names = if count == 1 { "1 name" } else { &format!("{count} names") };
            said.push(format!("not in b3sum's format, and so listed in \"{path}\": {names}"));
            unlisted.keep()?;
        }
        Ok(said)
    }

    fn state(&self, outcome: &Outcome) -> State {
        if outcome.ending == Ending::Failed {
            return State::Failed;
        }
        let acts = self.effect == Effect::Sync && (self.judging == Phase::Copy || self.repairs);
        match outcome.change.action {
            Action::Keep(Why::UpToDate) => State::Equal,
            Action::Keep(_) => State::None,
            Action::Delete if acts => State::None,
            _ if acts => State::Equal,
            Action::Create => State::Missing,
            Action::Delete => State::Extra,
            Action::Rewrite | Action::Replace | Action::Adjust => State::Differs,
        }
    }
}

impl State {
    /// `rclone check --combined`.
    fn sign(self) -> Option<u8> {
        match self {
            Self::Equal => Some(b'='),
            Self::Differs => Some(b'*'),
            Self::Missing => Some(b'+'),
            Self::Extra => Some(b'-'),
            Self::Failed => Some(b'!'),
            Self::None => None,
        }
    }
}

/// Where the names go that a manifest can not express.
fn beside(manifest: &Path) -> PathBuf {
    let mut name = manifest.as_os_str().to_owned();
    name.push(".unlisted");
    name.into()
}

fn unwritten(path: &Path, error: io::Error) -> Fault {
    Fault::io(Class::FileIo, "write", Place::operand(path), error)
}
