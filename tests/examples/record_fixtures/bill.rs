//! What Copilot costs: usage by model, budgets and cost centers.
//!
//! An AI credit costs one US cent: <https://docs.github.com/en/copilot/concepts/billing>. The names of products
//! and SKUs are shaped like GitHub's, and the amounts are invented.

use serde_json::{Value, json};

use super::calendar::{NEWEST, date};
use super::people::{ENTERPRISE, Person};
use super::random::Rng;

/// The price of an AI credit, in US dollars.
const PRICE: f64 = 0.01;
/// The share that is included in the licenses, in percent.
const INCLUDED_PERCENT: u64 = 40;

/// What is billed: the product, the SKU, the model, and its share of all credits in thousandths. Automatic code
/// reviews and Spark apps have no model.
type Line = (&'static str, &'static str, Option<&'static str>, f64);
#[rustfmt::skip]
const LINES: [Line; 8] = [
    ("Copilot", "Copilot AI Credits", Some("claude-sonnet-4.6"), 310.0),
    ("Copilot", "Copilot AI Credits", Some("gpt-5.3-codex"), 230.0),
    ("Copilot", "Copilot AI Credits", Some("claude-opus-4.6"), 170.0),
    ("Copilot", "Copilot AI Credits", Some("gemini-3-pro"), 80.0),
    ("Copilot", "Copilot Cloud Agent AI Credits", Some("claude-sonnet-4.6"), 110.0),
    ("Copilot", "Copilot Cloud Agent AI Credits", Some("gpt-5.3-codex"), 50.0),
    ("Copilot", "Copilot Code Review AI Credits", None, 40.0),
    ("Spark", "Spark AI Credits", None, 10.0),
];

/// The usage of an account.
pub struct Bill {
    /// Who uses it: the field of the body, and its value.
    account: (&'static str, &'static str),
    /// The credits of a working day, about.
    credits: f64,
    /// Whether it is the usage that no cost center is charged for.
    is_unassigned: bool,
    /// Tells the random numbers of bills apart.
    tag: u64,
}

pub const OCTODEMO_BILL: Bill = Bill {
    account: ("organization", "octodemo"),
    credits: 12_100.0,
    is_unassigned: false,
    tag: 21,
};
/// It includes the usage of its organizations.
pub const OCTO_ENTERPRISE_BILL: Bill = Bill {
    account: ("enterprise", "octo-enterprise"),
    credits: 19_400.0,
    is_unassigned: false,
    tag: 22,
};
pub const UNASSIGNED_BILL: Bill = Bill {
    account: ("enterprise", "octo-enterprise"),
    credits: 2_900.0,
    is_unassigned: true,
    tag: 23,
};

impl Bill {
    /// The usage of a day.
    pub fn day(&self, day: i64) -> Value {
        // 1970-01-01 was a Thursday.
        let is_weekend = matches!((day + 4) % 7, 0 | 6);
        let credits = self.credits * if is_weekend { 0.17 } else { 1.0 };
        let item = |(index, (product, sku, model, share)): (usize, &Line)| {
            let mut rng = Rng::new(self.tag, index as u64, day as u64);
            let gross = (credits * share / 1000.0 * (0.9 + 0.2 * rng.unit())).round() as u64;
            let discount = gross * INCLUDED_PERCENT / 100;
            let amount = |quantity: u64| (quantity as f64 * PRICE * 100.0).round() / 100.0;
            let mut item = json!({
                "product": product, "sku": sku, "unitType": "ai-credits", "pricePerUnit": PRICE,
                "grossQuantity": gross, "grossAmount": amount(gross),
                "discountQuantity": discount, "discountAmount": amount(discount),
                "netQuantity": gross - discount, "netAmount": amount(gross - discount),
            });
            if let Some(model) = model {
                item["model"] = json!(model);
            }
            item
        };
        let items: Vec<Value> = LINES.iter().enumerate().map(item).collect();
        let (field, account) = self.account;
        let mut body = json!({"day": date(day), field: account, "usageItems": items});
        if self.is_unassigned {
            body["costCenter"] = json!({"id": "none", "name": "none"});
        }
        body
    }
}

/// The cost centers: the id, the name, the share of the enterprise's net amount, the budget in US dollars, and
/// who belongs to it.
type CostCenter = (&'static str, &'static str, f64, u64, std::ops::Range<usize>);
#[rustfmt::skip]
const COST_CENTERS: [CostCenter; 3] = [
    ("a1f6c0de-0001-4000-8000-000000000001", "Product engineering", 0.48, 1600, 0..180),
    ("a1f6c0de-0001-4000-8000-000000000002", "Platform", 0.24, 760, 180..290),
    ("a1f6c0de-0001-4000-8000-000000000003", "Research", 0.13, 420, 290..400),
];

/// The budgets of an account. The amount that is consumed is a share of what the month costs so far: the
/// demo multiplies it.
pub fn budgets(scope: &str) -> Value {
    let budget = |number: u64, scope: &str, entity: &str, amount: u64, share: f64, stops: bool| {
        json!({
            "id": format!("b0d6e7a0-{number:04}-4000-8000-{:012}", entity.len()), "budget_type": "BundlePricing",
            "budget_product_sku": "ai_credits", "budget_scope": scope, "budget_entity_name": entity,
            "budget_amount": amount, "consumed_amount": share, "prevent_further_usage": stops,
            "budget_alerting": {"will_alert": true, "alert_recipients": ["ada-0"]},
        })
    };
    let mut budgets = match scope {
        // At the end of a month, 84 % of it is used up.
        "organization" => vec![budget(1, scope, "octodemo", 2000, 1.0, true)],
        _ => vec![budget(2, scope, "octo-enterprise", 3600, 1.0, false)],
    };
    if scope == "enterprise" {
        let of_centers = COST_CENTERS.iter().zip(3..);
        budgets.extend(of_centers.map(|((_, name, share, amount, _), number)| {
            budget(number, "cost_center", name, *amount, *share, false)
        }));
    }
    let total = budgets.len();
    json!({"budgets": budgets, "has_next_page": false, "total_count": total})
}

/// The cost centers of the enterprise.
pub fn cost_centers(people: &[Person]) -> Value {
    let people = &people[ENTERPRISE];
    let center = |(id, name, _, _, who): &CostCenter| {
        let members = people.iter().skip(who.start).take(who.len());
        let mut resources: Vec<Value> =
            members.map(|person| json!({"type": "User", "name": person.login})).collect();
        if *name == "Research" {
            resources.push(json!({"type": "Org", "name": "octolabs"}));
        }
        json!({"id": id, "name": name, "state": "active", "resources": resources})
    };
    json!({"costCenters": COST_CENTERS.iter().map(center).collect::<Vec<_>>()})
}

/// The newest recorded day is a Friday.
const _: () = assert!((NEWEST + 4) % 7 == 5);
