//! Pull requests.

use std::collections::BTreeMap;

use crate::input::{Field, Object, OwnedName, or_unknown};
use crate::output::fields::{self, MINUTES, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};

number_fields! {
    /// Pull requests of the report day (`pull_requests`).
    pub struct PullRequests {
        total_created => "pull_requests_created", "Number of pull requests created on the report day", UNIT;
        total_reviewed => "pull_requests_reviewed", "Number of pull requests reviewed on the report day", UNIT;
        total_merged => "pull_requests_merged", "Number of pull requests merged on the report day", UNIT;
        median_minutes_to_merge => "pull_request_time_to_merge_median_seconds", "Median time from creation to merge of the pull requests merged on the report day, in seconds", MINUTES;
        total_suggestions => "pull_request_suggestions", "Number of review suggestions made on the report day, by Copilot and by users", UNIT;
        total_applied_suggestions => "pull_request_suggestions_applied", "Number of review suggestions applied on the report day, of Copilot and of users", UNIT;
        total_created_by_copilot => "pull_requests_created_by_copilot", "Number of pull requests that Copilot created on the report day", UNIT;
        total_reviewed_by_copilot => "pull_requests_reviewed_by_copilot", "Number of pull requests that Copilot reviewed on the report day", UNIT;
        total_merged_created_by_copilot => "pull_requests_merged_created_by_copilot", "Number of pull requests merged on the report day that Copilot created", UNIT;
        total_merged_reviewed_by_copilot => "pull_requests_merged_reviewed_by_copilot", "Number of pull requests merged on the report day that Copilot reviewed", UNIT;
        median_minutes_to_merge_copilot_authored => "pull_request_copilot_authored_time_to_merge_median_seconds", "Median time from creation to merge of the pull requests merged on the report day that Copilot created, in seconds", MINUTES;
        median_minutes_to_merge_copilot_reviewed => "pull_request_copilot_reviewed_time_to_merge_median_seconds", "Median time from creation to merge of the pull requests merged on the report day that Copilot reviewed, in seconds", MINUTES;
        total_copilot_suggestions => "pull_request_copilot_suggestions", "Number of review suggestions that Copilot made on the report day", UNIT;
        total_copilot_applied_suggestions => "pull_request_copilot_suggestions_applied", "Number of Copilot's review suggestions applied on the report day", UNIT;
        .. {
            copilot_suggestions_by_comment_type: Field<Vec<Object<Suggestions>>>,
        }
    }
}

number_fields! {
    /// Copilot's suggestions in one type of comment.
    pub struct Suggestions {
        total_copilot_suggestions => "pull_request_comment_type_copilot_suggestions", "Number of review suggestions that Copilot made on the report day, by type of comment", UNIT;
        total_copilot_applied_suggestions => "pull_request_comment_type_copilot_suggestions_applied", "Number of Copilot's review suggestions applied on the report day, by type of comment", UNIT;
        .. {
            comment_type: Field<OwnedName>,
        }
    }
}

/// The families of pull requests.
pub struct PullRequestFamilies {
    totals: Vec<FamilyId>,
    by_comment_type: Vec<FamilyId>,
}

impl PullRequestFamilies {
    /// Declares the families, `{prefix}pull_requests_created` and so on. `note` ends their HELP text:
    /// `, per repository`.
    pub fn declare(catalogue: &mut Catalogue, prefix: &str, labels: &[&str], note: &str) -> Self {
        let mut declare =
            |fields, labels: &[&str]| fields::declare(catalogue, prefix, fields, labels, note);
        let by_type: Vec<_> = labels.iter().copied().chain(["comment_type"]).collect();
        Self {
            totals: declare(PullRequests::FIELDS, labels),
            by_comment_type: declare(Suggestions::FIELDS, &by_type),
        }
    }

    /// Adds the samples.
    pub fn push(&self, samples: &mut Samples, row: &PullRequests, labels: &[&str], at: i64) {
        fields::push(samples, &self.totals, PullRequests::FIELDS, &row.values(), labels, at);
        let mut types: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
        for element in row.copilot_suggestions_by_comment_type.elements() {
            let sums = types
                .entry(or_unknown(element.comment_type.as_deref()).to_owned())
                .or_insert_with(|| vec![None; Suggestions::FIELDS.len()]);
            for (sum, value) in sums.iter_mut().zip(element.values()) {
                *sum = value.map(|value| sum.unwrap_or(0.0) + value).or(*sum);
            }
        }
        for (name, values) in &types {
            let labels: Vec<_> = labels.iter().copied().chain([name.as_str()]).collect();
            fields::push(samples, &self.by_comment_type, Suggestions::FIELDS, values, &labels, at);
        }
    }
}
