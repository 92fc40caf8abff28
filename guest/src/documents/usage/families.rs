//! The families of billing usage.

use super::month::Month;
use super::sums::Sums;
use crate::output::{Catalogue, FamilyId, Samples};

/// The labels of an item.
const LABELS: [&str; 3] = ["product", "sku", "model"];
/// The labels of an item in another unit than credits.
const LABELS_WITH_UNIT: [&str; 4] = ["product", "sku", "model", "unit"];
/// What is billed, and how it is described. The three are never added up: net is gross less discount.
pub const PARTS: [(&str, &str); 3] = [
    ("gross", "before discounts and included usage"),
    ("discount", "covered by discounts and included usage"),
    ("net", "billed after discounts and included usage"),
];

/// The gross, discount and net families of a unit.
pub type Three = [FamilyId; 3];

/// The families of one period of time.
pub struct Families {
    credits: Three,
    dollars: Three,
    others: Three,
    price: FamilyId,
}

impl Families {
    /// Declares the families whose names start with `prefix`.
    pub fn declare(catalogue: &mut Catalogue, prefix: &str, when: &str) -> Self {
        let mut three = |unit: &str, what: &str, labels: &[&str], by: &str| {
            PARTS.map(|(part, text)| {
                let help = format!("{what} {when} {text}, by {by}.");
                catalogue.gauge(&format!("{prefix}_{part}_{unit}"), &help, labels)
            })
        };
        let by = "product, SKU and model";
        let credits = three("credits", "AI credits used", &LABELS, by);
        let dollars = three("dollars", "Cost of the AI usage in US dollars", &LABELS, by);
        let others = three(
            "quantity",
            "AI usage in other units than credits",
            &LABELS_WITH_UNIT,
            "product, SKU, model and GitHub's name of the unit",
        );
        let price = catalogue.gauge(
            &format!("{prefix}_price_dollars"),
            &format!(
                "Price of one unit of the AI usage {when} in US dollars, by product, SKU, model and unit. \
                 If it differs between items, that of the largest one."
            ),
            &LABELS_WITH_UNIT,
        );
        Self { credits, dollars, others, price }
    }

    /// Adds the samples of items, with these labels before their own.
    pub fn push(&self, samples: &mut Samples, sums: &Sums, at: i64) {
        for (labels, parts) in &sums.credits {
            push(samples, self.credits, &labels.each_ref().map(|label| &**label), *parts, at);
        }
        for (labels, parts) in &sums.dollars {
            push(samples, self.dollars, &labels.each_ref().map(|label| &**label), *parts, at);
        }
        for (([product, sku, model], unit), parts) in &sums.others {
            push(samples, self.others, &[product, sku, model, unit], *parts, at);
        }
        for (([product, sku, model], unit), price) in &sums.prices {
            samples.push(self.price, &[product, sku, model, unit], price.dollars, at);
        }
    }
}

/// Adds the parts that are known.
pub fn push(
    samples: &mut Samples,
    families: Three,
    labels: &[&str],
    parts: [Option<f64>; 3],
    at: i64,
) {
    for (family, value) in families.into_iter().zip(parts) {
        if let Some(value) = value {
            samples.push(family, labels, value, at);
        }
    }
}

/// The families of a month so far.
pub struct MonthFamilies {
    usage: Families,
    start: FamilyId,
    length: FamilyId,
    elapsed: FamilyId,
    forecast: FamilyId,
}

impl MonthFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            usage: Families::declare(catalogue, "ai_usage_month", "in the billing month so far"),
            start: catalogue.gauge(
                "ai_usage_month_timestamp_seconds",
                "Start (00:00 UTC of the first day) of the billing month of the AI usage, in seconds since 1970-01-01.",
                &[],
            ),
            length: catalogue.gauge(
                "ai_usage_month_length_seconds",
                "Length of the billing month of the AI usage, in seconds.",
                &[],
            ),
            elapsed: catalogue.gauge(
                "ai_usage_month_elapsed_seconds",
                "How much of the billing month had passed when the AI usage of the month was fetched, in seconds.",
                &[],
            ),
            forecast: catalogue.gauge(
                "ai_usage_month_forecast_net_dollars",
                "Cost of the AI usage of the whole billing month in US dollars, billed after discounts and included \
                 usage, if it continues as in the month so far: the net dollars so far times the length of the month, \
                 divided by how much of it has passed. This is a straight line: it takes neither weekends nor included \
                 usage that runs out into account. Absent in the first day of a month.",
                &[],
            ),
        }
    }

    /// Adds the samples of a month, whose items are in `sums`.
    pub fn push(&self, samples: &mut Samples, month: &Month, sums: &Sums) {
        let at = month.about_ms();
        self.usage.push(samples, sums, at);
        samples.push(self.start, &[], month.start_seconds(), at);
        samples.push(self.length, &[], month.length_seconds(), at);
        samples.push(self.elapsed, &[], month.elapsed_seconds(), at);
        if let Some(forecast) = sums.net_dollars().and_then(|so_far| month.forecast(so_far)) {
            samples.push(self.forecast, &[], forecast, at);
        }
    }
}

/// The families by cost center. GitHub filters usage by cost center, so each one is a request of its own:
/// the one that every enterprise has is `none`.
pub struct CostCenterFamilies {
    credits: Three,
    dollars: Three,
}

impl CostCenterFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        let labels = ["cost_center", "cost_center_id", "product", "sku", "model"];
        let three = |catalogue: &mut Catalogue, unit: &str, what: &str| {
            PARTS.map(|(part, text)| {
                let help = format!(
                    "{what} in the billing month so far {text}, by cost center. The cost center none is the usage \
                     that no cost center is charged for."
                );
                catalogue.gauge(&format!("cost_center_ai_usage_month_{part}_{unit}"), &help, &labels)
            })
        };
        catalogue.detailed(None, 1, |catalogue| Self {
            credits: three(catalogue, "credits", "AI credits used"),
            dollars: three(catalogue, "dollars", "Cost of the AI usage in US dollars"),
        })
    }

    /// Adds the samples of the month of a cost center with this name and id.
    pub fn push(&self, samples: &mut Samples, [name, id]: [&str; 2], month: &Month) {
        let at = month.about_ms();
        for (families, sums) in
            [(self.credits, &month.sums.credits), (self.dollars, &month.sums.dollars)]
        {
            for ([product, sku, model], parts) in sums {
                push(samples, families, &[name, id, product, sku, model], *parts, at);
            }
        }
    }
}
