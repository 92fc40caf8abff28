use copilot_metrics_tests::command::printed;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::path;
use copilot_metrics_tests::guests::{Mappings, scripted, slow_to_compile};
use serde_json::Value;

use super::{argument, outcome};

/// The report about a mapping with this behavior, and the exit code.
fn checked(behavior: &str, more: &[&str]) -> (Option<i32>, String) {
    let mappings = Mappings::default();
    mappings.put("scripted.wasm", &scripted("scripted", "1", behavior));
    let file = mappings.file("scripted.wasm");
    let fixed = ["mapping", "check", argument(&file)];
    let (code, report, _) = outcome(fixed.iter().chain(more));
    (code, report)
}

#[test]
fn mapping_check_runs_both_spans_and_compares_them_with_the_limits() {
    let config = Config::new("mapping: {memory_mib: 32, run_time: 30s}");
    let (code, report) = checked("chart", &["--config", config.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{report}");
    for check in ["run      ", "history  "] {
        let wanted = format!("  ok    {check}  organization octodemo: families: 2, series: 501; ");
        assert!(report.contains(&wanted), "{wanted}: {report}");
    }
    assert!(report.contains(" s of 30 s, ") && report.contains(" MB of 33.6 MB"), "{report}");
    assert!(report.contains("  ok    charts     1 of 1 have samples\n"), "{report}");
    let summary = report.lines().last().unwrap();
    assert!(summary.starts_with("4 runs, at most "), "{summary}");
    assert!(summary.ends_with(" MB of 33.6 MB: the mapping can be used"), "{summary}");
}

#[test]
fn an_error_that_only_history_shows_is_found() {
    let (code, report) = checked("only-latest", &[]);
    assert_eq!(code, Some(65), "{report}");
    assert!(report.contains("  ok    run        organization octodemo"), "{report}");
    assert!(
        report.contains("  FAIL  history    organization octodemo: the mapping failed"),
        "{report}"
    );
    assert!(report.ends_with("failed: history\n"), "{report}");
}

#[test]
fn what_a_mapping_writes_to_standard_error_is_shown_by_check_and_map() {
    let (code, report) = checked("whispers", &[]);
    assert_eq!(code, Some(0), "{report}");
    // Without what would change the terminal.
    assert!(report.contains("  -     stderr     a word[2J of the mapping\n"), "{report}");
    let mappings = Mappings::default();
    mappings.put("scripted.wasm", &scripted("scripted", "1", "whispers"));
    let billing = format!("billing={}", path("small/billing.json").display());
    let file = mappings.file("scripted.wasm");
    let (code, _, error) = outcome(["map", "--org", "a", "--mapping", argument(&file), &billing]);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("the mapping wrote: a word[2J of the mapping\n"), "{error}");
}

#[test]
fn every_failed_check_says_what_to_do() {
    for (behavior, check, help) in [
        ("family-name", "manifest", "help: correct what `describe` returns"),
        ("trap-in-describe", "describe", "help: `describe` should only return the manifest"),
        ("takes-a-family", "conflicts", "help: rename the mapping or the family"),
        ("trap-in-finish", "run", "help: handle the error instead of ending"),
        ("duplicate", "run", "help: return only declared families"),
        ("grow", "run", "raise mapping.memory_mib"),
        ("chunk-dependent", "chunks", "help: keep what is incomplete at the end of a chunk"),
    ] {
        let (code, report) = checked(behavior, &[]);
        assert_eq!(code, Some(65), "{behavior}: {report}");
        assert!(report.contains(&format!("  FAIL  {check}")), "{behavior}: {report}");
        assert!(report.contains(help), "{behavior}: {report}");
        assert!(report.lines().last().unwrap().starts_with("failed: "), "{behavior}: {report}");
    }
}

/// The interface of the contract, in which `describe` returns a number.
const OTHER_TYPES: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "describe") (result i32) i32.const 0)
        (func (export "new") (result i32) i32.const 0)
        (func (export "call") (param i32)))
    (core instance $i (instantiate $m))
    (type $run (resource (rep i32)))
    (func $describe (result u32) (canon lift (core func $i "describe")))
    (func $new (result (own $run)) (canon lift (core func $i "new")))
    (func $call (param "self" (borrow $run)) (canon lift (core func $i "call")))
    (component $c
        (import "run" (type $run (sub resource)))
        (import "describe" (func $describe (result u32)))
        (import "new" (func $new (result (own $run))))
        (import "call" (func $call (param "self" (borrow $run))))
        (export $exported "run" (type $run))
        (export "describe" (func $describe))
        (export "[constructor]run" (func $new) (func (result (own $exported))))
        (export "[method]run.feed" (func $call) (func (param "self" (borrow $exported))))
        (export "[method]run.finish" (func $call) (func (param "self" (borrow $exported)))))
    (instance $mapper (instantiate $c
        (with "run" (type $run)) (with "describe" (func $describe)) (with "new" (func $new)) (with "call" (func $call))))
    (export "copilot-metrics-exporter:mapping/mapper@0.2.0" (instance $mapper)))"#;

