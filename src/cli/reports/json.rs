//! `--report`: a run as JSON Lines, for programs. `docs/report.md` describes the lines; [`SCHEMA`] counts up
//! when one changes its meaning or goes away.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::reports::unwritten;
use crate::error::{Class, Fault};
use crate::model::change::{Action, Attrs, Change, Why};
use crate::model::meta::Kind;
use crate::report::observer::{Ending, Outcome, Phase};
use crate::report::tally::{Findings, Tally};
use crate::settings::{Effect, Settings, Verify};
use crate::sync::Report;
use crate::sync::whence::Whence;

/// The version of the lines.
pub const SCHEMA: u32 = 1;

/// A report on its way.
pub struct Json {
    path: PathBuf,
    writer: BufWriter<File>,
    error: Option<io::Error>,
    judging: Phase,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Start {
        schema: u32,
        program: &'static str,
        version: &'static str,
        effect: &'static str,
        verify: &'static str,
        sources: Vec<Text>,
        dest: Text,
        #[serde(skip_serializing_if = "Option::is_none")]
        against: Option<Text>,
    },
    Entry {
        phase: &'static str,
        path: Text,
        kind: Option<&'static str>,
        action: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        differs: Vec<&'static str>,
        result: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        #[serde(skip_serializing_if = "is_zero")]
        written_bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        blake3: Option<String>,
    },
    Fault {
        class: String,
        exit_code: u8,
        text: String,
    },
    End {
        exit_code: u8,
        copy: Option<&'a Tally>,
        verify: Option<Tally>,
        findings: Option<&'a Findings>,
        read_back: Option<&'static str>,
        sentence: &'a str,
    },
}

/// Bytes as text: what is no UTF-8 is there as hexadecimal digits, too.
#[derive(Serialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Bytes { text: String, hex: String },
}

impl Text {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Plain(text.to_owned()),
            Err(_) => Self::Bytes {
                text: String::from_utf8_lossy(bytes).into_owned(),
                hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
            },
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Json {
    /// Begins a report. `judging`: the phase whose word on an entry is the last.
    ///
    /// # Errors
    /// The file can not be made.
    pub fn start(path: &Path, settings: &Settings, judging: Phase) -> Result<Self, Fault> {
        let file = File::create(path).map_err(|error| unwritten(path, error))?;
        let writer = BufWriter::new(file);
        let mut json = Self { path: path.to_owned(), writer, error: None, judging };
        let text = |path: &PathBuf| Text::of(path.as_os_str().as_encoded_bytes());
        json.line(&Line::Start {
            schema: SCHEMA,
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            effect: effect(settings.effect),
            verify: verify(settings.verify),
            sources: if settings.against.is_some() { &[][..] } else { &settings.roots.sources }
                .iter()
                .map(text)
                .collect(),
            dest: text(&settings.roots.dest),
            against: settings.against.as_ref().map(|asked| text(&asked.file)),
        });
        Ok(json)
    }

    fn line(&mut self, line: &Line<'_>) {
        if self.error.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut self.writer, line)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"));
        self.error = written.err();
    }

    /// Writes the line of an entry. What phase one leaves alone, phase two has a word on.
    pub fn entry(&mut self, outcome: &Outcome) {
        let Outcome { phase, change, ending, written_bytes } = outcome;
        let is_kept = matches!(change.action, Action::Keep(_)) && *ending == Ending::Done;
        if is_kept && *phase != self.judging {
            return;
        }
        let Change { path, kind, action, more, size, .. } = change;
        let why = match action {
            Action::Keep(why) => Some(kebab(&format!("{why:?}"))),
            _ => None,
        };
        let is_known = *action != Action::Keep(Why::Unseen);
        let has_size = *kind == Kind::File && is_known && *action != Action::Delete;
        let digest = more.as_ref().and_then(|more| more.digest);
        self.line(&Line::Entry {
            phase: if *phase == Phase::Copy { "copy" } else { "verify" },
            path: Text::of(if path.is_root() { b"." } else { path.as_bytes() }),
            kind: is_known.then(|| name_of(*kind)),
            action: action_name(*action),
            why,
            differs: differing(change),
            result: if *ending == Ending::Done { "done" } else { "failed" },
            size: has_size.then_some(*size),
            written_bytes: *written_bytes,
            blake3: digest.map(|digest| digest.to_string()),
        });
    }

    /// Writes the line of a fault.
    pub fn fault(&mut self, fault: &Fault) {
        let class = kebab(&format!("{:?}", fault.class));
        let exit_code = fault.class.exit_code();
        self.line(&Line::Fault { class, exit_code, text: fault.to_string() });
    }

    /// Writes the last line.
    ///
    /// # Errors
    /// Something could not be written, now or before.
    pub fn end(
        mut self,
        report: Option<&Report>,
        sentence: &str,
        worst: Option<Class>,
    ) -> Result<(), Fault> {
        let verified = report.filter(|report| report.verify.is_some());
        self.line(&Line::End {
            exit_code: worst.map_or(0, Class::exit_code),
            copy: report.map(|report| &report.copy),
            verify: report.and_then(|report| report.verify),
            findings: verified.map(|report| &report.findings),
            read_back: verified.map(|report| whence(report.whence)),
            sentence: sentence.trim_end(),
        });
        let written = match self.error.take() {
            Some(error) => Err(error),
            None => self.writer.flush(),
        };
        written.map_err(|error| unwritten(&self.path, error))
    }
}

/// `UpToDate` as `up-to-date`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Sync => "sync",
        Effect::DryRun => "dry-run",
        Effect::VerifyOnly => "verify-only",
        Effect::List => "list",
    }
}

fn verify(verify: Verify) -> &'static str {
    match verify {
        Verify::All => "all",
        Verify::Transferred => "transferred",
        Verify::Metadata => "metadata",
        Verify::None => "none",
    }
}

fn whence(whence: Whence) -> &'static str {
    match whence {
        Whence::Cache => "cache",
        Whence::Server => "server",
        Whence::Storage => "storage",
        Whence::Memory => "memory",
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Dir => "dir",
        Kind::Symlink => "symlink",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::CharDevice => "char-device",
        Kind::BlockDevice => "block-device",
    }
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Keep(_) => "keep",
        Action::Create => "create",
        Action::Rewrite => "rewrite",
        Action::Replace => "replace",
        Action::Adjust => "adjust",
        Action::Delete => "delete",
    }
}

fn differing(change: &Change) -> Vec<&'static str> {
    let names = [
        (Attrs::CONTENT, "content"),
        (Attrs::SIZE, "size"),
        (Attrs::MTIME, "mtime"),
        (Attrs::MODE, "mode"),
        (Attrs::OWNER, "owner"),
        (Attrs::GROUP, "group"),
        (Attrs::ATIME, "atime"),
        (Attrs::ACLS, "acls"),
        (Attrs::XATTRS, "xattrs"),
    ];
    let attrs = names.into_iter().filter(|(attr, _)| change.diff.attrs.contains(*attr));
    let kind = change.diff.other_kind.then_some("kind");
    kind.into_iter().chain(attrs.map(|(_, name)| name)).collect()
}
