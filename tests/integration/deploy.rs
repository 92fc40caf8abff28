use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use copilot_metrics_tests::command::{exporter, output};
use copilot_metrics_tests::fixtures::root;

const KUBERNETES: [&str; 4] = ["serviceaccount", "deployment", "service", "networkpolicy"];

pub fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Runs one of the checkers that `make test` installs.
pub fn check(tool: &str, arguments: &[&str]) -> Output {
    let tool = root().join("target/tools/bin").join(tool);
    let output = Command::new(&tool).args(arguments).current_dir(root()).output();
    output.unwrap_or_else(|error| panic!("{}: {error}: `make setup`", tool.display()))
}

pub fn assert_passes(output: &Output) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

#[test]
fn the_dockerfile_passes_hadolint() {
    assert_passes(&check("hadolint", &["Dockerfile"]));
}

#[test]
fn the_compose_file_matches_the_compose_specification() {
    let schema = ["--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"];
    assert_passes(&check("check-jsonschema", &schema));
}

#[test]
fn the_kubernetes_manifests_match_the_schemas_of_kubernetes() {
    for name in KUBERNETES {
        let file = format!("deploy/kubernetes/{name}.yaml");
        assert_passes(&check("kubernetes-validate", &["--strict", &file]));
    }
}

#[test]
fn the_kustomizations_list_every_manifest_and_build_if_kubectl_is_installed() {
    for (directory, names) in [
        ("deploy/kubernetes", KUBERNETES.as_slice()),
        ("deploy/kubernetes/monitoring", &["servicemonitor", "prometheusrule"]),
        ("deploy/kubernetes/replicas/monitoring", &["scrapeconfig", "servicemonitor"]),
    ] {
        let text = read(&format!("{directory}/kustomization.yaml"));
        for name in names {
            assert!(text.contains(&format!("  - {name}.yaml\n")), "{directory}: {name}");
        }
        let files = fs::read_dir(root().join(directory)).unwrap().map(|file| file.unwrap().path());
        let yaml =
            files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        assert_eq!(yaml.count(), names.len() + 1, "{directory}");
        let Ok(built) =
            Command::new("kubectl").args(["kustomize", directory]).current_dir(root()).output()
        else {
            continue;
        };
        assert_passes(&built);
        if directory == "deploy/kubernetes" {
            let built = String::from_utf8(built.stdout).unwrap();
            for kind in ["Secret", "ConfigMap", "Deployment", "Service", "NetworkPolicy"] {
                assert!(built.contains(&format!("\nkind: {kind}\n")), "{kind}: {built}");
            }
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("built.yaml");
            fs::write(&file, built).unwrap();
            assert_passes(&check("kubernetes-validate", &["--strict", file.to_str().unwrap()]));
        }
    }
}

#[test]
fn the_manifests_of_replicas_match_the_schemas_and_are_part_of_the_component() {
    let component = read("deploy/kubernetes/replicas/kustomization.yaml");
    for name in ["poddisruptionbudget", "valkey"] {
        let file = format!("deploy/kubernetes/replicas/{name}.yaml");
        assert_passes(&check("kubernetes-validate", &["--strict", &file]));
        assert!(component.contains(&format!("  - {name}.yaml\n")), "{name}");
    }
    // A patch is no manifest of its own: it changes what has these names.
    let (deployment, patch) = (
        read("deploy/kubernetes/deployment.yaml"),
        read("deploy/kubernetes/replicas/deployment-patch.yaml"),
    );
    assert!(component.contains("  - path: deployment-patch.yaml\n"));
    for name in ["\n  name: copilot-metrics-exporter\n", "\n        - name: exporter\n"] {
        assert!(deployment.contains(name) && patch.contains(name), "{name}");
    }
    // All replicas use the server of the example, through a port that is open.
    let valkey = read("deploy/kubernetes/replicas/valkey.yaml");
    assert!(valkey.contains("\n  name: copilot-metrics-valkey\n"));
    assert!(patch.contains("value: \"redis://copilot-metrics-valkey:6379\""));
    assert!(component.contains("egress/-\n        value: {ports: [{port: 6379, protocol: TCP}]}"));
}

/// The lines without indentation, comments and empty lines.
fn rules(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#') && *line != "groups:").collect()
}

#[test]
fn the_rules_for_the_prometheus_operator_are_the_tested_ones() {
    let operator = read("deploy/kubernetes/monitoring/prometheusrule.yaml");
    let (_, operator) = operator.split_once("  groups:\n").unwrap();
    let (recording, alerts) =
        (read("deploy/prometheus/rules.yml"), read("deploy/prometheus/alerts.yml"));
    let tested: Vec<_> = rules(&recording).into_iter().chain(rules(&alerts)).collect();
    assert_eq!(rules(operator), tested);
}

#[test]
fn the_image_and_its_deployments_use_the_same_directories_user_and_version() {
    let (dockerfile, compose) = (read("Dockerfile"), read("deploy/compose.yaml"));
    let deployment = read("deploy/kubernetes/deployment.yaml");
    for directory in
        ["/var/cache/copilot-metrics-exporter", "/etc/copilot-metrics-exporter/mappings"]
    {
        for text in [&dockerfile, &compose, &deployment] {
            assert!(text.contains(directory), "{directory}");
        }
    }
    assert!(dockerfile.contains("USER 65532:65532"));
    assert!(deployment.contains("runAsUser: 65532") && deployment.contains("fsGroup: 65532"));
    let version = env!("CARGO_PKG_VERSION");
    assert!(dockerfile.contains(&format!("ARG VERSION={version}\n")));
    assert!(read("deploy/kubernetes/kustomization.yaml").contains(&format!("newTag: {version}\n")));
    let chart = read("deploy/helm/copilot-metrics-exporter/Chart.yaml");
    for line in ["version", "appVersion"] {
        assert!(chart.contains(&format!("\n{line}: {version}\n")), "{line}: {chart}");
    }
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(dockerfile.contains(&format!("rust:{channel}-")), "{channel}");
}

#[test]
fn the_settings_in_the_kubernetes_deployment_are_valid() {
    let mut command = exporter();
    for line in read("deploy/kubernetes/config.env").lines() {
        let (name, value) = line.split_once('=').unwrap();
        command.env(name, value);
    }
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(token.path(), "ghp_0123456789\n").unwrap();
    command.env("GHC_TOKEN_FILE", token.path()).arg("check-config");
    let output = output(command);
    assert_passes(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("organization octo-org at api.github.com, every 3600 s"), "{text}");
}

#[test]
fn every_file_that_compose_and_grafana_refer_to_exists() {
    let compose = read("deploy/compose.yaml");
    let mounted = compose.lines().filter_map(|line| line.trim().strip_prefix("- ./"));
    let mounted: Vec<&str> = mounted.filter_map(|line| line.split(':').next()).collect();
    assert_eq!(mounted.len(), 4);
    for path in mounted {
        assert!(root().join("deploy").join(path).exists(), "{path}");
    }
    let home = compose.split("HOME_DASHBOARD_PATH: ").nth(1).unwrap().lines().next().unwrap();
    let home = Path::new(home).file_name().unwrap();
    assert!(root().join("deploy/grafana/dashboards").join(home).is_file());
    let provider = read("deploy/grafana/provisioning/dashboards/copilot.yml");
    assert!(provider.contains("path: /var/lib/grafana/dashboards\n"));
    assert!(
        read("deploy/grafana/provisioning/datasources/prometheus.yml")
            .contains("${PROMETHEUS_URL}")
    );
}
