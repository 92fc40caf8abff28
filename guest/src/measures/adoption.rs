//! Adoption phases: cohorts of users by how they use Copilot.

use std::collections::BTreeMap;

use crate::input::{Id, Object, OwnedName};
use crate::output::fields::{self, MINUTES, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};

number_fields! {
    /// A phase (`totals_by_ai_adoption_phase`). The averages are GitHub's, over the users in the phase.
    pub struct Phase {
        total_engaged_users => "adoption_phase_users", "Number of users in the adoption phase who were active on the report day", UNIT;
        total_pull_requests_merged => "adoption_phase_pull_requests_merged", "Number of pull requests merged on the report day by users in the adoption phase", UNIT;
        avg_user_initiated_interactions => "adoption_phase_average_interactions", "Average number of interactions initiated on the report day per user in the adoption phase", UNIT;
        avg_code_generation_activities => "adoption_phase_average_code_generations", "Average number of code generations on the report day per user in the adoption phase", UNIT;
        avg_code_acceptance_activities => "adoption_phase_average_code_acceptances", "Average number of code acceptances on the report day per user in the adoption phase", UNIT;
        avg_loc_added => "adoption_phase_average_lines_added", "Average number of lines of code added on the report day per user in the adoption phase", UNIT;
        avg_loc_deleted => "adoption_phase_average_lines_deleted", "Average number of lines of code deleted on the report day per user in the adoption phase", UNIT;
        avg_pull_requests_created => "adoption_phase_average_pull_requests_created", "Average number of pull requests created on the report day per user in the adoption phase", UNIT;
        avg_pull_requests_reviewed => "adoption_phase_average_pull_requests_reviewed", "Average number of pull requests reviewed on the report day per user in the adoption phase", UNIT;
        avg_pull_requests_merged => "adoption_phase_average_pull_requests_merged", "Average number of pull requests merged on the report day per user in the adoption phase", UNIT;
        avg_pull_requests_review_cycles => "adoption_phase_average_pull_request_review_cycles", "Median number of review cycles of the adoption phase's pull requests merged on the report day (GitHub calls it an average)", UNIT;
        avg_pull_requests_median_minutes_to_merge => "adoption_phase_average_time_to_merge_seconds", "Average over the users in the adoption phase of the median time to merge a pull request, in seconds", MINUTES;
        avg_pull_requests_minutes_to_review => "adoption_phase_average_time_to_review_seconds", "Median time to review of the adoption phase's pull requests merged on the report day, in seconds (GitHub calls it an average)", MINUTES;
        .. {
            phase: Option<OwnedName>,
            phase_number: Option<Id>,
            version: Option<crate::input::Known>,
        }
    }
}

/// The families of adoption phases.
pub struct AdoptionFamilies(Vec<FamilyId>);

impl AdoptionFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self(fields::declare(catalogue, "", Phase::FIELDS, &["phase"], ""))
    }

    /// Adds the samples. The label is the number of the phase, which does not change if GitHub renames
    /// the phase.
    pub fn push(&self, samples: &mut Samples, phases: &[Object<Phase>], at: i64) {
        // Averages cannot be summed, so if a phase occurs twice, the last one wins.
        let by_label: BTreeMap<String, &Phase> =
            phases.iter().map(|phase| (phase.label(), &**phase)).collect();
        for (label, phase) in by_label {
            fields::push(samples, &self.0, Phase::FIELDS, &phase.values(), &[&label], at);
        }
    }
}

impl Phase {
    fn label(&self) -> String {
        match (&self.phase_number, &self.phase) {
            (Some(number), _) => number.to_string(),
            (None, Some(name)) => name.to_string(),
            (None, None) => "unknown".to_owned(),
        }
    }
}
