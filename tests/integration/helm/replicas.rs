use std::fs;

use copilot_metrics_tests::fixtures::root;
use serde_json::{Value, json};

use super::{RELEASE, only, render, three_replicas};

/// A manifest of the component for replicas.
fn manifest(name: &str) -> Value {
    let file = root().join("deploy/kubernetes/replicas").join(name);
    serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The ScrapeConfigs, which are several manifests in a file.
fn scrape_configs() -> Vec<Value> {
    let file = root().join("deploy/kubernetes/replicas/monitoring/scrapeconfig.yaml");
    let text = fs::read_to_string(file).unwrap();
    text.split("\n---\n").map(|one| serde_saphyr::from_str(one).unwrap()).collect()
}

#[test]
fn with_a_store_the_pods_are_deployed_as_by_the_kustomize_component() {
    let objects = render(&three_replicas());
    let (deployment, patch) = (only(&objects, "Deployment"), manifest("deployment-patch.yaml"));
    let (found, expected) = (&deployment["spec"], &patch["spec"]);
    assert_eq!(found["replicas"], expected["replicas"]);
    assert_eq!(found["strategy"], expected["strategy"]);
    let (found, expected) = (&found["template"]["spec"], &expected["template"]["spec"]);
    let grace = "terminationGracePeriodSeconds";
    assert_eq!(found[grace], expected[grace]);
    assert_eq!(found["containers"][0]["lifecycle"], expected["containers"][0]["lifecycle"]);
    // But for the label of the release.
    let spread = found["topologySpreadConstraints"].as_array().unwrap();
    let keys: Vec<&Value> = spread.iter().map(|constraint| &constraint["topologyKey"]).collect();
    let expected = expected["topologySpreadConstraints"].as_array().unwrap();
    let expected: Vec<&Value> =
        expected.iter().map(|constraint| &constraint["topologyKey"]).collect();
    assert_eq!(keys, expected);
    let selector = &deployment["spec"]["selector"];
    assert!(spread.iter().all(|constraint| constraint["labelSelector"] == *selector));
    let budget = only(&objects, "PodDisruptionBudget");
    assert_eq!(
        budget["spec"]["maxUnavailable"],
        manifest("poddisruptionbudget.yaml")["spec"]["maxUnavailable"]
    );
    assert_eq!(budget["spec"]["selector"], *selector);
    assert_eq!(only(&objects, "Service")["spec"]["publishNotReadyAddresses"], false);
    let egress = only(&objects, "NetworkPolicy")["spec"]["egress"].as_array().unwrap();
    assert!(egress.contains(&json!({"ports": [{"port": 6380, "protocol": "TCP"}]})));
}

#[test]
fn with_a_store_the_data_is_scraped_through_the_service_and_each_pod_about_itself() {
    let objects = render(&three_replicas());
    let endpoints = &only(&objects, "ServiceMonitor")["spec"]["endpoints"];
    let monitor = manifest("monitoring/servicemonitor.yaml");
    assert_eq!(*endpoints, monitor["spec"]["endpoints"]);
    let rendered: Vec<&Value> =
        objects.iter().filter(|object| object["kind"] == "ScrapeConfig").collect();
    let mut expected = scrape_configs();
    for config in &mut expected {
        // That of the chart's namespace.
        let namespace = &rendered[0]["metadata"]["namespace"];
        config["spec"]["staticConfigs"][0]["targets"][0] =
            format!("{RELEASE}.{}.svc:8000", namespace.as_str().unwrap()).into();
    }
    let specs: Vec<&Value> = rendered.iter().map(|config| &config["spec"]).collect();
    assert_eq!(json!(specs), json!(expected.iter().map(|one| &one["spec"]).collect::<Vec<_>>()));
}

#[test]
fn the_password_of_the_store_is_only_mounted() {
    let objects = render(&three_replicas());
    let config = objects.iter().find_map(|object| object["data"]["config.yaml"].as_str()).unwrap();
    let config: Value = serde_saphyr::from_str(config).unwrap();
    let expected = json!({"url": "rediss://valkey.databases.svc:6380",
        "password_file": "/run/secrets/store/password", "ca_file": "/run/secrets/store/ca.crt"});
    assert_eq!(config["store"]["valkey"], expected);
    let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array().unwrap();
    let volume = volumes.iter().find(|volume| volume["name"] == "store").unwrap();
    assert_eq!(volume["secret"]["secretName"], "valkey");
}
