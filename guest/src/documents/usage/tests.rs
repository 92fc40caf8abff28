use crate::contract::{Error, Span};
use crate::testing::{FETCHED_AT, Mapped, map, mapped, mapped_at};

const DAY: &str = r#"{"year":2026,"month":11,"day":20}"#;
const MONTH: &str = r#"{"year":2026,"month":11}"#;

fn body(period: &str, items: &str) -> String {
    format!(r#"{{"timePeriod":{period},"organization":"acme","usageItems":[{items}]}}"#)
}

fn one(document: &str, body: &str) -> Mapped {
    mapped(Span::Latest, &[], &[(document, body)]).unwrap()
}

fn reason(document: &str, body: &str) -> String {
    match map(Span::Latest, &[], &[(document, body)]) {
        Err(Error::Malformed(malformed)) => malformed.reason,
        other => panic!("{other:?}"),
    }
}

/// An item of 120 credits at a cent, of which 45.5 are included.
const ITEM: &str = r#"{"product":"Copilot","sku":"Copilot AI Credits","model":"gpt-5.3-codex","unitType":"credits",
    "pricePerUnit":0.01,"grossQuantity":120,"grossAmount":1.2,"discountQuantity":45.5,"discountAmount":0.455,
    "netQuantity":74.5,"netAmount":0.745}"#;
const LABELS: &str = r#"product="Copilot",sku="Copilot AI Credits",model="gpt-5.3-codex""#;

/// The value of the only sample of a family.
fn value(mapped: &Mapped, family: &str) -> f64 {
    let samples = mapped.samples(family);
    let [sample] = samples.as_slice() else { panic!("{family}: {samples:?}") };
    sample.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn each_number_of_an_item_is_a_family_of_its_own() {
    for (document, period, prefix) in [
        ("ai-credit-usage-day", DAY, "github_copilot_ai_usage_day"),
        ("ai-credit-usage-month", MONTH, "github_copilot_ai_usage_month"),
    ] {
        let mapped = one(document, &body(period, ITEM));
        for (family, value) in [
            ("gross_credits", "120"),
            ("discount_credits", "45.5"),
            ("net_credits", "74.5"),
            ("gross_dollars", "1.2"),
            ("discount_dollars", "0.455"),
            ("net_dollars", "0.745"),
        ] {
            let family = format!("{prefix}_{family}");
            assert_eq!(mapped.samples(&family), [format!("{family}{{{LABELS}}} {value}")]);
        }
        let price = format!("{prefix}_price_dollars");
        assert_eq!(mapped.samples(&price), [format!("{price}{{{LABELS},unit=\"credits\"}} 0.01")]);
        assert!(mapped.samples(&format!("{prefix}_gross_quantity")).is_empty());
        assert!(mapped.unmapped().is_empty(), "{:?}", mapped.unmapped());
    }
}

#[test]
fn the_forecast_of_a_month_is_a_straight_line_from_its_second_day_on() {
    let usage = body(MONTH, ITEM);
    let forecast = |fetched_at: &str| {
        let at: jiff::Timestamp = fetched_at.parse().unwrap();
        let bodies = [("ai-credit-usage-month", usage.as_bytes(), at.as_second())];
        let mapped = mapped_at(Span::Latest, &[], &bodies).unwrap();
        let family = "github_copilot_ai_usage_month_forecast_net_dollars";
        let samples = mapped.samples(family).len();
        (samples > 0).then(|| value(&mapped, family))
    };
    assert_eq!(forecast("2026-11-01T23:59:59Z"), None);
    // One, half and all of the 30 days have passed.
    assert_eq!(forecast("2026-11-02T00:00:00Z"), Some(0.745 * 30.0));
    assert_eq!(forecast("2026-11-16T00:00:00Z"), Some(0.745 * 2.0));
    assert_eq!(forecast("2026-12-01T00:00:00Z"), Some(0.745));
    assert_eq!(forecast("2027-03-01T00:00:00Z"), Some(0.745));
}

#[test]
fn a_month_without_net_amounts_has_no_forecast() {
    for items in ["", r#"{"sku":"s","unitType":"credits","grossAmount":3}"#] {
        let mapped = one("ai-credit-usage-month", &body(MONTH, items));
        assert_eq!(mapped.samples("github_copilot_ai_usage_month_length_seconds").len(), 1);
        let family = "github_copilot_ai_usage_month_forecast_net_dollars";
        assert!(mapped.samples(family).is_empty(), "{items}");
    }
}

#[test]
fn items_with_the_same_labels_are_added_up_whatever_the_price() {
    let second = r#"{"product":"Copilot","sku":"Copilot AI Credits","model":"gpt-5.3-codex","unitType":"ai-credits",
        "pricePerUnit":0.0125,"grossQuantity":500,"grossAmount":6.25,"discountQuantity":0,"discountAmount":-0.25,
        "netQuantity":500,"netAmount":6.5}"#;
    let orders = [format!("{ITEM},{second}"), format!("{second},{ITEM}")];
    for items in orders {
        let mapped = one("ai-credit-usage-day", &body(DAY, &items));
        assert_eq!(value(&mapped, "github_copilot_ai_usage_day_gross_credits"), 620.0);
        assert_eq!(value(&mapped, "github_copilot_ai_usage_day_gross_dollars"), 1.2 + 6.25);
        assert_eq!(value(&mapped, "github_copilot_ai_usage_day_discount_dollars"), 0.455 - 0.25);
        assert_eq!(value(&mapped, "github_copilot_ai_usage_day_net_credits"), 574.5);
        // That of the item with more usage.
        assert_eq!(value(&mapped, "github_copilot_ai_usage_day_price_dollars"), 0.0125);
    }
}

