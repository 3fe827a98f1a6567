//! How much of a source directory takes part: all, one level, some names, nothing.
//!
//! A path of several names (`--relative`) is a tree of [`Names`]: the directories on the way hold
//! nothing but the next name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::path::Name;
use crate::sys::dir::Follow;

/// What of a directory takes part.
#[derive(Clone, Debug)]
pub enum Reach {
    /// All that is below it.
    All,
    /// What is in it, and nothing below that.
    OneLevel,
    /// These names.
    Names(Arc<Names>),
    /// Nothing but itself: it is not even listed.
    Itself,
}

/// Why an entry takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It is in a directory that takes part.
    Found,
    /// It was asked for by its name.
    Named,
    /// It is a directory on the way to what was asked for.
    Implied,
    /// The same, but nothing of it is carried over (`--no-implied-dirs`).
    Bare,
}

impl Stand {
    /// True for a directory that only is on the way: no filter rule hides it.
    pub fn is_on_the_way(self) -> bool {
        matches!(self, Self::Implied | Self::Bare)
    }
}

impl Reach {
    /// The reach of the directory `name` in a directory of this reach.
    pub(crate) fn below(&self, name: &Name) -> Self {
        match self {
            Self::All => Self::All,
            Self::OneLevel | Self::Itself => Self::Itself,
            Self::Names(names) => {
                names.0.get(name).map_or(Self::Itself, |named| named.leaf.reach.clone())
            }
        }
    }

    /// Why `name` in a directory of this reach takes part.
    pub(crate) fn stand_of(&self, name: &Name) -> Stand {
        match self {
            Self::Names(names) => names.0.get(name).map_or(Stand::Found, |named| named.stand),
            Self::All | Self::OneLevel | Self::Itself => Stand::Found,
        }
    }

    /// True if `name` was not asked for here, but is on the way of a path that went on from the one
    /// before: it was counted there.
    pub(crate) fn is_counted_elsewhere(&self, name: &Name) -> bool {
        match self {
            Self::Names(names) => names.0.get(name).is_some_and(|named| named.times == 0),
            Self::All | Self::OneLevel | Self::Itself => false,
        }
    }

    /// True if nobody can say from this directory what else the source has in it.
    pub(crate) fn is_partial(&self) -> bool {
        matches!(self, Self::Names(_) | Self::Itself)
    }

    /// True if all of `other` is in it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match self {
            Self::All => true,
            Self::OneLevel => matches!(other, Self::OneLevel | Self::Itself),
            Self::Itself => matches!(other, Self::Itself),
            Self::Names(_) => false,
        }
    }
}

/// What was asked for at the end of a path.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// What of it takes part, if it is a directory.
    pub reach: Reach,
    /// Whether it is a directory.
    pub form: Form,
    /// Whether it stands for what it points to, whatever the other symlinks do.
    pub follow: Follow,
}

/// What something is, as far as paths go through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A directory.
    Dir,
    /// Something else.
    Other,
}

/// The way to what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The directories, from the top down.
    pub names: &'a [Name],
    /// How they stand in the run.
    pub stand: Stand,
    /// Whether symlinks among them stand for what they point to.
    pub follow: Follow,
    /// How many of them the path before this one went through as well: they are not counted again.
    pub shared: usize,
}

/// Names of one directory that were asked for, or that lead there.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<Name, Named>);

#[derive(Clone, Debug)]
struct Named {
    leaf: Leaf,
    stand: Stand,
    /// How often it was asked for or, on the way, gone through anew.
    times: usize,
}

impl Named {
    fn is_like(&self, leaf: &Leaf) -> bool {
        self.leaf.form == leaf.form
            && self.leaf.follow == leaf.follow
            && std::mem::discriminant(&self.leaf.reach) == std::mem::discriminant(&leaf.reach)
    }
}

impl Names {
    /// Asks for what is at the end of `way`, once more if it was asked for before.
    ///
    /// Returns false, and does nothing, if what was asked for before holds it or is a part of it:
    /// of a name there is one reach only.
    #[must_use]
    pub fn add(&mut self, way: Way<'_>, name: &Name, leaf: &Leaf) -> bool {
        if !self.takes(way.names, name, leaf) {
            return false;
        }
        let mut at = self;
        for (depth, step) in way.names.iter().enumerate() {
            let named = at.0.entry(step.clone()).or_insert_with(|| Named {
                leaf: Leaf { reach: Reach::Itself, form: Form::Dir, follow: way.follow },
                stand: way.stand,
                times: 0,
            });
            named.times += usize::from(depth >= way.shared);
            if !matches!(named.leaf.reach, Reach::Names(_)) {
                named.leaf.reach = Reach::Names(Arc::default());
            }
            let Reach::Names(below) = &mut named.leaf.reach else { return false };
            at = Arc::make_mut(below);
        }
        let named = at.0.entry(name.clone()).or_insert_with(|| Named {
            leaf: leaf.clone(),
            stand: Stand::Named,
            times: 0,
        });
        named.stand = Stand::Named;
        named.times += 1;
        true
    }

