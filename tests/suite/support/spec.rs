//! The text language of test trees: words with escapes, and one tree entry a line.
//!
//! Only parsing; nothing here touches the disk (`tree` does).
//!
//! ```text
//! s/a.txt        file 0644 "text\n" mtime=2020-01-02T03:04:05.5
//! s/big          file size=300000 seed=7 hole=4096+65536
//! "s/with space" dir 2755 uid=1000 gid=1000 mtime=@1577934245.5
//! s/name\x01     link -> target
//! s/read         file "x" atime=@1600000000
//! s/pipe         fifo 0600
//! s/sock         socket
//! s/null         char 1:3
//! s/loop         block 7:0
//! s/b.txt        hardlink s/a.txt
//! s/other        mount
//! d/old          remove
//! d/new          set 0600 mtime=@0
//! d/x            file x:user.a=1 acl=u:5:rw,m::rw dacl=..   (`extras` has their language)
//! ```
//!
//! A path with `{1..200}` in it stands for that many lines (`{001..200}` keeps the width).
//! `mount` is a directory with a new tmpfs on it, which whoever builds it must take away again.
//! `set` changes only what it names, `remove` takes a whole tree away; both are for edits between runs.

use crate::support::extras::Extra;
use crate::support::words::split_words;

/// The modification time of every entry that names none: 2020-01-02T03:04:05.123456789Z.
pub(crate) const DEFAULT_MTIME: Stamp = Stamp { seconds: 1_577_934_245, nanoseconds: 123_456_789 };

/// A moment: seconds since 1970 and nanoseconds within the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

/// What an entry shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Dir,
    File(Vec<u8>),
    SparseFile { bytes: Vec<u8>, holes: Vec<(usize, usize)> },
    Link(Vec<u8>),
    Fifo,
    Socket,
    Char(u32, u32),
    Block(u32, u32),
    HardLink(Vec<u8>),
    Mount,
    Set,
    Remove,
}

/// One line of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: Vec<u8>,
    pub(crate) node: Node,
    pub(crate) mode: Option<u32>,
    pub(crate) mtime: Option<Stamp>,
    /// The access time, where it is not `mtime`.
    pub(crate) atime: Option<Stamp>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) extras: Vec<Extra>,
}

impl Line {
    /// Says whether only the super-user can build this line.
    pub(crate) fn needs_root(&self) -> bool {
        self.uid.is_some()
            || self.gid.is_some()
            || self.extras.iter().any(Extra::needs_root)
            || matches!(self.node, Node::Char(..) | Node::Block(..) | Node::Mount)
    }
}

/// Parses a whole tree; blank lines and lines that start with `#` are left out.
pub(crate) fn parse_tree(text: &str) -> Result<Vec<Line>, String> {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .flat_map(expand)
        .map(|line| parse_line(&line).map_err(|why| format!("tree line `{line}`: {why}")))
        .collect()
}

/// Repeats a line for every number of each `{from..to}` in it.
fn expand(line: &str) -> Vec<String> {
    let range = line.split_once('{').and_then(|(before, rest)| {
        let (inner, after) = rest.split_once('}')?;
        let (from, to) = inner.split_once("..")?;
        let numbers = from.parse::<u32>().ok()?..=to.parse::<u32>().ok()?;
        let width = from.len();
        Some(numbers.map(|number| format!("{before}{number:0width$}{after}")).collect::<Vec<_>>())
    });
    range.map_or_else(
        || vec![line.to_owned()],
        |lines| lines.iter().flat_map(|line| expand(line)).collect(),
    )
}

/// Parses one tree line.
fn parse_line(text: &str) -> Result<Line, String> {
    let mut words = split_words(text)?.into_iter();
    let path = words.next().ok_or("no path")?;
    let kind = words.next().ok_or("no kind")?;
    let rest: Vec<Vec<u8>> = words.collect();
    let (mode, mtime, atime, uid, gid, extras) = (None, None, None, None, None, Vec::new());
    let mut line = Line { path, node: Node::Dir, mode, mtime, atime, uid, gid, extras };
    let extra = take_attributes(&mut line, rest)?;
    line.node = node_of(&kind, &extra)?;
    Ok(line)
}

