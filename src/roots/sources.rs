//! The source operands, opened.

use std::collections::HashSet;
use std::ffi::OsStr;
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
use crate::roots::operand::{Climbs, Operand, Part, Start, openable};
use crate::roots::walked::Walked;
use crate::scan::layer::{self, Found, Layer};
use crate::scan::reach::{Form, Leaf, Names, Reach, Stand, Way};
use crate::settings::links::SourceLinks;
use crate::settings::{MissingArgs, Paths, Recursion, Settings};
use crate::sys::chain::{Budget, Chain};
use crate::sys::dir::{Dir, Follow};
use crate::sys::stat;
use crate::sys::trust::Trust;

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
    /// Named operands that the filter rules hide or show, and what they say.
    pub ruled: Vec<(RelPath, Kind, Said)>,
    /// Operands that are not there, and that the destination must not have either: their directory
    /// and their name.
    pub missing: Vec<(Vec<Name>, Name)>,
    /// How many operands are there.
    found: usize,
    /// True if one of them is copied as a directory.
    has_dir: bool,
    /// True if nobody knows what an operand that could not be opened holds: nothing may be deleted.
    pub lost_contents: bool,
    /// True once a path has spoken of its root: the next ones are not counted.
    top_is_said: bool,
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
///
/// # Errors
/// What ends the run before it starts: a path that climbs, or no directory for the names of a list.
pub fn open_sources(settings: &Settings, budget: &Arc<Budget>) -> Result<Sources, Fault> {
    let (sources, walked) = (Sources::default(), Walked::default());
    let (follow, trust) = trusted(settings);
    let mut opening =
        Opening { sources, settings, budget, walked, follow, trust, sent: Vec::new() };
    match (&settings.roots.list, settings.roots.sources.as_slice()) {
        (Some(list), [top, ..]) => {
            check_top(top)?;
            for line in list.iter() {
                opening.add(&top.join(OsStr::from_bytes(line)), &listed(top, line, settings)?);
            }
        }
        (_, operands) => {
            for path in operands {
                opening.add(path, &parsed(path, path, settings)?);
            }
        }
    }
    Ok(opening.sources)
}

/// How symlinks on the way of operands are followed, and how far they may lead. What is typed may go
/// anywhere; what a list names goes only where the user or root leads, and not out of
/// `--confine-root`: unless the run follows symlinks anyway (rsync 3.5.0).
fn trusted(settings: &Settings) -> (Follow, Trust) {
    let is_list = settings.roots.list.is_some();
    match &settings.roots.trust {
        Trust::Owned | Trust::Within(_)
            if is_list && settings.links.source == SourceLinks::AsLinks =>
        {
            (Follow::Trusted, settings.roots.trust.clone())
        }
        _ => (Follow::Links, Trust::All),
    }
}

/// What one line of a list means. Paths are relative to `top`, or to where the line is cut.
fn listed(top: &Path, line: &[u8], settings: &Settings) -> Result<Operand, Fault> {
    let line = Path::new(OsStr::from_bytes(line));
    if settings.roots.paths == Paths::Last {
        return parsed(&top.join(line), line, settings);
    }
    let mut operand = parsed(line, line, settings)?;
    let is_top = operand.root.as_os_str().is_empty();
    operand.root = if is_top { top.to_path_buf() } else { top.join(operand.root) };
    Ok(operand)
}

fn parsed(path: &Path, typed: &Path, settings: &Settings) -> Result<Operand, Fault> {
    Operand::parse(path, settings.roots.paths).map_err(|Climbs| {
        let why = "a path that --relative keeps has a \"..\" in it (a /./ says where it is cut)";
        Fault::rule(Class::Usage, "use the source", Place::operand(typed), why)
    })
}

/// Names of a list have to be below something.
fn check_top(top: &Path) -> Result<(), Fault> {
    let opened = Dir::open_operand(openable(top)).map(drop);
    opened
        .map_err(|error| Fault::io(Class::Selection, "open the source", Place::operand(top), error))
}

/// Sources that are being opened.
struct Opening<'a> {
    sources: Sources,
    settings: &'a Settings,
    budget: &'a Arc<Budget>,
    walked: Walked,
    /// How symlinks on the way are followed,
    follow: Follow,
    /// and how far they may lead.
    trust: Trust,
    /// The way to what was last taken.
    sent: Vec<Name>,
}

