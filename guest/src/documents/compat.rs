//! The ten gauges of gcp-metrics-exporter, so that its dashboards continue to work.
//!
//! Names and labels are exactly the same: `editor language stream org`. The values differ where
//! the original was wrong: it showed the last model's numbers, here they are summed over models.
//!
//! The closed API fills all ten gauges. The usage reports fill only those that they have the
//! numbers for: not engaged users, copies, insertions and custom models.

use super::aggregate::AggregateCollector;
use super::aggregate::row::AggregateRow;
use super::legacy::LegacyCollector;
use super::legacy::day::{CODE_COMPLETIONS, DayValues, IDE_CHAT, Values};
use crate::charts::{ChartDefinition, Form, Series, Sum};
use crate::collector::{self, Collector, Collectors};
use crate::input::Day;
use crate::measures::activity::{Activity, BY_FEATURE, BY_LANGUAGE_FEATURE};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::Registration;
use crate::settings::Settings;

pub const REGISTRATION: Registration =
    Registration { charts: CHARTS, ..Registration::new(collector::new::<CompatCollector>) };

/// For targets that only have the closed API.
const CHARTS: &[ChartDefinition] = &[
    ChartDefinition {
        title: "Active users",
        help: "Distinct users who were active on the day.",
        form: Form::Lines(&[Series::matching("day", "total_active_users", &[("stream", &[""])])]),
        is_fallback: true,
    },
    ChartDefinition {
        title: "Acceptance",
        help: "The share of code completions that were accepted.",
        form: Form::Lines(&[Series::ratio(
            "accepted",
            Sum::of("total_code_acceptances"),
            Sum::of("total_code_suggestions"),
        )]),
        is_fallback: true,
    },
    ChartDefinition {
        title: "Lines of code",
        help: "Lines of code completions per day.",
        form: Form::Lines(&[
            Series::sum("suggested", "total_code_lines_suggested"),
            Series::sum("accepted", "total_code_lines_accepted"),
        ]),
        is_fallback: true,
    },
    ChartDefinition {
        title: "By language",
        help: "Code completions by language, and how many of them were accepted.",
        form: Form::ByLabel {
            label: "language",
            value: ("generated", Sum::of("total_code_suggestions")),
            part: Some(("accepted", Sum::of("total_code_acceptances"))),
        },
        is_fallback: true,
    },
    ChartDefinition {
        title: "By editor",
        help: "Code completions by editor, and how many of them were accepted.",
        form: Form::ByLabel {
            label: "editor",
            value: ("generated", Sum::of("total_code_suggestions")),
            part: Some(("accepted", Sum::of("total_code_acceptances"))),
        },
        is_fallback: true,
    },
];

/// Fills the ten gauges from what the other collectors have collected.
pub struct CompatCollector {
    history: bool,
    families: CompatFamilies,
}

struct CompatFamilies {
    total_active_users: FamilyId,
    total_engaged_users: FamilyId,
    is_custom_model: FamilyId,
    total_chats: FamilyId,
    total_chat_copy_events: FamilyId,
    total_chat_insertion_events: FamilyId,
    total_code_suggestions: FamilyId,
    total_code_acceptances: FamilyId,
    total_code_lines_suggested: FamilyId,
    total_code_lines_accepted: FamilyId,
}

