//! Targets of symlinks: whether one leads out of the tree that is copied, and whether it is munged.
//! Pure: it goes by the text.

/// What rsync's daemon writes before the targets of symlinks that uploads may not use.
const MUNGED: &[u8] = b"/rsyncd-munged/";

/// The target without the mark of a munged one (rsyncd.conf.5, `munge symlinks`).
pub fn unmunged(target: Box<[u8]>) -> Box<[u8]> {
    match target.strip_prefix(MUNGED) {
        Some(rest) if !rest.is_empty() => rest.into(),
        _ => target,
    }
}

/// True if a symlink with this target is unsafe `depth` directories below the top of its transfer
/// (rsync.1, `--safe-links`; the finer points were seen from rsync 3.5.0): it is absolute or empty, it
/// climbs above the top, or it climbs at all after it has gone down, where a symlink may lead
/// elsewhere.
pub fn is_unsafe(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.starts_with(b"/") {
        return true;
    }
    let mut names = target.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
    let mut climbs = 0;
    while names.next_if_eq(&&b".."[..]).is_some() {
        climbs += 1;
    }
    // rsync takes `../..` for one that climbs late, and `..` and `../../` for what they are.
    climbs > depth || target.ends_with(b"/..") || names.any(|name| name == b"..")
}

#[cfg(test)]
mod tests {
    use super::{is_unsafe, unmunged};

    #[test]
    fn the_mark_is_taken_off_once_if_anything_is_left() {
        for (target, plain) in [
            ("/rsyncd-munged/a", "a"),
            ("/rsyncd-munged//a", "/a"),
            ("/rsyncd-munged//rsyncd-munged/a", "/rsyncd-munged/a"),
            ("/rsyncd-munged/", "/rsyncd-munged/"),
            ("rsyncd-munged/a", "rsyncd-munged/a"),
        ] {
            assert_eq!(&*unmunged(target.as_bytes().into()), plain.as_bytes());
        }
    }

    /// Seen from rsync 3.5.0 at depth 1.
    #[test]
    fn the_text_of_a_target_tells_whether_it_stays_in() {
        for safe in ["..", "../", "../.", ".", "a/..b", "..a", "..//f", ".../x", "f", "a//b"] {
            assert!(!is_unsafe(safe.as_bytes(), 1), "{safe}");
        }
        let climbing = ["../..", "../../", "../x/..", "./..", "a/..", "a/b/..", "x/../y", "..x/.."];
        for leaving in climbing.into_iter().chain(["/x", "", "./../../q"]) {
            assert!(is_unsafe(leaving.as_bytes(), 1), "{leaving}");
        }
        assert!(is_unsafe(b"..", 0) && !is_unsafe(b"../../", 2) && is_unsafe(b"../../../", 2));
        assert!(is_unsafe(b"../..", 2) && is_unsafe(b"../..", 3));
    }
}
