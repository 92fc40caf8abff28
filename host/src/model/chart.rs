//! The charts that a mapping declares for the page of a target.

/// A chart. Of several charts with the same title, the first one with samples is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its title.
    pub title: String,
    /// One sentence on what it shows.
    pub help: String,
    /// What to draw.
    pub form: ChartForm,
}

/// How a chart shows its samples.
#[derive(Clone, Debug, PartialEq)]
pub enum ChartForm {
    /// A line for each series over the last 28 days.
    Lines(Vec<ChartSeries>),
    /// A bar for each series, of the newest day.
    Bars(Vec<ChartSeries>),
    /// A bar for each value of a label, summed over the last 28 days.
    BarsByLabel(LabelBars),
}

/// A named value of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSeries {
    /// Its name in the legend.
    pub name: String,
    /// The value.
    pub value: Selection,
    /// What the value is divided by: the chart then shows a ratio.
    pub divided_by: Option<Selection>,
}

/// A bar for each value of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelBars {
    /// The label.
    pub label: String,
    /// The length of the bars.
    pub value: Selection,
    /// The name of that value.
    pub value_name: String,
    /// The part of each bar to highlight.
    pub part: Option<Selection>,
    /// The name of that part.
    pub part_name: Option<String>,
}

/// The sum of a family's samples of a day: of those that match every matcher.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The family.
    pub family: String,
    /// The samples to add up: all of them if empty.
    pub matchers: Vec<LabelMatcher>,
}

/// A label and the values to select.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMatcher {
    /// The label's name.
    pub label: String,
    /// The accepted values.
    pub values: Vec<String>,
}

impl Chart {
    /// Every selection of samples that the chart needs.
    pub fn selections(&self) -> Vec<&Selection> {
        match &self.form {
            ChartForm::Lines(series) | ChartForm::Bars(series) => series
                .iter()
                .flat_map(|series| [Some(&series.value), series.divided_by.as_ref()])
                .flatten()
                .collect(),
            ChartForm::BarsByLabel(bars) => {
                [Some(&bars.value), bars.part.as_ref()].into_iter().flatten().collect()
            }
        }
    }
}
