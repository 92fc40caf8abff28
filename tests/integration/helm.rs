/// The objects of the chart are the tested ones of `deploy/kubernetes`.
mod base;
/// The package has the dashboards and the rules.
mod package;
/// Replicas that share a store.
mod replicas;
/// The README and the schema have every value.
mod values;
/// What each value changes.
mod variants;

use std::path::PathBuf;

use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::helm::Helm;
use serde_json::{Value, json};

/// The name of the release, which the names of the objects begin with.
const RELEASE: &str = "copilot-metrics-exporter";

fn chart() -> PathBuf {
    root().join("deploy/helm/copilot-metrics-exporter")
}

/// Renders the chart with these values.
fn render(values: &Value) -> Vec<Value> {
    Helm::start().template(&chart(), RELEASE, values).unwrap_or_else(|error| panic!("{error}"))
}

/// The only object of a kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}: {objects:#?}");
    found[0]
}

/// Three replicas that share a server with a password and a certificate of its own CA.
fn three_replicas() -> Value {
    json!({
        "organizations": ["octo-org"], "replicas": 3,
        "store": {"url": "rediss://valkey.databases.svc:6380", "secret": "valkey", "caKey": "ca.crt", "ports": [6380]},
        "serviceMonitor": {"enabled": true},
    })
}

/// The values of every variant, with its name.
fn variants() -> Vec<(&'static str, Value)> {
    vec![
        ("the default", json!({})),
        ("the demo", json!({"demo": true})),
        (
            "targets",
            json!({"organizations": ["octo-org", "octo-labs"], "enterprises": ["octo-inc"]}),
        ),
        (
            "an App",
            json!({"app": {"id": 12_345_678, "secret": "app", "installationId": 87_654_321}}),
        ),
        (
            "a config file",
            json!({"token": {"secret": ""}, "secrets": ["labs"], "config": {
                "credentials": {"default": {"token_file": "/etc/copilot-metrics-exporter/secrets/labs/token"}},
                "targets": [{"organization": "octo-org"}, {"enterprise": "octo-inc"}],
            }}),
        ),
        ("TLS", json!({"web": {"secret": "web"}})),
        (
            "mappings from registries",
            json!({"mappings": {"configMap": "mine", "sources": ["oci://registry.example.com/teams:1.2.0"]},
                "config": {"mapping": {"default": false}}}),
        ),
        (
            "a claim",
            json!({"persistence": {"enabled": true, "storageClass": "fast", "size": "5Gi"}}),
        ),
        ("an existing claim", json!({"persistence": {"enabled": true, "existingClaim": "mine"}})),
        (
            "monitoring",
            json!({"serviceMonitor": {"enabled": true, "labels": {"release": "monitoring"},
                "endpoint": {"scheme": "https"}}, "prometheusRule": {"enabled": true}}),
        ),
        ("a PodMonitor", json!({"podMonitor": {"enabled": true, "dailyInterval": ""}})),
        ("recording rules", json!({"prometheusRule": {"enabled": true, "alerts": false}})),
        ("dashboards", json!({"dashboards": {"enabled": true, "namespace": "monitoring"}})),
        (
            "egress",
            json!({"networkPolicy": {"port": 3128, "egress": [{"ports": [{"port": 9090}]}], "from": [{"podSelector": {}}]}}),
        ),
        ("Cilium", json!({"networkPolicy": {"cilium": true}})),
        ("replicas", three_replicas()),
        (
            "replicas with everything else",
            json!({"replicas": 5, "store": {"url": "redis://valkey:26379", "ports": [6379, 26379],
                "settings": {"sentinel": {"master": "main"}}}, "web": {"secret": "web"},
                "persistence": {"enabled": true, "accessModes": ["ReadWriteMany"]}, "networkPolicy": {"cilium": true},
                "podMonitor": {"enabled": true, "dailyInterval": "", "endpoint": {"scheme": "https"}}}),
        ),
        (
            "no policy",
            json!({"networkPolicy": {"enabled": false}, "serviceAccount": {"create": false}}),
        ),
        (
            "OpenShift",
            json!({"podSecurityContext": {"runAsUser": null, "runAsGroup": null, "fsGroup": null}}),
        ),
        (
            "everything about the pod",
            json!({
                "args": ["--option=users=true"], "env": {"LOG_LEVEL": "warn", "CACHE_TTL_SECONDS": 21_600_000}, "replicas": 0,
                "image": {"digest": format!("sha256:{}", "0".repeat(64)), "pullPolicy": "Always"},
                "imagePullSecrets": [{"name": "registry"}], "podLabels": {"team": "x"},
                "podAnnotations": {"example.com/a": "b"}, "commonLabels": {"owner": "y"},
                "nodeSelector": {"kubernetes.io/os": "linux"}, "priorityClassName": "low",
                "tolerations": [{"operator": "Exists"}],
                "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
                "service": {"port": 80, "annotations": {"example.com/c": "d"}},
                "serviceAccount": {"name": "mine", "annotations": {"example.com/e": "f"}},
            }),
        ),
        ("names", json!({"nameOverride": "copilot", "fullnameOverride": "a".repeat(60)})),
    ]
}
