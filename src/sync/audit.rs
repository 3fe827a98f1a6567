//! Audits against check files: of a tree, or of one check file against another.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::effort::Stop;
use crate::error::{Class, Fault, Place, Trouble};
use crate::filter::scope;
use crate::filter::within::Rules;
use crate::manifest::index::Manifest;
use crate::manifest::load::{How, load};
use crate::manifest::names::Names;
use crate::manifest::open::Asked;
use crate::model::checksum::Algorithm;
use crate::model::meta::Kind;
use crate::phase::against::Against;
use crate::phase::hidden::Hidden;
use crate::phase::pass::Pass;
use crate::phase::two_lists::TwoLists;
use crate::report::ledger::{Keeps, Ledger};
use crate::report::observer::{Observer, Phase};
use crate::roots::dest::Dest;
use crate::roots::sources::open_sources;
use crate::scan::own::OwnDirs;
use crate::settings::Settings;
use crate::settings::links::SourceLinks;
use crate::sync::{Report, Run, pool};
use crate::sys::chain::Budget;
use crate::sys::dir::{Dir, Follow};
use crate::sys::stat;

/// What an audit against a check file went by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// What was compared with it.
    pub what: Compared,
    /// The digests.
    pub by: By,
}

/// What was compared with a check file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Files, which were read.
    Files,
    /// Another check file: no file was read.
    CheckFile,
}

/// The algorithms of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// These.
    All(Vec<Algorithm>),
    /// One of these: nothing matched that could have told which.
    OneOf(Vec<Algorithm>),
}

/// Who audits, and what the process allows.
#[derive(Clone, Copy)]
pub(super) struct Audit<'a> {
    pub(super) settings: &'a Settings,
    pub(super) observer: &'a dyn Observer,
    pub(super) stop: &'a Stop,
    /// The user's.
    pub(super) umask: u32,
    /// How many files may be open.
    pub(super) files: u64,
}

impl Audit<'_> {
    /// Compares with what was `asked` for.
    pub(super) fn run(&self, asked: &Asked) -> Result<Report, Fault> {
        let dest = self.settings.roots.dest.as_path();
        let place = || Place::operand(dest);
        let meta = stat::operand(dest, Follow::Links).map_err(|error| {
            Fault::io(Class::Selection, "look at what is to be compared", place(), error)
        })?;
        let mut report = Report::default();
        if meta.kind == Kind::Dir {
            let roots: Vec<PathBuf> =
                [std::path::absolute(dest), fs::canonicalize(dest)].into_iter().flatten().collect();
            let roots: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
            if let Some(manifest) = self.load(asked, Names::below(&roots))? {
                self.tree(&manifest, &mut report)?;
            }
        } else {
            // Absolute names of both lead to the same places.
            let names = || Names::below(&[Path::new("/")]);
            let new = Asked { file: dest.to_path_buf(), algorithm: asked.algorithm };
            if let Some(old) = self.load(asked, names())?
                && let Some(new) = self.load(&new, names()).map_err(not_even_a_directory)?
            {
                self.lists(&old, &new, &mut report)?;
            }
        }
        if self.stop.is_requested() {
            let is_time_up = self.stop.is_time_up();
            report.meet(Some(if is_time_up { Class::TimeUp } else { Class::Interrupted }));
        }
        Ok(report)
    }

    fn load(&self, asked: &Asked, names: Names) -> Result<Option<Manifest>, Fault> {
        let trust = self.settings.roots.trust.anywhere();
        let how = How { trust: &trust, stops: &|| self.stop.is_requested() };
        load(asked, names, how)
    }

    fn tree(&self, manifest: &Manifest, report: &mut Report) -> Result<(), Fault> {
        let Self { settings, observer, stop, umask, files } = *self;
        let budget = Budget::new(files / 6);
        let mut sources = open_sources(settings, &budget)?;
        for fault in sources.faults.drain(..) {
            report.meet(Some(fault.class));
            observer.fault(&fault);
        }
        sources.check_rules()?;
        let dest = Dest::nowhere(settings);
        let pass = Pass::new(settings, None, stop, dest.root.clone(), &budget, umask);
        let own = OwnDirs::default();
        let mut run = Run { pass, observer, sources, dest, own, kept: None };
        run.reads_from(report);
        run.flush(report);
        let (pool, _) = pool(&run, files)?;
        pool.install(|| run.audit(manifest, report));
        Ok(())
    }

    fn lists(&self, old: &Manifest, new: &Manifest, report: &mut Report) -> Result<(), Fault> {
        let place = || Place::operand(&self.settings.roots.dest);
        let rule = |why: &str| Fault::rule(Class::Usage, "compare the check file", place(), why);
        let ours = new.algorithms().iter().copied();
        let common: Vec<_> = ours.filter(|ours| old.algorithms().contains(ours)).collect();
        if common.is_empty() && !old.is_empty() && !new.is_empty() {
            let why = format!(
                "it has digests of {}, and the other one of {}: none in common",
                listed(new.algorithms()),
                listed(old.algorithms())
            );
            return Err(rule(&why));
        }
        if self.settings.rules.has_dir_merges() {
            return Err(rule("rule files of directories need directories that are there"));
        }
        let (ledger, first) = Ledger::new(Phase::Verify, Keeps::Tell, self.observer);
        self.observer.phase_starts(Phase::Verify, &ledger);
        let mut sheet = ledger.sheet(first);
        let lists = TwoLists { old, new, ledger: &ledger, stop: self.stop };
        let rules =
            Rules::at(&self.settings.rules, scope::Side::Sender, Path::new("/"), NO_PARENTS);
        let hidden = Hidden::new(rules, None, Follow::Never).map_err(|trouble| trouble.at(place()));
        let compared = hidden.and_then(|mut hidden| lists.compare(&mut hidden, &mut sheet));
        sheet.close();
        if let Err(fault) = compared {
            ledger.fault(&fault);
        }
        report.meet(ledger.worst());
        report.verify = Some(ledger.tally());
        report.findings = ledger.findings();
        let is_open = old.is_open() && new.is_open();
        let by = if is_open { By::OneOf(common) } else { By::All(common) };
        report.audit = Some(Audited { what: Compared::CheckFile, by });
        self.observer.phase_ends(Phase::Verify, &ledger);
        Ok(())
    }
}

