//! Giving an entry its lists and extended attributes. Only what differs is set.
//!
//! The order matters. A list is set whole and with the mode's own digits in it, in one call: chmod(2)
//! first would lend the group what the mask allows, and taking a list away would leave it lent. Values
//! of attributes come before the mode, which may forbid even its owner to set them.

use std::fs::File;

use crate::error::{During, Side, Trouble};
use crate::extras::{Acls, Extras, Place, Rules, Xattrs};
use crate::model::acl::{Acl, KERNEL_ACCESS, KERNEL_DEFAULT};
use crate::model::guise::{ACCESS, DEFAULT, Guise};
use crate::model::meta::{Kind, Meta};
use crate::model::path::Name;
use crate::sys::attrs::{Target, set_mode};
use crate::sys::dir::{Dir, Follow};
use crate::sys::permit::Permit;
use crate::sys::sides::Sides;
use crate::sys::xattr::Grip;

/// What an entry is to have besides owner, mode and time.
#[derive(Clone, Debug)]
pub struct Due {
    rules: Rules,
    extras: Extras,
}

/// The mode that an entry is known to have; `None`: its special bits may be gone.
pub type Mode = Option<u32>;

const SET_ACL: &str = "set the access control list of";
const SET_XATTR: &str = "set the extended attributes of";

impl Due {
    /// What the source's entry has; `None`: nothing is carried over.
    pub fn of_source(
        rules: &Rules,
        sides: &Sides<'_>,
        source: &Meta,
    ) -> Result<Option<Box<Self>>, Trouble> {
        if !rules.any() {
            return Ok(None);
        }
        Self::of_place(rules, &Place::source(sides, source)?, sides.dest.guise())
    }

    /// The same for its open file: whatever stands by its name meanwhile.
    pub fn of_file(
        rules: &Rules,
        file: &File,
        sides: &Sides<'_>,
        source: &Meta,
    ) -> Result<Option<Box<Self>>, Trouble> {
        if !rules.any() {
            return Ok(None);
        }
        Self::of_place(rules, &Place::source_file(file, sides, source), sides.dest.guise())
    }

    /// The same for something that is held; `there`: the guise of the destination.
    pub fn of_place(
        rules: &Rules,
        place: &Place<'_>,
        there: Guise,
    ) -> Result<Option<Box<Self>>, Trouble> {
        let extras = rules.of_source(place, there)?;
        Ok(Some(Box::new(Self { rules: rules.clone(), extras })))
    }

    /// What an entry of the destination has, for its backup.
    pub fn of_dest(
        rules: &Rules,
        (dir, name): (&Dir, &Name),
        meta: &Meta,
    ) -> Result<Option<Box<Self>>, Trouble> {
        if !rules.any() {
            return Ok(None);
        }
        let grip = Grip::of_entry(dir, name, Follow::Never).during(Side::Dest, "back up")?;
        let extras = rules.of_dest(&Place { grip, guise: dir.guise(), meta })?;
        Ok(Some(Box::new(Self { rules: rules.clone(), extras })))
    }

    /// What an open directory of the destination has, for one that is to be like it.
    pub fn of_dir(rules: &Rules, dir: &Dir, meta: &Meta) -> Result<Option<Box<Self>>, Trouble> {
        if !rules.any() {
            return Ok(None);
        }
        let extras = rules.of_dest(&Place::dir(dir, meta))?;
        Ok(Some(Box::new(Self { rules: rules.clone(), extras })))
    }

    /// True if lists are carried over.
    pub fn has_acls(&self) -> bool {
        self.extras.acls.is_some()
    }

    /// Gives it to the target, which is to have `mode` and now is `now`; the mode that it has then.
    pub fn apply(
        &self,
        permit: &Permit,
        target: Target<'_>,
        now: &Meta,
        mode: u32,
        troubles: &mut Vec<Trouble>,
    ) -> Mode {
        let grip = match Grip::of_target(target).during(Side::Dest, SET_XATTR) {
            Ok(grip) => grip,
            Err(trouble) => {
                troubles.push(trouble);
                return Some(now.mode);
            }
        };
        let mut mode_now = Some(now.mode);
        if let Some(wanted) = &self.extras.xattrs {
            let mut refused = self.set_xattrs(permit, &grip, Guise::Real, wanted);
            let is_denied = refused.iter().any(|trouble| trouble.cause.is_denied());
            if is_denied && now.kind != Kind::Symlink && now.mode & 0o600 != 0o600 {
                // What its owner may neither read nor write is opened to them for a moment.
                let mode = now.mode | 0o600;
                if set_mode(permit, target, mode).is_ok() {
                    mode_now = Some(mode);
                    refused = self.set_xattrs(permit, &grip, Guise::Real, wanted);
                }
            }
            troubles.extend(refused);
        }
        if let Some(acls) = self.extras.acls.as_ref().filter(|_| now.kind != Kind::Symlink) {
            match set_access(permit, &grip, acls, mode) {
                Ok(true) if (mode | now.mode) & 0o7000 == 0 => mode_now = Some(mode),
                Ok(true) => mode_now = None,
                Ok(false) => {}
                Err(trouble) => troubles.push(trouble),
            }
            if now.kind == Kind::Dir {
                troubles.extend(set_default(permit, &grip, acls).err());
            }
        }
        mode_now
    }

