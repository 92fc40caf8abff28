//! The catalogue of metric families.

use crate::contract::{Family, MetricKind};

/// The prefix of every family of GitHub's current API.
const PREFIX: &str = "github_copilot_";
/// The labels that every family with [`PREFIX`] has before its own.
const TARGET_LABELS: [&str; 2] = ["org", "scope"];
/// The exact labels of gcp-metrics-exporter's gauges, in its order.
const COMPAT_LABELS: [&str; 4] = ["editor", "language", "stream", "org"];

/// A family of the [`Catalogue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyId(pub(super) usize);

/// Every family that the mapping may return, in the order of `/metrics`.
///
/// Collectors declare their families here when they are made, so the manifest cannot differ from
/// what a run returns.
#[derive(Default)]
pub struct Catalogue(Vec<Family>);

impl Catalogue {
    /// Declares the gauge `github_copilot_{name}` with the labels `org`, `scope` and `labels`.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[&str]) -> FamilyId {
        let labels = TARGET_LABELS.iter().chain(labels);
        self.declare(format!("{PREFIX}{name}"), help, labels)
    }

    /// Declares a gauge with the name and the labels of gcp-metrics-exporter.
    pub fn compat_gauge(&mut self, name: &str, help: &str) -> FamilyId {
        self.declare(name.to_owned(), help, &COMPAT_LABELS)
    }

    fn declare<'a>(
        &mut self,
        name: String,
        help: &str,
        labels: impl IntoIterator<Item = &'a &'a str>,
    ) -> FamilyId {
        self.0.push(Family {
            name,
            help: help.to_owned(),
            kind: MetricKind::Gauge,
            label_names: labels.into_iter().map(|label| (*label).to_owned()).collect(),
        });
        FamilyId(self.0.len() - 1)
    }

    /// The declared families.
    pub fn families(&self) -> &[Family] {
        &self.0
    }

    /// The declared families.
    pub fn into_families(self) -> Vec<Family> {
        self.0
    }
}
