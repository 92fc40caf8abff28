//! The charts of the aggregate reports.

use crate::charts::{ChartDefinition, Form, Matchers, Series, Sum};

pub const CHARTS: &[ChartDefinition] = &[
    ChartDefinition {
        title: "Active users",
        help: "Distinct users who were active on the day, and in the 7 and 28 days up to it.",
        form: Form::Lines(&[
            Series::matching("day", "github_copilot_active_users", WITHIN_DAY),
            Series::matching("week", "github_copilot_active_users", WITHIN_WEEK),
            Series::matching("month", "github_copilot_active_users", WITHIN_MONTH),
        ]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Acceptance",
        help: "The share of code completions that were accepted.",
        form: Form::Lines(&[Series::ratio(
            "accepted",
            Sum::matching("github_copilot_feature_code_acceptances", COMPLETIONS),
            Sum::matching("github_copilot_feature_code_generations", COMPLETIONS),
        )]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Share of agents",
        help: "The share of the added lines of code that agents added, in IDEs, the CLI and the app.",
        form: Form::Lines(&[Series::ratio(
            "added by agents",
            Sum::matching("github_copilot_feature_lines_added", AGENTS),
            Sum::of("github_copilot_feature_lines_added"),
        )]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Lines of code",
        help: "Lines per day. Lines that an agent adds are not suggested first.",
        form: Form::Lines(&[
            Series::sum("suggested", "github_copilot_lines_suggested_to_add"),
            Series::sum("added", "github_copilot_lines_added"),
            Series::sum("deleted", "github_copilot_lines_deleted"),
        ]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "Pull requests",
        help: "Pull requests per day, and those that Copilot created or reviewed.",
        form: Form::Lines(&[
            Series::sum("created", "github_copilot_pull_requests_created"),
            Series::sum("merged", "github_copilot_pull_requests_merged"),
            Series::sum("created by Copilot", "github_copilot_pull_requests_created_by_copilot"),
            Series::sum("reviewed by Copilot", "github_copilot_pull_requests_reviewed_by_copilot"),
        ]),
        is_fallback: false,
    },
    ChartDefinition {
        title: "By language",
        help: "Code completions by language, and how many of them were accepted.",
        form: Form::ByLabel {
            label: "language",
            value: (
                "generated",
                Sum::matching("github_copilot_language_feature_code_generations", COMPLETIONS),
            ),
            part: Some((
                "accepted",
                Sum::matching("github_copilot_language_feature_code_acceptances", COMPLETIONS),
            )),
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "By editor",
        help: "Code generations by editor, including those of agents, which are never accepted.",
        form: Form::ByLabel {
            label: "ide",
            value: ("generated", Sum::of("github_copilot_ide_code_generations")),
            part: None,
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "By feature",
        help: "Code generations by feature, and how many of them were accepted, where users can accept them.",
        form: Form::ByLabel {
            label: "feature",
            value: ("generated", Sum::of("github_copilot_feature_code_generations")),
            part: Some((
                "accepted",
                Sum::matching("github_copilot_feature_code_acceptances", ACCEPTABLE),
            )),
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "By model",
        help: "Code completions by model, and how many of them were accepted.",
        form: Form::ByLabel {
            label: "model",
            value: (
                "generated",
                Sum::matching("github_copilot_model_feature_code_generations", COMPLETIONS),
            ),
            part: Some((
                "accepted",
                Sum::matching("github_copilot_model_feature_code_acceptances", COMPLETIONS),
            )),
        },
        is_fallback: false,
    },
];

/// Acceptance means something for code completions: a ratio over all features would fall as agents
/// are used more.
const COMPLETIONS: Matchers = &[("feature", &["code_completion"])];
/// The features whose code users accept or reject. Agents write code that is never accepted.
pub const ACCEPTABLE: Matchers = &[(
    "feature",
    &[
        "code_completion",
        "chat_inline",
        "chat_panel_ask_mode",
        "chat_panel_edit_mode",
        "chat_panel_plan_mode",
        "chat_panel_unknown_mode",
    ],
)];
/// The features with which agents write code.
const AGENTS: Matchers =
    &[("feature", &["agent_edit", "chat_panel_agent_mode", "copilot_cli", "copilot_app"])];

/// The users who were active on the day, in any part of Copilot.
pub const WITHIN_DAY: Matchers = &[("window", &["day"]), ("surface", &["any"])];
const WITHIN_WEEK: Matchers = &[("window", &["week"]), ("surface", &["any"])];
const WITHIN_MONTH: Matchers = &[("window", &["month"]), ("surface", &["any"])];
