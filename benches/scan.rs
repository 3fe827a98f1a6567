//! Walking two equal trees with quick evidence, beside one walk of `walkdir` that looks at every
//! entry; and joining the listings of one large directory.

mod support;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use support::{archive, make_tree, place, run_quietly};
use twosync::model::meta::Kind;
use twosync::model::path::Name;
use twosync::scan::join::{match_dest, merge};
use twosync::scan::layer::Found;
use twosync::settings::{Effect, Verify};
use twosync::sys::dir::{Follow, Listed};
use walkdir::WalkDir;

fn walk(bench: &mut Criterion) {
    let (source, dest) = (place(), place());
    make_tree(source.path(), 20_000);
    run_quietly(&archive(source.path(), dest.path(), Effect::Sync, Verify::None));
    let mut group = bench.benchmark_group("walk 20,000 files that are up to date");
    group.throughput(Throughput::Elements(20_000)).sample_size(10);
    let settings = archive(source.path(), dest.path(), Effect::DryRun, Verify::None);
    group.bench_function("both sides, compared", |bencher| {
        bencher.iter(|| run_quietly(&settings));
    });
    group.bench_function("walkdir, the source alone", |bencher| {
        bencher.iter(|| {
            let entries = WalkDir::new(source.path()).into_iter().flatten();
            entries.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum::<u64>()
        });
    });
    group.finish();
}

fn join(bench: &mut Criterion) {
    let name = |number: u64| Name::new(format!("{number:08}").as_bytes()).expect("a name");
    let found: Vec<Found> = (0..100_000)
        .rev()
        .map(|number| Found { name: name(number), is_dir: number % 50 == 0, follow: Follow::Never })
        .collect();
    let listed: Vec<Listed> = (0..100_000)
        .map(|number| Listed { name: name(number + 1000), kind: Some(Kind::File) })
        .collect();
    let mut group = bench.benchmark_group("join two listings");
    group.throughput(Throughput::Elements(100_000)).sample_size(10);
    group.bench_function("100,000 names", |bencher| {
        bencher.iter_batched(
            || (found.clone(), listed.clone()),
            |(found, listed)| match_dest(&mut merge(vec![found]), listed),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, walk, join);
criterion_main!(benches);
