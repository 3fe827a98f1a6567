//! Puts random trees and options together into one case that rsync and twosync are to agree on.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

use crate::parity::random::options::{has, has_any, is_named, options, preserves};
use crate::parity::random::trees::{
    Entry, Kind, Look, Node, PATHS, Side, Slot, derived, has_room, lines, parent_at, second, slots,
    source,
};

/// In place, rsync does other things with these: it changes all names of a file, and copies what it backs up.
const RENAMING: [&str; 3] = ["-H", "-b", "--backup-dir"];

/// These have another tree.
const BASIS: [&str; 3] = ["--link-dest", "--copy-dest", "--compare-dest"];

/// Which sources are named.
#[derive(Debug, Clone)]
enum Operands {
    /// What is in `s`.
    Inside,
    /// `s` itself.
    Whole,
    /// What is in `s` and in `s2`.
    Two,
    /// Some of what is at the top of `s`: what is deeper would meet another entry than the one that derives from it.
    Some(Vec<usize>),
    /// The same with `-R`, cut behind `s` or not.
    Relative(Vec<usize>, bool),
    /// The same by `--files-from`.
    Listed(Vec<usize>),
}

/// Which runs one case has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    Once,
    Twice,
    DryFirst,
}

/// One case to be.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    words: Vec<String>,
    slots: Vec<Slot>,
    operands: Operands,
    runs: Runs,
    umask: &'static str,
    is_nobody: bool,
    has_owners: bool,
    jobs: &'static str,
}

/// Random cases; what only root can build is there if the runner is root.
pub(super) fn plans(is_root: bool) -> impl Strategy<Value = Plan> {
    let names = || vec(0..PATHS.len(), 1..4);
    let operands = prop_oneof![
        8 => Just(Operands::Inside),
        3 => Just(Operands::Whole),
        2 => Just(Operands::Two),
        2 => names().prop_map(Operands::Some),
        2 => (names(), proptest::bool::ANY).prop_map(|(names, cut)| Operands::Relative(names, cut)),
        2 => names().prop_map(Operands::Listed),
    ];
    let runs =
        prop_oneof![3 => Just(Runs::Once), 2 => Just(Runs::Twice), 1 => Just(Runs::DryFirst)];
    let umask = prop_oneof![4 => Just(""), 1 => select(vec!["0077", "0002", "0000"])];
    let chance = |chance: f64| proptest::bool::weighted(if is_root { chance } else { 0.0 });
    let jobs = select(vec!["", "-j1", "-j4"]);
    (options(), slots(is_root), operands, runs, umask, chance(0.15), chance(0.4), jobs).prop_map(
        |(words, slots, operands, runs, umask, is_nobody, has_owners, jobs)| {
            Plan {
                words,
                slots,
                operands,
                runs,
                umask,
                is_nobody,
                has_owners: has_owners && !is_nobody,
                jobs,
            }
            .settled()
        },
    )
}

impl Plan {
    /// The case in its language.
    pub(super) fn text(&self) -> String {
        let jobs = if has(&self.words, "--max-delete") { "-j1" } else { self.jobs };
        let heads = [
            ("as: ", if self.is_nobody { "nobody" } else { "" }),
            ("umask: ", self.umask),
            ("ours: ", jobs),
            ("atimes: ", if has(&self.words, "-U") { "d" } else { "" }),
        ];
        let heads = heads.iter().filter(|(_, value)| !value.is_empty());
        let heads = heads.flat_map(|(key, value)| [*key, *value, "\n"]).collect::<String>();
        let args = self.args();
        let once = ["args: ", &args, "\n"].concat();
        // With `-U` rsync's second run finds what its first one has read (`source-access-time`).
        let is_once = has_any(&self.words, &["-n", "-U"]);
        let runs = match self.runs {
            Runs::Twice if !is_once => once.repeat(2),
            Runs::DryFirst if !is_once => ["args: -n ", &args, "\n", &once].concat(),
            _ => once,
        };
        ["case: a random one\n", &heads, "tree:\n", &self.trees(), &runs].concat()
    }

