//! A line of `--list-only`: mode, size, time and name, as rsync prints them.

use chrono::{Local, TimeZone};

use crate::cli::display::{Display, Times};
use crate::cli::numbers::Numbers;
use crate::model::change::Change;
use crate::model::meta::{Kind, Meta, Stamp};

/// The line of an entry, without its newline.
pub fn listed(change: &Change, display: &Display) -> Option<Vec<u8>> {
    let meta = &change.more.as_deref()?.meta;
    let numbers = display.numbers;
    let bytes = match meta.kind {
        Kind::File | Kind::Dir | Kind::Symlink => meta.size,
        Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice => 0,
    };
    let width = if numbers == Numbers::Plain { 11 } else { 14 };
    let size = numbers.amount(bytes);
    let mut line = format!("{} {size:>width$} {} ", mode(meta), time(meta.mtime)).into_bytes();
    if display.times == Times::WithAccess {
        // A directory has none that says anything.
        let atime = if meta.kind == Kind::Dir { String::new() } else { time(meta.atime) };
        line.extend_from_slice(format!("{atime:19} ").as_bytes());
    }
    let path = if change.path.is_root() { b"." } else { change.path.as_bytes() };
    display.escape.append(&mut line, path);
    if let Some(target) = &change.target {
        line.extend_from_slice(b" -> ");
        display.escape.append(&mut line, target);
    }
    Some(line)
}

/// Kind and mode in the ten letters of ls(1).
fn mode(meta: &Meta) -> String {
    let kind = match meta.kind {
        Kind::File => '-',
        Kind::Dir => 'd',
        Kind::Symlink => 'l',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
        Kind::CharDevice => 'c',
        Kind::BlockDevice => 'b',
    };
    format!("{kind}{}", permissions(meta))
}

/// The mode in nine letters.
pub fn permissions(meta: &Meta) -> String {
    let mut text = String::new();
    for (shift, special, letters) in [(6, 0o4000, "sS"), (3, 0o2000, "sS"), (0, 0o1000, "tT")] {
        let bits = meta.mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        let (with_x, without_x) = letters.split_at(1);
        text.push_str(match (meta.mode & special != 0, bits & 1 != 0) {
            (false, false) => "-",
            (false, true) => "x",
            (true, true) => with_x,
            (true, false) => without_x,
        });
    }
    text
}

/// The time, in whole seconds, where the user is.
fn time(stamp: Stamp) -> String {
    let local = Local.timestamp_opt(stamp.secs, 0).earliest();
    // Beyond the calendar there are only seconds left.
    local.map_or_else(|| stamp.secs.to_string(), |at| at.format("%Y/%m/%d %H:%M:%S").to_string())
}
