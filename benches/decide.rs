//! Deciding over a million pairs which entries are left alone.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use twosync::decide::{Origin, Policy, left_alone};
use twosync::model::entry::Pair;
use twosync::model::meta::{FileId, Kind, Meta, Stamp};
use twosync::settings::{Existing, Kinds, Recursion, Settings};

fn meta(number: u64) -> Meta {
    let stamp = Stamp { secs: 1_600_000_000 + i64::try_from(number % 100).unwrap_or(0), nanos: 0 };
    Meta {
        kind: if number.is_multiple_of(20) { Kind::Symlink } else { Kind::File },
        mode: 0o644,
        own_mode: 0o644,
        uid: 0,
        gid: 0,
        size: number % 100_000,
        atime: stamp,
        mtime: stamp,
        ctime: stamp,
        id: FileId { dev: 1, ino: number },
        nlink: 1,
        rdev: 0,
    }
}

fn select(bench: &mut Criterion) {
    let pairs: Vec<Pair> = (0..1_000_000)
        .map(|number| match number % 3 {
            0 => Pair::SourceOnly(meta(number)),
            _ => Pair::Both(meta(number), meta(number + 7)),
        })
        .collect();
    let mut settings = Settings::default();
    settings.select.recursion = Recursion::Full;
    settings.select.kinds = Kinds::DEVICES;
    settings.select.max_size = Some(90_000);
    settings.select.min_size = Some(100);
    settings.update.existing = Existing::KeepNewer;
    let Settings { select, update, delete, .. } = settings;
    let policy = Policy { select, update, delete };
    let mut group = bench.benchmark_group("select");
    group.throughput(Throughput::Elements(1_000_000)).sample_size(10);
    group.bench_function("a million pairs by kind, size and age", |bencher| {
        bencher.iter(|| {
            let left = pairs.iter().filter_map(|pair| left_alone(pair, Origin::Found, &policy));
            left.count()
        });
    });
    group.finish();
}

criterion_group!(benches, select);
criterion_main!(benches);
