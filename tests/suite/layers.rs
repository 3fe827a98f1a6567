//! The house rules of the source, read from its text: who may import whom, and what may stand where.
//!
//! A reading of lines, not a parser: it knows `use crate::...;`, inline `crate::` paths, comments and strings.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The modules of the crate from the lowest layer up; a module imports only from lower rows, or from within itself.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["error", "sys"],
    &["filter"],
    &["journal", "manifest", "report", "effort", "extras"],
    &["settings"],
    &["scan", "compare", "decide", "act"],
    &["phase"],
    &["roots"],
    &["sync", "fleet"],
    &["cli"],
    &["lib", "main"],
];

/// The most lines that a file may have.
const MOST_LINES: usize = 500;

/// Files that may be longer, each with its reason.
const LONG_FILES: &[&str] = &["cli/args.rs"];

/// One source file.
struct Source {
    /// Its path below `src`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The module of the crate that it belongs to: its folder, or its own name.
    fn module(&self) -> String {
        let first = self.path.iter().next().expect("a path of at least one name");
        Path::new(first).file_stem().expect("a name").to_string_lossy().into_owned()
    }

    /// Its lines without comments and without what stands in strings, numbered from 1.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        let lines = self.text.lines().enumerate();
        lines
            .map(|(index, line)| (index + 1, bare(line)))
            .filter(|(_, line)| !line.trim().is_empty())
    }

    /// Where `word` stands in the code as a word of its own.
    fn lines_with(&self, word: &str) -> Vec<String> {
        let lines = self.code().filter(|(_, line)| has_word(line, word));
        lines
            .map(|(number, line)| format!("{}:{number}: {}", self.path.display(), line.trim()))
            .collect()
    }
}

/// All files below `src`.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = WalkDir::new(&root).sort_by_file_name().into_iter();
    let paths = entries.map(|entry| entry.expect("the source can be walked").into_path());
    let sources: Vec<Source> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source {
            text: fs::read_to_string(&path).expect("source is text"),
            path: path.strip_prefix(&root).expect("below src").to_owned(),
        })
        .collect();
    assert!(sources.len() > 20, "only {} files were found", sources.len());
    sources
}

/// A line without its strings and its comment.
fn bare(line: &str) -> String {
    let mut code = String::new();
    let mut chars = line.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => drop(chars.next()),
            // A quote as a character literal opens no string.
            '"' if !in_string && code.ends_with('\'') => code.push(c),
            '"' => in_string = !in_string,
            '/' if !in_string && chars.peek() == Some(&'/') => break,
            _ if in_string => {}
            c => code.push(c),
        }
    }
    code
}

/// True if `word` stands in `line` and is no part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next())
    })
}

/// The modules that stand behind `crate::` in a file, with their line; `None` for `crate::*` and the like.
fn imports(source: &Source) -> Vec<(usize, Option<String>)> {
    let mut found = Vec::new();
    for (number, line) in source.code() {
        for (at, start) in line.match_indices("crate::") {
            let rest = &line[at + start.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let list = list.split('}').next().unwrap_or_default();
                found.extend(list.split(',').map(|item| (number, first_name(item.trim()))));
            } else {
                found.push((number, first_name(rest)));
            }
        }
    }
    found
}

/// The name that a path begins with.
fn first_name(path: &str) -> Option<String> {
    let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(path.len());
    (end > 0).then(|| path[..end].to_owned())
}

/// The layer of a module.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

