//! Repository reports: the pull requests and review times of each repository.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::collector::{self, Collector, Collectors};
use crate::input::{
    Day, Field, Known, Name, Object, OwnedName, Problem, Rank, Rejected, Row, Version, by_size,
    label, or_unknown, to_label,
};
use crate::measures::pull_requests::{PullRequestFamilies, PullRequests};
use crate::output::fields::{self, MINUTES, UNIT, number_fields};
use crate::output::{Catalogue, FamilyId, Samples};
use crate::registration::{DocumentDefinition, Registration};
use crate::settings::{OptionDefinition, Settings};

pub const REGISTRATION: Registration = Registration {
    documents: DOCUMENTS,
    may_be_empty: true,
    options: &[REPOSITORIES],
    ..Registration::new(collector::new::<RepositoriesCollector>)
};

const DOCUMENTS: &[DocumentDefinition] = &[
    DocumentDefinition {
        only_with: Some(REPOSITORIES.name),
        ..DocumentDefinition::organization_report(
            "repos-1-day",
            "/orgs/{org}/copilot/metrics/reports/repos-1-day?day={day}",
        )
    },
    DocumentDefinition {
        only_with: Some(REPOSITORIES.name),
        ..DocumentDefinition::enterprise_report(
            "repos-1-day",
            "/enterprises/{enterprise}/copilot/metrics/reports/repos-1-day?day={day}",
        )
    },
];

/// Enables the report. It is up to about 50 series for each repository, so it is off by default.
const REPOSITORIES: OptionDefinition = OptionDefinition {
    name: "repositories",
    help: "Set to true to add the families of the repository report: up to about 50 series per \
           active repository.",
};

/// A row: a repository that was active on the day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RepositoryRow<'a> {
    day: Field<Day>,
    #[serde(borrow)]
    repo_owner_name: Field<Name<'a>>,
    #[serde(borrow)]
    repo_name: Field<Name<'a>>,
    #[serde(borrow)]
    repo_visibility: Field<Name<'a>>,
    pull_requests: Field<Object<PullRequests>>,
    pull_request_review_times: Field<Vec<Object<ReviewTimes>>>,
    #[serde(rename = "repo_id")]
    _repo_id: Known,
    #[serde(rename = "organization_id")]
    _organization_id: Known,
    #[serde(rename = "enterprise_id")]
    _enterprise_id: Known,
}

number_fields! {
    /// How long the merged pull requests of a group took (`pull_request_review_times`).
    pub struct ReviewTimes {
        total_merged => "pull_requests_merged_by_reviewer", "Number of pull requests merged on the report day, by author and reviewer", UNIT;
        median_minutes_ready_to_first_review => "pull_request_ready_to_first_review_median_seconds", "Median time from ready for review to the first review of the pull requests merged on the report day, in seconds", MINUTES;
        p90_minutes_ready_to_first_review => "pull_request_ready_to_first_review_p90_seconds", "90th percentile of the time from ready for review to the first review of the pull requests merged on the report day, in seconds", MINUTES;
        median_minutes_first_to_final_review => "pull_request_first_to_final_review_median_seconds", "Median time from the first to the final review of the pull requests merged on the report day, in seconds", MINUTES;
        p90_minutes_first_to_final_review => "pull_request_first_to_final_review_p90_seconds", "90th percentile of the time from the first to the final review of the pull requests merged on the report day, in seconds", MINUTES;
        median_minutes_final_review_to_merge => "pull_request_final_review_to_merge_median_seconds", "Median time from the final review to the merge of the pull requests merged on the report day, in seconds", MINUTES;
        p90_minutes_final_review_to_merge => "pull_request_final_review_to_merge_p90_seconds", "90th percentile of the time from the final review to the merge of the pull requests merged on the report day, in seconds", MINUTES;
        .. {
            authored_by: Field<OwnedName>,
            reviewed_by: Field<OwnedName>,
        }
    }
}

/// The start of the names of the families with a `repository` label.
const PREFIX: &str = "repository_";
/// The end of their HELP texts.
const NOTE: &str = ", per repository (owner/name; visibility as GitHub reports it, in lower case)";

/// Collects the rows of repository reports; without `history`, only the newest day.
pub struct RepositoriesCollector {
    report_day: FamilyId,
    pull_requests: PullRequestFamilies,
    review_times: Vec<FamilyId>,
    enabled: bool,
    history: bool,
    days: BTreeMap<Day, BTreeMap<String, Version<Repository>>>,
}

/// What is kept of a repository's day.
#[derive(Debug)]
struct Repository {
    visibility: String,
    pull_requests: Option<Object<PullRequests>>,
    review_times: BTreeMap<(String, String), Version<ReviewTimes>>,
}

