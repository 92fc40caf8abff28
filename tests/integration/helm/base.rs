use std::fs;

use copilot_metrics_tests::fixtures::root;
use serde_json::{Map, Value, json};

use super::{RELEASE, only, render};

/// The labels that Helm adds to tell its releases apart.
const RELEASE_LABELS: [&str; 4] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
];

/// The manifests of a directory, whose images and ConfigMaps are named as by the chart.
fn manifests(directory: &str, names: &[&str]) -> Vec<Value> {
    let of_file = |name: &&str| {
        let file = root().join(directory).join(name).with_extension("yaml");
        let text = fs::read_to_string(&file).unwrap();
        let text = text.replace("copilot-metrics-mappings", &format!("{RELEASE}-mappings"));
        serde_saphyr::from_str::<Value>(&text).unwrap()
    };
    names.iter().map(of_file).collect()
}

/// Removes what belongs to the release: its labels, its namespace, and the checksum of its settings, which
/// with kustomize is a restart by hand.
fn without_release(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for label in RELEASE_LABELS {
                fields.shift_remove(label);
            }
            fields.shift_remove("namespace");
            let annotations = fields.get("annotations").and_then(Value::as_object);
            if annotations.is_some_and(|annotations| annotations.keys().eq(["checksum/config"])) {
                fields.shift_remove("annotations");
            }
            fields.values_mut().for_each(without_release);
        }
        Value::Array(items) => items.iter_mut().for_each(without_release),
        _ => {}
    }
}

fn assert_are_those_of_the_chart(base: &[Value], values: &Value) {
    let mut rendered = render(values);
    rendered.iter_mut().for_each(without_release);
    for object in base {
        let kind = object["kind"].as_str().unwrap();
        let found = only(&rendered, kind);
        let (found, object) = (pretty(found), pretty(object));
        assert_eq!(found, object, "{kind}");
    }
    assert_eq!(rendered.len(), base.len(), "{rendered:#?}");
}

/// As text with sorted keys, whose differences are shown line by line.
fn pretty(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> =
                    fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
                fields.sort_by(|(one, _), (other, _)| one.cmp(other));
                Value::Object(Map::from_iter(fields))
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    serde_json::to_string_pretty(&sorted(value)).unwrap()
}

/// The ConfigMap that kustomize generates from `config.env`.
fn generated() -> Value {
    let text = fs::read_to_string(root().join("deploy/kubernetes/config.env")).unwrap();
    let data: Map<String, Value> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {"name": RELEASE, "labels": {"app.kubernetes.io/name": RELEASE}},
    })
}

/// The values that name what the base names.
fn same_names(mut values: Value) -> Value {
    values["organizations"] = json!(["octo-org"]);
    values
}

fn base() -> Vec<Value> {
    let names = ["serviceaccount", "deployment", "service", "networkpolicy"];
    let mut base = manifests("deploy/kubernetes", &names);
    base.push(generated());
    let image = &mut base[1]["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*image, RELEASE);
    *image =
        format!("ghcr.io/copilot-metrics-exporter/{RELEASE}:{}", env!("CARGO_PKG_VERSION")).into();
    base
}

#[test]
fn by_default_the_chart_renders_the_objects_of_the_kustomize_base() {
    assert_are_those_of_the_chart(&base(), &same_names(json!({})));
}

#[test]
fn with_monitoring_the_chart_also_renders_the_objects_of_the_kustomize_base() {
    let mut base = base();
    base.extend(manifests("deploy/kubernetes/monitoring", &["servicemonitor", "prometheusrule"]));
    let enabled = json!({"enabled": true});
    let values = json!({"serviceMonitor": enabled, "prometheusRule": enabled});
    assert_are_those_of_the_chart(&base, &same_names(values));
}
