//! What `--chmod` makes of a mode. Pure.
//!
//! As chmod(1) has it, with rsync's own: items for directories or for files alone, one class that is
//! copied to others, and set-id bits for the classes that are named.

use crate::model::meta::Kind;

/// Which entries an item is about. Symlinks have no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// All.
    All,
    /// Directories (`D`).
    Dirs,
    /// All that are no directories (`F`).
    Files,
}

/// What is done with the bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// They are set.
    Add,
    /// They are cleared.
    Remove,
    /// They replace those of their classes.
    Assign,
}

/// Which bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// Those that were typed.
    Named {
        /// Of `rwx`, as one octal digit.
        rwx: u32,
        /// `X`: x for directories, and for what anybody may execute, and for nothing else. Only taking
        /// it away is taking x away (rsync 3.5.0).
        x_if_any: bool,
        /// Set-id and sticky bits.
        special: u32,
    },
    /// Those that a class has: how far its octal digit is from the right, in bits.
    OfClass(u32),
}

/// One item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeChange {
    /// An octal mode.
    Octal(On, u32),
    /// A symbolic one.
    Symbolic {
        /// Which entries.
        on: On,
        /// Of `0o111`: which classes. None at all are all, less the bits of the umask.
        classes: u32,
        /// What is done.
        op: Op,
        /// With which bits.
        bits: Bits,
    },
}

/// The mode that `changes` make of `mode`.
pub fn changed(changes: &[ModeChange], mode: u32, kind: Kind, umask: u32) -> u32 {
    if kind == Kind::Symlink {
        return mode;
    }
    let is_dir = kind == Kind::Dir;
    // `X` asks what the source has, whatever was changed before it.
    let has_x = is_dir || mode & 0o111 != 0;
    changes.iter().fold(mode, |mode, change| match *change {
        ModeChange::Octal(on, octal) if is_about(on, is_dir) => octal,
        ModeChange::Symbolic { on, classes, op, bits } if is_about(on, is_dir) => {
            apply(mode, classes, op, bits, has_x, umask)
        }
        _ => mode,
    })
}

fn is_about(on: On, is_dir: bool) -> bool {
    match on {
        On::All => true,
        On::Dirs => is_dir,
        On::Files => !is_dir,
    }
}

fn apply(mode: u32, classes: u32, op: Op, bits: Bits, has_x: bool, umask: u32) -> u32 {
    let (targets, kept) = if classes == 0 { (0o111, !umask) } else { (classes, !0) };
    // A digit times the classes' lowest bits is that digit in each of the classes.
    let (digit, special) = match bits {
        Bits::OfClass(shift) => ((mode >> shift) & 7, 0),
        Bits::Named { rwx, x_if_any: true, special } => {
            ((rwx & 6) | u32::from(has_x || op == Op::Remove), special)
        }
        Bits::Named { rwx, x_if_any: false, special } => (rwx, special),
    };
    let bits_set = (targets * digit) & kept;
    match op {
        Op::Add => mode | bits_set | special,
        Op::Remove => mode & !(bits_set | special),
        Op::Assign => {
            let cleared = match bits {
                Bits::OfClass(_) => special_of(targets),
                Bits::Named { .. } if special != 0 => set_ids_of(classes),
                Bits::Named { .. } => 0,
            };
            (mode & !(targets * 7) & !cleared) | bits_set | special
        }
    }
}

/// The special bit of each class: set-user-ID, set-group-ID, sticky.
fn special_of(classes: u32) -> u32 {
    [(0o100, 0o4000), (0o010, 0o2000), (0o001, 0o1000)]
        .into_iter()
        .filter(|(class, _)| classes & class != 0)
        .fold(0, |bits, (_, special)| bits | special)
}

/// The set-id bits of the user and the group, where they are among `classes`.
pub fn set_ids_of(classes: u32) -> u32 {
    special_of(classes) & 0o6000
}
