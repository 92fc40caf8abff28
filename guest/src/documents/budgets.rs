//! Budgets for Copilot: their amounts, and how much of them is used.
//!
//! Source: <https://docs.github.com/en/enterprise-cloud@latest/rest/billing/budgets>.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::usage::UsageCollector;
use super::users::USERS;
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{
    Amount, Field, Framing, Id, Known, OwnedName, Problem, Rejected, Row, Version, by_size,
    start_of_day_ms,
};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{
    DocumentDefinition, ENTERPRISE_BILLING, ORGANIZATION_BILLING, Registration,
};
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    framing: Framing::Wrapper("budgets"),
    ..Registration::new(collector::new::<BudgetsCollector>)
};

const DOCUMENTS: &[DocumentDefinition] = &[
    DocumentDefinition {
        permission: Some(ORGANIZATION_BILLING),
        ..DocumentDefinition::new(
            Scope::Organization,
            "budgets",
            "/organizations/{org}/settings/billing/budgets?per_page=100",
            FetchKind::Paged,
        )
    },
    DocumentDefinition {
        permission: Some(ENTERPRISE_BILLING),
        ..DocumentDefinition::new(
            Scope::Enterprise,
            "budgets",
            "/enterprises/{enterprise}/settings/billing/budgets?per_page=100",
            FetchKind::Paged,
        )
    },
];

/// A budget.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BudgetRow {
    id: Field<Id>,
    budget_scope: Field<OwnedName>,
    budget_entity_name: Field<OwnedName>,
    user: Field<OwnedName>,
    budget_product_sku: Field<OwnedName>,
    budget_product_skus: Field<Vec<OwnedName>>,
    budget_amount: Field<Amount>,
    consumed_amount: Field<Amount>,
    prevent_further_usage: Field<bool>,
    #[serde(rename = "budget_type")]
    _budget_type: Known,
    #[serde(rename = "budget_alerting")]
    _budget_alerting: Known,
    #[serde(rename = "budget_thresholds")]
    _budget_thresholds: Known,
    #[serde(rename = "exclude_cost_center_usage")]
    _exclude_cost_center_usage: Known,
}

/// What is kept of a budget.
#[derive(Debug)]
struct Budget {
    scope: String,
    entity: String,
    user: String,
    sku: String,
    amount: Option<f64>,
    consumed: Option<f64>,
    stops_usage: Option<bool>,
}

/// The product of a budget on all AI credits.
const AI_CREDITS: &str = "ai_credits";

/// The labels of a budget.
const LABELS: [&str; 4] = ["budget", "budget_scope", "entity", "sku"];
/// The labels of a user's budget.
const USER_LABELS: [&str; 3] = ["user", "budget", "sku"];

/// Collects budgets.
pub struct BudgetsCollector {
    amounts: Amounts,
    stops_usage: FamilyId,
    user_amounts: Amounts,
    shows_users: bool,
    scope: Option<Scope>,
    /// The newest time at which the list was fetched, in seconds since 1970-01-01T00:00:00Z.
    fetched_at: i64,
    budgets: BTreeMap<Id, Version<Budget>>,
}

/// The families of a budget's amounts.
#[derive(Clone, Copy)]
struct Amounts {
    amount: FamilyId,
    consumed: FamilyId,
    ratio: FamilyId,
}

impl Amounts {
    fn declare(catalogue: &mut Catalogue, prefix: &str, whose: &str, labels: &[&str]) -> Self {
        let mut gauge = |name: &str, help: String| {
            catalogue.gauge(&format!("{prefix}budget_{name}"), &help, labels)
        };
        Self {
            amount: gauge(
                "amount_dollars",
                format!("Amount of the {whose} for a billing month, in US dollars."),
            ),
            consumed: gauge(
                "consumed_dollars",
                format!(
                    "How much of the {whose} is consumed in the billing month so far, in US dollars. If GitHub \
                     does not report it for a budget on all AI credits of the organization or enterprise, the net \
                     amount of the AI usage of the month."
                ),
            ),
            ratio: gauge(
                "consumed_ratio",
                format!("Consumed share of the {whose}. More than 1 is over budget."),
            ),
        }
    }

    fn push(
        self,
        samples: &mut Samples,
        labels: &[&str],
        budget: &Budget,
        consumed: Option<f64>,
        at: i64,
    ) {
        if let Some(amount) = budget.amount {
            samples.push(self.amount, labels, amount, at);
        }
        if let Some(consumed) = consumed {
            samples.push(self.consumed, labels, consumed, at);
        }
        if let (Some(amount), Some(consumed)) = (budget.amount, consumed)
            && amount > 0.0
        {
            samples.push(self.ratio, labels, consumed / amount, at);
        }
    }
}

