/// Floods of lines.
mod floods;

use copilot_metrics_tests::command::{Serving, exporter, output, run};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::Mappings;
use serde_json::Value;

use crate::serving::command;

/// The lines of a JSON log. Each is an object without a key twice, which a parser would not notice.
fn parse(log: &str) -> Vec<Value> {
    let parse = |line: &str| -> Value {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in value.as_object().unwrap().keys() {
            assert_eq!(line.matches(&format!("\"{key}\":")).count(), 1, "{key} twice: {line}");
        }
        value
    };
    log.lines().map(parse).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_json_line_about_a_target_has_its_organization_and_scope_and_no_key_twice() {
    let github = stand_in().await;
    github.fail("/octodemo/copilot/billing", Fault::Status(500, "broken", vec![]));
    let config = Config::new("github: {retries: 1, retry_delay: 1ms}");
    let mut command = command(&github, "octodemo");
    command.args(["--log.format", "json"]).env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let log = parse(&serving.log());
    let mut about_target = 0;
    for line in &log {
        for key in ["timestamp", "level", "message", "target"] {
            assert!(line[key].is_string(), "{line}");
        }
        // The part of the code, not the organization.
        assert!(line["target"].as_str().unwrap().starts_with("copilot_metrics_exporter"), "{line}");
        // The plan of requests is about a credential.
        if line["credential"].is_string() {
            continue;
        }
        let text = line.to_string();
        if text.contains("\"document\"")
            || text.contains("refresh")
            || text.contains("request failed")
        {
            assert_eq!(
                (&line["org"], &line["scope"]),
                (&"octodemo".into(), &"organization".into())
            );
            about_target += 1;
        }
    }
    assert!(about_target > 6, "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_lost_is_one_warning_until_something_else_is_missing() {
    let github = stand_in().await;
    let config = Config::new("github: {retries: 0}");
    let mut command = command(&github, "octodemo");
    command.env("CACHE_TTL_SECONDS", "1").env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    let refreshed = serving.wait_for("refreshed");
    assert!(refreshed.contains(" INFO ") && !refreshed.contains("left_out"), "{refreshed}");
    github.fail("/octodemo/copilot/billing", Fault::Status(500, "broken", vec![]));
    let lost = serving.wait_for("left_out");
    assert!(lost.contains(" WARN refreshed without some optional data"), "{lost}");
    // Seats and billing fail for one cause, so it is there once.
    assert_eq!(lost.matches("GitHub returned 500").count(), 1, "{lost}");
    assert!(lost.contains("billing, seats: ") || lost.contains("seats, billing: "), "{lost}");
    for _ in 0..2 {
        let still = serving.wait_for("left_out");
        assert!(still.contains(" INFO refreshed "), "{still}");
    }
    github.fail("/user-teams-1-day", Fault::Status(403, "no", vec![]));
    let more = serving.wait_for("user-teams-1-day: ");
    assert!(more.contains(" WARN refreshed without some optional data"), "{more}");
    github.recover();
    loop {
        let line = serving.wait_for(" refreshed ");
        if !line.contains("left_out") {
            assert!(line.contains(" INFO "), "{line}");
            break;
        }
    }
}

#[test]
fn an_error_before_the_start_is_a_json_line_if_the_log_is_json() {
    for arguments in [
        ["--log.format=json", "--cache-ttl-seconds", "soon"].as_slice(),
        &["--no-such-flag", "--log.format", "JSON"],
        &["--log.format", "json", "--log.level", "loud"],
        &[
            "--log.format",
            "json",
            "--demo",
            "--option",
            "sers=true",
            "--web.listen-address=127.0.0.1:0",
        ],
    ] {
        let mut command = exporter();
        command.args(arguments);
        let output = output(command);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{text}");
        let log = parse(&text);
        let last = log.last().unwrap();
        assert_eq!(last["level"], "ERROR", "{text}");
        assert!(last["message"].as_str().unwrap().len() > 20, "{text}");
    }
    // The variable counts too, and an empty one does not.
    for (format, is_json) in [("json", true), ("text", false), ("", false)] {
        let mut command = exporter();
        command.env("LOG_FORMAT", format).args(["--org", "a/b"]);
        let text = String::from_utf8(output(command).stderr).unwrap();
        assert_eq!(text.starts_with('{'), is_json, "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_break_in_the_name_of_a_file_cannot_forge_a_line() {
    const FORGED: &str = "2026-01-01T00:00:00Z ERROR forged";
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put(&format!("a\n{FORGED}\n.wasm"), b"not a mapping");
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path());
    let serving = Serving::start(command);
    serving.wait_for("not a WebAssembly component");
    assert!(serving.log().contains("ERROR forged"), "{}", serving.log());
    assert!(!serving.log().lines().any(|line| line.starts_with(FORGED)), "{}", serving.log());
    // Nor one of an error.
    let directory = mappings.path().join(format!("b\n{FORGED}"));
    for arguments in [
        ["check-config", "--config", directory.to_str().unwrap()].as_slice(),
        &["check-config", "--mapping-dir", mappings.path().to_str().unwrap()],
        &["map", "--org", "a", &format!("billing={}", directory.display())],
        &["mapping", "check", directory.to_str().unwrap()],
    ] {
        let output = run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("ERROR forged"), "{error}");
        assert!(!error.lines().any(|line| line.starts_with(FORGED)), "{error}");
    }
}
