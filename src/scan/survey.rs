//! A quick count of the sources, made beside the copy so that a progress bar knows its end.
//!
//! It opens no file and follows no link; what it can not look at it leaves out: nothing but an
//! estimate of the time left hangs on it.

use std::path::PathBuf;

use walkdir::WalkDir;

use crate::effort::Stop;
use crate::report::gauge::Extent;
use crate::settings::Recursion;

/// Counts what is below `sources`; `None` if it was stopped.
pub fn survey(sources: &[PathBuf], recursion: Recursion, stop: &Stop) -> Option<Extent> {
    let depth = match recursion {
        Recursion::None => 0,
        Recursion::OneLevel => 1,
        Recursion::Full => usize::MAX,
    };
    let mut extent = Extent::default();
    for source in sources {
        for entry in WalkDir::new(source).max_depth(depth) {
            if stop.is_requested() {
                return None;
            }
            let Ok(entry) = entry else { continue };
            extent.entries += 1;
            if entry.file_type().is_file() {
                extent.bytes += entry.metadata().map_or(0, |metadata| metadata.len());
            }
        }
    }
    Some(extent)
}

#[cfg(test)]
mod tests {
    use super::survey;
    use crate::effort::Stop;
    use crate::settings::Recursion;

    #[test]
    fn entries_and_bytes_are_counted_as_deep_as_the_run_goes() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(top.path().join("a/b")).unwrap();
        std::fs::write(top.path().join("a/one"), "12345").unwrap();
        std::fs::write(top.path().join("a/b/two"), "123").unwrap();
        let sources = [top.path().join("a")];
        let count = |recursion| {
            let extent = survey(&sources, recursion, &Stop::default()).unwrap();
            (extent.entries, extent.bytes)
        };
        assert_eq!(count(Recursion::Full), (4, 8));
        assert_eq!(count(Recursion::OneLevel), (3, 5));
        let stop = Stop::default();
        stop.request();
        assert!(survey(&sources, Recursion::Full, &stop).is_none());
    }
}
