//! `--against`: what it compares with, and what does not go with it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::cli::checks::Checksums;
use crate::cli::options::Switches;
use crate::cli::problem::Problem;
use crate::cli::resolve::choices::Choices;
use crate::manifest::kinds::by_name;
use crate::manifest::open::Asked;
use crate::model::checksum::Algorithm;
use crate::settings::Verify;
use crate::settings::proof::Proof;

const NO_ATTRIBUTES: &str = "a check file says nothing of it";
const BY_DIGEST: &str = "what is listed is compared by its digest, whatever its size and time";
const NOTHING_DELETED: &str =
    "an audit deletes nothing, and what is not listed is told without being asked for";
const NOTHING_WRITTEN: &str = "an audit writes nothing";
const TWO_SIDED: &str =
    "what it leaves out would seem to be missing; filter rules leave out on both sides";
const NO_SOURCE: &str = "there is no source";

/// Switches that would not do what they say.
const REFUSED: &[(Switches, &str, &str)] = &[
    (Switches::HARD_LINKS, "--hard-links", NO_ATTRIBUTES),
    (Switches::ACLS, "--acls", NO_ATTRIBUTES),
    (Switches::EXECUTABILITY, "--executability", NO_ATTRIBUTES),
    (Switches::NUMERIC_IDS, "--numeric-ids", NO_ATTRIBUTES),
    (Switches::FAKE_SUPER, "--fake-super", NO_ATTRIBUTES),
    (Switches::SUPER, "--super", NOTHING_WRITTEN),
    (Switches::NO_SUPER, "--no-super", NOTHING_WRITTEN),
    (Switches::DROP_NODES, "--drop-D", NOTHING_WRITTEN),
    (Switches::SIZE_ONLY, "--size-only", BY_DIGEST),
    (Switches::IGNORE_TIMES, "--ignore-times", BY_DIGEST),
    (Switches::UPDATE, "--update", BY_DIGEST),
    (Switches::EXISTING, "--existing", BY_DIGEST),
    (Switches::IGNORE_EXISTING, "--ignore-existing", BY_DIGEST),
    (Switches::DELETE, "--delete", NOTHING_DELETED),
    (Switches::DELETE_MISSING_ARGS, "--delete-missing-args", NOTHING_DELETED),
    (Switches::IGNORE_MISSING_ARGS, "--ignore-missing-args", NO_SOURCE),
    (Switches::REMOVE_SOURCE_FILES, "--remove-source-files", NO_SOURCE),
    (Switches::REMOVE_SENT_FILES, "--remove-sent-files", NO_SOURCE),
    (Switches::FORCE, "--force", NOTHING_DELETED),
    (Switches::IGNORE_ERRORS, "--ignore-errors", NOTHING_DELETED),
    (Switches::BACKUP, "--backup", NOTHING_WRITTEN),
    (Switches::SPARSE, "--sparse", NOTHING_WRITTEN),
    (Switches::PREALLOCATE, "--preallocate", NOTHING_WRITTEN),
    (Switches::APPEND, "--append", NOTHING_WRITTEN),
    (Switches::APPEND_VERIFY, "--append-verify", NOTHING_WRITTEN),
    (Switches::NO_WHOLE_FILE, "--no-whole-file", NOTHING_WRITTEN),
    (Switches::FSYNC, "--fsync", NOTHING_WRITTEN),
    (Switches::MKPATH, "--mkpath", NOTHING_WRITTEN),
    (Switches::KEEP_DIRLINKS, "--keep-dirlinks", NOTHING_WRITTEN),
    (Switches::MUNGE_LINKS, "--munge-links", NOTHING_WRITTEN),
    (Switches::RELATIVE, "--relative", NO_SOURCE),
    (Switches::DIRS, "--dirs", TWO_SIDED),
    (Switches::OLD_DIRS, "--old-dirs", TWO_SIDED),
    (Switches::PRUNE_EMPTY_DIRS, "--prune-empty-dirs", NO_ATTRIBUTES),
    (Switches::SAFE_LINKS, "--safe-links", NO_ATTRIBUTES),
    (Switches::COPY_DEVICES, "--copy-devices", "check files list regular files only"),
];

