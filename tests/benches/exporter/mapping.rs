//! Throughput of the default mapping: as a component, compared with the same code as a native library.

use std::hint::black_box;

use copilot_metrics_exporter::model::Span;
use copilot_metrics_tests::fixtures::{OCTODEMO, Recorded, WEEK, write_users_report};
use copilot_metrics_tests::mapping::{Component, bodies, map_natively};
use criterion::{Criterion, Throughput};

use crate::mean_seconds;

/// The group of a large report with a row per user.
pub const USERS: &str = "users report";
/// The group of a small report with the numbers of a whole organization.
pub const AGGREGATE: &str = "aggregate report";

/// The size of the users report.
const USERS_BYTES: u64 = 32 << 20;
/// The size of the chunks that the host feeds.
const CHUNK_BYTES: usize = 128 << 10;

pub fn measure(criterion: &mut Criterion) {
    let mut report = Vec::new();
    write_users_report(&mut report, USERS_BYTES, &WEEK, usize::MAX).unwrap();
    let users = vec![("users-28-day".to_owned(), 0, report)];
    let aggregate: Vec<_> = bodies(&OCTODEMO).into_iter().take(1).collect();
    let component = Component::load();
    for (name, bodies) in [(USERS, &users), (AGGREGATE, &aggregate)] {
        let size: usize = bodies.iter().map(|(_, _, body)| body.len()).sum();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(size as u64));
        let recorded: &Recorded = &OCTODEMO;
        group.bench_function("native", |bencher| {
            bencher
                .iter(|| map_natively(recorded, black_box(bodies), false, || CHUNK_BYTES).unwrap());
        });
        group.bench_function("component", |bencher| {
            bencher.iter(|| {
                component.map(recorded, black_box(bodies), Span::Latest, || CHUNK_BYTES).unwrap()
            });
        });
        group.finish();
    }
}

pub fn report() {
    for group in [USERS, AGGREGATE] {
        let (Some(native), Some(component)) =
            (mean_seconds(group, "native"), mean_seconds(group, "component"))
        else {
            continue;
        };
        println!("{group}: component / native = {:.2} (at least 0.5)", native / component);
    }
}
