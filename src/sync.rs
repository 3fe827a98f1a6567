//! The library's door: two phases in order.

pub mod audit;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::act::backup::Backups;
use crate::effort::{Crew, Stop};
use crate::error::{Class, Fault, Place};
use crate::filter::scope;
use crate::filter::within::Rules;
use crate::journal::store::{Digests, Journal};
use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::FileId;
use crate::model::path::RelPath;
use crate::phase::copy::Copy;
use crate::phase::list::List;
use crate::phase::pass::{Memo, Pass};
use crate::phase::prune::Prune;
use crate::phase::verify::Verify;
use crate::report::ledger::{Deciding, Keeps, Ledger, Record, Sheet};
use crate::report::observer::{Event, Observer, Phase};
use crate::report::tally::{Findings, Tally};
use crate::roots::basis::open_bases;
use crate::roots::dest::{Dest, open_dest};
use crate::roots::sources::{Sources, ids_up_to_root, open_sources};
use crate::roots::vault::open_backups;
use crate::scan::node::Node;
use crate::scan::own::OwnDirs;
use crate::scan::prune::Filled;
use crate::scan::survey::survey;
use crate::scan::walk::{Visit, Walk};
use crate::settings::deletion::{Extraneous, When};
use crate::settings::links::SourceLinks;
use crate::settings::recast::recast;
use crate::settings::{self, Effect, Existing, Jobs, Roots, Settings};
use crate::sync::audit::{Audit, Audited};
use crate::sync::whence::Whence;
use crate::sys::chain::Budget;
use crate::sys::dir::{Dir, Follow, is_missing_dir};
use crate::sys::mount::{Locality, locality};
use crate::sys::names::become_user;
use crate::sys::permit::Permit;
use crate::sys::{process, stat};

mod past;
pub mod whence;

/// What a run did and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Phase one.
    pub copy: Tally,
    /// Phase two, what it did.
    pub verify: Option<Tally>,
    /// Phase two, what it found.
    pub findings: Findings,
    /// Where the destination's bytes were read back.
    pub whence: Whence,
    /// Files that were to be read from storage and that the page cache kept all the same.
    pub cached_files: u64,
    /// Attributes that the destination refused to set, beyond the one that was told.
    pub untold_refusals: u64,
    /// What an audit against a check file went by, if it was one.
    pub audit: Option<Audited>,
    /// The gravest class of fault that was met.
    pub worst: Option<Class>,
}

impl Report {
    fn meet(&mut self, class: Option<Class>) {
        if let Some(class) = class
            && self.worst.is_none_or(|worst| worst.rank() < class.rank())
        {
            self.worst = Some(class);
        }
    }
}

/// With fewer handles than this a directory on each side, a file on each side and the journal do not
/// leave enough for a walk that gives handles back.
const LEAST_OPEN_FILES: u64 = 64;

