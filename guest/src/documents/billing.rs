//! Billing: how many seats are billed, and the policies of the organization.

use crate::charts::{ChartDefinition, Form, Series};
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{Framing, Known, Malformed, Object, OwnedName, Row, start_of_day_ms};
use crate::output::fields::{self, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{DocumentDefinition, ORGANIZATION_SEATS, Registration};
use crate::settings::Settings;

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    framing: Framing::Object,
    charts: CHARTS,
    ..Registration::new(collector::new::<BillingCollector>)
};

const DOCUMENTS: &[DocumentDefinition] = &[DocumentDefinition {
    permission: Some(ORGANIZATION_SEATS),
    ..DocumentDefinition::new(
        Scope::Organization,
        "billing",
        "/orgs/{org}/copilot/billing",
        FetchKind::Plain,
    )
}];

/// For targets without a list of seats.
const CHARTS: &[ChartDefinition] = &[ChartDefinition {
    title: "Seats",
    help: "Seats by use in the current billing cycle.",
    form: Form::Bars(&[
        Series::sum("used in this billing cycle", "github_copilot_billing_seats_active_this_cycle"),
        Series::sum(
            "idle in this billing cycle",
            "github_copilot_billing_seats_inactive_this_cycle",
        ),
    ]),
    is_fallback: true,
}];

/// `GET /orgs/{org}/copilot/billing`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Billing {
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
        total => "billing_seats", "Number of seats billed in the current billing cycle", UNIT;
        added_this_cycle => "billing_seats_added_this_cycle", "Number of seats added in the current billing cycle", UNIT;
        pending_cancellation => "billing_seats_pending_cancellation", "Number of seats that will be cancelled at the end of the current billing cycle", UNIT;
        pending_invitation => "billing_seats_pending_invitation", "Number of seats of users who have not accepted their invitation yet", UNIT;
        active_this_cycle => "billing_seats_active_this_cycle", "Number of seats used in the current billing cycle", UNIT;
        inactive_this_cycle => "billing_seats_inactive_this_cycle", "Number of seats not used in the current billing cycle", UNIT;
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

impl Collector for BillingCollector {
    fn declare(catalogue: &mut Catalogue, _: &Settings) -> Self {
        Self {
            seats: fields::declare(catalogue, "", SeatBreakdown::FIELDS, &[], ""),
            info: catalogue.gauge(
                "billing_info",
                "Always 1. The labels are the plan and the policies for Copilot.",
                &POLICIES,
            ),
            newest: None,
        }
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<(), Malformed> {
        let billing = row.decode()?;
        if self.newest.as_ref().is_none_or(|(seen_at, _)| *seen_at <= row.fetched_at) {
            self.newest = Some((row.fetched_at, billing));
        }
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        let Some((fetched_at, billing)) = &self.newest else { return };
        let at = start_of_day_ms(*fetched_at);
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
