//! Some ranges of a large file, written anew in place; all else of it stays.

use crate::act::content::{Moved, Pipe, pour};
use crate::act::perform::Copied;
use crate::error::{During, Side, Trouble};
use crate::model::digest::{RangeHasher, bytes_of_range};
use crate::model::meta::Meta;
use crate::sys::permit::Permit;
use crate::sys::stat;

/// Writes `ranges` of the source. `None`: there are none, or the source has changed, and all has to be
/// copied.
pub fn patch(
    permit: &Permit,
    pipe: &Pipe<'_>,
    source: &Meta,
    ranges: &[u64],
) -> Result<Option<Copied>, Trouble> {
    if ranges.is_empty() {
        return Ok(None);
    }
    let mut moved = Moved::default();
    let mut digests = Vec::with_capacity(ranges.len());
    for range in ranges {
        let bytes = bytes_of_range(*range, source.size);
        let mut hasher = RangeHasher::new(*range);
        let now_moved = pour(permit, pipe, bytes.clone(), &mut hasher)?;
        moved += now_moved;
        if now_moved.source_read_bytes < bytes.end - bytes.start {
            return Ok(None);
        }
        digests.push(hasher.finish_range());
    }
    let after = stat::source_again(pipe.source, source).during(Side::Source, "look again at")?;
    let copied = Copied { digest: None, ranges: digests.into(), moved, source: after };
    Ok(after.is_untouched_since(source).then_some(copied))
}