    /// Gives it to a target that stands for something else.
    pub fn store(&self, permit: &Permit, grip: &Grip<'_>, troubles: &mut Vec<Trouble>) {
        if let Some(wanted) = &self.extras.xattrs {
            troubles.extend(self.set_xattrs(permit, grip, Guise::Fake, wanted));
        }
        let Some(acls) = &self.extras.acls else { return };
        for (name, acl) in [(ACCESS, &acls.access), (DEFAULT, &acls.default)] {
            let wanted = acl.as_ref().map(Acl::to_rsync);
            let stored = set_if_other(permit, grip, name, wanted.as_deref());
            troubles.extend(stored.map_err(|trouble| roomless(trouble, SET_ACL)).err());
        }
    }

    /// Sets and removes what differs; every attribute is tried.
    fn set_xattrs(
        &self,
        permit: &Permit,
        grip: &Grip<'_>,
        guise: Guise,
        wanted: &Xattrs,
    ) -> Vec<Trouble> {
        let Some(names) = &self.rules.xattrs else { return Vec::new() };
        let has = match names.of_dest(grip, guise).during(Side::Dest, SET_XATTR) {
            Ok(has) => has,
            Err(trouble) => return vec![trouble],
        };
        let extra = has.keys().filter(|name| !wanted.contains_key(*name));
        let removed = extra.map(|name| grip.remove(permit, name));
        let other = wanted.iter().filter(|(name, value)| has.get(*name) != Some(value));
        let set = other.map(|(name, value)| grip.set(permit, name, value));
        // Removing first makes room.
        let results = removed.chain(set).map(|result| result.during(Side::Dest, SET_XATTR));
        results.filter_map(Result::err).map(|trouble| roomless(trouble, SET_XATTR)).collect()
    }
}

/// An inode has little room for attributes, and that it is full says nothing of the file system:
/// the run goes on.
fn roomless(trouble: Trouble, verb: &'static str) -> Trouble {
    if trouble.cause.is_no_room() {
        let why = "the file system has no room for so many or so long ones on one entry";
        return Trouble::rule(Side::Dest, verb, why);
    }
    trouble
}

/// True if it was set, and with it the mode's digits.
fn set_access(permit: &Permit, grip: &Grip<'_>, acls: &Acls, mode: u32) -> Result<bool, Trouble> {
    let has = grip.value(KERNEL_ACCESS).during(Side::Dest, SET_ACL)?;
    // One that can not be read is replaced. `lean` leaves the plain ones out.
    let has = has.and_then(|bytes| Acl::from_kernel(&bytes)).and_then(|acl| acl.lean(mode));
    if Acl::is_same_access(has.as_ref(), acls.access.as_ref()) {
        return Ok(false);
    }
    let acl = acls.access.clone().map_or(Acl::PLAIN, |acl| acl.masked_by(mode));
    let set = grip.set(permit, KERNEL_ACCESS, &acl.to_kernel(mode)).during(Side::Dest, SET_ACL);
    set.map(|()| true).map_err(|trouble| roomless(trouble, SET_ACL))
}

fn set_default(permit: &Permit, grip: &Grip<'_>, acls: &Acls) -> Result<(), Trouble> {
    let has = grip.value(KERNEL_DEFAULT).during(Side::Dest, SET_ACL)?;
    if has.and_then(|bytes| Acl::from_kernel(&bytes)) == acls.default {
        return Ok(());
    }
    // A default list is never lean: no mode is asked.
    let wanted = acls.default.as_ref().map(|acl| acl.to_kernel(0));
    let set = match wanted {
        Some(bytes) => grip.set(permit, KERNEL_DEFAULT, &bytes),
        None => grip.remove(permit, KERNEL_DEFAULT),
    };
    set.during(Side::Dest, SET_ACL).map_err(|trouble| roomless(trouble, SET_ACL))
}

/// Sets an attribute, or removes it, where it is not so already.
pub fn set_if_other(
    permit: &Permit,
    grip: &Grip<'_>,
    name: &[u8],
    wanted: Option<&[u8]>,
) -> Result<(), Trouble> {
    let verb = "store the attributes of";
    let has = grip.value(name).during(Side::Dest, verb)?;
    match wanted {
        _ if has.as_deref() == wanted => Ok(()),
        Some(value) => grip.set(permit, name, value).during(Side::Dest, verb),
        None => grip.remove(permit, name).during(Side::Dest, verb),
    }
}
