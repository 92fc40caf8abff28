//! The seven activity measures: totals and breakdowns.
//!
//! Each breakdown has families of its own. GitHub counts what it can attribute, so the parts of a
//! breakdown add up neither to the totals nor to the parts of another breakdown.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::{Count, Field, Known, Name, Object, or_unknown};
use crate::output::{Catalogue, FamilyId, Samples};

/// A measure: GitHub's field, the end of the family's name, and what it counts.
struct Measure {
    field: &'static str,
    family: &'static str,
    what: &'static str,
}

/// The measures, in the order of [`Activity`]. Breakdowns by language do not have the first one.
const MEASURES: [Measure; 7] = [
    Measure {
        field: "user_initiated_interaction_count",
        family: "interactions",
        what: "Number of interactions that users initiated (such as prompts)",
    },
    Measure {
        field: "code_generation_activity_count",
        family: "code_generations",
        what: "Number of times Copilot generated code (completions shown, code blocks, edits)",
    },
    Measure {
        field: "code_acceptance_activity_count",
        family: "code_acceptances",
        what: "Number of times users accepted generated code (edits by agents are never accepted)",
    },
    Measure {
        field: "loc_suggested_to_add_sum",
        family: "lines_suggested_to_add",
        what: "Number of lines of code that Copilot suggested adding",
    },
    Measure {
        field: "loc_suggested_to_delete_sum",
        family: "lines_suggested_to_delete",
        what: "Number of lines of code that Copilot suggested deleting",
    },
    Measure {
        field: "loc_added_sum",
        family: "lines_added",
        what: "Number of lines of code added with Copilot (may exceed the lines suggested)",
    },
    Measure {
        field: "loc_deleted_sum",
        family: "lines_deleted",
        what: "Number of lines of code deleted with Copilot",
    },
];

/// The position of a measure's field in [`Activity`].
pub fn measure_index(field: &str) -> Option<usize> {
    MEASURES.iter().position(|measure| measure.field == field)
}

/// The values of the measures; `None` if not available.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activity(pub [Option<f64>; 7]);

impl Activity {
    /// Adds the values of `other`.
    pub fn add(&mut self, other: &Self) {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            if let Some(value) = value {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
    }

    /// Sets the measure at `index`.
    pub fn set(&mut self, index: usize, value: Field<Count>) {
        if let Some(slot) = self.0.get_mut(index) {
            *slot = value.get().map(|count| count.0);
        }
    }

    /// Whether any measure is above zero.
    pub fn any(&self) -> bool {
        self.0.iter().any(|value| value.is_some_and(|value| value > 0.0))
    }
}

/// An activity in half the memory, for each of 100,000 users. NaN, which JSON does not have, stands for
/// values that are not available.
#[derive(Clone, Copy)]
pub struct PackedActivity([f64; 7]);

impl From<Activity> for PackedActivity {
    fn from(activity: Activity) -> Self {
        Self(activity.0.map(|value| value.unwrap_or(f64::NAN)))
    }
}

impl From<PackedActivity> for Activity {
    fn from(packed: PackedActivity) -> Self {
        Self(packed.0.map(|value| (!value.is_nan()).then_some(value)))
    }
}

/// A breakdown of the measures: GitHub's array, and the names and labels of its families.
#[derive(Clone, Copy, Debug)]
pub struct Breakdown {
    /// The array in the row.
    pub field: &'static str,
    /// The part of a family's name before the measure.
    prefix: &'static str,
    labels: &'static [&'static str],
    /// 1 if the elements have no interactions, else 0.
    first_measure: usize,
}

/// The breakdowns of a row.
pub const BREAKDOWNS: [Breakdown; 5] = [
    Breakdown { field: "totals_by_ide", prefix: "ide_", labels: &["ide"], first_measure: 0 },
    Breakdown {
        field: "totals_by_feature",
        prefix: "feature_",
        labels: &["feature"],
        first_measure: 0,
    },
    Breakdown {
        field: "totals_by_model_feature",
        prefix: "model_feature_",
        labels: &["model", "feature"],
        first_measure: 0,
    },
    Breakdown {
        field: "totals_by_language_feature",
        prefix: "language_feature_",
        labels: &["language", "feature"],
        first_measure: 1,
    },
    Breakdown {
        field: "totals_by_language_model",
        prefix: "language_model_",
        labels: &["language", "model"],
        first_measure: 1,
    },
];

/// The index in [`BREAKDOWNS`] of the totals by feature.
pub const BY_FEATURE: usize = 1;
/// The index in [`BREAKDOWNS`] of the totals by language and feature.
pub const BY_LANGUAGE_FEATURE: usize = 3;

/// An element of a breakdown's array.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Element<'a> {
    #[serde(borrow)]
    ide: Field<Name<'a>>,
    #[serde(borrow)]
    feature: Field<Name<'a>>,
    #[serde(borrow)]
    model: Field<Name<'a>>,
    #[serde(borrow)]
    language: Field<Name<'a>>,
    user_initiated_interaction_count: Field<Count>,
    code_generation_activity_count: Field<Count>,
    code_acceptance_activity_count: Field<Count>,
    loc_suggested_to_add_sum: Field<Count>,
    loc_suggested_to_delete_sum: Field<Count>,
    loc_added_sum: Field<Count>,
    loc_deleted_sum: Field<Count>,
    #[serde(borrow)]
    last_known_ide_version: Field<Object<IdeVersion<'a>>>,
    #[serde(borrow)]
    last_known_plugin_version: Field<Object<PluginVersion<'a>>>,
}

