//! Makes two programs' outputs comparable: takes out what depends on the clock or on rsync's wire protocol.
//!
//! Everything else stays as it is, byte for byte. rsync's processes write one stream of items (names, itemized lines) and
//! one of messages (deletions, what is up to date or skipped); how the two interleave depends on timing, so they are
//! compared one after the other, each in its exact order.

/// What twosync says after rsync's own trailer: one line (by what it compared), and the block of `--stats`.
const OWN_LINES: [&[u8]; 3] = [b"verified", b"compared ", b"Verified "];

/// Labels of `--stats` lines whose number belongs to the wire protocol or to the clock.
const LOOSE_STATS: [&[u8]; 5] = [
    b"File list size: ",
    b"File list generation time: ",
    b"File list transfer time: ",
    b"Total bytes sent: ",
    b"Total bytes received: ",
];

/// How lines of the message stream begin.
const MESSAGE_STARTS: [&[u8]; 12] = [
    LISTED,
    SENDER[1],
    b"not backing up unsafe symlink ",
    b"ignoring unsafe symlink ",
    b"deleting ",
    b"*deleting   ",
    // `--out-format=%o`
    b"del. ",
    b"skipping ",
    b"cannot delete non-empty directory: ",
    b"not creating new ",
    b"IO error encountered -- skipping file deletion",
    b"[",
];

/// How lines of the message stream end.
const MESSAGE_ENDS: [&[u8]; 5] =
    [b" is uptodate", b" exists", b" is newer", b" is over max-size", b" is under min-size"];

/// Comes from whichever of rsync's processes makes the backup: the order says nothing.
const BACKUP_STARTS: [&[u8]; 2] = [b"backed up ", b"not backing up unsafe symlink "];
/// What rsync says while it lists, in the order of the file system.
const LISTED: &[u8] = b"copying unsafe symlink ";
/// What the process says that lists and sends the source: first the one, then the other, as the answers come in.
const SENDER: [&[u8]; 2] = [b"[sender] ", b"sender removed "];
/// Messages come between the two halves of this line.
const LISTING: [&[u8]; 2] = [b"building file list ... ", b"done"];

/// Quotes an index of rsync's own file list, which nobody else has.
const DUPLICATE_LINE: &[u8] = b"removing duplicate name ";

/// Whether the order of the item lines says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// It is the order of the tree.
    Exact,
    /// It is, but for the names that become names of another file (`-H`): rsync tells of them once that file has
    /// arrived, and meanwhile goes on. In a dry run nothing has to arrive.
    LinksApart,
    /// With `-vv` and without `-i`, rsync names what only changes its attributes in the message stream, in words that
    /// cannot be told from items: the lines count, their order does not.
    Free,
}

impl Order {
    /// The order that these arguments ask for.
    pub(crate) fn under(args: &[Vec<u8>]) -> Self {
        let clusters = args.iter().filter(|arg| arg.starts_with(b"-") && !arg.starts_with(b"--"));
        let letters: Vec<u8> = clusters.flatten().copied().collect();
        let is_verbose = letters.split(|&letter| letter == b'v').count() > 2;
        let is_given = |letter, name: &str| {
            letters.contains(&letter) || args.iter().any(|arg| *arg == name.as_bytes())
        };
        if is_verbose && !letters.contains(&b'i') {
            Self::Free
        } else if is_given(b'H', "--hard-links") && !is_given(b'n', "--dry-run") {
            Self::LinksApart
        } else {
            Self::Exact
        }
    }
}