impl Opening<'_> {
    /// Opens one operand, and says what is wrong with it.
    fn add(&mut self, path: &Path, operand: &Operand) {
        let opened = match operand.names.split_last() {
            None => self.add_contents(&operand.root),
            Some((name, way)) => self.add_entry(operand, way, name),
        };
        if let Err(lost) = opened {
            let error = match (lost, self.settings.roots.missing_args) {
                (Lost::Missing(error), MissingArgs::Fault) => error,
                (Lost::Missing(_), MissingArgs::Ignore) => return,
                (Lost::Missing(_), MissingArgs::Delete) => {
                    if let Some((name, way)) = operand.names.split_last() {
                        self.sources.missing.push((way.to_vec(), name.clone()));
                    }
                    return;
                }
                (Lost::Unknown(error), _) => {
                    self.sources.lost_contents = true;
                    error
                }
            };
            let place = Place::operand(path);
            self.sources.faults.push(Fault::io(Class::Entry, "open the source", place, error));
        }
    }

    fn add_contents(&mut self, path: &Path) -> Result<(), Lost> {
        let (settings, sources) = (self.settings, &mut self.sources);
        // Whoever may not pass through it can not look at anything in it: its `.` tells.
        let dir = Dir::open_operand(&openable(path).join("."))?;
        let dir = dir.in_guise(settings.preserve.guises.source);
        self.trust.check(&dir)?;
        let meta = stat::handle(&dir)?;
        let reach = match settings.select.recursion {
            Recursion::None => {
                sources.skipped_dirs.push((RelPath::root(), meta));
                return Ok(());
            }
            Recursion::Full => Reach::All,
            Recursion::OneLevel => Reach::OneLevel,
        };
        sources.found += 1;
        sources.has_dir = true;
        let chain = Chain::root(dir, self.budget);
        match sources.top {
            None => sources.top = Some((chain.get()?, meta)),
            Some(_) => sources.other_tops.push(meta),
        }
        let root = Arc::from(path);
        let (dev, rules) = (Some(meta.id.dev), sources.rules(settings, path));
        sources.layers.push(Layer { chain, root, reach, stand: Stand::Named, dev, rules });
        Ok(())
    }

    fn add_entry(&mut self, operand: &Operand, way: &[Name], name: &Name) -> Result<(), Lost> {
        let settings = self.settings;
        let missing = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Lost::Missing(error),
            _ => Lost::Unknown(error),
        };
        let top =
            self.walked.start(&operand.root, self.settings.preserve.guises.source, self.budget)?;
        self.trust.check(&*top.get()?)?;
        if operand.start == Start::Said {
            self.add_start(operand, &top)?;
        }
        let chain = self.walked.go(&top, way, self.follow, &self.trust).map_err(missing)?;
        let looked = self.look_at(&*chain.get()?, name, operand.part, way.len());
        let Looked { leaf, meta, is_led_out } = looked.map_err(missing)?;
        let sources = &mut self.sources;
        let above = RelPath::from_names(way);
        let rules = sources.rules_below(settings, &operand.root);
        let what = What::of(meta.kind == Kind::Dir);
        let said = rules.say(&above, name, what, Reasons::Named);
        if matches!(said, Said::Out(_)) {
            sources.ruled.push((above.join(name), meta.kind, said));
            return Ok(());
        }
        if !way.is_empty() && settings.select.recursion == Recursion::Full {
            // rsync says it here, and again when it comes by.
            sources.ruled.push((above.join(name), meta.kind, said));
        }
        let is_dir = meta.kind == Kind::Dir && !is_led_out;
        if is_dir && settings.select.recursion == Recursion::None {
            sources.skipped_dirs.push((above.join(name), meta));
            return Ok(());
        }
        sources.found += operand.names.len();
        let has_contents =
            settings.select.recursion == Recursion::Full || operand.part == Part::Contents;
        sources.has_dir |= meta.kind == Kind::Dir && has_contents;
        let stand = match settings.roots.paths {
            Paths::WholeBare => Stand::Bare,
            Paths::Last | Paths::Whole => Stand::Implied,
        };
        let way = Way { names: way, stand, follow: self.follow, shared: self.share(way) };
        self.sources.add_names(top, &operand.root, rules, |names| names.add(way, name, &leaf));
        Ok(())
    }

    /// Takes the root of a path that speaks of it, whatever becomes of the rest of the path.
    fn add_start(&mut self, operand: &Operand, top: &Arc<Chain>) -> Result<(), Lost> {
        let sources = &mut self.sources;
        if std::mem::replace(&mut sources.top_is_said, true) {
            return Ok(());
        }
        let dir = top.get()?;
        let meta = stat::handle(&*dir)?;
        if self.settings.select.recursion == Recursion::None {
            sources.skipped_dirs.push((RelPath::root(), meta));
            return Ok(());
        }
        sources.has_dir = true;
        if self.settings.roots.paths == Paths::WholeBare {
            sources.other_tops.push(meta);
            return Ok(());
        }
        sources.found += 1;
        match sources.top {
            None => sources.top = Some((dir, meta)),
            Some(_) => sources.other_tops.push(meta),
        }
        let rules = sources.rules_below(self.settings, &operand.root);
        sources.add_names(Arc::clone(top), &operand.root, rules, |_| true);
        Ok(())
    }

    fn is_list(&self) -> bool {
        self.settings.roots.list.is_some()
    }

    /// How many names of `way` the last path went through that took part: they are not counted again.
    fn share(&mut self, way: &[Name]) -> usize {
        let common = self.sent.iter().zip(way).take_while(|(sent, name)| sent == name);
        let shared = common.count();
        if shared < way.len() {
            self.sent = way.to_vec();
        }
        shared
    }

    /// Looks at what was asked for: what of it takes part, and what it is.
    ///
    /// `depth`: how many names lead to its directory.
    fn look_at(&self, dir: &Dir, name: &Name, part: Part, depth: usize) -> io::Result<Looked> {
        let (recursion, links) = (self.settings.select.recursion, self.settings.links.source);
        let mut meta = stat::entry(dir, name, Follow::Never)?;
        let mut follow = Follow::Never;
        let is_link = meta.kind == Kind::Symlink;
        if is_link && part == Part::Contents {
            // `LINK/` is the directory that the link points to, if there is one.
            match stat::entry(dir, name, self.follow) {
                Ok(target) if target.kind == Kind::Dir => {
                    (meta, follow) = (target, self.follow);
                    self.trust.check(&dir.open_child(name, follow)?)?;
                }
                Err(error) if links == SourceLinks::Follow => return Err(error),
                // In a list rsync minds a link that leads back to itself.
                Err(error) if self.is_list() && error.kind() != io::ErrorKind::NotFound => {
                    return Err(error);
                }
                _ => {}
            }
        } else if is_link && layer::may_follow(dir, name, links, depth) {
            let followed = stat::entry(dir, name, Follow::Links);
            let is_kept = self.settings.roots.paths != Paths::Last;
            meta = match followed {
                // Nothing is made on the way to a link that leads nowhere.
                Err(error) if is_kept && links == SourceLinks::Follow => return Err(error),
                // Others are told by the walk.
                followed => followed.unwrap_or(meta),
            };
        }
        let form = if meta.kind == Kind::Dir { Form::Dir } else { Form::Other };
        let reach = match (recursion, part) {
            (Recursion::Full, _) => Reach::All,
            (Recursion::OneLevel, Part::Contents) => Reach::OneLevel,
            (Recursion::OneLevel | Recursion::None, _) => Reach::Itself,
        };
        // What is no directory has nothing that could be reached.
        let reach = if form == Form::Dir { reach } else { Reach::Itself };
        // rsync asks whether it is a directory before it asks where a symlink leads.
        let is_led_out = is_link && follow == Follow::Never && !links.follows_dirs();
        Ok(Looked { leaf: Leaf { reach, form, follow }, meta, is_led_out })
    }
}

