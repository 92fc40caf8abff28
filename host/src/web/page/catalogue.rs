//! Which pictures there are of a target, and of which families.
//!
//! Each is drawn from the first of its sources that has samples: the usage reports, else the
//! original exporter's gauges, which the closed metrics API fills.

use std::sync::LazyLock;

use super::numbers::Unit;

/// The sum of a family over each day, of the samples with these labels.
#[derive(Clone, Copy)]
pub(super) struct Sum(pub(super) &'static str, pub(super) &'static [(&'static str, &'static str)]);

/// What a line shows of a day.
#[derive(Clone, Copy)]
pub(super) enum Shows {
    Sum(Sum),
    Ratio(Sum, Sum),
}

const fn of(family: &'static str) -> Sum {
    Sum(family, &[])
}

const fn active(labels: &'static [(&'static str, &'static str)]) -> Shows {
    Shows::Sum(Sum("github_copilot_active_users", labels))
}

/// A picture with lines: its title, its unit, and the lines by source.
pub(super) struct LinePicture {
    pub(super) title: &'static str,
    pub(super) what: &'static str,
    pub(super) unit: Unit,
    pub(super) sources: &'static [&'static [(&'static str, Shows)]],
}

pub(super) const LINES: &[LinePicture] = &[
    LinePicture {
        title: "Active users",
        what: "Distinct users who were active on the day, and in the 7 and 28 days up to it.",
        unit: Unit::Count,
        sources: &[
            &[
                ("day", active(&[("window", "day"), ("surface", "any")])),
                ("week", active(&[("window", "week"), ("surface", "any")])),
                ("month", active(&[("window", "month"), ("surface", "any")])),
            ],
            &[("day", Shows::Sum(Sum("total_active_users", &[("stream", "")])))],
        ],
    },
    LinePicture {
        title: "Acceptance",
        what: "Of the times that code was generated, how often it was accepted.",
        unit: Unit::Ratio,
        sources: &[
            &[(
                "accepted",
                Shows::Ratio(
                    of("github_copilot_code_acceptances"),
                    of("github_copilot_code_generations"),
                ),
            )],
            &[(
                "accepted",
                Shows::Ratio(of("total_code_acceptances"), of("total_code_suggestions")),
            )],
        ],
    },
    LinePicture {
        title: "Lines of code",
        what: "Lines on each day. Lines that an agent adds were never suggested.",
        unit: Unit::Count,
        sources: &[
            &[
                ("suggested", Shows::Sum(of("github_copilot_lines_suggested_to_add"))),
                ("added", Shows::Sum(of("github_copilot_lines_added"))),
                ("deleted", Shows::Sum(of("github_copilot_lines_deleted"))),
            ],
            &[
                ("suggested", Shows::Sum(of("total_code_lines_suggested"))),
                ("accepted", Shows::Sum(of("total_code_lines_accepted"))),
            ],
        ],
    },
];

/// A picture with a bar for each value of a label: how much code was generated, and how much of it
/// was accepted.
pub(super) struct BarPicture {
    pub(super) title: &'static str,
    pub(super) sources: &'static [Breakdown],
}

/// Two families, and the label that they are broken down by.
pub(super) struct Breakdown {
    pub(super) label: &'static str,
    pub(super) generated: &'static str,
    pub(super) accepted: &'static str,
}

const LEGACY: (&str, &str) = ("total_code_suggestions", "total_code_acceptances");

pub(super) const BREAKDOWNS: &[BarPicture] = &[
    BarPicture {
        title: "By language",
        sources: &[
            Breakdown {
                label: "language",
                generated: "github_copilot_language_feature_code_generations",
                accepted: "github_copilot_language_feature_code_acceptances",
            },
            Breakdown { label: "language", generated: LEGACY.0, accepted: LEGACY.1 },
        ],
    },
    BarPicture {
        title: "By editor",
        sources: &[
            Breakdown {
                label: "ide",
                generated: "github_copilot_ide_code_generations",
                accepted: "github_copilot_ide_code_acceptances",
            },
            Breakdown { label: "editor", generated: LEGACY.0, accepted: LEGACY.1 },
        ],
    },
    BarPicture {
        title: "By feature",
        sources: &[Breakdown {
            label: "feature",
            generated: "github_copilot_feature_code_generations",
            accepted: "github_copilot_feature_code_acceptances",
        }],
    },
    BarPicture {
        title: "By model",
        sources: &[Breakdown {
            label: "model",
            generated: "github_copilot_model_feature_code_generations",
            accepted: "github_copilot_model_feature_code_acceptances",
        }],
    },
];

pub(super) const SEATS_BY_AGE: &str = "github_copilot_seats_by_activity_age";

/// How seats are used, by the time since their last activity.
pub(super) const SEATS: &[(&str, &[&str])] = &[
    ("used within 7 days", &["1d", "7d"]),
    ("used within 30 days", &["30d"]),
    ("idle for 31 to 90 days", &["90d"]),
    ("idle for longer", &["over_90d"]),
    ("no use on record", &["never"]),
];

/// Where there is no list of seats: what billing says of them.
pub(super) const BILLED: &[(&str, &str)] = &[
    ("used in this billing cycle", "github_copilot_billing_seats_active_this_cycle"),
    ("idle in this billing cycle", "github_copilot_billing_seats_inactive_this_cycle"),
];

/// The families that are drawn.
pub(super) static FAMILIES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let of_line = |shows: &Shows| match *shows {
        Shows::Sum(Sum(family, _)) => vec![family],
        Shows::Ratio(Sum(part, _), Sum(whole, _)) => vec![part, whole],
    };
    let lines = LINES.iter().flat_map(|picture| picture.sources.iter().copied().flatten());
    let lines = lines.flat_map(|(_, shows)| of_line(shows));
    let bars = BREAKDOWNS.iter().flat_map(|picture| picture.sources);
    let bars = bars.flat_map(|source| [source.generated, source.accepted]);
    let billed = BILLED.iter().map(|(_, family)| *family);
    let mut families: Vec<_> = lines.chain(bars).chain([SEATS_BY_AGE]).chain(billed).collect();
    families.sort_unstable();
    families.dedup();
    families
});
