//! Billing: how many seats are billed, and the policies of the organization.

use crate::charts::{ChartDefinition, Form, Series};
use crate::collector::{self, Collector, Collectors};
use crate::contract::{FetchKind, Scope};
use crate::input::{
    Field, Framing, Known, Object, OwnedName, Problem, Rejected, Row, Version, by_size,
    start_of_day_ms,
};
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
#[derive(Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
struct Billing {
    seat_breakdown: Field<Object<SeatBreakdown>>,
    seat_management_setting: Field<OwnedName>,
    public_code_suggestions: Field<OwnedName>,
    ide_chat: Field<OwnedName>,
    platform_chat: Field<OwnedName>,
    cli: Field<OwnedName>,
    plan_type: Field<OwnedName>,
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
    newest: Option<(i64, Version<Billing>)>,
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

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (billing, mut notes) = row.decode::<Billing>(&[])?;
        if billing.says_nothing() {
            if !billing.seat_breakdown.is_invalid() {
                notes.note("seat_breakdown", Problem::Missing);
            }
            return Err(Rejected::Row);
        }
        let rank = notes.rank;
        let billing = Version::new(rank, billing);
        match &mut self.newest {
            Some((seen_at, newest)) => {
                *seen_at = rank.fetched_at.max(*seen_at);
                if newest.keep_better(billing, by_size(Billing::seats)) {
                    notes.note("seat_breakdown", Problem::Conflict);
                }
            }
            None => self.newest = Some((rank.fetched_at, billing)),
        }
        Ok(())
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        let Some((fetched_at, billing)) = &self.newest else { return };
        let (at, billing) = (start_of_day_ms(*fetched_at), &billing.value);
        if let Some(seats) = billing.seat_breakdown.get() {
            fields::push(samples, &self.seats, SeatBreakdown::FIELDS, &seats.values(), &[], at);
        }
        let labels = billing.policies().map(|policy| policy.as_deref().unwrap_or_default());
        samples.push(self.info, &labels, 1.0, at);
    }
}

impl Billing {
    /// The policies, in the order of [`POLICIES`].
    fn policies(&self) -> [&Field<OwnedName>; 6] {
        [
            &self.plan_type,
            &self.seat_management_setting,
            &self.public_code_suggestions,
            &self.ide_chat,
            &self.platform_chat,
            &self.cli,
        ]
    }

    /// Whether there is neither a number of seats nor a policy: the object is something else.
    fn says_nothing(&self) -> bool {
        let seats = self.seat_breakdown.get().map(|seats| seats.values()).unwrap_or_default();
        seats.iter().all(Option::is_none)
            && self.policies().iter().all(|policy| policy.get().is_none())
    }

    fn seats(&self) -> f64 {
        self.seat_breakdown.get().and_then(|seats| seats.total.get()).map_or(0.0, |total| total.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::{Error, Span};
    use crate::testing::{map, mapped};

    fn reason(body: &str) -> String {
        match map(Span::Latest, &[], &[("billing", body)]) {
            Err(Error::Malformed(malformed)) => malformed.reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_has_nothing_of_billing_is_not_billing() {
        assert_eq!(
            reason(r#"{"message":"Resource not accessible","status":"403"}"#),
            r#"this is GitHub's error message: "Resource not accessible""#
        );
        assert_eq!(reason("{}"), "this is an empty object");
        assert_eq!(reason("<!DOCTYPE html>"), "this is a web page, not JSON");
        for body in [
            r#"{"seats":[]}"#,
            r#"{"total_seats":3,"seats":[]}"#,
            r#"{"seat_breakdown":{}}"#,
            r#"{"seat_breakdown":{"total":null},"plan_type":null}"#,
            r#"{"url":"https://example.com"}"#,
        ] {
            assert_eq!(reason(body), "no row is usable: seat_breakdown (missing)", "{body}");
        }
        let invalid = r#"{"seat_breakdown":[],"a_new_field":1}"#;
        assert!(reason(invalid).starts_with("no row is usable: "));
        assert_eq!(reason("[]"), "expected a single object, not an array");
        assert_eq!(reason(" "), "the body is empty");
    }

    #[test]
    fn a_policy_or_a_number_of_seats_makes_a_billing_document() {
        for body in [r#"{"seat_breakdown":{"total":0}}"#, r#"{"plan_type":"business"}"#] {
            let mapped = mapped(Span::Latest, &[], &[("billing", body)]).unwrap();
            assert_eq!(mapped.samples("github_copilot_billing_info").len(), 1, "{body}");
        }
    }

    #[test]
    fn one_invalid_value_costs_only_itself() {
        let body = r#"{"seat_breakdown":{"total":12,"active_this_cycle":"11"},"ide_chat":true,"plan_type":"business"}"#;
        let mapped = mapped(Span::Latest, &[], &[("billing", body)]).unwrap();
        assert_eq!(mapped.samples("github_copilot_billing_seats").len(), 1);
        assert!(mapped.samples("github_copilot_billing_seats_active_this_cycle").is_empty());
        assert!(mapped.samples("github_copilot_billing_info")[0].contains(r#"plan="business""#));
        assert_eq!(
            mapped.unmapped(),
            ["ide_chat (invalid) 1", "seat_breakdown.active_this_cycle (invalid) 1"]
        );
    }
}
