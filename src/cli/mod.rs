//! The command line: reads it, runs it, prints what happens, and decides the exit code.
//!
//! The only place that prints, parses words and ends the process.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::args::Placement;
use crate::cli::console::{Console, complain};
use crate::cli::names::{High, Reader};
use crate::cli::problem::Problem;
use crate::cli::reports::Reports;
use crate::cli::resolve::{Request, Run, Surroundings, User};
use crate::effort::Stop;
use crate::error::{Class, Fault, Place};
use crate::report::observer::Observer;
use crate::sync::{self, Report};

pub mod args;
pub mod audit;
pub mod checks;
pub mod console;
pub mod display;
pub mod format;
pub mod help;
pub mod info;
pub mod lines;
pub mod listing;
pub mod lists;
pub mod log;
pub mod modes;
pub mod moments;
pub mod names;
pub mod numbers;
pub mod operands;
pub mod options;
pub mod output;
pub mod owners;
pub mod problem;
pub mod progress;
pub mod reports;
pub mod resolve;
pub mod rules;
pub mod signals;
pub mod sizes;
pub mod stats;
pub mod table;
pub mod version;

/// Does what the words after the program's name ask for.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let placement = match env::var_os("POSIXLY_CORRECT") {
        Some(_) => Placement::First,
        None => Placement::Anywhere,
    };
    let request = args::parse(&words, placement).and_then(|args| resolve::resolve(&args, around()));
    match request {
        Ok(Request::Run(run)) => perform(*run),
        Ok(Request::Help) => say(&help::help()),
        Ok(Request::Version) => say(&version::version()),
        Ok(Request::Text(text)) => say(&text),
        Ok(Request::ManualPage) => finish(help::manual_page(&mut io::stdout()), None),
        Ok(Request::Usage) => {
            io::stderr().write_all(help::help().as_bytes()).unwrap_or_default();
            conclude(Some(Class::Usage))
        }
        Err(Problem { class, text }) => {
            complain(&text);
            conclude(Some(class))
        }
    }
}

fn around() -> Surroundings {
    let user = if rustix::process::geteuid().is_root() { User::Root } else { User::Other };
    let is_terminal = io::stdout().is_terminal();
    Surroundings {
        user,
        reader: if is_terminal { Reader::Terminal } else { Reader::Program },
        high: High::of_locale(|name| env::var_os(name)),
    }
}

fn perform(run: Run) -> ExitCode {
    let Run { settings, display, log, reports } = run;
    let opened = (!reports.is_empty()).then(|| Reports::open(&reports, &settings));
    let reports = match opened.transpose() {
        Ok(reports) => reports,
        Err(fault) => {
            complain(&fault.to_string());
            return conclude(Some(fault.class));
        }
    };
    let stop = Stop::default();
    if let Err(error) = signals::listen(&stop) {
        complain(&format!("listen for signals: {error}"));
    }
    let console = Console::open(display, log.as_ref(), reports);
    let (report, worst) = match sync::run(&settings, &console, &stop) {
        Ok(report) => {
            let worst = worst_of(&report);
            if !matches!(worst, Some(Class::Interrupted | Class::TimeUp)) {
                close(&report, &console);
            }
            (Some(report), worst)
        }
        Err(fault) => {
            console.fault(&fault);
            (None, Some(fault.class))
        }
    };
    let worst = match console.close_reports(report.as_ref(), worst) {
        Ok(()) => worst,
        Err(fault) => {
            console.complain(&fault.to_string());
            Some(worst.unwrap_or(fault.class))
        }
    };
    let output = console.close();
    let last = worst.map(conclusion);
    let worst = match console.close_log(last.as_deref()) {
        Ok(()) => worst,
        Err(fault) => {
            complain(&fault.to_string());
            Some(worst.unwrap_or(fault.class))
        }
    };
    finish(output, worst)
}

fn close(report: &Report, console: &Console) {
    if report.untold_refusals > 0 {
        let more = report.untold_refusals;
        console.complain(&format!("{more} more attributes were refused by the destination"));
    }
    let skipped = report.copy.deletions_skipped;
    if skipped > 0 {
        let text = format!("Deletions stopped due to --max-delete limit ({skipped} skipped)");
        io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap_or_default();
        console.log(&text);
    }
    console.closing(report);
}

/// The gravest class that was met. What the findings say counts also where no fault was told.
fn worst_of(report: &Report) -> Option<Class> {
    let skipped = (report.copy.deletions_skipped > 0).then_some(Class::MaxDelete);
    let remains = report.findings.remaining > 0 && report.worst.is_none();
    let classes = [report.worst, skipped, remains.then_some(Class::Unverified)];
    classes.into_iter().flatten().max_by_key(|class| class.rank())
}

fn say(text: &str) -> ExitCode {
    finish(io::stdout().write_all(text.as_bytes()), None)
}

/// Ends the process after the last word on stdout. A reader that went away is no failure.
fn finish(output: io::Result<()>, worst: Option<Class>) -> ExitCode {
    match output {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let place = Place::operand(Path::new("stdout"));
            complain(&Fault::io(Class::FileIo, "write", place, error).to_string());
            conclude(Some(worst.unwrap_or(Class::FileIo)))
        }
        _ => conclude(worst),
    }
}

fn conclude(worst: Option<Class>) -> ExitCode {
    let Some(class) = worst else { return ExitCode::SUCCESS };
    complain(&conclusion(class));
    ExitCode::from(class.exit_code())
}

/// The last line of a run that failed.
fn conclusion(class: Class) -> String {
    format!("{} (code {})", class.summary(), class.exit_code())
}
