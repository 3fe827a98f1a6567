//! Watches a run for a person: prints lines, faults and progress as they come.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::display::{Display, Header, Progress, Volume};
use crate::cli::info::Flag;
use crate::cli::lines;
use crate::cli::log::{Log, LogChoices};
use crate::cli::output::Output;
use crate::cli::progress::{Bar, Meter};
use crate::cli::reports::Reports;
use crate::cli::stats;
use crate::error::{Class, Fault, Place};
use crate::model::change::{Action, Why};
use crate::model::meta::Kind;
use crate::report::gauge::Gauge;
use crate::report::ledger::Ledger;
use crate::report::observer::{Detail, Ending, Event, Extras, Observer, Outcome, Phase};
use crate::report::tally::Tally;
use crate::settings::Effect;
use crate::settings::content::Updating;
use crate::sync::Report;

/// The observer of the command line.
pub struct Console {
    display: Display,
    /// What output and log together have to hear.
    detail: Detail,
    extras: Extras,
    state: Mutex<State>,
}

struct State {
    output: Output,
    /// True once the line is out that rsync prints before the first entry at `-vv`.
    announced: bool,
    gauge: Arc<Gauge>,
    meter: Meter,
    bar: Option<Bar>,
    copied: Tally,
    copying: Duration,
    log: Option<Log>,
    reports: Option<Reports>,
}

impl Console {
    /// Starts the output with its header. A log that can not be opened is told, and is no reason not
    /// to copy.
    pub fn open(display: Display, log: Option<&LogChoices>, reports: Option<Reports>) -> Self {
        let log = log.and_then(|choices| match Log::open(choices) {
            Ok(log) => Some(log),
            Err(error) => {
                let place = Place::operand(&choices.path);
                complain(&Fault::io(Class::FileIo, "open the log", place, error).to_string());
                complain("there will be no log");
                None
            }
        });
        let of_log = log.as_ref().map(Log::display);
        let mut detail = of_log.map_or(Detail::Notices, Display::detail).max(display.detail());
        let mut extras = of_log.map_or(Extras::empty(), Display::extras) | display.extras();
        if reports.is_some() {
            detail = detail.max(Detail::All);
            extras |= Extras::VERDICTS;
        }
        let mut output = Output::open(display.sink, display.escape.reader);
        if display.levels.of(Flag::Flist) >= 1 {
            match display.header {
                Header::None => {}
                Header::Incremental => output.line(b"sending incremental file list"),
                Header::Full => output.line(b"building file list ... done"),
            }
        }
        let state = State {
            output,
            announced: display.verbosity < 2 || display.effect == Effect::VerifyOnly,
            gauge: Arc::default(),
            meter: Meter::start(),
            bar: None,
            copied: Tally::default(),
            copying: Duration::ZERO,
            log,
            reports,
        };
        Self { display, detail, extras, state: Mutex::new(state) }
    }

    /// Prints what closes a run.
    pub fn closing(&self, report: &Report) {
        let mut state = self.state();
        let copying = state.copying;
        state.output.text(&stats::closing(report, copying, &self.display));
        if let Some(log) = &mut state.log {
            log.closing(report, copying);
        }
    }

    /// Ends the files of `--report` and its kin.
    ///
    /// # Errors
    /// One of them could not be written.
    pub fn close_reports(
        &self,
        report: Option<&Report>,
        worst: Option<Class>,
    ) -> Result<(), Fault> {
        let Some(reports) = self.state().reports.take() else { return Ok(()) };
        let sentence =
            report.map_or(String::new(), |report| stats::sentence(report, &self.display));
        for text in reports.close(report, &sentence, worst)? {
            self.complain(&text);
        }
        Ok(())
    }

    /// Says on standard error, and in the log, what a run leaves to be said.
    pub fn complain(&self, text: &str) {
        complain(text);
        self.log(text);
    }

