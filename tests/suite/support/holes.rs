//! An independent eye for where the data of a file is, and how much room it takes.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{SeekFrom, seek};
use walkdir::WalkDir;

use crate::support::snapshot::readable;

/// Where a file has data, as its file system says: offsets of beginnings and ends.
pub(crate) fn data_ranges(path: &Path) -> Vec<(u64, u64)> {
    let file = File::open(path).expect("a readable file");
    let mut ranges = Vec::new();
    let mut at = 0;
    // ENXIO: no more data.
    while let Ok(start) = seek(&file, SeekFrom::Data(at)) {
        at = seek(&file, SeekFrom::Hole(start)).expect("every file ends in a hole");
        ranges.push((start, at));
    }
    ranges
}

/// How many bytes of room a file takes.
pub(crate) fn allocated_bytes(path: &Path) -> u64 {
    path.symlink_metadata().expect("it is there").blocks() * 512
}

/// Which regular files of two trees have their data at different places.
pub(crate) fn differences(left: &Path, right: &Path) -> Vec<String> {
    let files = WalkDir::new(left).sort_by_file_name().into_iter();
    let files = files.map(|entry| entry.expect("the tree can be walked"));
    let mut found = Vec::new();
    for file in files.filter(|entry| entry.file_type().is_file()) {
        let name = file.path().strip_prefix(left).expect("below the root");
        let other = right.join(name);
        if other.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            let (ours, theirs) = (data_ranges(file.path()), data_ranges(&other));
            if ours != theirs {
                let name = readable(name.as_os_str().as_bytes());
                found.push(format!("{name}: data at {ours:?} | {theirs:?}"));
            }
        }
    }
    found
}
