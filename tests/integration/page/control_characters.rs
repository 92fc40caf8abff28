use copilot_metrics_exporter::model::text::is_control;
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::read;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::Mappings;

use super::{page_at_that_contains, page_that_contains};
use crate::serving::command;

/// The start of an escape sequence, DEL, its C1 form, a line break, and controls of direction.
const CONTROLS: &str = "\u{1b}[2J\u{7f}\u{9b}\r\u{2028}\u{202e}\u{2066}";

fn assert_has_no_controls(text: &str) {
    let control = text.char_indices().find(|(_, c)| is_control(*c) && *c != '\n');
    assert_eq!(control, None, "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_from_outside_are_shown_escaped_or_not_at_all() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let message = "go\u{1b}[2J\u{7f}\u{9b}\r\n\u{202e}\u{2066}away";
    github.fail("/octo-legacy/", Fault::Status(400, message, vec![]));
    let report = String::from_utf8(read("demo/octodemo/organization-28-day.json")).unwrap();
    let language = serde_json::to_string(&format!("g{CONTROLS}o")).unwrap();
    let report = report.replace("\"language\":\"go\"", &format!("\"language\":{language}"));
    let report = report.replace("\"language\": \"go\"", &format!("\"language\": {language}"));
    assert!(report.contains(&language));
    github.fail("/octodemo/organization-28-day/0.json", Fault::Body(report.into()));
    mappings.put(&format!("a\n{CONTROLS}.wasm"), b"not a mapping");
    let yaml = |more: &str| {
        format!(
            "github: {{retries: 0}}\nmapping: {{dir: {}}}\ntargets:\n  - {{organization: \
             octo-legacy}}\n{more}",
            mappings.path().display()
        )
    };
    let config = Config::new(&yaml(""));
    let mut command = command(&github, "octodemo");
    command.env_remove("ORG").env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refresh failed");
    let (status, ready) = serving.get("/-/ready").await;
    assert_eq!(status, 503);
    assert!(ready.contains("go[2J\\u{202e}\\u{2066}away"), "{ready}");
    assert_has_no_controls(&ready);
    // One line about all of it, and one for the target.
    assert_eq!(ready.lines().count(), 2, "{ready}");

    config.write("config.yaml", &yaml("  - {organization: octodemo, name: \"a\\u202Eb\"}\n"));
    assert_eq!(serving.post("/-/reload").await.0, 200);
    serving.wait_for(" refreshed ");
    let path = "/?org=a%E2%80%AEb";
    let of_target = page_at_that_contains(&serving, path, "By language in numbers").await;
    let failing = page_that_contains(&serving, "a[2J.wasm").await;
    for (page, shown) in [
        (&of_target, "<h2 id=\"target-name\">a\\u{202e}b "),
        (&of_target, "\\u{202e}\\u{2066}o</text>"),
        (&failing, "aria-current=\"true\">octo-legacy<"),
        (&failing, ">a\\u{202e}b<"),
        (&failing, "go[2J\\u{202e}\\u{2066}away"),
    ] {
        assert_has_no_controls(page);
        assert!(page.contains(shown), "{shown:?}: {page}");
    }

    let (_, csv) = serving.get("/chart.csv?org=a%E2%80%AEb&chart=By+language").await;
    assert_has_no_controls(&csv);
    assert!(csv.contains("\\u{2028}\\u{202e}\\u{2066}o,"), "{csv}");

    config.write("config.yaml", "targets: [{organization: \"a/\\e[2J\\u202E\"}]");
    let (status, reason) = serving.post("/-/reload").await;
    assert_eq!(status, 500);
    assert_has_no_controls(&reason);
    assert_eq!(reason.lines().count(), 1, "{reason}");
    serving.wait_for("reload failed");
    assert_has_no_controls(&serving.log());
}