#[test]
fn discounts_and_corrections_may_be_negative_and_prices_have_fractions() {
    let item = r#"{"sku":"s","unitType":"credits","pricePerUnit":0.000375,"grossQuantity":-2.5,
        "discountAmount":-0.125,"netAmount":-1e-7}"#;
    let mapped = one("ai-credit-usage-day", &body(DAY, item));
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_gross_credits"), -2.5);
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_discount_dollars"), -0.125);
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_net_dollars"), -1e-7);
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_price_dollars"), 0.000375);
}

#[test]
fn what_is_absent_is_not_zero() {
    let item = r#"{"sku":"s","unitType":"credits","grossQuantity":0,"netQuantity":null}"#;
    let mapped = one("ai-credit-usage-day", &body(DAY, item));
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_gross_credits"), 0.0);
    for family in
        ["net_credits", "discount_credits", "gross_dollars", "net_dollars", "price_dollars"]
    {
        let family = format!("github_copilot_ai_usage_day_{family}");
        assert!(mapped.samples(&family).is_empty(), "{family}");
    }
}

#[test]
fn an_item_without_a_model_has_an_empty_label_and_unknown_names_stay() {
    let items = r#"{"product":"Spark","sku":"spark_ai_credit","unitType":"credits","grossQuantity":1},
        {"model":"m","unitType":"credits","grossQuantity":2}"#;
    let mapped = one("ai-credit-usage-day", &body(DAY, items));
    let family = "github_copilot_ai_usage_day_gross_credits";
    assert_eq!(
        mapped.samples(family),
        [
            format!(r#"{family}{{product="Spark",sku="spark_ai_credit",model=""}} 1"#),
            format!(r#"{family}{{product="unknown",sku="unknown",model="m"}} 2"#),
        ]
    );
}

#[test]
fn other_units_are_kept_by_name_and_never_mixed_into_credits() {
    let item = |unit: &str| {
        format!(
            r#"{{"product":"Copilot","sku":"s","model":"m","unitType":{unit},"grossQuantity":3,"netAmount":0.5}}"#
        )
    };
    let items = [item(r#""requests""#), item(r#""Tokens""#), item("null"), item(r#""AI-Credits""#)]
        .join(",");
    let mapped = one("ai-credit-usage-day", &body(DAY, &items));
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_gross_credits"), 3.0);
    let family = "github_copilot_ai_usage_day_gross_quantity";
    assert_eq!(
        mapped.samples(family),
        ["Tokens", "requests", "unknown"].map(|unit| format!(
            r#"{family}{{product="Copilot",sku="s",model="m",unit="{unit}"}} 3"#
        ))
    );
    // Dollars are dollars.
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_net_dollars"), 2.0);
}

#[test]
fn one_invalid_value_costs_only_itself_and_one_invalid_item_only_itself() {
    let items = r#"{"sku":"s","unitType":"credits","grossQuantity":"7","netQuantity":NaN,"netAmount":2},7,{},
        {"sku":"t","unitType":"credits","grossQuantity":1e400,"netAmount":3}"#;
    let mapped = one("ai-credit-usage-day", &body(DAY, items));
    assert!(mapped.samples("github_copilot_ai_usage_day_gross_credits").is_empty());
    assert_eq!(mapped.samples("github_copilot_ai_usage_day_net_dollars").len(), 2);
    assert_eq!(
        mapped.unmapped(),
        [
            "usageItems (invalid) 1",
            "usageItems.grossQuantity (invalid) 2",
            "usageItems.netQuantity (invalid) 1"
        ]
    );
}

#[test]
fn a_day_without_items_was_measured_and_has_no_usage() {
    let mapped = one("ai-credit-usage-day", &body(DAY, ""));
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_timestamp_seconds"), 1_795_132_800.0);
    assert!(mapped.samples("github_copilot_ai_usage_day_gross_credits").is_empty());
}

#[test]
fn what_is_not_usage_is_malformed() {
    assert_eq!(
        reason("ai-credit-usage-day", r#"{"message":"Not Found","status":"404"}"#),
        r#"this is GitHub's error message: "Not Found""#
    );
    let missing = "no row is usable: usageItems (missing)";
    assert_eq!(reason("ai-credit-usage-day", &format!("{{\"timePeriod\":{DAY}}}")), missing);
    for items in ["7", "{}", "null,\"x\""] {
        assert!(reason("ai-credit-usage-day", &body(DAY, items)).starts_with("no row is usable"));
    }
    for period in [
        r#"{"year":2026}"#,
        r#"{"year":2026,"month":13,"day":1}"#,
        "{}",
        r#"{"year":2099,"month":1,"day":1}"#,
    ] {
        assert_eq!(
            reason("ai-credit-usage-day", &body(period, ITEM)),
            "no row is usable: timePeriod (missing)",
            "{period}"
        );
    }
}

#[test]
fn the_month_says_how_long_it_is_and_how_much_of_it_is_gone() {
    // 2026-11-22T06:00:00Z is 21.25 days into November.
    let mapped = one("ai-credit-usage-month", &body(MONTH, ITEM));
    assert_eq!(value(&mapped, "github_copilot_ai_usage_month_timestamp_seconds"), 1_793_491_200.0);
    assert_eq!(value(&mapped, "github_copilot_ai_usage_month_length_seconds"), 30.0 * 86_400.0);
    assert_eq!(value(&mapped, "github_copilot_ai_usage_month_elapsed_seconds"), 21.25 * 86_400.0);
    for (month, days) in [(10, 31.0), (2, 28.0)] {
        let period = format!(r#"{{"year":2026,"month":{month}}}"#);
        let mapped = one("ai-credit-usage-month", &body(&period, ITEM));
        let length = days * 86_400.0;
        assert_eq!(value(&mapped, "github_copilot_ai_usage_month_length_seconds"), length);
        // It is over.
        assert_eq!(value(&mapped, "github_copilot_ai_usage_month_elapsed_seconds"), length);
    }
}

#[test]
fn a_month_begins_and_ends_at_midnight_utc() {
    // 2026-12-01T00:00:00Z.
    const DECEMBER: i64 = 1_796_083_200;
    let elapsed = |month: u8, fetched_at: i64| {
        let body = body(&format!(r#"{{"year":2026,"month":{month}}}"#), "");
        let bodies = [("ai-credit-usage-month", body.as_bytes(), fetched_at)];
        let mapped = mapped_at(Span::Latest, &[], &bodies).unwrap();
        value(&mapped, "github_copilot_ai_usage_month_elapsed_seconds")
    };
    assert_eq!(elapsed(11, DECEMBER - 1), 30.0 * 86_400.0 - 1.0);
    assert_eq!(elapsed(11, DECEMBER), 30.0 * 86_400.0);
    assert_eq!(elapsed(12, DECEMBER), 0.0);
    assert_eq!(elapsed(12, DECEMBER + 3600), 3600.0);
}

#[test]
fn in_history_a_month_is_about_the_day_it_was_fetched_and_a_past_month_about_its_last_day() {
    let days = |month: u8| {
        let body = body(&format!(r#"{{"year":2026,"month":{month}}}"#), ITEM);
        let mapped = mapped(Span::History, &[], &[("ai-credit-usage-month", &body)]).unwrap();
        let family = "github_copilot_ai_usage_month_net_dollars";
        mapped.samples(family)[0].rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(days(11), (FETCHED_AT / 86_400 * 86_400_000).to_string());
    // 2026-10-31 and 2026-02-28.
    assert_eq!(days(10), "1793404800000");
    assert_eq!(days(2), "1772236800000");
}

#[test]
fn only_the_newest_day_and_month_are_shown_and_every_one_in_history() {
    let other = r#"{"year":2026,"month":11,"day":19}"#;
    let bodies = [body(DAY, ITEM), body(other, ITEM)];
    let bodies: Vec<_> = bodies.iter().map(|body| ("ai-credit-usage-day", &**body)).collect();
    let family = "github_copilot_ai_usage_day_net_dollars";
    assert_eq!(mapped(Span::Latest, &[], &bodies).unwrap().samples(family).len(), 1);
    assert_eq!(mapped(Span::History, &[], &bodies).unwrap().samples(family).len(), 2);
}

#[test]
fn the_days_of_a_month_add_up_to_it() {
    let item = |credits: u32| {
        let dollars = f64::from(credits) / 4.0;
        format!(
            r#"{{"sku":"s","unitType":"credits","netQuantity":{credits},"netAmount":{dollars}}}"#
        )
    };
    let days: Vec<String> = (1..=20)
        .map(|day| body(&format!(r#"{{"year":2026,"month":11,"day":{day}}}"#), &item(day)))
        .collect();
    let days: Vec<_> = days.iter().map(|body| ("ai-credit-usage-day", &**body)).collect();
    let days = mapped(Span::History, &[], &days).unwrap();
    let month = one("ai-credit-usage-month", &body(MONTH, &item(210)));
    for unit in ["credits", "dollars"] {
        let of_days = days.samples(&format!("github_copilot_ai_usage_day_net_{unit}"));
        let sum: f64 = of_days
            .iter()
            .map(|sample| sample.split(' ').nth_back(1).unwrap().parse::<f64>().unwrap())
            .sum();
        assert_eq!(sum, value(&month, &format!("github_copilot_ai_usage_month_net_{unit}")));
    }
}

#[test]
fn premium_requests_are_no_credits_and_ai_credits_count_where_both_have_the_same() {
    let request = r#"{"product":"Copilot","sku":"Copilot Premium Request","model":"m","unitType":"requests",
        "pricePerUnit":0.04,"grossQuantity":50,"grossAmount":2,"netQuantity":10,"netAmount":0.4}"#;
    let period = r#"{"year":2026,"month":5,"day":20}"#;
    let premium = body(period, &format!("{request},{ITEM}"));
    let bodies =
        [("ai-credit-usage-day", &*body(period, ITEM)), ("premium-request-usage-day", &*premium)]
            .map(|(name, body)| (name, body.to_owned()));
    let bodies: Vec<_> = bodies.iter().map(|(name, body)| (*name, &**body)).collect();
    let mapped = mapped(Span::Latest, &["premium-requests"], &bodies).unwrap();
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_gross_quantity"), 50.0);
    assert_eq!(value(&mapped, "github_copilot_ai_usage_day_gross_credits"), 120.0);
    assert_eq!(mapped.samples("github_copilot_ai_usage_day_net_dollars").len(), 2);
}

#[test]
fn usage_without_a_cost_center_is_not_part_of_the_total() {
    let unassigned = format!(
        r#"{{"timePeriod":{MONTH},"enterprise":"acme","costCenter":{{"id":"none","name":""}},"usageItems":[{ITEM}]}}"#
    );
    let bodies = [("ai-credit-usage-month-unassigned", &*unassigned)];
    let mapped = mapped(Span::Latest, &[], &bodies).unwrap();
    let family = "github_copilot_cost_center_ai_usage_month_net_credits";
    assert_eq!(
        mapped.samples(family),
        [format!(r#"{family}{{cost_center="none",cost_center_id="none",{LABELS}}} 74.5"#)]
    );
    assert!(mapped.samples("github_copilot_ai_usage_month_net_credits").is_empty());
}

#[test]
fn two_bodies_of_one_day_are_never_counted_twice() {
    let less = body(DAY, r#"{"sku":"s","unitType":"credits","netQuantity":1,"grossAmount":1}"#);
    let more = body(DAY, r#"{"sku":"s","unitType":"credits","netQuantity":2,"grossAmount":2}"#);
    for bodies in [[&less, &more], [&more, &less]] {
        let bodies = bodies.map(|body| ("ai-credit-usage-day", &**body));
        let mapped = mapped(Span::Latest, &[], &bodies).unwrap();
        assert_eq!(value(&mapped, "github_copilot_ai_usage_day_net_credits"), 2.0);
        assert_eq!(mapped.unmapped(), ["usageItems (conflict) 1"]);
    }
}
