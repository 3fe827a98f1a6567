//! Operands as rsync reads them: what is copied, under which name, into which directory.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Class, Fault, Place};
use crate::filter::scope;
use crate::filter::within::Rules;
use crate::model::meta::{FileId, Kind, Meta};
use crate::model::path::{Name, RelPath};
use crate::scan::layer::{self, Layer};
use crate::scan::reach::{Names, Reach};
use crate::settings::{Missing, Parents, Recursion, Settings, SourceLinks};
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::{Dir, Follow};
use crate::sys::permit::Permit;
use crate::sys::{node, stat};

/// One source operand.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    /// `DIR/`, `.`, `DIR/.`: what is in the directory.
    Contents(PathBuf),
    /// `DIR/NAME`: the entry itself.
    Entry(PathBuf, Name),
}

impl Operand {
    fn parse(path: &Path) -> Self {
        let bytes = path.as_os_str().as_bytes();
        let (parent, last) = match bytes.iter().rposition(|byte| *byte == b'/') {
            Some(at) => bytes.split_at(at + 1),
            None => (&b"./"[..], bytes),
        };
        match Name::new(last) {
            Some(name) => Self::Entry(PathBuf::from(OsStr::from_bytes(trim_slashes(parent))), name),
            None => Self::Contents(path.to_path_buf()),
        }
    }
}

/// Closing slashes say nothing about which directory it is; `/` stays what it is.
fn trim_slashes(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes;
    while let [rest @ .., b'/'] = bytes
        && !rest.is_empty()
    {
        bytes = rest;
    }
    if bytes == b"." { b"" } else { bytes }
}

/// An empty path is the working directory.
fn openable(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// The sources of a run.
#[derive(Debug, Default)]
pub struct Sources {
    /// Its directories, in the order of the operands.
    pub layers: Vec<Layer>,
    /// The first operand of which the contents are copied, and what it was before the run: its
    /// attributes are the destination's.
    pub top: Option<(Arc<Dir>, Meta)>,
    /// What the others of that sort are: they only count.
    pub other_tops: Vec<Meta>,
    /// Directories that are left out because nobody asked for recursion.
    pub skipped_dirs: Vec<(RelPath, Meta)>,
    /// How many operands are there.
    found: usize,
    /// True if one of them is copied as a directory.
    has_dir: bool,
    /// True if nobody knows what an operand that could not be opened holds: nothing may be deleted.
    pub lost_contents: bool,
    /// Operands that are not there, and why.
    pub faults: Vec<Fault>,
}

/// Why there is nothing behind an operand.
enum Lost {
    /// Its directory has no such entry: nothing of it is left out.
    Missing(io::Error),
    /// What it is can not be told: the destination may hold something because of it.
    Unknown(io::Error),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Unknown(error)
    }
}

/// Opens the source operands.
pub fn open_sources(settings: &Settings, budget: &Arc<Budget>) -> Sources {
    let mut sources = Sources::default();
    for path in &settings.roots.sources {
        let opened = match Operand::parse(path) {
            Operand::Contents(dir) => sources.add_contents(&dir, settings, budget),
            Operand::Entry(parent, name) => sources.add_entry(&parent, name, settings, budget),
        };
        if let Err(lost) = opened {
            let (error, may_exist) = match lost {
                Lost::Missing(error) => (error, false),
                Lost::Unknown(error) => (error, true),
            };
            sources.lost_contents |= may_exist;
            let place = Place::operand(path);
            sources.faults.push(Fault::io(Class::Entry, "open the source", place, error));
        }
    }
    sources
}

impl Sources {
    fn add_contents(
        &mut self,
        path: &Path,
        settings: &Settings,
        budget: &Arc<Budget>,
    ) -> Result<(), Lost> {
        // Whoever may not pass through it can not look at anything in it: its `.` tells.
        let dir = Dir::open_operand(&openable(path).join("."))?;
        let meta = stat::handle(&dir)?;
        if settings.select.recursion == Recursion::None {
            self.skipped_dirs.push((RelPath::root(), meta));
            return Ok(());
        }
        self.found += 1;
        self.has_dir = true;
        let chain = Chain::root(dir, budget);
        match self.top {
            None => self.top = Some((chain.get()?, meta)),
            Some(_) => self.other_tops.push(meta),
        }
        let root = Arc::from(path);
        let reach = match settings.select.recursion {
            Recursion::Full => Reach::All,
            Recursion::OneLevel | Recursion::None => Reach::OneLevel,
        };
        let (dev, rules) = (Some(meta.id.dev), self.rules(settings, path));
        self.layers.push(Layer { chain, root, reach, dev, rules });
        Ok(())
    }

