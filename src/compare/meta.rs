//! Which preserved attributes differ. Pure.

use std::sync::Arc;

use crate::compare::content::FromStorage;
use crate::extras;
use crate::model::change::Attrs;
use crate::model::guise::{Guise, stand_in_mode};
use crate::model::meta::{Kind, Meta, Stamp};
use crate::settings::Window;
use crate::settings::preserve::{Executability, Preserve, executable_as};
use crate::sys::process::Identity;

/// What counts as different.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Which attributes are carried over.
    pub preserve: Preserve,
    /// Which lists and extended attributes are carried over.
    pub extras: extras::Rules,
    /// When times are equal.
    pub window: Window,
    /// Who we are: what we may not set, we do not miss.
    pub identity: Identity,
    /// Whether the destination is read back from storage.
    pub from_storage: Option<Arc<FromStorage>>,
}

/// True if two times count as equal (rsync.1, `--modify-window`).
pub fn same_time(a: Stamp, b: Stamp, window: Window) -> bool {
    match window {
        Window::Nanoseconds => a == b,
        Window::Seconds(allowed) => a.secs.abs_diff(b.secs) <= u64::from(allowed),
    }
}

/// Access times are compared in whole seconds, whatever is asked of the others (rsync 3.5.0).
fn whole_seconds(window: Window) -> Window {
    match window {
        Window::Nanoseconds => Window::Seconds(0),
        Window::Seconds(_) => window,
    }
}

/// The preserved attributes, content apart, in which two entries of one kind differ.
pub fn differing(source: &Meta, dest: &Meta, rules: &Rules) -> Attrs {
    let mut attrs = Attrs::empty();
    let preserve = &rules.preserve;
    if preserve.sets_time(source.kind) && !same_time(source.mtime, dest.mtime, rules.window) {
        attrs |= Attrs::MTIME;
    }
    let has_atime = preserve.sets_atime(source.kind) && source.kind != Kind::Symlink;
    if has_atime && !same_time(source.atime, dest.atime, whole_seconds(rules.window)) {
        attrs |= Attrs::ATIME;
    }
    if mode_differs(source, dest, *preserve) {
        attrs |= Attrs::MODE;
    }
    if preserve.guises.dest == Guise::Fake && dest.own_mode != stand_in_mode(dest.kind, dest.mode) {
        attrs |= Attrs::OWN_MODE;
    }
    if preserve.attrs.contains(Attrs::OWNER) && source.uid != dest.uid {
        attrs |= Attrs::OWNER;
    }
    if preserve.attrs.contains(Attrs::GROUP)
        && source.gid != dest.gid
        && rules.identity.may_give_to(source.gid)
    {
        attrs |= Attrs::GROUP;
    }
    attrs
}

fn mode_differs(source: &Meta, dest: &Meta, preserve: Preserve) -> bool {
    if source.kind == Kind::Symlink {
        return false;
    }
    if preserve.attrs.contains(Attrs::MODE) {
        return source.mode != dest.mode;
    }
    preserve.executability == Executability::Follow
        && source.kind == Kind::File
        && executable_as(source.mode, dest.mode) != dest.mode
}
