//! The charts of cost.
//!
//! A ratio of cost to activity is easily misread, so each of these charts says what it does not mean.

use crate::charts::{ChartDefinition, Form, Series, Sum};
use crate::documents::aggregate::charts::{ACCEPTABLE, WITHIN_DAY};

pub const CHARTS: &[ChartDefinition] = &[
    ChartDefinition {
        title: "Cost this month",
        help: "AI usage of the billing month, billed after discounts and included usage. The forecast is a straight \
               line: it ignores weekends and included usage that runs out.",
        form: Form::Bars(&[
            Series::sum("so far", "github_copilot_ai_usage_month_net_dollars"),
            Series::sum(
                "forecast for the month",
                "github_copilot_ai_usage_month_forecast_net_dollars",
            ),
            Series::sum("budget", "github_copilot_ai_usage_month_budget_dollars"),
        ]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Budgets",
        help: "Budgets for Copilot by what they are for, and how much is consumed in the month so far.",
        form: Form::ByLabel {
            label: "entity",
            value: ("budget", Sum::of("github_copilot_budget_amount_dollars")),
            part: Some(("consumed", Sum::of("github_copilot_budget_consumed_dollars"))),
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "Cost by model",
        help: "AI usage of the month so far, and the part that is billed after discounts and included usage. Usage \
               without a model, such as code review, is left out.",
        form: Form::ByLabel {
            label: "model",
            value: ("before discounts", Sum::of("github_copilot_ai_usage_month_gross_dollars")),
            part: Some(("billed", Sum::of("github_copilot_ai_usage_month_net_dollars"))),
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "Cost by cost center",
        help: "Billed AI usage of the month so far. GitHub reports it only for cost centers with a budget, and for \
               usage without one (none).",
        form: Form::ByLabel {
            label: "cost_center",
            value: ("billed", Sum::of("github_copilot_cost_center_month_consumed_dollars")),
            part: None,
        },
        is_fallback: false,
    },
    // Without budgets.
    ChartDefinition {
        title: "Cost by cost center",
        help: "Billed AI usage of the month so far without a cost center (none). GitHub reports that of a cost center \
               only if it has a budget.",
        form: Form::ByLabel {
            label: "cost_center",
            value: ("billed", Sum::of("github_copilot_cost_center_ai_usage_month_net_dollars")),
            part: None,
        },
        is_fallback: true,
    },
    ChartDefinition {
        title: "Cost per active user",
        help: "AI usage of a day, divided by the users who were active that day. Billing and activity are measured \
               differently, so this is an estimate, and not a measure of any person or team.",
        form: Form::Bars(&[
            Series::ratio("before discounts", GROSS, Sum::matching(ACTIVE_USERS, WITHIN_DAY)),
            Series::ratio("billed", NET, Sum::matching(ACTIVE_USERS, WITHIN_DAY)),
        ]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Cost per merged pull request",
        help: "AI usage of a day, divided by all pull requests merged that day, with or without Copilot. Most usage is \
               for other work, so this is not what a pull request costs, and not a measure of any team.",
        form: Form::Bars(&[
            Series::ratio("before discounts", GROSS, MERGED),
            Series::ratio("billed", NET, MERGED),
        ]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Cost per accepted line",
        help: "AI usage of a day, divided by the lines from suggestions that users accepted that day. Lines of agents \
               are never accepted, but their usage is in the cost: it rises as agents do more.",
        form: Form::Bars(&[
            Series::ratio("before discounts", GROSS, ACCEPTED_LINES),
            Series::ratio("billed", NET, ACCEPTED_LINES),
        ]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Cost of idle seats",
        help: "Price of all seats for a month by plan, and of those idle for more than 30 days. At list prices unless \
               others are set. A new seat, or one of a user on leave, is idle as well.",
        form: Form::ByLabel {
            label: "plan",
            value: ("all seats", Sum::of("github_copilot_seats_cost_dollars")),
            part: Some(("idle", Sum::of("github_copilot_seats_idle_cost_dollars"))),
        },
        is_fallback: false,
    },
];

const GROSS: Sum = Sum::of("github_copilot_ai_usage_day_gross_dollars");
const NET: Sum = Sum::of("github_copilot_ai_usage_day_net_dollars");
const ACTIVE_USERS: &str = "github_copilot_active_users";
const MERGED: Sum = Sum::of("github_copilot_pull_requests_merged");
const ACCEPTED_LINES: Sum = Sum::matching("github_copilot_feature_lines_added", ACCEPTABLE);
