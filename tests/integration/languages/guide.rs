use std::fs;
use std::path::Path;

use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guide::{block, blocks, run, run_with};
use copilot_metrics_tests::registry::Registry;

use super::{DEMO, LANGUAGES, RUST};

/// The heading of the commands that record and test a case.
const RECORD: &str = "Your own document and families";
/// The heading of the commands that push a mapping.
const PUBLISH: &str = "Publishing a mapping";
/// The report of the tests in CI.
const JUNIT: &str = "junit.xml";

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_guide_record_an_organization_and_test_a_mapping_with_it() {
    let github = stand_in().await;
    let directory = RUST.directory();
    let directory = directory.as_deref().unwrap();
    run(directory, "mkdir -p mappings && cp acme-seats.wasm mappings/");
    let mut printed =
        blocks("sh").into_iter().filter(|block| block.heading == RECORD).map(|block| {
            run_with(
                directory,
                &block.text.replace("--org octo-org", "--org octodemo"),
                |command| {
                    command
                        .env("GHC_TOKEN", github.token())
                        .env("GITHUB_API_URL", github.api().as_str());
                },
            )
        });
    let [recorded, mapped, tested] = [(); 3].map(|()| printed.next().unwrap());
    assert!(printed.next().is_none());
    let billing = recorded.lines().find(|line| line.trim_start().starts_with("billing "));
    assert!(billing.is_some_and(|line| line.contains(" 1 file, ")), "{recorded}");
    // Of the newest day, and of every day with its timestamp.
    assert!(mapped.contains("state=\"active\"} 293\n"), "{mapped}");
    assert!(mapped.contains("state=\"active\"} 293 1"), "{mapped}");
    assert!(
        tested.contains("ok    octo-org  (") && tested.contains("ok    recorded  ("),
        "{tested}"
    );
    assert!(tested.contains("history.prom was updated"), "{tested}");
    let expected = fs::read_to_string(directory.join("tests/recorded/latest.prom")).unwrap();
    assert!(expected.contains("state=\"active\"} 293\n"), "{expected}");
    assert!(!expected.contains("octodemo"), "{expected}");
    run(directory, "rm -r mappings tests/recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_guide_push_a_mapping_and_print_its_digest() {
    let registry = Registry::start().await;
    let directory = RUST.directory();
    let directory = directory.as_deref().unwrap();
    let push = block("sh", PUBLISH).replace("registry.example.com", &registry.host());
    let printed = run_with(directory, &push, |command| registry.sign_in(command));
    let digest = registry.reference("team/acme-seats@sha256:");
    assert!(printed.contains(&digest), "{printed}");
}

#[test]
fn the_other_commands_of_the_guide_work_on_a_new_mapping() {
    let directory = RUST.directory();
    let directory = directory.as_deref().unwrap();
    for block in blocks("sh").iter().filter(|block| !has_a_test(&block.heading)) {
        run(directory, &block.text);
    }
    let check = run(directory, "copilot-metrics-exporter mapping check acme-seats.wasm");
    assert!(check.ends_with("the mapping can be used\n"), "{check}");
    for (version, directory) in [("0.1", "wit/0.1"), ("0.2", "wit/0.2")] {
        let printed =
            run(root(), &format!("copilot-metrics-exporter mapping wit --version {version}"));
        let contract = fs::read_to_string(root().join(directory).join("mapping.wit")).unwrap();
        assert_eq!(printed, contract);
    }
}

/// Whether the commands below a heading have a test of their own.
fn has_a_test(heading: &str) -> bool {
    [DEMO, RECORD, PUBLISH].contains(&heading)
        || LANGUAGES.iter().any(|language| language.heading == heading)
}

#[test]
fn every_command_of_the_guide_is_one_that_these_tests_run() {
    let languages = LANGUAGES.map(|language| language.heading);
    let all = blocks("sh");
    for heading in languages.into_iter().chain([DEMO, PUBLISH]) {
        let found = all.iter().filter(|block| block.heading == heading).count();
        assert_eq!(found, 1, "{heading}");
    }
    // The other blocks of commands are run as they are. There must be no commands in another form.
    assert!(all.iter().filter(|block| !has_a_test(&block.heading)).count() >= 2);
    assert!(blocks("console").is_empty() && blocks("bash").is_empty());
    let text = fs::read_to_string(root().join("docs/mapping-plugins.md")).unwrap();
    assert!(!text.lines().any(|line| line.trim_start().starts_with("$ ")));
}

#[test]
fn the_readme_of_a_new_mapping_has_the_commands_of_the_guide() {
    let directory = RUST.directory();
    let readme = fs::read_to_string(directory.as_deref().unwrap().join("README.md")).unwrap();
    let demo = block("sh", DEMO);
    let push = block("sh", PUBLISH);
    let record: String = blocks("sh")
        .into_iter()
        .filter(|block| block.heading == RECORD)
        .flat_map(|block| block.text.lines().map(|line| format!("{line}\n")).collect::<Vec<_>>())
        .filter(|line| line.contains(" record ") || line.contains("--update"))
        .collect();
    assert_eq!(record.lines().count(), 2, "{record}");
    for line in [demo, push, record].iter().flat_map(|commands| commands.lines()) {
        assert!(readme.contains(line), "{line}");
    }
    assert!(readme.contains("make\n   make test\n"));
    assert!(readme.contains("copilot-metrics-exporter mapping check acme-seats.wasm"));
}

#[test]
fn a_changed_metric_fails_the_test_of_a_new_mapping_with_the_difference_and_a_report_for_ci() {
    let directory = RUST.directory();
    let directory = directory.as_deref().unwrap();
    // The command of the workflow, with the program instead of its image.
    let workflow = fs::read_to_string(directory.join(".github/workflows/ci.yml")).unwrap();
    let test = format!("make test TEST_FLAGS=\"--junit {JUNIT}\"");
    assert!(workflow.contains(&format!("{test}\n")), "{workflow}");
    assert!(workflow.contains(&format!("path: {JUNIT}\n")), "{workflow}");
    run(directory, &test);
    let report = || fs::read_to_string(directory.join(JUNIT)).unwrap();
    assert!(report().contains("<testcase name=\"octo-org\""), "{}", report());
    assert!(!report().contains("<failure"), "{}", report());

    let expected = directory.join("tests/octo-org/latest.prom");
    let text = fs::read_to_string(&expected).unwrap();
    fs::write(&expected, text.replace("} 11", "} 12")).unwrap();
    let tested = run(directory, &format!("{test} 2>&1 || echo failed"));
    fs::write(&expected, text).unwrap();
    assert!(tested.ends_with("failed\n"), "{tested}");
    for line in [
        "-acme_seats{org=\"octo-org\",state=\"active\"} 12",
        "+acme_seats{org=\"octo-org\",state=\"active\"} 11",
    ] {
        assert!(tested.contains(line), "{tested}");
    }
    assert!(report().contains("<failure message=\"latest.prom differs"), "{}", report());
    assert!(is_ignored(directory, JUNIT) && is_ignored(directory, "mappings/"));
}

/// Whether a new mapping does not commit a file or directory.
fn is_ignored(directory: &Path, name: &str) -> bool {
    let ignored = fs::read_to_string(directory.join(".gitignore")).unwrap();
    ignored.lines().any(|line| line == format!("/{name}"))
}
