//! What the invented targets cost.

use super::*;

const BILL: &str = "/organizations/octodemo/settings/billing";
const ENTERPRISE_BILL: &str = "/enterprises/octo-enterprise/settings/billing";

/// The response to a request that has one body.
fn one(stand_in: &StandIn, path: &str) -> Value {
    let [body] = stand_in.bodies(path).unwrap().try_into().unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn usage(stand_in: &StandIn, bill: &str, period: &str) -> Value {
    one(stand_in, &format!("{bill}/ai_credit/usage?{period}"))
}

/// The sum of a number of all items.
fn sum(usage: &Value, field: &str) -> f64 {
    usage["usageItems"].as_array().unwrap().iter().map(|item| item[field].as_f64().unwrap()).sum()
}

#[test]
fn the_days_of_a_month_add_up_to_it() {
    let (stand_in, _) = stand_in();
    for bill in [BILL, ENTERPRISE_BILL] {
        for (year, month, days) in [(2026, 12, 31), (2026, 8, 31), (2026, 2, 28)] {
            let of = |period: &str| {
                usage(&stand_in, bill, &format!("year={year}&month={month}{period}"))
            };
            let month = of("");
            assert_eq!(month["timePeriod"].get("day"), None);
            for field in ["grossQuantity", "netQuantity", "netAmount"] {
                let days =
                    (1..=days).map(|day| sum(&of(&format!("&day={day}")), field)).sum::<f64>();
                assert!((days - sum(&month, field)).abs() < 0.001, "{bill} {month} {field}");
            }
        }
    }
}

#[test]
fn a_year_ago_it_cost_less_and_a_day_to_come_costs_nothing_yet() {
    let (stand_in, _) = stand_in();
    let net = |period: &str| sum(&usage(&stand_in, BILL, period), "netAmount");
    let (then, now) = (net("year=2026&month=1"), net("year=2026&month=12"));
    assert!(then > 0.2 * now && then < 0.7 * now, "{then} {now}");
    assert_eq!(net("year=2027&month=1&day=31"), 0.0);
    assert!(net("year=2027&month=1&day=29") > 0.0);
    // It is Saturday, at noon.
    let today = net("year=2027&month=1&day=30");
    assert!(today > 0.0 && today < net("year=2027&month=1&day=23"), "{today}");
    let too_old = format!("{BILL}/ai_credit/usage?year=2024&month=11");
    assert_eq!(get(&stand_in, &too_old).status(), StatusCode::NOT_FOUND);
}

#[test]
fn a_budget_is_consumed_by_the_month_and_ends_it_at_about_84_percent() {
    let (stand_in, clock) = stand_in();
    // The first of them is 29.5 days into January.
    for (days, elapsed, length) in [(0, 29.5, 31.0), (16, 14.5, 28.0), (33, 19.5, 31.0)] {
        clock.advance_days(days);
        let now = clock.now().to_zoned(jiff::tz::TimeZone::UTC);
        let month = usage(&stand_in, BILL, &format!("year={}&month={}", now.year(), now.month()));
        let budgets = one(&stand_in, &format!("{BILL}/budgets"));
        let budget = &budgets["budgets"][0];
        let consumed = budget["consumed_amount"].as_f64().unwrap();
        assert!((consumed - sum(&month, "netAmount")).abs() < 0.001);
        let forecast = consumed / elapsed * length / budget["budget_amount"].as_f64().unwrap();
        // Months have different lengths and numbers of weekends: February is 8 % shorter than the average.
        assert!((0.76..0.90).contains(&forecast), "{now}: {forecast}");
    }
}

#[test]
fn the_organizations_of_the_enterprise_share_its_usage() {
    let (stand_in, _) = stand_in();
    let whole = usage(&stand_in, ENTERPRISE_BILL, "year=2026&month=12");
    let report = one(&stand_in, &format!("{ENTERPRISE_BILL}/usage?year=2026&month=12"));
    let of_organizations = sum(&report, "quantity");
    let whole = sum(&whole, "grossQuantity");
    assert!(
        of_organizations <= whole && of_organizations > 0.99 * whole,
        "{of_organizations} {whole}"
    );
    let unassigned = usage(&stand_in, ENTERPRISE_BILL, "year=2026&month=12&cost_center_id=none");
    assert_eq!(unassigned["costCenter"]["id"], "none");
    assert!(sum(&unassigned, "grossQuantity") < 0.3 * whole);
}
