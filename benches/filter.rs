//! What two hundred filter rules cost over a million paths, beside rsync: one run, printed as ratios.
//!
//! A tree of empty files in some 7,000 directories is made in memory (`/dev/shm`, or below
//! `TWOSYNC_BENCH_DIR`), which takes about ten seconds. Then, three times, one after the other:
//!
//! - `a`: `rsync -an` with the rules into a directory that is not there, the whole program;
//! - `a0`: the same without rules;
//! - `b`: `twosync -an` with the rules, the whole program;
//! - `c`: our matcher alone, in one thread, over the same paths.
//!
//! No rule matches, so that every path is held against all of them; both programs have to report the
//! same number of files. Run otherwise than by `cargo bench` it takes a thousand paths, and proves
//! only that it works.

#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use twosync::filter::cvs::CvsExtras;
use twosync::filter::item::Ask;
use twosync::filter::list::Unsided;
use twosync::filter::pattern::What;
use twosync::filter::rules::Builder;
use twosync::filter::scope::{Parents, Scope, Side};

/// Each time is the median of so many.
const ROUNDS: usize = 3;

/// The line of `--stats` that both programs print alike.
const COUNT: &str = "Number of files:";

fn main() {
    let is_bench = env::args().any(|arg| arg == "--bench");
    let count = if is_bench { 1_000_000 } else { 1_000 };
    let place = env::var_os("TWOSYNC_BENCH_DIR").map(PathBuf::from);
    let place =
        place.or_else(|| Some("/dev/shm".into()).filter(|memory: &PathBuf| memory.is_dir()));
    let top = TempDir::new_in(place.unwrap_or_else(env::temp_dir)).expect("a directory to work in");
    let paths: Vec<String> = (0..count)
        .map(|number| format!("project{}/src/module{}/file{number}.rs", number % 7, number % 991))
        .collect();
    make_files(top.path(), &paths);
    println!("200 rules, {count} paths; medians of {ROUNDS}, interleaved");
    println!("a: rsync -n   a0: rsync -n without rules   b: twosync -n   c: our matcher alone");
    for (kind, rules) in [("mixed", mixed()), ("wildcards", wildcards())] {
        measure(kind, &rules, top.path(), &paths);
    }
}

/// Two hundred rules such as people write.
fn mixed() -> Vec<String> {
    let rules = |number| {
        [
            format!("- *.ext{number}"),
            format!("- name{number}"),
            format!("- /top{number}/**/cache"),
            format!("- dir{number}/sub/*.tmp"),
            format!("- build{number}/"),
        ]
    };
    (0..40).flat_map(rules).collect()
}

/// Two hundred rules without any shortcut.
fn wildcards() -> Vec<String> {
    let rules = |number| {
        [
            format!("- *foo*{number}"),
            format!("- **/cache{number}/**"),
            format!("- *.[ch]x{number}"),
            format!("- m*e*c{number}/*.rs"),
            format!("- /project*/**/x{number}*"),
        ]
    };
    (0..40).flat_map(rules).collect()
}

fn make_files(top: &Path, paths: &[String]) {
    for path in paths {
        let path = top.join("s").join(path);
        if File::create(&path).is_err() {
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            File::create(&path).expect("a file");
        }
    }
}

/// Runs all four in turn and prints a line.
fn measure(kind: &str, rules: &[String], top: &Path, paths: &[String]) {
    let scope = scope(rules, top);
    let file = top.join(format!("{kind}.rules"));
    fs::write(&file, rules.join("\n")).expect("a file of rules");
    let merge = format!("--filter=. {}", file.display());
    let twosync = env!("CARGO_BIN_EXE_twosync");
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let (a, listed) = run("rsync", Some(&merge), top);
        let (a0, _) = run("rsync", None, top);
        let (b, ours) = run(twosync, Some(&merge), top);
        assert_eq!(listed, ours, "both programs take the same files");
        let (c, left) = matching(&scope, paths);
        assert_eq!(left, paths.len(), "no rule matches");
        for (times, time) in times.iter_mut().zip([a, a0, b, c]) {
            times.push(time);
        }
    }
    let [a, a0, b, c] = times.map(median);
    println!(
        "{kind:9}  b/a {:.2}  c/a {:.2}  c/(a-a0) {:.2}    (a {a:.2} s, a0 {a0:.2} s, b {b:.2} s, c {c:.2} s)",
        b / a,
        c / a,
        c / (a - a0),
    );
}

fn scope(rules: &[String], top: &Path) -> Arc<Scope> {
    let mut builder = Builder::new(Unsided::Both, CvsExtras::default());
    for rule in rules {
        builder.filter(rule.as_bytes(), &mut |_| Ok(None)).expect("a rule");
    }
    let top = top.join("s");
    let top = top.to_str().expect("a plain path").as_bytes();
    Scope::open(&builder.finish(), Side::Sender, top, Parents::Scan)
}

/// Runs a program; returns its time, and its line that counts files.
fn run(program: &str, merge: Option<&str>, top: &Path) -> (Duration, String) {
    let mut command = Command::new(program);
    command.args(["-an", "--stats"]).args(merge).args(["s/", "d"]).current_dir(top);
    let start = Instant::now();
    let output = command.output().expect("a program that can be run");
    let time = start.elapsed();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("plain text");
    let count = said.lines().find(|line| line.starts_with(COUNT)).expect("the count of files");
    (time, count.to_owned())
}

/// Asks the rules about each path; returns the time, and how many paths are in.
fn matching(scope: &Scope, paths: &[String]) -> (Duration, usize) {
    let start = Instant::now();
    let is_in =
        |path: &&String| !scope.verdict(path.as_bytes(), What::Other, Ask::All).is_excluded();
    let count = paths.iter().filter(is_in).count();
    (start.elapsed(), count)
}

/// The median, in seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}
