use crate::contract::{Document, OptionValue, Scope, Span, Target};
use crate::run::Run;
use crate::testing::{FETCHED_AT, lines, mapped, samples_of};

/// The samples of an enterprise.
fn of_enterprise(bodies: &[(&str, &str)]) -> Vec<String> {
    let target = Target { scope: Scope::Enterprise, name: "acme-inc".to_owned() };
    let mut run = Run::new(&target, Span::Latest, &[]);
    for (name, body) in bodies {
        let fetched_at = FETCHED_AT;
        let document = Document { name: (*name).to_owned(), part: 0, fetched_at, report_day: None };
        run.feed(&document, body.as_bytes()).unwrap();
    }
    lines(&run.finish().unwrap())
}

fn budget(id: &str, scope: &str, entity: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","budget_scope":"{scope}","budget_entity_name":"{entity}","budget_product_sku":"ai_credits"{more}}}"#
    )
}

fn budgets(rows: &[String]) -> String {
    format!("{{\"budgets\":[{}]}}", rows.join(","))
}

#[test]
fn the_budget_of_the_month_is_the_lowest_one_on_all_ai_credits_of_the_target() {
    let body = budgets(&[
        budget("b1", "enterprise", "", r#","budget_amount":900"#),
        budget("b2", "enterprise", "acme-inc", r#","budget_amount":700"#),
        budget("b3", "organization", "acme", r#","budget_amount":5"#),
        budget("b4", "cost_center", "Mobile", r#","budget_amount":6"#),
        budget("b5", "enterprise", "acme-inc", ""),
        budget("b6", "enterprise", "acme-inc", r#","budget_amount":4"#)
            .replace("ai_credits", "premium_requests"),
    ]);
    let family = "github_copilot_ai_usage_month_budget_dollars";
    let samples = of_enterprise(&[("budgets", &body)]);
    assert_eq!(samples_of(&samples, family), [format!("{family}{{}} 700")]);
    let mapped = mapped(Span::Latest, &[], &[("budgets", &body)]).unwrap();
    assert_eq!(mapped.samples(family), [format!("{family}{{}} 5")]);
}

#[test]
fn a_budget_is_about_the_same_day_as_the_usage_of_its_month() {
    let usage =
        r#"{"timePeriod":{"year":2026,"month":10},"usageItems":[{"sku":"s","netAmount":1}]}"#;
    let body = budgets(&[budget("b1", "organization", "acme", r#","budget_amount":9"#)]);
    let bodies = [("ai-credit-usage-month", usage), ("budgets", &*body)];
    let mapped = mapped(Span::History, &[], &bodies).unwrap();
    // The last day of the month that was fetched in November.
    let day = 1_793_404_800_000_i64;
    let family = "github_copilot_ai_usage_month_budget_dollars";
    assert_eq!(mapped.samples(family), [format!("{family}{{}} 9 {day}")]);
    let forecast = "github_copilot_ai_usage_month_forecast_net_dollars";
    assert_eq!(mapped.samples(forecast), [format!("{forecast}{{}} 1 {day}")]);
}

#[test]
fn a_cost_center_has_consumed_what_its_budget_says_and_the_rest_has_none() {
    let unassigned = r#"{"timePeriod":{"year":2026,"month":11},"costCenter":{"id":"none","name":"none"},
        "usageItems":[{"sku":"a","netAmount":2.5},{"sku":"b","netAmount":0.25}]}"#;
    let body = budgets(&[
        budget("b1", "cost_center", "Mobile", r#","budget_amount":9,"consumed_amount":12.5"#),
        // Another budget on the same usage.
        budget("b2", "cost_center", "Mobile", r#","budget_amount":20,"consumed_amount":12"#),
        budget("b3", "cost_center", "Web", r#","budget_amount":9,"consumed_amount":0"#),
        budget("b4", "cost_center", "Silent", r#","budget_amount":9"#),
        budget("b5", "enterprise", "acme-inc", r#","budget_amount":9,"consumed_amount":99"#),
    ]);
    let family = "github_copilot_cost_center_month_consumed_dollars";
    let expected = [("Mobile", "12.5"), ("Web", "0"), ("none", "2.75")]
        .map(|(center, dollars)| format!("{family}{{cost_center=\"{center}\"}} {dollars}"));
    let documents = [("ai-credit-usage-month-unassigned", unassigned), ("budgets", &*body)];
    assert_eq!(samples_of(&of_enterprise(&documents), family), expected);
    // Usage of another month is not part of what is consumed in this one.
    let october = unassigned.replace("11", "10");
    let documents = [("ai-credit-usage-month-unassigned", &*october), ("budgets", &*body)];
    assert_eq!(samples_of(&of_enterprise(&documents), family), expected[..2]);
    // Without the list, nothing is known.
    let documents = [("ai-credit-usage-month-unassigned", unassigned)];
    assert!(samples_of(&of_enterprise(&documents), family).is_empty());
}

/// Seats of four Business users, two of whom are idle, of an Enterprise user, and of one without a plan.
const SEATS: &str = r#"{"total_seats":6,"seats":[
    {"assignee":{"id":1},"plan_type":"business","last_activity_at":"2026-11-21T00:00:00Z"},
    {"assignee":{"id":2},"plan_type":"business","last_activity_at":"2026-10-23T06:00:00Z"},
    {"assignee":{"id":3},"plan_type":"business","last_activity_at":"2026-10-23T05:59:59Z"},
    {"assignee":{"id":4},"plan_type":"business","last_activity_at":null},
    {"assignee":{"id":5},"plan_type":"enterprise","last_activity_at":"2026-11-21T00:00:00Z"},
    {"assignee":{"id":6},"last_activity_at":null}]}"#;

/// The values of a family by plan.
fn by_plan(samples: &[String], family: &str) -> Vec<String> {
    let family = format!("github_copilot_{family}");
    let samples = samples_of(samples, &family).into_iter();
    samples.map(|sample| sample.replace(&family, "").replace("plan=", "")).collect()
}

fn of_seats(options: &[(&str, &str)]) -> Vec<String> {
    let target = Target { scope: Scope::Organization, name: "acme".to_owned() };
    let option = |(name, value): &(&str, &str)| OptionValue {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    let options: Vec<_> = options.iter().map(option).collect();
    let mut run = Run::new(&target, Span::Latest, &options);
    let (name, fetched_at) = ("seats".to_owned(), FETCHED_AT);
    let document = Document { name, part: 0, fetched_at, report_day: None };
    run.feed(&document, SEATS.as_bytes()).unwrap();
    lines(&run.finish().unwrap())
}

#[test]
fn idle_seats_cost_the_list_price_of_their_plan_and_one_without_a_plan_has_no_price() {
    let samples = of_seats(&[]);
    let prices = [r#"{"business"} 19"#, r#"{"enterprise"} 39"#];
    assert_eq!(by_plan(&samples, "seat_price_dollars"), prices);
    // 4 and 1 seats.
    let all = [r#"{"business"} 76"#, r#"{"enterprise"} 39"#];
    assert_eq!(by_plan(&samples, "seats_cost_dollars"), all);
    // Exactly 30 days are not more than 30.
    let idle = [r#"{"business"} 38"#, r#"{"enterprise"} 0"#];
    assert_eq!(by_plan(&samples, "seats_idle_cost_dollars"), idle);
}

#[test]
fn the_price_of_a_seat_can_be_set() {
    let samples = of_seats(&[("business-seat-dollars", "17.5")]);
    let prices = [r#"{"business"} 17.5"#, r#"{"enterprise"} 39"#];
    assert_eq!(by_plan(&samples, "seat_price_dollars"), prices);
    let idle = [r#"{"business"} 35"#, r#"{"enterprise"} 0"#];
    assert_eq!(by_plan(&samples, "seats_idle_cost_dollars"), idle);
}