/// What an operand is.
struct Looked {
    leaf: Leaf,
    meta: Meta,
    /// It is a symlink that is followed only because of where it leads.
    is_led_out: bool,
}

impl Sources {
    /// Operands side by side, as a shell's `*` gives them, are names of one layer; those that do
    /// not fit into it make another one of the same root.
    fn add_names(
        &mut self,
        chain: Arc<Chain>,
        root: &Path,
        rules: Rules,
        add: impl Fn(&mut Names) -> bool,
    ) {
        let others = self.layers.iter().rposition(|layer| *layer.root != *root);
        for layer in &mut self.layers[others.map_or(0, |at| at + 1)..] {
            if let Reach::Names(names) = &mut layer.reach
                && add(Arc::make_mut(names))
            {
                return;
            }
        }
        let mut names = Names::default();
        if add(&mut names) {
            let (root, reach) = (Arc::from(root), Reach::Names(Arc::new(names)));
            self.layers.push(Layer { chain, root, reach, stand: Stand::Named, dev: None, rules });
        }
    }

    /// The rules for the operands below `root`: those of the operand before, if it starts there too.
    fn rules_below(&self, settings: &Settings, root: &Path) -> Rules {
        match self.layers.last() {
            Some(layer) if *layer.root == *root && matches!(layer.reach, Reach::Names(_)) => {
                layer.rules.clone()
            }
            _ => self.rules(settings, root),
        }
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
        if let Reach::Names(names) = &layer.reach
            && names.distinct().len() == 0
        {
            return true;
        }
        let (rules, top) = (layer.rules.clone(), RelPath::root());
        let (false, Ok(dir)) = (layer.reach.is_partial(), layer.chain.get()) else { return false };
        if rules.enter(&dir, &top, Side::Source).is_err() {
            // That ends the run.
            return false;
        }
        let listed = layer::list(layer, &dir, settings.links.source, settings.select.mounts, 0);
        let is_hidden = |found: &Found| rules.hide(&top, &found.name, What::of(found.is_dir));
        listed.is_ok_and(|contents| contents.found.iter().all(is_hidden))
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
        let mut ids: Vec<FileId> = self.top.iter().map(|(_, meta)| meta.id).collect();
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

    /// The directories that operands start from and all that are above them.
    pub fn all_above(&self) -> HashSet<FileId> {
        let tops = self.layers.iter().filter_map(|layer| layer.chain.get().ok());
        tops.flat_map(ids_up_to_root).collect()
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