#[test]
fn imports_go_to_a_strictly_lower_layer() {
    let mut wrong = String::new();
    let mut count = 0;
    for source in sources() {
        let module = source.module();
        let Some(here) = layer(&module) else {
            panic!(
                "{} belongs to no layer: give `{module}` a row in LAYERS",
                source.path.display()
            );
        };
        for (number, import) in imports(&source) {
            count += 1;
            let is_right = import.as_deref().is_some_and(|import| {
                import == module || layer(import).is_some_and(|there| there < here)
            });
            if !is_right {
                let import = import.as_deref().unwrap_or("something unnamed");
                let path = source.path.display();
                writeln!(wrong, "src/{path}:{number}: {module} imports {import}")
                    .expect("a string");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count > 200, "only {count} imports were seen: the reading of `use` lines is broken");
}

#[test]
fn every_module_of_the_crate_is_in_the_map() {
    let root = sources().into_iter().find(|source| source.path == Path::new("lib.rs"));
    let root = root.expect("the crate has a root");
    let declared: BTreeSet<String> = root
        .code()
        .filter_map(|(_, line)| line.trim().strip_prefix("pub mod ").and_then(first_name))
        .collect();
    let files: BTreeSet<String> = sources().iter().map(Source::module).collect();
    let named: BTreeSet<String> =
        files.into_iter().filter(|name| name != "lib" && name != "main").collect();
    assert_eq!(declared, named, "declared in lib.rs | there as files");
    assert_eq!(declared.iter().find(|module| layer(module).is_none()), None);
}

#[test]
fn a_file_fits_a_reader() {
    let long = |source: &Source| {
        let count = source.text.lines().count();
        let is_excepted = LONG_FILES.iter().any(|path| source.path == Path::new(path));
        (count > MOST_LINES && !is_excepted)
            .then(|| format!("src/{}: {count} lines", source.path.display()))
    };
    let long: Vec<String> = sources().iter().filter_map(long).collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let silent = |source: &Source| !source.text.starts_with("//! ");
    let silent: Vec<PathBuf> =
        sources().into_iter().filter(silent).map(|source| source.path).collect();
    assert_eq!(silent, [""; 0].map(PathBuf::from));
}

#[test]
fn only_the_command_line_prints_and_ends_the_process() {
    let words = ["print", "println", "eprint", "eprintln", "dbg", "stdout", "stderr"];
    let calls = ["process::exit", "process::abort"];
    let is_outside = |source: &&Source| source.module() != "cli" && source.module() != "main";
    let found: Vec<String> = sources()
        .iter()
        .filter(is_outside)
        .flat_map(|source| words.iter().chain(&calls).flat_map(|word| source.lines_with(word)))
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_right_to_write_is_granted_in_one_place() {
    let found: Vec<String> =
        sources().iter().flat_map(|source| source.lines_with("Permit::grant")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("sync.rs:"), "{found:?}");
    let made: Vec<String> = sources()
        .iter()
        .filter(|source| source.path != Path::new("sys/permit.rs"))
        .flat_map(|source| source.lines_with("Permit(()"))
        .collect();
    assert_eq!(made, [""; 0]);
}

#[test]
fn unsafe_code_stands_in_one_file_alone() {
    let is_elsewhere = |source: &&Source| source.path != Path::new("sys/scratch.rs");
    let sources = sources();
    let found: Vec<String> = sources
        .iter()
        .filter(is_elsewhere)
        .flat_map(|source| ["unsafe", "unsafe_code"].map(|word| source.lines_with(word)).concat())
        .collect();
    assert_eq!(found, [""; 0]);
    let home = sources.iter().find(|source| source.path == Path::new("sys/scratch.rs"));
    assert_eq!(home.expect("the file is there").lines_with("unsafe").len(), 1);
}

#[test]
fn the_reading_of_lines_knows_comments_strings_and_words() {
    assert_eq!(bare("let a = \"crate::x // \\\" y\"; // crate::z"), "let a = ; ");
    assert_eq!(bare("match c { '\"' => 1 }"), "match c { '\"' => 1 }");
    assert!(has_word("unsafe { x }", "unsafe") && !has_word("unsafe_code", "unsafe"));
    let text =
        "use crate::{error, sys::dir};\nlet x = crate::model::y(crate::act::z);\n".to_owned();
    let source = Source { path: PathBuf::from("scan/walk.rs"), text };
    let names: Vec<String> = imports(&source).into_iter().filter_map(|(_, name)| name).collect();
    assert_eq!(names, ["error", "sys", "model", "act"]);
    assert_eq!(source.module(), "scan");
}
