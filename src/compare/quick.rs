//! What phase one goes by: size, time and attributes; the bytes only with `--checksum`.

use crate::compare::content::{Located, sum_file};
use crate::compare::meta::{Rules, differing, same_time};
use crate::effort::Stop;
use crate::error::{During, Side, Trouble};
use crate::model::change::{Attrs, Diff, Knowledge};
use crate::model::meta::{Kind, Meta};
use crate::settings::Evidence;
use crate::sys::dir::Follow;
use crate::sys::read::{self, AccessTime};
use crate::sys::sides::Sides;

/// How two entries differ, as far as `evidence` tells.
pub fn quick(
    sides: &Sides<'_>,
    source: &Meta,
    dest: &Meta,
    evidence: Evidence,
    rules: &Rules,
    stop: &Stop,
) -> Result<Diff, Trouble> {
    let mut diff = shape(sides, source, dest, rules)?;
    if source.kind != Kind::File || diff.other_kind || source.is_same_file(dest) {
        return Ok(diff);
    }
    match evidence {
        // Files of different length have different digests.
        Evidence::Digest(_) if diff.attrs.contains(Attrs::SIZE) => diff.attrs |= Attrs::CONTENT,
        _ if diff.attrs.contains(Attrs::SIZE) => {}
        Evidence::Size => {}
        Evidence::SizeAndTime => {
            diff.send_anyway = !same_time(source.mtime, dest.mtime, rules.window);
        }
        Evidence::Never => diff.send_anyway = true,
        Evidence::Digest(algorithm) => {
            diff.knowledge = Knowledge::Known;
            let (source_mtime, dest_mtime) = (source.mtime, dest.mtime);
            let (source, dest) = located(sides, rules.preserve.reading);
            let ours = sum_file(&source, algorithm, stop)?.digest;
            let differs = match sum_file(&dest, algorithm, stop) {
                Ok(theirs) => theirs.digest != ours,
                // What its owner may not read is written anew.
                Err(trouble) if trouble.cause.is_denied() => true,
                Err(trouble) => return Err(trouble),
            };
            if differs {
                diff.attrs |= Attrs::CONTENT;
            } else if rules.preserve.sets_time(Kind::File) && dest_mtime != source_mtime {
                diff.attrs |= Attrs::MTIME_EXACT;
            }
        }
    }
    Ok(diff)
}

/// What can be told without reading a file: kind, size, attributes, target of a symlink, number of
/// a device. Shared by both kinds of evidence.
pub fn shape(
    sides: &Sides<'_>,
    source: &Meta,
    dest: &Meta,
    rules: &Rules,
) -> Result<Diff, Trouble> {
    if source.kind != dest.kind && !(source.kind.is_special() && dest.kind.is_special()) {
        return Ok(Diff { other_kind: true, ..Diff::NONE });
    }
    let mut attrs = differing(source, dest, rules);
    attrs |= rules.extras.differing_sides(sides, source, dest)?;
    match source.kind {
        Kind::File if source.size != dest.size => attrs |= Attrs::SIZE,
        Kind::Symlink => {
            let ours = read::link_target(sides.source, sides.source_name)
                .during(Side::Source, "read the link")?;
            let ours = rules.preserve.target(ours);
            let theirs = read::dest_target(sides.dest, sides.dest_name)
                .during(Side::Dest, "read the link")?;
            if theirs != Some(ours) {
                attrs |= Attrs::CONTENT;
            }
        }
        Kind::CharDevice | Kind::BlockDevice if source.rdev != dest.rdev => {
            attrs |= Attrs::CONTENT;
        }
        // rsync lists fifos and sockets as one kind, of which one can turn into the other.
        Kind::Fifo | Kind::Socket if source.kind != dest.kind => attrs |= Attrs::CONTENT,
        _ => {}
    }
    Ok(Diff { attrs, ..Diff::NONE })
}

/// Both files, for hashing.
pub fn located<'a>(sides: &Sides<'a>, reading: AccessTime) -> (Located<'a>, Located<'a>) {
    let source = Located {
        side: Side::Source,
        dir: sides.source,
        name: sides.source_name,
        follow: sides.follow,
        reading,
        from_storage: None,
    };
    let dest = Located {
        side: Side::Dest,
        dir: sides.dest,
        name: sides.dest_name,
        follow: Follow::Never,
        reading,
        from_storage: None,
    };
    (source, dest)
}

/// Both files, for reading the destination back.
pub fn read_back<'a>(sides: &Sides<'a>, rules: &'a Rules) -> (Located<'a>, Located<'a>) {
    let (source, dest) = located(sides, rules.preserve.reading);
    (source, Located { from_storage: rules.from_storage.as_deref(), ..dest })
}
