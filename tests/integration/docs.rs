mod references;

use std::fs;
use std::sync::Mutex;

use copilot_metrics_exporter::app::Metrics;
use copilot_metrics_exporter::config::{
    DEFAULT_API_URL, DEFAULT_TTL_SECONDS, GithubOptions, MappingPolicy, ServeArgs, Settings,
};
use copilot_metrics_exporter::github::Refusal;
use copilot_metrics_exporter::model::digest::sha256;
use copilot_metrics_exporter::model::metrics::Description;
use copilot_metrics_exporter::output::FIRST_DATA_WAIT;
use copilot_metrics_exporter::wasm::{ALLOWED_IMPORTS, Version};
use copilot_metrics_tests::app::private_key;
use copilot_metrics_tests::command::{printed, run};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::mapping::Component;

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The cells of every row of a Markdown file's tables.
fn rows(file: &str) -> Vec<Vec<String>> {
    let text = read(file);
    let lines = text.lines().filter(|line| line.starts_with("| "));
    lines
        .map(|line| {
            let line = line.strip_prefix("| ").unwrap().trim_end().trim_end_matches('|');
            line.split(" | ").map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// A table of metrics.
fn metrics_table(rows: impl IntoIterator<Item = (String, Vec<String>, String)>) -> String {
    let mut table = "| metric | labels | meaning |\n|---|---|---|\n".to_owned();
    for (name, labels, help) in rows {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        table.push_str(&format!("| `{name}` | {} | {help} |\n", labels.join(" ")));
    }
    table
}

/// Checks that `docs/metrics.md` has the table between its markers. `UPDATE_GOLDEN=1` writes it.
fn check_table(marker: &str, table: &str) {
    // Tests run in parallel, and each owns a part of the file.
    static FILE: Mutex<()> = Mutex::new(());
    let _lock = FILE.lock().unwrap();
    let text = read("docs/metrics.md");
    let (begin, end) = (format!("<!-- {marker}: begin -->\n"), format!("<!-- {marker}: end -->\n"));
    let (before, rest) = text.split_once(&begin).expect("a marker");
    let (found, after) = rest.split_once(&end).expect("a marker");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let text = format!("{before}{begin}{table}{end}{after}");
        fs::write(root().join("docs/metrics.md"), text).unwrap();
    } else {
        assert_eq!(found, table, "docs/metrics.md, {marker}: run with UPDATE_GOLDEN=1");
    }
}

#[test]
fn docs_metrics_lists_every_family_of_the_default_mapping() {
    let component = Component::load();
    let rows = |original: bool| {
        let families = component.manifest().families.iter();
        metrics_table(
            families
                .filter(|family| family.name.starts_with("github_copilot_") != original)
                .map(|f| (f.name.clone(), f.label_names.clone(), f.help.clone())),
        )
    };
    check_table("original", &rows(true));
    check_table("mapping", &rows(false));
}

/// The exporter's own metrics.
fn own_metrics() -> Vec<Description> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _runtime = runtime.enter();
    let metrics = Metrics::new().unwrap();
    metrics.publisher().unwrap();
    metrics.registry.descriptions()
}

#[test]
fn docs_metrics_lists_every_metric_of_the_exporter_itself() {
    let mut described = own_metrics();
    described.sort_by(|a, b| a.name.cmp(&b.name));
    check_table(
        "exporter",
        &metrics_table(described.into_iter().map(|d| (d.name, d.labels, d.help))),
    );
}

#[test]
fn the_mapping_guide_lists_every_allowed_import_and_the_newest_contract() {
    let text = read("docs/mapping-plugins.md");
    for import in ALLOWED_IMPORTS {
        assert!(text.contains(&format!("`{import}`")), "docs/mapping-plugins.md has no {import}");
    }
    for (version, directory) in CONTRACTS {
        let contract = read(&format!("wit/{directory}/mapping.wit"));
        let package = contract.lines().find_map(|line| line.strip_prefix("package ")).unwrap();
        let package = package.trim_end_matches(';');
        assert!(package.ends_with(&format!("@{version}")), "{package}");
        assert!(text.contains(&format!("`package {package}`")), "{package}");
    }
    let (newest, directory) = CONTRACTS[CONTRACTS.len() - 1];
    assert_eq!(newest, Version::NEWEST);
    assert!(text.contains(&format!("is [`wit/{directory}/mapping.wit`]")));
    assert!(text.contains(&format!("Write new mappings for version {directory}.")));
}

#[test]
fn docs_configuration_has_every_flag_and_variable_with_type_default_and_example() {
    let rows = rows("docs/configuration.md");
    let help = printed(["--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let flags: Vec<_> = help.split(" --").skip(1).collect();
    assert!(flags.len() > 14);
    for flag in flags {
        let name = flag.split([' ', '<', '[']).next().unwrap();
        if matches!(name, "help" | "version") {
            continue;
        }
        let row = rows.iter().find(|row| row.len() == 6 && row[1] == format!("`--{name}`"));
        let row = row.unwrap_or_else(|| panic!("--{name} is not documented"));
        assert!(row[..5].iter().all(|cell| !cell.is_empty()), "{row:?}");
        if let Some((_, variable)) = flag.split_once("[env: ") {
            let variable = variable.split(['=', ']']).next().unwrap();
            assert_eq!(row[0], format!("`{variable}`"));
        }
        if let Some((_, default)) = flag.split_once("[default: ") {
            let default = default.split(']').next().unwrap();
            let is_documented = row[3].trim_matches('`') == default || default.starts_with(&row[3]);
            assert!(is_documented, "{name}: {default:?} is not {:?}", row[3]);
        }
    }
}

#[test]
fn docs_configuration_has_every_key_of_the_config_file_with_type_default_and_example() {
    let rows = rows("docs/configuration.md");
    for (section, yaml) in [
        ("", "nothing: 1"),
        ("credentials", "credentials: {a: {nothing: 1}}"),
        ("defaults", "defaults: {nothing: 1}"),
        ("targets", "targets: [{nothing: 1}]"),
        ("github", "github: {nothing: 1}"),
        ("mapping", "mapping: {nothing: 1}"),
        ("mapping.registry", "mapping: {registry: {nothing: 1}}"),
        ("targets[].mapping", "targets: [{organization: a, mapping: {nothing: 1}}]"),
        ("remote_write", "remote_write: [{nothing: 1}]"),
        ("basic_auth", "remote_write: [{basic_auth: {nothing: 1}}]"),
        ("authorization", "remote_write: [{authorization: {nothing: 1}}]"),
        ("tls_config", "remote_write: [{tls_config: {nothing: 1}}]"),
        ("queue_config", "remote_write: [{queue_config: {nothing: 1}}]"),
        ("store.valkey", "store: {valkey: {nothing: 1}}"),
        ("sentinel", "store: {valkey: {sentinel: {nothing: 1}}}"),
        ("write_relabel_configs", "remote_write: [{write_relabel_configs: [{nothing: 1}]}]"),
    ] {
        // The error for an unknown key lists all valid ones.
        let config = Config::new(yaml);
        let path = config.path().display().to_string();
        let error = String::from_utf8(run(["check-config", "--config", &path]).stderr).unwrap();
        let (_, known) = error.split_once("expected one of ").unwrap_or_else(|| panic!("{error}"));
        for key in known.trim().split(", ") {
            if section.is_empty() {
                let title = format!("### `{key}`");
                let text = read("docs/configuration.md");
                assert!(
                    text.contains(&title) || text.contains(&format!(", and `{key}` for")),
                    "{key}"
                );
                continue;
            }
            let row = rows.iter().find(|row| row.len() == 5 && row[0] == format!("`{key}`"));
            let row = row.unwrap_or_else(|| panic!("{section}.{key} is not documented"));
            assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        }
    }
}

#[test]
fn the_defaults_in_docs_configuration_are_the_actual_ones() {
    let rows = rows("docs/configuration.md");
    let default = |key: &str| {
        let row = rows.iter().find(|row| row.len() == 5 && row[0] == format!("`{key}`")).unwrap();
        row[2].trim_matches('`').to_owned()
    };
    let seconds = |key: &str| {
        let duration: jiff::SignedDuration = default(key).parse().unwrap();
        std::time::Duration::try_from(duration).unwrap()
    };
    let used = GithubOptions::default();
    assert_eq!(default("concurrency"), used.concurrency.to_string());
    assert_eq!(default("retries"), used.retries.to_string());
    assert_eq!(default("max_document_mib"), (used.max_document_bytes >> 20).to_string());
    let document_memory = used.document_memory_bytes >> 20;
    assert_eq!(default("document_memory_mib"), document_memory.to_string());
    assert_eq!(seconds("connect_timeout"), used.connect_timeout);
    assert_eq!(seconds("response_timeout"), used.response_timeout);
    assert_eq!(seconds("request_timeout"), used.request_timeout);
    assert_eq!(seconds("retry_delay"), used.retry_delay);
    assert_eq!(seconds("ttl").as_secs().to_string(), DEFAULT_TTL_SECONDS);
    assert_eq!(default("api_url"), DEFAULT_API_URL);
    let policy = MappingPolicy::default();
    assert_eq!(default("memory_mib"), (policy.limits.memory_bytes >> 20).to_string());
    assert_eq!(default("result_mib"), (policy.limits.result_bytes >> 20).to_string());
    assert_eq!(seconds("run_time"), policy.limits.run_time);
    assert_eq!(seconds("compile_time"), policy.limits.compile_time);
    let compile_memory = policy.limits.compile_memory_bytes >> 20;
    assert_eq!(default("compile_memory_mib"), compile_memory.to_string());
    assert_eq!(default("series"), policy.limits.series.to_string());
    assert_eq!(default("max_file_mib"), (policy.max_file_bytes >> 20).to_string());
    assert_eq!(default("rollback_after"), policy.rollback_after.to_string());
    let registry = Settings::new(&ServeArgs::default()).unwrap().registry;
    assert_eq!(seconds("sources_interval"), registry.interval);
    assert_eq!(seconds("sources_timeout"), registry.timeout);
    assert!(read("docs/mapping-registries.md").contains("**Every 30 s** (`sources_interval`)"));
    let text = read("docs/configuration.md");
    let wait = format!("a scrape waits up to {} s", FIRST_DATA_WAIT.as_secs());
    assert!(text.contains(&wait));
    let component = Component::load();
    for spec in &component.manifest().documents {
        let known = text.contains(&format!("`{}`", spec.name));
        assert!(known || spec.name == "users-28-day", "{} is not documented", spec.name);
    }
}

#[test]
fn the_example_in_docs_configuration_is_valid() {
    let text = read("docs/configuration.md");
    let (_, rest) = text.split_once("<!-- example: begin -->\n```yaml\n").unwrap();
    let (yaml, _) = rest.split_once("```").unwrap();
    // With its files in a directory that this test can write to.
    let config = Config::new(&yaml.replace("/run/secrets/copilot/", "").replace("/etc/ssl/", ""));
    config.write("token", "ghp_x");
    config.write("app.pem", &private_key());
    let authority = rcgen::generate_simple_self_signed(["example".to_owned()]).unwrap();
    config.write("corporate.pem", &authority.cert.pem());
    let path = config.path().display().to_string();
    let report = printed(["check-config", "--config", &path]);
    assert!(
        report.contains(
            "organization Labs at api.github.com, every 3600 s, with the credential everyday"
        ),
        "{report}"
    );
    assert!(
        report.contains("octo-inc at api.github.com, every 3600 s, with the credential enterprise"),
        "{report}"
    );
    assert!(report.ends_with("the settings are valid\n"), "{report}");
}

#[test]
fn docs_permissions_has_every_refusal_and_every_family() {
    let text = read("docs/permissions.md");
    for refusal in Refusal::ALL {
        let row = format!("| `{}` |", refusal.label());
        assert!(text.contains(&row), "{} is not documented", refusal.label());
    }
    let starts: Vec<_> = text
        .split('`')
        .filter_map(|code| code.strip_suffix('*'))
        .filter(|start| start.starts_with("github_copilot_") || start.starts_with("total_"))
        .collect();
    let component = Component::load();
    for family in &component.manifest().families {
        let known = starts.iter().any(|start| family.name.starts_with(start));
        assert!(known || family.name == "is_custom_model", "{} is not documented", family.name);
    }
}

/// The versions of the contract, and their directories under `wit`.
const CONTRACTS: [(&str, &str); 2] = [("0.1.0", "0.1"), ("0.2.0", "0.2")];

/// The published versions of the contract: the SHA-256 of their text without comments.
const FROZEN: [(&str, &str); 2] = [
    ("0.1.0", "b16444ae41fd4d5587910ad2bfe3b723fb6eaba5844b0c741d3994f08103e8ed"),
    ("0.2.0", "3c742727e5e30ad39d3e945f15c545500cbcd14335b9a01b6b250d26ed600f10"),
];

#[test]
fn the_contract_does_not_change_without_a_new_version() {
    for (version, directory) in CONTRACTS {
        let file = format!("wit/{directory}/mapping.wit");
        let text = read(&file);
        // Comments may be improved.
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let words: Vec<&str> = code.flat_map(str::split_whitespace).collect();
        let package =
            words.iter().find_map(|word| word.strip_prefix("copilot-metrics-exporter:mapping@"));
        assert_eq!(package.expect("a version").trim_end_matches(';'), version, "{file}");
        let frozen = FROZEN.iter().find(|(frozen, _)| *frozen == version);
        let (_, digest) = frozen.unwrap_or_else(|| panic!("{version} is new: add it to FROZEN"));
        assert_eq!(
            sha256(words.iter().map(|word| format!("{word} "))),
            *digest,
            "{file} is no longer {version}: give it a new version, and support both in host/src/wasm/contract.rs"
        );
    }
    assert!(read("wit/0.1/mapping.wit").contains("Frozen"));
    assert_eq!(CONTRACTS.last().map(|(version, _)| *version), Some(Version::NEWEST));
}

#[test]
fn every_reason_for_a_refusal_is_documented() {
    let text = read("docs/mapping-plugins.md");
    let swaps = "copilot_exporter_mapping_swaps_total";
    let described = own_metrics();
    let help = &described.iter().find(|metric| metric.name == swaps).unwrap().help;
    let (_, reasons) = help.split_once("(result failure): by ").unwrap();
    let reasons = reasons.split(", or the cause").next().unwrap();
    assert!(reasons.split(", ").count() > 10);
    for reason in reasons.split(", ") {
        assert!(text.contains(&format!("| `{reason}` |")), "{reason}");
    }
}

#[test]
fn every_fuzz_target_is_built_and_described_in_docs_security() {
    let (manifest, text) = (read("tests/fuzz/Cargo.toml"), read("docs/security.md"));
    let described = text.lines().filter(|line| line.starts_with("| `")).filter_map(|line| {
        let name = line.split('`').nth(1)?;
        root().join(format!("tests/fuzz/targets/{name}.rs")).exists().then_some(name)
    });
    let mut described: Vec<_> = described.collect();
    described.sort_unstable();
    let files = fs::read_dir(root().join("tests/fuzz/targets")).unwrap();
    let names = files.map(|file| {
        let path = file.unwrap().path();
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert_eq!(described, names);
    let built = manifest.lines().filter_map(|line| line.strip_prefix("path = \"targets/"));
    let built: Vec<_> = built.map(|file| file.trim_end_matches(".rs\"").to_owned()).collect();
    assert_eq!(built, names);
}

#[test]
fn every_test_that_docs_security_names_exists() {
    let text = read("docs/security.md");
    let source = |directory: &str| -> String {
        let mut files = vec![root().join(directory)];
        let mut all = String::new();
        while let Some(path) = files.pop() {
            match path.is_dir() {
                true => {
                    files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()))
                }
                false => all += &fs::read_to_string(path).unwrap_or_default(),
            }
        }
        all
    };
    let tests = source("tests/integration");
    let mut found = 0;
    for name in text.split('`').skip(1).step_by(2).filter(|name| name.contains("::")) {
        let (modules, test) = name.rsplit_once("::").unwrap();
        let module = modules.rsplit("::").next().unwrap();
        assert!(tests.contains(&format!("mod {module};")), "{name}");
        assert!(test == "*" || tests.contains(&format!("fn {test}(")), "{name}");
        found += 1;
    }
    assert!(found > 15, "{found} tests are named");
    let units = text.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs"));
    for file in units {
        let unit = read(&format!("host/src/{file}"));
        assert!(unit.contains("#[cfg(test)]"), "{file} has no tests");
    }
}
