//! The checksum that a line tells of a file (`--out-format` with `%C`).

use crate::act::perform::Wrote;
use crate::compare::content::{Located, sum_file};
use crate::error::Side;
use crate::model::checksum::{Algorithm, Checksum};
use crate::model::meta::Kind;
use crate::phase::pass::{Memo, Pass};
use crate::scan::node::At;
use crate::settings::Evidence;

impl Pass<'_> {
    /// The checksum of the source if it is known without asking: what was copied was read, and with
    /// `--checksum` all is. Another kind than BLAKE3 costs one more reading. A source that can not be
    /// read has none; the copy tells why.
    pub fn told_sum(&self, at: &At<'_, Memo>, kind: Kind, wrote: &Wrote) -> Option<Checksum> {
        let algorithm = self.settings.told_sum.filter(|_| kind == Kind::File)?;
        match wrote {
            Wrote::Bytes(digest, _) if algorithm == Algorithm::Blake3 => Some((*digest).into()),
            Wrote::Bytes(..) | Wrote::Ranges(_) => self.sum_source(at, algorithm),
            _ if matches!(self.settings.evidence, Evidence::Digest(_)) => {
                self.sum_source(at, algorithm)
            }
            _ => None,
        }
    }

    fn sum_source(&self, at: &At<'_, Memo>, algorithm: Algorithm) -> Option<Checksum> {
        let located = Located {
            side: Side::Source,
            dir: at.source,
            name: at.name,
            follow: at.follow,
            reading: self.settings.preserve.reading,
            from_storage: None,
        };
        sum_file(&located, algorithm, self.stop).ok().map(|hashed| hashed.digest)
    }
}
