//! What Copilot costs: usage, budgets and cost centers.

/// Months of the past.
mod history;

use bytes::Bytes;
use copilot_metrics_tests::command::printed;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::{SMALL, SMALL_ENTERPRISE};
use copilot_metrics_tests::github::{Fault, stand_in};

use crate::serving::{command, metrics, serving};

const BILL: &str = "/organizations/octodemo/settings/billing/";

/// The bill of the small organization, calculated by hand from `tests/fixtures/small`.
#[test]
fn the_bill_of_an_organization_is_as_calculated_by_hand() {
    let exposition = Exposition::parse(&printed(SMALL.map_arguments()));
    let usage = |family: &str, product: &str, sku: &str, model: &str| {
        let series = format!(
            "github_copilot_ai_usage_{family}{{org=\"acme\",scope=\"organization\",product=\"{product}\",\
             sku=\"{sku}\",model=\"{model}\"}}"
        );
        exposition.value(&series)
    };
    let (credits, review) = ("Copilot AI Credits", "Copilot Code Review AI Credits");
    for (family, codex, opus, reviews) in [
        // Two items of one SKU and model: 120 and 30 credits.
        ("day_gross_credits", 150.0, 80.0, 7.5),
        ("day_discount_credits", 45.5, 80.0, 0.0),
        ("day_net_credits", 104.5, 0.0, 7.5),
        ("day_gross_dollars", 1.5, 1.0, 0.075),
        // One of the discounts is negative.
        ("day_discount_dollars", 0.455 - 0.05, 1.0, 0.0),
        ("day_net_dollars", 0.745 + 0.35, 0.0, 0.075),
        ("month_gross_credits", 2400.0, 640.0, 150.0),
        ("month_discount_credits", 800.0, 80.0, 0.0),
        ("month_net_credits", 1600.0, 560.0, 150.0),
        ("month_gross_dollars", 24.0, 8.0, 1.5),
        ("month_discount_dollars", 8.0, 1.0, -0.25),
        ("month_net_dollars", 16.0, 7.0, 1.75),
    ] {
        assert_eq!(usage(family, "Copilot", credits, "gpt-5.3-codex"), codex, "{family}");
        assert_eq!(usage(family, "Copilot", credits, "claude-opus-4.6"), opus, "{family}");
        assert_eq!(usage(family, "Copilot", review, ""), reviews, "{family}");
    }
    // Minutes are not credits, but their dollars count.
    assert_eq!(usage("day_net_dollars", "Spark", "spark_build_minutes", ""), 0.2);
    let minutes = exposition.series("github_copilot_ai_usage_day_gross_quantity");
    let minutes: Vec<_> = minutes.collect();
    assert!(matches!(minutes.as_slice(), [(series, 25.0)] if series.contains("unit=\"minutes\"")));
    let price = |model: &str| exposition.sum("github_copilot_ai_usage_day_price_dollars", model);
    assert_eq!(price("model=\"claude-opus-4.6\""), 0.0125);
    let target = "{org=\"acme\",scope=\"organization\"}";
    let of_target =
        |family: &str| exposition.value(&format!("github_copilot_ai_usage_{family}{target}"));
    assert_eq!(of_target("month_length_seconds"), 30.0 * 86_400.0);
    // It was fetched on the 22nd at six.
    assert_eq!(of_target("month_elapsed_seconds"), 21.25 * 86_400.0);
    let budget = |family: &str, id: &str| {
        exposition.sum(&format!("github_copilot_budget_{family}"), &format!("budget=\"{id}\""))
    };
    // GitHub does not say what is consumed of the first one, which is for all AI credits.
    assert_eq!(budget("consumed_dollars", "b-1"), 16.0 + 7.0 + 1.75);
    assert_eq!(budget("consumed_ratio", "b-1"), 24.75 / 33.0);
    assert_eq!((budget("consumed_ratio", "b-2"), budget("stops_usage", "b-2")), (0.25, 0.0));
    // It is a user's, and the other one is not for Copilot.
    assert_eq!((budget("amount_dollars", "b-3"), budget("amount_dollars", "b-4")), (0.0, 0.0));
}

