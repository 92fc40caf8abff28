use std::collections::BTreeMap;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{StandIn, stand_in};
use copilot_metrics_tests::mapping::Component;

use crate::serving::{command, metrics};

/// A serving exporter with every option and these limits, after its first refresh.
fn start(github: &StandIn, limits: &str) -> (Serving, Config) {
    let config = Config::new(&format!("mapping: {{{limits}}}"));
    let mut command = command(github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    for option in ["users", "user-breakdowns", "repositories"] {
        command.args(["--option", &format!("{option}=true")]);
    }
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    (serving, config)
}

/// The number of the mapping's series for each degree of detail: 0 for the organization as a whole, 1 by
/// team, 2 by repository, 3 by user, 4 by user and something else.
fn series_by_detail(exposition: &Exposition) -> BTreeMap<u32, usize> {
    let component = Component::load();
    let mut counts = BTreeMap::new();
    for family in &component.manifest().families {
        let series = exposition.series(&family.name).count();
        *counts.entry(family.detail).or_default() += series;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_limit_users_go_first_then_repositories_then_teams_and_the_rest_stays() {
    let github = stand_in().await;
    let (serving, _config) = start(&github, "series: 200000");
    let all = series_by_detail(&metrics(&serving).await);
    assert!(all.len() >= 4, "{all:?}");
    assert!(!serving.log().contains("mapping.series"), "{}", serving.log());
    drop(serving);
    let mut left = all.clone();
    while left.len() > 1 {
        // One series too many: the most detailed ones go.
        let total: usize = left.values().sum();
        let (serving, _config) = start(&github, &format!("series: {}", total - 1));
        left.pop_last();
        let exposition = metrics(&serving).await;
        assert_eq!(series_by_detail(&exposition), left);
        assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
        assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
        assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_log_say_which_setting_and_how_many_series_each_option_makes() {
    let github = stand_in().await;
    let (serving, _config) = start(&github, "series: 1600");
    let log = serving.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("mapping.series")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains(" WARN "), "{warnings:?}");
    let (_, page) = serving.get("/").await;
    let (_, rest) = page.split_once("Optional data that is not available").unwrap();
    let listed = rest.split("</ul>").next().unwrap();
    assert_eq!(listed.matches("mapping.series").count(), 1, "{listed}");
    for text in [warnings[0], listed] {
        assert!(text.contains("exceed the limit of 1600 (mapping.series)"), "{text}");
        for option in ["repositories", "user-breakdowns", "users"] {
            let (before, _) = text.split_once(&format!(" of the option {option}")).unwrap();
            let count = before.rsplit([' ', ',']).next().unwrap();
            assert!(count.parse::<usize>().is_ok_and(|count| count > 100), "{option}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn if_the_rest_exceeds_the_limit_too_one_sentence_says_so() {
    let github = stand_in().await;
    let config = Config::new("mapping: {series: 1000}");
    let mut command = command(&github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    let failed = serving.wait_for("refresh failed");
    assert_eq!(failed.matches("mapping.series").count(), 1, "{failed}");
    assert!(!failed.contains("left_out"), "{failed}");
    let (_, page) = serving.get("/").await;
    assert_eq!(page.matches("mapping.series").count(), 1, "{page}");
    assert!(serving.get("/-/ready").await.1.matches("mapping.series").count() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_limit_of_text_the_most_detailed_series_go_too() {
    let github = stand_in().await;
    let (serving, _config) = start(&github, "result_mib: 1");
    let exposition = metrics(&serving).await;
    let left = series_by_detail(&exposition);
    assert_eq!(left.keys().collect::<Vec<_>>(), [&0, &1, &2, &3]);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    let log = serving.log();
    let warning = log.lines().find(|line| line.contains("mapping.result_mib")).unwrap();
    assert!(warning.contains(" of the option user-breakdowns"), "{warning}");
}