    fn args(&self) -> String {
        let renaming = has_any(&self.words, &RENAMING);
        let args = if renaming { "" } else { "--inplace " }.to_owned() + &self.words.join(" ");
        let below = |names: &[usize], before: &str| {
            let paths = names.iter().map(|&at| format!("{before}{}", PATHS[at]));
            paths.collect::<Vec<_>>().join(" ")
        };
        match &self.operands {
            Operands::Inside => args + " s/ d",
            Operands::Whole => args + " s d",
            Operands::Two => args + " s/ s2/ d",
            Operands::Some(names) => format!("{args} {} d", below(&tops(names), "s/")),
            Operands::Relative(names, true) => format!("{args} -R {} d", below(names, "s/./")),
            Operands::Relative(names, false) => format!("{args} -R {} d", below(names, "s/")),
            Operands::Listed(_) => args + " --files-from=list s/ d",
        }
    }

    /// The same without the options that can not be compared here.
    ///
    /// rsync's temporary file and its renaming touch the directory, and make files that are ours (`temporary-file`): where
    /// that shows, there is nothing that needs a renaming rsync.
    fn settled(mut self) -> Self {
        let keeps_dir_times = preserves(&self.words, 't')
            && !has(&self.words, "-O")
            && matches!(self.operands, Operands::Inside | Operands::Whole | Operands::Two);
        // `mode-by-attributes`: without -p rsync sets the mode of what gets other attributes.
        // And it gives a file that is like one of --link-dest and its kin that one's mode.
        if !preserves(&self.words, 'p') {
            self.words
                .retain(|word| word != "-X" && !BASIS.iter().any(|name| is_named(word, name)));
        }
        if !keeps_dir_times {
            self.words.retain(|word| !RENAMING.iter().any(|name| is_named(word, name)));
        }
        if self.words.iter().filter(|word| *word == "-v").count() > 1 {
            // What --debug=del1 says, which -vv implies, twosync does not tell, nor the rules about what is in a
            // directory that is left out.
            let has_rules = self.has_rules();
            self.words.retain(|word| match word.as_str() {
                "--delete-before" | "--delete-after" => false,
                // Of a followed symlink rsync tells the rules twice.
                "-m" | "-L" | "-k" | "--copy-unsafe-links" => !has_rules,
                _ => true,
            });
        }
        // Of two sources' entries of one name rsync counts both where it lists all before it starts.
        if matches!(self.operands, Operands::Two) {
            self.words.retain(|word| word != "-m");
        }
        let keeps_owners = preserves(&self.words, 'o') && preserves(&self.words, 'g');
        self.has_owners &= keeps_owners || !has_any(&self.words, &RENAMING);
        self.has_owners &= !has(&self.words, "--backup-dir");
        self
    }

    /// All that is built.
    fn trees(&self) -> String {
        let follows = ["-L", "-k", "--copy-unsafe-links"];
        let look = Look {
            has_owners: self.has_owners,
            has_attributes: has(&self.words, "-X"),
            is_followed: has_any(&self.words, &follows),
        };
        // `source-access-time`: what is read by one name has another access time by the next.
        let source = source(&self.slots, !has(&self.words, "-U"));
        let basis = self.basis(&source);
        let dest_top = match self.operands {
            Operands::Whole | Operands::Relative(_, false) => "d/s",
            _ => "d",
        };
        let mut text = lines("s", &source, look);
        text += &lines(dest_top, &self.dest(&source, &basis), look);
        if matches!(self.operands, Operands::Two) {
            text += &lines("s2", &second(&self.slots), look);
        }
        if let Operands::Listed(names) = &self.operands {
            let listed: String = names.iter().flat_map(|&at| [PATHS[at], "\\n"]).collect();
            text += &["  list file \"", &listed, "\"\n"].concat();
        }
        if self.has_basis() {
            text += &lines("l", &basis, look);
        }
        if text.contains("../t") {
            text += "  t/f file \"outside\"\n  t/g dir\n";
        }
        text
    }

    fn has_basis(&self) -> bool {
        has_any(&self.words, &BASIS)
    }