    fn add_entry(
        &mut self,
        parent: &Path,
        name: Name,
        settings: &Settings,
        budget: &Arc<Budget>,
    ) -> Result<(), Lost> {
        // Operands side by side, as a shell's `*` gives them, are names of one layer.
        let neighbour = self.layers.last_mut().filter(|layer| *layer.root == *parent);
        let chain = match &neighbour {
            Some(Layer { chain, reach: Reach::Names(_), .. }) => Arc::clone(chain),
            _ => Chain::root(Dir::open_operand(openable(parent))?, budget),
        };
        let dir = chain.get()?;
        let seen = stat::entry(&dir, &name, Follow::Never);
        let mut meta = seen.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Lost::Missing(error),
            _ => Lost::Unknown(error),
        })?;
        if meta.kind == Kind::Symlink && settings.links.source != SourceLinks::AsLinks {
            // A link that leads nowhere is told by the walk.
            meta = stat::entry(&dir, &name, Follow::Links).unwrap_or(meta);
        }
        if meta.kind == Kind::Dir && settings.select.recursion == Recursion::None {
            self.skipped_dirs.push((RelPath::from_names([&name]), meta));
            return Ok(());
        }
        self.found += 1;
        self.has_dir |= meta.kind == Kind::Dir && settings.select.recursion == Recursion::Full;
        let reach = match settings.select.recursion {
            Recursion::Full => Reach::All,
            Recursion::OneLevel | Recursion::None => Reach::Itself,
        };
        match neighbour {
            Some(Layer { reach: Reach::Names(names), .. }) => Arc::make_mut(names).add(name, reach),
            _ => {
                let mut names = Names::default();
                names.add(name, reach);
                let reach = Reach::Names(Arc::new(names));
                let (root, rules) = (Arc::from(parent), self.rules(settings, parent));
                self.layers.push(Layer { chain, root, reach, dev: None, rules });
            }
        }
        Ok(())
    }

    /// The filter rules for the operands in `top`. Rule files above the first of them count too.
    fn rules(&self, settings: &Settings, top: &Path) -> Rules {
        let parents =
            if self.layers.is_empty() { scope::Parents::Scan } else { scope::Parents::Skip };
        Rules::at(&settings.rules, scope::Side::Sender, openable(top), parents)
    }

    /// True if nothing is there to copy.
    pub fn is_empty(&self) -> bool {
        self.found == 0
    }

    /// True if all there is is one directory with nothing in it, and the destination does not end in
    /// a slash: rsync then does not say that it made the destination.
    pub fn is_empty_dir(&self, settings: &Settings) -> bool {
        if settings.roots.dest.as_os_str().as_bytes().ends_with(b"/") {
            return false;
        }
        let [layer] = self.layers.as_slice() else { return false };
        let (links, mounts) = (settings.links.source, settings.select.mounts);
        let listed = layer.chain.get().and_then(|dir| layer::list(layer, &dir, links, mounts));
        !layer.reach.is_partial() && listed.is_ok_and(|contents| contents.found.is_empty())
    }

    /// True if all there is is one named directory with nothing in it.
    fn is_single_empty_dir(&self, settings: &Settings) -> bool {
        let [Layer { chain, reach: Reach::Names(names), .. }] = self.layers.as_slice() else {
            return false;
        };
        let mut names = names.distinct();
        let (Some(name), 0) = (names.next(), names.len()) else { return false };
        let follow = match settings.links.source {
            SourceLinks::AsLinks => Follow::Never,
            SourceLinks::FollowToDirs | SourceLinks::Follow => Follow::Links,
        };
        let listed = chain.get().and_then(|dir| dir.open_child(name, follow)?.list());
        listed.is_ok_and(|listed| listed.is_empty())
    }

    /// The directories that are walked, as far as they can be looked at.
    pub fn roots(&self, links: SourceLinks) -> Vec<FileId> {
        let follow = match links {
            SourceLinks::AsLinks => Follow::Never,
            SourceLinks::FollowToDirs | SourceLinks::Follow => Follow::Links,
        };
        let mut ids = Vec::new();
        for layer in &self.layers {
            let Ok(dir) = layer.chain.get() else { continue };
            match &layer.reach {
                Reach::All | Reach::OneLevel | Reach::Itself => {
                    ids.extend(stat::handle(&*dir).ok().map(|meta| meta.id));
                }
                Reach::Names(names) => {
                    let names = names.distinct();
                    let metas = names.filter_map(|name| stat::entry(&dir, name, follow).ok());
                    ids.extend(metas.filter(|meta| meta.kind == Kind::Dir).map(|meta| meta.id));
                }
            }
        }
        ids
    }

    /// True if the destination may be the new name of the only source.
    fn is_single_file(&self) -> bool {
        self.found == 1 && !self.has_dir
    }
}

