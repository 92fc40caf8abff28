use std::io::ErrorKind;
use std::net::TcpListener;

use copilot_metrics_exporter::wasm::ALLOWED_IMPORTS;
use copilot_metrics_tests::command::{Serving, printed, run};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::path;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::{Mappings, scripted, with_module};
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

use crate::serving::{command, metrics};

/// The arguments that run a mapping with this behavior over a recorded document.
fn map_arguments(mappings: &Mappings, behavior: &str) -> Vec<String> {
    mappings.put("guest.wasm", &scripted("scripted", "1", behavior));
    let file = mappings.file("guest.wasm").display().to_string();
    let billing = format!("billing={}", path("small/billing.json").display());
    ["map", "--org", "acme", "--mapping", &file, &billing].map(str::to_owned).into()
}

/// What a mapping with this behavior sees.
fn seen(behavior: &str) -> Vec<(String, f64)> {
    let exposition = Exposition::parse(&printed(map_arguments(&Mappings::default(), behavior)));
    exposition.series("scripted_seen").map(|(series, value)| (series.to_owned(), value)).collect()
}

#[test]
fn a_component_that_imports_files_sockets_clocks_and_random_numbers_loads() {
    let engine = Engine::new(Config::new().wasm_component_model(true)).unwrap();
    let component = scripted("scripted", "1", "nothing");
    let component = Component::from_binary(&engine, &component).unwrap().component_type();
    let imports: Vec<_> = component.imports(&engine).map(|(name, _)| name.to_owned()).collect();
    for interface in [
        "wasi:clocks/monotonic-clock",
        "wasi:clocks/wall-clock",
        "wasi:filesystem/preopens",
        "wasi:filesystem/types",
        "wasi:random/insecure",
        "wasi:random/random",
        "wasi:sockets/ip-name-lookup",
        "wasi:sockets/tcp",
        "wasi:sockets/udp",
    ] {
        let version = format!("{interface}@0.2.");
        assert!(imports.iter().any(|import| import.starts_with(&version)), "{interface}");
        assert!(ALLOWED_IMPORTS.contains(&interface), "{interface}");
    }
    let mapped = printed(map_arguments(&Mappings::default(), "nothing"));
    assert_eq!(Exposition::parse(&mapped).sum("scripted_seats", ""), 12.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_sees_no_environment_no_files_no_threads_and_only_stopped_clocks() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path()).current_dir(mappings.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    mappings.put("guest.wasm", &scripted("scripted", "1", "look-around"));
    serving.wait_for("mapping in use");
    let exposition = metrics(&serving).await;
    for what in [
        "variables",
        "arguments",
        "input",
        "directory",
        "new directory",
        "file",
        "metadata",
        "written file",
        "removed file",
        "thread",
        "wall clock",
        "later wall clock",
        "monotonic clock",
    ] {
        assert_eq!(exposition.value(&format!("scripted_seen{{what=\"{what}\"}}")), 0.0, "{what}");
    }
    assert_eq!(exposition.series("scripted_seen").count(), 13);
    assert!(mappings.file("guest.wasm").exists());
    assert!(!mappings.file("scripted").exists());
}

#[test]
fn a_mapping_can_open_no_socket_and_resolve_no_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let seen = seen(&format!("connect-{}", listener.local_addr().unwrap().port()));
    assert_eq!(seen.len(), 4);
    for (series, value) in seen {
        assert_eq!(value, 0.0, "{series}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn random_numbers_are_the_same_in_every_run() {
    let first = seen("random");
    assert_eq!(first.len(), 3);
    // There are programs that draw until a number is not zero.
    assert!(first.iter().all(|(_, number)| *number != 0.0), "{first:?}");
    assert_eq!(seen("random"), first);
}

/// A run of a mapping with this behavior fails with all of these texts.
#[track_caller]
fn fails(behavior: &str, texts: &[&str]) -> String {
    let output = run(map_arguments(&Mappings::default(), behavior));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65), "{error}");
    for text in texts {
        assert!(error.contains(text), "{error:?} does not contain {text:?}");
    }
    error
}

#[test]
fn a_sleep_of_an_hour_ends_the_run_at_once() {
    fails("sleep", &["it waits for a timer, which mappings must not do"]);
}

#[test]
fn waiting_for_nothing_ends_the_run() {
    fails("poll", &["empty poll list"]);
}

#[test]
fn exiting_ends_the_run_and_not_the_exporter() {
    fails("exit", &["it exited with status 0, which mappings must not do"]);
}

#[test]
fn a_mapping_cannot_exhaust_the_hosts_handles_or_have_it_make_a_gigabyte_of_random_numbers() {
    fails("handles", &["resource table has no free keys"]);
    fails("random-bytes", &["requested len 1073741824 exceeds limit 65536"]);
}

#[test]
fn the_message_at_the_end_of_megabytes_on_standard_error_is_shown_without_secrets() {
    let error = fails("talk", &["this is line 0, ", "…", "there was much to say"]);
    assert!(error.contains("Bearer ***") && !error.contains("hunter2"), "{error}");
    assert!(error.len() < 1000, "{error}");
}

#[test]
fn shared_memory_which_threads_need_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guest.wasm");
    let component = scripted("scripted", "1", "nothing");
    std::fs::write(&file, with_module(&component, "(module (memory 1 2 shared))")).unwrap();
    let output = run(["mapping", "check", file.to_str().unwrap()]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(65), "{report}");
    assert!(report.contains("FAIL") && report.contains("threads must be enabled"), "{report}");
}

#[test]
fn every_allowed_interface_can_be_imported() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("guest.wasm");
    let imports =
        ALLOWED_IMPORTS.map(|interface| format!("(import \"{interface}@0.2.0\" (instance))"));
    std::fs::write(&file, wat::parse_str(format!("(component {})", imports.concat())).unwrap())
        .unwrap();
    let output = run(["mapping", "check", file.to_str().unwrap()]);
    let report = String::from_utf8(output.stdout).unwrap();
    // The imports are fine; the exports are missing.
    assert!(report.contains("  ok    imports\n"), "{report}");
    assert!(report.contains("  FAIL  world"), "{report}");
}
