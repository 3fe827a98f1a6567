//! Which extended attributes take part, and what they are called on either side.
//!
//! rsync.1, `--xattrs`: root copies all namespaces but `system`, others only `user`; rules with the
//! modifier `x` take the place of that. In the `--fake-super` guise an attribute of another namespace
//! is stored as `user.rsync.NAME`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::extras::Xattrs;
use crate::filter::scope::Scope;
use crate::model::guise::{ACCESS, DEFAULT, Guise, OWN, STAT, STORED};
use crate::sys::xattr::Grip;

/// Which take part.
#[derive(Debug)]
pub struct Names {
    /// Of which namespaces, if no rule says.
    pub namespaces: Namespaces,
    /// Whether rsync's own are copied like any other (`-XX`).
    pub own: OwnNames,
    /// What rules with the modifier `x` say: of the source's, of the destination's.
    pub rules: Option<[Arc<Scope>; 2]>,
}

/// Of which namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// All but `system`: root.
    AllButSystem,
    /// `user`.
    User,
}

/// Whether rsync's own attributes (`user.rsync.%...`) are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnNames {
    /// No.
    LeaveOut,
    /// Yes (`-XX`).
    Copy,
}

const USER: &[u8] = b"user.";

impl Names {
    /// The source's attributes that are carried over, by their own names.
    pub fn of_source(&self, grip: &Grip<'_>, guise: Guise) -> io::Result<Xattrs> {
        Self::read(grip, |real| {
            if self.own == OwnNames::LeaveOut && real.starts_with(OWN) {
                return None;
            }
            let name = real.strip_prefix(STORED).filter(|_| guise == Guise::Fake).unwrap_or(real);
            let is_stored = name.len() != real.len();
            let is_in = match &self.rules {
                Some(rules) => !rules.iter().any(|scope| is_out(scope, name)),
                None => is_stored || self.has_namespace(real),
            };
            is_in.then_some(name)
        })
    }

    /// The destination's attributes that have to be the source's, by the names that they have there.
    pub fn of_dest(&self, grip: &Grip<'_>, guise: Guise) -> io::Result<Xattrs> {
        let guise = self.naming(guise);
        Self::read(grip, |real| {
            if guise == Guise::Fake
                && (matches!(real, STAT | ACCESS | DEFAULT) || !real.starts_with(USER))
            {
                return None;
            }
            let is_in = match &self.rules {
                Some([_, dest]) => !is_out(dest, meant(real, guise)),
                None => guise == Guise::Fake || self.has_namespace(real),
            };
            is_in.then_some(real)
        })
    }

    /// In which guise the destination's names are. Who is not root and chooses names by rules can not
    /// set those of other namespaces, and rsync stores them, whatever the guise.
    fn naming(&self, guise: Guise) -> Guise {
        match (&self.rules, self.namespaces) {
            (Some(_), Namespaces::User) => Guise::Fake,
            _ => guise,
        }
    }

    /// The same attributes by the names that they get in a destination of this guise.
    pub fn named_there(&self, xattrs: Xattrs, guise: Guise) -> Xattrs {
        if self.naming(guise) == Guise::Real {
            return xattrs;
        }
        let stored = |name: Box<[u8]>| {
            if name.starts_with(USER) { name } else { [STORED, &name].concat().into() }
        };
        xattrs.into_iter().map(|(name, value)| (stored(name), value)).collect()
    }

    fn has_namespace(&self, name: &[u8]) -> bool {
        match self.namespaces {
            Namespaces::AllButSystem => !name.starts_with(b"system."),
            Namespaces::User => name.starts_with(USER),
        }
    }

    /// All attributes to which `called` gives a name, by that name.
    fn read(
        grip: &Grip<'_>,
        called: impl for<'r> Fn(&'r [u8]) -> Option<&'r [u8]>,
    ) -> io::Result<Xattrs> {
        let mut found = BTreeMap::new();
        for real in grip.names()? {
            let Some(name) = called(&real) else { continue };
            // One that is gone meanwhile is not there.
            if let Some(value) = grip.value(&real)? {
                found.insert(Box::from(name), value);
            }
        }
        Ok(found)
    }
}

fn is_out(scope: &Scope, name: &[u8]) -> bool {
    scope.xattr_verdict(name).is_excluded()
}

/// What an attribute of the destination stands for.
fn meant(real: &[u8], guise: Guise) -> &[u8] {
    let stored = real.strip_prefix(STORED).filter(|name| !name.starts_with(USER));
    stored.filter(|_| guise == Guise::Fake).unwrap_or(real)
}
