use std::collections::BTreeSet;

use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::Replicas;

/// The version in the samples of the scripted mapping: the same in all of them, and in its info.
fn version(text: &str) -> Option<String> {
    let exposition = Exposition::parse(text);
    let info = exposition.series("copilot_exporter_mapping_info");
    let info = info.filter(|(series, _)| series.contains("name=\"scripted\""));
    let series = exposition.series("scripted_stamp").chain(info);
    let version =
        |series: &str| Some(series.split_once("version=\"")?.1.split('"').next()?.to_owned());
    let versions: BTreeSet<_> = series.filter_map(|(series, _)| version(series)).collect();
    assert!(versions.len() <= 1, "a mixture: {versions:?}");
    versions.into_iter().next()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mapping_is_put_in_use_in_all_replicas_when_the_leader_has_it() {
    let (of_leader, of_follower) = (Mappings::default(), Mappings::default());
    for mappings in [&of_leader, &of_follower] {
        mappings.put("scripted.wasm", &scripted("scripted", "1.0.0", "nothing"));
    }
    let mut replicas = Replicas::without("3600").await;
    replicas.add_with("MAPPING_DIR", of_leader.path());
    replicas.all_serve_the_same().await;
    replicas.add_with("MAPPING_DIR", of_follower.path());
    let before = replicas.all_serve_the_same().await;
    assert_eq!(version(&before).as_deref(), Some("1.0.0"));
    let counts = replicas.requests();
    // The follower gets it first: it says so, and serves the same as the leader.
    let new = scripted("scripted", "2.0.0", "nothing");
    of_follower.put("scripted.wasm", &new);
    let follower = &replicas.running[1];
    let line = follower.wait_for("this replica's mappings differ from the leader's");
    assert!(line.contains("scripted 2.0.0") && line.contains("scripted 1.0.0"), "{line}");
    assert_eq!(replicas.all_serve_the_same().await, before);
    of_leader.put("scripted.wasm", &new);
    let after = replicas.all_serve_other_data_than(&before).await;
    assert_eq!(version(&after).as_deref(), Some("2.0.0"));
    follower.wait_for("this replica has the same mappings as the leader again");
    assert_eq!(replicas.requests(), counts);
}
