use std::fs;
use std::path::Path;

use copilot_metrics_tests::app::private_key;
use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::command::{exporter, output};
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::helm::Helm;
use serde_json::{Value, json};

use super::{RELEASE, chart, only, render, three_replicas, variants};
use crate::deploy::{assert_passes, check};

/// The kinds that Kubernetes itself does not have.
const CUSTOM: [&str; 5] =
    ["CiliumNetworkPolicy", "PodMonitor", "PrometheusRule", "ScrapeConfig", "ServiceMonitor"];

#[test]
fn every_variant_of_the_chart_passes_helm_lint() {
    let mut helm = Helm::start();
    for (name, values) in variants() {
        helm.lint(&chart(), &values).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_variant_of_the_chart_matches_the_schemas_of_kubernetes() {
    let directory = tempfile::tempdir().unwrap();
    let (mut helm, mut text) = (Helm::start(), String::new());
    for (name, values) in variants() {
        let objects = helm.template(&chart(), RELEASE, &values);
        let objects = objects.unwrap_or_else(|error| panic!("{name}: {error}"));
        for object in objects {
            let kind = object["kind"].as_str().unwrap();
            let object_name = object["metadata"]["name"].as_str().unwrap();
            assert!(object_name.len() <= 63, "{name}: {object_name}");
            if !CUSTOM.contains(&kind) {
                text += &format!("---\n# {name}\n{object}\n");
            }
        }
    }
    let file = directory.path().join("variants.yaml");
    fs::write(&file, text).unwrap();
    assert_passes(&check("kubernetes-validate", &["--strict", file.to_str().unwrap()]));
}

/// The container of the exporter.
fn container(objects: &[Value]) -> &Value {
    &only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
}

/// The directories of a container, below another directory: what a path in it is outside.
fn outside(text: &str, directory: &Path) -> String {
    let mut text = text.to_owned();
    for mounted in ["/run/secrets", "/etc/copilot-metrics-exporter"] {
        text = text.replace(mounted, &format!("{}{mounted}", directory.display()));
    }
    text
}

/// Runs `check-config` with the environment and files that the container would have. Returns what it prints.
fn checked(values: &Value, files: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let objects = render(values);
    let mut command = exporter();
    command.arg("check-config");
    let write = |path: &str, text: &str| {
        let path = directory.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (path, text) in files {
        write(path, text);
    }
    for map in objects.iter().filter(|object| object["kind"] == "ConfigMap") {
        for (key, value) in map["data"].as_object().unwrap() {
            let value = outside(value.as_str().unwrap(), directory.path());
            match key.as_str() {
                "config.yaml" => write("etc/copilot-metrics-exporter/config/config.yaml", &value),
                name => {
                    command.env(name, value);
                }
            }
        }
    }
    for variable in container(&objects)["env"].as_array().unwrap_or(&vec![]) {
        let value = outside(variable["value"].as_str().unwrap(), directory.path());
        command.env(variable["name"].as_str().unwrap(), value);
    }
    let output = output(command);
    assert_passes(&output);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_settings_that_the_chart_renders_are_valid() {
    let token = ("/run/secrets/copilot/token", "ghp_0123456789\n");
    let targets = json!({"organizations": ["octo-org", "octo-labs"], "enterprises": ["octo-inc"]});
    let text = checked(&targets, &[token]);
    for target in ["organization octo-org", "organization octo-labs", "enterprise octo-inc"] {
        assert!(text.contains(&format!("{target} at api.github.com, every 3600 s")), "{text}");
    }

    let key = private_key();
    let app = json!({"organizations": ["octo-org"], "app": {"id": 12_345_678, "installationId": 87_654_321}});
    let text = checked(&app, &[("/run/secrets/copilot/private-key.pem", &key)]);
    assert!(text.contains("organization octo-org"), "{text}");

    let config = variants().into_iter().find(|(name, _)| *name == "a config file").unwrap().1;
    let labs = ("/etc/copilot-metrics-exporter/secrets/labs/token", "ghp_0123456789\n");
    let text = checked(&config, &[labs]);
    assert!(text.contains("enterprise octo-inc"), "{text}");

    let password = ("/run/secrets/store/password", "hunter2\n");
    let authority = Authority::new();
    let ca = authority.pem();
    let text = checked(&three_replicas(), &[token, password, ("/run/secrets/store/ca.crt", &ca)]);
    assert!(text.contains("organization octo-org"), "{text}");

    let text = checked(&json!({"demo": true}), &[]);
    assert!(text.contains("the demo would be served"), "{text}");
}

#[test]
fn the_demo_needs_no_secret() {
    let text = json!(render(&json!({"demo": true}))).to_string();
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn with_tls_or_a_password_the_exporter_checks_its_own_health() {
    let objects = render(&json!({"web": {"secret": "web"}}));
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let command = &container(&objects)[probe]["exec"]["command"];
        assert_eq!(*command, json!(["copilot-metrics-exporter", "healthcheck"]), "{probe}");
    }
}

#[test]
fn a_changed_setting_starts_a_new_pod_and_the_same_settings_do_not() {
    let checksum = |values: Value| {
        let objects = render(&values);
        let template = &only(&objects, "Deployment")["spec"]["template"];
        template["metadata"]["annotations"]["checksum/config"].as_str().unwrap().to_owned()
    };
    let one = checksum(json!({"organizations": ["a"]}));
    assert_eq!(one, checksum(json!({"organizations": ["a"], "dashboards": {"enabled": true}})));
    assert_ne!(one, checksum(json!({"organizations": ["b"]})));
    let config = json!({"targets": [{"organization": "b"}]});
    assert_ne!(one, checksum(json!({"organizations": ["a"], "config": config})));
}

#[test]
fn mappings_from_registries_are_added_to_the_config_file() {
    let values = variants().into_iter().find(|(name, _)| *name == "mappings from registries");
    let objects = render(&values.unwrap().1);
    let config = objects.iter().find_map(|object| object["data"]["config.yaml"].as_str()).unwrap();
    let config: Value = serde_saphyr::from_str(config).unwrap();
    let sources = json!(["oci://registry.example.com/teams:1.2.0"]);
    assert_eq!(config, json!({"mapping": {"default": false, "sources": sources}}));
}

#[test]
fn with_cilium_only_the_documented_hosts_can_be_reached() {
    let objects = render(&json!({"networkPolicy": {"cilium": true}}));
    let policy = only(&objects, "NetworkPolicy");
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress"]));
    assert!(policy["spec"]["egress"].is_null(), "{policy}");
    let egress = &only(&objects, "CiliumNetworkPolicy")["spec"]["egress"];
    let hosts = egress.as_array().unwrap().iter().filter_map(|rule| rule["toFQDNs"].as_array());
    let hosts: Vec<&Value> =
        hosts.flatten().flat_map(|host| host.as_object().unwrap().values()).collect();
    let documented = fs::read_to_string(root().join("docs/permissions.md")).unwrap();
    let row = documented.lines().find(|line| line.starts_with("| github.com |")).unwrap();
    let documented: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
    assert_eq!(json!(hosts), json!(documented));
}

#[test]
fn a_pod_monitor_scrapes_what_a_service_monitor_does() {
    let enabled = json!({"enabled": true});
    let objects = render(&json!({"serviceMonitor": enabled, "podMonitor": enabled}));
    let endpoints = &only(&objects, "ServiceMonitor")["spec"]["endpoints"];
    assert_eq!(endpoints.as_array().unwrap().len(), 2);
    assert_eq!(*endpoints, only(&objects, "PodMonitor")["spec"]["podMetricsEndpoints"]);
    let live = render(&json!({"podMonitor": {"enabled": true, "dailyInterval": ""}}));
    let live = &only(&live, "PodMonitor")["spec"]["podMetricsEndpoints"];
    assert_eq!(live.as_array().unwrap().len(), 1, "{live}");
}
