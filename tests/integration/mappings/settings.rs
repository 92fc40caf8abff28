use copilot_metrics_exporter::model::digest::sha256;
use copilot_metrics_tests::command::{Serving, exporter, output, printed};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::{configured, version_of, well_behaved, with_directory};
use crate::serving::{eventually, metrics};

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_in_the_config_file_are_enforced_and_can_be_changed() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, config) = configured(&github, &mappings, "mapping: {series: 2000}").await;
    config.write("config.yaml", "mapping: {series: 300}");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    mappings.put("scripted.wasm", &well_behaved("1"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("501 samples exceed the limit of 300"), "{line}");
    // A file that was refused is tried again when the limits change.
    config.write("config.yaml", "mapping: {series: 2000, memory_mib: 1}");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("reason=\"memory\""), "{line}");
    assert!(line.contains("more than the limit of 1048576"), "{line}");
    config.write("config.yaml", "mapping: {series: 2000}");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    serving.wait_for("mapping in use");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_can_have_their_own_mappings() {
    let github = stand_in().await;
    let (shared, own) = (Mappings::default(), Mappings::default());
    shared.put("scripted.wasm", &well_behaved("1"));
    own.put("scripted.wasm", &well_behaved("2"));
    let config = Config::new(&format!(
        "mapping: {{dir: {}}}\ntargets:\n  - organization: octodemo\n  - organization: octo-legacy\n    mapping: {{dir: {}, default: false}}\n",
        shared.path().display(),
        own.path().display()
    ));
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", github.api().as_str())
        .env("GHC_TOKEN", github.token());
    let serving = Serving::start(command);
    let version = |exposition: &Exposition, org: &str| {
        let mut stamps =
            exposition.series("scripted_stamp").filter(|(series, _)| series.contains(org));
        stamps.next().map(|(series, _)| series.contains("version=\"2\""))
    };
    // Both targets, and both mappings.
    let exposition = eventually(&serving, |now| {
        version(now, "octodemo") == Some(false)
            && version(now, "octo-legacy") == Some(true)
            && now.sum("github_copilot_seats", "octodemo") > 0.0
    })
    .await;
    assert_eq!(exposition.series("github_copilot_seats").count(), 1);
    // A change in one directory does not affect the other.
    shared.remove("scripted.wasm");
    serving.wait_for("mapping no longer in use");
    let exposition = metrics(&serving).await;
    assert_eq!(version(&exposition, "octodemo"), None);
    assert_eq!(version(&exposition, "octo-legacy"), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pinned_digests_are_accepted() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &well_behaved("1"));
    let shown = printed(["mapping", "show", mappings.file("scripted.wasm").to_str().unwrap()]);
    let digest = shown.lines().find_map(|line| line.strip_prefix("sha256    ")).unwrap();
    let yaml = format!("mapping: {{sha256: [{digest}]}}");
    let (serving, _config) = configured(&github, &mappings, &yaml).await;
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    mappings.put("scripted.wasm", &well_behaved("2"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("reason=\"digest\"") && line.contains("mapping.sha256"), "{line}");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_that_lacks_a_configured_option_is_refused() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let mut command = with_directory(&github, mappings.path());
    command.args(["--option", "users=true"]);
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    // It would replace the mapping that has the option.
    mappings.put("other.wasm", &scripted("github-copilot", "2", "nothing"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("reason=\"settings\"") && line.contains("users"), "{line}");
    // It does not prevent a reload.
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let exposition = metrics(&serving).await;
    assert!(exposition.series("github_copilot_user_interactions").count() > 100);
    // Nor a restart.
    let mut again = with_directory(&github, mappings.path());
    again.args(["--option", "users=true"]);
    let again = Serving::start(again);
    again.wait_for("refreshed");
    let exposition = metrics(&again).await;
    assert!(exposition.series("github_copilot_user_interactions").count() > 100);
    // Alongside that mapping, it can run.
    mappings.put("other.wasm", &well_behaved("2"));
    serving.wait_for("mapping in use");
    let exposition = metrics(&serving).await;
    assert!(exposition.series("github_copilot_user_interactions").count() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_that_no_mapping_has_prevents_the_start() {
    let mappings = Mappings::default();
    mappings.put("scripted.wasm", &well_behaved("1"));
    let mut command = exporter();
    command.args(["--demo", "--option", "sers=true", "--web.listen-address", "127.0.0.1:0"]);
    command.arg("--mapping-dir").arg(mappings.path());
    let refused = output(command);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64), "{error}");
    assert!(
        error.contains("the mapping github-copilot, scripted has no option \"sers\""),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_on_the_mapping_in_use_keeps_it_in_use() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &well_behaved("1"));
    let digest = sha256([well_behaved("1")]);
    let (serving, config) = configured(&github, &mappings, "mapping: {}").await;
    mappings.put("scripted.wasm", &scripted("scripted", "2", "family-name"));
    serving.wait_for("mapping refused");
    // The mapping in use is no longer in the directory.
    config.write("config.yaml", &format!("mapping: {{sha256: [{digest}]}}"));
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
}