    fn takes(&self, way: &[Name], name: &Name, leaf: &Leaf) -> bool {
        let mut at = self;
        for step in way {
            let Some(named) = at.0.get(step) else { return true };
            match &named.leaf.reach {
                Reach::Names(below) => at = below,
                // A directory of which nothing else was asked for may get names.
                Reach::Itself => return named.leaf.form == Form::Dir,
                Reach::All | Reach::OneLevel => return false,
            }
        }
        at.0.get(name).is_none_or(|named| match (&named.leaf.reach, &leaf.reach) {
            (Reach::Names(_), Reach::Itself) => leaf.form == Form::Dir,
            _ => named.is_like(leaf),
        })
    }

    /// All names, each as often as it was asked for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().flat_map(|(name, named)| std::iter::repeat_n(name, named.times.max(1)))
    }

    /// Whether `name` stands for what it points to, whatever the other symlinks do.
    pub(crate) fn follow(&self, name: &Name) -> Follow {
        self.0.get(name).map_or(Follow::Never, |named| named.leaf.follow)
    }

    /// Each name once.
    pub fn distinct(&self) -> impl ExactSizeIterator<Item = &Name> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Leaf, Names, Reach, Stand, Way};
    use crate::model::path::Name;
    use crate::sys::dir::Follow;

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    fn add(names: &mut Names, path: &str, reach: Reach, form: Form) -> bool {
        let mut way: Vec<Name> = path.split('/').map(name).collect();
        let last = way.pop().unwrap();
        let way = Way { names: &way, stand: Stand::Implied, follow: Follow::Links, shared: 0 };
        names.add(way, &last, &Leaf { reach, form, follow: Follow::Never })
    }

    fn stands(names: &Names, path: &str) -> Stand {
        let mut reach = Reach::Names(std::sync::Arc::new(names.clone()));
        let mut stand = Stand::Found;
        for step in path.split('/').map(name) {
            stand = reach.stand_of(&step);
            reach = reach.below(&step);
        }
        stand
    }

    #[test]
    fn a_path_is_a_tree_of_names_and_a_name_may_have_names_below() {
        let mut names = Names::default();
        assert!(add(&mut names, "a/b/f", Reach::Itself, Form::Other));
        assert!(add(&mut names, "a/b", Reach::Itself, Form::Dir));
        assert!(add(&mut names, "a/g", Reach::Itself, Form::Other));
        assert!(add(&mut names, "e", Reach::Itself, Form::Dir));
        assert!(add(&mut names, "e/x", Reach::Itself, Form::Other));
        let expected = [
            ("a", Stand::Implied),
            ("a/b", Stand::Named),
            ("e", Stand::Named),
            ("a/z", Stand::Found),
        ];
        for (path, stand) in expected {
            assert_eq!(stands(&names, path), stand, "{path}");
        }
        assert_eq!(names.distinct().len(), 2);
    }

    #[test]
    fn what_is_held_by_a_whole_directory_or_goes_through_a_link_does_not_fit() {
        let mut names = Names::default();
        assert!(add(&mut names, "a", Reach::All, Form::Dir));
        assert!(add(&mut names, "a", Reach::All, Form::Dir));
        assert!(!add(&mut names, "a/b", Reach::All, Form::Dir));
        assert!(!add(&mut names, "a", Reach::OneLevel, Form::Dir));
        assert!(add(&mut names, "l", Reach::Itself, Form::Other));
        assert!(!add(&mut names, "l/x", Reach::Itself, Form::Other));
        assert!(add(&mut names, "d/x", Reach::All, Form::Dir));
        assert!(!add(&mut names, "d", Reach::All, Form::Dir));
        assert_eq!(names.iter().filter(|found| **found == name("a")).count(), 2);
    }

    #[test]
    fn all_covers_all() {
        let names = || Reach::Names(std::sync::Arc::default());
        assert!(Reach::All.covers(&names()) && Reach::All.covers(&Reach::All));
        assert!(Reach::OneLevel.covers(&Reach::Itself) && !Reach::OneLevel.covers(&Reach::All));
        assert!(!names().covers(&names()) && !Reach::Itself.covers(&Reach::OneLevel));
    }
}
