//! What Copilot costs: the same amounts as in the metrics, with the caution that belongs to them.

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, stand_in};
use serde_json::Value;

use super::{cell, page_with_charts};
use crate::serving::{command, metrics, serving};

/// An amount on the page is rounded to dollars from 1,000 on, else to cents or, below a dime, to four digits.
fn assert_amount(html: &str, chart: &str, row: &str, column: usize, expected: f64) {
    let text = cell(html, chart, row, column);
    let found: f64 = text.trim_start_matches('$').replace(',', "").parse().unwrap();
    let step = match expected {
        1000.0.. => 1.0,
        0.1.. => 0.01,
        _ => 0.0001,
    };
    assert!((found - expected).abs() <= 0.5001 * step, "{chart}, {row}: {text} for {expected}");
}

/// The sum of the series of a family with these labels.
fn sum(exposition: &Exposition, family: &str, label: &str) -> f64 {
    exposition.sum(&format!("github_copilot_{family}"), label)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_compares_the_month_with_its_forecast_and_its_budget() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    let exposition = metrics(&serving).await;
    let of = |family: &str| sum(&exposition, &format!("ai_usage_month_{family}"), "");
    let (net, budget) = (of("net_dollars"), of("budget_dollars"));
    assert!(net > 0.0 && budget == 2000.0, "{net} {budget}");
    assert_amount(&html, "Cost this month", "so far", 1, net);
    assert_amount(&html, "Cost this month", "budget", 1, budget);
    assert_amount(&html, "Budgets", "octodemo", 1, budget);
    let consumed = sum(&exposition, "budget_consumed_dollars", "");
    assert_amount(&html, "Budgets", "octodemo", 2, consumed);
    // There is none in the first day of a month.
    if of("elapsed_seconds") >= 86_400.0 {
        let forecast = net * of("length_seconds") / of("elapsed_seconds");
        assert_amount(&html, "Cost this month", "forecast for the month", 1, forecast);
        assert!((of("forecast_net_dollars") - forecast).abs() < 1e-6);
    }
    assert!(html.contains("The forecast is a straight line"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_models_and_cost_centers_cost() {
    let github = stand_in().await;
    let mut command = command(&github, "");
    command.env_remove("ORG").env("ENTERPRISE", "octo-enterprise");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    let exposition = metrics(&serving).await;
    for model in ["claude-sonnet-4.6", "gpt-5.3-codex"] {
        let label = format!("model=\"{model}\"");
        let of = |part: &str| sum(&exposition, &format!("ai_usage_month_{part}_dollars"), &label);
        assert!(of("net") < of("gross"));
        assert_amount(&html, "Cost by model", model, 1, of("gross"));
        assert_amount(&html, "Cost by model", model, 2, of("net"));
    }
    let family = "cost_center_ai_usage_month_net_dollars";
    let unassigned = sum(&exposition, family, "cost_center=\"none\"");
    assert_amount(&html, "Cost by cost center", "none", 1, unassigned);
    let consumed = sum(&exposition, "budget_consumed_dollars", "entity=\"Platform\"");
    assert_amount(&html, "Cost by cost center", "Platform", 1, consumed);
    assert!(html.contains("GitHub reports it only for cost centers with a budget"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_divides_the_cost_of_the_report_day_by_what_was_done_on_that_day() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    let exposition = metrics(&serving).await;
    let day = github.newest_day();
    let path = format!(
        "organizations/octodemo/settings/billing/ai_credit/usage?year={}&month={}&day={}",
        day.year(),
        day.month(),
        day.day()
    );
    let request = client().get(github.api().join(&path).unwrap()).bearer_auth(github.token());
    let bill: Value = request.send().await.unwrap().json().await.unwrap();
    let items = bill["usageItems"].as_array().unwrap();
    let dollars = |amount: &str| items.iter().map(|item| item[amount].as_f64().unwrap()).sum();
    let (gross, net): (f64, f64) = (dollars("grossAmount"), dollars("netAmount"));
    assert!(net > 0.0 && gross > net);
    let accepted =
        ["code_completion", "chat_inline", "chat_panel_ask_mode", "chat_panel_edit_mode"];
    let accepted = accepted
        .map(|feature| sum(&exposition, "feature_lines_added", &format!("feature=\"{feature}\"")));
    let users = sum(&exposition, "active_users", "window=\"day\",surface=\"any\"");
    let merged = exposition
        .value("github_copilot_pull_requests_merged{org=\"octodemo\",scope=\"organization\"}");
    for (chart, divisor, caution) in [
        ("Cost per active user", users, "not a measure of any person or team"),
        ("Cost per merged pull request", merged, "not a measure of any team"),
        ("Cost per accepted line", accepted.iter().sum(), "Lines of agents are never accepted"),
    ] {
        assert_amount(&html, chart, "before discounts", 1, gross / divisor);
        assert_amount(&html, chart, "billed", 1, net / divisor);
        let help = html.split(&format!("<h3>{chart}</h3><p>")).nth(1).unwrap();
        let help = help.split("</p>").next().unwrap();
        assert!(help.contains(caution), "{help}");
        assert!(help.ends_with(&format!("As of {}.", day.strftime("%b %-d"))), "{help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_prices_idle_seats_at_list_prices_or_at_those_that_are_set() {
    let github = stand_in().await;
    for (options, price) in [(&[][..], 19.0), (&["--option", "business-seat-dollars=10"], 10.0)] {
        let mut command = command(&github, "octodemo");
        command.args(options);
        let serving = Serving::start(command);
        serving.wait_for("refreshed");
        let html = page_with_charts(&serving, "/").await;
        let exposition = metrics(&serving).await;
        let idle: f64 = ["90d", "over_90d", "never"]
            .iter()
            .map(|age| {
                let label = format!("activity_age=\"{age}\"");
                sum(&exposition, "seats_by_activity_age", &label)
            })
            .sum();
        assert!(idle > 0.0);
        let seats = sum(&exposition, "seats_by_plan", "plan=\"business\"");
        assert_amount(&html, "Cost of idle seats", "business", 1, seats * price);
        assert_amount(&html, "Cost of idle seats", "business", 2, idle * price);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bill_the_page_names_the_charts_that_have_no_data_in_one_line() {
    let github = stand_in().await;
    let message = "Resource not accessible by personal access token";
    github.fail("/settings/billing/", Fault::Status(403, message, vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    let titles = "Cost this month, Budgets, Cost by model, Cost by cost center, Cost per active user, \
                  Cost per merged pull request, Cost per accepted line";
    assert!(html.contains(&format!("No data in the current documents for: {titles}.")), "{html}");
    assert!(html.contains("<h3>Cost of idle seats</h3>"), "{html}");
}