impl Choices {
    /// What does not go with `--against`.
    pub(super) fn check_against(&self, operands: &[OsString]) -> Result<(), Problem> {
        if self.against.is_none() {
            return Ok(());
        }
        if !self.has(Switches::VERIFY_ONLY) {
            return Err(Problem::usage(
                "--against compares and writes nothing: it goes with --verify-only",
            ));
        }
        if operands.len() != 1 {
            return Err(Problem::usage(
                "--against stands for the source: it goes with DEST and no other operand",
            ));
        }
        if self.verify.is_some_and(|verify| verify != Verify::All) {
            return Err(Problem::usage("--against compares contents: it goes with --verify=all"));
        }
        if self.reports.manifest.is_some() && Path::new(&operands[0]).is_file() {
            return Err(Problem::usage(
                "--manifest lists what was read, and of two check files that are compared nothing is",
            ));
        }
        let switched = REFUSED.iter().find(|(switch, ..)| self.switches.intersects(*switch));
        let switched = switched.map(|(_, option, why)| (*option, *why));
        match switched.or_else(|| self.given_in_vain()) {
            Some((option, why)) => {
                Err(Problem::usage(format!("{option} does not go with --against: {why}")))
            }
            None => Ok(()),
        }
    }

    /// Options with arguments, and counters, that would not do what they say.
    fn given_in_vain(&self) -> Option<(&'static str, &'static str)> {
        let default = Proof::default();
        [
            (self.xattrs > 0, "--xattrs", NO_ATTRIBUTES),
            (self.atimes > 0, "--atimes", NO_ATTRIBUTES),
            (!self.modes.is_empty(), "--chmod", NO_ATTRIBUTES),
            (!self.owners.is_empty(), "--chown, --usermap or --groupmap", NO_ATTRIBUTES),
            (self.window != 0, "--modify-window", NO_ATTRIBUTES),
            (!self.bases.is_empty(), "--compare-dest and its kin", NO_SOURCE),
            (self.max_delete.is_some(), "--max-delete", NOTHING_DELETED),
            (self.backup_dir.is_some(), "--backup-dir", NOTHING_WRITTEN),
            (self.suffix.is_some(), "--suffix", NOTHING_WRITTEN),
            (!self.remotes.is_empty(), "--remote-option", NOTHING_WRITTEN),
            (self.proof.ledger.is_some(), "--ledger", NO_SOURCE),
            (self.proof.source_digest != default.source_digest, "--source-digest", NO_SOURCE),
            (self.proof.repair_rounds > default.repair_rounds, "--repair", NOTHING_WRITTEN),
            (self.files_from.is_some(), "--files-from", TWO_SIDED),
            (self.one_file_system > 0, "--one-file-system", TWO_SIDED),
            (self.max_size.is_some(), "--max-size", TWO_SIDED),
            (self.min_size.is_some(), "--min-size", TWO_SIDED),
            (
                self.checksums != Checksums::default(),
                "--checksum-choice",
                "the check file says whose digests it has (or --against=ALGORITHM:FILE does)",
            ),
        ]
        .into_iter()
        .find(|(is_given, ..)| *is_given)
        .map(|(_, option, why)| (option, why))
    }

    /// The check file, and what is said of its digests.
    pub(super) fn against(&self) -> Option<Asked> {
        self.against.as_deref().map(asked)
    }
}

/// `FILE` or `ALGORITHM:FILE`; a file of such a name is `./ALGORITHM:FILE`.
fn asked(value: &OsStr) -> Asked {
    let bytes = value.as_bytes();
    let split = bytes.iter().position(|byte| *byte == b':');
    let said = split.and_then(|at| {
        let algorithm = match &bytes[..at] {
            b"b3" => Some(Algorithm::Blake3),
            name => by_name(name),
        };
        Some(Asked {
            file: PathBuf::from(OsStr::from_bytes(&bytes[at + 1..])),
            algorithm: Some(algorithm?),
        })
    });
    said.unwrap_or_else(|| Asked { file: PathBuf::from(value), algorithm: None })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::asked;
    use crate::model::checksum::Algorithm;

    #[test]
    fn the_algorithm_may_stand_before_the_file() {
        for (value, file, algorithm) in [
            ("sums", "sums", None),
            ("sha256:sums", "sums", Some(Algorithm::Sha256)),
            ("SHA-1:a:b", "a:b", Some(Algorithm::Sha1)),
            ("b3:-", "-", Some(Algorithm::Blake3)),
            ("./md5:sums", "./md5:sums", None),
            ("other:sums", "other:sums", None),
        ] {
            let found = asked(OsStr::new(value));
            assert_eq!((found.file.to_str(), found.algorithm), (Some(file), algorithm), "{value}");
        }
    }
}
