//! The last test of the suite: the exporter's output in all other tests contains no secret.

use std::fs;

use copilot_metrics_tests::transcript::directory;
use memchr::memmem;

#[test]
fn no_log_error_metric_or_page_of_the_whole_suite_contains_a_token_a_key_or_a_signature() {
    let read = |name: &str| {
        fs::read_to_string(directory().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}: run all tests with `make test`"))
    };
    let (said, secrets) = (read("said"), read("secrets"));
    // The other tests have run: there are logs, metrics, errors and pages, and all kinds of secrets.
    for text in ["refreshed", "# HELP ", "refresh failed", "exporter: ", "<html", "not reloaded"] {
        assert!(said.contains(text), "the transcript does not contain {text:?}");
    }
    for kind in ["demo_", "ghs_", "eyJ"] {
        assert!(
            secrets.lines().any(|secret| secret.starts_with(kind)),
            "no secret starts with {kind}"
        );
    }
    assert!(secrets.lines().count() > 50, "{}", secrets.lines().count());
    for secret in secrets.lines().filter(|secret| !secret.is_empty()) {
        if memmem::find(said.as_bytes(), secret.as_bytes()).is_some() {
            let line = said.lines().find(|line| line.contains(secret));
            panic!("{secret} is in: {}", line.unwrap_or_default());
        }
    }
}