/// The version of the IDE that GitHub saw last, only in the rows of users.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IdeVersion<'a> {
    #[serde(borrow)]
    ide_version: Field<Name<'a>>,
    #[serde(rename = "sampled_at")]
    _sampled_at: Known,
}

/// The version of Copilot's plugin for the IDE that GitHub saw last.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PluginVersion<'a> {
    #[serde(borrow)]
    plugin: Field<Name<'a>>,
    #[serde(borrow)]
    plugin_version: Field<Name<'a>>,
    #[serde(rename = "sampled_at")]
    _sampled_at: Known,
}

impl Element<'_> {
    fn label(&self, name: &str) -> &str {
        or_unknown(match name {
            "ide" => self.ide.as_deref(),
            "feature" => self.feature.as_deref(),
            "model" => self.model.as_deref(),
            _ => self.language.as_deref(),
        })
    }

    /// The IDE and its version, if that is known.
    pub fn ide_version(&self) -> Option<(&str, &str)> {
        let version = self.last_known_ide_version.get()?.ide_version.as_deref()?;
        (!version.is_empty()).then(|| (self.label("ide"), version))
    }

    /// The plugin and its version, if that is known.
    pub fn plugin_version(&self) -> Option<(&str, &str)> {
        let known = self.last_known_plugin_version.get()?;
        let version = known.plugin_version.as_deref()?;
        (!version.is_empty()).then(|| (or_unknown(known.plugin.as_deref()), version))
    }

    fn activity(&self) -> Activity {
        Activity(
            [
                &self.user_initiated_interaction_count,
                &self.code_generation_activity_count,
                &self.code_acceptance_activity_count,
                &self.loc_suggested_to_add_sum,
                &self.loc_suggested_to_delete_sum,
                &self.loc_added_sum,
                &self.loc_deleted_sum,
            ]
            .map(|count| count.get().map(|count| count.0)),
        )
    }
}

/// The parts of a breakdown by their label values. Elements with the same labels are summed,
/// because series must not have the same labels.
pub type Parts = BTreeMap<Vec<String>, Activity>;

/// The parts of a breakdown's array.
pub fn parts(breakdown: &Breakdown, elements: &[Object<Element<'_>>]) -> Parts {
    let mut parts = Parts::new();
    for element in elements {
        let labels = breakdown.labels.iter().map(|name| element.label(name).to_owned());
        parts.entry(labels.collect()).or_default().add(&element.activity());
    }
    parts
}

/// The families of the measures, for totals or for one breakdown.
pub struct ActivityFamilies {
    families: Vec<FamilyId>,
    first_measure: usize,
}

impl ActivityFamilies {
    /// Declares the families of the totals, `{prefix}{measure}`. `per` ends their HELP text:
    /// `, per user`.
    pub fn totals(catalogue: &mut Catalogue, prefix: &str, per: &str, labels: &[&str]) -> Self {
        Self::declare(catalogue, prefix, per, labels, 0)
    }

    /// Declares the families of a breakdown, `{prefix}{breakdown}_{measure}`.
    pub fn breakdown(
        catalogue: &mut Catalogue,
        prefix: &str,
        per: &str,
        labels: &[&str],
        breakdown: &Breakdown,
    ) -> Self {
        let all: Vec<_> = labels.iter().chain(breakdown.labels).copied().collect();
        let by = breakdown.labels.join(" and ").replace("ide", "IDE");
        let per = format!("{per}, by {by}");
        let prefix = format!("{prefix}{}", breakdown.prefix);
        Self::declare(catalogue, &prefix, &per, &all, breakdown.first_measure)
    }

    fn declare(
        catalogue: &mut Catalogue,
        prefix: &str,
        per: &str,
        labels: &[&str],
        first_measure: usize,
    ) -> Self {
        let families = MEASURES.iter().skip(first_measure).map(|measure| {
            let help = format!("{} on the report day{per} ({}).", measure.what, measure.field);
            catalogue.gauge(&format!("{prefix}{}", measure.family), &help, labels)
        });
        Self { families: families.collect(), first_measure }
    }

    /// Adds a sample for each measure that is available.
    pub fn push(&self, samples: &mut Samples, activity: &Activity, labels: &[&str], at: i64) {
        let values = activity.0.iter().skip(self.first_measure);
        for (family, value) in self.families.iter().zip(values) {
            if let Some(value) = value {
                samples.push(*family, labels, *value, at);
            }
        }
    }

    /// Adds the samples of every part. `labels` precede the labels of the part.
    pub fn push_parts(&self, samples: &mut Samples, parts: &Parts, labels: &[&str], at: i64) {
        for (names, activity) in parts {
            let all: Vec<&str> =
                labels.iter().copied().chain(names.iter().map(String::as_str)).collect();
            self.push(samples, activity, &all, at);
        }
    }
}
