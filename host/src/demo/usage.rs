//! Billing usage: what each day costs, and what a month costs so far.
//!
//! A recording has a row of items for each recorded day, with whole credits. A day has the items of the
//! recorded day that it shows, fewer of them the further back it lies, and a month has the sum of its days, so
//! that days add up to their month.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::share::Share;
use super::template::Template;
use super::window::Window;

/// A recorded day.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    day: Date,
    usage_items: Vec<Item>,
    /// What else is in the body: whose usage it is.
    #[serde(flatten)]
    envelope: Map<String, Value>,
}

/// What is billed.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(flatten)]
    name: Name,
    price_per_unit: f64,
    gross_quantity: u64,
    discount_quantity: u64,
}

#[derive(Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct Name {
    product: String,
    sku: String,
    model: Option<String>,
    unit_type: String,
}

/// The days that a request is about: one, or those of a month. They may be in the future.
pub(super) fn requested(path: &Template, query: &str) -> Option<RangeInclusive<Date>> {
    if let Some(day) = path.requested_day(query) {
        return Some(day..=day);
    }
    let first = path.requested_month(query)?;
    Some(first..=first.last_of_month())
}

/// The body of a day or of a month so far.
pub(super) fn body(
    recorded: &[u8],
    path: &Template,
    days: &RangeInclusive<Date>,
    window: Window,
) -> Option<Vec<u8>> {
    let rows: Vec<Row> = serde_json::from_slice(recorded).ok()?;
    let mut body = rows.first()?.envelope.clone();
    let first = *days.start();
    let period = match path.is_of_month() {
        true => json!({"year": first.year(), "month": first.month()}),
        false => json!({"year": first.year(), "month": first.month(), "day": first.day()}),
    };
    let items = total(&rows, days, window);
    let items = items.into_iter().filter(|(_, item)| item.gross_quantity > 0).map(|(name, item)| {
        let Item { price_per_unit: price, gross_quantity, discount_quantity, .. } = item;
        let net_quantity = gross_quantity.saturating_sub(discount_quantity);
        let amount = |quantity: u64| cents(quantity as f64 * price);
        let mut value = json!({
            "product": name.product, "sku": name.sku, "unitType": name.unit_type, "pricePerUnit": price,
            "grossQuantity": gross_quantity, "grossAmount": amount(gross_quantity),
            "discountQuantity": discount_quantity, "discountAmount": amount(discount_quantity),
            "netQuantity": net_quantity, "netAmount": amount(net_quantity),
        });
        if let (Some(model), Some(fields)) = (name.model, value.as_object_mut()) {
            fields.insert("model".to_owned(), model.into());
        }
        value
    });
    let items = items.collect();
    body.insert("timePeriod".to_owned(), period);
    body.insert("usageItems".to_owned(), Value::Array(items));
    Some(format!("{}\n", Value::Object(body)).into_bytes())
}

/// The items of each day of a month so far, split among organizations.
pub(super) fn by_organization(
    recorded: &[u8],
    usage: &[u8],
    days: &RangeInclusive<Date>,
    window: Window,
) -> Option<Vec<u8>> {
    let shares: BTreeMap<String, u32> = serde_json::from_slice(recorded).ok()?;
    let rows: Vec<Row> = serde_json::from_slice(usage).ok()?;
    let last = *days.end();
    let mut items = Vec::new();
    for day in days.start().series(1.day()).take_while(|day| *day <= last) {
        for (name, item) in total(&rows, &(day..=day), window) {
            for (organization, percent) in &shares {
                let share = Share::percent(*percent);
                let (gross, discount) =
                    (share.of(item.gross_quantity), share.of(item.discount_quantity));
                let amount = |quantity: u64| cents(quantity as f64 * item.price_per_unit);
                items.push(json!({
                    "date": day, "product": name.product, "sku": name.sku, "quantity": gross,
                    "unitType": name.unit_type, "pricePerUnit": item.price_per_unit, "grossAmount": amount(gross),
                    "discountAmount": amount(discount), "netAmount": amount(gross.saturating_sub(discount)),
                    "organizationName": organization,
                }));
            }
        }
    }
    Some(format!("{}\n", json!({"usageItems": items})).into_bytes())
}

/// Budgets whose recorded `consumed_amount` is the consumed share of what a month costs so far.
pub(super) fn budgets(recorded: &[u8], usage: &[u8], day: Date, window: Window) -> Option<Vec<u8>> {
    let rows: Vec<Row> = serde_json::from_slice(usage).ok()?;
    let items = total(&rows, &(day.first_of_month()..=day), window);
    let net = |item: &Item| {
        let quantity = item.gross_quantity.saturating_sub(item.discount_quantity);
        quantity as f64 * item.price_per_unit
    };
    let spent: f64 = items.values().map(net).sum();
    let mut body: Value = serde_json::from_slice(recorded).ok()?;
    for budget in body.get_mut("budgets")?.as_array_mut()? {
        if let Some(share) = budget.get("consumed_amount").and_then(Value::as_f64) {
            budget["consumed_amount"] = cents(share * spent).into();
        }
    }
    Some(format!("{body}\n").into_bytes())
}

/// The items of days, added up.
fn total(rows: &[Row], days: &RangeInclusive<Date>, window: Window) -> BTreeMap<Name, Item> {
    let last = *days.end();
    let mut total: BTreeMap<Name, Item> = BTreeMap::new();
    for day in days.start().series(1.day()).take_while(|day| *day <= last) {
        let share = window.billed(day);
        let recorded = window.recorded(day);
        for item in rows.iter().filter(|row| row.day == recorded).flat_map(|row| &row.usage_items) {
            let (gross, discount) =
                (share.of(item.gross_quantity), share.of(item.discount_quantity));
            let sum = total.entry(item.name.clone()).or_insert_with(|| Item {
                gross_quantity: 0,
                discount_quantity: 0,
                ..item.clone()
            });
            sum.gross_quantity += gross;
            sum.discount_quantity += discount;
        }
    }
    total
}

/// Without the digits that only binary fractions have.
fn cents(dollars: f64) -> f64 {
    (dollars * 10_000.0).round() / 10_000.0
}
