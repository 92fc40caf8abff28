//! The charts of the aggregate reports.

use crate::charts::{ChartDefinition, Form, Matchers, Series};

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
        help: "The share of code generations that were accepted. Edits by agents count as \
               generations but are never accepted.",
        form: Form::Lines(&[Series::ratio(
            "accepted",
            "github_copilot_code_acceptances",
            "github_copilot_code_generations",
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
        title: "By language",
        help: "Code generations by language, and how many of them were accepted.",
        form: Form::CodeByLabel {
            label: "language",
            generated: "github_copilot_language_feature_code_generations",
            accepted: "github_copilot_language_feature_code_acceptances",
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "By editor",
        help: "Code generations by editor, and how many of them were accepted.",
        form: Form::CodeByLabel {
            label: "ide",
            generated: "github_copilot_ide_code_generations",
            accepted: "github_copilot_ide_code_acceptances",
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "By feature",
        help: "Code generations by feature, and how many of them were accepted.",
        form: Form::CodeByLabel {
            label: "feature",
            generated: "github_copilot_feature_code_generations",
            accepted: "github_copilot_feature_code_acceptances",
        },
        is_fallback: false,
    },
    ChartDefinition {
        title: "By model",
        help: "Code generations by model, and how many of them were accepted.",
        form: Form::CodeByLabel {
            label: "model",
            generated: "github_copilot_model_feature_code_generations",
            accepted: "github_copilot_model_feature_code_acceptances",
        },
        is_fallback: false,
    },
];

const WITHIN_DAY: Matchers = &[("window", &["day"]), ("surface", &["any"])];
const WITHIN_WEEK: Matchers = &[("window", &["week"]), ("surface", &["any"])];
const WITHIN_MONTH: Matchers = &[("window", &["month"]), ("surface", &["any"])];