impl Collector for CompatCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let mut gauge = |name, help| catalogue.compat_gauge(name, help);
        let families = CompatFamilies {
            total_active_users: gauge(
                "total_active_users",
                "Number of users with any Copilot activity on the newest day.",
            ),
            total_engaged_users: gauge(
                "total_engaged_users",
                "Number of distinct users who engaged with the part of Copilot in the labels on the newest \
                 day. Must not be summed.",
            ),
            is_custom_model: gauge(
                "is_custom_model",
                "1 if the editor or stream used any custom model, otherwise 0.",
            ),
            total_chats: gauge("total_chats", "Number of chats on the newest day."),
            total_chat_copy_events: gauge(
                "total_chat_copy_events",
                "Number of times code from a chat was copied on the newest day.",
            ),
            total_chat_insertion_events: gauge(
                "total_chat_insertion_events",
                "Number of times code from a chat was inserted into a file on the newest day.",
            ),
            total_code_suggestions: gauge(
                "total_code_suggestions",
                "Number of code completions suggested on the newest day.",
            ),
            total_code_acceptances: gauge(
                "total_code_acceptances",
                "Number of code completions accepted on the newest day.",
            ),
            total_code_lines_suggested: gauge(
                "total_code_lines_suggested",
                "Number of lines of code suggested by code completions on the newest day.",
            ),
            total_code_lines_accepted: gauge(
                "total_code_lines_accepted",
                "Number of lines of code accepted from code completions on the newest day.",
            ),
        };
        Self { history: settings.history, families }
    }

    fn finish(&self, all: Collectors<'_>, samples: &mut Samples) {
        let Some(legacy) = all.get::<LegacyCollector>() else { return };
        let Some(aggregate) = all.get::<AggregateCollector>() else { return };
        // The closed API has more of the gauges, so it wins for the days that it has. Without
        // `history` there is only one day: the newer of the two.
        let report_is_newer = !self.history && aggregate.newest_day() > legacy.newest_day();
        if !report_is_newer {
            for (day, values) in legacy.days() {
                self.families.push_legacy(samples, values, day);
            }
        }
        for (day, row) in aggregate.days() {
            if report_is_newer || (self.history && !legacy.has_day(day)) {
                self.families.push_report(samples, row, day);
            }
        }
    }
}

impl CompatFamilies {
    fn push_legacy(&self, samples: &mut Samples, values: &DayValues, day: Day) {
        let families: [(FamilyId, &Values); 10] = [
            (self.total_active_users, &values.active_users),
            (self.total_engaged_users, &values.engaged_users),
            (self.is_custom_model, &values.custom_model),
            (self.total_chats, &values.chats),
            (self.total_chat_copy_events, &values.chat_copies),
            (self.total_chat_insertion_events, &values.chat_insertions),
            (self.total_code_suggestions, &values.suggestions),
            (self.total_code_acceptances, &values.acceptances),
            (self.total_code_lines_suggested, &values.lines_suggested),
            (self.total_code_lines_accepted, &values.lines_accepted),
        ];
        for (family, values) in families {
            for (labels, value) in values {
                let labels = labels.each_ref().map(String::as_str);
                samples.push_compat(family, labels, *value, day.start_ms());
            }
        }
    }

    fn push_report(&self, samples: &mut Samples, row: &AggregateRow, day: Day) {
        let at = day.start_ms();
        if let Some(users) = row.users_of_day() {
            samples.push_compat(self.total_active_users, ["", "", ""], users, at);
        }
        if let Some(parts) = row.breakdowns.get(BY_LANGUAGE_FEATURE) {
            for (labels, activity) in parts {
                let [language, feature] = labels.as_slice() else { continue };
                if feature != "code_completion" {
                    continue;
                }
                let Activity([_, suggestions, acceptances, suggested, _, accepted, _]) = activity;
                for (family, value) in [
                    (self.total_code_suggestions, suggestions),
                    (self.total_code_acceptances, acceptances),
                    (self.total_code_lines_suggested, suggested),
                    (self.total_code_lines_accepted, accepted),
                ] {
                    if let Some(value) = value {
                        samples.push_compat(family, ["", language, CODE_COMPLETIONS], *value, at);
                    }
                }
            }
        }
        let chats = row.breakdowns.get(BY_FEATURE).into_iter().flatten();
        let chats: Vec<f64> = chats
            .filter(|(labels, _)| {
                labels.first().is_some_and(|feature| feature.starts_with("chat_"))
            })
            .filter_map(|(_, Activity([interactions, ..]))| *interactions)
            .collect();
        if !chats.is_empty() {
            samples.push_compat(self.total_chats, ["", "", IDE_CHAT], chats.iter().sum(), at);
        }
    }
}
