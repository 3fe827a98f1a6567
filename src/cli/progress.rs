//! Progress: rsync's lines for a program, bars for a person. Watches, and never changes what is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::display::Sink;
use crate::cli::numbers::Numbers;
use crate::report::gauge::Gauge;
use crate::report::observer::Phase;
use crate::report::tally::Tally;

const TICK: Duration = Duration::from_millis(100);

/// Counts the entries of a phase as they are told, for rsync's progress lines.
pub struct Meter {
    started: Instant,
    told: u64,
    files: u64,
    bytes: u64,
}

impl Meter {
    /// Starts the clock.
    pub fn start() -> Self {
        Self { started: Instant::now(), told: 0, files: 0, bytes: 0 }
    }

    /// How long the clock has been running.
    pub fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    /// An entry of the source was dealt with.
    pub fn tell(&mut self) {
        self.told += 1;
    }

    /// A file of so many bytes was sent.
    pub fn send(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// The line that follows the name of a file that was sent. Files travel side by side, so that
    /// rate and time are those of the whole.
    pub fn file_line(&self, bytes: u64, gauge: &Gauge, numbers: Numbers) -> String {
        format!("{}{}", self.amounts(bytes, 100, numbers), self.position(gauge))
    }

    /// The line on the whole.
    pub fn whole_line(&self, gauge: &Gauge, numbers: Numbers) -> String {
        let share = percent(self.bytes, gauge.tally().total_bytes);
        format!("{}{}", self.amounts(self.bytes, share, numbers), self.position(gauge))
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate with two decimals")]
    fn amounts(&self, bytes: u64, share: u64, numbers: Numbers) -> String {
        let elapsed = self.started.elapsed();
        let rate = self.bytes as f64 / elapsed.as_secs_f64().max(0.001) / 1024.0;
        format!(
            "\r{:>15} {share:>3}% {} {}",
            numbers.amount(bytes),
            rate_text(rate),
            clock(elapsed.as_secs())
        )
    }

    fn position(&self, gauge: &Gauge) -> String {
        let label = if gauge.is_scan_done() { "to" } else { "ir" };
        let listed = gauge.tally().listed.total().max(self.told);
        format!(" (xfr#{}, {label}-chk={}/{listed})", self.files, listed - self.told)
    }
}

/// `%7.2fkB/s`, with larger units from 1024 up.
fn rate_text(kibibytes: f64) -> String {
    let (rate, unit) = if kibibytes >= 1024.0 * 1024.0 {
        (kibibytes / 1024.0 / 1024.0, "GB/s")
    } else if kibibytes >= 1024.0 {
        (kibibytes / 1024.0, "MB/s")
    } else {
        (kibibytes, "kB/s")
    };
    format!("{rate:>7.2}{unit}")
}

fn clock(seconds: u64) -> String {
    format!("{:>4}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 100;
    }
    u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(100).min(100)
}

/// A bar on the terminal, drawn by a thread of its own.
pub struct Bar {
    drawn: ProgressBar,
    ended: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Bar {
    /// Shows the progress of `phase` until the bar is dropped; `copied` is what phase one counted.
    pub fn start(
        phase: Phase,
        gauge: Arc<Gauge>,
        copied: Tally,
        numbers: Numbers,
        sink: Sink,
    ) -> Self {
        let target = match sink {
            Sink::Stdout => ProgressDrawTarget::stdout(),
            Sink::Stderr => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        bar.set_prefix(if phase == Phase::Copy { "copy  " } else { "verify" });
        let ended = Arc::new(AtomicBool::new(false));
        let watch = Watch { phase, gauge, copied, numbers, started: Instant::now() };
        let drawer = thread::spawn({
            let (bar, ended) = (bar.clone(), Arc::clone(&ended));
            move || {
                while !ended.load(Ordering::Relaxed) {
                    watch.draw(&bar);
                    thread::park_timeout(TICK);
                }
            }
        });
        Self { drawn: bar, ended, drawer: Some(drawer) }
    }

    /// Does `print` while the bar is out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.drawn.suspend(print)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            // A drawer that panicked has nothing left to draw.
            drop(drawer.join());
        }
        self.drawn.finish_and_clear();
    }
}

struct Watch {
    phase: Phase,
    gauge: Arc<Gauge>,
    copied: Tally,
    numbers: Numbers,
    started: Instant,
}

impl Watch {
    fn draw(&self, bar: &ProgressBar) {
        let tally = self.gauge.tally();
        let (verb, done, planned) = match self.phase {
            Phase::Copy => ("written", self.gauge.live_written_bytes().max(tally.written_bytes), 0),
            Phase::Verify => {
                let read = self.gauge.live_read_bytes().max(tally.dest_read_bytes);
                ("read back", read, self.copied.total_bytes)
            }
        };
        let entries = tally.listed.total();
        let extent = self.gauge.extent();
        let (position, length) = match self.phase {
            Phase::Verify if planned > 0 => (done, planned),
            Phase::Verify => (entries, self.copied.listed.total()),
            Phase::Copy => {
                let known = extent.map_or(0, |extent| extent.bytes);
                (tally.transferred_bytes.max(done), tally.total_bytes.max(known))
            }
        };
        // As long as the tree is being listed nobody knows how much is left.
        let listed = self.gauge.is_scan_done() || extent.is_some();
        let knows_all = self.phase == Phase::Verify || listed;
        let template =
            if knows_all { "{prefix} {bar:24} {wide_msg}" } else { "{prefix} {wide_msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_length(length.max(1));
        bar.set_position(position.min(length));
        bar.set_message(format!(
            "{}{} entries, {} {verb}, {}",
            if knows_all { self.remaining(position, length) } else { String::new() },
            self.numbers.count(entries),
            self.amount(done),
            self.rate(done),
        ));
    }

    /// A line that changes ten times a second is read in units, unless digits were asked for.
    fn amount(&self, bytes: u64) -> String {
        match self.numbers {
            Numbers::Commas => Numbers::Thousands.amount(bytes),
            numbers => numbers.amount(bytes),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate with two decimals")]
    fn rate(&self, bytes: u64) -> String {
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        rate_text(bytes as f64 / elapsed / 1024.0).trim_start().to_owned()
    }

    fn remaining(&self, position: u64, length: u64) -> String {
        let elapsed = u128::from(self.started.elapsed().as_secs());
        let left = u128::from(length.saturating_sub(position));
        let seconds = (elapsed * left).checked_div(u128::from(position));
        seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or_else(String::new, |seconds| format!("{} left, ", clock(seconds).trim_start()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Meter, clock, percent, rate_text};
    use crate::cli::numbers::Numbers;
    use crate::report::gauge::Gauge;
    use crate::report::tally::{Census, Findings, Tally};

    #[test]
    fn rates_and_times_look_as_in_rsync() {
        assert_eq!(rate_text(0.277), "   0.28kB/s");
        assert_eq!(rate_text(404.25 * 1024.0), " 404.25MB/s");
        assert_eq!(rate_text(2.79 * 1024.0 * 1024.0), "   2.79GB/s");
        assert_eq!(clock(0), "   0:00:00");
        assert_eq!(clock(3_725), "   1:02:05");
        assert_eq!(percent(3_000_002, 3_000_005), 99);
        assert_eq!(percent(0, 0), 100);
    }

    #[test]
    fn a_line_says_how_many_entries_are_left() {
        let gauge = Gauge::default();
        let listed = Census { files: 4, dirs: 2, ..Census::default() };
        gauge
            .add(Tally { listed, total_bytes: 3_000_005, ..Tally::default() }, Findings::default());
        let mut meter = Meter::start();
        meter.tell();
        meter.tell();
        meter.send(3_000_000);
        let line = meter.file_line(3_000_000, &gauge, Numbers::Commas);
        assert!(line.starts_with("\r      3,000,000 100% "), "{line}");
        assert!(line.ends_with(" (xfr#1, ir-chk=4/6)"), "{line}");
        gauge.scan_is_done();
        let line = meter.whole_line(&gauge, Numbers::Thousands);
        assert!(line.starts_with("\r          3.00M  99% "), "{line}");
        assert!(line.ends_with(" (xfr#1, to-chk=4/6)"), "{line}");
    }
}
