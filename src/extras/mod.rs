//! ACLs and extended attributes: which take part, read from either side, compared. Only asked for
//! where the user wants them: without `-A` and `-X` nothing here makes a system call.

pub mod names;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::error::{During, Side, Trouble};
use crate::extras::names::Names;
use crate::model::acl::{Acl, KERNEL_ACCESS, KERNEL_DEFAULT};
use crate::model::change::Attrs;
use crate::model::guise::{ACCESS, DEFAULT, Guise};
use crate::model::meta::{Kind, Meta};
use crate::sys::dir::{Dir, Follow};
use crate::sys::sides::Sides;
use crate::sys::xattr::Grip;

/// What is carried over.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// `--acls`.
    pub acls: bool,
    /// `--xattrs`: which.
    pub xattrs: Option<Arc<Names>>,
}

/// The lists of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acls {
    /// Who may do what, beyond what the mode says ([`Acl::lean`]).
    pub access: Option<Acl>,
    /// What new entries of a directory get.
    pub default: Option<Acl>,
}

/// Values of extended attributes by name.
pub type Xattrs = BTreeMap<Box<[u8]>, Vec<u8>>;

/// What an entry has besides its [`Meta`]; `None`: it is not carried over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Its lists.
    pub acls: Option<Acls>,
    /// Its extended attributes.
    pub xattrs: Option<Xattrs>,
}

/// An entry whose extras are asked for.
#[derive(Debug)]
pub struct Place<'a> {
    /// A hold on it.
    pub grip: Grip<'a>,
    /// In which guise it is seen.
    pub guise: Guise,
    /// What it looks like.
    pub meta: &'a Meta,
}

impl<'a> Place<'a> {
    /// The source's open file.
    pub fn source_file(file: &'a File, sides: &Sides<'_>, meta: &'a Meta) -> Self {
        Self { grip: Grip::of_handle(file), guise: sides.source.guise(), meta }
    }

    /// The source's entry.
    pub fn source(sides: &Sides<'_>, meta: &'a Meta) -> Result<Self, Trouble> {
        let grip = Grip::of_entry(sides.source, sides.source_name, sides.follow);
        let grip = grip.during(Side::Source, VERB)?;
        Ok(Self { grip, guise: sides.source.guise(), meta })
    }

    /// The destination's entry.
    pub fn dest(sides: &Sides<'_>, meta: &'a Meta) -> Result<Self, Trouble> {
        let grip = Grip::of_entry(sides.dest, sides.dest_name, Follow::Never);
        let grip = grip.during(Side::Dest, VERB)?;
        Ok(Self { grip, guise: sides.dest.guise(), meta })
    }

    /// An open directory.
    pub fn dir(dir: &'a Dir, meta: &'a Meta) -> Self {
        Self { grip: Grip::of_handle(dir), guise: dir.guise(), meta }
    }
}

const VERB: &str = "read the extended attributes of";

impl Rules {
    /// True if there is anything to do.
    pub fn any(&self) -> bool {
        self.acls || self.xattrs.is_some()
    }

    /// What the source's entry has that is carried over, as a destination of the guise `there` has it.
    pub fn of_source(&self, place: &Place<'_>, there: Guise) -> Result<Extras, Trouble> {
        let acls = self.acls.then(|| acls(place, Side::Source)).transpose()?;
        let read = |names: &Arc<Names>| {
            let xattrs = names.of_source(&place.grip, place.guise)?;
            Ok::<_, io::Error>(names.named_there(xattrs, there))
        };
        let xattrs = self.xattrs.as_ref().map(read).transpose().during(Side::Source, VERB)?;
        Ok(Extras { acls, xattrs })
    }

    /// What the destination's entry has that has to be as in the source.
    pub fn of_dest(&self, place: &Place<'_>) -> Result<Extras, Trouble> {
        let acls = self.acls.then(|| acls(place, Side::Dest)).transpose()?;
        let read = |names: &Arc<Names>| names.of_dest(&place.grip, place.guise);
        let xattrs = self.xattrs.as_ref().map(read).transpose().during(Side::Dest, VERB)?;
        Ok(Extras { acls, xattrs })
    }

    /// In which extras two entries differ. What the destination does not let us read is to be set.
    pub fn differing(&self, source: &Place<'_>, dest: &Place<'_>) -> Result<Attrs, Trouble> {
        let ours = self.of_source(source, dest.guise)?;
        match self.of_dest(dest) {
            Ok(theirs) => Ok(ours.differing(&theirs)),
            Err(trouble) if trouble.cause.is_denied() => {
                let mut attrs = Attrs::empty();
                attrs.set(Attrs::XATTRS, self.xattrs.is_some());
                // Stored lists are denied by the mode of what stands for the entry: it is set, and they
                // are with it ([`Attrs::OWN_MODE`]).
                attrs.set(Attrs::ACLS, self.acls && dest.guise == Guise::Real);
                Ok(attrs)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// The same for the entries of one name on both sides.
    pub fn differing_sides(
        &self,
        sides: &Sides<'_>,
        source: &Meta,
        dest: &Meta,
    ) -> Result<Attrs, Trouble> {
        if !self.any() {
            return Ok(Attrs::empty());
        }
        self.differing(&Place::source(sides, source)?, &Place::dest(sides, dest)?)
    }
}

impl Extras {
    fn differing(&self, other: &Self) -> Attrs {
        let mut attrs = Attrs::empty();
        if let (Some(ours), Some(theirs)) = (&self.acls, &other.acls) {
            let same = Acl::is_same_access(ours.access.as_ref(), theirs.access.as_ref());
            attrs.set(Attrs::ACLS, !same || ours.default != theirs.default);
        }
        attrs.set(Attrs::XATTRS, self.xattrs != other.xattrs);
        attrs
    }
}

fn acls(place: &Place<'_>, side: Side) -> Result<Acls, Trouble> {
    if place.meta.kind == Kind::Symlink {
        return Ok(Acls { access: None, default: None });
    }
    let [access, default] = match place.guise {
        Guise::Real => [KERNEL_ACCESS, KERNEL_DEFAULT],
        Guise::Fake => [ACCESS, DEFAULT],
    };
    let parse = |bytes: &[u8]| match place.guise {
        Guise::Real => Acl::from_kernel(bytes),
        Guise::Fake => Acl::from_rsync(bytes),
    };
    let read = |name: &[u8]| {
        let Some(bytes) = place.grip.value(name)? else { return Ok(None) };
        let why = "it is no access control list that is known";
        parse(&bytes).map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, why))
    };
    let verb = "read the access control list of";
    let access = read(access).during(side, verb)?.and_then(|acl| acl.lean(place.meta.mode));
    let default = match place.meta.kind {
        Kind::Dir => read(default).during(side, verb)?,
        _ => None,
    };
    Ok(Acls { access, default })
}
