//! The AI usage of an enterprise by organization, from the report of everything that is billed.
//!
//! It lists each day, SKU, organization and repository of all of GitHub's products, and GitHub can't limit it to
//! one of them, so that it is large: it is off by default.
//!
//! Source: <https://docs.github.com/en/enterprise-cloud@latest/rest/billing/usage>.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::body::{CREDITS, credits_or};
use super::families::{PARTS, Three, push};
use super::month::Month;
use super::sums::{Parts, add};
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{
    Amount, Day, Field, Framing, Known, MAX_FUTURE_SECONDS, Name, Problem, Rank, Rejected, Row,
    or_unknown,
};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{DocumentDefinition, ENTERPRISE_BILLING, Registration};
use crate::settings::{OptionDefinition, Settings};

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    framing: Framing::Wrapper("usageItems"),
    options: &[ORGANIZATION_USAGE],
    ..Registration::new(collector::new::<OrganizationUsageCollector>)
};

const ORGANIZATION_USAGE: OptionDefinition = OptionDefinition {
    name: "organization-usage",
    help: "Set to true to add an enterprise's AI usage by organization. GitHub has it only in the report of \
           everything that is billed to the enterprise, which may be large.",
};

const DOCUMENTS: &[DocumentDefinition] = &[DocumentDefinition {
    permission: Some(ENTERPRISE_BILLING),
    only_with: Some(ORGANIZATION_USAGE.name),
    ..DocumentDefinition::new(
        Scope::Enterprise,
        "billing-usage-month",
        "/enterprises/{enterprise}/settings/billing/usage?year={year}&month={month}",
        FetchKind::Plain,
    )
}];

/// The usage of a repository on a day.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ItemRow<'a> {
    /// `2026-11-20`, perhaps followed by a time.
    #[serde(borrow)]
    date: Field<Name<'a>>,
    #[serde(borrow)]
    organization_name: Field<Name<'a>>,
    #[serde(borrow)]
    product: Field<Name<'a>>,
    #[serde(borrow)]
    sku: Field<Name<'a>>,
    #[serde(borrow)]
    unit_type: Field<Name<'a>>,
    quantity: Field<Amount>,
    gross_amount: Field<Amount>,
    discount_amount: Field<Amount>,
    net_amount: Field<Amount>,
    #[serde(rename = "pricePerUnit")]
    _price_per_unit: Known,
    #[serde(rename = "repositoryName")]
    _repository_name: Known,
}

/// The usage of a month by organization, product and SKU.
struct MonthUsage {
    rank: Rank,
    requested: Option<Day>,
    /// The credits, and the dollars.
    sums: BTreeMap<[String; 3], (Option<f64>, Parts)>,
}

/// Adds up items; without `history`, those of the newest month.
pub struct OrganizationUsageCollector {
    history: bool,
    is_enabled: bool,
    credits: FamilyId,
    dollars: Three,
    months: BTreeMap<Day, MonthUsage>,
}

