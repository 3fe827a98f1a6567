//! The source operands, opened.

use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Class, Fault, Place, Side};
use crate::filter::pattern::What;
use crate::filter::scope;
use crate::filter::within::{Reasons, Rules, Said};
use crate::model::meta::{FileId, Kind, Meta};
use crate::model::path::{Name, RelPath};
use crate::roots::operand::{Operand, openable};
use crate::scan::layer::{self, Found, Layer};
use crate::scan::reach::{Names, Reach};
use crate::settings::{Recursion, Settings, SourceLinks};
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::{Dir, Follow};
use crate::sys::stat;

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
    /// Named operands that the filter rules hide, and what they say.
    pub hidden: Vec<(RelPath, Kind, Said)>,
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
        let rules = self.rules(settings, parent);
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
        let may_follow = layer::may_follow(&dir, &name, settings.links.source, 0);
        let is_link = meta.kind == Kind::Symlink;
        if is_link && may_follow {
            // A link that leads nowhere is told by the walk.
            meta = stat::entry(&dir, &name, Follow::Links).unwrap_or(meta);
        }
        let what = if meta.kind == Kind::Dir { What::Dir } else { What::Other };
        let said = rules.say(&RelPath::root(), &name, what, Reasons::Named);
        if matches!(said, Said::Out(_)) {
            self.hidden.push((RelPath::from_names([&name]), meta.kind, said));
            return Ok(());
        }
        // rsync asks whether it is a directory before it asks where a symlink leads.
        let is_led_out = is_link && !settings.links.source.follows_dirs();
        let is_dir = meta.kind == Kind::Dir && !is_led_out;
        if is_dir && settings.select.recursion == Recursion::None {
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
                let root = Arc::from(parent);
                self.layers.push(Layer { chain, root, reach, dev: None, rules });
            }
        }
        Ok(())
    }

    /// Checks the rule files of the operands before anything is made.
    ///
    /// # Errors
    /// One of them makes no sense, or can not be read.
    pub fn check_rules(&self) -> Result<(), Fault> {
        for layer in &self.layers {
            let (false, Ok(dir)) = (layer.reach.is_partial(), layer.chain.get()) else { continue };
            let checked = layer.rules.clone().enter(&dir, &RelPath::root(), Side::Source);
            checked.map_err(|trouble| trouble.at(Place::operand(&layer.root)))?;
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
        let rules = layer.rules.clone();
        let listed = layer.chain.get().and_then(|dir| {
            // Rules that can not be read end the run before this counts.
            rules.enter(&dir, &RelPath::root(), Side::Source).unwrap_or_default();
            layer::list(layer, &dir, links, mounts, 0)
        });
        let is_hidden = |found: &Found| {
            let what = if found.is_dir { What::Dir } else { What::Other };
            let said = rules.say(&RelPath::root(), &found.name, what, Reasons::Unnamed);
            matches!(said, Said::Out(_))
        };
        !layer.reach.is_partial()
            && listed.is_ok_and(|contents| contents.found.iter().all(is_hidden))
    }

    /// True if all there is is one named directory with nothing in it.
    pub(crate) fn is_single_empty_dir(&self, settings: &Settings) -> bool {
        let [Layer { chain, reach: Reach::Names(names), .. }] = self.layers.as_slice() else {
            return false;
        };
        let mut names = names.distinct();
        let (Some(name), 0) = (names.next(), names.len()) else { return false };
        let listed = chain.get().and_then(|dir| {
            let follows = layer::may_follow(&dir, name, settings.links.source, 0);
            dir.open_child(name, if follows { Follow::Links } else { Follow::Never })?.list()
        });
        listed.is_ok_and(|listed| listed.is_empty())
    }

    /// The directories that are walked, as far as they can be looked at.
    pub fn roots(&self, links: SourceLinks) -> Vec<FileId> {
        let follow = match links {
            SourceLinks::AsLinks => Follow::Never,
            _ => Follow::Links,
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

    /// The directories that are walked and all that are above them.
    pub fn with_all_above(&self, links: SourceLinks) -> HashSet<FileId> {
        let tops = self.layers.iter().filter_map(|layer| layer.chain.get().ok());
        let mut ids: HashSet<FileId> = tops.flat_map(ids_up_to_root).collect();
        ids.extend(self.roots(links));
        ids
    }

    /// True if the destination may be the new name of the only source.
    pub(crate) fn is_single_file(&self) -> bool {
        self.found == 1 && !self.has_dir
    }
}

/// The inodes of a directory and of all that are above it, as far as they can be looked at.
pub fn ids_up_to_root(dir: Arc<Dir>) -> Vec<FileId> {
    let mut ids = Vec::new();
    let mut at = Some(dir);
    while let Some(dir) = at {
        let Ok(meta) = stat::handle(&*dir) else { break };
        if ids.last() == Some(&meta.id) {
            break;
        }
        ids.push(meta.id);
        at = dir.open_parent().ok().map(Arc::new);
    }
    ids
}
