//! Adoption phases: cohorts of users by how they use Copilot.

use std::collections::BTreeMap;

use serde::de::SeqAccess;

use crate::input::{
    Field, FromJson, Id, Known, Object, OwnedName, Problem, Rank, Version, by_size, or_unknown,
    report,
};
use crate::output::fields::{self, MINUTES, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};

number_fields! {
    /// A phase (`totals_by_ai_adoption_phase`). The averages are GitHub's, over the users in the phase.
    pub struct Phase {
        total_engaged_users => "adoption_phase_users", "Number of users in the adoption phase who were active on the report day", UNIT;
        users_in_phase_28d => "adoption_phase_users_28d", "Number of users in the adoption phase over the 28 days up to the report day, whether or not they were active on the report day", UNIT;
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
            phase: Field<OwnedName>,
            phase_number: Field<Id>,
            version: Known,
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

    /// Adds the samples.
    pub fn push(&self, samples: &mut Samples, phases: &Phases, at: i64) {
        for (label, phase) in phases {
            let phase = &phase.value;
            fields::push(samples, &self.0, Phase::FIELDS, &phase.values(), &[label], at);
        }
    }
}

/// The phases by label: the number of the phase, which does not change if GitHub renames the phase.
pub type Phases = BTreeMap<String, Version<Phase>>;

/// The phases of a row. Averages cannot be summed, so of two elements for a phase the one with more
/// users is kept.
impl<'de> FromJson<'de> for Phases {
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut phases = Phases::new();
        let mut has_conflict = false;
        while let Some(element) = array.next_element::<Field<Object<Phase>>>()? {
            let Some(Object(phase)) = element.into_option() else { continue };
            let size = |phase: &Phase| phase.total_engaged_users.get().map_or(0.0, |users| users.0);
            let (label, version) = (phase.label(), Version::new(Rank::LOWEST, phase));
            has_conflict |= Version::keep_in(&mut phases, label, version, by_size(size));
        }
        if has_conflict {
            report(Problem::Conflict);
        }
        Ok(Some(phases))
    }
}

impl Phase {
    fn label(&self) -> String {
        match (self.phase_number.get(), self.phase.as_deref()) {
            (Some(number), _) => number.to_string(),
            (None, name) => or_unknown(name).to_owned(),
        }
    }
}
