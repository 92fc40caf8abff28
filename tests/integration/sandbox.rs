use std::io::ErrorKind;
use std::net::TcpListener;

use copilot_metrics_exporter::wasm::ALLOWED_IMPORTS;
use copilot_metrics_tests::command::{Serving, printed, run};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::path;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::{Mappings, scripted};
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
async fn a_mapping_sees_no_environment_no_files_and_only_stopped_clocks() {
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
        "file",
        "written file",
        "wall clock",
        "later wall clock",
        "monotonic clock",
    ] {
        assert_eq!(exposition.value(&format!("scripted_seen{{what=\"{what}\"}}")), 0.0, "{what}");
    }
    assert_eq!(exposition.series("scripted_seen").count(), 9);
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
    assert_eq!(seen("random"), first);
}

#[test]
fn waiting_for_a_timer_ends_the_run() {
    let output = run(map_arguments(&Mappings::default(), "sleep"));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65), "{error}");
    assert!(error.contains("it waits for a timer, which mappings must not do"), "{error}");
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
