//! The overview: a row for each target, failing ones first.

use jiff::civil::Date;

use super::headline::{HEADLINES, Headline, Value};
use super::numbers::Unit;
use super::run::members_with_charts;
use super::trend::Trend;
use crate::model::{Document, Scope};
use crate::output::{Status, TargetStatus};
use crate::refresh::TargetView;

/// A row.
pub(super) struct Row {
    /// The label `org` of the target.
    pub org: String,
    /// Its label `scope`, unless it is an organization.
    pub scope: Option<&'static str>,
    /// Its label `scope`, if another target has the same name: the link needs it then.
    pub link_scope: Option<&'static str>,
    /// The class of the state in the style sheet.
    pub class: &'static str,
    /// The state.
    pub state: &'static str,
    /// The newest day that its reports are about.
    pub report_day: Option<Date>,
    /// The headline numbers, in the order of [`HEADLINES`].
    pub figures: Vec<Figure>,
    /// Whether the page has its charts.
    pub is_chosen: bool,
}

/// A headline number as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// The number, if it is known.
    pub value: Option<String>,
    /// Whether it is compared with the value of a week earlier.
    pub is_compared: bool,
    /// The change since then, if it is known.
    pub change: Option<String>,
}

impl Row {
    /// Describes a target. Its numbers are those of the samples that are served.
    pub(super) fn new(
        status: &TargetStatus,
        view: Option<&TargetView>,
        trend: Option<&Trend>,
    ) -> Self {
        let (class, state) = match status.outcome.status {
            Status::Failed(_) => ("failed", "failing"),
            Status::Starting => ("starting", "starting"),
            Status::Fresh => ("fresh", "ok"),
        };
        let mut compared = 0;
        let figure = |headline: &Headline| {
            let charts = view.into_iter().flat_map(members_with_charts);
            let charts = charts.flat_map(|member| &member.mapping.manifest().charts);
            let value = headline.value(charts, &status.samples);
            let at = compared;
            compared += usize::from(headline.is_compared);
            let trend = trend.filter(|_| headline.is_compared);
            let change = value.and_then(|value| trend?.change(at, value.number));
            Figure {
                value: value.map(|Value { number, unit }| unit.full(number)),
                is_compared: headline.is_compared,
                change: change.map(signed_percent),
            }
        };
        Self {
            org: status.target.name().to_owned(),
            scope: match status.target.scope() {
                Scope::Organization => None,
                scope => Some(scope.label()),
            },
            link_scope: None,
            class,
            state,
            report_day: view.and_then(|view| Document::newest_day(view.documents.values())),
            figures: HEADLINES.iter().map(figure).collect(),
            is_chosen: false,
        }
    }

    /// Whether the last refresh failed.
    pub(super) fn is_failing(&self) -> bool {
        self.class == "failed"
    }
}

/// A relative change as a percentage with its sign: `+4%`.
fn signed_percent(change: f64) -> String {
    let percent = (100.0 * change).round();
    match percent {
        0.0 => "±0%".to_owned(),
        // The minus sign is as wide as the plus sign.
        ..0.0 => format!("−{}%", Unit::Count.full(-percent)),
        _ => format!("+{}%", Unit::Count.full(percent)),
    }
}

/// The order of the targets in the table: those that fail, those that start, then the others, each as in
/// the settings.
pub(super) fn order(status: &TargetStatus) -> u8 {
    match status.outcome.status {
        Status::Failed(_) => 0,
        Status::Starting => 1,
        Status::Fresh => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Target;
    use crate::output::Outcome;

    fn status(name: &str, status: Status) -> TargetStatus {
        let target = Target::new(Scope::Organization, name).unwrap();
        let outcome = Outcome { status, ..Outcome::default() };
        TargetStatus { target, outcome, mappings: vec![], has_data: false, samples: vec![] }
    }

    #[test]
    fn failing_targets_come_first_and_others_stay_in_the_order_of_the_settings() {
        let failed = || Status::Failed(vec![]);
        let mut statuses = [
            status("z", Status::Fresh),
            status("a", Status::Fresh),
            status("y", failed()),
            status("x", Status::Starting),
            status("b", failed()),
        ];
        statuses.sort_by_key(order);
        let names: Vec<_> = statuses.iter().map(|status| status.target.name()).collect();
        assert_eq!(names, ["y", "b", "x", "z", "a"]);
    }

    #[test]
    fn a_target_without_data_has_a_row_without_numbers() {
        let row = Row::new(&status("a", Status::Starting), None, None);
        assert_eq!((row.org.as_str(), row.scope, row.state), ("a", None, "starting"));
        assert_eq!((row.report_day, row.is_failing()), (None, false));
        assert_eq!(row.figures.len(), HEADLINES.len());
        assert!(row.figures.iter().all(|figure| figure.value.is_none()));
    }

    #[test]
    fn a_change_has_its_sign() {
        let changes = [0.05, -0.051, 0.004, -0.004, 12.5].map(signed_percent);
        assert_eq!(changes, ["+5%", "−5%", "±0%", "±0%", "+1,250%"]);
    }
}
