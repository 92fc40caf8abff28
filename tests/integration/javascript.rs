use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use copilot_metrics_tests::command::{Serving, printed, run};
use copilot_metrics_tests::fixtures::{FETCHED_AT, path, read, root};
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::Mappings;
use copilot_metrics_tests::npm;

use crate::serving::{command, metrics};

/// The larger example, in a directory that is kept for the next run.
fn team_seats() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let source = root().join("guest/examples/team-seats-js");
            let directory =
                npm::install(&source, "mappings/javascript", &["build.js", "team-seats.js"]);
            npm::copy(&root().join("wit/0.2/mapping.wit"), &directory.join("wit/mapping.wit"));
            npm::npm(&directory, &["run", "--silent", "build"]);
            directory.join("team-seats.wasm")
        })
        .clone()
}

#[test]
fn the_larger_javascript_example_passes_every_check_and_maps_recordings() {
    let mapping = team_seats();
    let mapping = mapping.to_str().unwrap();
    let report = printed(["mapping", "check", mapping]);
    assert!(report.ends_with("the mapping can be used\n"), "{report}");
    let seats = |file: &str| format!("seats={}", path(file).display());
    let (one, two) = (seats("small/seats.1.json"), seats("small/seats.2.json"));
    let arguments = ["map", "--org", "acme", "--fetched-at", FETCHED_AT, "--mapping", mapping];
    // By hand: eight seats, of which two of the team `platform` and one without a team were used within 30 days.
    assert_eq!(
        printed(arguments.into_iter().chain([one.as_str(), two.as_str()])),
        "# HELP team_seats Copilot seats by the team that grants them. The team is empty for seats granted by the organization.
# TYPE team_seats gauge
team_seats{org=\"acme\",team=\"\"} 5
team_seats{org=\"acme\",team=\"data\"} 1
team_seats{org=\"acme\",team=\"platform\"} 2
# HELP team_idle_seats Copilot seats that have not been used for 30 days, or never, by the team that grants them.
# TYPE team_idle_seats gauge
team_idle_seats{org=\"acme\",team=\"\"} 4
team_idle_seats{org=\"acme\",team=\"data\"} 1
team_idle_seats{org=\"acme\",team=\"platform\"} 0
"
    );
    // Its errors have document, part and reason, as in the contract.
    let bad = seats("small/billing.json");
    let refused = run(arguments.into_iter().chain([bad.as_str()]));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(65), "{error}");
    assert!(
        error.contains("document seats, part 0, byte 0: the list of seats is missing"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_larger_javascript_example_runs_alongside_the_default_one() {
    let built = team_seats();
    let (github, mappings) = (stand_in().await, Mappings::default());
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let requests = github.requests().len();
    mappings.put("team-seats.wasm", &fs::read(built).unwrap());
    serving.wait_for("mapping in use");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    let recorded: serde_json::Value =
        serde_json::from_slice(&read("demo/octodemo/seats.json")).unwrap();
    let mut teams: BTreeMap<&str, f64> = BTreeMap::new();
    for seat in recorded["seats"].as_array().unwrap() {
        let team = seat["assigning_team"]["slug"].as_str().unwrap_or_default();
        *teams.entry(team).or_default() += 1.0;
    }
    assert!(teams.len() > 5);
    for (team, seats) in &teams {
        let series = format!("team_seats{{org=\"octodemo\",team=\"{team}\"}}");
        assert_eq!(exposition.value(&series), *seats);
    }
    assert_eq!(exposition.series("team_seats").count(), teams.len());
    assert!(exposition.sum("team_idle_seats", "") > 0.0);
    // Both need the seats, which were fetched already.
    assert_eq!(github.requests().len(), requests);
}
