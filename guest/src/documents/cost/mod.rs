//! What several documents say about cost together: the budget of the month, what cost centers consume, and
//! what seats cost.
//!
//! GitHub's documents have no prices of seats: they are options. The defaults are the list prices, for a month:
//! <https://github.com/features/copilot/plans>.

mod charts;
#[cfg(test)]
mod tests;

use self::charts::CHARTS;
use super::budgets::BudgetsCollector;
use super::seats::{PlanSeats, SeatsCollector};
use super::usage::{UNASSIGNED, UsageCollector};
use crate::collector::{self, Collector, Collectors};
use crate::input::start_of_day_ms;
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::Registration;
use crate::settings::{NumberDefinition, Settings};

pub const REGISTRATION: Registration = Registration {
    numbers: &[BUSINESS_SEAT, ENTERPRISE_SEAT],
    charts: CHARTS,
    ..Registration::new(collector::new::<CostCollector>)
};

const BUSINESS_SEAT: NumberDefinition = NumberDefinition {
    name: "business-seat-dollars",
    help: "Price of a Copilot Business seat for a month in US dollars, for the cost of seats.",
    default: 19.0,
};
const ENTERPRISE_SEAT: NumberDefinition = NumberDefinition {
    name: "enterprise-seat-dollars",
    help: "Price of a Copilot Enterprise seat for a month in US dollars, for the cost of seats.",
    default: 39.0,
};

/// Joins the documents. It has none of its own.
pub struct CostCollector {
    budget: FamilyId,
    cost_center: FamilyId,
    seat_price: FamilyId,
    seats: FamilyId,
    idle_seats: FamilyId,
    /// The price of a seat by plan, in US dollars.
    prices: [(&'static str, f64); 2],
}

impl Collector for CostCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        Self {
            budget: catalogue.gauge(
                "ai_usage_month_budget_dollars",
                "Amount of the budget on all AI credits of the organization or enterprise for the billing month, in US \
                 dollars; the lowest one if there are several.",
                &[],
            ),
            cost_center: catalogue.detailed(None, 1, |catalogue| {
                catalogue.gauge(
                    "cost_center_month_consumed_dollars",
                    "Cost of the AI usage in US dollars in the billing month so far by cost center, billed after \
                     discounts and included usage: what is consumed of the budget of the cost center on AI credits. \
                     A cost center without such a budget is left out. The cost center none is the usage that no cost \
                     center is charged for.",
                    &["cost_center"],
                )
            }),
            seat_price: catalogue.gauge(
                "seat_price_dollars",
                "Price of a seat for a month in US dollars, by plan, as set by the options business-seat-dollars and \
                 enterprise-seat-dollars.",
                &["plan"],
            ),
            seats: catalogue.gauge(
                "seats_cost_dollars",
                "Price of all seats for a month in US dollars, by plan: their number times the price of a seat. Not a \
                 billed total.",
                &["plan"],
            ),
            idle_seats: catalogue.gauge(
                "seats_idle_cost_dollars",
                "Price for a month in US dollars of the seats of users who have not been active for more than 30 days or \
                 never, by plan: their number times the price of a seat. Not a billed total.",
                &["plan"],
            ),
            prices: [
                ("business", settings.number(&BUSINESS_SEAT)),
                ("enterprise", settings.number(&ENTERPRISE_SEAT)),
            ],
        }
    }

    fn finish(&self, all: Collectors<'_>, samples: &mut Samples) {
        if let Some(budgets) = all.get::<BudgetsCollector>() {
            self.push_budgets(budgets, all.get::<UsageCollector>(), samples);
        }
        if let Some((at, plans)) = all.get::<SeatsCollector>().and_then(SeatsCollector::by_plan) {
            for (plan, price) in self.prices {
                let Some(PlanSeats { users, idle }) = plans.get(plan) else { continue };
                samples.push(self.seat_price, &[plan], price, at);
                samples.push(self.seats, &[plan], f64::from(*users) * price, at);
                samples.push(self.idle_seats, &[plan], f64::from(*idle) * price, at);
            }
        }
    }
}

impl CostCollector {
    fn push_budgets(
        &self,
        budgets: &BudgetsCollector,
        usage: Option<&UsageCollector>,
        samples: &mut Samples,
    ) {
        let fetched_at = budgets.fetched_at();
        let today = start_of_day_ms(fetched_at);
        if let Some(amount) = budgets.amount_for_all() {
            // About the same day as the usage that it is for.
            let at = usage.and_then(UsageCollector::day_of_month_ms).unwrap_or(today);
            samples.push(self.budget, &[], amount, at);
        }
        let centers = budgets.consumed_by_cost_center();
        if centers.is_empty() {
            return;
        }
        for (center, consumed) in centers {
            samples.push(self.cost_center, &[center], consumed, today);
        }
        if let Some(net) = usage.and_then(|usage| usage.unassigned_net_dollars(fetched_at)) {
            samples.push(self.cost_center, &[UNASSIGNED], net, today);
        }
    }
}
