//! Random trees and options: twosync does and tells what rsync does and tells.
//!
//! `options` has the table of options and which of them stay apart, `trees` the entries, `plan` puts them together into a
//! case of the language of `support::case`; a failing one is printed in it. What differs from rsync on purpose
//! (`parity::allowed`) is never made, so that nothing has to be forgiven afterwards. Environment: `TWOSYNC_COMBO_CASES`
//! says how many cases are tried, `TWOSYNC_COMBO_SEED` which one is the first.

mod options;
mod plan;
mod trees;

use std::fs;
use std::path::Path;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::{Arena, open_to_all, reachable_program};
use crate::parity::random::plan::{Plan, plans};
use crate::support::arena::is_root;
use crate::support::case::read_cases;
use crate::support::skipped::rsync_or_skipped;

/// So many failures are enough for one look.
const MOST_FAILURES: usize = 8;

#[test]
fn random_options_on_random_trees_do_what_rsync_does() {
    let Some(rsync) = rsync_or_skipped("random options") else { return };
    let first = number("TWOSYNC_COMBO_SEED", 0);
    let count = number("TWOSYNC_COMBO_CASES", 100);
    assert!(count > 0, "TWOSYNC_COMBO_CASES=0 tries nothing");
    let top = tempfile::tempdir().expect("a temporary directory");
    open_to_all(top.path()).expect("our own directory");
    let program = reachable_program(top.path());
    let mut failures = Vec::new();
    for seed in first..first + count {
        failures.extend(failure(seed, top.path(), &rsync, &program));
        if failures.len() == MOST_FAILURES {
            break;
        }
    }
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.concat());
}

/// The number that a variable of the environment holds.
fn number(name: &str, default: u64) -> u64 {
    let Some(value) = std::env::var_os(name) else { return default };
    let number = value.to_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("{name}={} is no number", value.display()))
}

/// Tries the case that belongs to `seed`; if the programs differ, tells the smallest one that was found.
fn failure(seed: u64, top: &Path, rsync: &Path, program: &Path) -> Option<String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 600, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);

    let plans = proptest::strategy::Strategy::new_tree(&plans(is_root()), &mut runner);
    let result = runner.run_one(plans.expect("no value is refused"), |plan| {
        check(&plan, top, rsync, program).map_err(TestCaseError::fail)
    });
    match result {
        Ok(_) => None,
        Err(TestError::Fail(report, plan)) => Some(format!(
            "\n==== TWOSYNC_COMBO_SEED={seed} TWOSYNC_COMBO_CASES=1 ====\n{}\n{report}",
            plan.text()
        )),
        Err(TestError::Abort(why)) => Some(format!("\n==== seed {seed}: {why} ====\n")),
    }
}

/// Runs one case on both sides.
fn check(plan: &Plan, top: &Path, rsync: &Path, program: &Path) -> Result<(), String> {
    let dir = top.join("case");
    let file = top.join("text");
    fs::write(&file, plan.text()).expect("room for a case");
    let case = read_cases(&file).remove(0);
    let result = Arena::new(&dir, rsync, program).and_then(|arena| arena.check(&case));
    fs::remove_dir_all(&dir).expect("a directory of our own");
    result.unwrap_or_else(|why| Err(why.to_string())).map(drop)
}