    /// Writes to the log what standard error is told apart.
    pub fn log(&self, text: &str) {
        if let Some(log) = &mut self.state().log {
            log.line(format!("twosync: {text}").as_bytes());
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    /// It could not be written, for another reason than that nobody reads it.
    pub fn close(&self) -> std::io::Result<()> {
        self.state().output.close()
    }

    /// Ends the log with its last line.
    ///
    /// # Errors
    /// The log could not be written.
    pub fn close_log(&self, last: Option<&str>) -> Result<(), Fault> {
        if let Some(text) = last {
            self.log(text);
        }
        let mut state = self.state();
        let Some(log) = &mut state.log else { return Ok(()) };
        let place = Place::operand(log.path());
        log.close().map_err(|error| Fault::io(Class::FileIo, "write the log", place, error))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn print(&mut self, line: &[u8]) {
        let Self { output, bar, .. } = self;
        match bar {
            Some(bar) => bar.aside(|| output.line(line)),
            None => output.line(line),
        }
    }

    fn announce(&mut self, update: Updating) {
        if !std::mem::replace(&mut self.announced, true) {
            let line: &[u8] = match update {
                Updating::Whole => {
                    b"delta-transmission disabled for local transfer or --whole-file"
                }
                _ => b"delta-transmission enabled",
            };
            self.print(line);
        }
    }

    /// Moves rsync's progress lines on.
    fn progress(&mut self, outcome: &Outcome, display: &Display) {
        let kind = display.progress();
        if outcome.phase != Phase::Copy || !matches!(kind, Progress::Files | Progress::Whole) {
            return;
        }
        let is_of_source = match outcome.change.action {
            Action::Delete | Action::Keep(Why::Extraneous) => false,
            Action::Keep(why) => !why.is_remark(),
            _ => true,
        };
        if is_of_source {
            self.meter.tell();
        }
        if !is_sent(outcome) {
            return;
        }
        let size = outcome.change.size;
        self.meter.send(size);
        match kind {
            Progress::Files if display.effect == Effect::Sync => {
                let line = self.meter.file_line(size, &self.gauge, display.numbers);
                self.output.line(line.as_bytes());
            }
            Progress::Whole => {
                let line = self.meter.whole_line(&self.gauge, display.numbers);
                self.output.open_line(&line);
            }
            _ => {}
        }
    }
}

fn is_sent(outcome: &Outcome) -> bool {
    let sends = [Action::Create, Action::Rewrite, Action::Replace];
    outcome.ending == Ending::Done
        && outcome.change.kind == Kind::File
        && !outcome.change.diff.is_local()
        && sends.contains(&outcome.change.action)
}

impl Observer for Console {
    fn detail(&self) -> Detail {
        self.detail
    }

    fn extras(&self) -> Extras {
        self.extras
    }

    fn wants_survey(&self) -> bool {
        self.display.progress() == Progress::Bars && self.display.volume == Volume::Normal
    }

    fn event(&self, event: &Event<'_>) {
        let mut state = self.state();
        if matches!(event, Event::Entry(_)) {
            state.announce(self.display.update);
        }
        if let Some(line) = lines::line(event, &self.display) {
            state.print(&line);
        }
        if let Some(log) = &mut state.log {
            log.event(event);
        }
        if let Some(reports) = &mut state.reports {
            reports.event(event);
        }
        if let Event::Entry(outcome) = event {
            state.progress(outcome, &self.display);
        }
    }

    fn fault(&self, fault: &Fault) {
        if let Some(reports) = &mut self.state().reports {
            reports.fault(fault);
        }
        // What --max-delete stopped is told once, at the end, in rsync's words.
        if fault.class == Class::MaxDelete {
            return;
        }
        let text = fault.to_string();
        let tell = || complain(&text);
        match &self.state().bar {
            Some(bar) => bar.aside(tell),
            None => tell(),
        }
        self.log(&text);
    }

    fn phase_starts(&self, phase: Phase, ledger: &Ledger<'_>) {
        let mut state = self.state();
        state.gauge = ledger.gauge();
        state.meter = Meter::start();
        if self.wants_survey() {
            let gauge = ledger.gauge();
            let (copied, sink) = (state.copied, self.display.sink);
            state.bar = Some(Bar::start(phase, gauge, copied, self.display.numbers, sink));
        }
    }

    fn phase_ends(&self, phase: Phase, ledger: &Ledger<'_>) {
        let mut state = self.state();
        state.bar = None;
        if phase == Phase::Verify {
            return;
        }
        state.announce(self.display.update);
        state.copied = ledger.tally();
        state.copying = state.meter.elapsed(Instant::now());
        if self.display.progress() == Progress::Whole {
            let line = state.meter.whole_line(&state.gauge, self.display.numbers);
            state.output.open_line(&line);
        }
    }
}

/// Says on standard error what went wrong. If nobody reads that either, the exit code has to do.
pub fn complain(text: &str) {
    writeln!(std::io::stderr(), "twosync: {text}").unwrap_or_default();
}
