use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use copilot_metrics_tests::command::printed;
use copilot_metrics_tests::fixtures::{read, root};
use copilot_metrics_tests::guests::{Mappings, scripted};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::{argument, outcome, write};

const BILLING: &str = "{\"seat_breakdown\": {\"total\": 12}}";

/// A directory of mappings with a scripted one, and a case for it.
struct Author {
    mappings: Mappings,
    cases: TempDir,
}

impl Author {
    fn new(behavior: &str) -> Self {
        let (mappings, cases) = (Mappings::default(), tempfile::tempdir().unwrap());
        mappings.put("scripted.wasm", &scripted("scripted", "1", behavior));
        write(&cases.path().join("billing/documents/billing.json"), BILLING);
        Self { mappings, cases }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.cases.path().join("billing").join(name)
    }

    fn test(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let mapping = self.mappings.file("scripted.wasm");
        let fixed =
            ["mapping", "test", argument(self.cases.path()), "--mapping", argument(&mapping)];
        outcome(fixed.iter().chain(more))
    }
}

#[test]
fn the_expected_samples_are_written_on_request_and_compared_from_then_on() {
    let author = Author::new("nothing");
    let (code, report, error) = author.test(&[]);
    assert_eq!(code, Some(1), "{error}");
    assert!(report.contains("latest.prom does not exist: write it with --update"), "{report}");
    assert!(error.contains("1 of 1 cases failed"), "{error}");

    let (code, report, error) = author.test(&["--update"]);
    assert_eq!(code, Some(0), "{report}{error}");
    assert!(report.contains("history.prom was updated"), "{report}");
    let latest = fs::read_to_string(author.file("latest.prom")).unwrap();
    assert!(latest.contains("scripted_seats{org=\"octo-org\"} 12\n"), "{latest}");
    let history = fs::read_to_string(author.file("history.prom")).unwrap();
    assert!(history.contains("scripted_seats{org=\"octo-org\"} 12 1767225600000\n"), "{history}");

    let (code, report, _) = author.test(&["--seed", "7"]);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.starts_with("ok    billing  ("), "{report}");
    assert!(report.ends_with("1 passed, 0 failed; seed of the random chunks: 7\n"), "{report}");
}

#[test]
fn a_changed_value_is_shown_as_a_unified_diff() {
    let author = Author::new("nothing");
    author.test(&["--update"]);
    write(&author.file("documents/billing.json"), &BILLING.replace("12", "13"));
    let (code, report, _) = author.test(&[]);
    assert_eq!(code, Some(1));
    let wanted = "--- latest.prom (expected)\n+++ found\n@@ -1,6 +1,6 @@\n # HELP scripted_seats A family for tests.\n \
                  # TYPE scripted_seats gauge\n-scripted_seats{org=\"octo-org\"} 12\n+scripted_seats{org=\"octo-org\"} 13\n";
    assert!(report.contains(wanted), "{report}");
}

#[test]
fn a_mapping_whose_samples_depend_on_the_chunks_fails_with_the_seed_that_shows_it() {
    let author = Author::new("chunk-dependent");
    let (code, report, _) = author.test(&["--update", "--seed", "11"]);
    assert_eq!(code, Some(1), "{report}");
    for how in ["byte by byte", "in random chunks (--seed 11)"] {
        assert!(
            report.contains(&format!("other samples if the documents arrive {how}")),
            "{report}"
        );
    }
    assert!(report.contains("--- at once\n+++ byte by byte\n"), "{report}");
}

#[test]
fn a_report_for_ci_services_has_the_cases_and_their_differences() {
    let author = Author::new("nothing");
    let junit = author.cases.path().join("junit.xml");
    author.test(&["--update"]);
    write(&author.file("history.prom"), "# nothing <& yet\n");
    let (code, ..) = author.test(&["--junit", argument(&junit)]);
    assert_eq!(code, Some(1));
    let report = fs::read_to_string(junit).unwrap();
    for wanted in [
        "<testsuite name=\"scripted\" tests=\"1\" failures=\"1\" errors=\"0\"",
        "<testcase name=\"billing\" classname=\"mapping\"",
        "<failure message=\"history.prom differs; if that is right, write it with --update\">",
        "-# nothing &lt;&amp; yet",
    ] {
        assert!(report.contains(wanted), "{wanted}: {report}");
    }
}

