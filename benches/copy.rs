//! Phase one alone, and both phases, on many small files and on one large file; beside them a plain
//! loop over `std::fs::copy`.

mod support;

use std::fs;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use support::{archive, content, make_tree, place, run_quietly};
use twosync::settings::{Effect, Verify};
use walkdir::WalkDir;

/// What anybody would write: one file after the other, no attributes but the mode.
fn copy_loop(source: &Path, dest: &Path) {
    for entry in WalkDir::new(source) {
        let entry = entry.expect("a tree that can be read");
        let to = dest.join(entry.path().strip_prefix(source).expect("below the source"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(to).expect("a directory");
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

fn measure(bench: &mut Criterion, name: &str, source: &Path, bytes: u64) {
    let mut group = bench.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
    for (what, verify) in [("phase one", Verify::None), ("both phases", Verify::All)] {
        group.bench_function(what, |bencher| {
            bencher.iter_batched(
                place,
                |dest| {
                    let settings = archive(source, &dest.path().join("d"), Effect::Sync, verify);
                    run_quietly(&settings);
                    dest
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("std::fs::copy, one by one", |bencher| {
        bencher.iter_batched(
            place,
            |dest| {
                copy_loop(source, &dest.path().join("d"));
                dest
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn copy(bench: &mut Criterion) {
    let small = place();
    let bytes = make_tree(small.path(), 2_000);
    measure(bench, "copy 2,000 small files", small.path(), bytes);
    let large = place();
    let bytes = content(1, 256 << 20);
    fs::write(large.path().join("large"), &bytes).expect("a large file");
    measure(bench, "copy one file of 256 MiB", large.path(), bytes.len() as u64);
}

criterion_group!(benches, copy);
criterion_main!(benches);