impl Collector for RepositoriesCollector {
    fn declare(catalogue: &mut Catalogue, settings: &Settings) -> Self {
        let labels = ["repository", "visibility"];
        let by_reviewer = ["repository", "visibility", "authored_by", "reviewed_by"];
        Self {
            report_day: catalogue.gauge(
                "repositories_report_day_timestamp_seconds",
                "Start (00:00 UTC) of the newest day in the repository report, in seconds since 1970-01-01.",
                &[],
            ),
            pull_requests: catalogue.detailed(Some(REPOSITORIES.name), 2, |catalogue| {
                PullRequestFamilies::declare(catalogue, PREFIX, &labels, NOTE)
            }),
            review_times: catalogue.detailed(Some(REPOSITORIES.name), 2, |catalogue| {
                fields::declare(catalogue, PREFIX, ReviewTimes::FIELDS, &by_reviewer, NOTE)
            }),
            enabled: settings.is_enabled(REPOSITORIES.name),
            history: settings.history,
            days: BTreeMap::new(),
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Rejected> {
        let (values, mut notes) = row.decode::<RepositoryRow<'_>>(&[])?;
        let day = notes.day(values.day, "day")?;
        let name = notes.required(values.repo_name, "repo_name")?;
        let mut name = format!("{}/{}", or_unknown(values.repo_owner_name.as_deref()), &*name);
        if let Some(shorter) = label(&name) {
            notes.note("repo_name", Problem::Altered);
            name = shorter;
        }
        let mut review_times = BTreeMap::new();
        for Object(times) in values.pull_request_review_times.into_option().unwrap_or_default() {
            // Medians cannot be summed, so of two elements for a group the one with more merged pull
            // requests is kept.
            let (group, version) = (times.group(), Version::new(Rank::LOWEST, times));
            if Version::keep_in(&mut review_times, group, version, by_size(ReviewTimes::merged)) {
                notes.note("pull_request_review_times", Problem::Conflict);
            }
        }
        let repository = Repository {
            visibility: to_label(or_unknown(values.repo_visibility.as_deref()).to_lowercase()),
            pull_requests: values.pull_requests.into_option(),
            review_times,
        };
        if self.enabled && self.add(day, name, Version::new(notes.rank, repository)) {
            notes.note("repo_name", Problem::Conflict);
        }
        Ok(())
    }

    fn nothing_on(&mut self, day: Day) -> bool {
        if self.enabled && self.keep_day(day) {
            self.days.entry(day).or_default();
        }
        true
    }

    fn finish(&self, _: Collectors<'_>, samples: &mut Samples) {
        for (day, repositories) in &self.days {
            let at = day.start_ms();
            samples.push(self.report_day, &[], at as f64 / 1000.0, at);
            for (name, repository) in repositories {
                self.push(samples, name, &repository.value, at);
            }
        }
    }
}

impl RepositoriesCollector {
    /// Makes `day` the newest day. Returns false if there is a newer one already.
    fn keep_day(&mut self, day: Day) -> bool {
        if self.history {
            return true;
        }
        self.days.retain(|kept, _| *kept >= day);
        self.days.last_key_value().is_none_or(|(newest, _)| *newest == day)
    }

    /// Takes a repository. Returns whether the row contradicts another one.
    fn add(&mut self, day: Day, name: String, repository: Version<Repository>) -> bool {
        self.keep_day(day)
            && Version::keep_in(
                self.days.entry(day).or_default(),
                name,
                repository,
                by_size(Repository::known),
            )
    }

    fn push(&self, samples: &mut Samples, name: &str, repository: &Repository, at: i64) {
        let visibility = repository.visibility.as_str();
        if let Some(pull_requests) = &repository.pull_requests {
            self.pull_requests.push(samples, pull_requests, &[name, visibility], at);
        }
        for ((authored_by, reviewed_by), times) in &repository.review_times {
            let labels = [name, visibility, authored_by, reviewed_by];
            let values = times.value.values();
            fields::push(samples, &self.review_times, ReviewTimes::FIELDS, &values, &labels, at);
        }
    }
}

impl Repository {
    /// How many numbers are known about its pull requests, and their sum.
    fn known(&self) -> (usize, f64) {
        let values = self.pull_requests.as_deref().map(PullRequests::values).unwrap_or_default();
        let known: Vec<f64> = values.into_iter().flatten().collect();
        (known.len() + self.review_times.len(), known.iter().sum())
    }
}

impl ReviewTimes {
    /// Who created and who reviewed the pull requests.
    fn group(&self) -> (String, String) {
        let [author, reviewer] = [&self.authored_by, &self.reviewed_by]
            .map(|name| or_unknown(name.as_deref()).to_owned());
        (author, reviewer)
    }

    fn merged(&self) -> f64 {
        self.total_merged.get().map_or(0.0, |merged| merged.0)
    }
}

#[cfg(test)]
mod tests;
