//! Finishing an entry that stands for another (`--fake-super`): what it may not be itself, an attribute
//! says.

use crate::act::extras::set_if_other;
use crate::act::finish::{Rules, Time, Wanted, apply_times};
use crate::error::{During, Side, Trouble};
use crate::model::change::Attrs;
use crate::model::guise::{STAT, Seen};
use crate::model::meta::{Kind, Meta};
use crate::sys::attrs::{Target, set_mode};
use crate::sys::permit::Permit;
use crate::sys::stat;
use crate::sys::xattr::Grip;

/// What an entry stands for, as far as [`Wanted`] does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// What it is meant to be.
    pub kind: Kind,
    /// Mode bits, where none are wanted.
    pub mode: u32,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Owner and group that it stands for already.
    pub owners: Option<(u32, u32)>,
}

impl StandIn {
    /// What an entry like `source` is meant to be; `there`: what stands there.
    pub fn of(source: &Meta, there: Option<&Meta>, rules: &Rules) -> Self {
        let device = if source.kind.is_device() {
            (rustix::fs::major(source.rdev), rustix::fs::minor(source.rdev))
        } else {
            (0, 0)
        };
        let owners = there.map(|there| (there.uid, there.gid));
        let mode = match there {
            _ if rules.preserve.attrs.contains(Attrs::MODE) => source.mode,
            Some(there) => there.mode,
            None => source.mode & 0o777 & !rules.umask,
        };
        Self { kind: source.kind, mode, device, owners }
    }

    /// [`super::finish::apply`] for what stands for something else.
    pub fn apply(
        &self,
        permit: &Permit,
        target: Target<'_>,
        wanted: &Wanted,
        time: Time,
    ) -> Vec<Trouble> {
        let looked = match target {
            Target::Handle(file) => stat::real(file),
            Target::Entry(dir, name) => stat::real_entry(dir, name),
        };
        let held = looked.and_then(|real| Ok((real, Grip::of_target(target)?)));
        let (real, grip) = match held.during(Side::Dest, "look at") {
            Ok(held) => held,
            Err(trouble) => return vec![trouble],
        };
        let mut troubles = Vec::new();
        let mut seen = self.seen(&real, wanted);
        if !matches!(real.kind, Kind::File | Kind::Dir) {
            // Something real, which no attribute can speak for.
            seen.kind = real.kind;
        }
        let mode = seen.stand_in_mode();
        if mode != real.mode && real.kind != Kind::Symlink {
            let set = set_mode(permit, target, mode);
            troubles.extend(set.during(Side::Dest, "set the mode of").err());
        }
        let text = (!seen.is_plain(&real)).then(|| seen.text());
        let stored = set_if_other(permit, &grip, STAT, text.as_deref().map(str::as_bytes));
        troubles.extend(stored.err());
        if let Some(due) = &wanted.due {
            due.store(permit, &grip, &mut troubles);
        }
        troubles.extend(apply_times(permit, target, &real, wanted, time).err());
        troubles
    }

    fn seen(&self, real: &Meta, wanted: &Wanted) -> Seen {
        let (uid, gid) = self.owners.unwrap_or((real.uid, real.gid));
        Seen {
            kind: self.kind,
            mode: wanted.mode.unwrap_or(self.mode),
            uid: wanted.uid.unwrap_or(uid),
            gid: wanted.gid.unwrap_or(gid),
            device: self.device,
        }
    }
}