    /// The tree of `--link-dest` and its kin.
    fn basis(&self, source: &Side) -> Side {
        let mut side = Side::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let node = derived(slot.basis, source[index]).filter(|_| self.has_basis());
            side.push(node.map(|node| (node, None)).filter(|_| has_room(&side, index)));
        }
        side
    }

    /// The destination's tree.
    fn dest(&self, source: &Side, basis: &Side) -> Side {
        let mut side = Side::new();
        for index in 0..PATHS.len() {
            let entry = self.dest_entry(index, source, basis, &side);
            side.push(entry.filter(|_| has_room(&side, index)));
        }
        side
    }

    fn dest_entry(&self, index: usize, source: &Side, basis: &Side, side: &Side) -> Entry {
        let slot = &self.slots[index];
        let node = derived(slot.dest, source[index])?;
        let theirs = source[index].map(|(node, _)| node);
        let is_dir = |entry: Entry| entry.is_some_and(|(node, _)| node.kind == Kind::Dir);
        // `replaced-special-mode`: without -p rsync gives a new special file the mode of what it replaces.
        if !preserves(&self.words, 'p')
            && theirs.is_some_and(|theirs| theirs.is_special() && !theirs.is_like(node))
        {
            return None;
        }
        // `empty-dir-exists`: --ignore-existing keeps a file where a directory goes. A symlink may be followed to one.
        let may_be_dir = |entry: Entry| {
            entry.is_some_and(|(node, _)| matches!(node.kind, Kind::Dir | Kind::Link))
        };
        if has(&self.words, "--ignore-existing")
            && (may_be_dir(source[index]) || may_be_dir(self.second_entry(index)))
            && node.kind != Kind::Dir
        {
            return None;
        }
        // Where a directory replaces something, twosync does not look for its like elsewhere before it tells of it.
        if self.has_basis() && is_dir(source[index]) && node.kind != Kind::Dir {
            return None;
        }
        // `same-device-other-kind`: rsync takes devices of the two kinds for one kind.
        if theirs.is_some_and(|theirs| theirs.is_other_device(node)) {
            return None;
        }
        // In a dry run rsync says twice that it backs up what gives way to a directory.
        if has_any(&self.words, &["-b", "--backup-dir"])
            && (has(&self.words, "-n") || self.runs == Runs::DryFirst)
            && is_dir(source[index])
            && node.kind != Kind::Dir
        {
            return None;
        }
        // `compare-dest-existing`: rsync deletes what is in both.
        if has(&self.words, "--compare-dest")
            && basis[index].is_some()
            && !(is_dir(basis[index]) && node.kind == Kind::Dir)
        {
            return None;
        }
        // `told-twice`: rsync says twice of a directory below one that goes that it is not empty.
        let is_doomed = parent_at(index).is_some_and(|dir| !is_dir(source[dir]));
        if node.kind == Kind::Dir && is_doomed && self.has_rules() {
            return None;
        }
        if !has(&self.words, "-H") {
            return Some((node, None));
        }
        self.joined_entry(index, source, side, node)
    }

    /// A destination's file has names of one of the source's groups only, and is of its kind: elsewhere
    /// `foreign-hard-link`, `joined-removal-order` and `joined-other-kind` are allowed.
    fn joined_entry(&self, index: usize, source: &Side, side: &Side, node: Node) -> Entry {
        let group = |at: usize| source[at].map(|(_, joined)| joined.unwrap_or(at));
        let members: Vec<usize> = (0..PATHS.len())
            .filter(|&at| source[at].is_some() && group(at) == group(index))
            .collect();
        if members.len() < 2 || source[index].is_none() {
            return Some((node, None));
        }
        let (theirs, _) = source[index]?;
        if !theirs.is_like(node) {
            return None;
        }
        let first = members.iter().copied().find(|&at| at < index && side[at].is_some());
        match first.filter(|_| self.slots[index].is_joined.1 && !self.hides_some()) {
            Some(first) => side[first].map(|(node, _)| (node, Some(first))),
            None => Some((node, None)),
        }
    }

    fn second_entry(&self, index: usize) -> Entry {
        let is_named = matches!(self.operands, Operands::Two);
        self.slots[index].second.filter(|_| is_named).map(|node| (node, None))
    }

    fn has_rules(&self) -> bool {
        has_any(&self.words, &["--exclude", "--include", "--filter"])
    }

    /// Some names of a group may be left out.
    fn hides_some(&self) -> bool {
        self.has_rules() || !matches!(self.operands, Operands::Inside | Operands::Whole)
    }
}

/// The paths at the top above these.
fn tops(names: &[usize]) -> Vec<usize> {
    let top = |at: usize| {
        let name = PATHS[at].split('/').next();
        PATHS.iter().position(|path| Some(*path) == name).expect("a path of the list")
    };
    names.iter().map(|&at| top(at)).collect()
}