/// Copies, verifies and repairs as `settings` say.
///
/// It sets the umask of the process to 0 and raises its limit of open files. With
/// [`Settings::account`] (`--copy-as`) the process, all of its threads, becomes that user and stays it
/// when the run has ended: who wants to go on as before calls this in a process of its own.
///
/// # Errors
/// Only what ends the whole run before it starts; an entry's faults go to the observer and into
/// [`Report::worst`].
pub fn run(settings: &Settings, observer: &dyn Observer, stop: &Stop) -> Result<Report, Fault> {
    if let Some(account) = &settings.account {
        become_user(account).map_err(|error| {
            let place = Place::operand(&settings.roots.dest);
            Fault::io(Class::Usage, "become the user of --copy-as for", place, error)
        })?;
    }
    let stop = &stop.within(settings.effort.bytes_per_second, settings.effort.deadline);
    let umask = process::clear_umask();
    let files = process::raise_open_file_limit();
    if files < LEAST_OPEN_FILES {
        let place = Place::operand(&settings.roots.dest);
        let why = format!("only {files} files may be open at once (raise that: ulimit -n 1024)");
        return Err(Fault::rule(Class::FileIo, "start work on", place, why));
    }
    if let Some(asked) = &settings.against {
        return Audit { settings, observer, stop, umask, files }.run(asked);
    }
    let permit = (settings.effect == Effect::Sync).then(Permit::grant);
    let budget = Budget::new(files / 6);
    let mut sources = open_sources(settings, &budget)?;
    let mut report = Report::default();
    for fault in sources.faults.drain(..) {
        report.meet(Some(fault.class));
        observer.fault(&fault);
    }
    sources.check_rules()?;
    let kept = past::open(settings)?;
    let has_work = !sources.is_empty() || !sources.missing.is_empty();
    let dest = if !has_work || settings.effect == Effect::List {
        Dest::nowhere(settings)
    } else {
        open_dest(settings, &sources, permit.as_ref(), &budget, umask)?
    };
    if settings.effect != Effect::VerifyOnly {
        tell_made(&dest, &sources, settings, observer);
    }
    let mut pass = Pass::new(settings, permit.as_ref(), stop, dest.root.clone(), &budget, umask);
    pass.backups = open_backups(settings, &dest, permit.as_ref(), &pass.rules)?;
    if let Some((path, is_new)) = pass.backups.as_ref().and_then(Backups::dir) {
        observer.event(&Event::BackupDir { path, is_new });
    }
    let tell = |fault: &Fault, class| {
        observer.fault(fault);
        report.meet(class);
    };
    let (roots, bases): (Vec<_>, Vec<_>) =
        open_bases(settings, &dest, &budget, tell).into_iter().unzip();
    (pass.base_roots, pass.bases) = (roots, bases.into());
    let named = sources.roots(settings.links.source);
    pass.sources = sources.all_above();
    pass.sources.extend(&named);
    pass.may_meet_twice = settings.links.source != SourceLinks::AsLinks || sources.layers.len() > 1;
    pass.source_failed.store(sources.lost_contents, Ordering::Relaxed);
    let own = overlap(&named, &dest, settings.links.source);
    let mut run = Run { pass, observer, sources, dest, own, kept: None };
    let (pool, workers) = pool(&run, files)?;
    run.kept = kept.map(|kept| kept.shared_by(workers));
    pool.install(|| run.both_phases(workers, &mut report));
    run.close_ledger(&mut report);
    Ok(report)
}

/// The workers of a run, of which no more than `files` files may be open, and how many there are.
fn pool(run: &Run<'_>, files: u64) -> Result<(rayon::ThreadPool, usize), Fault> {
    let workers = run.crew().size().clamp(1, usize::try_from(files / 8).unwrap_or(1).max(1));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build().map_err(|error| {
        let place = Place::operand(&run.pass.settings.roots.dest);
        Fault::rule(Class::FileIo, "start workers for", place, error.to_string())
    })?;
    Ok((pool, workers))
}

/// Tells which directories were made, as rsync does: in a dry run it tells more.
fn tell_made(dest: &Dest, sources: &Sources, settings: &Settings, observer: &dyn Observer) {
    let Dest { made_parents, is_new, root, .. } = dest;
    if *made_parents > 0 {
        observer.event(&Event::MadeParents { count: *made_parents, path: root });
    }
    let was_told = *made_parents > 0 && settings.effect == Effect::Sync;
    if *is_new && !was_told && !sources.is_empty_dir(settings) {
        observer.event(&Event::MadeDest(root));
    }
}

/// Which of the destination's directories would be met in the source.
fn overlap(named: &[FileId], dest: &Dest, links: SourceLinks) -> OwnDirs {
    let opened = dest.chain.as_ref().and_then(|chain| chain.get().ok());
    let above = opened.map_or_else(Vec::new, ids_up_to_root);
    OwnDirs {
        // A source that is the destination itself (`DIR DIR`) is copied into itself, once.
        dest: above.first().copied().filter(|id| !named.contains(id)),
        // A symlink that is followed may lead to what holds the destination from anywhere.
        overlap: links != SourceLinks::AsLinks || named.iter().any(|id| above.contains(id)),
        made: Mutex::default(),
    }
}

