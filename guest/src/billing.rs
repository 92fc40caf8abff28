//! Billing: how many seats are paid for, and the policies that are set.

use crate::reports::fields::{self, UNIT, number_fields};
use crate::samples::{Catalogue, FamilyId, Samples};
use crate::values::{Known, Object, OwnedName};

/// `GET /orgs/{org}/copilot/billing`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Billing {
    seat_breakdown: Option<Object<SeatBreakdown>>,
    seat_management_setting: Option<OwnedName>,
    public_code_suggestions: Option<OwnedName>,
    ide_chat: Option<OwnedName>,
    platform_chat: Option<OwnedName>,
    cli: Option<OwnedName>,
    plan_type: Option<OwnedName>,
    #[serde(rename = "url")]
    _url: Known,
}

number_fields! {
    /// Seats by state. The states overlap: an active seat may be pending cancellation.
    pub struct SeatBreakdown {
        total => "billing_seats", "Seats billed for, of the current billing cycle.", UNIT;
        added_this_cycle => "billing_seats_added_this_cycle", "Seats added in the current billing cycle.", UNIT;
        pending_cancellation => "billing_seats_pending_cancellation", "Seats that end with the current billing cycle.", UNIT;
        pending_invitation => "billing_seats_pending_invitation", "Seats of people who have not yet accepted their invitation.", UNIT;
        active_this_cycle => "billing_seats_active_this_cycle", "Seats used in the current billing cycle.", UNIT;
        inactive_this_cycle => "billing_seats_inactive_this_cycle", "Seats not used in the current billing cycle.", UNIT;
    }
}

/// The policies, as labels of `billing_info`.
const POLICIES: [&str; 6] = [
    "plan",
    "seat_management_setting",
    "public_code_suggestions",
    "ide_chat",
    "platform_chat",
    "cli",
];

/// Keeps the newest billing document.
pub struct BillingCollector {
    seats: Vec<FamilyId>,
    info: FamilyId,
    newest: Option<(i64, Billing)>,
}

impl BillingCollector {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self {
            seats: fields::declare(catalogue, "", SeatBreakdown::FIELDS, &[]),
            info: catalogue.gauge(
                "billing_info",
                "Always 1; the labels hold the plan and the policies that are set for Copilot.",
                &POLICIES,
            ),
            newest: None,
        }
    }

    /// Takes a document, fetched at the given second.
    pub fn add(&mut self, billing: Billing, fetched_at: i64) {
        if self.newest.as_ref().is_none_or(|(seen_at, _)| *seen_at <= fetched_at) {
            self.newest = Some((fetched_at, billing));
        }
    }

    /// Adds the samples.
    pub fn finish(&self, samples: &mut Samples) {
        let Some((fetched_at, billing)) = &self.newest else { return };
        let at = fetched_at * 1000;
        if let Some(seats) = &billing.seat_breakdown {
            fields::push(samples, &self.seats, SeatBreakdown::FIELDS, &seats.values(), &[], at);
        }
        let policies = [
            &billing.plan_type,
            &billing.seat_management_setting,
            &billing.public_code_suggestions,
            &billing.ide_chat,
            &billing.platform_chat,
            &billing.cli,
        ];
        let labels = policies.map(|policy| policy.as_deref().unwrap_or_default());
        samples.push(self.info, &labels, 1.0, at);
    }
}
