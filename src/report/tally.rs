//! Counts: of entries by kind, of bytes, of how things ended. Plain sums, merged from all workers.

use std::ops::AddAssign;

use serde::Serialize;

use crate::model::meta::Kind;

/// Entries by kind, in the groups that rsync's `--stats` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Census {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub dirs: u64,
    /// Symlinks.
    pub links: u64,
    /// Devices.
    pub devices: u64,
    /// Fifos and sockets.
    pub specials: u64,
}

impl Census {
    /// Counts one entry.
    pub fn count(&mut self, kind: Kind) {
        match kind {
            Kind::File => self.files += 1,
            Kind::Dir => self.dirs += 1,
            Kind::Symlink => self.links += 1,
            Kind::CharDevice | Kind::BlockDevice => self.devices += 1,
            Kind::Fifo | Kind::Socket => self.specials += 1,
        }
    }

    /// All kinds together.
    pub fn total(&self) -> u64 {
        self.files + self.dirs + self.links + self.devices + self.specials
    }
}

impl AddAssign for Census {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.dirs += other.dirs;
        self.links += other.links;
        self.devices += other.devices;
        self.specials += other.specials;
    }
}

macro_rules! sums {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

sums! {
    /// What one phase did.
    Tally {
        /// Entries of the source that were selected.
        listed: Census,
        /// Entries that were made where nothing of their kind stood.
        created: Census,
        /// Entries that were removed because the source has not got them.
        deleted: Census,
        /// Regular files whose content was sent.
        transferred_files: u64,
        /// Their lengths, in bytes.
        transferred_bytes: u64,
        /// Lengths of all selected regular files and symlinks, in bytes.
        total_bytes: u64,
        /// Bytes of content written to the destination, as bytes or as holes.
        written_bytes: u64,
        /// Bytes of files that were sent and that the destination had (`--no-whole-file`).
        matched_bytes: u64,
        /// Bytes of content read from the source.
        source_read_bytes: u64,
        /// Bytes of content read from the destination.
        dest_read_bytes: u64,
        /// Entries that the walk met and that have to end in one of the four states below.
        planned: u64,
        /// Left as they were.
        kept: u64,
        /// Made, rewritten, adjusted or removed.
        changed: u64,
        /// An error stopped them.
        failed: u64,
        /// A signal or a full disk stopped the run before they were looked at.
        abandoned: u64,
        /// Deletions that `--max-delete` stopped.
        deletions_skipped: u64,
    }
}

impl Tally {
    /// Adds what a walk that only deletes did; what it met is counted by the copy's own walk.
    pub fn add_deletions(&mut self, other: &Self) {
        self.deleted += other.deleted;
        self.deletions_skipped += other.deletions_skipped;
        let ended = other.changed + other.failed;
        (self.changed, self.failed) = (self.changed + other.changed, self.failed + other.failed);
        self.planned += ended;
    }

    /// Entries that were planned and ended in no state, or in two: never anything but 0, or twosync
    /// has lost count.
    pub fn unaccounted(&self) -> u64 {
        self.planned.abs_diff(self.kept + self.changed + self.failed + self.abandoned)
    }
}

sums! {
    /// What phase two found.
    Findings {
        /// Entries compared with the source.
        compared: u64,
        /// Regular files whose bytes were compared.
        compared_files: u64,
        /// Of them, those compared with a digest of phase one: the source was not read again.
        digests_reused: u64,
        /// Regular files that a former run has verified and that have not changed on either side since.
        verified_before: u64,
        /// Entries whose content differed.
        content_differences: u64,
        /// Entries of which only attributes differed.
        metadata_differences: u64,
        /// Of them, those of another time.
        times_differed: u64,
        /// Of them, those of another mode.
        modes_differed: u64,
        /// Of them, those of another owner or group.
        owners_differed: u64,
        /// Of them, those of other ACLs or extended attributes.
        lists_differed: u64,
        /// Entries that the destination lacked.
        missing: u64,
        /// Entries that the destination had too many (with `--delete`).
        extra: u64,
        /// Contents that differed once and not again when read once more.
        unstable_reads: u64,
        /// Entries brought in line.
        repaired: u64,
        /// Ranges of large files that alone were written again.
        repaired_ranges: u64,
        /// Entries that still differ.
        remaining: u64,
    }
}

impl Findings {
    /// Entries that differed in any way.
    pub fn differences(&self) -> u64 {
        self.content_differences + self.metadata_differences + self.missing + self.extra
    }
}