/// Rule files above a check file have nothing to say.
const NO_PARENTS: scope::Parents = scope::Parents::Skip;

/// What is no check file may have been meant to be something else.
fn not_even_a_directory(mut fault: Fault) -> Fault {
    fault.verb = "take for a check file, as it is no directory,";
    fault
}

fn listed(algorithms: &[Algorithm]) -> String {
    let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    names.join(", ")
}

impl Run<'_> {
    /// Compares what is there with what is listed.
    fn audit(&self, manifest: &Manifest, report: &mut Report) {
        let (ledger, first) = Ledger::new(Phase::Verify, Keeps::Tell, self.observer);
        self.observer.phase_starts(Phase::Verify, &ledger);
        let against = Against::new(&self.pass, &ledger, manifest);
        let mut sheet = self.told_of_operands(ledger.sheet(first));
        let (walked, last) = (sheet.fork(), sheet.fork());
        sheet.close();
        self.walk(&against, walked);
        match self.hidden() {
            Ok(hidden) => against.finish(hidden, last),
            Err(trouble) => {
                let place = Place::operand(&self.dest.root);
                self.pass.tell_fault(&ledger, &trouble.at(place));
                last.close();
            }
        }
        let tally = self.close(&ledger, report);
        report.verify = Some(tally);
        report.findings = ledger.findings();
        let from_storage = self.pass.tolerance.from_storage.as_ref();
        report.cached_files = from_storage.map_or(0, |from| from.cached_files());
        let matched = against.matches.all();
        let by = match (matched.is_empty(), manifest.is_open()) {
            (false, _) => By::All(matched),
            (true, true) => By::OneOf(manifest.algorithms().to_vec()),
            (true, false) => By::All(manifest.algorithms().to_vec()),
        };
        report.audit = Some(Audited { what: Compared::Files, by });
        self.observer.phase_ends(Phase::Verify, &ledger);
    }

    /// What the filter rules say of what the walk does not meet.
    fn hidden(&self) -> Result<Hidden, Trouble> {
        let settings = self.pass.settings;
        let top = settings.roots.sources.first().map_or(Path::new("."), PathBuf::as_path);
        let rules = Rules::at(&settings.rules, scope::Side::Sender, top, scope::Parents::Scan);
        let follows = settings.links.source != SourceLinks::AsLinks;
        let follow = if follows { Follow::Links } else { Follow::Never };
        // Without it there is nothing that rule files could be in, and the walk has told why.
        Hidden::new(rules, Dir::open_operand(top).ok().map(Arc::new), follow)
    }
}