impl Collector for BudgetsCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let amounts = Amounts::declare(catalogue, "", "budget", &LABELS);
        let stops_usage = catalogue.gauge(
            "budget_stops_usage",
            "Whether usage is stopped when the budget is used up: 1 if so, 0 if GitHub only warns.",
            &LABELS,
        );
        let user_amounts = catalogue.detailed(Some(USERS.name), 3, |catalogue| {
            Amounts::declare(catalogue, "user_", "budget of the user", &USER_LABELS)
        });
        Self {
            amounts,
            stops_usage,
            user_amounts,
            shows_users: settings.is_enabled(USERS.name),
            scope: settings.scope,
            fetched_at: 0,
            budgets: BTreeMap::new(),
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (budget, mut notes) = row.decode::<BudgetRow>(&[])?;
        let id = notes.required(budget.id, "id")?;
        let skus = budget.budget_product_skus.elements().iter().map(|sku| &**sku);
        let sku: Vec<&str> = budget.budget_product_sku.as_deref().into_iter().chain(skus).collect();
        self.fetched_at = self.fetched_at.max(notes.rank.fetched_at);
        // A budget for something else than Copilot is not an error, and not ours.
        if !sku.is_empty() && !sku.iter().any(|sku| is_of_copilot(sku)) {
            return Ok(());
        }
        let text = |name: &Field<OwnedName>| name.as_deref().unwrap_or_default().to_owned();
        let kept = Budget {
            scope: text(&budget.budget_scope),
            entity: text(&budget.budget_entity_name),
            user: text(&budget.user),
            sku: sku.join(","),
            amount: budget.budget_amount.get().map(|amount| amount.0),
            consumed: budget.consumed_amount.get().map(|amount| amount.0),
            stops_usage: budget.prevent_further_usage.get().copied(),
        };
        let version = Version::new(notes.rank, kept);
        let size = by_size(|budget: &Budget| budget.amount.unwrap_or_default());
        if Version::keep_in(&mut self.budgets, id, version, size) {
            notes.note("id", Problem::Conflict);
        }
        Ok(())
    }

    fn finish(&self, all: Collectors<'_>, samples: &mut Samples) {
        let at = start_of_day_ms(self.fetched_at);
        let usage = all.get::<UsageCollector>();
        for (id, version) in &self.budgets {
            let (id, budget) = (id.to_string(), &version.value);
            if budget.scope == "user" {
                let user = if budget.user.is_empty() { &budget.entity } else { &budget.user };
                if self.shows_users && !user.is_empty() {
                    let labels = [&**user, &*id, &*budget.sku];
                    self.user_amounts.push(samples, &labels, budget, budget.consumed, at);
                }
                continue;
            }
            let of_usage =
                || usage.filter(|_| self.covers_all(budget))?.net_dollars_of_month(self.fetched_at);
            let consumed = budget.consumed.or_else(of_usage);
            let labels = [&*id, &*budget.scope, &*budget.entity, &*budget.sku];
            self.amounts.push(samples, &labels, budget, consumed, at);
            if let Some(stops) = budget.stops_usage {
                samples.push(self.stops_usage, &labels, f64::from(u8::from(stops)), at);
            }
        }
    }
}

impl BudgetsCollector {
    /// When the newest list was fetched, in seconds since 1970-01-01T00:00:00Z; 0 if there is none.
    pub fn fetched_at(&self) -> i64 {
        self.fetched_at
    }

    /// The lowest amount of the budgets on all AI credits of the target, in US dollars: the one that is
    /// used up first.
    pub fn amount_for_all(&self) -> Option<f64> {
        let budgets = self.budgets.values().map(|version| &version.value);
        let amounts = budgets.filter(|budget| self.covers_all(budget)).filter_map(|of| of.amount);
        amounts.reduce(f64::min)
    }

    /// What is consumed of the budgets on AI credits of cost centers in the month so far, in US dollars, by
    /// the name of the cost center. If one has several, the largest amount: they count the same usage.
    pub fn consumed_by_cost_center(&self) -> BTreeMap<&str, f64> {
        let mut centers: BTreeMap<&str, f64> = BTreeMap::new();
        let budgets = self.budgets.values().map(|version| &version.value);
        for budget in budgets.filter(|of| of.scope == "cost_center" && of.sku == AI_CREDITS) {
            if let (false, Some(consumed)) = (budget.entity.is_empty(), budget.consumed) {
                let largest = centers.entry(&budget.entity).or_insert(consumed);
                *largest = largest.max(consumed);
            }
        }
        centers
    }

    /// Whether a budget is for all AI credits of the target.
    fn covers_all(&self, budget: &Budget) -> bool {
        let whole = match self.scope {
            Some(Scope::Organization) => "organization",
            Some(Scope::Enterprise) => "enterprise",
            None => return false,
        };
        budget.scope == whole && budget.sku == AI_CREDITS
    }
}

