//! Which charts of a mapping have samples.

use super::chart_use::ChartUse;
use crate::model::text::sanitize;
use crate::model::{ChartForm, Manifest, Samples, Selection};

/// Notes which charts have samples, in addition to those of other targets.
pub(super) fn note_samples(charts: &mut Vec<ChartUse>, manifest: &Manifest, samples: &Samples) {
    if charts.is_empty() {
        let unused = |title: &String| ChartUse { title: sanitize(title), has_samples: false };
        charts.extend(manifest.charts.iter().map(|chart| unused(&chart.title)));
    }
    for (chart, found) in manifest.charts.iter().zip(charts) {
        let values: Vec<&Selection> = match &chart.form {
            ChartForm::Lines(series) | ChartForm::Bars(series) => {
                series.iter().map(|series| &series.value).collect()
            }
            ChartForm::BarsByLabel(bars) => vec![&bars.value],
        };
        found.has_samples |= values.into_iter().any(|value| selects_any(value, samples));
    }
}

/// Whether a selection matches any sample.
fn selects_any(selection: &Selection, samples: &Samples) -> bool {
    let of_family = samples.families.iter().find(|(family, _)| family.name == selection.family);
    let Some((family, columns)) = of_family else { return false };
    let width = family.label_names.len();
    columns.iter(width).any(|(ids, _, _)| {
        selection.matchers.iter().all(|matcher| {
            let value = family
                .label_names
                .iter()
                .zip(ids)
                .find(|(name, _)| **name == matcher.label)
                .and_then(|(_, id)| samples.strings.get(*id as usize));
            value.is_some_and(|value| matcher.values.contains(value))
        })
    })
}
