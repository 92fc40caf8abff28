use copilot_metrics_tests::command::{exporter, output, printed, run};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::well_behaved;

#[test]
fn mapping_check_runs_every_check_on_a_good_mapping() {
    let mappings = Mappings::default();
    mappings.put("good.wasm", &well_behaved("1"));
    let report = printed(["mapping", "check", mappings.file("good.wasm").to_str().unwrap()]);
    for check in
        ["size", "digest", "component", "imports", "world", "describe", "manifest", "conflicts"]
    {
        assert!(report.contains(&format!("  ok    {check}")), "{check}: {report}");
    }
    assert!(report.contains("ok    run        organization octodemo: families: 2, series: 501"));
    assert!(report.ends_with("the mapping can be used\n"), "{report}");
}

#[test]
fn mapping_check_reports_which_check_failed_and_why() {
    let mappings = Mappings::default();
    let checked = |bytes: &[u8], wanted: &str| {
        mappings.put("bad.wasm", bytes);
        let checked = run(["mapping", "check", mappings.file("bad.wasm").to_str().unwrap()]);
        let report = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(65), "{report}");
        assert!(report.contains(wanted), "{report}");
        let error = String::from_utf8(checked.stderr).unwrap();
        assert!(error.contains("bad.wasm: the mapping can't be used"), "{error}");
    };
    checked(b"text", "FAIL  component  not a WebAssembly component: it does not start like");
    let bad = |behavior: &str| scripted("scripted", "1", behavior);
    checked(&bad("family-name"), "FAIL  manifest   `describe` returned an invalid manifest");
    checked(&bad("takes-a-family"), "FAIL  conflicts  the mappings \"github-copilot\"");
    checked(&bad("trap-in-finish"), "FAIL  run        organization octodemo: the mapping failed");
    checked(&bad("duplicate"), "(invalid_samples)");
    let config = Config::new("mapping: {max_file_mib: 1, run_time: 200ms}");
    mappings.put("bad.wasm", &bad("loop"));
    let mut command = exporter();
    command.args(["mapping", "check"]).arg(mappings.file("bad.wasm"));
    command.arg("--config").arg(config.path());
    let report = String::from_utf8(output(command).stdout).unwrap();
    assert!(report.contains("the mapping exceeded its time limit"), "{report}");
    assert_eq!(run(["mapping", "check", "/no/such/file.wasm"]).status.code(), Some(66));
}

#[test]
fn mapping_show_describes_a_mapping() {
    let mappings = Mappings::default();
    mappings.put("good.wasm", &well_behaved("7"));
    let shown = printed(["mapping", "show", mappings.file("good.wasm").to_str().unwrap()]);
    for wanted in [
        "name      scripted\n",
        "version   7\n",
        "contract  0.2.0\n",
        "  billing  optional  /orgs/{org}/copilot/billing\n",
        "  scripted_stamp {org, number, version} gauge\n",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    // Without a file, it is the embedded one.
    assert!(printed(["mapping", "show"]).contains("name      github-copilot\n"));
}
