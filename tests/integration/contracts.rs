use copilot_metrics_exporter::model::{PartHeader, Scope, Span, Target};
use copilot_metrics_exporter::wasm::{Engine, Limits, Mapping, Version};
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::fixtures::{FETCHED_AT_SECONDS, read};
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::{Mappings, contract_0_1};

use crate::serving::{command, metrics};

#[test]
fn a_mapping_built_for_0_1_loads_and_runs() {
    let engine = Engine::new(Limits::default()).unwrap();
    let mapping = Mapping::load_blocking(&engine, contract_0_1()).unwrap();
    assert_eq!(mapping.version(), Version::V0_1);
    let target = Target::new(Scope::Organization, "octodemo").unwrap();
    let mut run = mapping.start(&target, Span::Latest, &[]).unwrap();
    let header = PartHeader::new("billing", 0, FETCHED_AT_SECONDS);
    run.feed(&header, &read("demo/octodemo/billing.json")).unwrap();
    let samples = run.finish().unwrap();
    assert_eq!(samples.strings, ["octodemo"]);
    assert_eq!(samples.families[0].name, "legacy_contract_seats");
    assert_eq!(samples.families[0].values, [340.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_built_for_0_1_is_swapped_in_and_out_without_a_request() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let requests = github.requests().len();
    mappings.put("contract-0-1.wasm", &contract_0_1());
    serving.wait_for("mapping in use");
    let seats = "legacy_contract_seats{org=\"octodemo\"}";
    assert_eq!(metrics(&serving).await.value(seats), 340.0);
    mappings.remove("contract-0-1.wasm");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.get(seats), None);
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(github.requests().len(), requests);
}
