//! What the words say of how bytes are written and compared.

use crate::cli::options::Switches;
use crate::cli::problem::Problem;
use crate::cli::resolve::choices::Choices;
use crate::settings::content::{Content, Room, Updating, Zeros};

impl Choices {
    /// How bytes are written.
    pub(super) fn content(&self) -> Content {
        Content {
            update: self.updating(),
            zeros: self.pick(Switches::SPARSE, Zeros::Holes, Zeros::Written),
            room: self.pick(Switches::PREALLOCATE, Room::Ahead, Room::AsNeeded),
        }
    }

    fn updating(&self) -> Updating {
        if self.has(Switches::APPEND) {
            Updating::Append
        } else if self.has(Switches::APPEND_VERIFY) {
            Updating::AppendChecked
        } else if self.has(Switches::NO_WHOLE_FILE) && self.checksums.transfer.is_some() {
            Updating::Differing
        } else {
            Updating::Whole
        }
    }

    /// What of it goes together and what does not.
    pub(super) fn check_content(&self) -> Result<(), Problem> {
        let is_whole = self.has(Switches::WHOLE_FILE) || self.checksums.transfer.is_none();
        if is_whole && self.updating().appends() {
            return Err(Problem::usage(
                "--append writes a part of a file: not with --whole-file or --checksum-choice=none",
            ));
        }
        if self.has(Switches::CHECKSUM) && self.checksums.compared.is_none() {
            return Err(Problem::unsupported(
                "--checksum compares checksums: not with --checksum-choice=none",
            ));
        }
        Ok(())
    }
}
