//! Attributes, in the order that never leaves an entry too open: owner, then extended attributes and
//! lists, then mode, then time.
//!
//! chown(2) clears set-id bits, so the mode comes after it; anything else touches the time.

use std::borrow::Cow;

use crate::act::extras::Due;
use crate::act::stand_in::StandIn;
use crate::error::{During, Side, Trouble};
use crate::extras;
use crate::model::change::Attrs;
use crate::model::guise::Guise;
use crate::model::meta::{Kind, Meta, Stamp};
use crate::settings::preserve::{Executability, Preserve, executable_as};
use crate::sys::attrs::{Target, set_mode, set_owner, set_times};
use crate::sys::dir::Dir;
use crate::sys::permit::Permit;
use crate::sys::process::Identity;

/// What new and changed entries look like.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Which attributes are carried over.
    pub preserve: Preserve,
    /// Who we are.
    pub identity: Identity,
    /// Which lists and extended attributes are carried over.
    pub extras: extras::Rules,
    /// The user's umask, for modes that are not carried over.
    pub umask: u32,
}

impl Rules {
    /// The same for entries of `dir`: where modes are not carried over, its default list takes the
    /// place of the umask.
    pub fn under(&self, dir: &Dir) -> Cow<'_, Self> {
        let asks = !self.preserve.attrs.contains(Attrs::MODE);
        match asks.then(|| dir.ceiling()).flatten() {
            Some(ceiling) => Cow::Owned(Self { umask: !ceiling & 0o777, ..self.clone() }),
            None => Cow::Borrowed(self),
        }
    }
}

/// The attributes that an entry shall have; `None`: as it is.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Mode bits.
    pub mode: Option<u32>,
    /// Time of last modification.
    pub mtime: Option<Stamp>,
    /// Time of last access.
    pub atime: Option<Stamp>,
    /// Lists and extended attributes.
    pub due: Option<Box<Due>>,
    /// What it stands for (`--fake-super`).
    pub stand_in: Option<StandIn>,
}

impl Wanted {
    /// What a destination entry for `source` shall have; `there`: an entry of the same kind that
    /// stands there already.
    pub fn of(source: &Meta, there: Option<&Meta>, rules: &Rules) -> Self {
        let attrs = rules.preserve.attrs;
        let keeps_group = attrs.contains(Attrs::GROUP) && rules.identity.may_give_to(source.gid);
        Self {
            uid: attrs.contains(Attrs::OWNER).then_some(source.uid),
            gid: keeps_group.then_some(source.gid),
            mode: wanted_mode(source, there, rules),
            mtime: rules.preserve.sets_time(source.kind).then_some(source.mtime),
            atime: rules.preserve.sets_atime(source.kind).then_some(source.atime),
            due: None,
            stand_in: match rules.preserve.guises.dest {
                Guise::Real => None,
                Guise::Fake => Some(StandIn::of(source, there, rules)),
            },
        }
    }

    /// The same with lists and extended attributes.
    #[must_use]
    pub fn with(self, due: Option<Box<Due>>) -> Self {
        Self { due, ..self }
    }

    /// The mode to create an entry with: open to nobody but the owner while the owner or the
    /// group is not the final one.
    pub fn mode_at_creation(&self, source: &Meta, rules: &Rules) -> u32 {
        let mode = self.mode.unwrap_or(source.mode & 0o777 & !rules.umask);
        let will_be_given = self.uid.is_some_and(|uid| uid != rules.identity.uid)
            || self.gid.is_some_and(|gid| gid != rules.identity.gid)
            // A default list of the directory above may name others.
            || rules.extras.acls;
        let mode = if will_be_given { mode & 0o700 } else { mode & 0o777 };
        // A directory has to be filled before it may become read-only.
        if source.kind == Kind::Dir { mode | 0o700 } else { mode }
    }
}

fn wanted_mode(source: &Meta, there: Option<&Meta>, rules: &Rules) -> Option<u32> {
    if source.kind == Kind::Symlink {
        return None;
    }
    if rules.preserve.attrs.contains(Attrs::MODE) {
        return Some(source.mode);
    }
    let follows = rules.preserve.executability == Executability::Follow;
    match there {
        Some(there) if follows && source.kind == Kind::File => {
            Some(executable_as(source.mode, there.mode))
        }
        Some(there) => Some(there.mode),
        None if source.kind == Kind::Dir => None,
        None => Some(source.mode & 0o777 & !rules.umask),
    }
}

/// Whether the time has to be set although it seems right: writing has changed it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// `now` is what the entry has.
    AsSeen,
    /// It was written to after `now` was taken.
    Touched,
}

/// The mode that an entry may have: a program that did not get its owner would run with the rights
/// of somebody else, if its set-id bits were set. Only an owner that was *refused* takes them away: one
/// that is not carried over at all, or is right already, leaves them.
fn safe_mode(mode: u32, kind: Kind, is_owned: bool) -> u32 {
    if is_owned || kind == Kind::Dir { mode } else { mode & !0o6000 }
}

/// Gives the target what is wanted and not there yet; `now` is what it has.
///
/// Every attribute is tried, whatever becomes of the others; the troubles come back.
pub fn apply(
    permit: &Permit,
    target: Target<'_>,
    now: &Meta,
    wanted: &Wanted,
    time: Time,
) -> Vec<Trouble> {
    if let Some(stand_in) = &wanted.stand_in {
        return stand_in.apply(permit, target, wanted, time);
    }
    let mut troubles = Vec::new();
    let attempt = |troubles: &mut Vec<Trouble>, result: std::io::Result<()>, verb| {
        let trouble = result.during(Side::Dest, verb).err();
        let is_done = trouble.is_none();
        troubles.extend(trouble);
        is_done
    };
    let uid = wanted.uid.filter(|uid| *uid != now.uid);
    let gid = wanted.gid.filter(|gid| *gid != now.gid);
    let given = uid.is_some() || gid.is_some();
    let is_owned =
        !given || attempt(&mut troubles, set_owner(permit, target, uid, gid), "set the owner of");
    let mode = wanted.mode.map(|mode| safe_mode(mode, now.kind, is_owned));
    let mode_now = match &wanted.due {
        Some(due) => due.apply(permit, target, now, mode.unwrap_or(now.mode), &mut troubles),
        None => Some(now.mode),
    };
    // A mode that was changed only to set attributes is put back.
    let mode = mode.or((mode_now != Some(now.mode)).then_some(now.mode));
    // Writing and chown both clear set-id bits.
    let loses_bits = given || time == Time::Touched;
    if let Some(mode) = mode
        && (Some(mode) != mode_now || (loses_bits && mode & 0o6000 != 0))
    {
        attempt(&mut troubles, set_mode(permit, target, mode), "set the mode of");
    }
    troubles.extend(apply_times(permit, target, now, wanted, time).err());
    troubles
}

/// Sets the times that are wanted and not there yet.
pub(super) fn apply_times(
    permit: &Permit,
    target: Target<'_>,
    now: &Meta,
    wanted: &Wanted,
    time: Time,
) -> Result<(), Trouble> {
    let is_off = |stamp: Option<Stamp>, now| stamp.is_some_and(|stamp| stamp != now);
    let touched = time == Time::Touched && (wanted.mtime.is_some() || wanted.atime.is_some());
    if touched || is_off(wanted.mtime, now.mtime) || is_off(wanted.atime, now.atime) {
        let atime = wanted.atime.unwrap_or(now.atime);
        set_times(permit, target, atime, wanted.mtime).during(Side::Dest, "set the time of")?;
    }
    Ok(())
}