/// Whether a product or SKU is billed for the use of Copilot. The budget of a license is a number of
/// licenses, not an amount.
fn is_of_copilot(sku: &str) -> bool {
    const LICENSES: [&str; 4] =
        ["copilot_for_business", "copilot_business", "copilot_enterprise", "copilot_standalone"];
    let sku = sku.to_ascii_lowercase();
    let is_use = ["ai_credit", "premium_request", "copilot"].iter().any(|name| sku.contains(name));
    is_use && !LICENSES.contains(&&*sku)
}

#[cfg(test)]
mod tests {
    use crate::contract::Span;
    use crate::testing::{Mapped, mapped};

    fn budgets(options: &[&str], rows: &str) -> Mapped {
        let body = format!("{{\"budgets\":[{rows}],\"total_count\":1,\"has_next_page\":false}}");
        mapped(Span::Latest, options, &[("budgets", &body)]).unwrap()
    }

    const LABELS: &str =
        r#"budget="b1",budget_scope="organization",entity="acme",sku="ai_credits""#;

    fn budget(more: &str) -> String {
        format!(
            r#"{{"id":"b1","budget_type":"BundlePricing","budget_scope":"organization","budget_entity_name":"acme","budget_product_sku":"ai_credits"{more}}}"#
        )
    }

    #[test]
    fn a_budget_has_an_amount_what_is_consumed_of_it_and_the_ratio() {
        let more = r#","budget_amount":250,"consumed_amount":62.5,"prevent_further_usage":true"#;
        let mapped = budgets(&[], &budget(more));
        for (family, value) in [
            ("amount_dollars", "250"),
            ("consumed_dollars", "62.5"),
            ("consumed_ratio", "0.25"),
            ("stops_usage", "1"),
        ] {
            let family = format!("github_copilot_budget_{family}");
            assert_eq!(mapped.samples(&family), [format!("{family}{{{LABELS}}} {value}")]);
        }
        assert!(mapped.unmapped().is_empty());
    }

    #[test]
    fn a_budget_of_nothing_has_no_ratio() {
        let mapped = budgets(&[], &budget(r#","budget_amount":0,"consumed_amount":3"#));
        assert_eq!(mapped.samples("github_copilot_budget_amount_dollars").len(), 1);
        assert!(mapped.samples("github_copilot_budget_consumed_ratio").is_empty());
    }

    #[test]
    fn what_github_does_not_say_is_consumed_of_a_budget_for_all_ai_credits_is_the_months_usage() {
        let list = format!("{{\"budgets\":[{}]}}", budget(r#","budget_amount":100"#));
        let usage = |month: u8| {
            format!(
                r#"{{"timePeriod":{{"year":2026,"month":{month}}},"usageItems":[{{"sku":"a","netAmount":12.5}},{{"sku":"b","netAmount":12.5}}]}}"#
            )
        };
        let consumed = |month: u8| {
            let bodies = [("ai-credit-usage-month", &*usage(month)), ("budgets", &*list)];
            let mapped = mapped(Span::Latest, &[], &bodies).unwrap();
            mapped.samples("github_copilot_budget_consumed_ratio").len()
        };
        // The bodies were fetched in November.
        assert_eq!((consumed(11), consumed(10)), (1, 0));
    }

    #[test]
    fn budgets_of_users_are_shown_only_with_the_option() {
        let rows = r#"{"id":"b2","budget_scope":"user","user":"ada","budget_product_sku":"ai_credits","budget_amount":30,"consumed_amount":15}"#;
        let without = budgets(&[], rows);
        let with = budgets(&["users"], rows);
        let family = "github_copilot_user_budget_consumed_ratio";
        assert!(without.samples(family).is_empty());
        assert_eq!(
            with.samples(family),
            [format!(r#"{family}{{user="ada",budget="b2",sku="ai_credits"}} 0.5"#)]
        );
        for mapped in [with, without] {
            assert!(mapped.samples("github_copilot_budget_amount_dollars").is_empty());
        }
    }

    #[test]
    fn budgets_for_other_products_and_for_licenses_are_left_out() {
        for sku in ["actions", "packages_storage", "copilot_enterprise"] {
            let rows = format!(
                r#"{{"id":"b","budget_scope":"enterprise","budget_product_sku":"{sku}","budget_amount":5}}"#
            );
            let mapped = budgets(&[], &rows);
            assert!(mapped.samples("github_copilot_budget_amount_dollars").is_empty(), "{sku}");
            assert!(mapped.unmapped().is_empty());
        }
        assert_eq!(budgets(&[], "").unmapped(), Vec::<&str>::new());
    }

    #[test]
    fn one_invalid_value_costs_only_itself() {
        let mapped = budgets(&[], &budget(r#","budget_amount":"250","consumed_amount":1"#));
        assert!(mapped.samples("github_copilot_budget_amount_dollars").is_empty());
        assert_eq!(mapped.samples("github_copilot_budget_consumed_dollars").len(), 1);
        assert_eq!(mapped.unmapped(), ["budget_amount (invalid) 1"]);
    }
}
