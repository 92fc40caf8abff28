//! What entity rows say of the phases of adoption: cohorts of users by how they use Copilot.

use std::collections::BTreeMap;

use crate::input::{Id, Object, OwnedName};
use crate::output::fields::{self, MINUTES, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};

number_fields! {
    /// One phase (`totals_by_ai_adoption_phase`). The averages are GitHub's, over the phase's users.
    pub struct Phase {
        total_engaged_users => "adoption_phase_users", "Engaged users in an adoption phase, over the 28 days up to the report day.", UNIT;
        total_pull_requests_merged => "adoption_phase_pull_requests_merged", "Pull requests merged by the phase's users.", UNIT;
        avg_user_initiated_interactions => "adoption_phase_average_interactions", "Interactions started, on average per user of the phase.", UNIT;
        avg_code_generation_activities => "adoption_phase_average_code_generations", "Code generations, on average per user of the phase.", UNIT;
        avg_code_acceptance_activities => "adoption_phase_average_code_acceptances", "Code acceptances, on average per user of the phase.", UNIT;
        avg_loc_added => "adoption_phase_average_lines_added", "Lines of code added, on average per user of the phase.", UNIT;
        avg_loc_deleted => "adoption_phase_average_lines_deleted", "Lines of code deleted, on average per user of the phase.", UNIT;
        avg_pull_requests_created => "adoption_phase_average_pull_requests_created", "Pull requests created, on average per user of the phase.", UNIT;
        avg_pull_requests_reviewed => "adoption_phase_average_pull_requests_reviewed", "Pull requests reviewed, on average per user of the phase.", UNIT;
        avg_pull_requests_merged => "adoption_phase_average_pull_requests_merged", "Pull requests merged, on average per user of the phase.", UNIT;
        avg_pull_requests_review_cycles => "adoption_phase_average_pull_request_review_cycles", "Review cycles of a pull request, on average in the phase.", UNIT;
        avg_pull_requests_median_minutes_to_merge => "adoption_phase_average_time_to_merge_seconds", "Median time to merge a pull request, on average per user of the phase, in seconds.", MINUTES;
        avg_pull_requests_minutes_to_review => "adoption_phase_average_time_to_review_seconds", "Time until a pull request is reviewed, on average in the phase, in seconds.", MINUTES;
        .. {
            phase: Option<OwnedName>,
            phase_number: Option<Id>,
            version: Option<crate::input::Known>,
        }
    }
}

/// The families of phases.
pub struct AdoptionFamilies(Vec<FamilyId>);

impl AdoptionFamilies {
    /// Declares the families.
    pub fn declare(catalogue: &mut Catalogue) -> Self {
        Self(fields::declare(catalogue, "", Phase::FIELDS, &["phase"]))
    }

    /// Adds the samples. The label is the phase's number, which stays when GitHub renames one.
    pub fn push(&self, samples: &mut Samples, phases: &[Object<Phase>], at: i64) {
        // Averages can't be summed, so that of a phase that comes twice the later one counts.
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