/// Moves mode, times and owners out of `words` into `line`; gives back what remains.
fn take_attributes(line: &mut Line, words: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, String> {
    let mut extra = Vec::new();
    for word in words {
        let text = String::from_utf8_lossy(&word).into_owned();
        if let Some(value) = text.strip_prefix("mtime=") {
            line.mtime = Some(parse_stamp(value)?);
        } else if let Some(value) = text.strip_prefix("atime=") {
            line.atime = Some(parse_stamp(value)?);
        } else if let Some(value) = text.strip_prefix("uid=") {
            line.uid = Some(number(value)?);
        } else if let Some(value) = text.strip_prefix("gid=") {
            line.gid = Some(number(value)?);
        } else if let Some(found) = Extra::parse(&word) {
            line.extras.push(found?);
        } else if is_mode(&text) && !extra.iter().any(|word: &Vec<u8>| word == b"->") {
            line.mode = u32::from_str_radix(&text, 8).ok();
        } else {
            extra.push(word);
        }
    }
    Ok(extra)
}

/// Says whether a word is an octal mode of four digits.
fn is_mode(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
}

/// Reads a plain number.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

/// Turns the kind word and what remains of the line into a node.
fn node_of(kind: &[u8], extra: &[Vec<u8>]) -> Result<Node, String> {
    let first = extra.first().cloned();
    match kind {
        b"dir" => Ok(Node::Dir),
        b"file" => file_of(extra),
        b"link" => {
            extra.get(1).cloned().map(Node::Link).ok_or_else(|| "link without -> target".into())
        }
        b"fifo" => Ok(Node::Fifo),
        b"socket" => Ok(Node::Socket),
        b"char" => device_of(first).map(|(major, minor)| Node::Char(major, minor)),
        b"block" => device_of(first).map(|(major, minor)| Node::Block(major, minor)),
        b"hardlink" => first.map(Node::HardLink).ok_or_else(|| "hardlink without a name".into()),
        b"mount" => Ok(Node::Mount),
        b"set" => Ok(Node::Set),
        b"remove" => Ok(Node::Remove),
        _ => Err(format!("unknown kind `{}`", String::from_utf8_lossy(kind))),
    }
}

/// Reads `major:minor`.
fn device_of(word: Option<Vec<u8>>) -> Result<(u32, u32), String> {
    let text = String::from_utf8(word.ok_or("device without numbers")?)
        .map_err(|_| "device numbers".to_string())?;
    let (major, minor) = text.split_once(':').ok_or("device numbers want `major:minor`")?;
    Ok((number(major)?, number(minor)?))
}

/// Reads a file's content: literal text, or `size=` with `seed=` and `hole=offset+length`.
fn file_of(extra: &[Vec<u8>]) -> Result<Node, String> {
    let (mut size, mut seed, mut holes, mut bytes) = (None, 1_u64, Vec::new(), Vec::new());
    for word in extra {
        let text = String::from_utf8_lossy(word).into_owned();
        if let Some(value) = text.strip_prefix("size=") {
            size = Some(number::<usize>(value)?);
        } else if let Some(value) = text.strip_prefix("seed=") {
            seed = number(value)?;
        } else if let Some(value) = text.strip_prefix("hole=") {
            let (start, length) = value.split_once('+').ok_or("hole wants `offset+length`")?;
            holes.push((number(start)?, number(length)?));
        } else {
            bytes.extend_from_slice(word);
        }
    }
    if let Some(size) = size {
        bytes = pseudo_random(size, seed);
    }
    Ok(if holes.is_empty() { Node::File(bytes) } else { Node::SparseFile { bytes, holes } })
}

/// `size` bytes that depend on `seed` alone (xorshift).
fn pseudo_random(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Reads `@seconds[.fraction]` or `YYYY-MM-DDThh:mm:ss[.fraction][Z]` (UTC).
fn parse_stamp(text: &str) -> Result<Stamp, String> {
    let (whole, fraction) = match text.trim_end_matches('Z').split_once('.') {
        Some((whole, fraction)) => (whole, fraction.to_owned()),
        None => (text.trim_end_matches('Z'), String::new()),
    };
    let nanoseconds = number(&format!("{fraction:0<9}"))?;
    if let Some(epoch) = whole.strip_prefix('@') {
        return Ok(Stamp { seconds: number(epoch)?, nanoseconds });
    }
    let fields: Vec<i64> = whole.split(['-', 'T', ':']).map(number).collect::<Result<_, _>>()?;
    let [year, month, day, hour, minute, second] = fields[..] else {
        return Err(format!("`{text}` is not a time"));
    };
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Ok(Stamp { seconds, nanoseconds })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