#[test]
fn imports_and_exports_are_judged_before_anything_is_compiled() {
    let slow = |wat: &str| slow_to_compile(&wat::parse_str(wat).unwrap(), 60);
    // It would take longer to compile than the limit.
    let config = Config::new("mapping: {compile_time: 1s}");
    for (component, check, help) in [
        (
            slow("(component (import \"env:host/secrets@1.0.0\" (instance)))"),
            "imports",
            "no network",
        ),
        (slow("(component)"), "world", "export the interface `mapper`"),
        (
            slow(OTHER_TYPES),
            "world",
            "the function `[constructor]run` has other types than the contract: after `func(`",
        ),
    ] {
        let mappings = Mappings::default();
        mappings.put("slow.wasm", &component);
        let file = mappings.file("slow.wasm");
        let config = config.path();
        let config = config.to_str().unwrap();
        let arguments = ["mapping", "check", argument(&file), "--config", config];
        let (code, report, _) = outcome(arguments);
        assert_eq!(code, Some(65), "{report}");
        assert!(report.contains(&format!("  FAIL  {check}")), "{report}");
        assert!(report.contains(help), "{report}");
    }
}

#[test]
fn the_report_can_be_read_by_programs() {
    let report = |behavior: &str| -> (Option<i32>, Value) {
        let (code, report) = checked(behavior, &["--json"]);
        (code, serde_json::from_str(&report).unwrap())
    };
    let (code, good) = report("chart");
    assert_eq!(code, Some(0));
    assert_eq!(good["usable"], true);
    assert_eq!(good["mapping"]["name"], "scripted");
    assert_eq!(good["mapping"]["contract"], "0.2.0");
    assert_eq!(good["mapping"]["sha256"].as_str().unwrap().len(), 64);
    let spans: Vec<_> =
        good["runs"].as_array().unwrap().iter().map(|run| run["span"].as_str().unwrap()).collect();
    assert_eq!(spans, ["latest", "history", "latest", "history"]);
    assert_eq!(good["runs"][0]["series"], 501);
    assert!(good["runs"][0]["memory_bytes"].as_u64().unwrap() > 0);
    assert_eq!(good["limits"]["run_seconds"], 60.0);
    assert_eq!(good["charts"][0]["title"], "Scripted seats");
    assert_eq!(good["charts"][0]["has_samples"], true);

    let (code, bad) = report("trap-in-finish");
    assert_eq!(code, Some(65));
    assert_eq!(bad["usable"], false);
    let failed: Vec<_> = bad["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["verdict"] == "failed")
        .collect();
    assert_eq!(failed[0]["check"], "run");
    assert!(failed[0]["advice"].as_str().unwrap().starts_with("handle the error"));
}

#[test]
fn mapping_check_accepts_a_recorded_case() {
    let directory = tempfile::tempdir().unwrap();
    super::write(&directory.path().join("documents/billing.json"), "{\"total\":5}");
    super::write(&directory.path().join("case.yaml"), "org: acme\n");
    let (code, report) = checked("nothing", &[argument(directory.path())]);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("  ok    run        organization acme: families: 2"), "{report}");
    assert!(!report.contains("octodemo"), "{report}");
    // The default mapping too.
    let help = printed(["mapping", "check", "--help"]);
    assert!(help.contains("--json"), "{help}");
}