/// A run whose operands are open.
struct Run<'a> {
    pass: Pass<'a>,
    observer: &'a dyn Observer,
    sources: Sources,
    dest: Dest,
    own: OwnDirs,
    kept: Option<past::Opened>,
}

impl Run<'_> {
    /// Which kind of work it is: bound by processors, or by round trips.
    fn crew(&self) -> Crew {
        if let Jobs::Fixed(jobs) = self.pass.settings.effort.jobs {
            return Crew::Fixed(jobs);
        }
        let sources = self.sources.layers.iter().map(|layer| &layer.chain);
        let is_remote = sources.chain(&self.dest.chain).any(|chain| {
            chain.get().and_then(|dir| locality(&dir)).is_ok_and(|kind| kind == Locality::Network)
        });
        if is_remote { Crew::Remote } else { Crew::Local }
    }

    fn both_phases(&mut self, workers: usize, report: &mut Report) {
        let settings = self.pass.settings;
        let mut digests = Digests::none();
        match settings.effect {
            Effect::Sync | Effect::DryRun => {
                let mut pruned = Tally::default();
                self.deletions(When::Before, &mut pruned, report);
                digests = self.copy(workers, report);
                self.deletions(When::Delay, &mut pruned, report);
                self.deletions(When::After, &mut pruned, report);
                report.copy.add_deletions(&pruned);
            }
            Effect::List => self.list(report),
            Effect::VerifyOnly => {}
        }
        let verifies = match settings.effect {
            Effect::Sync => settings.verify != settings::Verify::None,
            Effect::DryRun | Effect::List => false,
            Effect::VerifyOnly => true,
        };
        if !self.pass.stop.is_requested() {
            if verifies {
                self.reads_from(report);
            }
            self.flush(report);
            if settings.proof.repair_rounds == 0 {
                self.pass.permit = None;
            }
            if verifies {
                self.verify(&digests, report);
            }
        }
        if self.pass.stop.is_requested() && !self.pass.is_ended.load(Ordering::Relaxed) {
            let is_time_up = self.pass.stop.is_time_up();
            report.meet(Some(if is_time_up { Class::TimeUp } else { Class::Interrupted }));
        }
        report.untold_refusals = self.pass.untold_refusals();
    }

    fn copy(&self, workers: usize, report: &mut Report) -> Digests {
        let verify = self.pass.settings.verify;
        let reads = matches!(verify, settings::Verify::All | settings::Verify::Transferred);
        // Which files this run wrote is asked by who keeps the others.
        let keeps = self.pass.backups.is_some() && verify != settings::Verify::None;
        let wants_digests = self.pass.permit.is_some() && (reads || keeps);
        let journal = wants_digests.then(|| Journal::new(workers)).transpose();
        let journal = journal.unwrap_or_else(|error| self.journal_failed(error, report));
        let (ledger, first) = Ledger::new(Phase::Copy, Keeps::Tell, self.observer);
        self.observer.phase_starts(Phase::Copy, &ledger);
        let copy = Copy {
            pass: &self.pass,
            journal: journal.as_ref(),
            ledger: &ledger,
            groups: self.pass.groups(),
        };
        let mut sheet = self.told_of_operands(ledger.sheet(first));
        self.remove_missing_args(&mut sheet);
        let counted = Stop::default();
        thread::scope(|scope| {
            if self.observer.wants_survey() {
                scope.spawn(|| self.survey(&ledger, &counted));
            }
            self.walk(&copy, sheet);
            counted.request();
        });
        report.copy = self.close(&ledger, report);
        self.observer.phase_ends(Phase::Copy, &ledger);
        let sorted = journal.map(Journal::sort).transpose();
        sorted.unwrap_or_else(|error| self.journal_failed(error, report)).unwrap_or_default()
    }

    /// Removes what `--delete-missing-args` says; a full directory only with `--force` or `--delete`.
    fn remove_missing_args(&self, sheet: &mut Sheet<'_>) {
        // Without it nothing can be done, as the walk tells.
        let Some(Ok(dir)) = self.dest.chain.as_ref().map(|chain| chain.get()) else { return };
        for (way, name) in &self.sources.missing {
            let name = self.dest.renamed.as_ref().unwrap_or(name);
            let down = |dir: Arc<Dir>, name| dir.open_child(name, Follow::Never).map(Arc::new);
            let path = RelPath::from_names(way);
            match way.iter().try_fold(Arc::clone(&dir), down) {
                Ok(dir) => self.pass.remove_missing_arg(&dir, &path, name, sheet),
                // Where there is no such directory, there is nothing to remove.
                Err(error) if is_missing_dir(&error) => {}
                Err(error) => {
                    let place = Place::below(&self.dest.root, &path.join(name));
                    let fault = Fault::io(Class::Entry, "look for", place, error);
                    self.pass.tell_fault(sheet.ledger(), &fault);
                }
            }
        }
    }

    /// Deletions that are not a part of the copy's own walk.
    fn deletions(&self, when: When, pruned: &mut Tally, report: &mut Report) {
        let delete = &self.pass.settings.delete;
        let is_due = delete.extraneous == Extraneous::Remove && delete.when == when;
        if !is_due || self.pass.stop.is_requested() {
            return;
        }
        let ledger = || Ledger::new(Phase::Copy, Keeps::Extras, self.observer);
        if when != When::Delay {
            let (ledger, first) = ledger();
            self.walk(&Prune { pass: &self.pass, ledger: &ledger }, ledger.sheet(first));
            *pruned += self.close(&ledger, report);
        }
        if when != When::After || delete.limit.is_some() {
            let (ledger, first) = ledger();
            let mut sheet = ledger.sheet(first);
            self.pass.remove_delayed(&ledger, &mut sheet);
            sheet.close();
            *pruned += self.close(&ledger, report);
        }
    }

    /// Lists the sources.
    fn list(&self, report: &mut Report) {
        let (ledger, first) = Ledger::new(Phase::Copy, Keeps::Tell, self.observer);
        self.observer.phase_starts(Phase::Copy, &ledger);
        let list = List { pass: &self.pass, ledger: &ledger };
        self.walk(&list, self.told_of_operands(ledger.sheet(first)));
        report.copy = self.close(&ledger, report);
        self.observer.phase_ends(Phase::Copy, &ledger);
    }

    /// Tells which operands are left out, and why.
    fn told_of_operands<'l>(&self, mut sheet: Sheet<'l>) -> Sheet<'l> {
        for (path, kind, said) in &self.sources.ruled {
            sheet.ruled(|| path.clone(), *kind, Deciding::Transfer, said.clone());
        }
        for (path, dir) in &self.sources.skipped_dirs {
            sheet.tally.planned += 1;
            let record = Record::of(dir, Action::Keep(Why::NotRecursive), Diff::NONE);
            sheet.record(record, || path.clone());
        }
        sheet
    }

    /// Without a journal phase two reads both sides: slower, and just as good. But what it is to do
    /// must not hang on it.
    fn journal_failed<T>(&self, error: io::Error, report: &mut Report) -> Option<T> {
        let settings = self.pass.settings;
        let hangs_on_it = settings.verify == settings::Verify::Transferred
            || settings.update.existing != Existing::Update
            || self.pass.backups.is_some();
        if hangs_on_it {
            let place = Place::operand(&std::env::temp_dir());
            let fault = Fault::io(Class::FileIo, "keep the journal in", place, error);
            report.meet(Some(fault.class));
            self.observer.fault(&fault);
        }
        if self.pass.backups.is_some() {
            // Phase two would take what this run wrote for old data, and keep it over the old data.
            self.pass.is_ended.store(true, Ordering::Relaxed);
            self.pass.stop.request();
        }
        None
    }

    /// Counts the sources for a progress bar, unless the copy is done before.
    fn survey(&self, ledger: &Ledger<'_>, stop: &Stop) {
        let settings = self.pass.settings;
        let Roots { sources, list, .. } = &settings.roots;
        let listed: Option<Vec<PathBuf>> = list
            .as_ref()
            .zip(sources.first())
            .map(|(list, top)| list.iter().map(|line| top.join(OsStr::from_bytes(line))).collect());
        let sources = listed.as_ref().unwrap_or(sources);
        let extent = survey(sources, settings.select.recursion, stop);
        if let Some(extent) = extent {
            ledger.gauge().surveyed(extent);
        }
    }

    fn verify(&self, digests: &Digests, report: &mut Report) {
        let keeps = match self.pass.settings.effect {
            Effect::VerifyOnly => Keeps::Tell,
            Effect::Sync | Effect::DryRun | Effect::List => Keeps::Told,
        };
        let (ledger, first) = Ledger::new(Phase::Verify, keeps, self.observer);
        self.observer.phase_starts(Phase::Verify, &ledger);
        let groups = self.pass.groups();
        let known = Mutex::default();
        let past = self.past();
        let verify = Verify { pass: &self.pass, digests, ledger: &ledger, past, groups, known };
        let mut sheet = ledger.sheet(first);
        let (walked, mut last) = (sheet.fork(), sheet.fork());
        sheet.close();
        self.walk(&verify, walked);
        verify.remove_arrived(&mut last);
        last.close();
        let tally = self.close(&ledger, report);
        report.verify = Some(tally);
        report.findings = ledger.findings();
        let from_storage = self.pass.tolerance.from_storage.as_ref();
        report.cached_files = from_storage.map_or(0, |from| from.cached_files());
        self.observer.phase_ends(Phase::Verify, &ledger);
    }

    /// Walks sources and destination once, handing all to `visitor`.
    fn walk<V: Visit<Memo = Memo>>(&self, visitor: &V, mut sheet: Sheet<'_>) {
        let chain = self.dest.chain.clone();
        let dest = chain.as_ref().and_then(|chain| chain.get().ok());
        let dest_meta = dest.and_then(|dest| stat::handle(&*dest).ok());
        let settings = self.pass.settings;
        let gauge = sheet.ledger().gauge();
        let walk = Walk {
            visitor,
            select: settings.select,
            links: settings.links.source,
            recast: settings.recast.as_deref(),
            extraneous: settings.delete.extraneous,
            own: &self.own,
            stop: self.pass.stop,
            gauge: &gauge,
            unlisted: AtomicU64::new(1),
            filled: Filled::default(),
        };
        let (rules, side) = (&settings.rules, scope::Side::Receiver);
        let protection = Rules::at(rules, side, &self.dest.root, scope::Parents::Scan);
        let layers = self.sources.layers.clone();
        let top = Node::root(layers, chain, self.dest.renamed.clone(), protection);
        let is_first = sheet.ledger().phase() == Phase::Copy;
        let standing = self.sources.top.as_ref().and_then(|(top, before)| {
            // Making a destination inside the source has changed the source's time.
            let is_new_inside = self.dest.is_new && self.own.overlap;
            let source =
                if is_first || is_new_inside { *before } else { stat::handle(&**top).ok()? };
            let source = recast(settings.recast.as_deref(), source);
            sheet.list(&source);
            // rsync takes what --mkpath made for something that was there before.
            let is_new = self.dest.is_new && self.dest.made_parents == 0 && is_first;
            Pair::from_sides(Some(source), dest_meta.filter(|_| !is_new))
        });
        self.sources.other_tops.iter().for_each(|other| sheet.list(other));
        walk.run(&top, standing, sheet);
    }

    /// Ends a phase's ledger: what stopped deletions, and whether every entry ended in one state.
    fn close(&self, ledger: &Ledger<'_>, report: &mut Report) -> Tally {
        let tally = ledger.tally();
        let place = || Place::operand(&self.pass.settings.roots.dest);
        if tally.deletions_skipped > 0 {
            let why = format!("the --max-delete limit: {} were skipped", tally.deletions_skipped);
            ledger.fault(&Fault::rule(Class::MaxDelete, "delete more in", place(), why));
        }
        let lost = tally.unaccounted();
        if lost > 0 {
            let why = format!("{lost} entries were not accounted for: please report this");
            ledger.fault(&Fault::rule(Class::Entry, "finish the run on", place(), why));
        }
        report.meet(ledger.worst());
        tally
    }
}
