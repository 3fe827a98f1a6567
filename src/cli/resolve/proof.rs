//! What the words say of phase two.

use std::ffi::OsStr;

use crate::cli::options::Switches;
use crate::cli::problem::Problem;
use crate::cli::resolve::choices::Choices;
use crate::settings::deletion::FinishedSources;
use crate::settings::proof::{Proof, ReadBack, SourceDigest};
use crate::settings::{Evidence, Verify};

impl Choices {
    /// Who says that only sizes count does not want to hear that other files differ, but what this
    /// run wrote is checked all the same.
    pub(super) fn verify(&self) -> Verify {
        let copies_by_size = self.evidence() == Evidence::Size && !self.has(Switches::VERIFY_ONLY);
        let default = if copies_by_size { Verify::Transferred } else { Verify::All };
        self.verify.unwrap_or(default)
    }

    /// What of it goes together and what does not.
    pub(super) fn check_proof(&self) -> Result<(), Problem> {
        if self.has(Switches::VERIFY_ONLY | Switches::LIST_ONLY) {
            return Err(Problem::usage(
                "--verify-only compares with a destination, and a listing has none",
            ));
        }
        let reads = matches!(self.verify(), Verify::All | Verify::Transferred);
        if self.finished_sources() != FinishedSources::Keep && !reads {
            return Err(Problem::usage(
                "--remove-source-files removes only what phase two has read back: not with \
                 --verify=metadata or none",
            ));
        }
        if self.finished_sources() != FinishedSources::Keep && self.proof.repair_rounds == 0 {
            return Err(Problem::usage(
                "--repair=0 leaves all as it is in phase two, and --remove-source-files removes there",
            ));
        }
        if self.has(Switches::VERIFY_ONLY)
            && matches!(self.verify, Some(Verify::None | Verify::Transferred))
        {
            return Err(Problem::usage(
                "--verify-only transfers nothing: it goes with --verify=all or --verify=metadata",
            ));
        }
        let default = Proof::default();
        let asks_where = self.proof.read_back != default.read_back;
        if !reads && (asks_where || self.proof.source_digest != default.source_digest) {
            let option = if asks_where { "--read-back" } else { "--source-digest" };
            return Err(Problem::usage(format!(
                "{option} is about bytes that phase two reads: not with --verify=metadata or none"
            )));
        }
        if self.proof.ledger.is_some() && !reads {
            return Err(Problem::usage(
                "--ledger remembers which bytes were read: not with --verify=metadata or none",
            ));
        }
        self.check_reports()
    }

    fn check_reports(&self) -> Result<(), Problem> {
        if !self.reports.is_empty() && self.has(Switches::LIST_ONLY) {
            return Err(Problem::usage(
                "--report, --manifest, --combined and --failed-list are about a copy or an audit, and \
                 a listing is neither",
            ));
        }
        let reads_all = self.verify() == Verify::All && !self.has(Switches::DRY_RUN);
        if self.reports.manifest.is_some() && !reads_all {
            return Err(Problem::usage(
                "--manifest lists what phase two has read: it goes with --verify=all, and not with \
                 --dry-run",
            ));
        }
        Ok(())
    }
}

/// `--read-back`.
///
/// # Errors
/// Another word.
pub(super) fn read_back(value: &OsStr) -> Result<ReadBack, Problem> {
    match value.to_str() {
        Some("auto") => Ok(ReadBack::Auto),
        Some("cache") => Ok(ReadBack::Cache),
        Some("storage") => Ok(ReadBack::Storage),
        _ => Err(Problem::usage(format!(
            "--read-back={}: it is auto, cache or storage",
            value.to_string_lossy()
        ))),
    }
}

/// `--source-digest`.
///
/// # Errors
/// Another word.
pub(super) fn source_digest(value: &OsStr) -> Result<SourceDigest, Problem> {
    match value.to_str() {
        Some("reuse") => Ok(SourceDigest::Reused),
        Some("reread") => Ok(SourceDigest::Reread),
        _ => Err(Problem::usage(format!(
            "--source-digest={}: it is reuse or reread",
            value.to_string_lossy()
        ))),
    }
}

/// `--repair`.
///
/// # Errors
/// No number.
pub(super) fn rounds(value: &OsStr) -> Result<u32, Problem> {
    let shown = value.to_string_lossy();
    shown.parse().map_err(|_| {
        Problem::usage(format!("--repair={shown}: it is a number of rounds (0: only tell)"))
    })
}
