use copilot_metrics_exporter::body::{Body, Spool};
use copilot_metrics_exporter::config::{SecretSource, ValkeySettings};
use copilot_metrics_exporter::model::metrics::Registry;
use copilot_metrics_exporter::model::{Document, Part, Scope, Target};
use copilot_metrics_exporter::store::{Key, Slot, Valkey, ValkeyMetrics};
use jiff::Timestamp;

/// Every store does the same.
mod contract;
/// Each kind of failure is told clearly, and is over by itself.
mod failures;
/// Only one holder has a lease, and late writes of another one are refused.
mod leases;
/// Sentinels and clusters.
mod topologies;

/// A store over a server, and its metrics.
struct Replica {
    store: Valkey,
    registry: Registry,
}

impl Replica {
    fn new(settings: ValkeySettings) -> Self {
        Self::with_spool(settings, Spool::default())
    }

    fn with_spool(settings: ValkeySettings, spool: Spool) -> Self {
        let registry = Registry::default();
        let metrics = ValkeyMetrics::new(&registry).unwrap();
        Self { store: Valkey::new(settings, spool, metrics), registry }
    }

    fn at(url: &str) -> Self {
        Self::new(settings(url))
    }

    /// The value of a metric of Valkey, such as `up` or `failures_total{kind="refused"}`.
    fn metric(&self, name: &str) -> f64 {
        let text = self.registry.encode().unwrap();
        let name = format!("copilot_exporter_valkey_{name} ");
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(&name));
        lines.next().unwrap_or_else(|| panic!("no {name}in {text}")).parse().unwrap()
    }
}

fn settings(url: &str) -> ValkeySettings {
    ValkeySettings::new(url).unwrap()
}

fn with_password(url: &str, password: &str) -> ValkeySettings {
    let password = Some(SecretSource::Text(password.into()));
    ValkeySettings { password, ..settings(url) }
}

fn target(login: &str) -> Target {
    Target::new(Scope::Organization, login).unwrap()
}

fn key(login: &str) -> Key {
    Key::document(&target(login), "seats", None, Slot::Good)
}

/// A document that was fetched at a second.
fn document(second: i64, text: &str) -> Document {
    of_bodies(second, &[text.as_bytes()])
}

fn of_bodies(second: i64, bodies: &[&[u8]]) -> Document {
    let parts = bodies.iter().map(|bytes| {
        let body = Body::of(bytes).unwrap();
        Part { body, validator: None, next: None, day: None }
    });
    let at = Timestamp::from_second(second).unwrap();
    Document { source: "plain /x".to_owned(), ..Document::new(parts.collect(), at, None) }
}

/// Bytes that do not shrink: random, but the same in every run.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