#[test]
fn what_goes_wrong_has_its_exit_code_and_says_where() {
    let author = Author::new("nothing");
    let failed = |arguments: &[&str], code: i32, wanted: &str| {
        let (found, report, error) = outcome(["mapping", "test"].iter().chain(arguments));
        assert_eq!(found, Some(code), "{report}{error}");
        assert!(error.contains(wanted), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    };
    let cases = argument(author.cases.path());
    failed(&[cases, "--seed", "x"], 64, "invalid value 'x'");
    failed(&["/no/such/case"], 66, "/no/such/case: ");
    let not_a_mapping = author.file("documents/billing.json");
    failed(&[cases, "--mapping", argument(&not_a_mapping)], 65, "not a WebAssembly component");
    failed(&[argument(author.mappings.path())], 65, "there is no case in it");
    write(&author.file("case.yaml"), "organisation: octo-org\n");
    failed(&[cases], 65, "case.yaml: ");
}

#[test]
fn a_case_that_the_mapping_does_not_accept_fails_alone() {
    let author = Author::new("trap-when-told");
    author.test(&["--update"]);
    let trap = "{\"seat_breakdown\": {\"total\": 12}, \"do\": \"trap now\"}";
    write(&author.cases.path().join("trap/documents/billing.json"), trap);
    let other = author.cases.path().join("other");
    write(&other.join("documents/seats.json"), "{}");
    write(&other.join("case.yaml"), "options: {users: true}\n");
    let (code, report, error) = author.test(&[]);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("ok    billing"), "{report}");
    assert!(report.contains("latest: the mapping failed: "), "{report}");
    assert!(report.contains("not used, as the mapping does not have them: seats"), "{report}");
    assert!(report.contains("case.yaml: options: "), "{report}");
    assert!(error.contains("2 of 3 cases failed"), "{error}");
}

#[test]
fn map_reads_a_case_as_mapping_test_does() {
    let directory = tempfile::tempdir().unwrap();
    let case = directory.path();
    write(
        &case.join("case.yaml"),
        "org: acme\nfetched_at: 2026-11-22T06:00:00Z\nspans: [latest]\n",
    );
    let page = |name: &str, bytes: &[u8]| {
        let path = case.join("documents").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    // One of the pages is compressed.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&read("small/seats.1.json")).unwrap();
    page("seats.1.json.gz", &encoder.finish().unwrap());
    page("seats.2.json", &read("small/seats.2.json"));
    let (code, report, error) = outcome(["mapping", "test", argument(case), "--update"]);
    assert_eq!(code, Some(0), "{report}{error}");
    let latest = fs::read_to_string(case.join("latest.prom")).unwrap();
    assert!(latest.contains("github_copilot_seats{org=\"acme\""), "{latest}");
    assert_eq!(printed(["map", argument(case)]), latest);
    assert!(!case.join("history.prom").exists());
    // What the command line says takes precedence.
    let other = printed(["map", "--org", "other", argument(case)]);
    assert!(other.contains("github_copilot_seats{org=\"other\""), "{other}");
    let seats = format!("seats={}", case.join("documents/seats.2.json").display());
    let (code, _, error) = outcome(["map", "--org", "a", &seats, argument(case)]);
    assert_eq!(code, Some(64));
    assert!(error.contains("a case must be the only input"), "{error}");
}

#[test]
fn every_expected_file_of_the_project_belongs_to_a_case() {
    let golden = root().join("tests/golden");
    let mut cases = 0;
    for entry in fs::read_dir(golden).unwrap() {
        let case = entry.unwrap().path();
        let has = |name: &str| Path::new(&case).join(name).is_file();
        assert!(has("case.yaml") && has("latest.prom"), "{}", case.display());
        cases += 1;
    }
    assert!(cases >= 8, "{cases}");
}