/// Where a run writes.
#[derive(Debug)]
pub struct Dest {
    /// The directory; `None` if it is not there and will not be made.
    pub chain: Option<Arc<Chain>>,
    /// Its path, for faults.
    pub root: PathBuf,
    /// The new name of the only source.
    pub renamed: Option<Name>,
    /// True if the directory was made, or would be.
    pub is_new: bool,
    /// How many directories above it, and it, had to be made because of `--mkpath`.
    pub made_parents: usize,
}

/// Finds the destination, and makes its directory where rsync would.
pub fn open_dest(
    settings: &Settings,
    sources: &Sources,
    permit: Option<&Permit>,
    budget: &Arc<Budget>,
    umask: u32,
) -> Result<Dest, Fault> {
    let path = settings.roots.dest.as_path();
    let fault = |class, verb, error| Fault::io(class, verb, Place::operand(path), error);
    let opening = Opening { settings, permit, budget, umask };
    match stat::operand(openable(path), Follow::Links) {
        Ok(meta) if meta.kind == Kind::Dir => {
            let dir = Dir::open_operand(openable(path))
                .map_err(|error| fault(Class::Selection, "open the destination", error))?;
            Ok(Dest::found(Chain::root(dir, budget), path))
        }
        Ok(_) if sources.is_single_file() => opening.new_name(path),
        Ok(_) => {
            let why = "it has to be a directory when more than one file is copied into it";
            Err(Fault::rule(Class::Selection, "use the destination", Place::operand(path), why))
        }
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                && settings.update.missing == Missing::Skip
                && sources.is_empty_dir(settings) =>
        {
            Ok(Dest::nowhere(settings))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let says_dir = path.as_os_str().as_bytes().ends_with(b"/");
            let is_single = sources.is_single_file() || sources.is_single_empty_dir(settings);
            if is_single && !says_dir { opening.new_name(path) } else { opening.make(path) }
        }
        Err(error) if settings.roots.parents == Parents::Make => {
            Err(fault(Class::FileIo, "make the directory", error))
        }
        Err(error) => Err(fault(Class::Selection, "look at the destination", error)),
    }
}

/// What opening a destination needs to know.
#[derive(Clone, Copy)]
struct Opening<'a> {
    settings: &'a Settings,
    permit: Option<&'a Permit>,
    budget: &'a Arc<Budget>,
    umask: u32,
}

impl Dest {
    fn found(chain: Arc<Chain>, path: &Path) -> Self {
        Self {
            chain: Some(chain),
            root: path.to_path_buf(),
            renamed: None,
            is_new: false,
            made_parents: 0,
        }
    }

    /// Where a run writes that has nothing to write.
    pub fn nowhere(settings: &Settings) -> Self {
        let root = settings.roots.dest.clone();
        Self { chain: None, root, renamed: None, is_new: false, made_parents: 0 }
    }
}

