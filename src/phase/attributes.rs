//! Lists and extended attributes in both passes: which are carried over, and those of directories.

use std::sync::Arc;

use crate::act::extras::Due;
use crate::compare::meta::differing;
use crate::error::{During, Side, Trouble};
use crate::extras::names::{Names, Namespaces};
use crate::extras::{Place, Rules};
use crate::filter::scope::{self, Parents, Scope};
use crate::model::change::Attrs;
use crate::model::guise::Guise;
use crate::model::meta::Meta;
use crate::phase::pass::{Memo, Pass};
use crate::scan::node::Node;
use crate::settings::Settings;
use crate::sys::dir::Dir;
use crate::sys::process::Identity;

/// What the settings say is carried over.
pub fn rules_of(settings: &Settings, identity: &Identity) -> Rules {
    let attrs = settings.preserve.attrs;
    let names = || {
        let is_root = match settings.preserve.guises.dest {
            Guise::Real => settings.rights.reach(identity.uid),
            Guise::Fake => identity.is_root(),
        };
        // Rules are about names, which are below no directory.
        let scope = |side| Scope::open(&settings.rules, side, b"/", Parents::Skip);
        let sides = [scope::Side::Sender, scope::Side::Receiver];
        Arc::new(Names {
            namespaces: if is_root { Namespaces::AllButSystem } else { Namespaces::User },
            own: settings.preserve.own_xattrs,
            rules: settings.rules.has_xattr_rules().then(|| sides.map(scope)),
        })
    };
    Rules { acls: attrs.contains(Attrs::ACLS), xattrs: attrs.contains(Attrs::XATTRS).then(names) }
}

impl Pass<'_> {
    /// In which preserved attributes the directory `node` differs from `dest`, an open directory.
    pub fn dir_differs(
        &self,
        node: &Node<Memo>,
        source: &Meta,
        (dest, there): (&Dir, &Meta),
    ) -> Result<Attrs, Trouble> {
        let attrs = differing(source, there, &self.tolerance);
        if !self.tolerance.extras.any() {
            return Ok(attrs);
        }
        let Some(dir) = source_of(node)? else { return Ok(attrs) };
        let (ours, theirs) = (Place::dir(&dir, source), Place::dir(dest, there));
        Ok(attrs | self.tolerance.extras.differing(&ours, &theirs)?)
    }

    /// The same for the destination's own directory, if there is one.
    pub fn dest_dir_differs(
        &self,
        node: &Node<Memo>,
        source: &Meta,
        there: &Meta,
    ) -> Result<Attrs, Trouble> {
        let chain = node.dest_to_be().filter(|_| self.tolerance.extras.any());
        let Some(chain) = chain else { return Ok(differing(source, there, &self.tolerance)) };
        let dest = chain.get().during(Side::Dest, "open the directory")?;
        self.dir_differs(node, source, (&dest, there))
    }

    /// The lists and attributes that a directory is to have.
    pub fn due_to_dir(
        &self,
        node: &Node<Memo>,
        source: &Meta,
    ) -> Result<Option<Box<Due>>, Trouble> {
        if !self.rules.extras.any() {
            return Ok(None);
        }
        let Some(dir) = source_of(node)? else { return Ok(None) };
        let there = self.settings.preserve.guises.dest;
        Due::of_place(&self.rules.extras, &Place::dir(&dir, source), there)
    }
}

/// The foremost of a directory's sources.
fn source_of(node: &Node<Memo>) -> Result<Option<Arc<Dir>>, Trouble> {
    node.source_dirs().next().transpose().during(Side::Source, "open the directory")
}