#[test]
fn the_bill_of_an_enterprise_is_as_calculated_by_hand() {
    let mut arguments = SMALL_ENTERPRISE.map_arguments();
    arguments.extend(["--option", "organization-usage=true"].map(str::to_owned));
    let exposition = Exposition::parse(&printed(arguments));
    let sum =
        |family: &str, label: &str| exposition.sum(&format!("github_copilot_{family}"), label);
    assert_eq!(sum("ai_usage_month_net_dollars", ""), 120.0);
    assert_eq!(sum("cost_center_ai_usage_month_net_dollars", "cost_center=\"none\""), 20.0);
    let of = |organization: &str| format!("organization=\"{organization}\"");
    assert_eq!(sum("organization_ai_usage_month_net_dollars", &of("acme")), 80.0);
    assert_eq!(sum("organization_ai_usage_month_net_dollars", &of("acme-labs")), 40.0);
    assert_eq!(sum("organization_ai_usage_month_gross_credits", &of("acme")), 12_000.0);
    assert_eq!(sum("budget_consumed_ratio", "entity=\"acme-inc\""), 0.8);
    assert_eq!(sum("budget_consumed_ratio", "entity=\"Mobile\""), 1.25);
    assert_eq!(sum("cost_center_info", ""), 2.0);
    assert_eq!(sum("cost_center_resources", "type=\"User\""), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_not_read_billing_serves_the_rest_and_one_line_says_which_permission_is_needed()
 {
    let github = stand_in().await;
    let message = "Resource not accessible by personal access token";
    github.fail("/settings/billing/", Fault::Status(403, message, vec![]));
    let serving = serving(&github, "octodemo");
    let line = serving.wait_for("refreshed");
    assert!(line.contains("ai-credit-usage-day, ai-credit-usage-month, budgets: "), "{line}");
    assert!(line.contains("Administration"), "{line}");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", "org=\"octodemo\""), 1.0);
    assert_eq!(exposition.sum("github_copilot_billing_seats", ""), 340.0);
    assert!(exposition.sum("github_copilot_active_users", "") > 0.0);
    assert_eq!(exposition.series("github_copilot_ai_usage_day_net_dollars").count(), 0);
    let log = serving.log();
    let lines = log.lines().filter(|line| !line.contains(" DEBUG "));
    assert_eq!(lines.filter(|line| line.contains("Administration")).count(), 1, "{log}");
    // It is not asked for again and again.
    let bills = github.requests();
    assert_eq!(bills.iter().filter(|request| request.path.starts_with(BILL)).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_the_enterprise_pays_is_said_and_is_no_failure() {
    let github = stand_in().await;
    github.fail(BILL, Fault::Status(404, "Not Found", vec![]));
    let serving = serving(&github, "octodemo");
    let line = serving.wait_for("refreshed");
    assert!(line.contains(" INFO ") && line.contains("billed to the enterprise"), "{line}");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", "org=\"octodemo\""), 1.0);
    for family in
        ["copilot_exporter_document_failures_total", "copilot_exporter_requests_failed_total"]
    {
        assert_eq!(exposition.sum(family, ""), 0.0, "{family}");
    }
    let (_, page) = serving.get("/").await;
    assert!(page.contains("billed to the enterprise"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_without_usage_yet_is_no_failure_and_has_no_amounts() {
    let github = stand_in().await;
    let empty = Bytes::from_static(br#"{"organization":"octodemo","usageItems":[]}"#);
    github.fail("/ai_credit/usage", Fault::Body(empty));
    let serving = serving(&github, "octodemo");
    let line = serving.wait_for("refreshed");
    assert!(line.contains(" INFO ") && !line.contains("left_out"), "{line}");
    let exposition = metrics(&serving).await;
    let count =
        |family: &str| exposition.series(&format!("github_copilot_ai_usage_{family}")).count();
    assert_eq!((count("day_timestamp_seconds"), count("month_length_seconds")), (1, 1));
    assert_eq!((count("day_net_dollars"), count("month_net_dollars")), (0, 0));
    assert_eq!(exposition.sum("copilot_exporter_document_failures_total", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_never_asked_for_by_user() {
    let github = stand_in().await;
    let mut command = command(&github, "octodemo");
    let options = ["users", "premium-requests", "organization-usage"];
    command.env("ENTERPRISE", "octo-enterprise");
    command.args(options.iter().flat_map(|name| ["--option".to_owned(), format!("{name}=true")]));
    let serving = copilot_metrics_tests::command::Serving::start_with_targets(command, 2);
    let exposition = metrics(&serving).await;
    for family in [
        "ai_usage_month_net_dollars",
        "organization_ai_usage_month_net_dollars",
        "budget_amount_dollars",
    ] {
        assert!(exposition.sum(&format!("github_copilot_{family}"), "") > 0.0, "{family}");
    }
    let bills: Vec<_> = github.requests().into_iter().map(|request| request.path).collect();
    let bills: Vec<_> = bills.iter().filter(|path| path.contains("/settings/billing/")).collect();
    assert!(bills.len() > 8, "{bills:?}");
    assert!(!bills.iter().any(|path| path.contains("user=")), "{bills:?}");
}
