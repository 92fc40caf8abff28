//! Cost centers of an enterprise: their names, and how many resources they pay for.
//!
//! Source: <https://docs.github.com/en/enterprise-cloud@latest/rest/billing/cost-centers>.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{
    Field, Framing, Id, Known, Object, OwnedName, Problem, Rejected, Row, Version, by_size,
    or_unknown, start_of_day_ms,
};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{DocumentDefinition, ENTERPRISE_BILLING, Registration};
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    framing: Framing::Wrapper("costCenters"),
    ..Registration::new(collector::new::<CostCentersCollector>)
};

/// Without the state, GitHub lists deleted cost centers as well.
const DOCUMENTS: &[DocumentDefinition] = &[DocumentDefinition {
    permission: Some(ENTERPRISE_BILLING),
    ..DocumentDefinition::new(
        Scope::Enterprise,
        "cost-centers",
        "/enterprises/{enterprise}/settings/billing/cost-centers?state=active",
        FetchKind::Plain,
    )
}];

/// A cost center.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CostCenterRow {
    id: Field<Id>,
    name: Field<OwnedName>,
    resources: Field<Vec<Object<Resource>>>,
    #[serde(rename = "state")]
    _state: Known,
    #[serde(rename = "azure_subscription")]
    _azure_subscription: Known,
    #[serde(rename = "ai_credit_pool_enabled")]
    _ai_credit_pool_enabled: Known,
    #[serde(rename = "included_usage_cap")]
    _included_usage_cap: Known,
}

/// What a cost center pays for: a user, an organization, a repository or a team. Only the kind is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(rename = "type")]
    kind: Field<OwnedName>,
    #[serde(rename = "name")]
    _name: Known,
}

/// What is kept of a cost center.
#[derive(Debug)]
struct CostCenter {
    name: String,
    /// The number of resources of each kind; nothing if GitHub does not list them.
    resources: Option<BTreeMap<String, u64>>,
}

/// The labels of a cost center.
const LABELS: [&str; 2] = ["cost_center", "cost_center_id"];

/// Collects cost centers.
pub struct CostCentersCollector {
    info: FamilyId,
    resources: FamilyId,
    fetched_at: i64,
    cost_centers: BTreeMap<Id, Version<CostCenter>>,
}

impl Collector for CostCentersCollector {
    fn declare(catalogue: &mut Catalogue, _: &Settings) -> Self {
        catalogue.detailed(None, 1, |catalogue| Self {
            info: catalogue.gauge(
                "cost_center_info",
                "Always 1. The labels are the name and the id of an active cost center of the enterprise.",
                &LABELS,
            ),
            resources: catalogue.gauge(
                "cost_center_resources",
                "Number of users, organizations, repositories and other resources of the cost center, by type.",
                &["cost_center", "cost_center_id", "type"],
            ),
            fetched_at: 0,
            cost_centers: BTreeMap::new(),
        })
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (center, mut notes) = row.decode::<CostCenterRow>(&[])?;
        let id = notes.required(center.id, "id")?;
        self.fetched_at = self.fetched_at.max(notes.rank.fetched_at);
        let resources = center.resources.get().map(|list| {
            let mut counts = BTreeMap::new();
            for resource in list {
                let kind = or_unknown(resource.kind.as_deref()).to_owned();
                *counts.entry(kind).or_default() += 1;
            }
            counts
        });
        let name = or_unknown(center.name.as_deref()).to_owned();
        let version = Version::new(notes.rank, CostCenter { name, resources });
        let size =
            by_size(|of: &CostCenter| of.resources.iter().flatten().map(|(_, n)| n).sum::<u64>());
        if Version::keep_in(&mut self.cost_centers, id, version, size) {
            notes.note("id", Problem::Conflict);
        }
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        let at = start_of_day_ms(self.fetched_at);
        for (id, version) in &self.cost_centers {
            let (id, center) = (id.to_string(), &version.value);
            samples.push(self.info, &[&center.name, &id], 1.0, at);
            for (kind, count) in center.resources.iter().flatten() {
                samples.push(self.resources, &[&center.name, &id, kind], *count as f64, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::Span;
    use crate::testing::mapped;

    #[test]
    fn the_resources_of_a_cost_center_are_counted_by_type_and_not_named() {
        let body = r#"{"costCenters":[{"id":"c1","name":"Mobile","state":"active","resources":[
            {"type":"User","name":"ada"},{"type":"User","name":"bo"},{"type":"Org","name":"acme"},{"name":"x"}]},
            {"id":"c2","name":"Empty","resources":[]},{"id":"c3"},{"name":"lost"}]}"#;
        let mapped = mapped(Span::Latest, &[], &[("cost-centers", body)]).unwrap();
        let family = "github_copilot_cost_center_info";
        assert_eq!(
            mapped.samples(family),
            [("Mobile", "c1"), ("Empty", "c2"), ("unknown", "c3")].map(|(name, id)| format!(
                "{family}{{cost_center=\"{name}\",cost_center_id=\"{id}\"}} 1"
            ))
        );
        let family = "github_copilot_cost_center_resources";
        assert_eq!(
            mapped.samples(family),
            [("Org", 1), ("User", 2), ("unknown", 1)].map(|(kind, count)| format!(
                "{family}{{cost_center=\"Mobile\",cost_center_id=\"c1\",type=\"{kind}\"}} {count}"
            ))
        );
        assert_eq!(mapped.unmapped(), ["id (missing) 1"]);
    }
}
