//! Rows of the report of repositories.

use serde_json::{Value, json};

use super::aggregate::pull_requests;
use super::calendar::{NEWEST, date};
use super::names::{ENTERPRISE_ID, OCTODEMO_ID, REPOSITORIES};
use super::random::Rng;

/// The row of a repository on the newest day: the pull requests of the people who work on it.
pub fn repository_row(index: usize, organization: &str) -> Value {
    let (owner, names) = match organization {
        OCTODEMO_ID => ("octodemo", REPOSITORIES.as_slice()),
        _ => ("octolabs", &REPOSITORIES[..4]),
    };
    let mut rng = Rng::new(7, index as u64, names.len() as u64);
    let pulls = pull_requests(6 + rng.next() % 40, NEWEST + index as i64);
    let merged = pulls["total_merged"].as_u64().unwrap_or_default();
    let by_copilot = pulls["total_merged_created_by_copilot"].as_u64().unwrap_or_default();
    let mut times = |author: &str, reviewer: &str, merged: u64| {
        let mut median = |most: f64| rng.about(most) as f64 / 2.0;
        let (first, between, last) = (median(160.0), median(220.0), median(40.0));
        json!({"authored_by": author, "reviewed_by": reviewer, "total_merged": merged,
            "median_minutes_ready_to_first_review": first, "p90_minutes_ready_to_first_review": first * 6.0,
            "median_minutes_first_to_final_review": between, "p90_minutes_first_to_final_review": between * 5.0,
            "median_minutes_final_review_to_merge": last, "p90_minutes_final_review_to_merge": last * 9.0})
    };
    let times = [
        times("human", "human", (merged - by_copilot).div_ceil(2)),
        times("human", "copilot", (merged - by_copilot) / 2),
        times("copilot", "human", by_copilot),
    ];
    let times: Vec<Value> = times.into_iter().filter(|of| of["total_merged"] != 0).collect();
    let visibility = ["PRIVATE", "INTERNAL", "PUBLIC"][rng.place(3)];
    json!({"day": date(NEWEST), "organization_id": organization, "enterprise_id": ENTERPRISE_ID,
        "repo_id": 660_000 + 10 * index + names.len(), "repo_owner_name": owner, "repo_name": names[index],
        "repo_visibility": visibility,
        "pull_requests": pulls, "pull_request_review_times": times})
}
