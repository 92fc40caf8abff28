//! The charts that a collector declares for the page, as constants.

use crate::contract::{Chart, ChartForm, ChartSeries, LabelBars, LabelMatcher, Selection};

/// A chart: the constant form of [`Chart`].
pub struct ChartDefinition {
    /// Its title.
    pub title: &'static str,
    /// What it shows.
    pub help: &'static str,
    /// What it draws.
    pub form: Form,
    /// Whether it is only shown if another chart with its title has no samples.
    pub is_fallback: bool,
}

/// What a chart draws.
pub enum Form {
    /// A line for each series over the last 28 days.
    Lines(&'static [Series]),
    /// A bar for each series, of the newest day.
    Bars(&'static [Series]),
    /// A bar for each value of a label.
    ByLabel {
        /// The label.
        label: &'static str,
        /// The length of the bars: its name in the legend, and the sum.
        value: (&'static str, Sum),
        /// The highlighted part of the bars, such as the accepted part of the generated code. A bar without
        /// samples for it has no such part.
        part: Option<(&'static str, Sum)>,
    },
}

/// The sum of the samples of a family that match.
#[derive(Clone, Copy)]
pub struct Sum {
    family: &'static str,
    matchers: Matchers,
}

/// The labels to select, each with the accepted values.
pub type Matchers = &'static [(&'static str, &'static [&'static str])];

impl Sum {
    /// The sum of a family.
    pub const fn of(family: &'static str) -> Self {
        Self::matching(family, &[])
    }

    /// The sum of the samples that match.
    pub const fn matching(family: &'static str, matchers: Matchers) -> Self {
        Self { family, matchers }
    }

    fn selection(&self) -> Selection {
        let matchers = self.matchers.iter().map(|(label, values)| LabelMatcher {
            label: (*label).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        });
        Selection { family: self.family.to_owned(), matchers: matchers.collect() }
    }
}

/// A named value: a sum, or a ratio of two.
pub struct Series {
    name: &'static str,
    value: Sum,
    divided_by: Option<Sum>,
}

impl Series {
    /// A sum.
    pub const fn new(name: &'static str, value: Sum) -> Self {
        Self { name, value, divided_by: None }
    }

    /// The sum of a family.
    pub const fn sum(name: &'static str, family: &'static str) -> Self {
        Self::new(name, Sum::of(family))
    }

    /// The sum of the samples that match.
    pub const fn matching(name: &'static str, family: &'static str, matchers: Matchers) -> Self {
        Self::new(name, Sum::matching(family, matchers))
    }

    /// A sum divided by another one.
    pub const fn ratio(name: &'static str, value: Sum, by: Sum) -> Self {
        Self { divided_by: Some(by), ..Self::new(name, value) }
    }

    fn spec(&self) -> ChartSeries {
        ChartSeries {
            name: self.name.to_owned(),
            value: self.value.selection(),
            divided_by: self.divided_by.as_ref().map(Sum::selection),
        }
    }
}

impl ChartDefinition {
    /// The chart in the types of the contract.
    pub fn spec(&self) -> Chart {
        let series = |series: &[Series]| series.iter().map(Series::spec).collect();
        let form = match &self.form {
            Form::Lines(lines) => ChartForm::Lines(series(lines)),
            Form::Bars(bars) => ChartForm::Bars(series(bars)),
            Form::ByLabel { label, value: (value_name, value), part } => {
                ChartForm::BarsByLabel(LabelBars {
                    label: (*label).to_owned(),
                    value: value.selection(),
                    value_name: (*value_name).to_owned(),
                    part: part.as_ref().map(|(_, sum)| sum.selection()),
                    part_name: part.as_ref().map(|(name, _)| (*name).to_owned()),
                })
            }
        };
        Chart { title: self.title.to_owned(), help: self.help.to_owned(), form }
    }
}

/// Puts the charts in the order of the page: each chart is followed by the fallbacks that have its
/// title, wherever they are declared.
pub fn in_order(
    charts: impl Iterator<Item = &'static ChartDefinition>,
) -> Vec<&'static ChartDefinition> {
    let (fallbacks, charts): (Vec<_>, Vec<_>) = charts.partition(|chart| chart.is_fallback);
    let with_fallbacks = |chart: &'static ChartDefinition| {
        let same_title = fallbacks.iter().copied().filter(|f| f.title == chart.title);
        std::iter::once(chart).chain(same_title).collect::<Vec<_>>()
    };
    charts.into_iter().flat_map(with_fallbacks).collect()
}
