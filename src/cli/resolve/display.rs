//! What the words say of the output.

use crate::cli::checks::Checksums;
use crate::cli::display::{Begin, Display, Header, Sink, Times, Volume};
use crate::cli::format::{Format, Shown};
use crate::cli::info::{Flag, Levels};
use crate::cli::log::LogChoices;
use crate::cli::names::{Escape, High, Reader};
use crate::cli::numbers::Numbers;
use crate::cli::options::Switches;
use crate::cli::resolve::Surroundings;
use crate::cli::resolve::choices::Choices;
use crate::model::change::Attrs;
use crate::model::checksum::Algorithm;
use crate::roots::operand::is_whole_absolute;
use crate::settings::deletion::When;
use crate::settings::{Effect, EmptyDirs, Paths, Recursion, Roots, Settings};

impl Choices {
    pub(super) fn display(&self, around: Surroundings, settings: &Settings) -> Display {
        let loud = |level: u8| self.pick(Switches::QUIET, 0, level);
        let header = match settings.select.recursion {
            _ if settings.effect == Effect::VerifyOnly => Header::None,
            Recursion::None => Header::None,
            // Deletions of their own want the whole list first, in rsync.
            Recursion::Full if matches!(self.when(), When::Before | When::After) => Header::Full,
            Recursion::Full if settings.select.empty_dirs == EmptyDirs::Prune => Header::Full,
            Recursion::Full => self.pick(Switches::FULL_LISTING, Header::Full, Header::Incremental),
            Recursion::OneLevel => Header::Full,
        };
        let format = self.out_format.as_deref().map(|text| self.format(text));
        Display {
            levels: self.pick(Switches::QUIET, Levels::default(), self.levels()),
            verbosity: loud(self.verbose),
            itemize: loud(match &format {
                Some(format) if format.is_itemized() => self.itemize.max(1),
                Some(_) => 0,
                None => self.itemize,
            }),
            format,
            volume: self.pick(Switches::QUIET, Volume::Quiet, Volume::Normal),
            numbers: Numbers::at_level(self.human),
            escape: Escape {
                high: self.pick(Switches::RAW_NAMES, High::Raw, around.high),
                reader: around.reader,
            },
            sink: self.pick(Switches::ALL_TO_STDERR, Sink::Stderr, Sink::Stdout),
            header,
            paths: begin(&settings.roots),
            effect: match settings.effect {
                Effect::List => self.pick(Switches::DRY_RUN, Effect::DryRun, Effect::List),
                effect => effect,
            },
            verify: settings.verify,
            against: settings.against.as_ref().map(|asked| asked.file.clone()),
            times: if self.atimes > 0 { Times::WithAccess } else { Times::Modification },
            update: settings.content.update,
        }
    }

    /// What the log tells: entries of the same sort as the output, even if that is quiet.
    pub(super) fn log(&self, display: &Display, settings: &Settings) -> Option<LogChoices> {
        let path = self.log_file.clone()?;
        let format = self.log_format.as_deref().unwrap_or(b"%i %n%L");
        let is_itemized = display.format.as_ref().map_or(self.itemize > 0, Format::is_itemized);
        let display = Display {
            format: Some(self.format(format)),
            levels: self.levels(),
            verbosity: self.verbose,
            itemize: if is_itemized { self.itemize.max(1) } else { 0 },
            volume: Volume::Normal,
            escape: Escape { reader: Reader::Program, ..display.escape },
            ..display.clone()
        };
        Some(LogChoices { path, trust: settings.roots.trust.anywhere(), display })
    }

    /// The checksum that a format tells: that of `--checksum`, or else that of the transfer.
    pub(super) fn told_sum(&self) -> Option<Algorithm> {
        let formats = [&self.out_format, &self.log_format].into_iter().flatten();
        let is_asked = formats.map(|text| self.format(text)).any(|format| format.tells_sums());
        self.sum_algorithm().filter(|_| is_asked)
    }

    fn sum_algorithm(&self) -> Option<Algorithm> {
        let Checksums { transfer, compared } = self.checksums;
        self.pick(Switches::CHECKSUM, compared, transfer)
    }

    fn format(&self, text: &[u8]) -> Format {
        let sum_bytes = self.sum_algorithm().map_or(1, Algorithm::bytes);
        Format::parse(text, Shown { ids: self.told_ids(), sum_columns: 2 * sum_bytes })
    }

    /// Which of owner and group a format tells.
    fn told_ids(&self) -> Attrs {
        let mut ids = Attrs::empty();
        ids.set(Attrs::OWNER, self.has(Switches::OWNER));
        ids.set(Attrs::GROUP, self.has(Switches::GROUP));
        ids
    }

    fn levels(&self) -> Levels {
        let mut levels = Levels::of_verbosity(self.verbose);
        if self.has(Switches::STATS) {
            levels.raise(Flag::Stats, 2);
        }
        if self.has(Switches::PROGRESS) {
            levels.raise(Flag::Flist, 2);
            levels.raise(Flag::Name, 1);
            levels.raise(Flag::Progress, 1);
        }
        levels.with(&self.asked)
    }
}

/// Paths of one run begin alike: a mixture of absolute and relative operands has no slashes.
fn begin(roots: &Roots) -> Begin {
    let keeps_all = roots.paths != Paths::Last && roots.list.is_none();
    let is_absolute = roots.sources.iter().all(|source| is_whole_absolute(source));
    if keeps_all && is_absolute { Begin::WithSlash } else { Begin::Below }
}
