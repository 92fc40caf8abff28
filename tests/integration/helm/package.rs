use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::helm::Helm;
use serde_json::{Value, json};

use super::{RELEASE, chart, render};

/// The files of a directory, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let entry = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(entry).collect()
}

fn dashboards() -> BTreeMap<String, String> {
    files(&root().join("deploy/grafana/dashboards"))
}

#[test]
fn the_package_contains_the_dashboards_and_rules_and_installs_without_the_repository() {
    let directory = tempfile::tempdir().unwrap();
    let mut helm = Helm::start();
    let archive = helm.package(&chart(), directory.path()).unwrap();
    let name = format!("{RELEASE}-{}.tgz", env!("CARGO_PKG_VERSION"));
    assert_eq!(archive.file_name().unwrap().to_str(), Some(name.as_str()));

    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(directory.path());
    assert!(tar.status().unwrap().success());
    let unpacked = directory.path().join(RELEASE);
    assert_eq!(files(&unpacked.join("files/dashboards")), dashboards());
    for rules in ["rules.yml", "alerts.yml"] {
        let packaged = fs::read_to_string(unpacked.join("files").join(rules)).unwrap();
        let tested = fs::read_to_string(root().join("deploy/prometheus").join(rules)).unwrap();
        assert_eq!(packaged, tested, "{rules}");
    }

    let enabled = json!({"enabled": true});
    let values = json!({"dashboards": enabled, "prometheusRule": enabled});
    let from_package = helm.template(&archive, RELEASE, &values).unwrap();
    assert_eq!(from_package, render(&values));
}

#[test]
fn the_sidecar_of_kube_prometheus_stack_finds_every_dashboard() {
    let objects = render(&json!({"dashboards": {"enabled": true, "namespace": "monitoring"}}));
    let labelled: Vec<&Value> = objects
        .iter()
        .filter(|object| object["metadata"]["labels"]["grafana_dashboard"] == "1")
        .collect();
    let mut found = BTreeMap::new();
    for object in labelled {
        assert_eq!(object["kind"], "ConfigMap");
        assert_eq!(object["metadata"]["namespace"], "monitoring");
        assert_eq!(object["metadata"]["annotations"]["grafana_folder"], "GitHub Copilot");
        for (name, text) in object["data"].as_object().unwrap() {
            let name = name.strip_prefix("copilot-").unwrap();
            found.insert(name.to_owned(), text.as_str().unwrap().to_owned());
        }
    }
    assert_eq!(found, dashboards());
}
