//! The file that a run is told to as well (`--log-file`): rsync's lines, each with the time and the process.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use chrono::Local;

use crate::cli::display::Display;
use crate::cli::info::Flag;
use crate::cli::lines;
use crate::cli::stats;
use crate::report::observer::Event;
use crate::sync::Report;
use crate::sys::trust::{Trust, append_to};

/// What is told to a file.
#[derive(Clone, Debug)]
pub struct LogChoices {
    /// As it was typed.
    pub path: PathBuf,
    /// Which symlinks in the path are followed.
    pub trust: Trust,
    /// What its lines look like, and which there are.
    pub display: Display,
}

/// An open log.
pub struct Log {
    path: PathBuf,
    display: Display,
    writer: BufWriter<File>,
    error: Option<io::Error>,
}

impl Log {
    /// Opens the file; what is in it stays.
    ///
    /// # Errors
    /// open(2); a symlink of somebody else in the path.
    pub fn open(choices: &LogChoices) -> io::Result<Self> {
        let file = append_to(&choices.path, &choices.trust)?;
        let (path, display) = (choices.path.clone(), choices.display.clone());
        let mut log = Self { path, display, writer: BufWriter::new(file), error: None };
        log.line(b"building file list");
        Ok(log)
    }

    /// Where it is, as it was typed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is told.
    pub fn display(&self) -> &Display {
        &self.display
    }

    /// Writes the line of an event, if it has one.
    pub fn event(&mut self, event: &Event<'_>) {
        if let Some(line) = lines::line(event, &self.display) {
            self.line(&line);
        }
    }

    /// Writes what closes a run: the totals, and what phase two has to say.
    pub fn closing(&mut self, report: &Report, copying: Duration) {
        let mut text = stats::closing(report, copying, &self.display);
        if self.display.levels.of(Flag::Stats) == 0 {
            text = stats::brief(report, &self.display);
        }
        for line in text.lines() {
            self.line(line.as_bytes());
        }
    }

    /// Writes one line; an empty one is none.
    pub fn line(&mut self, line: &[u8]) {
        if line.is_empty() || self.error.is_some() {
            return;
        }
        let now = Local::now().format("%Y/%m/%d %H:%M:%S");
        let begin = format!("{now} [{}] ", process::id()).into_bytes();
        self.error = self.writer.write_all(&[&begin, line, b"\n"].concat()).err();
    }

    /// Ends the log.
    ///
    /// # Errors
    /// Something could not be written, now or before.
    pub fn close(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.writer.flush(),
        }
    }
}