impl Collector for OrganizationUsageCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let labels = ["organization", "product", "sku"];
        let (credits, dollars) =
            catalogue.detailed(Some(ORGANIZATION_USAGE.name), 1, |catalogue| {
                let credits = catalogue.gauge(
                    "organization_ai_usage_month_gross_credits",
                    "AI credits used in the billing month so far before discounts and included usage, by \
                     organization of the enterprise, product and SKU.",
                    &labels,
                );
                let dollars = PARTS.map(|(part, text)| {
                    let name = format!("organization_ai_usage_month_{part}_dollars");
                    let help = format!(
                        "Cost of the AI usage in US dollars in the billing month so far {text}, by organization of \
                         the enterprise, product and SKU."
                    );
                    catalogue.gauge(&name, &help, &labels)
                });
                (credits, dollars)
            });
        Self {
            history: settings.history,
            is_enabled: settings.is_enabled(ORGANIZATION_USAGE.name),
            credits,
            dollars,
            months: BTreeMap::new(),
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (rank, requested) = (row.rank, row.report_day);
        let (item, mut notes) = row.decode::<ItemRow<'_>>(&[])?;
        // Other products are billed in other units.
        if credits_or(item.unit_type.as_deref().unwrap_or_default()) != CREDITS {
            return Ok(());
        }
        let date = notes.required(item.date, "date")?;
        let day = date
            .get(..10)
            .and_then(Day::parse)
            .filter(|day| day.is_plausible(rank.fetched_at.saturating_add(MAX_FUTURE_SECONDS)));
        let Some(day) = day else {
            notes.note("date", Problem::Invalid);
            return Err(Rejected::Row);
        };
        let empty = || MonthUsage { rank, requested, sums: BTreeMap::new() };
        let month = self.months.entry(day.first_of_month()).or_insert_with(empty);
        if month.rank < rank {
            *month = empty();
        } else if month.rank > rank {
            return Ok(());
        }
        let labels = [&item.organization_name, &item.product, &item.sku]
            .map(|name| or_unknown(name.as_deref()).to_owned());
        let value = |amount: &Field<Amount>| amount.get().map(|amount| amount.0);
        let (credits, dollars) = month.sums.entry(labels).or_default();
        if let Some(quantity) = value(&item.quantity) {
            *credits = Some(credits.unwrap_or_default() + quantity);
        }
        let amounts = [&item.gross_amount, &item.discount_amount, &item.net_amount].map(value);
        add(dollars, amounts);
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        if !self.is_enabled {
            return;
        }
        let skipped = if self.history { 0 } else { self.months.len().saturating_sub(1) };
        for (first, MonthUsage { rank, requested, sums }) in self.months.iter().skip(skipped) {
            let at = Month::about(*first, *requested, rank.fetched_at);
            for ([organization, product, sku], (credits, dollars)) in sums {
                let labels = [organization.as_str(), product, sku];
                if let Some(credits) = credits {
                    samples.push(self.credits, &labels, *credits, at);
                }
                push(samples, self.dollars, &labels, *dollars, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::Span;
    use crate::testing::mapped;

    #[test]
    fn the_credits_of_an_organization_are_added_up_over_days_and_repositories() {
        let item = |date: &str, organization: &str, unit: &str, quantity: f64| {
            format!(
                r#"{{"date":"{date}","product":"copilot","sku":"copilot_ai_credits","quantity":{quantity},
                "unitType":"{unit}","pricePerUnit":0.01,"grossAmount":{quantity},"discountAmount":-0.5,"netAmount":1,
                "organizationName":"{organization}","repositoryName":"{organization}/r"}}"#
            )
        };
        let items = [
            item("2026-11-01", "acme", "ai-credits", 2.0),
            item("2026-11-02T00:00:00Z", "acme", "credits", 3.5),
            item("2026-11-02", "labs", "credits", 1.0),
            item("2026-11-02", "labs", "user-months", 40.0),
            item("2026-10-31", "labs", "credits", 9.0),
            item("soon", "labs", "credits", 9.0),
        ];
        let body = format!("{{\"usageItems\":[{}]}}", items.join(","));
        let bodies = [("billing-usage-month", &*body)];
        let mapped = mapped(Span::Latest, &["organization-usage"], &bodies).unwrap();
        for (family, acme, labs) in [
            ("gross_credits", "5.5", "1"),
            ("gross_dollars", "5.5", "1"),
            ("discount_dollars", "-1", "-0.5"),
            ("net_dollars", "2", "1"),
        ] {
            let family = format!("github_copilot_organization_ai_usage_month_{family}");
            let sample = |organization, value| {
                format!(
                    r#"{family}{{organization="{organization}",product="copilot",sku="copilot_ai_credits"}} {value}"#
                )
            };
            assert_eq!(mapped.samples(&family), [sample("acme", acme), sample("labs", labs)]);
        }
        assert_eq!(mapped.unmapped(), ["date (invalid) 1"]);
    }

    #[test]
    fn a_month_without_items_is_valid() {
        let bodies = [("billing-usage-month", r#"{"usageItems":[]}"#)];
        assert!(mapped(Span::Latest, &[], &bodies).unwrap().unmapped().is_empty());
    }
}
