//! An audit of an equal tree, and digests put together from ranges beside the digest of the whole.

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;
use support::{archive, content, make_tree, place, run_quietly};
use twosync::model::digest::{Digest, RANGE_BYTES, RangeHasher, merge};
use twosync::settings::{Effect, Verify};

fn audit(bench: &mut Criterion) {
    let (source, dest) = (place(), place());
    let bytes = make_tree(source.path(), 2_000);
    run_quietly(&archive(source.path(), dest.path(), Effect::Sync, Verify::None));
    let mut group = bench.benchmark_group("audit 2,000 small files");
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
    let thorough = archive(source.path(), dest.path(), Effect::VerifyOnly, Verify::All);
    group.bench_function("every byte of both sides", |bencher| {
        bencher.iter(|| run_quietly(&thorough));
    });
    let quick = archive(source.path(), dest.path(), Effect::VerifyOnly, Verify::Metadata);
    group.bench_function("sizes, times and attributes", |bencher| {
        bencher.iter(|| run_quietly(&quick));
    });
    group.finish();
}

fn in_ranges(bytes: &[u8]) -> Digest {
    let range_bytes = usize::try_from(RANGE_BYTES).expect("a range fits memory");
    let chunks: Vec<_> = bytes.chunks(range_bytes).zip(0..).collect();
    let ranges: Vec<_> = chunks
        .into_par_iter()
        .map(|(chunk, at)| {
            let mut hasher = RangeHasher::new(at);
            hasher.update(chunk);
            hasher.finish_range()
        })
        .collect();
    merge(&ranges)
}

fn digests(bench: &mut Criterion) {
    let bytes = content(1, 128 << 20);
    let mut group = bench.benchmark_group("digest of 128 MiB in memory");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10);
    group.bench_function("ranges on all processors", |bencher| {
        bencher.iter(|| in_ranges(&bytes));
    });
    group.bench_function("blake3::hash on one", |bencher| {
        bencher.iter(|| blake3::hash(&bytes));
    });
    group.finish();
}

criterion_group!(benches, audit, digests);
criterion_main!(benches);
