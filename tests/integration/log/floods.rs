use std::time::Instant;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::serving::{command, metrics};

/// The number of lines with a text.
fn count(serving: &Serving, text: &str) -> usize {
    serving.log().lines().filter(|line| line.contains(text)).count()
}

/// The number in a field of a line.
fn field(line: &str, name: &str) -> usize {
    let value = line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    let value = value.and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no number {name} in {line:?}"))
}

fn with_config(github: &StandIn, config: &Config) -> Serving {
    let mut command = command(github, "octodemo");
    command.env_remove("ORG").env("CONFIG_FILE", config.path());
    command.arg("--web.enable-lifecycle");
    Serving::start_with_own_log_level(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_conflicting_mapping_files_in_ten_directories_are_a_few_lines_for_each() {
    let github = stand_in().await;
    let directories: Vec<Mappings> = (0..10).map(|_| Mappings::default()).collect();
    let mapping = scripted("scripted", "1", "nothing");
    for directory in &directories {
        (0..100).for_each(|number| directory.put(&format!("{number:03}.wasm"), &mapping));
    }
    let target = |(number, directory): (usize, &Mappings)| {
        let path = directory.path().display();
        format!("{{organization: org-{number}, mapping: {{dir: {path}}}}}")
    };
    let targets: Vec<String> = directories.iter().enumerate().map(target).collect();
    let config = Config::new(&format!("targets: [{}]", targets.join(", ")));
    let serving = with_config(&github, &config);
    for _ in 0..10 {
        let more = serving.wait_for("more mapping files refused");
        assert_eq!(field(&more, "files"), 89, "{more}");
        assert!(more.contains("reasons=\"conflict\""), "{more}");
    }
    // One file of each directory is in use, and the first ten others are named.
    assert_eq!(count(&serving, "mapping refused"), 100);
    assert_eq!(count(&serving, "mapping in use"), 10);
    let (_, page) = serving.get("/").await;
    assert_eq!(page.matches("two files contain a mapping named").count(), 990);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_with_a_thousand_files_is_one_line_however_often_it_is_scanned() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let config = Config::new(&format!(
        "mapping: {{dir: {}}}\ntargets: [{{organization: octodemo}}]",
        mappings.path().display()
    ));
    let serving = with_config(&github, &config);
    for number in 0..1000 {
        mappings.put(&format!("{number:04}.wasm"), b"(component)");
    }
    let refused = serving.wait_for("it has more than 100 *.wasm files");
    assert!(refused.contains("reason=\"unreadable\""), "{refused}");
    for number in 0..5 {
        mappings.put(&format!("more-{number}.wasm"), b"(component)");
        assert_eq!(serving.post("/-/reload").await.0, 200);
    }
    assert_eq!(count(&serving, "it has more than 100"), 1, "{}", serving.log());
    let (_, page) = serving.get("/").await;
    assert!(page.contains("it has more than 100 *.wasm files"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reloads_is_a_few_lines_and_the_log_says_how_many_are_missing() {
    let github = stand_in().await;
    let config = Config::new("targets: [{organization: octodemo}]");
    let serving = with_config(&github, &config);
    serving.wait_for("refreshed");
    let started = Instant::now();
    for _ in 0..300 {
        kill(Pid::from_raw(serving.id() as i32), Signal::SIGHUP).unwrap();
        assert_eq!(serving.post("/-/reload").await.0, 200);
    }
    let suppressed = serving.wait_for("log lines suppressed");
    assert!(suppressed.contains("like=\"settings reloaded\""), "{suppressed}");
    assert!(suppressed.contains(" INFO "), "{suppressed}");
    // Without another reload, the rest is reported in time.
    let mut missing = field(&suppressed, "suppressed");
    let name = "copilot_exporter_log_lines_suppressed_total{level=\"info\"}";
    while (missing as f64) < metrics(&serving).await.value(name) {
        missing += field(&serving.wait_for("log lines suppressed"), "suppressed");
    }
    let written = count(&serving, "INFO settings reloaded");
    let took = started.elapsed();
    // Signals that arrive during a reload are served by the next one.
    assert!((300..=600).contains(&(written + missing)), "{written} + {missing}");
    let most = 31 + took.as_secs() as usize;
    assert!(written <= most, "{written} lines in {took:?}");
    assert!(serving.log().lines().count() < most + 50, "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_suppressed_is_in_the_log_when_the_process_ends() {
    let github = stand_in().await;
    let config = Config::new("targets: [{organization: octodemo}]");
    let mut serving = with_config(&github, &config);
    serving.wait_for("refreshed");
    let name = "copilot_exporter_log_lines_suppressed_total";
    while metrics(&serving).await.sum(name, "") == 0.0 {
        assert_eq!(serving.post("/-/reload").await.0, 200);
    }
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(serving.wait().code(), Some(0));
    let suppressed = serving.wait_for("log lines suppressed");
    assert!(suppressed.contains("like=\"settings reloaded\""), "{suppressed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_failures_of_two_hundred_targets_are_all_logged() {
    const TARGETS: usize = 200;
    let github = stand_in().await;
    github.fail("/", Fault::Status(500, "broken", vec![]));
    let targets: Vec<_> = (0..TARGETS).map(|at| format!("{{organization: org-{at}}}")).collect();
    let config = Config::new(&format!("github: {{retries: 0}}\ntargets: [{}]", targets.join(", ")));
    let serving = with_config(&github, &config);
    for _ in 0..TARGETS {
        serving.wait_for("refresh failed");
    }
    let log = serving.log();
    for target in 0..TARGETS {
        let org = format!("org=\"org-{target}\"");
        let is_failure = |line: &&str| line.contains("refresh failed") && line.contains(&org);
        assert_eq!(log.lines().filter(is_failure).count(), 1, "{org}");
    }
    assert!(!log.contains("suppressed"), "{log}");
}
