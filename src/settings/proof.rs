//! How much phase two asks for, and what it does about what it finds.

use std::path::PathBuf;

/// How much phase two asks for, beside what it compares ([`Verify`](crate::settings::Verify)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Where the bytes of the destination come from.
    pub read_back: ReadBack,
    /// Whether the source is read once more.
    pub source_digest: SourceDigest,
    /// How often what differs is written again; 0: it is only told.
    pub repair_rounds: u32,
    /// `--ledger`: where it is remembered what was verified.
    pub ledger: Option<PathBuf>,
}

impl Default for Proof {
    fn default() -> Self {
        Self {
            read_back: ReadBack::default(),
            source_digest: SourceDigest::default(),
            repair_rounds: 1,
            ledger: None,
        }
    }
}

/// `--read-back`: where the bytes come from that phase two reads of the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadBack {
    /// From the server, on a mount that one stands behind; elsewhere from the page cache.
    #[default]
    Auto,
    /// From the page cache, where they are there.
    Cache,
    /// From the device or server.
    Storage,
}

/// `--source-digest`: what phase two knows of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceDigest {
    /// What phase one read, where nothing says that the source changed since.
    #[default]
    Reused,
    /// What is read once more.
    Reread,
}
