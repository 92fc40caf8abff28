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
pub struct Catalogue {
    families: Vec<Family>,
    /// What the families that are being declared depend on: see [`Catalogue::detailed`].
    enabled_by: Option<&'static str>,
    detail: u32,
}

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

    /// Declares families that only an option adds, or that have more detail than the numbers of the
    /// whole target: 1 for teams, 2 for repositories, 3 for users, 4 for parts of a user's activity.
    pub fn detailed<T>(
        &mut self,
        enabled_by: Option<&'static str>,
        detail: u32,
        declare: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let outer = (self.enabled_by, self.detail);
        (self.enabled_by, self.detail) = (enabled_by, detail);
        let declared = declare(self);
        (self.enabled_by, self.detail) = outer;
        declared
    }

    fn declare<'a>(
        &mut self,
        name: String,
        help: &str,
        labels: impl IntoIterator<Item = &'a &'a str>,
    ) -> FamilyId {
        self.families.push(Family {
            name,
            help: help.to_owned(),
            kind: MetricKind::Gauge,
            label_names: labels.into_iter().map(|label| (*label).to_owned()).collect(),
            enabled_by: self.enabled_by.map(str::to_owned),
            detail: self.detail,
        });
        FamilyId(self.families.len() - 1)
    }

    /// The declared families.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The declared families.
    pub fn into_families(self) -> Vec<Family> {
        self.families
    }
}