/// Replaces what may differ from run to run by `#`, and `dir` by `{}`.
pub(crate) fn normal(stdout: &[u8], dir: &[u8], order: Order) -> Vec<u8> {
    let text = replace(stdout, dir, b"{}");
    let lines = text.split(|&byte| byte == b'\n').flat_map(cut);
    let mut lines: Vec<Vec<u8>> = lines.map(normal_line).collect();
    let is_end = lines.last().is_some_and(Vec::is_empty);
    if is_end {
        lines.pop();
    }
    lines.retain(|line| !line.starts_with(DUPLICATE_LINE));
    while lines.last().is_some_and(|line| OWN_LINES.iter().any(|own| line.starts_with(own))) {
        lines.pop();
    }
    let (mut backups, lines): (Vec<_>, Vec<_>) = lines
        .into_iter()
        .partition(|line| BACKUP_STARTS.iter().any(|start| line.starts_with(start)));
    backups.sort();
    let (mut messages, mut items): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| is_message(line));
    let at = LISTING.map(|half| items.iter().position(|line| line == half));
    if let [Some(start), Some(end)] = at {
        items[start] = LISTING.concat();
        items.remove(end);
    }
    let is_listed_first = items.iter().any(|line| line.starts_with(LISTING[0]));
    match order {
        Order::Exact => {}
        Order::Free => items.sort(),
        Order::LinksApart => {
            let (mut joined, others): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|line| contains(line, b" => "));
            joined.sort();
            items = [others, joined].concat();
        }
    }
    let (mut found, told): (Vec<_>, Vec<_>) =
        messages.into_iter().partition(|line| line.starts_with(LISTED));
    found.sort();
    let (mut ahead, told): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|line| line.starts_with(SENDER[0]));
    if is_listed_first {
        // Then it is in the order of the file system, too.
        ahead.sort();
    }
    let (mut removed, told): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|line| line.starts_with(SENDER[1]));
    removed.sort();
    messages = [found, ahead, removed, told].concat();
    if !messages.is_empty() {
        messages.insert(0, b"(messages)".to_vec());
    }
    let mut joined = [items, messages, backups].concat().join(&b'\n');
    if is_end && !joined.is_empty() {
        joined.push(b'\n');
    }
    joined
}

/// Cuts off a message that went into the line that says that rsync lists.
fn cut(line: &[u8]) -> Vec<&[u8]> {
    let rest = line.strip_prefix(LISTING[0]).filter(|rest| is_message(rest));
    rest.map_or_else(|| vec![line], |rest| vec![LISTING[0], rest])
}

/// Says whether a line belongs to the message stream.
fn is_message(line: &[u8]) -> bool {
    MESSAGE_STARTS.iter().any(|start| line.starts_with(start))
        || MESSAGE_ENDS.iter().any(|end| line.ends_with(end))
}

/// Does one line.
fn normal_line(line: &[u8]) -> Vec<u8> {
    if let Some(label) = LOOSE_STATS.iter().find(|label| line.starts_with(label)) {
        return [label, b"#".as_slice()].concat();
    }
    if line.starts_with(b"sent ") && contains(line, b" bytes  received ") {
        return words(line, is_number);
    }
    if line.starts_with(b"total size is ") {
        let cut = find(line, b"speedup is ").map_or(line.len(), |at| at + b"speedup is ".len());
        return [&line[..cut], words(&line[cut..], is_number).as_slice()].concat();
    }
    if line.contains(&b'\r') && contains(line, b"%") {
        return normal_progress(line);
    }
    line.to_vec()
}

/// Keeps the last state of a `--progress` line: bytes and percentage, without rate, time and `to-chk`.
fn normal_progress(line: &[u8]) -> Vec<u8> {
    let last = line.rsplit(|&byte| byte == b'\r').next().unwrap_or_default();
    let percent = find(last, b"%").map_or(last.len(), |at| at + 1);
    [&last[..percent], b" #".as_slice()].concat()
}

/// Replaces each word that `is_loose` by `#`.
fn words(line: &[u8], is_loose: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let words = line
        .split(|&byte| byte == b' ')
        .map(|word| if is_loose(word) { b"#".to_vec() } else { word.to_vec() });
    words.collect::<Vec<_>>().join(&b' ')
}

/// A number as rsync prints it: `1,234.56`, `1.23K`.
fn is_number(word: &[u8]) -> bool {
    let digits = word
        .strip_suffix(b"K")
        .or(word.strip_suffix(b"M"))
        .or(word.strip_suffix(b"G"))
        .unwrap_or(word);
    !digits.is_empty()
        && digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
}

/// Says whether `needle` occurs.
fn contains(text: &[u8], needle: &[u8]) -> bool {
    find(text, needle).is_some()
}

/// Where `needle` occurs first.
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}

/// Replaces every occurrence of `from`.
fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut rest = text;
    let mut out = Vec::with_capacity(text.len());
    while let Some(at) = find(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