impl Opening<'_> {
    /// File to file: the destination is a name in a directory that has to be there.
    fn new_name(&self, path: &Path) -> Result<Dest, Fault> {
        let Operand::Entry(parent, name) = Operand::parse(path) else {
            let why = "it is no name that a file can have";
            let place = Place::operand(path);
            return Err(Fault::rule(Class::Selection, "use the destination", place, why));
        };
        let mut made_parents = 0;
        let mut opened = Dir::open_operand(openable(&parent));
        let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        if opened.as_ref().is_err_and(is_missing) {
            if self.settings.roots.parents == Parents::Make {
                made_parents = self.make_all(&parent)?;
                opened = Dir::open_operand(openable(&parent));
            }
            if self.permit.is_none() && made_parents > 0 {
                let root = parent;
                return Ok(Dest {
                    chain: None,
                    root,
                    renamed: Some(name),
                    is_new: false,
                    made_parents,
                });
            }
        }
        let place = || Place::operand(&parent);
        let dir = opened
            .map_err(|error| Fault::io(Class::Selection, "open the directory", place(), error))?;
        let chain = Some(Chain::root(dir, self.budget));
        Ok(Dest { chain, root: parent, renamed: Some(name), is_new: false, made_parents })
    }

    /// Makes the destination directory: one level, or all that are missing.
    fn make(&self, path: &Path) -> Result<Dest, Fault> {
        let trimmed = Path::new(OsStr::from_bytes(trim_slashes(path.as_os_str().as_bytes())));
        let root = trimmed.to_path_buf();
        let made_parents = match self.settings.roots.parents {
            Parents::MustExist => 0,
            Parents::Make => self.make_all(trimmed)?,
        };
        if self.permit.is_none() {
            return Ok(Dest { chain: None, root, renamed: None, is_new: true, made_parents });
        }
        if made_parents == 0 {
            self.make_one(trimmed)?;
        }
        let place = || Place::operand(trimmed);
        let dir = Dir::open_operand(trimmed)
            .map_err(|error| Fault::io(Class::FileIo, "open the destination", place(), error))?;
        let chain = Some(Chain::root(dir, self.budget));
        Ok(Dest { chain, root, renamed: None, is_new: true, made_parents })
    }

    /// Makes every missing directory of `path`; how many those are.
    fn make_all(&self, path: &Path) -> Result<usize, Fault> {
        let mut missing = Vec::new();
        let mut at = Some(path);
        while let Some(dir) = at.filter(|dir| !dir.as_os_str().is_empty()) {
            match stat::operand(dir, Follow::Links) {
                Ok(_) => break,
                Err(_) => missing.push(dir),
            }
            at = dir.parent();
        }
        for dir in missing.iter().rev() {
            self.make_one(dir)?;
        }
        Ok(missing.len())
    }

    fn make_one(&self, path: &Path) -> Result<(), Fault> {
        let Some(permit) = self.permit else { return Ok(()) };
        let place = || Place::operand(path);
        let Operand::Entry(parent, name) = Operand::parse(path) else {
            let why = "there is none, and its path ends in no name (leave the last \"/.\" out)";
            return Err(Fault::rule(Class::Selection, "make the directory", place(), why));
        };
        // Whatever the umask: it has to be filled.
        let made = Dir::open_operand(openable(&parent))
            .and_then(|dir| node::make_dir(permit, &dir, &name, 0o777 & !self.umask | 0o700));
        made.map_err(|error| Fault::io(Class::FileIo, "make the directory", place(), error))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Operand;
    use crate::model::path::Name;

    #[test]
    fn a_closing_slash_or_dot_means_the_contents() {
        for text in [".", "./", "..", "a/", "a/.", "a/..", "/", "a//"] {
            let path = Path::new(text);
            assert_eq!(Operand::parse(path), Operand::Contents(path.into()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_an_entry_of_its_directory() {
        for (text, parent, name) in
            [("a", "", "a"), ("./a", "", "a"), ("/a", "/", "a"), ("b//a", "b", "a")]
        {
            let name = Name::new(name.as_bytes()).unwrap();
            let expected = Operand::Entry(PathBuf::from(parent), name);
            assert_eq!(Operand::parse(Path::new(text)), expected, "{text}");
        }
    }
}
